import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { CheckpointStore } from '../../graph/checkpoint/store.ts';
import type { Pipeline } from '../../graph/document/types.ts';
import type { Tap } from '../../graph/engine/tap.ts';
import type { CommitMark, Counter } from '../../graph/node.ts';
import { createPlan } from '../../graph/plan/plan.ts';
import type { Live } from '../../graph/runner/live.ts';
import { readCheckpoint } from '../../graph/runner/read-checkpoint.ts';
import { Run, type RunOptions, type RunResult } from '../../graph/runner/runner.ts';
import { type BadInput, ChimeraError, KeyTable } from '../../graph/schema/index.ts';
import type { TapFileResult } from '../../graph/tap/file.ts';
import { lastRecordOf } from '../../lake/journal/journal-reader.ts';
import type { SegmentPolicy } from '../../lake/journal/segment-policy.ts';
import { openEmbeddedStore } from '../../sinks/store/index.ts';
import { Captures } from './captures.ts';
import { type JournalStats, type JournalsJob, RunJournals } from './journals.ts';
import { openOutcomes } from './outcomes.ts';
import { type InputMark, SameInputs } from './same-inputs.ts';
import { RunTaps, tapPaths } from './taps.ts';

export { portsOf } from './taps.ts';

export interface RunJob {
  pipeline: Pipeline;
  inputs: readonly string[];
  /** Ports to write, by `node.port`. */
  taps?: Readonly<Record<string, string>>;
  /** Writes every port of every node to `DIR/NODE.PORT.csv`, lists as digests. */
  tapAll?: string;
  /** Folder that makes the run survive its process: store, checkpoints, and the journal of what the sources delivered. */
  state?: string;
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
  /** Sees the run before it starts. */
  onRun?: (run: Run) => void;
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
  /** Of a run that keeps journals; absent or null otherwise. */
  journal?: JournalStats | null;
  damaged_checkpoints: { epoch: number; message: string }[];
}

const INPUT_WRITER = 'input:';

/** Runs a pipeline over inputs with taps, capture and durable state as asked. */
export async function runJob(job: RunJob): Promise<RunReport> {
  const started = performance.now();
  const cpu = process.cpuUsage();
  const plan = createPlan(job.pipeline);
  const keys = job.keys ?? new KeyTable();
  const paths = tapPaths(plan, job);
  if (job.state !== undefined) mkdirSync(job.state, { recursive: true });
  const store = job.state === undefined ? undefined : openEmbeddedStore(job.state);
  // A file can be read again; what arrives live, or is to be captured, must be written down first.
  const journaled = job.capture !== undefined || job.pace !== undefined || job.live !== undefined;
  const journals = job.state === undefined ? undefined : journalsOf(job.state, job);
  const captures = job.state === undefined && job.capture !== undefined ? new Captures(job.capture, keys) : undefined;
  let firstRead = 0;

  try {
    if (store) await refuseOtherGraph(store, job);
    if (journaled) await journals?.check(plan.sources.map((s) => plan.nodes[s]!.id));
  } catch (e) {
    await store?.close();
    throw e;
  }
  const epoch = (await readCheckpoint(store, job.pipeline.name)).commit?.epoch ?? 0;
  const taps = await RunTaps.open(plan, paths, store, epoch);
  const { segments: policy, ...rest } = job;
  const outcomes = await openOutcomes(plan, { ...rest, journals, ...(policy ? { policy } : {}) }, epoch);
  const again = new Map<string, SameInputs>();
  const committed = await committedInputs();
  async function committedInputs(): Promise<Map<string, InputMark>> {
    const marks = new Map<string, InputMark>();
    for (const { id } of plan.nodes) {
      const [entry] = epoch === 0 ? [] : await store!.loadManifest(INPUT_WRITER + id, epoch, epoch + 1);
      if (entry) marks.set(id, entry.entry as InputMark);
    }
    return marks;
  }
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
      if (!journals) return reader;
      if (journaled) return journals.open(source, reader, keys);
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
    ...(job.readers ? { readers: job.readers } : {}),
    ...(outcomes ? { outcomes: outcomes.journal } : {}),
    ...(store ? { store } : {}),
    ...(job.state !== undefined ? { dir: job.state } : {}),
    ...(job.mode ? { mode: job.mode } : {}),
    ...(job.seed !== undefined ? { seed: job.seed } : {}),
    ...(job.commitInputs !== undefined ? { commitInputs: job.commitInputs } : {}),
    ...(job.signal ? { signal: job.signal } : {}),
    ...(job.onProgress ? { onProgress: job.onProgress } : {}),
    ...(job.access ? { access: job.access } : {}),
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
    await store?.close();
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

/**
 * A state goes on with the graph that wrote it: with another one some nodes would start cold in the middle, and what was
 * written before would be another graph's.
 */
async function refuseOtherGraph(store: CheckpointStore, job: RunJob): Promise<void> {
  const { name, hash } = job.pipeline;
  const last = await store.loadCheckpoint(name);
  if (!last || last.graph === hash) return;
  throw new ChimeraError('CHM920', `the state in ${job.state} was written by another graph of pipeline ${name}`, {
    ...(job.state === undefined ? {} : { file: job.state }),
    help: 'use an empty --state folder, or the pipeline, profile and parameters of the first start',
  });
}

const journalsOf = (state: string, { capture, keepJournal, segments, sealing }: RunJob): RunJournals =>
  new RunJournals({
    state,
    ...(capture === undefined ? {} : { capture }),
    ...(keepJournal === undefined ? {} : { keep: keepJournal }),
    ...(segments ? { policy: segments } : {}),
    ...(sealing ? { process: sealing } : {}),
  });

const wallPace = (rate: number): NonNullable<RunOptions['pace']> => ({
  rate,
  now: () => performance.now() * 1000,
  sleep: (us) => new Promise((done) => setTimeout(done, Math.max(1, Math.min(us / 1000, 250)))),
});
