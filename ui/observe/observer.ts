import { type EventLoopUtilization, performance } from 'node:perf_hooks';
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { Engine } from '../../graph/engine/engine.ts';
import type { Fielded } from '../../graph/engine/slot.ts';
import { ManySlot } from '../../graph/engine/slot.ts';
import type { Trading } from '../api/contract/records.ts';
import type { CallName, RunCalls } from '../api/ports.ts';
import { refusalOf } from '../api/problem.ts';
import { DecisionWatch } from './decision-watch.ts';
import type { Beginning, Figures, FromEngine, KeyName, ToEngine, TradingPorts } from './messages.ts';
import { PortWatch } from './port-watch.ts';

/** How often what happened is told, and how often it is looked whether something was asked; ms. */
const TICK_MS = 250;
const ASK_MS = 10;
/** Ticks under way: a reader that is slower is told less often, and what was in between is counted. */
const UNDER_WAY = 4;
/** Rows of an interval of the ports that say what is traded. */
const TRADING_ROOM = 2000;
/** Ports with lists (a ladder has thousands of levels): so many rows of an interval. */
const LIST_ROOM = 2;
/** Keys whose last values are sampled. */
const SAMPLED_KEYS = 200;

export type Offers = Partial<RunCalls>;
export interface ObserverOptions {
  readonly port: MessagePort;
  readonly engine: Engine;
  readonly beginning: Omit<Beginning, 'offers' | 'nodes' | 'ports' | 'causes'>;
  readonly offers?: Offers;
  /** Of a live run: the clock that the engine follows, µs. */
  readonly clock?: () => number;
  /** Of one whose venue is a gateway: how ours and the exchange's agree. */
  readonly reconciler?: (() => Trading['reconciler']) | undefined;
}

/**
 * Tells the API, which runs in another thread, how a run does: at most four times a second, in messages of bounded size, from counts
 * that the engine has. What costs something, rows and counts per port, is only taken while someone looks. It is called between blocks:
 * what it changes in the engine, it changes between cycles.
 */
export class Observer {
  readonly #port: MessagePort;
  readonly #options: ObserverOptions;
  readonly #clock: (() => number) | undefined;
  readonly #timer: NodeJS.Timeout;
  #engine: Engine;
  #watches = new Map<string, { readonly watch: PortWatch; readonly node: number; readonly out: number }>();
  #decisions: DecisionWatch[] = [];
  #sampled: { readonly watch: PortWatch; readonly node: number; readonly out: number }[] = [];
  #trading: TradingPorts;
  #keysTold = 0;
  #nextTick = 0;
  #nextAsk = 0;
  #underWay = 0;
  #watched = false;
  #events = 0;
  #lag = 0;
  #busy: EventLoopUtilization = performance.eventLoopUtilization();
  #ticks = 0;
  #warming: Float64Array;
  #closed = false;

  constructor(options: ObserverOptions) {
    const { port, engine, beginning, clock } = options;
    this.#port = port;
    this.#options = options;
    this.#engine = engine;
    this.#clock = clock;
    this.#trading = beginning.trading;
    this.#warming = new Float64Array(engine.core.plan.nodes.length);
    this.#begin(beginning);
    // A run that waits for its inputs is asked all the same.
    this.#timer = setInterval(() => this.see(), ASK_MS * 5);
    this.#timer.unref();
  }

  /** Called whenever the run has come forward; cheap when there is nothing to do. */
  see(progress?: { readonly events: number; readonly now: number; readonly engine: Engine }): void {
    if (this.#closed) return;
    if (progress) {
      this.#events = progress.events;
      if (progress.engine !== this.#engine) this.#engineIs(progress.engine);
      if (this.#clock) {
        const lag = this.#clock() - progress.now;
        if (lag > this.#lag) this.#lag = lag;
      }
    }
    const now = performance.now();
    if (now < this.#nextAsk) return;
    this.#nextAsk = now + ASK_MS;
    for (let m = receiveMessageOnPort(this.#port); m; m = receiveMessageOnPort(this.#port))
      this.#asked(m.message as ToEngine);
    if (now < this.#nextTick) return;
    this.#nextTick = now + TICK_MS;
    if (this.#underWay < UNDER_WAY) this.#tell();
  }
  /** Another graph in the same run. */
  goOn(beginning: ObserverOptions['beginning'], engine: Engine): void {
    this.#trading = beginning.trading;
    this.#engine = engine;
    this.#begin(beginning);
  }
  /** The last word: what is left, and how it ended. */
  end(end: Omit<FromEngine & { kind: 'end' }, 'kind'>): void {
    if (this.#closed) return;
    this.#tell();
    this.#closed = true;
    clearInterval(this.#timer);
    this.#say({ kind: 'end', ...end });
  }

  #begin(beginning: ObserverOptions['beginning']): void {
    const { plan } = this.#engine.core;
    this.#attach();
    this.#say({
      kind: 'begin',
      beginning: {
        ...beginning,
        offers: Object.keys(this.#options.offers ?? {}) as CallName[],
        causes: plan.causes,
        nodes: plan.nodes.map((n) => n.id),
        ports: plan.nodes.flatMap((n) => n.outs.map((o) => `${n.id}.${o.port}`)),
      },
    });
  }
  #engineIs(engine: Engine): void {
    this.#engine = engine;
    this.#attach();
  }
  /** What is always kept: decisions, and the ports that say what is traded. */
  #attach(): void {
    const { core } = this.#engine;
    const { plan, clock } = core;
    this.#watches = new Map();
    for (const n of plan.nodes)
      n.outs.forEach((o, out) => {
        const watch = new PortWatch(n.id, o.port, o.schema, clock);
        this.#watches.set(watch.port, { watch, node: n.index, out });
      });
    const cyclesBefore = () => this.#engine.cycles - clock.n;
    this.#decisions = [];
    for (const n of plan.nodes) {
      if (n.node.type.type !== 'decision.rules') continue;
      const at = this.#watches.get(`${n.id}.verdict`)!;
      const decisions = new DecisionWatch(core, n, n.outs[at.out]!.schema, cyclesBefore);
      this.#decisions.push(decisions);
      at.watch.also = decisions;
    }
    const { report, account, command, change, kill, killSwitch, reconcile, bars, ...last } = this.#trading;
    for (const port of [report, account, command, change, kill, killSwitch, reconcile, ...bars.map((b) => b.port)])
      if (port !== undefined) this.#watches.get(port)?.watch.keep(TRADING_ROOM, -1);
    this.#sampled = [];
    for (const port of [last.position, last.venuePosition, last.price]) {
      const at = port === undefined ? undefined : this.#watches.get(port);
      if (!at) continue;
      const schema = plan.nodes[at.node]!.outs[at.out]!;
      const watch = new PortWatch(schema.node, schema.port, schema.schema, clock);
      watch.keep(SAMPLED_KEYS, -1);
      this.#sampled.push({ ...at, watch });
    }
    this.#keysTold = 0;
    for (const port of this.#watches.keys()) this.#connect(port);
  }
  /** Puts a watch behind its port, or takes it away, as it is needed. */
  #connect(port: string): void {
    const at = this.#watches.get(port);
    if (!at) return;
    const needed = this.#watched || at.watch.keeps || at.watch.also !== undefined;
    this.#engine.core.watch(at.node, at.out, needed ? at.watch : undefined);
  }

  #asked(m: ToEngine): void {
    switch (m.kind) {
      case 'ack':
        this.#underWay--;
        return;
      case 'watch':
        if (this.#watched === m.on) return;
        this.#watched = m.on;
        for (const port of this.#watches.keys()) this.#connect(port);
        return;
      case 'tap':
      case 'untap': {
        const at = this.#watches.get(m.port);
        if (!at) return;
        const trading = Object.values(this.#trading).includes(m.port) || this.#isBar(m.port);
        const room = m.kind === 'untap' ? 0 : this.#roomOf(m.port, m.room);
        const key = m.kind === 'tap' && m.key !== undefined ? (this.#keyOf(m.key) ?? -2) : -1;
        if (trading) at.watch.keep(Math.max(TRADING_ROOM, room), -1);
        else at.watch.keep(room, key);
        this.#connect(m.port);
        return;
      }
      case 'call':
        void this.#call(m);
        return;
    }
  }
  #isBar = (port: string): boolean => this.#trading.bars.some((b) => b.port === port);
  #keyOf(name: string): number | undefined {
    return this.#engine.core.keys.find(name)?.index;
  }
  #roomOf(port: string, room: number): number {
    const at = this.#watches.get(port)!;
    const { schema } = this.#engine.core.plan.nodes[at.node]!.outs[at.out]!;
    return Object.values(schema.fields).some((f) => f.kind === 'list') ? Math.min(room, LIST_ROOM) : room;
  }
  async #call({ id, name, args }: ToEngine & { kind: 'call' }): Promise<void> {
    try {
      const offer = this.#options.offers?.[name] as ((...a: readonly unknown[]) => Promise<unknown>) | undefined;
      if (!offer) throw new Error(`the run does not offer ${name}`);
      this.#say({ kind: 'answer', id, value: await offer(...args) });
    } catch (e) {
      this.#say({ kind: 'refused', id, error: refusalOf(e, '').problem.error });
    }
  }

  #tell(): void {
    const { keys } = this.#engine.core;
    const news: KeyName[] = [];
    for (; this.#keysTold < keys.list.length; this.#keysTold++) {
      const { name, pxDigits, qtyDigits } = keys.at(this.#keysTold);
      news.push({ name, pxDigits, qtyDigits });
    }
    const rows = [];
    for (const { watch } of this.#watches.values()) {
      const taken = watch.take();
      if (taken) rows.push(taken);
    }
    for (const { watch, node, out } of this.#sampled) {
      this.#sample(watch, node, out);
      const taken = watch.take();
      if (taken) rows.push(taken);
    }
    const decisions = this.#decisions.flatMap((d) => d.take() ?? []);
    this.#underWay++;
    const reconciler = this.#options.reconciler?.();
    const more = reconciler ? { reconciler } : {};
    this.#say({ kind: 'tick', keys: news, figures: this.#figures(), rows, decisions, ...more });
  }
  #sample(watch: PortWatch, node: number, out: number): void {
    const { core } = this.#engine;
    const source = core.plan.nodes[node]!.node.type.kind === 'source';
    const keys = core.single[node] && !source ? [-1] : core.live.slice(0, SAMPLED_KEYS);
    for (const k of keys) {
      const slot = source ? core.entries[node]![out]![k]?.port.slot : core.instance(node, k)?.ports[out]?.slot;
      if (slot && !(slot instanceof ManySlot) && slot.seen) watch.sample(slot as Fielded);
    }
  }
  #figures(): Figures {
    const engine = this.#engine;
    const { core } = engine;
    const { nodes } = core.plan;
    const runs = new Float64Array(nodes.length);
    const instances = new Float64Array(nodes.length);
    const errors = new Float64Array(nodes.length);
    // Whether an instance has put something out changes slowly, and looking at all of them takes longest.
    const full = this.#ticks++ % 4 === 0;
    if (full) this.#warming = new Float64Array(nodes.length);
    for (const i of core.instances()) {
      const at = i.plan.index;
      runs[at]! += i.runs;
      instances[at]!++;
      if (i.quarantined) errors[at]!++;
      if (full && i.ports.length > 0 && !i.ports.some((p) => p.slot instanceof ManySlot || p.slot.seen))
        this.#warming[at]!++;
    }
    let records: Float64Array | null = null;
    if (this.#watched) {
      records = new Float64Array(this.#watches.size);
      let p = 0;
      for (const { watch } of this.#watches.values()) records[p++] = watch.count;
    }
    const busy = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(busy, this.#busy);
    this.#busy = busy;
    const lag_us = this.#lag;
    this.#lag = 0;
    return {
      at_us: engine.now,
      wall_ms: Date.now(),
      events: this.#events,
      cycles: engine.cycles,
      lag_us,
      busy: utilization,
      rss_bytes: process.memoryUsage.rss(),
      counters: { ...engine.counters },
      runs,
      instances,
      warming: this.#warming,
      errors,
      records,
      step_us: null,
    };
  }
  #say(m: FromEngine): void {
    this.#port.postMessage(m);
  }
}
