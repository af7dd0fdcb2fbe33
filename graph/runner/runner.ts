import type { Checkpoint, CheckpointStore } from '../checkpoint/store.ts';
import { encode } from '../codec/index.ts';
import type { Pipeline } from '../document/types.ts';
import { Engine } from '../engine/engine.ts';
import { heldBack, type Snapshot } from '../engine/snapshot.ts';
import type { Tap } from '../engine/tap.ts';
import type { Waiting } from '../engine/waiting.ts';
import type { CommitMark, Counter, Env } from '../node.ts';
import { Answers } from '../outcome/answers.ts';
import { type OutcomeJournal, Outcomes } from '../outcome/journal.ts';
import { type Wall, wall } from '../outcome/wall.ts';
import { createPlan, type Plan, type PlanNode } from '../plan/plan.ts';
import { type Change, type ChangeOptions, type Graph, openChange, recordOf, type Trial } from '../reload/change.ts';
import {
  isAt,
  type PlannedReload,
  planReload,
  type Reloaded,
  type ReloadRecord,
  type ReloadRequest,
} from '../reload/reload.ts';
import type { Warmer } from '../reload/warm.ts';
import {
  type BadInput,
  type Block,
  type BlockReader,
  ChimeraError,
  KeyTable,
  type LiveReader,
} from '../schema/index.ts';
import { closeEnds, closeSinks, connect, type Ends, type EndsOptions, type Head, openEnds } from './ends.ts';
import { type Live, liveLoop, refuseDead, turn } from './live.ts';
import { type Commit, readCheckpoint } from './read-checkpoint.ts';
import { stopped } from './stopped.ts';
import { waitCycles } from './wait-cycles.ts';

export interface RunOptions {
  /** Paths of `--input`. */
  inputs?: readonly string[];
  /** Folder for durable state of sinks; undefined = in memory. */
  dir?: string;
  seed?: number;
  mode?: 'generated' | 'interpreted';
  /** Ports to tap (`node.port`), or all. */
  taps?: readonly string[] | '*';
  /** Taps keep digests of list fields instead of the lists. */
  digests?: boolean;
  /** Counts how often each instance runs: for those who watch. */
  count?: boolean;
  /** What asynchronous nodes were told, before or in this run; default: kept in memory, for this run only. */
  outcomes?: OutcomeJournal;
  /** Deadlines of asynchronous nodes; default: timers of the runtime. */
  wall?: Wall;
  /** Takes the rows of a tap at each commit, and at the end; they are forgotten afterwards. */
  onTap?: (tap: Tap) => void;
  /** Readers used instead of opening the source nodes, by node id. */
  readers?: Readonly<Record<string, (keys: KeyTable) => Promise<BlockReader>>>;
  /** Puts something between a source and the run: its journal. Called once all sources are open. */
  wrap?: (source: string, reader: BlockReader) => BlockReader;
  /** Sees each block before it is run: captures Bronze. */
  onBlock?: (source: string, block: Block, reader: BlockReader) => Promise<void> | void;
  /** Paced by a clock: inputs are run when their time has come. Without it, as fast as possible. */
  pace?: Pace;
  /** The sources are live: what arrives is run as it arrives, until `finish` says that it is enough. */
  live?: Live;
  /** What the outer ends of the graph need to reach the world. */
  access?: Readonly<Record<string, unknown>>;
  /** Commit after this many inputs; default 65,536. */
  commitInputs?: number;
  /** Makes the run survive its process: each commit is one transaction over sinks, taps and checkpoint. */
  store?: CheckpointStore;
  /** Called within each commit, after the sinks and before the checkpoint: what else must be durable with it. */
  onCommit?: (mark: CommitMark) => Promise<void> | void;
  onProgress?: (progress: Progress) => void;
  /** Ends the run at the next block; everything run until then is committed. */
  signal?: AbortSignal;
  keys?: KeyTable;
  /** After the last input, timers due up to this engine time (µs) still fire. */
  until?: number;
  /** The input goes on after this run: nothing that is open is closed. */
  open?: boolean;
  /**
   * All changes of the graph that are known beforehand, in order: of the run that is replayed, or of this one before it stopped.
   * Those that lie behind the checkpoint from which the run goes on are still to come; its graph is the pipeline of this run.
   */
  reloads?: readonly PlannedReload[];
  /** Called within the first commit of a graph that has taken over; before it, when that graph is being built. */
  onReload?: (record: ReloadRecord) => Promise<void> | void;
  onGraph?: (plan: Plan) => Promise<Pick<RunOptions, 'taps' | 'outcomes'>> | Pick<RunOptions, 'taps' | 'outcomes'>;
  /** Gives fresh nodes that declare a warm-up their states from the run's past. */
  warm?: Warmer;
  /** How long a new graph is on trial: until so many inputs have run, or live so much time has passed. Default 100, 250 ms. */
  trial?: { readonly inputs?: number; readonly ms?: number };
  /** The checkpoint of each commit, once it is durable, and whether it is the last of its graph. */
  onCheckpoint?: (checkpoint: Checkpoint, commit: Commit, last: boolean) => void;
}
export interface Pace {
  /** Engine seconds per second of the clock. */
  readonly rate: number;
  /** Clock, µs. */
  now(): number;
  sleep(us: number): Promise<void>;
}
export interface Progress {
  events: number;
  /** Engine time, µs. */
  now: number;
  engine: Engine;
}

/** What was thrown within a cycle; everything else that is thrown is no node's fault and ends the run as it is. */
class FailedCycle extends Error {
  constructor(cause: unknown) {
    super('a cycle failed', { cause });
  }
}

export interface RunResult {
  graph_hash: string;
  events_in: number;
  cycles: number;
  counters: Record<Counter, number>;
  bad_input: BadInput[];
  out_of_order: number;
  /** Engine time of the first and last input, µs; null when there was none. */
  first_us: number | null;
  last_us: number | null;
  /** Live: engine time up to which timers have fired; a replay goes on to the same moment (`until`). */
  until_us: number | null;
  commits: number;
  quarantined: { node: string; key: string; source: string; seq: number; code: string; message: string }[];
}

const COMMIT_INPUTS = 65_536;
/** Where nothing survives the process a commit only bounds what a failed cycle runs again, and memory: it need not come as often. */
const VOLATILE_COMMIT_INPUTS = 4 * COMMIT_INPUTS;
const TRIAL_INPUTS = 100;
const TRIAL_MS = 250;

/** Runs a pipeline from its sources to its sinks: merges inputs in total order, commits, recovers from failed cycles. */
export async function runPipeline(pipeline: Pipeline, options: RunOptions = {}): Promise<RunResult> {
  const run = new Run(createPlan(pipeline), options);
  try {
    return await run.execute();
  } finally {
    await run.close();
  }
}

export class Run {
  readonly keys: KeyTable;
  /** Checkpoints that could not be read at the start. */
  readonly damaged: { epoch: number; message: string }[] = [];
  readonly #options: RunOptions;
  /** Plan, engine and outer ends of the graph that runs; a reload puts others in their place. */
  #graph: Graph;
  /** What a run has been told of changes of the graph that are still to come. */
  #planned: readonly PlannedReload[] = [];
  /** How many changes of the graph lie behind the run. */
  #changes = 0;
  #running = false;
  #wanted: { change: Change; done: (r: Reloaded) => void; failed: (e: unknown) => void } | undefined;
  /** Set from the moment a new graph takes over until its first commit: nothing of it has left yet. */
  #trial: Trial | undefined;
  #reloading = false;
  /** Last inputs of sources that are no longer in the graph. */
  #gone: Record<string, number> = {};
  #until: number | null = null;
  /** Engine time up to which timers had fired at the newest commit or round. */
  #settled: number | null = null;
  #last: Commit | undefined;
  #events = 0;
  #sinceCommit = 0;
  #firstUs: number | null = null;
  #ended = false;
  /** Inputs whose cycle failed once since the last commit. */
  readonly #retried = new Set<string>();
  readonly #quarantined: RunResult['quarantined'] = [];
  /** Rows of kept taps as of the last commit. */
  readonly #tapRows = new Map<Tap, number>();

  constructor(plan: Plan, options: RunOptions = {}) {
    this.#options = options;
    this.keys = options.keys ?? new KeyTable();
    this.#graph = this.#build(plan, options);
  }
  #build(plan: Plan, { taps, outcomes }: Pick<RunOptions, 'taps' | 'outcomes'>): Graph {
    const { mode, digests, count, wall: clock } = this.#options;
    const engine = new Engine(plan, this.keys, {
      mode: mode ?? 'generated',
      taps: taps ?? [],
      digests: digests ?? false,
      count: count ?? false,
    });
    const answers = engine.waiting.length > 0 ? new Answers(outcomes ?? new Outcomes(), clock ?? wall) : undefined;
    return { plan, engine, answers, ends: { heads: [], sinks: [] } };
  }

  get plan(): Plan {
    return this.#graph.plan;
  }
  get engine(): Engine {
    return this.#graph.engine;
  }
  get #answers(): Answers | undefined {
    return this.#graph.answers;
  }
  get #heads(): Head[] {
    return this.#graph.ends.heads;
  }
  get #sinks(): Ends['sinks'] {
    return this.#graph.ends.sinks;
  }

  async execute(): Promise<RunResult> {
    await this.#open();
    this.#running = true;
    for (;;) {
      try {
        if (await this.#drive()) break;
      } catch (e) {
        if (!(e instanceof FailedCycle)) throw e;
        await this.#recover(e.cause);
      }
    }
    await this.#commit();
    this.#running = false;
    return this.#result();
  }

  async close(): Promise<void> {
    const { ends, answers } = this.#graph;
    const old = this.#trial?.change.old;
    this.#running = false;
    this.#graph.ends = { heads: [], sinks: [] };
    this.#trial?.failed(over());
    this.#trial = undefined;
    const wanted = this.#wanted;
    this.#wanted = undefined;
    await wanted?.change.abandon();
    wanted?.failed(over());
    await closeEnds(ends);
    if (old) {
      await closeEnds(old.ends, ends);
      await old.answers?.close(answers);
    }
    await answers?.close();
  }

  /**
   * Another graph takes the place of this one at the next commit: what is the same goes on with its state, the rest starts anew or
   * goes. Resolves when its first commit is durable.
   * @throws CHM750 to CHM754; the running graph then goes on as it was
   */
  async reload(request: ReloadRequest): Promise<Reloaded> {
    if (!this.#running) throw over();
    if (this.#reloading)
      throw new ChimeraError('CHM753', 'another graph is taking over already', { help: 'wait for the first reload' });
    this.#reloading = true;
    try {
      const diff = planReload(this.plan.pipeline, request);
      const change = await this.#prepare(request, diff);
      if (!this.#running) {
        await change.abandon();
        throw over();
      }
      return await new Promise<Reloaded>((done, failed) => {
        this.#wanted = { change, done, failed };
      });
    } finally {
      this.#reloading = false;
    }
  }
  /** Everything of the new graph that can be made while the old one runs. */
  #prepare(request: ReloadRequest, diff: Change['diff'], known?: ReloadRecord): Promise<Change> {
    const options: ChangeOptions = {
      build: async (plan) => this.#build(plan, { ...this.#options, ...(await this.#options.onGraph?.(plan)) }),
      ends: this.#ends,
      env: this.#env,
      gone: this.#gone,
      live: this.#options.live !== undefined,
      warm: this.#options.warm,
      events: () => this.#last?.events ?? 0,
    };
    return openChange(this.#graph, request, diff, options, known);
  }
  readonly #env = (node: PlanNode): Env => ({
    keys: this.keys,
    inputs: this.#options.inputs ?? [],
    dir: this.#options.dir,
    pipeline: this.plan.pipeline.name,
    node: node.id,
    seed: this.#options.seed ?? 1,
    ...(this.#options.live ? { clock: this.#options.live.clock } : {}),
    ...(this.#options.access ? { access: this.#options.access } : {}),
  });
  get #ends(): EndsOptions {
    const { readers = {}, wrap } = this.#options;
    return { keys: this.keys, env: this.#env, readers, wrap };
  }

  async #open(): Promise<void> {
    const { store } = this.#options;
    const { commit: stored, damaged } = await readCheckpoint(store, this.plan.pipeline.name);
    this.damaged.push(...damaged);
    if (stored) this.#options.live?.clock.notBefore(stored.until ?? stored.snapshot.now);
    // States may hold key indices: keys get the numbers they had, before a source gives them new ones.
    for (const k of stored?.snapshot.keys ?? []) this.keys.declare(k.name, k.pxDigits, k.qtyDigits);
    const { plan, engine, answers } = this.#graph;
    this.#graph.ends = await openEnds(plan, this.#ends);
    connect(engine.core, this.#graph.ends);
    await answers?.open(plan, this.#env);
    this.#planned = (this.#options.reloads ?? []).slice(stored?.reloads ?? 0);
    if (this.#options.live) refuseDead(this.#heads.map((h) => [h.node.id, h.reader]));
    if (stored) {
      this.#last = stored;
      this.#changes = stored.reloads;
      this.#settled = stored.until;
      const here = new Set(this.#heads.map((h) => h.node.id));
      this.#gone = Object.fromEntries(Object.entries(stored.offsets).filter(([id]) => !here.has(id)));
      await this.#rewind();
    } else this.#last = this.#checkpoint(0);
  }

  /** @returns true at the end of all inputs */
  async #drive(): Promise<boolean> {
    const { onBlock, onProgress, pace, signal, store, onCheckpoint } = this.#options;
    const every = this.#options.commitInputs ?? (store || onCheckpoint ? COMMIT_INPUTS : VOLATILE_COMMIT_INPUTS);
    let paceZero: number | undefined;
    for (;;) {
      if (this.#mayChange) await this.#changeGraph();
      for (const h of this.#heads)
        if (h.block === null || h.row >= h.block.n) {
          if (this.#sinceCommit >= every && !this.#trial) await this.#commit();
          if (this.#goOnBehind(h)) continue;
          h.block = await h.reader.read();
          h.fresh = false;
          h.row = 0;
          if (h.block && onBlock) await onBlock(h.node.id, h.block, h.reader);
          this.#stopAtChange(h);
        }
      if (signal?.aborted) break;
      const head = this.#next();
      if (!head) break;
      const block = head.block!;
      let limit = this.#limit(head);
      if (pace) {
        const t = block.t[head.row]!;
        paceZero ??= pace.now() - t / pace.rate;
        const reached = (pace.now() - paceZero) * pace.rate;
        if (t > reached) {
          await pace.sleep((t - reached) / pace.rate);
          continue;
        }
        limit = Math.min(limit, reached + 1);
      }
      const running = this.#runHead(head, limit);
      if (running) await running;
      onProgress?.({ events: this.#events, now: this.engine.now, engine: this.engine });
    }
    this.#refuseUnreached();
    if (this.#options.live) await this.#driveLive(this.#options.live);
    // Stopped early the run will be resumed: only a real end closes what is open.
    if (signal?.aborted) return true;
    const until = this.#until ?? this.#options.until;
    if (until !== undefined) {
      await this.#settle(until);
      this.engine.passTo(until);
    }
    // A run that was stopped between its last commit and its exit has closed everything already.
    if (!this.#options.open && !this.#ended)
      await (this.#answers ? this.#wait(this.engine.waitEnd()) : this.#cycle(() => this.engine.end()));
    this.#ended = !this.#options.open;
    return true;
  }

  /** The journals are run up to their ends: from here on the world is. */
  #driveLive(live: Live): Promise<void> {
    return liveLoop(live, {
      readers: () => this.#heads.map((h) => h.reader as LiveReader),
      stopped: () => this.#options.signal?.aborted === true,
      nextDue: () => this.engine.nextDue,
      commit: async () => {
        // A graph on trial commits when it has proved itself.
        if (!this.#trial) await this.#commit();
      },
      run: async (now) => {
        await this.#takeArrived(now);
        await this.#settle(now);
        this.#until = now;
        this.#settled = now;
        await this.#changeGraph();
        // What a graph on trial wants to send waits for its first commit.
        if (!this.#trial) this.#letOut(live);
        this.#options.onProgress?.({ events: this.#events, now, engine: this.engine });
      },
    });
  }
  #letOut(live: Live): void {
    const leaving = this.#sinks.flatMap(({ commands: c }) => (c && (c.pending?.() ?? true) ? [c] : []));
    if (leaving.length > 0) live.sync();
    for (const c of leaving) c.flush();
  }
  /** Everything that arrived by `now`, from all sources in total order. */
  async #takeArrived(now: number): Promise<void> {
    const { onBlock } = this.#options;
    for (;;) {
      for (const h of this.#heads)
        if (h.block === null || h.row >= h.block.n) {
          h.block = (h.reader as LiveReader).poll(now);
          h.fresh = false;
          h.row = 0;
          if (h.block && onBlock) await onBlock(h.node.id, h.block, h.reader);
        }
      const head = this.#next();
      if (!head) return;
      const running = this.#runHead(head, this.#limit(head));
      if (running) await running;
    }
  }

  get #mayChange(): boolean {
    return this.#planned.length > 0 || this.#trial !== undefined || this.#reloading || this.#wanted !== undefined;
  }
  /** Between inputs: a change of the graph that is due here, and the end of a trial. */
  async #changeGraph(): Promise<void> {
    const [next] = this.#planned;
    if (next && isAt(next.record.at, this.#heads)) {
      this.#planned = this.#planned.slice(1);
      const { until } = next.record.at;
      if (until !== null) await this.#settle(until);
      const { restart, warmed, document } = next.record;
      const request: ReloadRequest = { pipeline: next.pipeline, restart, warm: warmed !== null, document };
      const diff = planReload(this.plan.pipeline, request);
      await this.#takeOver(await this.#prepare(request, diff, next.record), next.record);
      // It has proved itself the first time.
      await this.#commit();
      return this.#changeGraph();
    }
    if (this.#trial && this.#proved(this.#trial)) await this.#commit();
    // A run that never waits would leave no time to open what the new graph needs.
    if (this.#reloading && !this.#wanted && !this.#trial) await turn();
    if (!this.#wanted || this.#planned.length > 0) return;
    const { change, done, failed } = this.#wanted;
    this.#wanted = undefined;
    try {
      await this.#takeOver(change);
    } catch (e) {
      await change.abandon();
      failed(e);
      return;
    }
    Object.assign(this.#trial!, { done, failed });
  }
  #proved(trial: Trial): boolean {
    // A cycle has failed, and the run has not come there again.
    if (this.engine.cycles < trial.failedAt) return false;
    const { inputs = TRIAL_INPUTS, ms = TRIAL_MS } = this.#options.trial ?? {};
    const { live } = this.#options;
    return (
      this.#events - trial.record.at.events >= inputs ||
      (live !== undefined && live.clock.now() - trial.startedUs >= ms * 1000 * live.clock.rate)
    );
  }
  /** The old graph commits, the new one goes on from there; nothing of it leaves before its own first commit. */
  async #takeOver(change: Change, known?: ReloadRecord): Promise<void> {
    const began = performance.now();
    await this.#commit(true);
    const last = this.#last!;
    const record = known
      ? { ...known, epoch: last.epoch + 1 }
      : recordOf(change, this.#changes + 1, { ...last, until: this.#settled, now: this.engine.now });
    const snapshot = await change.start(last.snapshot, this.#heads, record);
    this.#graph = change.next;
    for (const h of change.old.ends.heads)
      if (!this.#heads.some((n) => n.node.id === h.node.id)) this.#gone[h.node.id] = h.offset;
    const startedUs = this.#options.live?.clock.now() ?? 0;
    const pauseMs = performance.now() - began;
    this.#trial = { change, record, snapshot, startedUs, pauseMs, failedAt: 0, done: () => {}, failed: () => {} };
  }
  /** The first commit of the new graph: from here on it is the graph of the run. */
  async #settleIn(trial: Trial): Promise<void> {
    this.#trial = undefined;
    this.#changes++;
    const { old, next, diff } = trial.change;
    await closeEnds(old.ends, next.ends);
    await old.answers?.close(next.answers);
    trial.done({ ...trial.record, diff, pause_ms: trial.pauseMs });
  }
  /** Back to the old graph at its last commit. */
  async #backOut(trial: Trial, cause: unknown): Promise<void> {
    const { old, next } = trial.change;
    const failure = this.engine.failure(cause);
    const { node } = failure;
    this.#trial = undefined;
    for (const { sink } of next.ends.sinks) sink.rollback();
    // The readers are the same, and the new graph has read from them.
    for (const h of old.ends.heads) h.fresh &&= next.ends.heads.find((n) => n.node.id === h.node.id)?.fresh ?? true;
    this.#graph = old;
    await closeEnds(next.ends, old.ends);
    await next.answers?.close(old.answers);
    await this.#rewind();
    trial.failed(
      new ChimeraError('CHM750', `the new graph failed and was taken back: ${failure.message}`, {
        ...(node ? { node } : {}),
        source: failure.source,
        seq: failure.seq,
        cause: failure.cause,
        help: 'the run goes on with the old graph from the commit at which the new one took over; mend the document',
      }),
    );
  }
  /** A known change stands in the way of inputs behind it. */
  #stopAtChange(h: Head): void {
    const { block } = h;
    const [next] = this.#planned;
    if (!block || !next) return;
    const stop = next.record.at.offsets[h.node.id] ?? -1;
    if (block.seq0 + h.row > stop || block.seq0 + block.n - 1 <= stop) return;
    h.behind = block;
    h.block = { ...block, n: stop + 1 - block.seq0 };
  }
  #goOnBehind(h: Head): boolean {
    if (!h.behind) return false;
    h.row = h.block!.n;
    h.block = h.behind;
    h.behind = null;
    this.#stopAtChange(h);
    return true;
  }
  #refuseUnreached(): void {
    const next = this.#planned[0];
    if (next && !this.#options.signal?.aborted)
      throw new ChimeraError('CHM755', `the inputs end before graph ${next.record.to.slice(0, 12)} took over`, {
        help: 'replay with the journals or the lake of the same run',
      });
  }

  /** @returns a promise when the plan has asynchronous nodes: only then is there something to wait for */
  #runHead(head: Head, limit: number): Promise<void> | undefined {
    const block = head.block!;
    const from = head.row;
    this.#firstUs ??= block.t[from]!;
    const source = head.node.index;
    if (this.#answers)
      return this.#wait(this.engine.waitRun(source, block, from, limit)).then((row) => this.#ran(head, block, row));
    this.#ran(
      head,
      block,
      this.#cycle(() => this.engine.run(source, block, from, limit)),
    );
    return undefined;
  }
  #ran(head: Head, block: Block, row: number): void {
    const from = head.row;
    head.row = row;
    this.#ended = false;
    head.offset = block.seq0 + head.row - 1;
    this.#events += head.row - from;
    this.#sinceCommit += head.row - from;
  }
  async #settle(until: number): Promise<void> {
    if (this.#answers) await this.#wait(this.engine.waitSettle(until));
    else this.#cycle(() => this.engine.settle(until));
  }
  #wait<T>(cycles: Waiting<T>): Promise<T> {
    return waitCycles(cycles, this.#answers!, (e) => new FailedCycle(e));
  }
  #cycle<T>(run: () => T): T {
    try {
      return run();
    } catch (e) {
      throw new FailedCycle(e);
    }
  }
  /** The head whose next input comes first in (t_avail, declaration). */
  #next(): Head | undefined {
    let best: Head | undefined;
    for (const h of this.#heads) if (h.block && (!best || h.block.t[h.row]! < best.block!.t[best.row]!)) best = h;
    return best;
  }
  /** Time before which only `head` has inputs. Times are integers, so 'up to and including t' is 'before t + 1'. */
  #limit(head: Head): number {
    let limit = Number.POSITIVE_INFINITY;
    let after = false;
    for (const h of this.#heads) {
      if (h === head) after = true;
      else if (h.block) limit = Math.min(limit, h.block.t[h.row]! + (after ? 1 : 0));
    }
    return limit;
  }

  #checkpoint(epoch: number): Commit {
    const offsets = { ...this.#gone, ...Object.fromEntries(this.#heads.map((h) => [h.node.id, h.offset])) };
    const until = this.#until;
    const reloads = this.#changes + (this.#trial ? 1 : 0);
    const held = this.engine.hold();
    return {
      epoch,
      offsets,
      get snapshot() {
        return held();
      },
      events: this.#events,
      ended: this.#ended,
      until,
      reloads,
    };
  }

  async #commit(last = false): Promise<void> {
    const commit = this.#checkpoint((this.#last?.epoch ?? 0) + 1);
    const { store } = this.#options;
    if (store) refuseHeldBack(commit.snapshot);
    const { epoch, offsets, events, ended, until, reloads } = commit;
    const { name: pipeline, hash: graph } = this.plan.pipeline;
    const { onCheckpoint } = this.#options;
    const blob =
      store || onCheckpoint ? encode({ snapshot: commit.snapshot, events, ended, until, reloads }) : new Uint8Array(0);
    const checkpoint: Checkpoint = { pipeline, graph, epoch, now: this.engine.now, offsets, blob };
    const trial = this.#trial;
    const record = trial && { ...trial.record, epoch };
    const work = async () => {
      await this.#write(commit);
      if (record) await this.#options.onReload?.(record);
      await store?.saveCheckpoint(checkpoint);
    };
    // One that goes on under its name with other inputs finds what the one before it left.
    if (trial) await closeSinks(trial.change.old.ends, trial.change.next.ends);
    await (store ? store.transaction(work) : work());
    onCheckpoint?.(checkpoint, commit, last);
    this.#answers?.committed(commit.epoch);
    this.#last = commit;
    this.#sinceCommit = 0;
    this.#retried.clear();
    this.engine.attributed = false;
    if (trial) await this.#settleIn({ ...trial, record: record! });
  }
  async #write({ epoch, offsets }: Commit): Promise<void> {
    const mark: CommitMark = { epoch, now: this.engine.now, offsets };
    for (const { sink } of this.#sinks) await sink.commit(mark);
    const { onTap } = this.#options;
    for (const tap of this.engine.taps) {
      onTap?.(tap);
      if (onTap) tap.truncate(0);
      else this.#tapRows.set(tap, tap.n);
    }
    await this.#options.onCommit?.(mark);
  }

  /** Back to the last commit: engine, sinks, taps, readers. */
  async #rewind(): Promise<void> {
    const last = this.#last!;
    refuseHeldBack(last.snapshot);
    this.engine.restore(this.#trial?.snapshot ?? last.snapshot);
    this.#events = last.events;
    this.#ended = last.ended;
    this.#sinceCommit = 0;
    for (const { sink } of this.#sinks) sink.rollback();
    for (const tap of this.engine.taps) tap.truncate(this.#options.onTap ? 0 : (this.#tapRows.get(tap) ?? 0));
    for (const h of this.#heads) {
      const offset = last.offsets[h.node.id] ?? -1;
      h.block = null;
      h.behind = null;
      h.row = 0;
      if (h.fresh && offset === -1) continue;
      if (!h.reader.seek)
        throw new ChimeraError('CHM709', `source ${h.node.id} cannot go back to input ${offset}`, {
          source: h.node.id,
        });
      await h.reader.seek(offset);
      h.offset = offset;
    }
  }

  /**
   * A failed cycle: the whole run goes back to its last commit and runs again, now with the node known. If the same
   * cycle fails again the input is a dead letter, and the node's `on_error` decides.
   */
  async #recover(e: unknown): Promise<void> {
    if (this.#trial) {
      if (this.engine.attributed) return this.#backOut(this.#trial, e);
      // Once more with the interpreter, to know the node.
      this.#trial = { ...this.#trial, failedAt: this.engine.cycles };
      await this.#rewind();
      this.engine.attributed = true;
      return;
    }
    // Feedback or timers without end: a second run would only take as long.
    if (e instanceof ChimeraError && e.code === 'CHM706') throw e;
    const failure = this.engine.failure(e);
    const id = `${failure.source}#${failure.seq}`;
    if (!this.engine.attributed || !this.#retried.has(id)) {
      this.#retried.add(id);
      await this.#rewind();
      this.engine.attributed = true;
      return;
    }
    const node = this.plan.nodes.find((n) => n.id === failure.node);
    const key = failure.key >= 0 ? this.keys.at(failure.key).name : '';
    const cause = this.plan.causes.indexOf(failure.source);
    const known = this.engine.quarantines.some(
      (q) => q.cause === cause && q.seq === failure.seq && q.node === failure.node && q.key === failure.key,
    );
    if (!node || node.node.onError === 'stop' || known) throw stopped(failure, key);
    await this.#rewind();
    this.engine.attributed = true;
    this.engine.counters.dead_lettered++;
    this.#last!.snapshot.counters.dead_lettered++;
    this.engine.quarantines.push({ cause, seq: failure.seq, node: failure.node, key: failure.key });
    const { source, seq, code, message } = failure;
    this.#quarantined.push({ node: failure.node, key, source, seq, code, message });
  }

  #result(): RunResult {
    const quality = this.#heads.map((h) => h.reader.quality);
    return {
      graph_hash: this.plan.pipeline.hash,
      events_in: this.#events,
      cycles: this.engine.cycles,
      counters: { ...this.engine.counters },
      bad_input: quality.flatMap((q) => q?.bad_input ?? []),
      out_of_order: quality.reduce((n, q) => n + (q?.out_of_order ?? 0), 0),
      first_us: this.#firstUs,
      last_us: this.#events > 0 ? this.engine.now : null,
      until_us: this.#until,
      commits: this.#last?.epoch ?? 0,
      quarantined: this.#quarantined,
    };
  }
}

/** @throws CHM501: going on from here would lose what an rx node's time operators hold back */
function refuseHeldBack(snapshot: Snapshot): void {
  const nodes = heldBack(snapshot);
  if (nodes.length > 0)
    throw new ChimeraError(
      'CHM501',
      `rx node ${nodes.join(', ')} holds values back in time operators, which a checkpoint cannot carry`,
      { node: nodes[0]!, help: 'use a step node with ctx.after for delays, or run without --state' },
    );
}

const over = (): ChimeraError =>
  new ChimeraError('CHM754', 'the run is not at work: it has not begun, or it is over', {
    help: 'start it, and reload while it runs',
  });
