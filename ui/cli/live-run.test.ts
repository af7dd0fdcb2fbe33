import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { main } from './main.ts';
import { chimera } from './testing/said.ts';

const dir = mkdtempSync(join(tmpdir(), 'chimera-live-run-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const run = (...options: string[]) => runUntil(new AbortController().signal, ...options);
async function runUntil(
  signal: AbortSignal,
  ...options: string[]
): Promise<{ code: number; out: string; err: string }> {
  const [written, complained]: [string[], string[]] = [[], []];
  const io = {
    stdout: { write: (s: string) => void written.push(s) },
    stderr: { write: (s: string) => void complained.push(s) },
    env: {},
    signal,
  };
  const code = await main(['run', 'pipelines/trend.yaml', '--profile', ...options], io);
  return { code, out: written.join(''), err: complained.join('') };
}

describe('chimera run with a live profile', () => {
  it('goes on from its state, also on a venue that was started anew and whose market begins long before', async () => {
    const options = [
      'paper',
      '--set',
      'preset=recording',
      '--for',
      '6',
      '--rate',
      '4',
      '--state',
      join(dir, 's'),
      '--json',
    ];
    const lives: { first_us: number; until_us: number; events_in: number }[] = [];
    for (let life = 1; life <= 2; life++) {
      const { code, out, err } = await run(...options);
      expect([code, err]).toEqual([0, expect.not.stringContaining('error')]);
      lives.push(JSON.parse(out));
    }
    const [first, second] = lives as [(typeof lives)[0], (typeof lives)[0]];
    expect(second.first_us).toBeGreaterThan(first.until_us);
    // Time goes on: it does not wait for the new market to catch up.
    expect(second.until_us - first.until_us).toBeGreaterThan(8e6);
    expect(second.events_in).toBeGreaterThan(first.events_in + 1000);
  });
  it('is stopped by `chimera kill` from another place, stays so over a restart, and is released', async () => {
    const state = join(dir, 'killed');
    const stop = [new AbortController(), new AbortController()] as const;
    const life = (n: 0 | 1): Promise<{ code: number }> =>
      runUntil(stop[n].signal, 'paper', '--set', 'preset=recording', '--rate', '4', '--state', state, '--json');
    const kill = async (...options: string[]) => {
      const { code, out } = await chimera(['kill', ...options, '--state', state, '--json']);
      return { code, result: JSON.parse(out) as Record<string, Record<string, unknown>> };
    };
    expect(await kill('status')).toMatchObject({ code: 2, result: { error: { code: 'CHM955' } } });
    const first = life(0);
    while ((await kill('status')).code !== 0) await new Promise((done) => setTimeout(done, 50));
    const engage = ['engage', '--reason', 'drill', '--who', 'ana', '--key', 'k1', '--wait', '20'];
    const engaged = await kill(...engage);
    expect(engaged).toMatchObject({
      code: 0,
      result: { receipt: { repeated: false }, state: { engaged: true, who: 'ana' }, status: { phase: 'flat' } },
    });
    expect(await kill(...engage)).toMatchObject({
      code: 0,
      result: { receipt: { ...engaged.result['receipt'], repeated: true } },
    });
    // A second run of the same folder would destroy the first.
    expect(await life(1)).toMatchObject({ code: 2 });
    stop[0].abort();
    expect(await first).toMatchObject({ code: 0 });
    const second = life(1);
    while ((await kill('status')).result['state'] == null) await new Promise((done) => setTimeout(done, 50));
    expect(await kill('status')).toMatchObject({ result: { state: { engaged: true, reason: 'drill' } } });
    expect(await kill('release', '--reason', 'looked at')).toMatchObject({ result: { state: { engaged: false } } });
    expect((await chimera(['kill', 'release', '--state', state])).code).toBe(2);
    stop[1].abort();
    expect(await second).toMatchObject({ code: 0 });
  });
  it('refuses real money without a yes, keys that are missing, and a state that is not kept', async () => {
    const state = ['--state', join(dir, 'x')];
    expect(await run('live', ...state)).toMatchObject({ code: 2, err: expect.stringContaining('CHM923') });
    expect(await run('testnet', ...state)).toMatchObject({ code: 2, err: expect.stringContaining('CHM922') });
    expect(await run('testnet')).toMatchObject({ code: 2, err: expect.stringContaining('CHM925') });
    expect(await run('paper', '--connect', join(dir, 'none'))).toMatchObject({
      code: 2,
      err: expect.stringContaining('CHM910'),
    });
  });
});
