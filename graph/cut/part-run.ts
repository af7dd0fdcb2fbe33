import type { Held } from '../bus/bus.ts';
import { Rewound } from '../bus/rewound.ts';
import { Engine } from '../engine/engine.ts';
import { compareStamps, inputAt, type Stamp, startOf } from '../engine/stamp.ts';
import type { Env, Sink } from '../node.ts';
import type { Plan, PlanNode } from '../plan/plan.ts';
import { adaptReader } from '../runner/adapt-reader.ts';
import { type BlockReader, ChimeraError, KeyTable } from '../schema/index.ts';
import { closedAt, isClosed } from './control.ts';
import { PortExit } from './out-ports.ts';
import { decodeCommit, encodeCommit, type PartCommit } from './part-commit.ts';
import { type LocalHead, PartCycles } from './part-cycles.ts';
import type { PartOptions, PartResult } from './part-options.ts';
import { partPlan } from './part-plan.ts';
import { PartReceiver } from './part-receiver.ts';
import { isFurther, PartSender } from './part-sender.ts';
import type { PartSnapshot } from './part-snapshot.ts';
import { partitionName } from './streams.ts';

/** Cycles between two looks at the bus. */
const SLICE = 2048;
/** Records that may wait before they are sent. */
const BATCH_RECORDS = 4096;
/** Bytes on the bus that the slowest reader has not done with, before a source waits. */
const MOST_OUTSTANDING = 64 * 2 ** 20;

/**
 * Runs one part until the run ends or `signal` aborts. Whatever makes it lose its place (its lease ran out, the bus knows less
 * than it does) sends it back to its newest commit that the bus supports: the same cycles run again, and what is on the bus
 * already is passed over.
 */
export async function runPart(options: PartOptions): Promise<PartResult> {
  for (let restarts = 0; ; restarts++) {
    const life = new PartLife(options, restarts);
    try {
      await life.open();
      return await life.run();
    } catch (e) {
      if (options.signal?.aborted && (e as { code?: string }).code === 'CHM522') return life.result();
      if (!(e instanceof Rewound) && (e as { code?: string }).code !== 'CHM521') throw e;
      options.onRestart?.(e);
      await new Promise((done) => setTimeout(done, Math.min(100 * 2 ** restarts, options.restartMs ?? 2000)));
    } finally {
      await life.close();
    }
  }
}

interface Head extends LocalHead {
  reader: BlockReader;
  /** Number of the last input run. */
  offset: number;
  over: boolean;
}

class PartLife {
  readonly #o: PartOptions;
  readonly #plan: Plan;
  readonly #own: ReadonlySet<string>;
  readonly #keys = new KeyTable();
  readonly #engine: Engine;
  readonly #sender: PartSender;
  readonly #receiver: PartReceiver;
  readonly #cycles: PartCycles;
  readonly #heads: Head[] = [];
  readonly #sinks: { node: PlanNode; sink: Sink<never> }[] = [];
  readonly #restarts: number;
  #held: Held | undefined;
  #epoch = 0;
  #commits = 0;
  #commitMs = 0;
  #origin: number | undefined;
  #frontier: Stamp | undefined;
  /** What the commits that may still be gone back to need, oldest first. */
  #needs: Record<string, number>[] = [];
  #committed = 0;
  /** Cycles of earlier lives. */
  #cyclesBefore = 0;

  constructor(o: PartOptions, restarts: number) {
    this.#o = o;
    this.#restarts = restarts;
    const { cut, part, naming } = o;
    this.#plan = partPlan(cut, part);
    this.#own = new Set(part.nodes.map((n) => n.id));
    this.#engine = new Engine(this.#plan, this.#keys, {
      mode: o.mode ?? 'generated',
      taps: (o.taps ?? []).filter((t) => this.#own.has(t.split('.')[0]!)),
      digests: o.digests ?? false,
      exit: (n, out, tap) => {
        const exit = this.#own.has(n.id) ? this.#exitOf(n, out) : undefined;
        if (!exit) return tap;
        const { kind } = n.node.type;
        const perKey = kind === 'source' ? n.node.out[n.outs[out]!.port]!.key === 'instrument' : n.keyed;
        return new PortExit(() => this.#sender.out, exit.family, exit.port, perKey, tap);
      },
    });
    if (this.#engine.waiting.length > 0)
      throw new ChimeraError('CHM515', `${this.#engine.waiting.join(', ')} wait for answers, which a part cannot`, {
        help: 'run the pipeline embedded, without --bus',
      });
    this.#sender = new PartSender(cut, part, naming, this.#keys, this.#engine.core.clock);
    const of = { cut, part, plan: this.#plan, naming, keys: this.#keys };
    this.#receiver = new PartReceiver(of, o.bus, o.signal);
    this.#cycles = new PartCycles(this.#engine, this.#receiver.parts, this.#heads);
    this.#cycles.goesOn = o.open ?? false;
  }
  #exitOf(n: PlanNode, out: number): { family: number; port: number } | undefined {
    for (const [family, f] of this.#o.part.families.entries()) {
      const port = f.ports.findIndex((p) => p.node === n.ordinal && p.out === out);
      if (port >= 0) return { family, port };
    }
    return undefined;
  }

  async open(): Promise<void> {
    const { bus, naming, part, holder, ttlMs = 5000, signal } = this.#o;
    const partition = partitionName(naming, part.id);
    this.#held = await bus.acquire(partition, { tags: [], holder, ttlMs, ...(signal ? { signal } : {}) });
    this.#held.lost.addEventListener('abort', () => this.#receiver.wake(), { once: true });
    signal?.addEventListener('abort', () => this.#receiver.wake(), { once: true });
    const commit = await this.#newest();
    for (const k of commit?.snapshot.keys ?? []) this.#keys.declare(k.name, k.pxDigits, k.qtyDigits);
    await this.#openEnds();
    await this.#sender.open(this.#held, commit?.written ?? {});
    if (commit) this.#restore(commit);
    await this.#o.extra?.restore(commit?.extra);
    for (const h of this.#heads) {
      h.offset = commit?.offsets[h.node.id] ?? -1;
      if (h.offset >= 0) await h.reader.seek!(h.offset);
    }
    this.#receiver.open(commit);
    this.#needs = commit ? [this.#receiver.positions] : [];
    this.#committed = performance.now();
  }

  /** The newest commit that the bus supports: everything that it says was sent is there. */
  async #newest(): Promise<PartCommit | undefined> {
    const { store, part, naming } = this.#o;
    if (store) {
      const c = await store.loadCheckpoint(partitionName(naming, part.id));
      this.#refuseOther(c?.graph);
      return c && decodeCommit(c.blob);
    }
    const stored = await this.#held!.checkpoints();
    // Numbers go on from the newest, whichever is gone back to.
    this.#epoch = stored[0]?.epoch ?? 0;
    for (const c of stored) {
      this.#refuseOther(c.graph);
      const commit = decodeCommit(c.blob);
      const names = Object.keys(commit.written);
      const there = await this.#held!.positions(names);
      if (names.every((n, i) => commit.written[n]! <= there[i]!)) return commit;
    }
    return undefined;
  }
  #refuseOther(graph: string | undefined): void {
    if (graph !== undefined && graph !== this.#plan.pipeline.hash)
      throw new ChimeraError('CHM514', `part ${this.#o.part.id} was run by another graph on this bus`, {
        help: 'start with the pipeline, profile and parameters of the first start, or use another prefix on the bus',
      });
  }

  async #openEnds(): Promise<void> {
    const { inputs = [], dir, seed = 1, readers, access } = this.#o;
    const env = (node: PlanNode): Env => ({
      keys: this.#keys,
      inputs,
      dir,
      pipeline: this.#plan.pipeline.name,
      node: node.id,
      seed,
      ...(access ? { access } : {}),
    });
    for (const node of this.#plan.nodes) {
      const { type } = node.node;
      if (!this.#own.has(node.id)) continue;
      if (type.kind === 'source') {
        const given = readers?.[node.id];
        const reader = given ? await given(this.#keys) : await type.open(node.node.config as never, env(node));
        this.#heads.push({ node, reader: adaptReader(reader, node), block: null, row: 0, offset: -1, over: false });
      } else if (type.kind === 'sink') {
        const wiring = { inputs: Object.fromEntries(node.node.inputs.map((e) => [e.port, e.schema])) };
        const sink = (await type.open(node.node.config as never, env(node), wiring)) as Sink<never>;
        this.#sinks.push({ node, sink });
        this.#engine.core.single[node.index]!.sink = sink;
      }
    }
    this.#heads.sort((a, b) => a.node.declaration - b.node.declaration);
  }
  #restore(commit: PartCommit): void {
    this.#epoch = Math.max(this.#epoch, commit.epoch);
    this.#origin = commit.origin ?? undefined;
    this.#engine.restore(commit.snapshot);
    this.#engine.core.births = [];
    for (const b of commit.births) this.#cycles.born(b.key, b.stamp);
    this.#cycles.cycles = commit.cycles;
    this.#cyclesBefore = commit.cycles;
    this.#cycles.inputs = commit.inputs;
    this.#cycles.ended = commit.ended;
    this.#cycles.endTime = commit.endTime ?? undefined;
  }

  async run(): Promise<PartResult> {
    const { signal, commitMs = 1000, onProgress, part } = this.#o;
    for (;;) {
      this.#check();
      await this.#readSources();
      const bound = this.#bound();
      const more = bound ? this.#cycles.advance(bound, this.#o.slice ?? SLICE) : false;
      for (const h of this.#heads) if (h.block && h.row > 0) h.offset = h.block.seq0 + h.row - 1;
      // All cycles before the bound have run: it is the part's own frontier.
      if (bound && !more && (!this.#frontier || isFurther(bound, this.#frontier))) this.#frontier = bound;
      if (!more || this.#sender.out.waiting >= BATCH_RECORDS) this.#send();
      const closed = this.#frontier !== undefined && isClosed(this.#frontier) && !more;
      const stopped = signal?.aborted === true;
      if (closed || stopped || performance.now() - this.#committed >= commitMs) await this.#commit();
      onProgress?.({ part: part.id, cycles: this.#cycles.cycles, now: this.#engine.now });
      if (closed || stopped) return this.result();
      await this.#keepPace();
      await this.#sender.settle();
      const busy = more || this.#runnable();
      const added = await this.#receiver.take(busy, commitMs, (key, stamp) => this.#cycles.born(key, stamp));
      this.#origin ??= this.#receiver.origin;
      if (added) await this.#sender.keysAdded();
    }
  }
  #check(): void {
    if (this.#sender.failed) throw this.#sender.failed;
    if (this.#held!.lost.aborted) throw this.#held!.lost.reason;
  }
  /** Own inputs can be read or run without anything arriving. */
  #runnable(): boolean {
    if (this.#heads.length === 0) return false;
    if (this.#heads.some((h) => !h.over && (h.block === null || h.row >= h.block.n))) return true;
    const bound = this.#bound();
    const next = this.#cycles.nextInput;
    return next !== undefined && bound !== undefined && compareStamps(next, bound) < 0;
  }

  async #readSources(): Promise<void> {
    for (const h of this.#heads)
      if (!h.over && (h.block === null || h.row >= h.block.n)) {
        h.block = await h.reader.read();
        h.row = 0;
        h.over = h.block === null;
        if (h.block) this.#origin ??= h.block.t[0]!;
      }
    if (this.#heads.length > 0 && this.#heads.every((h) => h.over) && this.#cycles.endTime === undefined) {
      this.#cycles.endTime = Math.max(this.#engine.now, this.#o.until ?? 0);
      this.#origin ??= this.#cycles.endTime;
    }
  }

  /** Up to here nothing can arrive any more: neither from other parts nor from own sources. */
  #bound(): Stamp | undefined {
    let bound: Stamp | undefined;
    for (const p of this.#receiver.parts) {
      const b = p.bound(this.#origin);
      if (!b) return undefined;
      if (p.frontier && isClosed(p.frontier)) this.#cycles.endTime ??= p.frontier.t;
      if (!bound || compareStamps(b, bound) < 0) bound = b;
    }
    const { endTime } = this.#cycles;
    let last = endTime === undefined ? undefined : closedAt(endTime);
    // What own sources deliver next is known up to the end of the block in hand.
    for (const h of this.#heads) {
      if (h.over) continue;
      const { block, node } = h;
      const n = block!.n - 1;
      const after = inputAt(block!.t[n]!, node.declaration, block!.seq0 + n + 1);
      if (!last || compareStamps(after, last) < 0) last = after;
    }
    return bound && last ? (compareStamps(bound, last) < 0 ? bound : last) : (bound ?? last);
  }

  #send(): void {
    const { core } = this.#engine;
    const births = [...core.births, ...this.#cycles.births];
    core.births = [];
    const frontier = this.#frontier ?? (this.#origin === undefined ? undefined : startOf(this.#origin));
    this.#sender.send(frontier, this.#origin, births);
  }
  /** A source waits while its readers are too far behind: what it has not sent yet is in its journal or its file. */
  async #keepPace(): Promise<void> {
    if (this.#heads.length === 0) return;
    const most = this.#o.mostOutstanding ?? MOST_OUTSTANDING;
    while (this.#sender.outstanding > most && !this.#o.signal?.aborted) {
      await this.#commit();
      if (this.#sender.outstanding <= most) return;
      await new Promise((done) => setTimeout(done, 50));
      this.#check();
    }
  }

  async #commit(): Promise<void> {
    const begun = performance.now();
    this.#send();
    await this.#sender.sent();
    const { store, part, naming, onCommit, onTap, onSnapshot } = this.#o;
    const epoch = this.#epoch + 1;
    const offsets = Object.fromEntries(this.#heads.map((h) => [h.node.id, h.offset]));
    const mark = { epoch, now: this.#engine.now, offsets };
    for (const tap of this.#engine.taps) {
      onTap?.(tap, this.#keys);
      tap.truncate(0);
    }
    const write = async (): Promise<Uint8Array> => {
      for (const { sink } of this.#sinks) await sink.commit(mark);
      await onCommit?.(mark);
      return encodeCommit(this.#state(epoch, offsets));
    };
    const graph = this.#plan.pipeline.hash;
    const pipeline = partitionName(naming, part.id);
    if (store)
      await store.transaction(async () => {
        const blob = await write();
        await store.saveCheckpoint({ pipeline, graph, epoch, now: mark.now, offsets, blob });
      });
    else await this.#held!.commit({ epoch, graph, blob: await write() }, []);
    this.#epoch = epoch;
    // Also the commit before may be gone back to.
    this.#needs.push(this.#receiver.positions);
    if (this.#needs.length > 2) this.#needs.shift();
    if (this.#needs.length === 2)
      await this.#held!.need(Object.entries(this.#needs[0]!).map(([stream, position]) => ({ stream, position })));
    await this.#sender.trim();
    this.#committed = performance.now();
    this.#commits++;
    this.#commitMs += this.#committed - begun;
    onSnapshot?.(this.#snapshot());
  }
  #state(epoch: number, offsets: Record<string, number>): PartCommit {
    const { parts } = this.#receiver;
    return {
      epoch,
      snapshot: this.#engine.snapshot(),
      read: Object.fromEntries(parts.flatMap((p) => p.streams.map((s) => [s.name, s.position]))),
      written: Object.fromEntries([...this.#sender.out.streams.values()].map((s) => [s.name, s.position])),
      fronts: Object.fromEntries(parts.map((p) => [p.id, { position: p.position, promise: p.promise }])),
      origin: this.#origin ?? null,
      births: this.#cycles.births,
      offsets,
      endTime: this.#cycles.endTime ?? null,
      ended: this.#cycles.ended,
      cycles: this.#cycles.cycles,
      inputs: this.#cycles.inputs,
      extra: this.#o.extra?.take(),
    };
  }

  #snapshot(): PartSnapshot {
    const { part, bus } = this.#o;
    const { parts, handover } = this.#receiver;
    const { now } = this.#engine;
    const furthest = Math.max(now, ...parts.map((p) => p.frontier?.t ?? 0));
    const { state } = bus;
    return {
      part: part.id,
      service: part.service,
      cycles: this.#cycles.cycles - this.#cyclesBefore,
      nowUs: now,
      lagUs: this.#cycles.cycles === 0 ? 0 : furthest - now,
      counters: { ...this.#engine.counters },
      restarts: this.#restarts,
      commits: this.#commits,
      commitMs: this.#commitMs,
      ...(state ? { state: { ...(state.code === undefined ? {} : { code: state.code }), since: state.since } } : {}),
      inlets: parts.flatMap((p) =>
        p.streams.map(({ name, position, arrived, announced }) => ({
          stream: name,
          position,
          arrived,
          behind: Math.max(arrived, announced) - position,
        })),
      ),
      outlets: [...this.#sender.out.streams.values()].map(({ name, position, records }) => ({
        stream: name,
        position,
        waiting: records,
      })),
      handover: parts.map((p, i) => handover[i]!.snapshot(p.id)),
    };
  }

  result(): PartResult {
    const quality = this.#heads.map((h) => h.reader.quality);
    return {
      part: this.#o.part.id,
      cycles: this.#cycles.cycles,
      inputs: this.#cycles.inputs,
      counters: { ...this.#engine.counters },
      commits: this.#epoch,
      restarts: this.#restarts,
      bad_input: quality.flatMap((q) => q?.bad_input ?? []),
      out_of_order: quality.reduce((n, q) => n + (q?.out_of_order ?? 0), 0),
      first_us: this.#origin ?? null,
      last_us: this.#cycles.cycles > 0 ? this.#engine.now : null,
    };
  }
  async close(): Promise<void> {
    await this.#sender.close();
    await this.#receiver.close();
    for (const h of this.#heads) await h.reader.close();
    for (const { sink } of this.#sinks) await sink.close();
    await this.#held?.release();
  }
}
