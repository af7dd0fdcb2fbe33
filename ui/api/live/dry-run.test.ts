import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dryRun } from '../tasks/dry-run.ts';
import { chimeraJson } from '../tasks/run-child.ts';
import { LiveProgram } from '../testing/live-program.ts';

describe('a dry-run asked for over HTTP', () => {
  const home = mkdtempSync(join(tmpdir(), 'chimera-dry-http-'));
  let program: LiveProgram;
  let yaml: string;
  beforeAll(async () => {
    mkdirSync(join(home, 'tmp'));
    program = await LiveProgram.startWith(
      { TMPDIR: join(home, 'tmp') },
      'start',
      '--seconds',
      '600',
      '--dir',
      join(home, 'first'),
    );
    await program.person('rhea', 'researcher');
    await program.until('/orders', 'rhea', (s) => s.status === 200 && s.body.items.length > 3, 90_000);
    // It has something to go back to once it has committed behind them.
    await program.until('/checkpoints', 'rhea', (s) => s.body.items.length > 1);
    yaml = (await program.ask('GET', '/active', { as: 'rhea' })).body.yaml;
  }, 180_000);
  afterAll(async () => {
    await program?.close();
    rmSync(home, { recursive: true, force: true });
  });
  const ask = (more: object = {}) =>
    program.ask('POST', '/config/dry-run', { as: 'rhea', body: { run: 'first', yaml, hours: 1, ...more } });

  it('is computed from what the run that is going on wrote down: the same document gives the same orders', async () => {
    const job = await program.job(await ask(), 'rhea');
    expect(job).toMatchObject({ state: 'done', what: 'dry-run', by: 'rhea' });
    const r = job.result;
    expect(r.running.orders).toBeGreaterThan(0);
    expect(r.running.decisions).toBeGreaterThan(0);
    expect(r.proposed).toEqual(r.running);
    expect(r).toMatchObject({ differences: [], differences_in_all: 0, venue_in_graph: false });
    expect(r.to_us).toBeGreaterThan(r.from_us);
  });
  it('lists the orders in which another document differs, with amounts in units', async () => {
    const other = yaml.replace('when: ema_fast >= ema_slow &&', 'when: ema_fast < ema_slow &&');
    expect(other).not.toBe(yaml);
    const { state, result: r } = await program.job(await ask({ yaml: other }), 'rhea');
    expect(state).toBe('done');
    expect(r.differences_in_all).toBeGreaterThan(0);
    expect(r.differences.length).toBe(Math.min(200, r.differences_in_all));
    for (const d of r.differences) {
      expect(['running', 'proposed']).toContain(d.only_in);
      expect(d.values.instrument).toMatch(/^usdm:/);
      expect(d.at_us).toBeGreaterThanOrEqual(r.from_us);
    }
    expect(r.differences.some((d: { values: { qty: string } }) => /^\d+\.\d+$/.test(d.values.qty))).toBe(true);
  });
  it('does not begin for a document that does not lint, nor for who may not', async () => {
    const said = await ask({ yaml: yaml.replace('type: feature.rsi', 'type: feature.rs') });
    expect([said.status, said.body.error.code]).toEqual([400, 'CHM1110']);
    await program.person('vic', 'viewer');
    const body = { run: 'first', yaml, hours: 1 };
    expect((await program.ask('POST', '/config/dry-run', { as: 'vic', body })).status).toBe(403);
  });
  it('is one at a time, is cancelled by who began it, and then leaves neither process nor files', async () => {
    const begun = await ask();
    const second = await ask();
    expect([second.status, second.body.error.code]).toEqual([429, 'CHM1139']);
    await program.person('otto', 'researcher');
    const path = `/jobs/${begun.body.id}/cancel`;
    expect((await program.ask('POST', path, { as: 'otto' })).body.error.code).toBe('CHM1105');
    expect((await program.ask('POST', path, { as: 'rhea' })).status).toBe(200);
    const job = await program.job(begun, 'rhea');
    expect([job.state, job.error.code]).toEqual(['failed', 'CHM1138']);
    expect(childrenOf(program.pid).filter((c) => c.includes('dry-run'))).toEqual([]);
    expect(readdirSync(join(home, 'tmp')).filter((n) => n.startsWith('chimera-work-'))).toEqual([]);
    expect((await program.job(await ask(), 'rhea')).state).toBe('done');
  });
  it('is ended when it takes longer or says more than it may', async () => {
    const state = join(home, 'first', 'state');
    const { bound } = JSON.parse(readFileSync(join(home, 'first', 'run.json'), 'utf8'));
    const work = { running: yaml, candidate: yaml, bound, state, hours: 1 };
    await expect(dryRun({ ...work, limitMs: 50 })).rejects.toMatchObject({ code: 'CHM1138' });
    await expect(chimeraJson({ args: ['list'], mostBytes: 1000 })).rejects.toMatchObject({ code: 'CHM1138' });
    await expect(chimeraJson({ args: ['explain', 'no.such'] })).rejects.toMatchObject({ code: /^CHM\d+$/ });
  });
});

/** Command lines of the processes that a process started, and that live. */
function childrenOf(pid: number): string[] {
  return readdirSync('/proc').flatMap((p) => {
    try {
      const parent = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${p}/status`, 'utf8'))?.[1]);
      return parent === pid ? [readFileSync(`/proc/${p}/cmdline`, 'utf8')] : [];
    } catch {
      return [];
    }
  });
}
