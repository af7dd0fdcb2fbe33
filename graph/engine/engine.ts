import type { Counter } from '../node.ts';
import type { Plan, PlanNode } from '../plan/plan.ts';
import { type Block, ChimeraError, type KeyTable } from '../schema/index.ts';
import type { Clock } from './clock.ts';
import { Core, type Exit } from './core.ts';
import type { Arrival, Cycles } from './cycles.ts';
import { type Delivered, Feedback } from './feedback.ts';
import { GeneratedPlan } from './generated.ts';
import type { Instance } from './instance.ts';
import { Interpreter } from './interpreter.ts';
import { holdSnapshot, restoreSnapshot, type Snapshot } from './snapshot.ts';
import { END, END_SOURCE, FEEDBACK, INPUT, NO_PATH, type Stamp, startOf, TIMER } from './stamp.ts';
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
  /** Puts something behind ports. */
  exit?: Exit;
  /** Counts how often each instance runs. */
  count?: boolean;
}

/** What begins a cycle without an input. */
export type Upcoming = { readonly node: number; readonly key: number } & (
  | { readonly kind: 'delivery'; readonly out: number; readonly emitted: Stamp }
  | { readonly kind: 'timer'; readonly tag: number; readonly due: number }
);

/** Rounds of delay-0 feedback at one time before it is taken for an endless loop. */
const MAX_ROUNDS = 1000;
/** More than there are instruments. */
const MAX_KEYS = 2 ** 20;
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
  /** How many cycles each of `Plan.causes` has begun by timers and deliveries: their numbers. */
  fired: number[];
  /** The same of causes that this graph does not have and one before it had. */
  #retired: Record<string, number> = {};
  #cyclesBefore = 0;
  /** Instances to silence just before a cycle with a known cause: how a repeated failure is passed over on the re-run. */
  readonly quarantines: { cause: number; seq: number; node: string; key: number }[] = [];

  constructor(plan: Plan, keys: KeyTable, options: EngineOptions = {}) {
    const wanted = options.taps ?? [];
    const tap = (n: PlanNode, out: number, clock: Clock) => {
      const { port, schema } = n.outs[out]!;
      return wanted === '*' || wanted.includes(`${n.id}.${port}`)
        ? createTap(n.id, port, schema, clock, options.digests)
        : undefined;
    };
    this.core = new Core(plan, keys, tap, options.exit);
    this.#feedback = new Feedback(this.core);
    const onFeedback = (node: number, out: number, key: number) => this.#feedback.emitted(node, out, key);
    this.#interpreter = new Interpreter(this.core, onFeedback);
    this.#fast =
      options.mode === 'interpreted'
        ? this.#interpreter
        : new GeneratedPlan(this.core, onFeedback, options.count === true);
    this.#cycles = this.#fast;
    this.fired = plan.causes.map(() => 0);
    this.waiting = plan.nodes.filter((n) => n.node.type.kind === 'async').map((n) => n.id);
  }

  get now(): number {
    return this.core.clock.now;
  }
  /** Cycles since the run began, those before a restored snapshot included. */
  get cycles(): number {
    return this.#cyclesBefore + this.core.clock.n;
  }
  /** Rows that had no cycle of their own, as nothing would have come of it. They count as cycles. */
  get quietRows(): number {
    return this.#fast instanceof GeneratedPlan ? this.#fast.quietRows : 0;
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
      this.#inputsNext();
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
      this.#inputsNext();
      if (stop > i)
        i = yield* this.#cycles.waitBlock(source, stop === block.n ? block : { ...block, n: stop }, i, limit);
    }
    if (clock.urgent) yield* this.waitSettle(clock.now);
    return i;
  }

  /** The place of the next cycle that begins inside: a delivery or a timer. */
  peek(): Stamp | undefined {
    const immediate = this.#feedback.first;
    if (immediate) return immediate.stamp;
    const timer = this.core.timers.peek();
    const delayed = this.#feedback.firstDelayed;
    if (delayed && delayed.due <= (timer?.due ?? Number.POSITIVE_INFINITY)) return this.#delayedStamp(delayed);
    return timer && this.#timerStamp(timer);
  }
  /** Something without delay waits to be delivered. */
  get pending(): boolean {
    return this.#feedback.pending;
  }
  /** Runs that cycle, if it is due by `t`. @returns false when nothing is */
  step(t = Number.POSITIVE_INFINITY): boolean {
    const d = this.#takeDue(t);
    if (!d) this.#settled();
    else if ('tag' in d) this.#cycles.fire(d.node, d.key, d.tag);
    else this.#cycles.deliver(d.node, d.out, d.key);
    return d !== undefined;
  }
  *waitStep(t: number): Waiting<boolean> {
    const d = this.#takeDue(t);
    if (!d) this.#settled();
    else if ('tag' in d) yield* this.#cycles.waitFire(d.node, d.key, d.tag);
    else yield* this.#cycles.waitDeliver(d.node, d.out, d.key);
    return d !== undefined;
  }
  /** Runs the cycle of one row alone; `step` has said that nothing comes before it, and what it sets off waits. */
  row(source: number, block: Block, row: number): void {
    this.#stopBefore(source, block, row);
    this.#inputsNext();
    this.#cycles.block(source, { ...block, n: row + 1 }, row, Number.POSITIVE_INFINITY);
  }
  *waitRow(source: number, block: Block, row: number): Waiting<void> {
    this.#stopBefore(source, block, row);
    this.#inputsNext();
    yield* this.#cycles.waitBlock(source, { ...block, n: row + 1 }, row, Number.POSITIVE_INFINITY);
  }
  /** What `step` would run: a record on its way, with the place of the cycle that emitted it, or a timer. */
  get upcoming(): Upcoming | undefined {
    const immediate = this.#feedback.first;
    const timer = this.core.timers.peek();
    const delayed = this.#feedback.firstDelayed;
    const d = immediate ?? (delayed && delayed.due <= (timer?.due ?? Number.POSITIVE_INFINITY) ? delayed : undefined);
    if (!d) return timer && { kind: 'timer', node: timer.node, key: timer.key, tag: timer.tag, due: timer.due };
    const { path } = d.stamp;
    const emitted = this.#feedback.isDelayed(d) ? d.stamp : { ...d.stamp, path: path.slice(0, -2) };
    return { kind: 'delivery', node: d.node, key: d.key, out: d.out, emitted };
  }
  /** Begins a cycle that began in another part; its records are to be loaded, then `arrived` runs what they set off. */
  enter(stamp: Stamp, cause: number, seq: number): void {
    const { clock } = this.core;
    clock.enter(stamp);
    clock.n++;
    clock.cause = cause;
    clock.seq = seq;
    this.#feedback.round = stamp.path.length + 1;
    for (const q of this.quarantines) if (q.cause === cause && q.seq === seq) this.quarantine(q.node, q.key);
  }
  arrived(arrival: Arrival, key: number): void {
    this.#cycles.remote(arrival, key);
  }
  /** Feedback of another part, emitted in the cycle with that stamp: kept until it is due. */
  later(node: number, out: number, key: number, rows: Record<string, unknown>[], emitted: Stamp, dueUs: number): void {
    this.#feedback.delay({ due: dueUs, round: 0, node, out, key, rows, stamp: emitted });
  }
  /** Passes time without a cycle. */
  passTo(t: number): void {
    if (t > this.core.clock.now) this.core.clock.now = t;
  }
  /** The instances that have an `end`, with the places of these last cycles. */
  endings(): { stamp: Stamp; instance: Instance }[] {
    return this.#ending().map((instance) => ({ stamp: this.#endStamp(instance), instance }));
  }
  runEnd(instance: Instance): void {
    this.#beginEnd(instance);
    this.#cycles.end(instance.plan.index, instance.key?.index ?? -1);
  }

  #inputsNext(): void {
    const { clock } = this.core;
    clock.phase = INPUT;
    clock.path = NO_PATH;
    clock.generation = 0;
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
    clock.enter(this.#timerStamp(timer));
    if (timer.firedAt !== clock.now) timer.rounds = 0;
    timer.firedAt = clock.now;
    if (++timer.rounds > MAX_ROUNDS)
      throw new ChimeraError(
        'CHM706',
        `a timer of ${this.core.plan.nodes[timer.node]!.id} fires ${MAX_ROUNDS} times at one time`,
        {
          node: this.core.plan.nodes[timer.node]!.id,
          help: 'set the timer to a later time than now when it has just fired',
        },
      );
    this.#feedback.round = 1;
    this.#begin(this.core.plan.nodes[timer.node]!.ordinal);
    return timer;
  }
  #settled(): void {
    const { clock, timers } = this.core;
    clock.due = Math.min(timers.due, this.#feedback.due);
    clock.urgent = false;
    this.#feedback.round = 1;
  }
  #endless({ node }: Delivered): never {
    const { id } = this.core.plan.nodes[node]!;
    throw new ChimeraError('CHM706', `feedback of ${id} goes round ${MAX_ROUNDS} times at one time`, {
      node: id,
      help: 'give the feedback a delay, or break the loop in the node that answers each report with an order',
    });
  }

  /** After the last input: every node's `end`, in order of execution. */
  end(): void {
    this.settle(this.now);
    for (const i of this.#ending()) {
      this.#beginEnd(i);
      this.#cycles.end(i.plan.index, i.key?.index ?? -1);
      this.settle(this.now);
    }
  }
  *waitEnd(): Waiting<void> {
    yield* this.waitSettle(this.now);
    for (const i of this.#ending()) {
      this.#beginEnd(i);
      yield* this.#cycles.waitEnd(i.plan.index, i.key?.index ?? -1);
      yield* this.waitSettle(this.now);
    }
  }
  #ending(): Instance[] {
    return [...this.core.instances()].filter(({ plan: { node } }) => node.type.kind === 'step' && node.type.end);
  }

  #endStamp({ plan: { ordinal }, key }: Instance): Stamp {
    const { clock, live } = this.core;
    const seq = ordinal * MAX_KEYS + (key ? live.indexOf(key.index) : 0);
    return { ...startOf(clock.now), source: END_SOURCE, seq, phase: END };
  }
  #beginEnd(instance: Instance): void {
    this.core.clock.enter(this.#endStamp(instance));
    this.#begin(instance.plan.ordinal);
  }
  #deliver(d: Delivered): void {
    this.core.clock.enter(this.#feedback.isDelayed(d) ? this.#delayedStamp(d) : d.stamp);
    this.#feedback.round = d.round + 1;
    this.#begin(this.core.plan.nodes[d.node]!.portCauses[d.out]!);
    this.#feedback.write(d);
  }
  /** A cycle caused by a timer or a delivery: numbered per node and port, so that it has the same name in every placement. */
  #begin(cause: number): void {
    const { clock } = this.core;
    clock.n++;
    clock.cause = cause;
    clock.seq = this.fired[cause]!++;
    for (const q of this.quarantines) if (q.cause === cause && q.seq === clock.seq) this.quarantine(q.node, q.key);
  }
  #timerStamp({ due, inputSource, inputSeq, generation, node }: Timer): Stamp {
    const { declaration, ordinal } = this.core.plan.nodes[node]!;
    // An overdue timer of a restored snapshot fires now.
    const t = Math.max(due, this.core.clock.now);
    const number = this.fired[ordinal]!;
    return {
      t,
      source: inputSource,
      seq: inputSeq,
      phase: TIMER,
      generation,
      place: declaration,
      number,
      path: NO_PATH,
    };
  }
  #delayedStamp({ due, node, out }: Delivered): Stamp {
    const place = this.core.plan.nodes[node]!.portCauses[out]!;
    return { ...startOf(due), phase: FEEDBACK, place, number: this.fired[place]! };
  }
  /** Applies quarantines due at row `from`, and says where the next one is. */
  #stopBefore(source: number, block: Block, from: number): number {
    let stop = block.n;
    for (const q of this.quarantines) {
      if (q.cause !== this.core.plan.nodes[source]!.ordinal) continue;
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
    return this.lookAt();
  }
  /** The same, read back when it is first asked for: a run that nothing befalls never does. */
  hold(): () => Snapshot {
    return holdSnapshot(this.core, this.#feedback, this.fired, this.cycles, this.#retired);
  }
  /** What one node holds, in the form of a snapshot; all of them without a name. */
  lookAt(node?: string): Snapshot {
    return holdSnapshot(this.core, this.#feedback, this.fired, this.cycles, this.#retired, node)();
  }
  /** Puts a snapshot back; keeps nodes whose spec agrees, migrates older ones, starts others cold. */
  restore(snapshot: Snapshot): void {
    this.fired = restoreSnapshot(this.core, this.#feedback, snapshot);
    const { clock, plan } = this.core;
    this.#retired = Object.fromEntries(Object.entries(snapshot.fired).filter(([name]) => !plan.causes.includes(name)));
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
