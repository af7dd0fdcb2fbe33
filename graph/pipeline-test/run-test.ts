import type { Bus } from '../bus/bus.ts';
import { MemoryStore } from '../checkpoint/memory-store.ts';
import { type Cut, cutGraph } from '../cut/cut.ts';
import { runPart } from '../cut/part-run.ts';
import type { PipelineTest } from '../document/tests.ts';
import type { Loaded, Pipeline } from '../document/types.ts';
import { type Tap, tapRow } from '../engine/tap.ts';
import { FALLBACKS } from '../outcome/journal.ts';
import { createPlan } from '../plan/plan.ts';
import { Run, type RunOptions } from '../runner/runner.ts';
import { type BlockReader, ChimeraError, type KeyTable } from '../schema/index.ts';
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
  /** A bus that nobody else uses, on a real Redis; or why there is none. */
  openBus?(): Promise<Bus | string>;
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
    ways.push(await throughRedis(pipeline, test, context, straight));
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
    onTap: (tap) => keep(tap, rows),
    ...options,
  });
  try {
    await run.execute();
  } finally {
    await run.close();
  }
  return { rows, keys };
}

function keep(tap: Tap, rows: Played['rows']): void {
  const port = `${tap.node}.${tap.port}`;
  const list = rows.get(port) ?? [];
  rows.set(port, list);
  for (let i = 0; i < tap.n; i++) list.push({ t: tap.time(i), key: tap.key(i), values: tapRow(tap, i) });
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

/** Cut along its services and joined by a bus: each part runs by itself. */
async function throughRedis(
  pipeline: Pipeline,
  test: PipelineTest,
  context: TestContext,
  straight: Played,
): Promise<WayResult> {
  const bus = context.openBus ? await context.openBus() : 'nobody opens a bus';
  if (typeof bus === 'string') return { way: 'redis', skipped: bus };
  try {
    const staged = stage(pipeline, test);
    const cut = cutStaged(staged.pipeline);
    return await way('redis', straight, () => playCut(cut, staged, test, bus));
  } catch (e) {
    if (e instanceof ChimeraError && ['CHM510', 'CHM515'].includes(e.code)) return { way: 'redis', skipped: e.message };
    throw e;
  } finally {
    await bus.close();
  }
}
/** Everything that the test states enters in one place; a pipeline without services is cut behind that. */
function cutStaged(pipeline: Pipeline): Cut {
  const isSource = (id: string) => pipeline.nodes.find((n) => n.id === id)?.type.kind === 'source';
  const named = Object.entries(pipeline.services);
  const homes: [string, readonly string[]][] =
    named.length > 0 ? named : [['rest', pipeline.nodes.map((n) => n.gateway?.id ?? n.id)]];
  const services = Object.fromEntries(homes.map(([name, ids]) => [name, ids.filter((id) => !isSource(id))]));
  const stated = pipeline.nodes.filter((n) => n.type.kind === 'source').map((n) => n.id);
  return cutGraph(createPlan({ ...pipeline, services: { ...services, stated }, streams: {} }));
}
async function playCut(cut: Cut, staged: Staged, test: PipelineTest, bus: Bus): Promise<Played> {
  const keys = staged.keys();
  const rows = new Map<string, SeenRow[]>();
  const readers = Object.fromEntries(
    Object.entries(staged.readers).map(([id, open]) => [
      id,
      (own: KeyTable) => {
        for (const k of keys.list) own.declare(k.name, k.pxDigits, k.qtyDigits);
        return open(own);
      },
    ]),
  );
  await Promise.all(
    cut.parts.map((part) =>
      runPart({
        cut,
        part,
        bus,
        readers,
        naming: { prefix: '', pipeline: cut.plan.pipeline.name },
        holder: 'test',
        taps: part.nodes.flatMap((n) => n.outs.map((o) => `${n.id}.${o.port}`)),
        until: test.untilUs,
        open: true,
        onTap: (tap) => keep(tap, rows),
      }),
    ),
  );
  return { rows, keys };
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
