import type { CheckpointStore } from '../checkpoint/store.ts';
import { encode } from '../codec/index.ts';
import type { Pipeline } from '../document/types.ts';
import { Engine } from '../engine/engine.ts';
import { heldBack, type Snapshot } from '../engine/snapshot.ts';
import type { Tap } from '../engine/tap.ts';
import type { Waiting } from '../engine/waiting.ts';
import type { CommandSink, CommitMark, Counter, Env, Gateway, InPorts, Sink } from '../node.ts';
import { Answers } from '../outcome/answers.ts';
import { type OutcomeJournal, Outcomes } from '../outcome/journal.ts';
import { type Wall, wall } from '../outcome/wall.ts';
import { createPlan, type Plan, type PlanNode } from '../plan/plan.ts';
import {
  type BadInput,
  type Block,
  type BlockReader,
  ChimeraError,
  KeyTable,
  type LiveReader,
} from '../schema/index.ts';
import { adaptReader } from './adapt-reader.ts';
import { type Live, liveLoop, refuseDead } from './live.ts';
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

interface Head {
  node: PlanNode;
  reader: BlockReader;
  block: Block | null;
  row: number;
  /** Number of the last input run. */
  offset: number;
  /** Nothing has been read yet. */
  fresh: boolean;
}
interface OpenSink {
  node: PlanNode;
  sink: Sink<never>;
}

const COMMIT_INPUTS = 65_536;

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
  readonly plan: Plan;
  readonly keys: KeyTable;
  readonly engine: Engine;
  /** Checkpoints that could not be read at the start. */
  readonly damaged: { epoch: number; message: string }[] = [];
  readonly #options: RunOptions;
  /** Present when the plan has asynchronous nodes. */
  readonly #answers: Answers | undefined;
  #heads: Head[] = [];
  #sinks: OpenSink[] = [];
  #commands: CommandSink<never>[] = [];
  #until: number | null = null;
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
    this.plan = plan;
    this.#options = options;
    this.keys = options.keys ?? new KeyTable();
    this.engine = new Engine(plan, this.keys, {
      mode: options.mode ?? 'generated',
      taps: options.taps ?? [],
      digests: options.digests ?? false,
      count: options.count ?? false,
    });
    if (this.engine.waiting.length > 0)
      this.#answers = new Answers(options.outcomes ?? new Outcomes(), options.wall ?? wall);
  }

  async execute(): Promise<RunResult> {
    await this.#open();
    for (;;) {
      try {
        if (await this.#drive()) break;
      } catch (e) {
        if (!(e instanceof FailedCycle)) throw e;
        await this.#recover(e.cause);
      }
    }
    await this.#commit();
    return this.#result();
  }

  async close(): Promise<void> {
    for (const h of this.#heads) await h.reader.close();
    for (const { sink } of this.#sinks) await sink.close();
    await this.#answers?.close();
    this.#heads = [];
    this.#sinks = [];
  }

  async #open(): Promise<void> {
    const env = (node: PlanNode): Env => ({
      keys: this.keys,
      inputs: this.#options.inputs ?? [],
      dir: this.#options.dir,
      pipeline: this.plan.pipeline.name,
      node: node.id,
      seed: this.#options.seed ?? 1,
      ...(this.#options.live ? { clock: this.#options.live.clock } : {}),
      ...(this.#options.access ? { access: this.#options.access } : {}),
    });
    const { store } = this.#options;
    const { commit: stored, damaged } = await readCheckpoint(store, this.plan.pipeline.name);
    this.damaged.push(...damaged);
    if (stored) this.#options.live?.clock.notBefore(stored.until ?? stored.snapshot.now);
    // States may hold key indices: keys get the numbers they had, before a source gives them new ones.
    for (const k of stored?.snapshot.keys ?? []) this.keys.declare(k.name, k.pxDigits, k.qtyDigits);
    const gateways = new Map<string, Gateway<InPorts>>();
    for (const node of this.plan.nodes) {
      const { type, gateway } = node.node;
      if (type.kind === 'source') {
        const given = this.#options.readers?.[node.id];
        let reader: BlockReader;
        if (given) reader = await given(this.keys);
        else if (gateway) {
          const both = await gateway.type.open(node.node.config as never, env(node));
          gateways.set(node.id, both);
          reader = both.reader;
        } else reader = await type.open(node.node.config as never, env(node));
        this.#heads.push({ node, reader: adaptReader(reader, node), block: null, row: 0, offset: -1, fresh: true });
      } else if (type.kind === 'sink') {
        const inputs = Object.fromEntries(node.node.inputs.map((e) => [e.port, e.schema]));
        let sink: Sink<never>;
        if (gateway) {
          const commands = (gateways.get(gateway.id)?.sink ?? NOWHERE) as CommandSink<never>;
          this.#commands.push(commands);
          sink = commands;
        } else sink = (await type.open(node.node.config as never, env(node), { inputs })) as Sink<never>;
        this.#sinks.push({ node, sink });
        this.engine.core.single[node.index]!.sink = sink;
      }
    }
    await this.#answers?.open(this.plan, env);
    const { wrap } = this.#options;
    if (wrap) for (const h of this.#heads) h.reader = wrap(h.node.id, h.reader);
    // The order of equal times is the sources' order of declaration.
    this.#heads.sort((a, b) => a.node.declaration - b.node.declaration);
    if (this.#options.live) refuseDead(this.#heads.map((h) => [h.node.id, h.reader]));
    if (stored) {
      this.#last = stored;
      await this.#rewind();
    } else this.#last = this.#checkpoint(0);
  }

  /** @returns true at the end of all inputs */
  async #drive(): Promise<boolean> {
    const { engine } = this;
    const { onBlock, onProgress, pace, signal } = this.#options;
    const every = this.#options.commitInputs ?? COMMIT_INPUTS;
    let paceZero: number | undefined;
    for (;;) {
      for (const h of this.#heads)
        if (h.block === null || h.row >= h.block.n) {
          const behind = this.#sinceCommit >= every;
          if (behind) await this.#commit();
          h.block = await h.reader.read();
          h.fresh = false;
          h.row = 0;
          if (h.block && onBlock) await onBlock(h.node.id, h.block, h.reader);
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
      onProgress?.({ events: this.#events, now: engine.now, engine });
    }
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
      await (this.#answers ? this.#wait(engine.waitEnd()) : this.#cycle(() => engine.end()));
    this.#ended = !this.#options.open;
    return true;
  }

  /** The journals are run up to their ends: from here on the world is. */
  #driveLive(live: Live): Promise<void> {
    const { engine } = this;
    return liveLoop(live, {
      readers: this.#heads.map((h) => h.reader as LiveReader),
      stopped: () => this.#options.signal?.aborted === true,
      nextDue: () => engine.nextDue,
      commit: () => this.#commit(),
      run: async (now) => {
        await this.#takeArrived(now);
        await this.#settle(now);
        this.#until = now;
        const leaving = this.#commands.filter((c) => c.pending?.() ?? true);
        if (leaving.length > 0) live.sync();
        for (const c of leaving) c.flush();
        this.#options.onProgress?.({ events: this.#events, now, engine });
      },
    });
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
    const offsets = Object.fromEntries(this.#heads.map((h) => [h.node.id, h.offset]));
    const until = this.#until;
    return { epoch, offsets, snapshot: this.engine.snapshot(), events: this.#events, ended: this.#ended, until };
  }

  async #commit(): Promise<void> {
    const commit = this.#checkpoint((this.#last?.epoch ?? 0) + 1);
    const { store } = this.#options;
    if (store) refuseHeldBack(commit.snapshot);
    if (!store) await this.#write(commit);
    else
      await store.transaction(async () => {
        await this.#write(commit);
        const { epoch, offsets, snapshot, events, ended, until } = commit;
        const { name: pipeline, hash: graph } = this.plan.pipeline;
        await store.saveCheckpoint({
          pipeline,
          graph,
          epoch,
          now: this.engine.now,
          offsets,
          blob: encode({ snapshot, events, ended, until }),
        });
      });
    this.#answers?.committed(commit.epoch);
    this.#last = commit;
    this.#sinceCommit = 0;
    this.#retried.clear();
    this.engine.attributed = false;
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
    this.engine.restore(last.snapshot);
    this.#events = last.events;
    this.#ended = last.ended;
    this.#sinceCommit = 0;
    for (const { sink } of this.#sinks) sink.rollback();
    for (const tap of this.engine.taps) tap.truncate(this.#options.onTap ? 0 : (this.#tapRows.get(tap) ?? 0));
    for (const h of this.#heads) {
      const offset = last.offsets[h.node.id] ?? -1;
      h.block = null;
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

/** Where the commands of a replay go. */
const NOWHERE: CommandSink<InPorts> = {
  write() {},
  flush() {},
  pending: () => false,
  commit: () => Promise.resolve(),
  rollback() {},
  close: () => Promise.resolve(),
};
