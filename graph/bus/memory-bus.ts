import { setMaxListeners } from 'node:events';
import { ChimeraError } from '../schema/index.ts';
import type {
  AcquireOptions,
  Batch,
  Bus,
  BusCheckpoint,
  GivenBack,
  Held,
  PutAside,
  ReaderOptions,
  ReadFrom,
  StreamEntry,
  StreamReader,
} from './bus.ts';
import { Rewound } from './rewound.ts';

interface Entry {
  /** How many entries the stream was given before it. */
  readonly nth: number;
  readonly prev: number;
  readonly last: number;
  readonly payload: Uint8Array;
}
interface Stream {
  entries: Entry[];
  /** Number of the last record. */
  position: number;
  /** Consumer → the records it no longer needs. */
  readonly needs: Map<string, number>;
}
interface Partition {
  /** The newest one given out: writes count under it alone. */
  token: number;
  held: boolean;
  checkpoints: BusCheckpoint[];
  readonly waiting: Set<() => void>;
}

/** All parts in one process, nothing on disk: what tests run against, and the plain statement of what a bus does. */
export class MemoryBus implements Bus {
  readonly #streams = new Map<string, Stream>();
  readonly #partitions = new Map<string, Partition>();
  readonly #words = new Map<string, string>();
  readonly #closing = new AbortController();
  /** Dead letters by partition, oldest first, and those of them that were given back. */
  readonly letters = new Map<string, PutAside[]>();
  readonly givenBack = new Map<string, GivenBack[]>();
  readonly #marks = new Set<string>();
  #given = 0;
  /** Called whenever something was appended. */
  readonly wakes = new Set<() => void>();

  constructor() {
    // Everyone who waits listens.
    setMaxListeners(0, this.#closing.signal);
  }
  async say(name: string, text: string): Promise<void> {
    this.#words.set(name, text);
  }
  async said(name: string): Promise<string | undefined> {
    return this.#words.get(name);
  }
  get streams(): ReadonlyMap<string, Stream> {
    return this.#streams;
  }
  stream(name: string): Stream {
    let s = this.#streams.get(name);
    if (!s) {
      s = { entries: [], position: 0, needs: new Map() };
      this.#streams.set(name, s);
    }
    return s;
  }
  partition(name: string): Partition {
    let p = this.#partitions.get(name);
    if (!p) {
      p = { token: 0, held: false, checkpoints: [], waiting: new Set() };
      this.#partitions.set(name, p);
    }
    return p;
  }

  async acquire(name: string, { signal }: AcquireOptions): Promise<Held> {
    const p = this.partition(name);
    const ended = (): boolean => signal?.aborted === true || this.#closing.signal.aborted;
    while (p.held && !ended()) await woken(p.waiting, signal, this.#closing.signal);
    if (ended()) throw new ChimeraError('CHM522', `waiting for ${name} was ended`, {});
    p.held = true;
    return new MemoryHeld(this, name, ++p.token);
  }
  putAside(partition: string, letter: PutAside): void {
    const mark = `${partition} ${letter.stream} ${letter.mark}`;
    if (this.#marks.has(mark)) return;
    this.#marks.add(mark);
    this.letters.set(partition, [...(this.letters.get(partition) ?? []), letter]);
  }
  /** Gives the oldest dead letter of a partition back to it, with other bytes if need be. */
  giveBack(partition: string, payload?: Uint8Array): boolean {
    const [letter, ...rest] = this.letters.get(partition) ?? [];
    const bytes = payload ?? letter?.payload;
    if (!letter || !bytes) return false;
    this.letters.set(partition, rest);
    const { stream, entry, prev, after, last } = letter;
    const given = { id: String(++this.#given).padStart(9, '0'), stream, entry, prev, after, last, payload: bytes };
    this.givenBack.set(partition, [...(this.givenBack.get(partition) ?? []), given]);
    return true;
  }
  /** What a lease that runs out does: another one may acquire it, and the holder does not know. */
  expire(name: string): void {
    const p = this.partition(name);
    p.held = false;
    for (const wake of [...p.waiting]) wake();
  }

  reader(from: readonly ReadFrom[], { signal, count = 64 }: ReaderOptions = {}): StreamReader {
    const closed = new AbortController();
    const stops = [closed.signal, this.#closing.signal, ...(signal ? [signal] : [])];
    const at = from.map(({ after }) => ({ position: after, nth: 0 }));
    return {
      read: async () => {
        for (;;) {
          if (stops.some((s) => s.aborted)) return [];
          const entries = from.flatMap(({ stream }, i) => this.#following(stream, i, at[i]!, count));
          if (entries.length > 0) return entries;
          await woken(this.wakes, ...stops);
        }
      },
      close: async () => closed.abort(),
    };
  }
  /** What comes next of one stream: each entry says what came before it, so a gap shows. */
  #following(name: string, stream: number, at: { position: number; nth: number }, count: number): StreamEntry[] {
    const s = this.stream(name);
    if (s.position < at.position)
      throw new Rewound(name, s.position, `${name} ends with record ${s.position}, but ${at.position} was read before`);
    const found: StreamEntry[] = [];
    for (let i = Math.max(0, at.nth - (s.entries[0]?.nth ?? 0)); i < s.entries.length && found.length < count; i++) {
      const { nth, prev, last, payload } = s.entries[i]!;
      if (prev > at.position && found.length > 0) break;
      if (prev > at.position)
        throw new Rewound(name, at.position, `the records ${at.position + 1}–${prev} of ${name} are not there`, prev);
      at.nth = nth + 1;
      if (last < at.position || (last === at.position && prev !== last)) continue;
      at.position = last;
      found.push({ stream, prev, last, payload });
    }
    return found;
  }

  async close(): Promise<void> {
    this.#closing.abort();
  }
}

class MemoryHeld implements Held {
  readonly token: number;
  readonly #bus: MemoryBus;
  readonly #name: string;
  readonly #partition: Partition;
  readonly #lost = new AbortController();

  constructor(bus: MemoryBus, name: string, token: number) {
    this.#bus = bus;
    this.#name = name;
    this.#partition = bus.partition(name);
    this.token = token;
  }
  get lost(): AbortSignal {
    return this.#lost.signal;
  }
  check(): void {
    if (this.#partition.token !== this.token) this.#lose('another runner holds it');
    this.#lost.signal.throwIfAborted();
  }
  #lose(why: string): void {
    this.#lost.abort(
      new ChimeraError('CHM521', `${this.#name} is no longer held under token ${this.token}: ${why}`, {}),
    );
  }
  async cover(): Promise<void> {
    this.check();
  }
  async positions(streams: readonly string[]): Promise<number[]> {
    return streams.map((s) => this.#bus.stream(s).position);
  }

  async append(batches: readonly Batch[]): Promise<void> {
    this.check();
    this.#write(this.#fitting(batches));
  }
  /** What of the batches is not there yet. All checks come before all writes. */
  #fitting(batches: readonly Batch[]): Batch[] {
    const ends = new Map<string, number>();
    return batches.flatMap((batch) => {
      const { stream, prev, last } = batch;
      const end = ends.get(stream) ?? this.#bus.stream(stream).position;
      if (prev > end) throw new Rewound(stream, end, `${stream} ends with record ${end}, not with ${prev}`);
      // All of it is there; or it is a frontier, and records have come since.
      if (prev < end && last <= end) return [];
      ends.set(stream, last);
      if (prev === end) return [batch];
      const rest = batch.split?.(end);
      if (!rest) throw new ChimeraError('CHM529', `a batch of ${stream} is there in part and cannot be cut`, {});
      return [rest];
    });
  }
  #write(batches: readonly Batch[]): void {
    for (const { stream, prev, last, payload } of batches) {
      const s = this.#bus.stream(stream);
      s.entries.push({ nth: (s.entries.at(-1)?.nth ?? -1) + 1, prev, last, payload: payload.slice() });
      s.position = last;
    }
    for (const wake of [...this.#bus.wakes]) wake();
  }

  async commit(checkpoint: BusCheckpoint, batches: readonly Batch[]): Promise<void> {
    this.check();
    const { epoch, graph, blob } = checkpoint;
    const p = this.#partition;
    const newest = p.checkpoints[0]?.epoch ?? Number.NEGATIVE_INFINITY;
    if (epoch < newest) throw new ChimeraError('CHM529', `checkpoint ${epoch} comes after ${newest}`, {});
    this.#write(this.#fitting(batches));
    if (epoch > newest) p.checkpoints = [{ epoch, graph, blob: blob.slice() }, ...p.checkpoints.slice(0, 1)];
  }
  async checkpoints(): Promise<BusCheckpoint[]> {
    return [...this.#partition.checkpoints];
  }

  async need(positions: readonly { readonly stream: string; readonly position: number }[]): Promise<void> {
    this.check();
    for (const { stream, position } of positions) {
      const { needs } = this.#bus.stream(stream);
      needs.set(this.#name, Math.max(position, needs.get(this.#name) ?? 0));
    }
  }
  async trim(
    streams: readonly { readonly stream: string; readonly consumers: readonly string[] }[],
  ): Promise<number[]> {
    this.check();
    return streams.map(({ stream, consumers }) => {
      if (consumers.length === 0) return 0;
      const s = this.#bus.stream(stream);
      const least = Math.min(...consumers.map((c) => s.needs.get(c) ?? 0));
      // The last entry carries the frontier that a consumer may still have to hear of.
      const last = s.entries.length - 1;
      s.entries = s.entries.filter((e, i) => i === last || e.last > least);
      return least;
    });
  }
  async putAside(letters: readonly PutAside[]): Promise<void> {
    for (const letter of letters) this.#bus.putAside(this.#name, letter);
  }
  async givenBack(streams: readonly { readonly stream: string; readonly after: string }[]): Promise<GivenBack[]> {
    const given = this.#bus.givenBack.get(this.#name) ?? [];
    return streams.flatMap(({ stream, after }) => given.filter((g) => g.stream === stream && g.id > after));
  }
  async tookBack(streams: readonly { readonly stream: string; readonly upTo: string }[]): Promise<void> {
    const given = this.#bus.givenBack.get(this.#name) ?? [];
    const taken = (g: GivenBack): boolean => streams.some((s) => s.stream === g.stream && g.id <= s.upTo);
    this.#bus.givenBack.set(
      this.#name,
      given.filter((g) => !taken(g)),
    );
  }
  async release(): Promise<void> {
    if (this.#lost.signal.aborted) return;
    this.#lose('it was released');
    if (this.#partition.token === this.token) this.#bus.expire(this.#name);
  }
}

/** Until one of the wakes is called or a signal ends the waiting. */
function woken(wakes: Set<() => void>, ...signals: (AbortSignal | undefined)[]): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      wakes.delete(done);
      for (const s of signals) s?.removeEventListener('abort', done);
      resolve();
    };
    wakes.add(done);
    for (const s of signals) s?.addEventListener('abort', done);
  });
}
