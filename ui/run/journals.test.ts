import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { asking, burst, source } from '../../graph/engine/testing-nodes.ts';
import { type AnyAsync, defineSource, output } from '../../graph/node.ts';
import { type InputRow, rowsReader } from '../../graph/runner/rows-reader.ts';
import { KeyTable, MARKET_PORTS, type Schema } from '../../graph/schema/index.ts';
import { type BuildNode, buildPipeline } from '../../graph/testing/build.ts';
import { InputCodec } from '../../lake/journal/input-codec.ts';
import { declareJournalKeys } from '../../lake/journal/journal-keys.ts';
import { readJournal, segments } from '../../lake/journal/journal-reader.ts';
import { sealJournal } from '../../lake/journal/seal.ts';
import type { SealProcess } from '../../lake/journal/seal-process.ts';
import { openLake } from '../../lake/open-lake.ts';
import { schemaFromJson } from '../../lake/schema.ts';
import { flatten } from '../../operators/flow/index.ts';
import { compareTaps } from './compare-taps.ts';
import type { JournalStats } from './journals.ts';
import { readOutcomes } from './outcomes.ts';
import { type RunJob, runJob } from './run.ts';

const root = mkdtempSync(join(tmpdir(), 'chimera-journals-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;
const folder = () => join(root, String(folders++));

const ports = Object.entries(MARKET_PORTS).map(([name, schema]) => ({ name, schema: schema as Schema }));
const rowsOf = (n: number, shift = 0) =>
  Array.from({ length: n }, (_, i): InputRow => {
    const values = { id: i, px: (i * 7) % 10, qty: 1, side: 'buy', time_ms: i, on_market: true, agg: false };
    return {
      t: 1000 * (i + 1) + shift,
      port: 'trade',
      key: i % 2,
      values: { ...values, event_ms: i, first_id: i, last_id: i },
    };
  });
const marketOf = (rows: readonly InputRow[]) =>
  defineSource({
    ...source,
    type: 'test.market',
    ports: { out: Object.fromEntries(ports.map((p) => [p.name, output(p.schema)])) },
    open: async (_c, { keys }) => {
      for (const name of ['usdm:A', 'usdm:B']) keys.declare(name, 0, 2);
      return rowsReader(ports, rows, 8);
    },
  });
/** Never answers twice the same. */
const answering = () => {
  let calls = 0;
  return asking(({ value }) => Promise.resolve({ value: value + ++calls / 8 }));
};
const refusing = asking(() => {
  throw new Error('a replay asked');
});
const pipeline = (rows: readonly InputRow[], type: AnyAsync) => {
  const nodes: BuildNode[] = [
    { id: 'src', type: marketOf(rows) },
    { id: 'list', type: burst, in: { a: 'src.trade.px' } },
    { id: 'flat', type: flatten, in: { list: 'list.list' } },
    { id: 'ask', type, in: { a: 'flat.record.n' }, with: { after: 300 } },
    { id: 'again', type, in: { a: 'ask.value' } },
  ];
  return buildPipeline(nodes, 'asks');
};
const PORTS = ['list.list', 'flat.record', 'ask.value', 'again.value'];
async function replayed(rows: readonly InputRow[], lake: string): Promise<string> {
  const tapAll = folder();
  await runJob({
    pipeline: pipeline(rows, refusing),
    inputs: [],
    readers: { src: (keys) => openLake(lake, { sources: ['src'] }, keys) },
    outcomesFrom: [lake],
    tapAll,
  });
  return tapAll;
}
/** Seals in this process; `fails` says when it does not. */
const sealing = (fails: () => boolean = () => false): Pick<SealProcess, 'seal' | 'stop'> => ({
  stop: () => Promise.resolve(),
  seal: async (jobs) => {
    const done = [];
    for (const { dir, lake, writer, source, ports } of jobs) {
      if (fails()) throw new Error('killed');
      const keys = new KeyTable();
      declareJournalKeys(dir, keys);
      const decoder = new InputCodec(ports.map((p) => ({ name: p.name, schema: schemaFromJson(p.schema) })));
      const { segments: some, throughSeq } = await sealJournal(dir, lake, { writer, source, keys, decoder });
      done.push({ dir, segments: some.length, throughSeq });
    }
    return done;
  },
});
const SMALL = { segments: { bytes: 8192 }, commitInputs: 16, pace: 1e6 } as const;
const firstOf = (dir: string): number => readJournal(dir).next().value?.seq ?? -1;

describe('the journals of a run that lives long', () => {
  it('become part of the lake and are deleted while it lives; the replay of the lake gives the same bytes', async () => {
    const rows = rowsOf(800);
    const [state, capture, tapAll] = [folder(), folder(), folder()];
    const seen: JournalStats[] = [];
    let inLake = 0;
    const { seal, stop } = sealing();
    let turn: Promise<unknown> = Promise.resolve();
    const report = await runJob({
      ...SMALL,
      pipeline: pipeline(rows, answering()),
      inputs: [],
      state,
      capture,
      tapAll,
      sealing: {
        stop,
        seal: (jobs) => {
          const done = seal(jobs);
          turn = done;
          return done;
        },
      },
      // The market is as slow as the sealing.
      onBlock: async () => {
        await turn;
        await new Promise((done) => setTimeout(done, 1));
      },
      onCommit: (_, stats) => {
        seen.push(stats!);
        if (existsSync(join(capture, 'bronze'))) inLake++;
      },
    });
    const last = seen.at(-1)!;
    expect(inLake).toBeGreaterThan(10);
    expect(last.sealed).toBeGreaterThan(10);
    expect(last.deleted).toBeGreaterThan(10);
    // What lies on disk is bounded by what two checkpoints need, not by what has passed.
    expect(Math.max(...seen.map((s) => s.segments))).toBeLessThan(report.journal!.sealed / 2);
    expect(report.journal).toMatchObject({ failures: 0, last_failure: null });
    expect(segments(join(state, 'journal', 'src')).length).toBeLessThan(5);
    expect(segments(join(state, 'outcomes')).length).toBeLessThan(5);
    expect(firstOf(join(state, 'journal', 'src'))).toBeGreaterThan(600);
    expect(await compareTaps(tapAll, await replayed(rows, capture), PORTS)).toBeNull();
    const told = await readOutcomes(capture);
    expect(new Set(told.map(({ id }) => `${id.node} ${id.key} ${id.source}#${id.seq}`)).size).toBe(told.length);
  });

  it('lose nothing and double nothing when the run dies within commits, and its sealing whenever it likes', async () => {
    const rows = rowsOf(200);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 12 }), fc.boolean()), { minLength: 2, maxLength: 4 }),
        fc.array(fc.boolean(), { minLength: 7, maxLength: 7 }),
        async (lives, failing) => {
          const [state, capture, tapAll] = [folder(), folder(), folder()];
          const type = answering();
          let turn = 0;
          const job = (more: Partial<RunJob>): RunJob => ({
            ...SMALL,
            pipeline: pipeline(rows, type),
            inputs: [],
            state,
            capture,
            tapAll,
            sealing: sealing(() => failing[turn++ % failing.length]!),
            ...more,
          });
          for (const [dies, late] of lives) {
            let commits = 0;
            // Before the checkpoint, or as soon as something is run after it.
            const dying = () => {
              if (!late && ++commits === dies) throw new Error('killed');
            };
            const onProgress = () => {
              if (late && ++commits === dies) throw new Error('killed');
            };
            await runJob(job({ onCommit: dying, onProgress })).catch((e: Error) => expect(e.message).toBe('killed'));
          }
          await runJob(job({}));
          expect(await compareTaps(tapAll, await replayed(rows, capture), PORTS)).toBeNull();
          const reader = await openLake(capture, { sources: ['src'] }, new KeyTable());
          let n = 0;
          for (let b = await reader.read(); b; b = await reader.read()) n += b.n;
          await reader.close();
          expect(n).toBe(rows.length);
        },
      ),
      { numRuns: 6 },
    );
  });

  it('without a lake keep what the two newest checkpoints need, and a start goes on from there', async () => {
    const rows = rowsOf(600);
    const run = (state: string, upTo: number, more: Partial<RunJob> = {}) => {
      const abort = new AbortController();
      return runJob({
        ...SMALL,
        pipeline: pipeline(rows, answering()),
        inputs: [],
        state,
        signal: abort.signal,
        onProgress: ({ events }) => {
          if (events >= upTo) abort.abort();
        },
        onBlock: () => new Promise((done) => setTimeout(done, 1)),
        ...more,
      });
    };
    const state = folder();
    const first = await run(state, 300);
    expect(first.journal).toMatchObject({ sealed: 0 });
    expect(first.journal!.deleted).toBeGreaterThan(2);
    expect(firstOf(join(state, 'journal', 'src'))).toBeGreaterThan(100);
    const second = await run(state, 600);
    expect(second.events_in).toBe(600);
    const kept = folder();
    expect((await run(kept, 300, { keepJournal: true })).journal).toMatchObject({ deleted: 0 });
    expect(firstOf(join(kept, 'journal', 'src'))).toBe(0);
    // Without its checkpoints a run would have to begin where the journal does not.
    for (const f of readdirSync(state).filter((n) => n.startsWith('store'))) rmSync(join(state, f));
    await expect(run(state, 600)).rejects.toMatchObject({ code: 'CHM624' });
    for (const f of readdirSync(kept).filter((n) => n.startsWith('store'))) rmSync(join(kept, f));
    expect((await run(kept, 600)).events_in).toBe(600);
  });

  it('refuse a lake of another run, and one that would get a hole', async () => {
    const run = (rows: readonly InputRow[], state: string, capture?: string, upTo = Number.POSITIVE_INFINITY) => {
      const abort = new AbortController();
      return runJob({
        ...SMALL,
        pipeline: pipeline(rows, answering()),
        inputs: [],
        state,
        sealing: sealing(),
        signal: abort.signal,
        onProgress: ({ events }) => {
          if (events >= upTo) abort.abort();
        },
        onBlock: () => new Promise((done) => setTimeout(done, 1)),
        ...(capture === undefined ? {} : { capture }),
      });
    };
    const [one, other, lake] = [folder(), folder(), folder()];
    const rows = rowsOf(300);
    await run(rows, one, lake, 100);
    await expect(run(rowsOf(50), other, lake)).rejects.toMatchObject({ code: 'CHM625' });
    const shifted = folder();
    await run(rowsOf(300, 7), shifted, undefined, 120);
    await expect(run(rowsOf(300, 7), shifted, lake)).rejects.toMatchObject({ code: 'CHM625' });
    // Without the lake for a while: what came then is gone.
    await run(rows, one, undefined, 260);
    await expect(run(rows, one, lake)).rejects.toMatchObject({ code: 'CHM625' });
    await run(rows, one, folder());
  });
});
