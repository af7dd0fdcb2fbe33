import type { Batch, Held } from '../bus/bus.ts';
import type { Clock } from '../engine/clock.ts';
import { compareStamps, type Stamp } from '../engine/stamp.ts';
import type { KeyTable } from '../schema/index.ts';
import { encodeControl, isClosed, type SourcesSaid } from './control.ts';
import type { Cut, Part } from './cut.ts';
import { OutPorts } from './out-ports.ts';
import { controlStream, type Naming, partitionName, tagOf } from './streams.ts';

type Birth = { readonly key: number; readonly stamp: Stamp };

/** Sends what a part makes: the records of its exported ports, and how far it has come. */
export class PartSender {
  readonly out: OutPorts;
  readonly #graph: string;
  readonly #keys: KeyTable;
  readonly #control: string;
  /** Whether anyone reads this part. */
  readonly #isRead: boolean;
  readonly #readersOf: (stream: string) => string[];
  #held: Held | undefined;
  #controls = 0;
  #told: Stamp | undefined;
  #toldKeys = 0;
  /** A birth that turns out to be earlier is told again. */
  readonly #toldBirths = new Map<number, Stamp>();
  #toldSources: SourcesSaid | undefined;
  readonly #toldPositions = new Map<string, number>();
  #sending: Promise<void> = Promise.resolve();
  #inFlight = 0;
  /** Why nothing can be sent any more. */
  failed: unknown;
  /** Bytes sent by this life, and how many of them had been when each stream had which end: what readers have not done with. */
  #bytes = 0;
  readonly #marks: { bytes: number; positions: Record<string, number> }[] = [];
  #done = 0;

  readonly #session: string;

  constructor(cut: Cut, part: Part, naming: Naming, keys: KeyTable, clock: Clock, session = '') {
    this.#session = session;
    this.#graph = cut.plan.pipeline.hash.slice(0, 16);
    this.#keys = keys;
    this.#control = controlStream(naming, part.id);
    this.out = new OutPorts(cut, part, naming, keys, clock);
    const self = cut.parts.indexOf(part);
    const readers = cut.parts.filter((p) => p.inlets.some((i) => i.from === self) || p.peers.includes(self));
    this.#isRead = readers.length > 0;
    this.#readersOf = (stream) =>
      readers
        .filter((r) => {
          const ports = r.inlets.find((i) => i.from === self)?.ports ?? [];
          const family = part.families.find((f) => stream.startsWith(`${naming.prefix}${f.name}:{`));
          return !family || family.ports.some((p) => ports.some((q) => q.node === p.node && q.out === p.out));
        })
        .map((r) => partitionName(naming, r.id));
  }

  /** Goes on where the bus is. @param written cycles of each stream that the commit to go on from has made */
  async open(held: Held, written: Readonly<Record<string, number>>): Promise<void> {
    this.#held = held;
    [this.#controls] = (await held.positions([this.#control])) as [number];
    await this.#openStreams((name) => written[name] ?? 0);
  }
  /** New instruments have streams of their own. */
  keysAdded(): Promise<void> {
    return this.#openStreams(() => 0);
  }
  async #openStreams(positionOf: (name: string) => number): Promise<void> {
    const names = this.out.names.filter((n) => !this.out.streams.has(n));
    await this.#held!.cover(names.map(tagOf));
    const there = await this.#held!.positions(names);
    const known = new Map(names.map((n, i) => [n, there[i]!]));
    this.out.start = (name) => ({ position: positionOf(name), known: known.get(name) ?? 0 });
    this.out.open();
  }

  /** Sends what waits, and how far the part has come. Does not wait for the answer. */
  send(
    frontier: Stamp | undefined,
    origin: number | undefined,
    births: readonly Birth[],
    sources?: SourcesSaid | undefined,
  ): void {
    const batches: Batch[] = [];
    const positions: Record<string, number> = {};
    for (const s of this.out.streams.values()) {
      const batch = s.take();
      if (batch) batches.push({ stream: s.name, ...batch });
      if (s.position > (this.#toldPositions.get(s.name) ?? 0)) positions[s.name] = s.position;
    }
    const keys = this.#keys.list.slice(this.#toldKeys);
    const born = births.filter(({ key, stamp }) => {
      const told = this.#toldBirths.get(key);
      return !told || compareStamps(stamp, told) < 0;
    });
    const news =
      (frontier !== undefined && (!this.#told || isFurther(frontier, this.#told))) ||
      (sources !== undefined && isNews(sources, this.#toldSources));
    const something = frontier !== undefined || sources !== undefined;
    if (something && this.#isRead && (news || batches.length > 0 || keys.length > 0 || born.length > 0)) {
      for (const [name, position] of Object.entries(positions)) this.#toldPositions.set(name, position);
      for (const b of born) this.#toldBirths.set(b.key, b.stamp);
      this.#toldKeys = this.#keys.list.length;
      this.#told = frontier;
      this.#toldSources = sources;
      const payload = encodeControl({
        graph: this.#graph,
        frontier,
        origin,
        sources,
        session: this.#session,
        positions,
        keys: keys.map((k) => [k.index, k.name, k.pxDigits, k.qtyDigits]),
        births: born,
        sentAtUs: wallUs(),
      });
      batches.push({ stream: this.#control, prev: this.#controls, last: ++this.#controls, payload });
    }
    if (batches.length === 0) return;
    for (const b of batches) this.#bytes += b.payload.length;
    this.#inFlight++;
    this.#sending = this.#sending.then(async () => {
      try {
        if (!this.failed) await this.#held!.append(batches);
      } catch (e) {
        this.failed = e;
      } finally {
        this.#inFlight--;
      }
    });
  }
  /** Everything that was sent is on the bus. */
  async sent(): Promise<void> {
    await this.#sending;
    if (this.failed) throw this.failed;
  }
  /** Waits while too much is on its way. */
  async settle(): Promise<void> {
    if (this.#inFlight > MOST_IN_FLIGHT) await this.#sending;
  }

  /** Removes from the bus what nobody needs any more. */
  async trim(): Promise<void> {
    if (!this.#isRead) return;
    const streams = [...this.out.streams.values()];
    const names = [this.#control, ...streams.map((s) => s.name)];
    this.#marks.push({ bytes: this.#bytes, positions: Object.fromEntries(streams.map((s) => [s.name, s.sent])) });
    const done = await this.#held!.trim(names.map((stream) => ({ stream, consumers: this.#readersOf(stream) })));
    const doneWith = new Map(names.map((n, i) => [n, done[i]!]));
    while (
      this.#marks.length > 0 &&
      Object.entries(this.#marks[0]!.positions).every(([name, p]) => doneWith.get(name)! >= p)
    )
      this.#done = this.#marks.shift()!.bytes;
  }
  /** Bytes on the bus that some reader has not done with. */
  get outstanding(): number {
    return this.#bytes - this.#done;
  }
  close(): Promise<void> {
    this.failed ??= new Error('closed');
    return this.#sending;
  }
}

const MOST_IN_FLIGHT = 2;

/** The end is further than everything: what only looked ahead may have promised more than there is time. */
export const isFurther = (a: Stamp, b: Stamp): boolean => (isClosed(a) ? !isClosed(b) : compareStamps(b, a) < 0);

const isNews = (now: SourcesSaid, told: SourcesSaid | undefined): boolean =>
  !told ||
  now.open !== told.open ||
  now.first !== told.first ||
  (now.upTo !== undefined && (!told.upTo || isFurther(now.upTo, told.upTo)));

/** For measurements only: nothing depends on it. */
export const wallUs = (): number => Math.round((performance.timeOrigin + performance.now()) * 1000);
