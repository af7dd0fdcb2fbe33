import type { Batch, Held } from '../bus/bus.ts';
import { Rewound } from '../bus/rewound.ts';
import type { Clock } from '../engine/clock.ts';
import { compareStamps, type Stamp } from '../engine/stamp.ts';
import type { KeyTable } from '../schema/index.ts';
import { encodeControl, isClosed, type SourcesSaid } from './control.ts';
import type { Cut, Part } from './cut.ts';
import { OutPorts } from './out-ports.ts';
import { controlStream, type Naming, partitionName, tagOf } from './streams.ts';

/** Commits without news, after which what is not understood is said again. */
const FIRST_PATIENCE = 8;
const MOST_PATIENCE = 64;

export type Birth = { readonly key: number; readonly stamp: Stamp };

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
  readonly #toldBirths = new Map<number, Birth>();
  #toldSources: SourcesSaid | undefined;
  /** Messages since one that said everything. */
  #sinceWhole = 0;
  /** The message that all readers have done with, and for how many commits there has been no news. */
  #heard = 0;
  #idle = 0;
  #patience = FIRST_PATIENCE;
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

  /**
   * Goes on where the bus is.
   * @param written cycles of each stream that the commit to go on from has made @param told births that were told before it
   */
  async open(held: Held, written: Readonly<Record<string, number>>, told: readonly Birth[] = []): Promise<void> {
    this.#held = held;
    for (const b of told) this.#toldBirths.set(b.key, b);
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

  /** Births told so far, for commits. */
  get told(): readonly Birth[] {
    return [...this.#toldBirths.values()];
  }
  /** Name and end of the stream that says how far the part has come. */
  get control(): { readonly stream: string; readonly position: number } {
    return { stream: this.#control, position: this.#controls };
  }
  /** Throws when the bus has forgotten something that was sent. @throws CHM523 */
  async verify(): Promise<void> {
    await this.sent();
    const sent = [...this.out.streams.values()].map((s) => [s.name, s.sent] as const);
    const all = [[this.#control, this.#controls] as const, ...sent];
    const there = await this.#held!.positions(all.map(([name]) => name));
    all.forEach(([name, position], i) => {
      if (there[i]! < position)
        throw new Rewound(name, there[i]!, `${name} ends with record ${there[i]}, not ${position}`);
    });
  }
  /** Some of what the part makes was sent by an earlier life: it makes it again. */
  get behind(): boolean {
    for (const s of this.out.streams.values()) if (s.behind) return true;
    return false;
  }

  /**
   * Sends what waits, and how far the part has come. Does not wait for the answer.
   * @param whole says everything once more if anything was said since that was done last; `again`: in any case
   */
  send(
    frontier: Stamp | undefined,
    origin: number | undefined,
    births: readonly Birth[],
    sources?: SourcesSaid | undefined,
    whole: boolean | 'again' = false,
  ): void {
    const batches: Batch[] = [];
    const positions: Record<string, number> = {};
    for (const s of this.out.streams.values()) {
      for (let batch = s.take(); batch; batch = s.take()) batches.push({ stream: s.name, ...batch });
      if (s.position > (this.#toldPositions.get(s.name) ?? 0)) positions[s.name] = s.position;
    }
    let keys = this.#keys.list.slice(this.#toldKeys);
    let born = births.filter(({ key, stamp }) => {
      const told = this.#toldBirths.get(key);
      return !told || compareStamps(stamp, told.stamp) < 0;
    });
    const further = frontier !== undefined && (!this.#told || isFurther(frontier, this.#told));
    const news = further || (sources !== undefined && isNews(sources, this.#toldSources));
    const some = news || batches.length > 0 || keys.length > 0 || born.length > 0;
    if (some) [this.#idle, this.#patience] = [0, FIRST_PATIENCE];
    const all = whole === 'again' || (whole && (some || this.#sinceWhole > 0 || this.#unheard()));
    const something = frontier !== undefined || sources !== undefined;
    if (something && this.#isRead && (some || all)) {
      for (const b of born) this.#toldBirths.set(b.key, b);
      this.#sinceWhole = all ? 0 : this.#sinceWhole + 1;
      if (all) {
        for (const s of this.out.streams.values()) if (s.position > 0) positions[s.name] = s.position;
        keys = this.#keys.list.slice();
        born = this.told.slice();
      }
      for (const [name, position] of Object.entries(positions)) this.#toldPositions.set(name, position);
      this.#toldKeys = this.#keys.list.length;
      if (further) this.#told = frontier;
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
        whole: all,
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
  /** Called at commits at which there is no news: whether some reader has not understood the last message for too long. */
  #unheard(): boolean {
    if (this.#heard >= this.#controls || ++this.#idle < this.#patience) return false;
    [this.#idle, this.#patience] = [0, Math.min(2 * this.#patience, MOST_PATIENCE)];
    return true;
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

  /**
   * Removes from the bus what nobody needs any more.
   * @returns the message of the control stream that all readers have done with
   */
  async trim(): Promise<number> {
    if (!this.#isRead) return Number.POSITIVE_INFINITY;
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
    this.#heard = doneWith.get(this.#control)!;
    return this.#heard;
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
