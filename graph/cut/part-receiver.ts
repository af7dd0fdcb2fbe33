import type { Bus, StreamEntry, StreamReader } from '../bus/bus.ts';
import { Rewound } from '../bus/rewound.ts';
import type { Stamp } from '../engine/stamp.ts';
import type { Plan } from '../plan/plan.ts';
import type { KeyTable } from '../schema/index.ts';
import type { Cut, Part } from './cut.ts';
import { declareKeys, type InFamily, InPart, InStream, type PortUse } from './in-part.ts';
import type { PartCommit } from './part-commit.ts';
import { localIndex } from './part-plan.ts';
import { wallUs } from './part-sender.ts';
import { HandoverTimes } from './part-snapshot.ts';
import { controlStream, dataStream, type Naming } from './streams.ts';

/** About 64 MB. */
const MOST_DECODED = 2 ** 23;

/** Takes what other parts send. */
export class PartReceiver {
  readonly parts: readonly InPart[];
  /** Those of them whose sources are followed. */
  readonly peers: readonly InPart[];
  readonly handover: readonly HandoverTimes[];
  readonly #naming: Naming;
  readonly #keys: KeyTable;
  readonly #declarations: readonly number[];
  readonly #bus: Bus;
  readonly #signal: AbortSignal | undefined;
  #from: (InPart | InStream)[] = [];
  #reader: StreamReader | undefined;
  #reading: Promise<readonly StreamEntry[]> | undefined;
  #wake: (() => void) | undefined;
  /** Someone wanted to wake it before it slept. */
  #woken = false;
  /** A part whose sources are followed has sent records: whoever reads it and this part waits for a word of this one. */
  asked = false;
  /** Engine time of the run's first input, µs, as others say. */
  origin: number | undefined;

  constructor(
    of: { cut: Cut; part: Part; plan: Plan; naming: Naming; keys: KeyTable; session: string },
    bus: Bus,
    signal?: AbortSignal,
  ) {
    const { plan, naming, keys } = of;
    this.parts = inPartsOf(of);
    const peers = of.part.peers.map((p) => of.cut.parts[p]!.id);
    this.peers = this.parts.filter((p) => peers.includes(p.id));
    this.handover = this.parts.map(() => new HandoverTimes());
    this.#naming = naming;
    this.#keys = keys;
    this.#declarations = plan.declarations;
    this.#bus = bus;
    this.#signal = signal;
  }

  open(commit: PartCommit | undefined): void {
    this.#resumed = commit !== undefined;
    for (const p of this.parts) p.resume(commit?.fronts[p.id], commit?.session);
    this.origin = commit?.origin ?? undefined;
    this.#readNewKeys(commit);
    for (const p of this.parts) p.settle();
  }
  /** The part goes on from a commit. */
  #resumed = false;
  /** Reads the streams of all keys known. */
  keysAdded(): void {
    this.#readNewKeys();
    for (const p of this.parts) p.settle();
  }
  #readNewKeys(commit?: PartCommit): void {
    const keys = ['', ...this.#keys.list.map((k) => k.name)];
    for (const p of this.parts)
      for (const f of p.families)
        for (const k of keys) {
          const name = dataStream(this.#naming, f.name, k);
          if (p.streams.some((s) => s.name === name)) continue;
          const key = k === '' ? -1 : this.#keys.find(k)!.index;
          p.streams.push(new InStream(name, f, key, commit?.read[name] ?? 0, this.#declarations));
        }
    this.#read();
  }
  /** Reads on from where everything has arrived. */
  #read(): void {
    void this.#reader?.close();
    this.#reading = undefined;
    if (this.parts.length === 0) return;
    this.#from = this.parts.flatMap((p) => [p, ...p.streams]);
    const from = this.#from.map((x) => ({ stream: x instanceof InPart ? x.control : x.name, after: x.arrived }));
    this.#reader = this.#bus.reader(from, this.#signal ? { signal: this.#signal } : {});
  }

  /**
   * Takes what has arrived. Waits for something, for `wake` or for `waitMs`; not at all when there is other work.
   * @returns whether there are new instruments
   */
  async take(busy: boolean, waitMs: number, born: (key: number, stamp: Stamp) => void): Promise<boolean> {
    const alone = this.#reader === undefined;
    // What lies here can be run without anything arriving: until then no more is taken.
    if (busy && !alone && this.size > MOST_DECODED) {
      await new Promise<void>((done) => setImmediate(done));
      return false;
    }
    if (!alone) this.#reading ??= this.#reader!.read();
    let timer: NodeJS.Timeout | NodeJS.Immediate | undefined;
    const now = busy || this.#woken;
    this.#woken = false;
    const otherwise = new Promise<undefined>((done) => {
      this.#wake = () => done(undefined);
      timer = now ? setImmediate(() => done(undefined)) : setTimeout(() => done(undefined), waitMs);
    });
    const arrived = alone ? otherwise : Promise.race([this.#reading!, otherwise]);
    const entries = await arrived.catch((e: unknown) => this.#missing(e));
    this.#wake = undefined;
    if (now) clearImmediate(timer as NodeJS.Immediate);
    else clearTimeout(timer as NodeJS.Timeout);
    if (!entries) return false;
    this.#reading = undefined;
    let added = false;
    for (const e of entries) {
      const to = this.#from[e.stream]!;
      if (to instanceof InStream) to.take(e);
      else added = this.#control(to, e, born) || added;
    }
    // Promises speak of the streams of new instruments, too: those have to be there before anything is believed.
    if (added) this.#readNewKeys();
    for (const p of this.parts) p.settle();
    return added;
  }
  #control(part: InPart, entry: StreamEntry, born: (key: number, stamp: Stamp) => void): boolean {
    const control = part.take(entry);
    if (!control) return false;
    this.handover[this.parts.indexOf(part)]!.observe(wallUs() - control.sentAtUs);
    if (Object.keys(control.positions).length > 0 && this.peers.includes(part)) this.asked = true;
    const added = declareKeys(this.#keys, control);
    this.origin ??= control.origin;
    for (const b of control.births) born(b.key, b.stamp);
    return added;
  }
  /**
   * Entries were removed from the bus before they were read. At the beginning of a stream it is more likely that the part has lost
   * its own commits: then there is no going on.
   */
  #missing(e: unknown): undefined {
    if (!(e instanceof Rewound) || e.missingTo === undefined) throw e;
    const to = this.#from.find((x) => (x instanceof InPart ? x.control : x.name) === e.stream);
    const policy = to instanceof InPart ? to.onPoison : to?.family.onPoison;
    if (!to || e.position !== to.arrived || policy !== 'dead_letter') throw e;
    const decided = to instanceof InStream && to.leavesOut(e.missingTo);
    if (to.arrived === 0 && !this.#resumed && !decided) throw e;
    to.missing(e.missingTo, `${e.code} ${e.message}`);
    this.#read();
    return undefined;
  }
  /** Values that have been decoded and not consumed. */
  get size(): number {
    let n = 0;
    for (const p of this.parts) for (const s of p.streams) n += s.size;
    return n;
  }
  /** Ends a wait. */
  wake(): void {
    if (this.#wake) this.#wake();
    else this.#woken = true;
  }

  /** Last cycle consumed of each stream, and last message believed of each control stream. */
  get positions(): Record<string, number> {
    return Object.fromEntries(
      this.parts.flatMap((p) => [
        [p.control, p.position] as const,
        ...p.streams.map((s) => [s.name, s.position] as const),
      ]),
    );
  }
  async close(): Promise<void> {
    await this.#reader?.close();
  }
}

/** What the part reads of others, as its own plan numbers it. */
function inPartsOf({
  cut,
  part,
  plan,
  naming,
  session,
}: {
  cut: Cut;
  part: Part;
  plan: Plan;
  naming: Naming;
  session: string;
}): InPart[] {
  const local = localIndex(cut.plan, plan);
  const { pipeline } = cut.plan;
  const of = { graph: pipeline.hash.slice(0, 16), session };
  const followed = part.peers.filter((p) => !part.inlets.some((i) => i.from === p));
  const inlets = part.inlets.map(({ from, ports, delayUs }) => {
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
      return [{ name: f.name, schemas, uses, onPoison: pipeline.onPoison?.[f.name] ?? 'dead_letter' }];
    });
    const inPart = new InPart(producer.id, controlStream(naming, producer.id), families, delayUs, of);
    // What a control stream says can be had again; what stops for a family stops for its control stream.
    inPart.onPoison = families.some((f) => f.onPoison === 'stop') ? 'stop' : 'dead_letter';
    return inPart;
  });
  const peers = followed.map((p) => {
    const { id } = cut.parts[p]!;
    const peer = new InPart(id, controlStream(naming, id), [], undefined, of);
    peer.onPoison = 'dead_letter';
    return peer;
  });
  return [...inlets, ...peers];
}
