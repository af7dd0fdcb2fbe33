import { MemoryStore } from '../checkpoint/memory-store.ts';
import type { PipelineTest } from '../document/tests.ts';
import type { Loaded, Pipeline } from '../document/types.ts';
import { tapRow } from '../engine/tap.ts';
import { FALLBACKS } from '../outcome/journal.ts';
import { createPlan } from '../plan/plan.ts';
import { Run, type RunOptions } from '../runner/runner.ts';
import type { BlockReader, KeyTable } from '../schema/index.ts';
import { judge, type SeenRow } from './expectation.ts';
import { type Staged, stage } from './stage.ts';

/** The ways in which each test is run; all must give the same bytes. */
export type Way = 'straight' | 'resumed' | 'parquet' | 'redis';
export interface WayResult {
  way: Way;
  /** Absent: it ran and agreed. */
  skipped?: string;
  failed?: string;
}
export interface TestResult {
  name: string;
  line: number;
  passed: boolean;
  /** What does not hold, each with the line of its expectation. */
  failures: { line: number; message: string }[];
  ways: WayResult[];
}
export interface TestContext {
  /** Loads the pipeline with the test's parameters and profile. */
  load(sets: Readonly<Record<string, string>>, profile: string | undefined): Loaded;
  /** Writes a source's inputs to Bronze Parquet and opens them again. */
  throughParquet?(
    source: string,
    reader: BlockReader,
    keys: KeyTable,
  ): Promise<(keys: KeyTable) => Promise<BlockReader>>;
}

/** Runs one test of a pipeline in every way there is. */
export async function runTest(test: PipelineTest, context: TestContext): Promise<TestResult> {
  const failures: TestResult['failures'] = [];
  const { pipeline, diagnostics } = context.load(test.sets, test.profile);
  if (test.expectLint) failures.push(...judgeLint(test, diagnostics));
  else if (!pipeline)
    failures.push({ line: test.line, message: `the pipeline does not lint: ${diagnostics[0]?.message ?? ''}` });
  const ways: WayResult[] = [];
  if (pipeline && failures.length === 0 && (test.given.length > 0 || test.expect.length > 0)) {
    const straight = await play(stage(pipeline, test), test);
    for (const e of test.expect) {
      const port = `${e.node}.${e.port}`;
      const { schema } = pipeline.nodes.find((n) => n.id === e.node)!.out[e.port]!;
      const message = judge(e, straight.rows.get(port) ?? [], schema, straight.keys, test.startUs);
      if (message) failures.push({ line: e.line, message });
    }
    ways.push({ way: 'straight' });
    ways.push(await way('resumed', straight, () => resumed(pipeline, test)));
    ways.push(
      context.throughParquet
        ? await way('parquet', straight, () => throughParquet(pipeline, test, context))
        : { way: 'parquet', skipped: 'no lake to write to' },
    );
    ways.push({ way: 'redis', skipped: 'the Redis bus is not part of this version' });
    for (const w of ways) if (w.failed) failures.push({ line: test.line, message: `run ${w.way}: ${w.failed}` });
  }
  return { name: test.name, line: test.line, passed: failures.length === 0, failures, ways };
}

interface Played {
  rows: Map<string, SeenRow[]>;
  keys: KeyTable;
}

async function way(name: Way, straight: Played, run: () => Promise<Played>): Promise<WayResult> {
  const other = await run();
  const failed = firstDifference(straight, other);
  return failed ? { way: name, failed } : { way: name };
}
function firstDifference(a: Played, b: Played): string | null {
  for (const [port, rows] of a.rows) {
    const others = b.rows.get(port) ?? [];
    for (let i = 0; i < Math.max(rows.length, others.length); i++) {
      const [x, y] = [exactText(rows[i]), exactText(others[i])];
      if (x !== y)
        return `${port} row ${i + 1} differs from the straight run: ${y ?? 'missing'} instead of ${x ?? 'nothing'}`;
    }
  }
  return null;
}

/** JSON that also tells −0 from 0 and NaN from infinity. */
const exactText = (row: SeenRow | undefined): string | undefined =>
  JSON.stringify(row, (_, v: unknown) =>
    typeof v === 'number' && (!Number.isFinite(v) || Object.is(v, -0))
      ? { number: Object.is(v, -0) ? '-0' : `${v}` }
      : v,
  );

async function play(
  staged: Staged,
  test: PipelineTest,
  options: Partial<RunOptions> = {},
  into?: Played,
): Promise<Played> {
  const keys = staged.keys();
  const rows = into?.rows ?? new Map<string, SeenRow[]>();
  const run = new Run(createPlan(staged.pipeline), {
    keys,
    readers: staged.readers,
    taps: '*',
    until: test.untilUs,
    open: true,
    // A test reaches nothing outside of itself: what it does not mock is not asked.
    outcomes: FALLBACKS,
    onTap: (tap) => {
      const port = `${tap.node}.${tap.port}`;
      const list = rows.get(port) ?? [];
      rows.set(port, list);
      for (let i = 0; i < tap.n; i++) list.push({ t: tap.time(i), key: tap.key(i), values: tapRow(tap, i) });
    },
    ...options,
  });
  try {
    await run.execute();
  } finally {
    await run.close();
  }
  return { rows, keys };
}

/** Stopped after every input and started again from the checkpoint, by a new engine each time. */
async function resumed(pipeline: Pipeline, test: PipelineTest): Promise<Played> {
  const store = new MemoryStore();
  const staged = stage(pipeline, test, 1);
  const inputs = Object.values(staged.rows).reduce((n, list) => n + list.length, 0);
  let played: Played | undefined;
  for (let stop = 0; stop <= inputs; stop++) {
    const abort = new AbortController();
    const last = stop === inputs;
    played = await play(
      staged,
      test,
      { store, commitInputs: 1, ...(last ? {} : { signal: abort.signal, onProgress: () => abort.abort() }) },
      played,
    );
  }
  return played!;
}

async function throughParquet(pipeline: Pipeline, test: PipelineTest, context: TestContext): Promise<Played> {
  const staged = stage(pipeline, test);
  const readers: Staged['readers'] = {};
  for (const [source, open] of Object.entries(staged.readers)) {
    const keys = staged.keys();
    readers[source] =
      staged.rows[source]!.length === 0 ? open : await context.throughParquet!(source, await open(keys), keys);
  }
  return play({ ...staged, readers }, test);
}

function judgeLint(test: PipelineTest, found: Loaded['diagnostics']): TestResult['failures'] {
  const left = [...found];
  const failures: TestResult['failures'] = [];
  for (const want of test.expectLint!) {
    const i = left.findIndex(
      (d) =>
        d.code === want.code &&
        (want.line === undefined || d.line === want.line) &&
        (want.column === undefined || d.column === want.column) &&
        (want.message === undefined || d.message.includes(want.message)),
    );
    if (i < 0) failures.push({ line: test.line, message: `lint does not report ${want.code}` });
    else left.splice(i, 1);
  }
  for (const d of left)
    failures.push({ line: test.line, message: `lint reports ${d.code} (${d.line}:${d.column}) ${d.message}` });
  return failures;
}
