import type { Batch, Held, StreamEntry, StreamReader } from '../bus/bus.ts';
import { Rewound } from '../bus/rewound.ts';
import { Engine } from '../engine/engine.ts';
import { compareStamps, inputAt, type Stamp, startOf } from '../engine/stamp.ts';
import type { Env, Sink } from '../node.ts';
import type { Plan, PlanNode } from '../plan/plan.ts';
import { adaptReader } from '../runner/adapt-reader.ts';
import { type BlockReader, ChimeraError, KeyTable } from '../schema/index.ts';
import { closedAt, encodeControl, isClosed } from './control.ts';
import { declareKeys, type InFamily, InPart, InStream, type PortUse } from './in-part.ts';
import { OutPorts, PortExit } from './out-ports.ts';
import { decodeCommit, encodeCommit, type PartCommit } from './part-commit.ts';
import { type LocalHead, PartCycles } from './part-cycles.ts';
import type { PartOptions, PartResult } from './part-options.ts';
import { localIndex, partPlan } from './part-plan.ts';
import { controlStream, dataStream, partitionName, tagOf } from './streams.ts';

/** Cycles between two looks at the bus. */
const SLICE = 2048;
/** Records that may wait before they are sent. */
const BATCH_RECORDS = 4096;

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
  offset: number;
  over: boolean;
}

class PartLife {
  readonly #o: PartOptions;
  readonly #plan: Plan;
  readonly #keys = new KeyTable();
  readonly #engine: Engine;
  readonly #out: OutPorts;
  readonly #ins: InPart[];
  readonly #heads: Head[] = [];
  readonly #sinks: { node: PlanNode; sink: Sink<never> }[] = [];
  readonly #cycles: PartCycles;
  readonly #restarts: number;
  readonly #control: string;
  #held!: Held;
  #reader: StreamReader | undefined;
  #epoch = 0;
  #origin: number | undefined;
  /** Inputs of the commits that may still be gone back to, oldest first. */
  #needs: Record<string, number>[] = [];
  // What has been said in the control stream.
  #controls = 0;
  #frontier: Stamp | undefined;
  #toldKeys = 0;
  #toldBirths: { key: number; stamp: Stamp }[] = [];
  readonly #toldPositions = new Map<string, number>();
  #sending: Promise<void> = Promise.resolve();
  #failed: unknown;
  #committed = 0;

  constructor(o: PartOptions, restarts: number) {
    this.#o = o;
    this.#restarts = restarts;
    const { cut, part, naming } = o;
    this.#control = controlStream(naming, part.id);
    this.#plan = partPlan(cut, part);
    const families = part.families;
    const exitOf = (n: PlanNode, out: number): { family: number; port: number } | undefined => {
      for (const [family, f] of families.entries()) {
        const port = f.ports.findIndex((p) => p.node === n.ordinal && p.out === out);
        if (port >= 0) return { family, port };
      }
      return undefined;
    };
    const own = new Set(part.nodes.map((n) => n.id));
    this.#engine = new Engine(this.#plan, this.#keys, {
      mode: o.mode ?? 'generated',
      taps: (o.taps ?? []).filter((t) => own.has(t.split('.')[0]!)),
      digests: o.digests ?? false,
      exit: (n, out, tap) => {
        const exit = own.has(n.id) ? exitOf(n, out) : undefined;
        if (!exit) return tap;
        const { kind } = n.node.type;
        const perKey = kind === 'source' ? n.node.out[n.outs[out]!.port]!.key === 'instrument' : n.keyed;
        return new PortExit(() => this.#out, exit.family, exit.port, perKey, tap);
      },
    });
    this.#out = new OutPorts(cut, part, naming, this.#keys, this.#engine.core.clock);
    this.#ins = inPartsOf(o, this.#plan);
    this.#cycles = new PartCycles(this.#engine, this.#ins, this.#heads);
    this.#cycles.goesOn = o.open ?? false;
    if (this.#engine.waiting.length > 0)
      throw new ChimeraError('CHM515', `${this.#engine.waiting.join(', ')} wait for answers, which a part cannot`, {
        help: 'run the pipeline embedded, without --bus',
      });
  }

  async open(): Promise<void> {
    const { bus, naming, part, holder, ttlMs = 5000, signal } = this.#o;
    const partition = partitionName(naming, part.id);
    this.#held = await bus.acquire(partition, { tags: [], holder, ttlMs, ...(signal ? { signal } : {}) });
    this.#held.lost.addEventListener('abort', () => this.#stopPause?.(), { once: true });
    const commit = await this.#newest();
    for (const k of commit?.snapshot.keys ?? []) this.#keys.declare(k.name, k.pxDigits, k.qtyDigits);
    await this.#openEnds();
    await this.#prepareOut(commit);
    if (commit) this.#restore(commit);
    await this.#o.extra?.restore(commit?.extra);
    for (const h of this.#heads) {
      h.offset = commit?.offsets[h.node.id] ?? -1;
      if (h.offset >= 0) await h.reader.seek!(h.offset);
    }
    for (const p of this.#ins) {
      const front = commit?.fronts[p.id];
      p.position = p.arrived = front?.position ?? 0;
      p.frontier = front?.frontier ?? undefined;
      p.origin = commit?.origin ?? undefined;
    }
    this.#origin = commit?.origin ?? undefined;
    this.#openStreams(commit);
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
    for (const c of await this.#held.checkpoints()) {
      this.#refuseOther(c.graph);
      const commit = decodeCommit(c.blob);
      const names = Object.keys(commit.written);
      const there = await this.#held.positions(names);
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
    const { part, inputs = [], dir, seed = 1, readers } = this.#o;
    const env = (node: PlanNode): Env => ({
      keys: this.#keys,
      inputs,
      dir,
      pipeline: this.#plan.pipeline.name,
      node: node.id,
      seed,
    });
    const own = new Set(part.nodes.map((n) => n.id));
    for (const node of this.#plan.nodes) {
      const { type } = node.node;
      if (!own.has(node.id)) continue;
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

  async #prepareOut(commit: PartCommit | undefined): Promise<void> {
    const names = this.#out.names;
    await this.#held.cover(names.map(tagOf));
    const there = await this.#held.positions([...names, this.#control]);
    const known = new Map(names.map((n, i) => [n, there[i]!]));
    this.#controls = there.at(-1)!;
    this.#out.start = (name) => ({ position: commit?.written[name] ?? 0, known: known.get(name) ?? 0 });
    this.#out.open();
  }
  #restore(commit: PartCommit): void {
    this.#epoch = commit.epoch;
    this.#engine.restore(commit.snapshot);
    this.#engine.core.births = [];
    for (const b of commit.births) this.#cycles.born(b.key, b.stamp);
    this.#cycles.cycles = commit.cycles;
    this.#cycles.inputs = commit.inputs;
    this.#cycles.ended = commit.ended;
    this.#cycles.endTime = commit.endTime ?? undefined;
    this.#needs = [this.#positionsOf(commit)];
  }
  #positionsOf(commit: PartCommit): Record<string, number> {
    const fronts = this.#ins.map((p): [string, number] => [p.control, commit.fronts[p.id]?.position ?? 0]);
    return { ...commit.read, ...Object.fromEntries(fronts) };
  }

  /** Streams of all keys known; again whenever there are new ones. */
  #openStreams(commit?: PartCommit): void {
    const { naming } = this.#o;
    const { declarations } = this.#plan;
    const keys = ['', ...this.#keys.list.map((k) => k.name)];
    for (const p of this.#ins)
      for (const f of p.families)
        for (const k of keys) {
          const name = dataStream(naming, f.name, k);
          if (p.streams.some((s) => s.name === name)) continue;
          const key = k === '' ? -1 : this.#keys.find(k)!.index;
          p.streams.push(new InStream(name, f, key, commit?.read[name] ?? 0, declarations));
        }
    void this.#reader?.close();
    this.#reader = undefined;
    this.#reading = undefined;
    if (this.#ins.length === 0) return;
    this.#readFrom = this.#ins.flatMap((p) => [p, ...p.streams]);
    const from = this.#readFrom.map((x) => ({
      stream: x instanceof InPart ? x.control : x.name,
      after: x.arrived,
    }));
    const { signal } = this.#o;
    this.#reader = this.#o.bus.reader(from, signal ? { signal } : {});
  }
  #readFrom: (InPart | InStream)[] = [];
  #reading: Promise<readonly StreamEntry[]> | undefined;

  async run(): Promise<PartResult> {
    const { signal, commitMs = 1000, onProgress, part } = this.#o;
    for (;;) {
      this.#check();
      await this.#readSources();
      const bound = this.#bound();
      const more = bound ? this.#cycles.advance(bound, SLICE) : false;
      this.#ranInputs();
      if (bound && !more) this.#reached(bound);
      if (!more || this.#out.waiting >= BATCH_RECORDS) this.#send();
      const closed = this.#frontier && isClosed(this.#frontier) && !more;
      if (closed || signal?.aborted || performance.now() - this.#committed >= commitMs) await this.#commit();
      onProgress?.({ part: part.id, cycles: this.#cycles.cycles, now: this.#engine.now });
      if (closed || signal?.aborted) break;
      if (this.#heads.length > 0) await this.#keepPace();
      await this.#arrivals(more || this.#heads.some((h) => !h.over && h.block === null) || this.#runnable());
    }
    return this.#result();
  }
  #check(): void {
    if (this.#failed) throw this.#failed;
    if (this.#held.lost.aborted) throw this.#held.lost.reason;
  }
  /** Own inputs can be run without anything arriving. */
  #runnable(): boolean {
    if (this.#heads.length === 0) return false;
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
  #ranInputs(): void {
    for (const h of this.#heads) if (h.block && h.row > 0) h.offset = h.block.seq0 + h.row - 1;
  }

  /** Up to here nothing can arrive any more: neither from other parts nor from own sources. */
  #bound(): Stamp | undefined {
    let bound: Stamp | undefined;
    for (const p of this.#ins) {
      const b = p.bound(this.#origin);
      if (!b) return undefined;
      if (p.frontier && isClosed(p.frontier)) this.#cycles.endTime ??= p.frontier.t;
      if (!bound || compareStamps(b, bound) < 0) bound = b;
    }
    const { endTime } = this.#cycles;
    const end = endTime === undefined ? undefined : closedAt(endTime);
    if (this.#heads.length === 0) return bound && end && compareStamps(end, bound) < 0 ? end : bound;
    // What own sources deliver next is known, or that it is nothing: the block that is read comes first.
    if (end) return bound && compareStamps(bound, end) < 0 ? bound : end;
    let last: Stamp | undefined;
    for (const h of this.#heads) {
      if (h.over) continue;
      const { block } = h;
      const n = block!.n - 1;
      const after = inputAt(block!.t[n]!, h.node.declaration, block!.seq0 + n + 1);
      if (!last || compareStamps(after, last) < 0) last = after;
    }
    return bound && compareStamps(bound, last!) < 0 ? bound : last;
  }
  /** All cycles before `bound` have run: the part's own frontier. */
  #reached(bound: Stamp): void {
    if (!this.#frontier || isFurther(bound, this.#frontier)) this.#frontier = bound;
  }

  /** Sends what waits, and how far the part has come. Does not wait for the answer. */
  #send(): void {
    const { core } = this.#engine;
    const batches: Batch[] = [];
    const positions: Record<string, number> = {};
    for (const s of this.#out.streams.values()) {
      const batch = s.take();
      if (batch) batches.push({ stream: s.name, ...batch });
      if (s.position > (this.#toldPositions.get(s.name) ?? 0)) positions[s.name] = s.position;
    }
    const frontier = this.#frontier ?? (this.#origin === undefined ? undefined : startOf(this.#origin));
    const news = frontier && (!this.#told || isFurther(frontier, this.#told));
    const keys = this.#keys.list.slice(this.#toldKeys);
    const births = [...core.births, ...this.#cycles.births].filter(
      (b) => !this.#toldBirths.some((told) => told.key === b.key),
    );
    core.births = [];
    if (frontier && (news || batches.length > 0 || keys.length > 0) && this.#o.part.families.length > 0) {
      for (const [name, position] of Object.entries(positions)) this.#toldPositions.set(name, position);
      this.#toldKeys = this.#keys.list.length;
      this.#toldBirths.push(...births);
      this.#told = frontier;
      const payload = encodeControl({
        graph: this.#plan.pipeline.hash.slice(0, 16),
        frontier,
        origin: this.#origin,
        positions,
        keys: keys.map((k) => [k.index, k.name, k.pxDigits, k.qtyDigits]),
        births,
      });
      batches.push({ stream: this.#control, prev: this.#controls, last: ++this.#controls, payload });
    }
    if (batches.length === 0) return;
    this.#inFlight++;
    this.#sending = this.#sending.then(async () => {
      if (this.#failed) return;
      try {
        await this.#held.append(batches);
      } catch (e) {
        this.#failed = e;
      } finally {
        this.#inFlight--;
      }
    });
  }
  #told: Stamp | undefined;
  #inFlight = 0;

  /** Takes what has arrived; waits for something unless there is other work. */
  async #arrivals(busy: boolean): Promise<void> {
    if (this.#inFlight > 2) await this.#sending;
    if (!this.#reader) {
      await new Promise<void>((done) => setImmediate(done));
      return;
    }
    this.#reading ??= this.#reader.read();
    const waits: Promise<readonly StreamEntry[] | undefined>[] = [this.#reading];
    if (busy) waits.push(new Promise((done) => setImmediate(() => done(undefined))));
    else waits.push(this.#pause());
    const entries = await Promise.race(waits);
    this.#stopPause?.();
    if (!entries) return;
    this.#reading = undefined;
    let added = false;
    const list = this.#readFrom;
    for (const e of entries) {
      const to = list[e.stream]!;
      if (to instanceof InStream) to.take(e);
      else {
        const control = to.take(e);
        if (!control) continue;
        if (declareKeys(this.#keys, control)) added = true;
        this.#origin ??= control.origin;
        for (const b of control.births) this.#cycles.born(b.key, b.stamp);
      }
    }
    if (added) {
      this.#openStreams();
      const names = this.#out.names;
      await this.#held.cover(names.map(tagOf));
      const there = await this.#held.positions(names);
      const known = new Map(names.map((n, i) => [n, there[i]!]));
      const { start } = this.#out;
      this.#out.start = (name) => ({ position: start(name).position, known: known.get(name) ?? start(name).known });
      this.#out.open();
    }
    for (const p of this.#ins) p.settle();
  }
  #stopPause: (() => void) | undefined;
  /** At the latest after the time between commits. */
  #pause(): Promise<undefined> {
    return new Promise((done) => {
      const timer = setTimeout(() => done(undefined), this.#o.commitMs ?? 1000);
      this.#stopPause = () => {
        clearTimeout(timer);
        done(undefined);
      };
    });
  }
  /** A source waits while its readers are too far behind. */
  async #keepPace(): Promise<void> {
    const most = this.#o.mostAhead ?? 2 ** 18;
    void most;
  }

  async #commit(): Promise<void> {
    this.#send();
    await this.#sending;
    this.#check();
    const { store, part, naming, onCommit, onTap } = this.#o;
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
    else await this.#held.commit({ epoch, graph, blob: await write() }, []);
    this.#epoch = epoch;
    this.#committed = performance.now();
    await this.#forget();
  }
  #state(epoch: number, offsets: Record<string, number>): PartCommit {
    const written = Object.fromEntries([...this.#out.streams.values()].map((s) => [s.name, s.position]));
    return {
      epoch,
      snapshot: this.#engine.snapshot(),
      read: Object.fromEntries(this.#ins.flatMap((p) => p.streams.map((s) => [s.name, s.position]))),
      written,
      fronts: Object.fromEntries(this.#ins.map((p) => [p.id, { position: p.position, frontier: p.frontier ?? null }])),
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
  /** Tells which entries are no longer needed, also if this commit turned out to be damaged; removes own ones. */
  async #forget(): Promise<void> {
    const { cut, part, naming } = this.#o;
    const now: Record<string, number> = {};
    for (const p of this.#ins) {
      now[p.control] = p.position;
      for (const s of p.streams) now[s.name] = s.position;
    }
    this.#needs.push(now);
    if (this.#needs.length > 2) this.#needs.shift();
    if (this.#needs.length === 2)
      await this.#held.need(Object.entries(this.#needs[0]!).map(([stream, position]) => ({ stream, position })));
    const self = cut.parts.indexOf(part);
    const readers = cut.parts.filter((p) => p.inlets.some((i) => i.from === self));
    if (readers.length === 0) return;
    const consumersOf = (name: string): string[] =>
      readers
        .filter((r) => {
          const { ports } = r.inlets.find((i) => i.from === self)!;
          const family = part.families.find((f) => name.includes(`${f.name}:{`));
          return !family || family.ports.some((p) => ports.some((q) => q.node === p.node && q.out === p.out));
        })
        .map((r) => partitionName(naming, r.id));
    await this.#held.trim(
      [this.#control, ...this.#out.streams.keys()].map((stream) => ({ stream, consumers: consumersOf(stream) })),
    );
  }

  #result(): PartResult {
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
    this.#failed ??= new Error('closed');
    await this.#sending;
    await this.#reader?.close();
    for (const h of this.#heads) await h.reader.close();
    for (const { sink } of this.#sinks) await sink.close();
    await this.#held?.release();
  }
}

/** The end is further than everything: what only looked ahead may have promised more than there is time. */
const isFurther = (a: Stamp, b: Stamp): boolean => (isClosed(a) ? !isClosed(b) : compareStamps(b, a) < 0);

/** What the part reads of others, as its own plan numbers it. */
function inPartsOf({ cut, part, naming }: PartOptions, plan: Plan): InPart[] {
  const local = localIndex(cut.plan, plan);
  return part.inlets.map(({ from, ports, delayUs }) => {
    const producer = cut.parts[from]!;
    const families = producer.families.flatMap((f): InFamily[] => {
      const uses = f.ports.map((p): PortUse | undefined => {
        if (!ports.some((q) => q.node === p.node && q.out === p.out)) return undefined;
        const { node, outs } = cut.plan.nodes[p.node]!;
        const delayed = node.feedback.includes(outs[p.out]!.port);
        return { node: local[p.node]!, out: p.out, delayUs: delayed ? node.delayUs : undefined };
      });
      if (uses.every((u) => !u)) return [];
      const schemas = f.ports.map((p) => cut.plan.nodes[p.node]!.outs[p.out]!.schema);
      return [{ name: f.name, schemas, uses }];
    });
    return new InPart(
      producer.id,
      controlStream(naming, producer.id),
      families,
      delayUs,
      plan.pipeline.hash.slice(0, 16),
    );
  });
}
