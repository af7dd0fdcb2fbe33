import type { SchedulerLike } from 'rxjs';
import type { Counter, Ctx, RunNode, Sink } from '../node.ts';
import type { PlanNode } from '../plan/plan.ts';
import type { KeyInfo, KeyTable } from '../schema/index.ts';
import type { Clock } from './clock.ts';
import { EmissionError, type Port } from './port.ts';
import type { RxRunner } from './rx-runner.ts';
import type { Fielded, ManySlot, PickedList, SingleAsMany } from './slot.ts';
import type { Timer, Timers } from './timers.ts';

/** Where an in-port reads from. */
export type InputSlot = Fielded | ManySlot | SingleAsMany | PickedList;

/** A slot that never ticks: of unconnected in-ports, and of all in-ports of a quarantined instance. */
export const SILENT = Object.freeze({ stamp: -2 }) as unknown as InputSlot;
const FAST_INPUTS = 6;

/**
 * One node for one key: state, views and context, all made once. The generated plan reads the fields directly. Those that it
 * reads in every cycle are `declare`d, so that they are written once: V8 takes a field that is never written again for a
 * constant of a known object, and a declared field without `declare` is written twice, first as undefined.
 */
export class Instance {
  readonly plan: PlanNode;
  /** Of `plan.node`; here because the interpreter looks at it in every step. */
  readonly type: RunNode;
  readonly key: KeyInfo | undefined;
  readonly ports: readonly Port[];
  /** Replaced when someone begins or ends to watch a port. */
  declare emit: Record<string, (values: unknown) => void>;
  declare readonly tick: Record<string, unknown>;
  declare readonly config: unknown;
  declare readonly ctx: Context;
  declare state: unknown;
  sink: Sink<never> | undefined;
  rx: RxRunner | undefined;
  quarantined = false;
  /** How often it ran; counted where the engine was told to. */
  runs = 0;
  readonly #inputs: readonly InputSlot[];
  /** Slots that wake the node; the first few as fields, because the generated plan tests them in place. */
  #wake: readonly InputSlot[] = [];
  declare a0: InputSlot;
  declare a1: InputSlot;
  declare a2: InputSlot;
  declare a3: InputSlot;
  declare a4: InputSlot;
  declare a5: InputSlot;

  constructor(
    plan: PlanNode,
    key: KeyInfo | undefined,
    ports: readonly Port[],
    emit: Record<string, (values: unknown) => void>,
    tick: Record<string, unknown>,
    wake: readonly InputSlot[],
    ctx: Context,
  ) {
    this.plan = plan;
    this.type = plan.node.type;
    this.key = key;
    this.ports = ports;
    this.emit = emit;
    this.tick = tick;
    this.config = plan.node.config;
    this.ctx = ctx;
    this.#inputs = wake;
    this.#listen(wake);
  }

  /** Whether any waking in-port ticked in cycle `n`. */
  woken(n: number): boolean {
    for (const slot of this.#wake) if (slot.stamp === n) return true;
    return false;
  }

  /** Source text of `woken` for a plan node with this many waking in-ports. */
  static wokenText(inputs: number): string {
    if (inputs > FAST_INPUTS) return 'i.woken(n)';
    return Array.from({ length: inputs }, (_, j) => `i.a${j}.stamp === n`).join(' || ') || 'false';
  }

  /** From now on this instance neither runs nor emits: downstream sees its last values grow old. */
  quarantine(): void {
    this.quarantined = true;
    this.#listen([]);
    for (const timer of this.ctx.timers) if (timer) timer.armed = false;
  }
  /** Undoes a quarantine: a snapshot from before it is being restored. */
  revive(): void {
    this.quarantined = false;
    this.#listen(this.#inputs);
  }
  #listen(wake: readonly InputSlot[]): void {
    this.#wake = wake;
    this.a0 = wake[0] ?? SILENT;
    this.a1 = wake[1] ?? SILENT;
    this.a2 = wake[2] ?? SILENT;
    this.a3 = wake[3] ?? SILENT;
    this.a4 = wake[4] ?? SILENT;
    this.a5 = wake[5] ?? SILENT;
  }
}

function badTimer(timeUs: number, tag: number): never {
  throw new EmissionError('CHM703', `a timer needs a time and an integer tag ≥ 1, not ${timeUs} µs with tag ${tag}`);
}

/** The `ctx` of one instance. */
export class Context implements Ctx {
  timer = 0;
  readonly node: string;
  readonly rest: readonly string[];
  readonly keys: KeyTable;
  /** Undefined on unkeyed nodes; typed as present because only keyed nodes use it. */
  readonly key: KeyInfo;
  readonly clock: Clock;
  readonly timers: Timer[] = [];
  readonly counters: Record<Counter, number>;
  /** Rx nodes only. */
  scheduler: SchedulerLike | undefined;
  readonly #queue: Timers;
  readonly #index: number;
  readonly #cause = { source: '', seq: 0 };

  constructor(
    plan: PlanNode,
    key: KeyInfo | undefined,
    keys: KeyTable,
    clock: Clock,
    queue: Timers,
    counters: Record<Counter, number>,
  ) {
    this.node = plan.node.name ?? plan.id;
    this.rest = plan.inputs.filter((i) => i.rest).map((i) => i.port);
    this.keys = keys;
    this.key = key as KeyInfo;
    this.clock = clock;
    this.counters = counters;
    this.#queue = queue;
    this.#index = plan.index;
  }
  get now(): number {
    return this.clock.now;
  }
  get cause(): { readonly source: string; readonly seq: number } {
    const c = this.#cause;
    c.source = this.clock.causes[this.clock.cause]!;
    c.seq = this.clock.seq;
    return c;
  }
  at(timeUs: number, tag: number): void {
    // Tag 0 would look like an input; a due time that is not a number would break the order of all timers.
    if (!(tag >= 1 && Math.floor(tag) === tag && !Number.isNaN(timeUs))) badTimer(timeUs, tag);
    const { clock } = this;
    const due = Math.max(Math.ceil(timeUs), clock.now);
    const timer = this.#timer(tag);
    timer.generation = 0;
    timer.inputSource = -1;
    timer.inputSeq = -1;
    if (due === clock.now) {
      const { source, seq, generation } = clock.stamp();
      timer.generation = generation + 1;
      timer.inputSource = source;
      timer.inputSeq = seq;
    }
    this.#queue.arm(timer, due);
    if (due < clock.due) clock.due = due;
  }
  after(durationUs: number, tag: number): void {
    this.at(this.clock.now + durationUs, tag);
  }
  cancel(tag: number): void {
    const timer = this.timers[tag];
    if (timer) timer.armed = false;
  }
  count(counter: Counter, n = 1): void {
    this.counters[counter] += n;
  }
  /** Puts a timer back as a snapshot held it. */
  rearm(tag: number, due: number, generation: number, inputSource: number, inputSeq: number): void {
    const timer = this.#timer(tag);
    timer.generation = generation;
    timer.inputSource = inputSource;
    timer.inputSeq = inputSeq;
    this.#queue.arm(timer, due);
  }
  #timer(tag: number): Timer {
    let timer = this.timers[tag];
    if (!timer) {
      timer = {
        due: 0,
        node: this.#index,
        key: (this.key as KeyInfo | undefined)?.index ?? -1,
        tag,
        creation: 0,
        generation: 0,
        inputSource: -1,
        inputSeq: -1,
        heapDue: 0,
        heapCreation: 0,
        heapGeneration: 0,
        armed: false,
        queued: false,
        firedAt: Number.NaN,
        rounds: 0,
      };
      this.timers[tag] = timer;
    }
    return timer;
  }
}
