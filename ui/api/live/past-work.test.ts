import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LiveProgram } from '../testing/live-program.ts';
import { type TestApi, testApi } from '../testing/test-api.ts';

describe('work over what a run has written down, asked for over HTTP', () => {
  const home = mkdtempSync(join(tmpdir(), 'chimera-past-'));
  let program: LiveProgram;
  let run: string;
  let yaml: string;
  /** The API over the run that has ended: what it heard does not grow any more. */
  let api: TestApi;
  let token: string;
  beforeAll(async () => {
    program = await LiveProgram.start(
      ...['run', 'pipelines/trend.yaml', '--profile', 'paper', '--set', 'preset=recording', '--set', 'interval=1s'],
      ...['--rate', '4', '--home', home, '--state', join(home, 'state'), '--capture', join(home, 'lake')],
    );
    await program.person('rhea', 'researcher');
    await program.until('/orders', 'rhea', (s) => s.status === 200 && s.body.items.length > 20, 90_000);
    const active = (await program.ask('GET', '/active', { as: 'rhea' })).body;
    [run, yaml] = [active.run, active.yaml];
  }, 180_000);
  afterAll(async () => {
    await api?.close();
    await program?.close();
    rmSync(home, { recursive: true, force: true });
  });
  async function past(path: string, body: object) {
    const begun = await api.ask('POST', path, { token, body: { run, ...body } });
    if (begun.status !== 202) return begun.body;
    for (;;) {
      const { body: job } = await api.ask('GET', `/jobs/${begun.body.id}`, { token });
      if (job.state !== 'running') return job;
      await new Promise((done) => setTimeout(done, 200));
    }
  }

  it('while it goes on: features of a past range come out again as they were stored when it was live [S2.2]', async () => {
    const begin = (body: object) => program.ask('POST', '/features/recompute', { as: 'rhea', body });
    const whole = (await program.job(await begin({ nodes: ['features', 'bars.bar'] }), 'rhea')).result;
    expect(whole.stored.documents).toBeGreaterThan(10);
    expect(whole.stored).toMatchObject({ same: whole.stored.documents, differences: [] });
    expect(whole.ports.map((p: { port: string }) => p.port)).toEqual([
      'features.features',
      'features.missing',
      'bars.bar',
    ]);
    // A range within it, now and when the run has gone on and ended: the same rows to the last byte.
    const range = { from_us: whole.window.to_us - 15e6, to_us: whole.window.to_us - 5e6 };
    const first = (await program.job(await begin(range), 'rhea')).result;
    expect(first.ports[0].rows).toBeGreaterThan(0);
    expect(first.ports[0].rows).toBeLessThan(whole.ports[0].rows);
    expect((await program.end()).code).toBe(0);
    api = await testApi({ home });
    token = await api.person('rhea', 'researcher');
    const second = (await past('/features/recompute', range)).result;
    expect(second.ports).toEqual(first.ports);
    expect(second.stored.same).toBe(second.stored.documents);
    expect((await past('/features/recompute', { nodes: ['nothing'] })).error.code).toBe('CHM759');
  }, 180_000);
  it('a document runs under many parameter sets, the control among them; again gives the same figures [S9.2] [S9.4]', async () => {
    // Other averages may cross at the same moments; another size is another fill.
    const ask = { vary: { slow: '4..8:2', margin_usdt: '20,40' }, sort: 'final_equity' };
    const [a, b] = [(await past('/experiments/run', ask)).result, (await past('/experiments/run', ask)).result];
    expect(a.sets).toBe(6);
    expect(a.events_in).toBeGreaterThan(1000);
    expect(a.rows.map((r: { slow: number }) => r.slow).sort()).toEqual([4, 4, 6, 6, 8, 8]);
    const equity = a.rows.map((r: { final_equity: number }) => r.final_equity);
    expect(equity).toEqual([...equity].sort((x: number, y: number) => y - x));
    expect(new Set(a.rows.map((r: { fills_sha256: string }) => r.fills_sha256)).size).toBeGreaterThan(1);
    expect(b.rows).toEqual(a.rows);
    expect((await past('/experiments/run', { vary: { slow: '$(id)' } })).error.code).toBe('CHM1110');
    expect(await past('/experiments/run', { vary: { sloow: '1..3' } })).toMatchObject({ state: 'failed' });
  }, 180_000);
  it('a document is simulated beside the active one: trades, PnL, differences, and nothing reaches a venue [S10.4]', async () => {
    // The venue has ended with the run.
    const same = (await past('/simulate', { yaml })).result;
    expect(same.proposed).toEqual(same.active);
    expect([same.active.trades > 0, same.fills_in_all]).toEqual([true, 0]);
    const r = (
      await past('/simulate', {
        yaml: yaml.replace('slow: 4', 'slow: 9').replaceAll(/margin_usdt: \d+/g, 'margin_usdt: 40'),
      })
    ).result;
    expect(r.active).toEqual(same.active);
    expect(r.fills_in_all).toBeGreaterThan(0);
    expect(r.fills.length).toBe(Math.min(200, r.fills_in_all));
    expect(r.difference.final_equity).toBeCloseTo(r.proposed.final_equity - r.active.final_equity, 8);
    const sides = r.fills.map((f: { fill: { side: string } }) => f.fill.side);
    expect(sides.every((s: string) => s === 'buy' || s === 'sell')).toBe(true);
  }, 180_000);
});
