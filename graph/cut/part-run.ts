import type { Held } from '../bus/bus.ts';
import { Rewound } from '../bus/rewound.ts';
import { Engine } from '../engine/engine.ts';
import { compareStamps, type Stamp, startOf } from '../engine/stamp.ts';
import type { CommandSink, Env, Gateway, InPorts, Sink, SourceNode } from '../node.ts';
import type { Plan, PlanNode } from '../plan/plan.ts';
import { adaptReader } from '../runner/adapt-reader.ts';
import { type BlockReader, ChimeraError, KeyTable } from '../schema/index.ts';
import type { Control } from './control.ts';
import { beforeEnd, closedAt, isClosed } from './control.ts';
import type { InPart } from './in-part.ts';
import { lastTold } from './last-told.ts';
import type { OpenGateway } from './live-ends.ts';
import { PortExit } from './out-ports.ts';
import { decodeCommit, encodeCommit, type PartCommit } from './part-commit.ts';
import { PartCycles } from './part-cycles.ts';
import type { PartOptions, PartResult } from './part-options.ts';
import { partPlan } from './part-plan.ts';
import { PartReceiver } from './part-receiver.ts';
import { isFurther, PartSender } from './part-sender.ts';
import type { PartSnapshot } from './part-snapshot.ts';
import { PartSources } from './part-sources.ts';
import { type Decision, Poison } from './poison.ts';
import { stayAtEnd } from './stay-at-end.ts';
import { partitionName } from './streams.ts';

/** Cycles between two looks at the bus. */
const SLICE = 2048;
/** A live source that has nothing to say says so that often, ms: time passes for everybody. */
const IDLE_MS = 5;
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
      const isLost = (e as { code?: string }).code === 'CHM521';
      if (!(e instanceof Rewound) && !isLost) throw e;
      // Whoever holds the part now opens them.
      if (isLost) await options.live?.ends.drop(life.sources);
      options.onRestart?.(e);
      await new Promise((done) => setTimeout(done, Math.min(100 * 2 ** restarts, options.restartMs ?? 2000)));
    } finally {
      await life.close();
    }
  }
}

class PartLife {
  readonly #o: PartOptions;
  readonly #plan: Plan;
  readonly #own: ReadonlySet<string>;
  readonly #keys: KeyTable;
  readonly #session: string;
  readonly #engine: Engine;
  readonly #sender: PartSender;
  readonly #receiver: PartReceiver;
  readonly #cycles: PartCycles;
  readonly #sources: PartSources;
  readonly #gateways: OpenGateway[] = [];
  readonly #poison: Poison;
  /** What earlier lives have told others last. */
  #toldBefore: Control | undefined;
  /** Number of a control message that says that the run has ended. */
  #closing: number | undefined;
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
  /** When something was last sent, by the clock of the process. */
  #saidMs = Number.NEGATIVE_INFINITY;
  /** Cycles of earlier lives. */
  #cyclesBefore = 0;

  constructor(o: PartOptions, restarts: number) {
    this.#o = o;
    this.#restarts = restarts;
    const { cut, part, naming, live, session = '' } = o;
    const enters = part.nodes.some((n) => n.node.type.kind === 'source');
    this.#keys = live && enters ? live.ends.keys : new KeyTable();
    this.#session = session;
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
    this.#sender = new PartSender(cut, part, naming, this.#keys, this.#engine.core.clock, session);
    const of = { cut, part, plan: this.#plan, naming, keys: this.#keys, session };
    this.#receiver = new PartReceiver(of, o.bus, o.signal);
    const born = (key: number, stamp: Stamp) => this.#cycles.born(key, stamp);
    this.#sources = new PartSources(this.#engine.core, {
      live: enters ? live : undefined,
      until: o.until,
      ...(part.peers.length > 0 ? { born } : {}),
    });
    this.#poison = new Poison(part.id, this.#receiver.parts, this.#plan.declarations);
    this.#cycles = new PartCycles(this.#engine, [...this.#receiver.parts, this.#poison.lanes], this.#sources.heads);
    this.#cycles.goesOn = o.open ?? false;
  }
  /** Ids of the own sources. */
  get sources(): string[] {
    return this.#o.part.nodes.filter((n) => n.node.type.kind === 'source').map((n) => n.id);
  }
  #exitOf(n: PlanNode, out: number): { family: number; port: number } | undefined {
    for (const [family, f] of this.#o.part.families.entries()) {
      const port = f.ports.findIndex((p) => p.node === n.ordinal && p.out === out);
      if (port >= 0) return { family, port };
    }
    return undefined;
  }

  async open(): Promise<void> {
    const { bus, naming, part, holder, ttlMs = 5000, signal, live } = this.#o;
    const partition = partitionName(naming, part.id);
    // A gateway is open where its source runs: commands wait for that one, and do not hold a place where they cannot leave.
    for (const { node } of part.nodes)
      if (live && node.gateway && node.type.kind === 'sink')
        this.#gateways.push(await live.ends.gateway(node.gateway.id, signal));
    this.#held = await bus.acquire(partition, { tags: [], holder, ttlMs, ...(signal ? { signal } : {}) });
    this.#held.lost.addEventListener('abort', () => this.#receiver.wake(), { once: true });
    for (const s of [signal, live?.finish]) s?.addEventListener('abort', () => this.#receiver.wake(), { once: true });
    const commit = await this.#newest();
    for (const k of commit?.snapshot.keys ?? []) this.#keys.declare(k.name, k.pxDigits, k.qtyDigits);
    if (part.peers.length === 0) {
      await this.#openEnds();
      await this.#openSender(commit);
    } else {
      // Instruments are numbered in the order in which the sources are opened, wherever that is.
      await this.#openSender(commit);
      this.#receiver.open(commit);
      await this.#openEnds();
      await this.#hear(() => this.#sourceOrder.every(({ part: p, nth }) => this.#isOpen(p, nth)));
      await this.#sender.keysAdded();
    }
    for (const h of this.#sources.heads) h.reader = this.#journaled(h.node.id, h.reader);
    if (commit) this.#restore(commit);
    if (live && this.sources.length > 0) this.#resumeTime(commit);
    await this.#o.extra?.restore(commit?.extra);
    await this.#sources.seek(commit?.offsets ?? {}, () => this.#receiver.wake());
    if (part.peers.length === 0) this.#receiver.open(commit);
    else this.#receiver.keysAdded();
    this.#poison.restore(commit?.poison, (await this.#o.decisions?.load()) ?? []);
    this.#needs = commit ? [this.#receiver.positions] : [];
    this.#committed = performance.now();
    // A bus that came back empty does not know it, and those who send again wait for who lags.
    if (commit && this.#o.store)
      await this.#held.need(
        Object.entries(this.#receiver.positions).map(([stream, position]) => ({ stream, position })),
      );
    if (this.#poison.fresh.length > 0) await this.#settled();
  }
  /** Between a live source and its part stands its journal, once all instruments are known. */
  #journaled(id: string, reader: BlockReader): BlockReader {
    const { live } = this.#o;
    if (!live) return reader;
    const kept = live.ends.source(id) ?? live.wrap(id, reader, this.#keys);
    live.ends.keep(id, kept);
    return kept;
  }
  /** What earlier lives told last has to be known before this one tells anything. */
  async #openSender(commit: PartCommit | undefined): Promise<void> {
    await this.#sender.open(this.#held!, commit?.written ?? {}, commit?.told);
    const { control } = this.#sender;
    this.#toldBefore = await lastTold(this.#o.bus, control, this.#o.signal);
    const { frontier, session } = this.#toldBefore ?? {};
    if (frontier && isClosed(frontier) && session === this.#session) this.#closing = control.position;
  }
  /**
   * Time goes on behind everything that has been promised or run. What was promised last is on the bus; a message of a dead holder
   * cannot come after it, because it is fenced.
   */
  #resumeTime(commit: PartCommit | undefined): void {
    let passed = Math.max(this.#o.live!.lastUs(this.sources), commit?.snapshot.now ?? Number.NEGATIVE_INFINITY);
    let stop = commit?.session === this.#session ? (commit.endTime ?? undefined) : undefined;
    const said = this.#toldBefore;
    for (const stamp of said ? [said.sources?.upTo, said.frontier] : []) {
      if (!stamp) continue;
      passed = Math.max(passed, stamp.t);
      if (said!.session === this.#session && isClosed(stamp)) stop = Math.min(stop ?? stamp.t, stamp.t);
    }
    this.#sources.resume(passed, stop);
  }

  /** All sources of the graph, in order: which part has it, and how many that part opens before it. */
  get #sourceOrder(): { part: number; nth: number }[] {
    const { plan, parts } = this.#o.cut;
    const opened = parts.map(() => 0);
    return plan.sources.map((s) => {
      const part = parts.findIndex((p) => p.nodes.some((n) => n.index === s));
      return { part, nth: opened[part]!++ };
    });
  }
  #isOpen(part: number, nth: number): boolean {
    const { parts } = this.#o.cut;
    const peer = this.#receiver.peers.find((p) => p.id === parts[part]!.id);
    return (peer ? (peer.sources?.open ?? 0) : this.#sources.heads.length) > nth;
  }
  /** Says how far this part is, and takes what others say, until `enough`. */
  async #hear(enough: () => boolean): Promise<void> {
    const { signal } = this.#o;
    for (;;) {
      this.#check();
      this.#send(false, true);
      await this.#sender.settle();
      if (enough()) return;
      if (signal?.aborted) throw new ChimeraError('CHM522', 'waiting for the other sources was ended', {});
      await this.#receiver.take(false, 1000, (key, stamp) => this.#cycles.born(key, stamp));
    }
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
    const { inputs = [], dir, seed = 1, access, live, cut, part } = this.#o;
    const env = (node: PlanNode): Env => ({
      keys: this.#keys,
      inputs,
      dir,
      pipeline: this.#plan.pipeline.name,
      node: node.id,
      seed,
      ...(live ? { clock: live.clock } : {}),
      ...(access ? { access } : {}),
    });
    for (const node of this.#plan.nodes) {
      const { type } = node.node;
      if (!this.#own.has(node.id)) continue;
      if (type.kind === 'source') {
        if (part.peers.length > 0) {
          const order = this.#sourceOrder;
          const self = order.findIndex((o) => cut.parts[o.part] === part && o.nth === this.#sources.heads.length);
          await this.#hear(() => order.slice(0, self).every((o) => this.#isOpen(o.part, o.nth)));
        }
        this.#sources.add(node, live?.ends.source(node.id) ?? adaptReader(await this.#openSource(node, env), node));
      } else if (type.kind === 'sink') {
        const wiring = { inputs: Object.fromEntries(node.node.inputs.map((e) => [e.port, e.schema])) };
        let sink: Sink<never>;
        if (node.node.gateway) {
          sink = (this.#gateways.find((g) => g.id === node.node.gateway!.id)?.sink ?? NOWHERE) as Sink<never>;
          sink.rollback();
        } else sink = (await type.open(node.node.config as never, env(node), wiring)) as Sink<never>;
        this.#sinks.push({ node, sink });
        this.#engine.core.single[node.index]!.sink = sink;
      }
    }
  }
  async #openSource(node: PlanNode, env: (node: PlanNode) => Env): Promise<BlockReader> {
    const { readers, live } = this.#o;
    const { type, gateway, config } = node.node;
    const given = readers?.[node.id];
    if (given) return given(this.#keys);
    if (!gateway) return (type as SourceNode).open(config as never, env(node));
    const both = (await gateway.type.open(config as never, env(node))) as Gateway<InPorts>;
    live?.ends.opened(gateway.id, both);
    return both.reader;
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
    if (commit.session !== this.#session) return;
    this.#cycles.ended = commit.ended;
    this.#cycles.endTime = commit.endTime ?? undefined;
  }

  async run(): Promise<PartResult> {
    const { signal, commitMs = 1000, onProgress, part } = this.#o;
    for (;;) {
      this.#check();
      await this.#sources.read();
      const bound = this.#bound();
      const more = bound ? this.#cycles.advance(bound, this.#o.slice ?? SLICE) : false;
      this.#sources.ran();
      // All cycles before the bound have run: it is the part's own frontier.
      if (bound && !more && (!this.#frontier || isFurther(bound, this.#frontier))) this.#frontier = bound;
      this.#letOut();
      if (!more || this.#sender.out.waiting >= BATCH_RECORDS) this.#send();
      const closed = this.#frontier !== undefined && isClosed(this.#frontier) && !more;
      const stopped = signal?.aborted === true;
      // The first message that says so: a reader that understood it reads no further.
      if (closed) this.#closing ??= this.#sender.control.position;
      if (closed) this.#poison.end();
      if (closed || stopped || performance.now() - this.#committed >= commitMs) {
        await this.#commit();
        if (!closed && !stopped) await this.#takeBack();
      }
      if (!more && this.#poison.undecided) await this.#leaveOut(bound);
      onProgress?.({ part: part.id, cycles: this.#cycles.cycles, now: this.#engine.now });
      if (closed) await this.#stay();
      if (closed || stopped) return this.result();
      await this.#keepPace();
      await this.#sender.settle();
      const busy = more || this.#runnable();
      const added = await this.#receiver.take(busy, this.#waitMs(commitMs), (key, stamp) =>
        this.#cycles.born(key, stamp),
      );
      this.#origin ??= this.#receiver.origin;
      if (added) await this.#sender.keysAdded();
      if (added) this.#poison.settle();
    }
  }
  /** The part has run everything. What it has sent has to be there until nobody needs it any more. */
  async #stay(): Promise<void> {
    // Both commits that may be gone back to are this one: nothing that it read is needed any more.
    if (!this.#o.store) await this.#commit();
    const { stay, onClosed } = this.#o;
    onClosed?.(true);
    // A run that goes on later needs again what is sent then: who reads it must not have said that it needs nothing more.
    if (stay === undefined || this.#o.open) return;
    try {
      await stayAtEnd({
        held: this.#held!,
        sender: this.#sender,
        reads: Object.keys(this.#receiver.positions),
        closing: this.#closing ?? 0,
        ends: [this.#o.signal, stay].filter((s) => s instanceof AbortSignal),
        withReaders: stay === 'readers',
        check: () => this.#check(),
        again: () => this.#send('again'),
        takeBack: () => this.#takeBack(true),
      });
    } catch (e) {
      onClosed?.(false);
      throw e;
    }
  }
  #check(): void {
    if (this.#sender.failed) throw this.#sender.failed;
    if (this.#held!.lost.aborted) throw this.#held!.lost.reason;
    if (this.#gateways.some((g) => g.closed))
      throw new ChimeraError('CHM521', `the gateway of part ${this.#o.part.id} was closed`, {});
  }
  /** Own inputs can be read or run without anything arriving. */
  #runnable(): boolean {
    if (this.#sources.heads.length === 0) return false;
    if (this.#sources.isReading) return true;
    const bound = this.#bound();
    const next = this.#cycles.nextInput;
    return next !== undefined && bound !== undefined && compareStamps(next, bound) < 0;
  }
  /** Commands leave, once what led to them is durable and nobody else can have taken the part. */
  #letOut(): void {
    for (const g of this.#gateways) {
      if (!g.started || !(g.sink.pending?.() ?? true)) continue;
      this.#held!.check();
      this.#o.live!.sync();
      g.sink.flush();
    }
  }
  /** How long nothing but what arrives can make a difference, ms. */
  #waitMs(commitMs: number): number {
    const { live } = this.#o;
    const left = Math.max(0, commitMs - (performance.now() - this.#committed));
    if (!live) return this.#sources.heads.length > 0 ? Math.min(left, 10) : left;
    // Commands of an earlier life wait for the gateway to be there.
    if (this.#sources.heads.length === 0) return this.#gateways.some((g) => !g.started) ? Math.min(left, 20) : left;
    const dueMs = live.clock.wallUntil(this.#engine.nextDue) / 1000;
    // Time goes on for others even if nothing happens here.
    const quietMs = Math.max(0, IDLE_MS - (performance.now() - this.#saidMs));
    return Math.min(left, dueMs, quietMs === 0 ? IDLE_MS : quietMs);
  }

  /** Up to here nothing can arrive any more: neither from other parts nor from own sources. */
  #bound(): Stamp | undefined {
    const { peers } = this.#receiver;
    let bound: Stamp | undefined;
    const least = (s: Stamp): void => {
      if (!bound || compareStamps(s, bound) < 0) bound = s;
    };
    if (this.#sources.first !== undefined && this.#origin === undefined) this.#origin = this.#firstOf(peers);
    for (const p of this.#receiver.parts) {
      if (!p.isRead) continue;
      const b = p.bound(this.#origin);
      if (!b) return undefined;
      if (p.frontier && isClosed(p.frontier)) this.#cycles.endTime ??= p.frontier.t;
      least(b);
    }
    if (this.#sources.heads.length > 0) {
      const own = this.#upTo(peers);
      if (!own) return undefined;
      least(own);
    }
    const { endTime } = this.#cycles;
    if (endTime !== undefined) least(closedAt(endTime));
    return bound;
  }
  #firstOf(peers: readonly InPart[]): number | undefined {
    const firsts = [this.#sources.first, ...peers.map((p) => p.sources?.first)];
    return firsts.includes(undefined) ? undefined : Math.min(...(firsts as number[]));
  }
  /** As far as the sources go: the own ones, and for what only sources can say all others, too. */
  #upTo(peers: readonly InPart[]): Stamp | undefined {
    let upTo = this.#sources.upTo;
    if (!upTo) return undefined;
    const all = peers.map((p) => p.sources?.upTo);
    const { end } = this.#sources;
    if (end !== undefined) {
      // The run goes on as long as any source does, and ends with the last one.
      const open = all.filter((s) => !s || !isClosed(s));
      const ends = all.flatMap((s) => (s && isClosed(s) ? [s.t] : []));
      const last = Math.max(end, ...ends);
      if (open.length === 0) {
        this.#cycles.endTime ??= last;
        upTo = closedAt(this.#cycles.endTime);
      } else {
        upTo = beforeEnd(last);
        for (const s of open) if (s && compareStamps(s, upTo) > 0) upTo = s;
      }
    }
    // While a key has not come to life, it may do so in any source.
    const { live, keys } = this.#engine.core;
    if (live.length < keys.list.length)
      for (const s of all) {
        if (!s) return undefined;
        if (compareStamps(s, upTo) < 0 && !isClosed(s)) upTo = s;
      }
    return upTo;
  }

  #send(whole: boolean | 'again' = false, always = whole !== false): void {
    const { core } = this.#engine;
    if (!always && this.#isQuiet()) return;
    this.#saidMs = performance.now();
    this.#receiver.asked = false;
    const births = [...core.births, ...this.#cycles.births];
    core.births = [];
    const frontier = this.#frontier ?? (this.#origin === undefined ? undefined : startOf(this.#origin));
    const sources = this.#o.part.peers.length > 0 ? this.#sources.said() : undefined;
    if (this.#o.live && this.#sender.out.waiting > 0) this.#o.live.sync();
    this.#sender.send(frontier, this.#origin, births, sources, whole);
  }
  /**
   * A live source with nothing but time to tell need not say so each time it looks at its clock. Another one that has just sent
   * something is answered at once: who reads both waits for this one.
   */
  #isQuiet(): boolean {
    if (!this.#o.live || this.#sources.heads.length === 0 || this.#receiver.asked) return false;
    if (this.#sender.out.waiting > 0 || this.#engine.core.births.length > 0 || this.#cycles.births.length > 0)
      return false;
    if (this.#sources.end !== undefined) return false;
    return performance.now() - this.#saidMs < IDLE_MS;
  }
  /** A source waits while its readers are too far behind: what it has not sent yet is in its journal or its file. */
  async #keepPace(): Promise<void> {
    if (this.#sources.heads.length === 0) return;
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
    this.#send(true);
    await this.#sender.sent();
    const { store, part, naming, onCommit, onTap, onSnapshot } = this.#o;
    const epoch = this.#epoch + 1;
    const { offsets } = this.#sources;
    const mark = { epoch, now: this.#engine.now, offsets };
    for (const tap of this.#engine.taps) {
      onTap?.(tap, this.#keys);
      tap.truncate(0);
    }
    const write = async (): Promise<Uint8Array> => {
      // A gateway says for good what its reports have told: those have to be there.
      if (this.#gateways.length > 0) this.#o.live!.sync();
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
    await this.#sendLetters();
    await this.#sender.trim();
    this.#committed = performance.now();
    this.#commits++;
    this.#commitMs += this.#committed - begun;
    onSnapshot?.(this.#snapshot());
  }
  #state(epoch: number, offsets: Record<string, number>): PartCommit {
    const { parts } = this.#receiver;
    const poison = this.#poison.state();
    return {
      epoch,
      snapshot: this.#engine.snapshot(),
      read: Object.fromEntries(parts.flatMap((p) => p.streams.map((s) => [s.name, s.position]))),
      written: Object.fromEntries([...this.#sender.out.streams.values()].map((s) => [s.name, s.position])),
      fronts: Object.fromEntries(parts.map((p) => [p.id, { position: p.position, promise: p.promise }])),
      origin: this.#origin ?? null,
      births: this.#cycles.births,
      told: this.#sender.told,
      offsets,
      endTime: this.#cycles.endTime ?? null,
      session: this.#session,
      ended: this.#cycles.ended,
      cycles: this.#cycles.cycles,
      inputs: this.#cycles.inputs,
      ...(poison ? { poison } : {}),
      extra: this.#o.extra?.take(),
    };
  }

  /** Puts aside what cannot be read, once all that lies before it has run. */
  async #leaveOut(bound: Stamp | undefined): Promise<void> {
    const { blocked } = this.#poison;
    if (blocked.length > 0 && this.#sender.behind) {
      // An earlier life was further than this one. Where that leads behind the entry, it could still be read then.
      const holdsUp = blocked.some((p) => {
        const b = p.bound(this.#origin);
        return p.stuck && (!b || (bound !== undefined && compareStamps(b, bound) <= 0));
      });
      if (holdsUp)
        throw new ChimeraError('CHM516', `part ${this.#o.part.id} has run what can no longer be read`, {
          help: 'its results are on the bus and cannot be taken back: start all services again under another --prefix',
        });
      return;
    }
    const before = this.#poison.letters.length;
    const made = this.#poison.leaveOut();
    this.#engine.counters.dead_lettered += this.#poison.letters.length - before;
    await this.#decide(made);
  }
  /** Commits decisions before anything depends on them, in both commits that may be gone back to. */
  async #decide(made: readonly Decision[]): Promise<void> {
    this.#poison.fresh = made;
    await this.#commit();
    if (made.length === 0) return;
    await this.#settled();
    for (const p of this.#receiver.parts) p.settle();
  }
  /** The newest commit says what was decided: now the other places do. */
  async #settled(): Promise<void> {
    await this.#o.decisions?.append(this.#poison.fresh);
    this.#poison.fresh = [];
    await this.#commit();
  }
  async #sendLetters(): Promise<void> {
    const { letters } = this.#poison;
    if (letters.length === 0) return;
    await this.#held!.putAside(letters);
    this.#poison.sent(letters);
  }
  /** Takes what `dlq replay` has given back. */
  async #takeBack(ended = false): Promise<void> {
    const { expected } = this.#poison;
    if (expected.length === 0) return;
    const given = await this.#held!.givenBack(expected);
    if (given.length === 0) return;
    const told = Math.max(this.#engine.now, this.#frontier?.t ?? 0, this.#toldBefore?.frontier?.t ?? 0);
    await this.#decide(this.#poison.takeBack(given, ended ? undefined : told));
    await this.#held!.tookBack(this.#poison.expected.map(({ stream, after }) => ({ stream, upTo: after })));
  }

  #snapshot(): PartSnapshot {
    const { part, bus } = this.#o;
    const { parts, handover } = this.#receiver;
    const { now } = this.#engine;
    const furthest = Math.max(now, ...parts.map((p) => p.frontier?.t ?? 0));
    // A part that seldom has something to run stands at its last cycle: that is no lag.
    const waits = parts.some((p) => p.streams.some((s) => s.announced > s.position));
    const { state } = bus;
    return {
      part: part.id,
      service: part.service,
      cycles: this.#cycles.cycles - this.#cyclesBefore,
      nowUs: now,
      lagUs: this.#cycles.cycles === 0 || !waits ? 0 : furthest - now,
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
    const quality = this.#sources.heads.map((h) => h.reader.quality);
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
      end_us: this.#frontier && isClosed(this.#frontier) ? this.#frontier.t : null,
      handover: this.#receiver.parts.map((p, i) => this.#receiver.handover[i]!.snapshot(p.id)),
    };
  }
  async close(): Promise<void> {
    await this.#sender.close();
    await this.#receiver.close();
    const { live } = this.#o;
    for (const h of this.#sources.heads)
      if (!live) await h.reader.close();
      else if (live.ends.source(h.node.id) !== h.reader) {
        // It did not come so far as to be kept.
        await h.reader.close();
        await live.ends.drop([h.node.id]);
      }
    for (const { node, sink } of this.#sinks) if (!node.node.gateway) await sink.close();
    await this.#held?.release();
  }
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
