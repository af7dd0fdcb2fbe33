import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { nextFloat, seedRandom } from '../../graph/math/index.ts';
import { createPlan } from '../../graph/plan/plan.ts';
import type { Reloaded } from '../../graph/reload/reload.ts';
import type { KeyTable } from '../../graph/schema/index.ts';
import { openLake } from '../../lake/open-lake.ts';
import { openStore } from '../../sinks/run-store.ts';
import { home } from '../cli/version.ts';
import { compareTaps } from './compare-taps.ts';
import { fromDocument, type GraphDocument, historyOf, loadGraphs, readGraph } from './graphs.ts';
import { portsOf, type RunJob, runJob } from './run.ts';
import { synthetic } from './testing/trend.ts';

const dirs: string[] = [];
afterEach(() => {
  for (const d of dirs.splice(0)) rmSync(d, { recursive: true, force: true });
});
const folder = () => {
  const dir = mkdtempSync(join(tmpdir(), 'chimera-reload-'));
  dirs.push(dir);
  return dir;
};

const text = readFileSync(join(home(), 'pipelines', 'trend.yaml'), 'utf8');
const document: GraphDocument = {
  file: 'pipelines/trend.yaml',
  text,
  profile: { file: 'pipelines/profiles/test.yaml', text: synthetic('', '25s') },
  sets: { preset: 'recording', balance_usdt: '1000000', interval: '1s' },
};
/** Another regime, one feature less, and another more. */
const edited = text
  .replace('regime: 4\n', 'regime: 5\n')
  .replace(
    /\n {2}lean: .*/,
    '\n  lean: { type: feature.microprice, in: quotes.best }\n  rsi2: { type: feature.rsi, in: bars.bar.close, with: { period: 5 } }',
  )
  .replace(/\n {2}basis: .*/, '')
  .replace('      basis_bp: basis.value\n', '')
  .replace(', basis_bp] }', '] }')
  .replace('      basis,\n', '      rsi2,\n');
const again: GraphDocument = { ...document, text: edited };

/** A run with a reload once so many inputs have run, which ends early after `stop` inputs: orderly, or as if the power went. */
async function life(job: RunJob, reloadAt: number, stop: number, crash: boolean): Promise<Reloaded | undefined> {
  const abort = new AbortController();
  let reloaded: Promise<Reloaded | undefined> | undefined;
  let handle: Parameters<NonNullable<RunJob['onHandle']>>[0] | undefined;
  let seen = 0;
  const died = new Error('died');
  try {
    await runJob({
      ...job,
      signal: abort.signal,
      onHandle: (h) => {
        handle = h;
      },
      onProgress: ({ events }) => {
        seen = events;
        if (events >= reloadAt && !reloaded) reloaded = handle!.reload(edited).catch(() => undefined);
        if (events >= stop && !crash) abort.abort();
      },
      onBlock: () => {
        if (crash && seen >= stop) throw died;
      },
    });
  } catch (e) {
    if (e !== died) throw e;
  }
  return reloaded;
}

describe('a run whose graph was changed on the way', () => {
  it('is edited so that all fates of nodes occur', async () => {
    expect((await fromDocument(await hashOf(again), again)).nodes.map((n) => n.id)).toContain('rsi2');
  });

  it('goes on behind a kill with the graph that had taken over, and its capture replays to the same bytes', async () => {
    const random = seedRandom(5);
    const pipeline = await fromDocument(await hashOf(document), document);
    for (let round = 0; round < 2; round++) {
      const [dir, live, replay, lake] = [folder(), folder(), folder(), folder()] as [string, string, string, string];
      const job: RunJob = {
        pipeline,
        document,
        inputs: [],
        state: dir,
        capture: lake,
        tapAll: live,
        commitInputs: 2500,
        mode: round % 2 ? 'interpreted' : 'generated',
      };
      const reloaded = await life(job, 3000 + Math.floor(nextFloat(random) * 1500), 9000, true);
      expect(reloaded).toMatchObject({ n: 1, added: ['rsi2'], dropped: ['basis'] });
      expect(reloaded!.restarted).toEqual(expect.arrayContaining(['regime']));
      // Where the past is, fresh nodes with a warm-up have seen it.
      expect(reloaded!.warmed!.nodes).toEqual(expect.arrayContaining(['regime', 'rsi2']));
      expect(reloaded!.kept).toEqual(expect.arrayContaining(['market', 'book', 'orders', 'venue', 'fast']));
      // Twice more, with the document of the first start: in the middle of what the new graph did, and orderly.
      await life(job, Number.POSITIVE_INFINITY, 12_000, true);
      await life(job, Number.POSITIVE_INFINITY, 15_000, false);
      const report = await runJob(job);
      expect(report.graph_hash).toBe(reloaded!.to);

      const store = await openStore(dir);
      const { first, all, reloads } = await historyOf(await loadGraphs(store, pipeline.name), pipeline);
      await store.close();
      expect(reloads.map((r) => r.record.at.events)).toEqual([reloaded!.at.events]);
      const replayed = await runJob({
        pipeline: first,
        reloads,
        inputs: [],
        readers: { market: (keys: KeyTable) => openLake(lake, { sources: ['market'] }, keys) },
        tapAll: replay,
      });
      expect(replayed.events_in).toBe(report.events_in);
      expect(replayed.cycles).toBe(report.cycles);
      const ports = [...new Set(all.flatMap((p) => portsOf(createPlan(p))))];
      expect(ports).toEqual(expect.arrayContaining(['basis.value', 'rsi2.value']));
      expect(await compareTaps(live, replay, ports)).toBeNull();
      expect(replayed.taps['orders.order']!.rows).toBeGreaterThan(3);
      expect(replayed.taps['rsi2.value']!.rows).toBeGreaterThan(3);
    }
  }, 180_000);

  it('still refuses a document that is none of its graphs [CHM920]', async () => {
    const dir = folder();
    const pipeline = await fromDocument(await hashOf(document), document);
    await runJob({ pipeline, document, inputs: [], state: dir, commitInputs: 3000 });
    const other = { ...document, sets: { ...document.sets, interval: '2s' } };
    const stranger = await fromDocument(await hashOf(other), other);
    await expect(runJob({ pipeline: stranger, inputs: [], state: dir })).rejects.toMatchObject({ code: 'CHM920' });
  });
});

const hashOf = async (d: GraphDocument): Promise<string> => (await readGraph(d))!.hash;
