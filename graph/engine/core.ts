import {
  type AnyAsync,
  type Counter,
  type InPorts,
  inPortsOf,
  type RunNode,
  type RxCtx,
  type StepNode,
} from '../node.ts';
import type { Plan, PlanNode } from '../plan/plan.ts';
import { ChimeraError, type KeyInfo, type KeyTable } from '../schema/index.ts';
import { Clock } from './clock.ts';
import { Context, type InputSlot, Instance, SILENT } from './instance.ts';
import { createEmit, createLoader, createPort, inUnits, keyList, type Loader, type Port } from './port.ts';
import { RxRunner } from './rx-runner.ts';
import { type Fielded, ManySlot, PickedList, SingleAsMany, slotClass } from './slot.ts';
import type { Stamp } from './stamp.ts';
import type { Tap, Watcher } from './tap.ts';
import { Timers } from './timers.ts';

/** Puts something behind a port: sees its records, and hands them to the tap. Undefined = only the tap. */
export type Exit = (node: PlanNode, out: number, tap: Tap | undefined) => Watcher | undefined;

/** Everything a run holds in memory: instances per node and key, slots, timers. Made from a plan; moved by the cycles. */
export class Core {
  readonly plan: Plan;
  readonly keys: KeyTable;
  readonly clock = new Clock();
  readonly timers: Timers;
  readonly counters: Record<Counter, number> = { filtered: 0, late: 0, dead_lettered: 0, dropped: 0 };
  /** Taps by plan node and out-port. */
  readonly taps: readonly (Tap | undefined)[][];
  /** Who sees the records of each port: its tap, and whoever sends them on. */
  readonly #watchers: (Watcher | undefined)[][];
  /** The same without those that came later. */
  readonly #fixed: readonly (Watcher | undefined)[][];
  /** Keyed nodes: instances by key index. */
  readonly keyed: Instance[][];
  /** Unkeyed nodes. */
  readonly single: (Instance | undefined)[];
  /** By source plan index, out-port, key index (0 for unkeyed ports). */
  readonly loaders: Loader[][][] = [];
  /** Keys with instances, in order of name: the order in which a basket runs. */
  live: number[] = [];
  readonly isLive: boolean[] = [];
  /** Keys that came to life since someone last looked, with the cycle in which they did. */
  births: { key: number; stamp: Stamp }[] = [];
  /** Source slots and delivered feedback: node → out → key index (0 for unkeyed) → port and its writer. */
  readonly entries: Entry[][][] = [];
  readonly deliveries: Entry[][][] = [];
  readonly #anyLists = new Map<string, ManySlot>();

  constructor(
    plan: Plan,
    keys: KeyTable,
    tap: (node: PlanNode, out: number, clock: Clock) => Tap | undefined,
    exit?: Exit,
  ) {
    this.plan = plan;
    this.keys = keys;
    this.clock.causes = plan.causes;
    this.clock.declarations = plan.declarations;
    this.timers = new Timers(plan.nodes.map((n) => n.declaration));
    this.taps = plan.nodes.map((n) => n.outs.map((_, out) => tap(n, out, this.clock)));
    this.#fixed = exit ? plan.nodes.map((n, i) => n.outs.map((_, o) => exit(n, o, this.taps[i]![o]))) : this.taps;
    this.#watchers = this.#fixed.map((row) => [...row]);
    this.keyed = plan.nodes.map(() => []);
    this.single = plan.nodes.map(() => undefined);
    for (const n of plan.nodes) {
      this.entries[n.index] = n.outs.map(() => []);
      this.deliveries[n.index] = n.outs.map(() => []);
      this.loaders[n.index] = n.outs.map(() => []);
    }
    for (const n of plan.nodes)
      if (!n.keyed && n.node.type.kind !== 'source') this.single[n.index] = this.#create(n, undefined);
  }

  /**
   * Lets someone see the records of a port from the next cycle on, or no longer (undefined): one at a time, beside the tap. Between
   * cycles. What runs is not compiled anew: only the objects that write the port are made again.
   */
  watch(node: number, out: number, watcher: Watcher | undefined): void {
    const fixed = this.#fixed[node]![out];
    this.#watchers[node]![out] = fixed && watcher ? new BothWatchers(fixed, watcher) : (watcher ?? fixed);
    // Loaders of sources are made again when their next row comes.
    this.loaders[node]![out]!.length = 0;
    const n = this.plan.nodes[node]!;
    for (const i of [this.single[node], ...this.keyed[node]!])
      if (i) i.emit = createEmit(n.outs, i.ports, i.key, this.clock, this.#watchers[node]!);
  }

  /** Somebody sees the records of a port: its tap, or what hands them on. */
  isWatched(node: number, out: number): boolean {
    return this.#watchers[node]![out] !== undefined || this.taps[node]![out] !== undefined;
  }

  instance(node: number, key: number): Instance | undefined {
    return this.single[node] ?? this.keyed[node]![key];
  }
  /** All instances in order of execution: (rank, declaration, key). */
  *instances(): Generator<Instance> {
    for (const n of this.plan.nodes) {
      const single = this.single[n.index];
      if (single) yield single;
      else for (const k of this.live) if (this.keyed[n.index]![k]) yield this.keyed[n.index]![k]!;
    }
  }

  /** Makes the instances of a key on its first event. @param born the cycle, when it is not the running one */
  enliven(k: number, born?: Stamp): void {
    if (this.isLive[k]) return;
    this.isLive[k] = true;
    this.births.push({ key: k, stamp: born ?? this.clock.stamp() });
    const key = this.keys.at(k);
    this.live = [...this.live, k].sort((a, b) => this.byName(a, b));
    for (const n of this.plan.nodes)
      if (n.keyed && n.node.type.kind !== 'source') this.keyed[n.index]![k] = this.#create(n, key);
  }

  /** The order in which a basket runs. */
  byName(a: number, b: number): number {
    if (a < 0 || b < 0 || a === b) return a - b;
    return this.keys.at(a).name < this.keys.at(b).name ? -1 : 1;
  }

  /** Forgets all keys: a snapshot says which of them live. Slots that sources and feedback write stay, but are unseen. */
  clear(): void {
    this.live = [];
    this.isLive.length = 0;
    for (const instances of this.keyed) instances.length = 0;
    for (const store of [this.entries, this.deliveries])
      for (const entry of store.flat(2)) {
        if (!entry) continue;
        for (const slot of [entry.port.slot, ...entry.port.picks]) slot.stamp = -1;
        if (!(entry.port.slot instanceof ManySlot)) entry.port.slot.seen = false;
        for (const pick of entry.port.picks) pick.seen = false;
      }
  }

  /** The entry slot of a source port for a key. */
  loader(node: number, out: number, k: number): Loader {
    const by = this.loaders[node]![out]!;
    by[k] ??= (() => {
      const entry = this.#entry(this.entries, this.plan.nodes[node]!, out, this.#sourceKey(node, out, k), false);
      return createLoader(
        this.plan.nodes[node]!.outs[out]!,
        entry.port,
        entry.key,
        this.clock,
        this.#watchers[node]![out],
      );
    })();
    return by[k]!;
  }
  /** The slot of a feedback port as its consumers see it. */
  delivery(node: number, out: number, k: number): Entry {
    const n = this.plan.nodes[node]!;
    return this.#entry(this.deliveries, n, out, n.keyed ? this.keys.at(k) : undefined, true);
  }

  #sourceKey(node: number, out: number, k: number): KeyInfo | undefined {
    const n = this.plan.nodes[node]!;
    return n.node.out[n.outs[out]!.port]!.key === 'none' ? undefined : this.keys.at(k);
  }
  #entry(store: Entry[][][], n: PlanNode, out: number, key: KeyInfo | undefined, deferred: boolean): Entry {
    const by = store[n.index]![out]!;
    const k = key?.index ?? 0;
    if (!by[k]) {
      const emitted = n.outs[out]!;
      // Delivered one by one, each record is the only one of its cycle.
      const spec = emitted.successive ? { ...emitted, successive: false } : emitted;
      const port = createPort(spec, this.clock, key, spec.any ? this.#anyList(n, out, deferred) : undefined);
      const emit = createEmit([spec], [port], key, this.clock, [undefined]);
      by[k] = { port, key, write: (v) => emit[spec.port]!(v) };
    }
    return by[k]!;
  }
  #anyList(n: PlanNode, out: number, deferred: boolean): ManySlot {
    const id = `${n.index}.${out}.${deferred}`;
    let list = this.#anyLists.get(id);
    if (!list) {
      list = new ManySlot(this.clock);
      this.#anyLists.set(id, list);
    }
    return list;
  }

  #create(n: PlanNode, key: KeyInfo | undefined): Instance {
    const type: RunNode = n.node.type;
    const ports = n.outs.map((spec, out) =>
      createPort(spec, this.clock, key, spec.any ? this.#anyList(n, out, false) : undefined),
    );
    const emit = createEmit(n.outs, ports, key, this.clock, this.#watchers[n.index]!);
    const connected = new Map<string, InputSlot>();
    const rest: InputSlot[] = [];
    const wake: InputSlot[] = [];
    for (const input of n.inputs) {
      const slot = this.#source(input, key);
      if (input.rest) rest.push(slot);
      else connected.set(input.port, slot);
      if (!input.passive && !wake.includes(slot)) wake.push(slot);
    }
    // Each property is written once, so that it stays a constant to V8.
    const tick: Record<string, unknown> = {};
    for (const [name, spec] of Object.entries(inPortsOf(type) as InPorts))
      tick[name] =
        connected.get(name) ?? (spec.many ? new ManySlot(this.clock) : new (slotClass(spec.schema))(this.clock, -1));
    tick['rest'] = rest;
    const ctx = new Context(n, key, this.keys, this.clock, this.timers, this.counters);
    const instance = new Instance(n, key, ports, emit, tick, wake, ctx);
    this.initialise(instance);
    return instance;
  }

  /** Gives an instance its cold state. */
  initialise(instance: Instance): void {
    const type: RunNode = instance.plan.node.type;
    instance.state =
      type.kind === 'step' || type.kind === 'async'
        ? (type as StepNode | AnyAsync).state(instance.config as never, instance.key as KeyInfo)
        : undefined;
    if (type.kind === 'rx')
      instance.rx = new RxRunner(
        (ticks, scheduler) => {
          instance.ctx.scheduler = scheduler;
          return type.rx(ticks as never, instance.config as never, instance.ctx as RxCtx) as never;
        },
        () => instance.emit,
        instance.plan.outs.map((o) => o.port),
        instance.ctx,
      );
  }

  #source(input: PlanNode['inputs'][number], key: KeyInfo | undefined): InputSlot {
    const from = this.plan.nodes[input.from]!;
    const port = this.#portOf(from, input, key);
    const spec = from.outs[input.out]!;
    if (!input.list) return input.pick >= 0 ? port.picks[input.pick]! : port.slot;
    const list = this.#listOf(port, input.any, spec.keyed, key);
    if (input.pick < 0) return list;
    const { field, schema } = spec.picks[input.pick]!;
    const kind = spec.schema.fields[field]!.kind;
    return new PickedList(list, schema, this.clock, (r) => inUnits(kind, r[field], this.keys.list[r.key]));
  }
  #listOf(port: Port, any: boolean, keyed: boolean, key: KeyInfo | undefined): ManySlot | SingleAsMany {
    if (any && port.any) return port.any;
    if (keyed && key) return keyList(port, key.index, this.clock);
    return port.slot instanceof ManySlot ? port.slot : new SingleAsMany(port.slot as Fielded);
  }
  #portOf(from: PlanNode, input: PlanNode['inputs'][number], key: KeyInfo | undefined): Port {
    if (input.any && (from.keyed || from.node.type.kind === 'source'))
      // All keys at once: the list exists without any instance.
      return { slot: SILENT as never, picks: [], any: this.#anyList(from, input.out, input.deferred), byKey: [] };
    if (input.deferred) return this.#entry(this.deliveries, from, input.out, from.keyed ? key : undefined, true).port;
    if (from.node.type.kind === 'source') {
      const unkeyed = from.node.out[from.outs[input.out]!.port]!.key === 'none';
      return this.#entry(this.entries, from, input.out, unkeyed ? undefined : key, false).port;
    }
    const producer = from.keyed ? this.keyed[from.index]![key!.index] : this.single[from.index];
    if (!producer)
      throw new ChimeraError('CHM708', `node ${from.id} is not there yet when its consumer is made`, { node: from.id });
    return producer.ports[input.out]!;
  }
}

/** The port's own watcher, and one that came later. */
class BothWatchers implements Watcher {
  readonly #a: Watcher;
  readonly #b: Watcher;
  constructor(a: Watcher, b: Watcher) {
    this.#a = a;
    this.#b = b;
  }
  push(record: Fielded): void {
    this.#a.push(record);
    this.#b.push(record);
  }
}

/** A slot that the engine itself writes. */
export interface Entry {
  readonly port: Port;
  readonly key: KeyInfo | undefined;
  write(values: Record<string, unknown>): void;
}
