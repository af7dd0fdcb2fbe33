import type { Counter } from '../node.ts';
import type { Plan } from '../plan/plan.ts';
import { type Block, ChimeraError, type KeyTable } from '../schema/index.ts';
import { Core } from './core.ts';
import type { Cycles } from './cycles.ts';
import { type Delivered, Feedback } from './feedback.ts';
import { GeneratedPlan } from './generated.ts';
import type { Instance } from './instance.ts';
import { Interpreter } from './interpreter.ts';
import { type Snapshot, takeSnapshot, useSnapshot } from './snapshot.ts';
import { createTap, type Tap } from './tap.ts';
import type { Timer } from './timers.ts';
import { refuseWaiting, type Waiting } from './waiting.ts';

export interface EngineOptions {
  /** `generated` (default) or the reference. */
  mode?: 'generated' | 'interpreted';
  /** Which ports to tap: `node.port`; all with '*'. */
  taps?: readonly string[] | '*';
  /** Taps keep digests of list fields instead of the lists. */
  digests?: boolean;
}

/** Rounds of delay-0 feedback at one time before it is taken for an endless loop. */
const MAX_ROUNDS = 1000;
/** Deliveries without delay at one time: a loop that multiplies would fill the memory before it goes round so often. */
const MAX_DELIVERIES = 1_000_000;

/** A failed cycle: what failed where. The engine's state is then unusable until a snapshot is restored. */
export class CycleError extends Error {
  readonly code: string;
  readonly node: string;
  readonly key: number;
  readonly source: string;
  readonly seq: number;
  readonly field: string | undefined;
  constructor(cause: unknown, place: { node: string; key: number; source: string; seq: number }) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    const known = cause as { code?: string; field?: string };
    this.code = typeof known?.code === 'string' && known.code.startsWith('CHM') ? known.code : 'CHM703';
    this.field = known?.field;
    this.node = place.node;
    this.key = place.key;
    this.source = place.source;
    this.seq = place.seq;
  }
}

/**
 * One partition's engine: executes inputs in total order, with timers and feedback between them (design §4).
 * Synchronous; reading sources, committing sinks and error policy belong to the runner.
 */
export class Engine {
  readonly core: Core;
  readonly #interpreter: Interpreter;
  readonly #fast: Cycles;
  #cycles: Cycles;
  readonly #feedback: Feedback;
  #deliveries = 0;
  /** Asynchronous nodes: with some, `waitRun`, `waitSettle` and `waitEnd` take the place of `run`, `settle` and `end`. */
  readonly waiting: readonly string[];
  /** Timers and feedback fired per node: their numbers as causes. */
  fired: number[];
  #cyclesBefore = 0;
  /** Instances to silence just before a cycle with a known cause: how a repeated failure is passed over on the re-run. */
  readonly quarantines: { cause: number; seq: number; node: string; key: number }[] = [];

  constructor(plan: Plan, keys: KeyTable, options: EngineOptions = {}) {
    const wanted = options.taps ?? [];
    this.core = new Core(plan, keys, (n, out, clock) => {
      const { port, schema } = n.outs[out]!;
      return wanted === '*' || wanted.includes(`${n.id}.${port}`)
        ? createTap(n.id, port, schema, clock, options.digests)
        : undefined;
    });
    this.#feedback = new Feedback(this.core);
    const onFeedback = (node: number, out: number, key: number) => this.#feedback.emitted(node, out, key);
    this.#interpreter = new Interpreter(this.core, onFeedback);
    this.#fast = options.mode === 'interpreted' ? this.#interpreter : new GeneratedPlan(this.core, onFeedback);
    this.#cycles = this.#fast;
    this.fired = plan.nodes.map(() => 0);
    this.waiting = plan.nodes.filter((n) => n.node.type.kind === 'async').map((n) => n.id);
  }

  get now(): number {
    return this.core.clock.now;
  }
  /** Cycles since the run began, those before a restored snapshot included. */
  get cycles(): number {
    return this.#cyclesBefore + this.core.clock.n;
  }
  get counters(): Record<Counter, number> {
    return this.core.counters;
  }
  get taps(): Tap[] {
    return this.core.taps.flat().filter((t) => t !== undefined);
  }
  tap(node: string, port: string): Tap | undefined {
    return this.taps.find((t) => t.node === node && t.port === port);
  }

  /**
   * Runs rows [from, …) of a block whose times lie before `limit`, firing what is due in between.
   * @returns the first row not run
   */
  run(source: number, block: Block, from: number, limit = Number.POSITIVE_INFINITY): number {
    if (this.waiting.length > 0) refuseWaiting(this.waiting);
    let i = from;
    const { clock } = this.core;
    while (i < block.n && block.t[i]! < limit) {
      this.settle(Math.max(block.t[i]!, clock.now));
      const stop = this.#stopBefore(source, block, i);
      if (stop > i) i = this.#cycles.block(source, stop === block.n ? block : { ...block, n: stop }, i, limit);
    }
    if (clock.urgent) this.settle(clock.now);
    return i;
  }
  *waitRun(source: number, block: Block, from: number, limit = Number.POSITIVE_INFINITY): Waiting<number> {
    let i = from;
    const { clock } = this.core;
    while (i < block.n && block.t[i]! < limit) {
      yield* this.waitSettle(Math.max(block.t[i]!, clock.now));
      const stop = this.#stopBefore(source, block, i);
      if (stop > i)
        i = yield* this.#cycles.waitBlock(source, stop === block.n ? block : { ...block, n: stop }, i, limit);
    }
    if (clock.urgent) yield* this.waitSettle(clock.now);
    return i;
  }

  /** Engine time (µs) at which something fires without an input; Infinity = nothing waits. */
  get nextDue(): number {
    return Math.min(this.#feedback.due, this.core.timers.peek()?.due ?? Number.POSITIVE_INFINITY);
  }
  /** Delivers what is immediate, then fires delayed feedback and timers due up to `t`, in order. */
  settle(t: number): void {
    this.#deliveries = 0;
    for (let d = this.#takeDue(t); d; d = this.#takeDue(t))
      if ('tag' in d) this.#cycles.fire(d.node, d.key, d.tag);
      else this.#cycles.deliver(d.node, d.out, d.key);
    this.#settled();
  }
  *waitSettle(t: number): Waiting<void> {
    this.#deliveries = 0;
    for (let d = this.#takeDue(t); d; d = this.#takeDue(t))
      if ('tag' in d) yield* this.#cycles.waitFire(d.node, d.key, d.tag);
      else yield* this.#cycles.waitDeliver(d.node, d.out, d.key);
    this.#settled();
  }
  /** Begins the cycle of what comes first: immediate deliveries, then what is due up to `t`. */
  #takeDue(t: number): Delivered | Timer | undefined {
    const { clock, timers } = this.core;
    const immediate = this.#feedback.immediate();
    if (immediate) {
      if (immediate.round > MAX_ROUNDS || ++this.#deliveries > MAX_DELIVERIES) this.#endless(immediate);
      this.#deliver(immediate);
      return immediate;
    }
    const timerDue = timers.peek()?.due ?? Number.POSITIVE_INFINITY;
    const due = Math.min(this.#feedback.due, timerDue);
    if (due > t) return undefined;
    this.#deliveries = 0;
    if (due > clock.now) clock.now = due;
    if (this.#feedback.due <= timerDue) {
      const delayed = this.#feedback.take()!;
      this.#deliver(delayed);
      return delayed;
    }
    const timer = timers.take(clock.now)!;
    if (timer.firedAt !== clock.now) timer.rounds = 0;
    timer.firedAt = clock.now;
    if (++timer.rounds > MAX_ROUNDS)
      throw new ChimeraError('CHM706', `a timer of ${clock.causes[timer.node]} fires ${MAX_ROUNDS} times at one time`, {
        node: clock.causes[timer.node]!,
        help: 'set the timer to a later time than now when it has just fired',
      });
    this.#feedback.round = 1;
    this.#begin(timer.node);
    return timer;
  }
  #settled(): void {
    const { clock, timers } = this.core;
    clock.due = Math.min(timers.due, this.#feedback.due);
    clock.urgent = false;
    this.#feedback.round = 1;
  }
  #endless({ node }: Delivered): never {
    const id = this.core.clock.causes[node]!;
    throw new ChimeraError('CHM706', `feedback of ${id} goes round ${MAX_ROUNDS} times at one time`, {
      node: id,
      help: 'give the feedback a delay, or break the loop in the node that answers each report with an order',
    });
  }

  /** After the last input: every node's `end`, in order of execution. */
  end(): void {
    this.settle(this.now);
    for (const i of this.#ending()) {
      this.#begin(i.plan.index);
      this.#cycles.end(i.plan.index, i.key?.index ?? -1);
      this.settle(this.now);
    }
  }
  *waitEnd(): Waiting<void> {
    yield* this.waitSettle(this.now);
    for (const i of this.#ending()) {
      this.#begin(i.plan.index);
      yield* this.#cycles.waitEnd(i.plan.index, i.key?.index ?? -1);
      yield* this.waitSettle(this.now);
    }
  }
  #ending(): Instance[] {
    return [...this.core.instances()].filter(({ plan: { node } }) => node.type.kind === 'step' && node.type.end);
  }

  #deliver(d: Delivered): void {
    this.#feedback.round = d.round + 1;
    this.#begin(d.node);
    this.#feedback.write(d);
  }
  /** A cycle caused by a node's own timer or feedback: numbered per node, so that it has the same name in every placement. */
  #begin(node: number): void {
    const { clock } = this.core;
    clock.n++;
    clock.cause = node;
    clock.seq = this.fired[node]!++;
    for (const q of this.quarantines) if (q.cause === node && q.seq === clock.seq) this.quarantine(q.node, q.key);
  }
  /** Applies quarantines due at row `from`, and says where the next one is. */
  #stopBefore(source: number, block: Block, from: number): number {
    let stop = block.n;
    for (const q of this.quarantines) {
      if (q.cause !== source) continue;
      const row = q.seq - block.seq0;
      if (row === from) this.quarantine(q.node, q.key);
      else if (row > from && row < stop) stop = row;
    }
    return stop;
  }

  /** Turns what was thrown in a cycle into a coded error that says where. Exact when `attributed` ran the cycle. */
  failure(e: unknown): CycleError {
    const { clock, plan } = this.core;
    const running = this.#interpreter.running;
    return new CycleError(e, {
      node: this.attributed && running >= 0 ? plan.nodes[running]!.id : '',
      key: this.#interpreter.runningKey,
      source: clock.causes[clock.cause]!,
      seq: clock.seq,
    });
  }
  /** Runs with the interpreter, which knows the node that fails. */
  get attributed(): boolean {
    return this.#cycles === this.#interpreter;
  }
  set attributed(on: boolean) {
    this.#cycles = on ? this.#interpreter : this.#fast;
  }

  /** Copies everything that the future depends on. Between cycles only. */
  snapshot(): Snapshot {
    return takeSnapshot(this.core, this.#feedback, this.fired, this.cycles);
  }
  /** Puts a snapshot back; keeps nodes whose spec agrees, migrates older ones, starts others cold. */
  restore(snapshot: Snapshot): void {
    this.fired = useSnapshot(this.core, this.#feedback, snapshot);
    const { clock } = this.core;
    this.#cyclesBefore = snapshot.cycles - clock.n;
    clock.due = Math.min(this.core.timers.due, this.#feedback.due);
    clock.urgent = this.#feedback.pending;
  }
  /** Silences an instance for good: its inputs no longer reach it. */
  quarantine(node: string, key: number): void {
    const plan = this.core.plan.nodes.find((n) => n.id === node)!;
    // The input that failed may be the first of its key.
    if (key >= 0) this.core.enliven(key);
    this.core.instance(plan.index, key)?.quarantine();
  }
}
