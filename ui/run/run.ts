import { mkdirSync } from 'node:fs';
import { extname, join, resolve } from 'node:path';
import type { CheckpointStore } from '../../graph/checkpoint/store.ts';
import type { Pipeline } from '../../graph/document/types.ts';
import type { Tap } from '../../graph/engine/tap.ts';
import type { CommitMark, Counter } from '../../graph/node.ts';
import { createPlan, type Plan } from '../../graph/plan/plan.ts';
import type { Live } from '../../graph/runner/live.ts';
import { readCheckpoint } from '../../graph/runner/read-checkpoint.ts';
import { Run, type RunOptions, type RunResult } from '../../graph/runner/runner.ts';
import { type BadInput, type Block, ChimeraError, KeyTable } from '../../graph/schema/index.ts';
import { TapFile, type TapFileResult, type TapMark } from '../../graph/tap/file.ts';
import { type BronzeWriter, openBronzeWriter } from '../../lake/bronze-writer.ts';
import { InputCodec } from '../../lake/journal/input-codec.ts';
import { lastTimeOf } from '../../lake/journal/journal-reader.ts';
import { declareJournalKeys, JournaledReader } from '../../lake/journal/journaled-reader.ts';
import { sealJournal } from '../../lake/journal/seal.ts';
import { openEmbeddedStore } from '../../sinks/store/index.ts';
import { openOutcomes } from './outcomes.ts';
import { type InputMark, SameInputs } from './same-inputs.ts';
import { openTableTap, TableTap } from './table-tap.ts';

export interface RunJob {
  pipeline: Pipeline;
  inputs: readonly string[];
  /** Ports to write, by `node.port`. */
  taps?: Readonly<Record<string, string>>;
  /** Writes every port of every node to `DIR/NODE.PORT.csv`, lists as digests. */
  tapAll?: string;
  /** Folder that makes the run survive its process: store, checkpoints, and the journal of what the sources delivered. */
  state?: string;
  /** Folder of the lake that receives what the sources delivered. */
  capture?: string;
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
  onCommit?: (mark: CommitMark) => void;
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
  damaged_checkpoints: { epoch: number; message: string }[];
}

const TAP_WRITER = 'tap:';
const INPUT_WRITER = 'input:';

/** Runs a pipeline over inputs with taps, capture and durable state as asked. */
export async function runJob(job: RunJob): Promise<RunReport> {
  const started = performance.now();
  const cpu = process.cpuUsage();
  const plan = createPlan(job.pipeline);
  const keys = job.keys ?? new KeyTable();
  const paths = tapPaths(plan, job);
  if (job.state !== undefined) mkdirSync(job.state, { recursive: true });
  if (job.tapAll !== undefined) mkdirSync(job.tapAll, { recursive: true });
  const store = job.state === undefined ? undefined : openEmbeddedStore(job.state);
  const files = new Map<string, TapFile | TableTap>();
  const captures = new Map<string, BronzeWriter>();
  /** Last input in the lake, by source. */
  const captured = new Map<string, number>();
  let firstRead = 0;

  if (store) await refuseOtherGraph(store, job);
  const epoch = (await readCheckpoint(store, job.pipeline.name)).commit?.epoch ?? 0;
  for (const [port, path] of paths)
    files.set(port, await openTap(plan, port, path, await tapMark(port), store !== undefined));
  async function tapMark(port: string): Promise<TapMark | undefined> {
    if (!store || epoch === 0) return undefined;
    const [mark] = await store.loadManifest(TAP_WRITER + port, epoch, epoch + 1);
    return mark?.entry as TapMark | undefined;
  }

  const outcomes = await openOutcomes(plan, job, epoch);
  const journals = new Map<string, JournaledReader>();
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
    for (const { id } of plan.nodes) job.live.clock.notBefore(lastTimeOf(join(job.state, 'journal', id)));
  const run = new Run(plan, {
    keys,
    inputs: job.inputs,
    taps: [...new Set([...paths.keys(), ...(job.watch ?? [])])],
    digests: job.tapAll !== undefined,
    onTap: (tap) => {
      files.get(`${tap.node}.${tap.port}`)?.append(tap, keys);
      job.onTap?.(tap, keys);
    },
    wrap: (source, reader) => {
      // A file can be read again; what arrives live, or is to be captured, must be written down first.
      if (job.state === undefined) return reader;
      if (job.capture === undefined && job.pace === undefined && !job.live) {
        const repeated = new SameInputs(reader, source, committed.get(source));
        again.set(source, repeated);
        return repeated;
      }
      const journal = JournaledReader.open(reader, join(job.state, 'journal', source), keys, () => performance.now(), {
        repeatable: true,
      });
      journals.set(source, journal);
      return journal;
    },
    onBlock: async (source, block, reader) => {
      if (firstRead === 0) {
        firstRead = performance.now();
        job.onStarted?.();
      }
      await job.onBlock?.(source, block, reader);
      if (job.capture === undefined || job.state !== undefined) return;
      let writer = captures.get(source);
      writer ??= await openBronzeWriter(job.capture, {
        writer: `capture-${source}`,
        keys,
        ports: reader.ports,
        source,
      });
      captures.set(source, writer);
      // After a failed cycle a source delivers again what is in the lake already.
      const from = Math.max(0, (captured.get(source) ?? -1) + 1 - block.seq0);
      if (from >= block.n) return;
      captured.set(source, block.seq0 + block.n - 1);
      await writer.write(from === 0 ? block : behind(block, from));
    },
    onCommit: async (mark) => {
      job.onCommit?.(mark);
      syncAll(journals);
      for (const file of files.values()) if (file instanceof TableTap) await file.drain();
      if (store) {
        await recordTaps(mark);
        await recordInputs(mark);
      }
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
    ...(job.live ? { live: { ...job.live, sync: () => syncAll(journals) } } : {}),
    ...(job.pace !== undefined ? { pace: wallPace(job.pace) } : {}),
  });
  async function recordTaps(mark: CommitMark): Promise<void> {
    for (const [port, file] of files)
      if (file instanceof TapFile) {
        file.sync();
        await store!.saveManifest(TAP_WRITER + port, mark.epoch, file.mark);
        await store!.keepManifest(TAP_WRITER + port, mark.epoch - 1, mark.epoch + 1);
      }
  }

  async function recordInputs(mark: CommitMark): Promise<void> {
    for (const [source, reader] of again) {
      const input = reader.at(mark.offsets[source] ?? -1);
      if (!input) continue;
      await store!.saveManifest(INPUT_WRITER + source, mark.epoch, input);
      await store!.keepManifest(INPUT_WRITER + source, mark.epoch - 1, mark.epoch + 1);
    }
  }

  job.onRun?.(run);
  let result: RunResult;
  const taps: Record<string, TapFileResult> = {};
  try {
    result = await run.execute();
    for (const writer of captures.values()) await writer.close();
    captures.clear();
    for (const [port, file] of files) taps[port] = await file.close();
    files.clear();
  } finally {
    for (const file of files.values()) await (file instanceof TableTap ? file.abort() : file.close());
    for (const writer of captures.values()) await writer.abort();
    await run.close();
    outcomes?.close();
    await store?.close();
  }
  if (job.state !== undefined && job.capture !== undefined) await seal(job.state, job.capture, journals);
  await outcomes?.seal();
  const ended = performance.now();
  const used = process.cpuUsage(cpu);
  firstRead ||= ended;
  return {
    ok: result.quarantined.length === 0,
    graph_hash: result.graph_hash,
    events_in: result.events_in,
    cycles: result.cycles,
    taps,
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
  await store.close();
  throw new ChimeraError('CHM920', `the state in ${job.state} was written by another graph of pipeline ${name}`, {
    ...(job.state === undefined ? {} : { file: job.state }),
    help: 'use an empty --state folder, or the pipeline, profile and parameters of the first start',
  });
}

const behind = (b: Block, from: number): Block => ({
  ...b,
  n: b.n - from,
  seq0: b.seq0 + from,
  t: b.t.subarray(from, b.n),
  port: b.port.subarray(from, b.n),
  key: b.key.subarray(from, b.n),
  row: b.row.subarray(from, b.n),
});

const syncAll = (journals: ReadonlyMap<string, JournaledReader>): void => {
  for (const journal of journals.values()) journal.sync();
};

/** What the journals hold becomes Bronze Parquet. */
async function seal(state: string, lake: string, journals: ReadonlyMap<string, JournaledReader>): Promise<void> {
  for (const [source, journal] of journals) {
    const dir = join(state, 'journal', source);
    const keys = new KeyTable();
    declareJournalKeys(dir, keys);
    await sealJournal(dir, lake, { writer: `journal-${source}`, source, keys, decoder: new InputCodec(journal.ports) });
  }
}

/** All ports of a plan as `node.port`. */
export const portsOf = (plan: Plan): string[] => plan.nodes.flatMap((n) => n.outs.map((o) => `${n.id}.${o.port}`));

function tapPaths(plan: Plan, job: RunJob): Map<string, string> {
  const known = portsOf(plan);
  const paths = new Map<string, string>();
  if (job.tapAll !== undefined) for (const port of known) paths.set(port, join(job.tapAll, `${port}.csv`));
  for (const [port, path] of Object.entries(job.taps ?? {})) {
    if (!known.includes(port))
      throw new ChimeraError('CHM902', `there is no port ${port} to tap`, { help: `ports are: ${known.join(', ')}` });
    paths.set(port, path);
  }
  const ports = new Map<string, string>();
  for (const [port, path] of paths) {
    const other = ports.get(resolve(path));
    if (other !== undefined)
      throw new ChimeraError('CHM903', `${other} and ${port} cannot both be written to ${path}`, {
        file: path,
        help: 'give each tap a file of its own',
      });
    ports.set(resolve(path), port);
  }
  return paths;
}
async function openTap(
  plan: Plan,
  port: string,
  path: string,
  mark: TapMark | undefined,
  resumable: boolean,
): Promise<TapFile | TableTap> {
  const kind = extname(path);
  if (kind === '.csv') return TapFile.open(path, 'csv', mark);
  if (kind === '.jsonl') return TapFile.open(path, 'jsonl', mark);
  if (kind === '.parquet' || kind === '.arrow') {
    if (resumable)
      throw new ChimeraError('CHM903', `a run with durable state cannot tap into ${path}`, {
        file: path,
        help: 'Parquet and Arrow files appear whole at the end: tap into .csv or .jsonl, or leave --state out',
      });
    const [node, out] = port.split('.') as [string, string];
    const spec = plan.nodes.find((n) => n.id === node)!.outs.find((o) => o.port === out)!;
    return openTableTap(path, spec.schema);
  }
  throw new ChimeraError('CHM903', `cannot tap into ${path}`, {
    file: path,
    help: 'name the file .csv, .jsonl, .parquet or .arrow',
  });
}

const wallPace = (rate: number): NonNullable<RunOptions['pace']> => ({
  rate,
  now: () => performance.now() * 1000,
  sleep: (us) => new Promise((done) => setTimeout(done, Math.max(1, Math.min(us / 1000, 250)))),
});
