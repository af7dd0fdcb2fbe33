import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chimera } from '../../cli/testing/said.ts';
import { home } from '../../cli/version.ts';
import { type GraphDocument, readGraph } from '../graphs.ts';
import { runJob } from '../run.ts';
import { synthetic } from '../testing/trend.ts';
import { dryRun, isDifferent } from './dry-run.ts';

const document: GraphDocument = {
  file: 'pipelines/trend.yaml',
  text: readFileSync(join(home(), 'pipelines', 'trend.yaml'), 'utf8'),
  profile: { file: 'pipelines/profiles/test.yaml', text: synthetic('', '40s') },
  sets: { preset: 'recording', balance_usdt: '1000000', interval: '1s' },
};
const withSets = (sets: Record<string, string>) => readGraph({ ...document, sets: { ...document.sets, ...sets } });

describe('a dry run over the past of a run', () => {
  let dir: string;
  let job: { pipeline: NonNullable<Awaited<ReturnType<typeof readGraph>>>; state: string; capture: string };
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'chimera-dry-'));
    const [state, capture] = [join(dir, 'state'), join(dir, 'lake')];
    const pipeline = (await readGraph(document))!;
    await runJob({ pipeline, document, inputs: [], state, capture, commitInputs: 1500 });
    job = { pipeline, state, capture };
  }, 60_000);
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it('finds no difference when the candidate is the graph that ran, from any checkpoint', async () => {
    for (const hours of [1, 15 / 3600]) {
      const same = await dryRun({ ...job, candidate: job.pipeline, hours });
      expect(isDifferent(same)).toBe(false);
      expect(same.orders.running).toBeGreaterThan(5);
      expect(same.orders.same).toBe(same.orders.running);
      expect(same.decisions.same).toBe(same.decisions.running);
      expect(same.venue_in_graph).toBe(true);
      // Of the whole run, the window begins with its first input.
      expect(same.window.from_us).toBeGreaterThan(same.window.to_us - 120e6);
      expect(same.window.from_us).toBeLessThan(same.window.to_us);
    }
  });

  it('lists the orders, fills and decisions in which a candidate differs', async () => {
    const candidate = (await withSets({ slow: '9' }))!;
    const found = await dryRun({ ...job, candidate, hours: 1 });
    expect(found.diff.nodes.filter((n) => n.fate === 'restarted').map((n) => n.id)).toEqual(['slow']);
    expect(isDifferent(found)).toBe(true);
    for (const c of [found.orders, found.fills, found.decisions]) {
      expect(c.only_running.length).toBe(Math.min(200, c.running - c.same));
      expect(c.only_candidate.length).toBe(Math.min(200, c.candidate - c.same));
    }
    expect(found.orders.same).toBeLessThan(found.orders.running);
  });

  it('refuses a candidate that could not take the place of the graph [CHM751]', async () => {
    const candidate = { ...job.pipeline, name: 'another' };
    await expect(dryRun({ ...job, candidate, hours: 1 })).rejects.toMatchObject({ code: 'CHM751' });
    expect((await chimera(['dry-run', 'a.yaml', 'b.yaml'])).code).toBe(2);
  });
});
