import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Pipeline } from '../../graph/document/types.ts';
import type { Tap } from '../../graph/engine/tap.ts';
import type { CommitMark, Counter } from '../../graph/node.ts';
import { createPlan, type Plan } from '../../graph/plan/plan.ts';
import type { PlannedReload } from '../../graph/reload/reload.ts';
import { adaptReader } from '../../graph/runner/adapt-reader.ts';
import type { Live } from '../../graph/runner/live.ts';
import { readCheckpoint } from '../../graph/runner/read-checkpoint.ts';
import { Run, type RunOptions, type RunResult } from '../../graph/runner/runner.ts';
import { type BadInput, type BlockReader, ChimeraError, KeyTable } from '../../graph/schema/index.ts';
import type { TapFileResult } from '../../graph/tap/file.ts';
import { lastRecordOf } from '../../lake/journal/journal-reader.ts';
import type { SegmentPolicy } from '../../lake/journal/segment-policy.ts';
import type { S3Options } from '../../lake/s3/s3-options.ts';
import type { PublishAccess } from '../../sinks/redis/redis-sink.ts';
import type { StoreChoice } from '../../sinks/store/index.ts';
import type { InputCache } from '../../sources/market.ts';
import { Captures } from './captures.ts';
import { entryOf, type GraphDocument, graphsOf, keepGraph, type Resolve } from './graphs.ts';
import { Ladder } from './inspect/ladder.ts';
import { fromInputs, pastOf } from './inspect/past-of.ts';
import { type JournalStats, type JournalsJob, RunJournals } from './journals.ts';
import { openOutcomes } from './outcomes.ts';
import { handleOf, type RunHandle } from './run-handle.ts';
import { openStoreOfRun, storeAccess } from './run-store.ts';
import { type InputMark, SameInputs } from './same-inputs.ts';
import { RunTaps, tapPaths } from './taps.ts';
import { warmerOf } from './warm.ts';

export { portsOf } from './taps.ts';

export interface RunJob {
  pipeline: Pipeline;
  /** What the pipeline was read from; kept with the state, so that it can be read again when another graph has taken over. */
  document?: GraphDocument;
  /** Reads graphs of the run's history again; default: from the documents that were kept. */
  resolve?: Resolve;
  /** A replay: the changes of the graph of the run that is replayed. The pipeline is the one that it began with. */
  reloads?: readonly PlannedReload[];
  /** Older checkpoints stay with the state, ever fewer the older they are, for looking into the run; default: they do. */
  ladder?: boolean;
  /** How long a graph that has taken over is on trial. */
  trial?: RunOptions['trial'];
  inputs: readonly string[];
  /** Folder in which decoded inputs are kept from run to run. */
  cache?: InputCache | undefined;
  /** Ports to write, by `node.port`. */
  taps?: Readonly<Record<string, string>>;
  /** Writes every port of every node to `DIR/NODE.PORT.csv`, lists as digests. */
  tapAll?: string;
  /** Folder that makes the run survive its process: store, checkpoints, and the journal of what the sources delivered. */
  state?: string;
  /** A database for documents and checkpoints instead of the embedded store; without `state` the run goes on from what it knows. */
  store?: StoreChoice;
  /** With `store`: begins with the first input whatever the database knows of an earlier life. */
  anew?: boolean;
  /** How to reach lakes at `s3://` addresses. */
  s3?: S3Options;
  /** Redis on which sinks publish for other programs. */
  publish?: PublishAccess;
  /** Folder of the lake that receives what the sources delivered; with `state`, while the run lives: its finished segments. */
  capture?: string;
  /** Segments of the journals stay when no checkpoint needs them any more. */
  keepJournal?: boolean;
  /** When a segment is finished. */
  segments?: Partial<SegmentPolicy>;
  /** Seals finished segments; default: a process of its own. */
  sealing?: JournalsJob['process'];
  /** Engine seconds per second. */
  pace?: number;
  /** The sources are live; needs `state`, where their journals are. */
  live?: Omit<Live, 'sync'>;
  /** Addresses and secrets for the outer ends of the graph, by name. */
  access?: Readonly<Record<string, unknown>>;
  /** After the last input, timers due up to this engine time (µs) still fire. */
  until?: number;
  /** The input goes on after this run: nothing that is open is closed. */
  open?: boolean;
  /** A replay: lake folders that say what asynchronous nodes were told. They ask nobody. */
  outcomesFrom?: readonly string[];
  mode?: 'generated' | 'interpreted';
  seed?: number;
  commitInputs?: number;
  signal?: AbortSignal;
  onProgress?: RunOptions['onProgress'];
  onTap?: (tap: Tap, keys: KeyTable) => void;
  /** Further ports to hand to `onTap`. */
  watch?: readonly string[];
  readers?: RunOptions['readers'];
  /** Sees each block before it is run. */
  onBlock?: RunOptions['onBlock'];
  /** Called at each commit, when all taps up to it have been handed over. */
  onCommit?: (mark: CommitMark, journal: JournalStats | null) => void;
  keys?: KeyTable;
  /** Counts how often each instance runs. */
  count?: boolean;
  /** Sees the run before it starts. */
  onRun?: (run: Run) => void;
  /** Sees it once it is at work: from here on its graph can be changed. */
  onHandle?: (handle: RunHandle) => void;
  /** The first inputs are about to be run. */
  onStarted?: () => void;
}

/** What `chimera run --json` prints. */
export interface RunReport {
  ok: boolean;
  graph_hash: string;
  events_in: number;
  cycles: number;
  taps: Record<string, TapFileResult>;
  counters: Record<Counter, number>;
  bad_input: BadInput[];
  out_of_order: number;
  quarantined: RunResult['quarantined'];
  first_us: number | null;
  last_us: number | null;
  /** Live: engine time up to which timers fired. */
  until_us: number | null;
  /** Until the first input was there; from then to the end; CPU time of the process. */
  load_s: number;
  run_s: number;
  cpu_s: number;
  peak_rss_bytes: number;
  /** Over a bus: how long entries were on their way from part to part, the least bounds that half and 99 % of them kept, µs. */
  hops?: { from: string; to: string; n: number; p50_us: number; p99_us: number }[];
  /** Of a run that keeps journals; absent or null otherwise. */
  journal?: JournalStats | null;
  damaged_checkpoints: { epoch: number; message: string }[];
}

const INPUT_WRITER = 'input:';

/** Runs a pipeline over inputs with taps, capture and durable state as asked. */
export async function runJob(job: RunJob): Promise<RunReport> {
  const started = performance.now();
  const cpu = process.cpuUsage();
  const keys = job.keys ?? new KeyTable();
  tapPaths(createPlan(job.pipeline), job);
  if (job.state !== undefined) mkdirSync(job.state, { recursive: true });
  // A file can be read again; what arrives live, or is to be captured, must be written down first.
  const journaled = job.capture !== undefined || job.pace !== undefined || job.live !== undefined;
  if (job.store && job.state === undefined && !job.anew && journaled) throw needsFolder(job);
  const opened = await openStoreOfRun(job);
  // Begun anew, a run has no use for checkpoints; its sinks write their documents all the same.
  const store = job.anew ? undefined : opened;
  const journals = job.state === undefined ? undefined : journalsOf(job.state, job);
  let firstRead = 0;
  const open = async () => {
    const where = { ...(job.state === undefined ? {} : { folder: job.state }), place: placeOf(job) };
    const { entries, first, pipeline, reloads } = await graphsOf(store, job.pipeline, where, job.resolve);
    if (store && entries.length === 0) await keepGraph(store, pipeline.name, firstOf(job));
    const plan = createPlan(pipeline);
    const paths = tapPaths(plan, job, entries.length > 1);
    if (journaled) await journals?.check(plan.sources.map((s) => plan.nodes[s]!.id));
    const epoch = (await readCheckpoint(store, job.pipeline.name)).commit?.epoch ?? 0;
    const committed = new Map<string, InputMark>();
    for (const { id } of plan.nodes) {
      const [entry] = epoch === 0 ? [] : await store!.loadManifest(INPUT_WRITER + id, epoch, epoch + 1);
      if (entry) committed.set(id, entry.entry as InputMark);
    }
    const alone = job.state === undefined && job.capture !== undefined;
    const captures = alone ? await Captures.open(job.capture!, keys, job.s3) : undefined;
    const { segments: policy, ...rest } = job;
    const outcomes = await openOutcomes(plan, { ...rest, journals, ...(policy ? { policy } : {}) }, epoch);
    return {
      epoch,
      first,
      plan,
      reloads,
      committed,
      captures,
      outcomes,
      taps: await RunTaps.open(plan, paths, store, epoch),
    };
  };
  const { plan, reloads, committed, captures, taps, ...opening } = await open().catch(async (e: unknown) => {
    await opened?.close();
    throw e;
  });
  let { outcomes } = opening;
  const ladder = job.state !== undefined && job.ladder !== false ? Ladder.open(job.state, opening.epoch) : undefined;
  const changes = [...(job.reloads ?? reloads)];
  const pastReader = async (graph: Plan, source: string): Promise<BlockReader> => {
    const given = job.readers?.[source];
    const node = graph.nodes.find((n) => n.id === source)!;
    if (given) return adaptReader(await given(keys), node);
    const { state } = job;
    return state === undefined ? fromInputs(job, node, keys) : pastOf({ ...job, state }, graph, source, keys);
  };
  /** A graph that is to take over: its ports get files, and its asynchronous nodes a journal. */
  const onGraph = async (next: Plan) => {
    await taps.add(next, tapPaths(next, job, true));
    const { segments: policy, ...rest } = job;
    outcomes ??= await openOutcomes(next, { ...rest, journals, ...(policy ? { policy } : {}) }, 0);
    return {
      taps: [...new Set([...taps.ports, ...(job.watch ?? [])])],
      ...(outcomes ? { outcomes: outcomes.journal } : {}),
    };
  };
  const again = new Map<string, SameInputs>();
  // Sources stamp from the moment they open: behind everything that an earlier life was told.
  if (job.live && job.state !== undefined)
    for (const { id } of plan.nodes) job.live.clock.notBefore(lastRecordOf(join(job.state, 'journal', id)).t);
  const run = new Run(plan, {
    keys,
    inputs: job.inputs,
    taps: [...new Set([...taps.ports, ...(job.watch ?? [])])],
    digests: job.tapAll !== undefined,
    onTap: (tap) => {
      taps.append(tap, keys);
      job.onTap?.(tap, keys);
    },
    wrap: (source, reader) => {
      if (journals && journaled) return journals.open(source, reader, keys);
      if (!store) return reader;
      const repeated = new SameInputs(reader, source, committed.get(source));
      again.set(source, repeated);
      return repeated;
    },
    onBlock: async (source, block, reader) => {
      if (firstRead === 0) {
        firstRead = performance.now();
        job.onStarted?.();
      }
      await job.onBlock?.(source, block, reader);
      await captures?.write(source, block, reader);
    },
    onCommit: async (mark) => {
      job.onCommit?.(mark, journals?.stats ?? null);
      journals?.committed(mark);
      await outcomes?.drain();
      await taps.committed(mark);
      if (store) await recordInputs(mark);
    },
    ...(ladder ? { onCheckpoint: (c, commit, last) => ladder.keep(c, commit, last) } : {}),
    onGraph,
    reloads: job.reloads ?? reloads,
    onReload: async (record) => {
      if (changes.length < record.n) changes.push({ record, pipeline: run.plan.pipeline });
      if (store) await keepGraph(store, job.pipeline.name, entryOf(record));
    },
    ...((job.state !== undefined && journaled) || job.readers
      ? { warm: warmerOf(() => ({ first: opening.first, reloads: changes, keys, ladder, reader: pastReader })) }
      : {}),
    ...(job.trial ? { trial: job.trial } : {}),
    ...(job.readers ? { readers: job.readers } : {}),
    ...(outcomes ? { outcomes: outcomes.journal } : {}),
    ...(store ? { store } : {}),
    ...(job.state !== undefined ? { dir: job.state } : {}),
    ...(job.mode ? { mode: job.mode } : {}),
    ...(job.count ? { count: true } : {}),
    ...(job.seed !== undefined ? { seed: job.seed } : {}),
    ...(job.commitInputs !== undefined ? { commitInputs: job.commitInputs } : {}),
    ...(job.signal ? { signal: job.signal } : {}),
    ...(job.onProgress ? { onProgress: job.onProgress } : {}),
    access: accessOf(job),
    ...(job.until !== undefined ? { until: job.until } : {}),
    ...(job.open !== undefined ? { open: job.open } : {}),
    ...(job.live ? { live: { ...job.live, sync: () => journals?.sync() } } : {}),
    ...(job.pace !== undefined ? { pace: wallPace(job.pace) } : {}),
  });
  async function recordInputs(mark: CommitMark): Promise<void> {
    for (const [source, reader] of again) {
      const input = reader.at(mark.offsets[source] ?? -1);
      if (!input) continue;
      await store!.saveManifest(INPUT_WRITER + source, mark.epoch, input);
      await store!.keepManifest(INPUT_WRITER + source, mark.epoch - 1, mark.epoch + 1);
    }
  }

  job.onRun?.(run);
  job.onHandle?.(await handleOf(run, job.document));
  let result: RunResult | undefined;
  let tapped: Record<string, TapFileResult> = {};
  try {
    result = await run.execute();
    await captures?.close();
    tapped = await taps.close();
  } finally {
    await taps.abort();
    await captures?.abort();
    await run.close();
    outcomes?.close();
    if (!result) await journals?.abandon();
    await opened?.close();
  }
  await journals?.finish();
  await outcomes?.seal();
  const ended = performance.now();
  const used = process.cpuUsage(cpu);
  firstRead ||= ended;
  return {
    ok: result.quarantined.length === 0,
    graph_hash: result.graph_hash,
    events_in: result.events_in,
    cycles: result.cycles,
    taps: tapped,
    counters: result.counters,
    bad_input: result.bad_input,
    out_of_order: result.out_of_order,
    quarantined: result.quarantined,
    first_us: result.first_us,
    last_us: result.last_us,
    until_us: result.until_us,
    load_s: (firstRead - started) / 1000,
    run_s: (ended - firstRead) / 1000,
    cpu_s: (used.user + used.system) / 1e6,
    peak_rss_bytes: process.resourceUsage().maxRSS * 1024,
    journal: journals?.stats ?? null,
    damaged_checkpoints: run.damaged,
  };
}

const placeOf = ({ state, store }: RunJob): string => state ?? store?.address ?? 'memory';
const firstOf = ({ pipeline, document }: RunJob) => ({
  n: 0,
  hash: pipeline.hash,
  document: document ?? null,
  record: null,
});

const needsFolder = (job: RunJob): ChimeraError =>
  new ChimeraError(
    'CHM946',
    `a run that ${job.capture === undefined ? 'is paced' : 'captures'} needs a --state folder`,
    {
      help: 'add --state DIR for its journals: documents and checkpoints stay in the database',
    },
  );

/** What the outer ends of the graph are given beside the connection: the database, and how to reach the lake. */
function accessOf(job: RunJob): Readonly<Record<string, unknown>> {
  const store = storeAccess(job);
  return {
    ...job.access,
    ...(store ? { store } : {}),
    ...(job.s3 ? { s3: job.s3 } : {}),
    ...(job.cache ? { cache: job.cache } : {}),
    ...(job.publish ? { publish: job.publish } : {}),
  };
}

const journalsOf = (state: string, { capture, keepJournal, segments, sealing, s3 }: RunJob): RunJournals =>
  new RunJournals({
    state,
    ...(capture === undefined ? {} : { capture }),
    ...(keepJournal === undefined ? {} : { keep: keepJournal }),
    ...(segments ? { policy: segments } : {}),
    ...(sealing ? { process: sealing } : {}),
    ...(s3 ? { s3 } : {}),
  });

const wallPace = (rate: number): NonNullable<RunOptions['pace']> => ({
  rate,
  now: () => performance.now() * 1000,
  sleep: (us) => new Promise((done) => setTimeout(done, Math.max(1, Math.min(us / 1000, 250)))),
});
