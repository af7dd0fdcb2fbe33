import { ChimeraError } from '../schema/index.ts';
import type {
  AcquireOptions,
  Batch,
  Bus,
  BusCheckpoint,
  Held,
  ReaderOptions,
  ReadFrom,
  StreamEntry,
  StreamReader,
} from './bus.ts';
import { Rewound } from './rewound.ts';

interface Stream {
  entries: { prev: number; last: number; payload: Uint8Array }[];
  position: number;
  /** Records up to this one have been removed. */
  trimmed: number;
  readonly needs: Map<string, number>;
}
interface Partition {
  token: number;
  holder: Holder | undefined;
  checkpoints: BusCheckpoint[];
  waiting: (() => void)[];
}

/** All parts in one process, nothing on disk: what tests run against, and the plain statement of what a bus does. */
export class MemoryBus implements Bus {
  readonly #streams = new Map<string, Stream>();
  readonly #partitions = new Map<string, Partition>();
  #readers = new Set<() => void>();

  stream(name: string): Stream {
    let s = this.#streams.get(name);
    if (!s) {
      s = { entries: [], position: 0, trimmed: 0, needs: new Map() };
      this.#streams.set(name, s);
    }
    return s;
  }
  partition(name: string): Partition {
    let p = this.#partitions.get(name);
    if (!p) {
      p = { token: 0, holder: undefined, checkpoints: [], waiting: [] };
      this.#partitions.set(name, p);
    }
    return p;
  }
  get streams(): ReadonlyMap<string, Stream> {
    return this.#streams;
  }

  async acquire(name: string, { signal }: AcquireOptions): Promise<Held> {
    const p = this.partition(name);
    while (p.holder) {
      await new Promise<void>((done) => {
        p.waiting.push(done);
        signal?.addEventListener('abort', () => done(), { once: true });
      });
      if (signal?.aborted) throw new ChimeraError('CHM522', `waiting for ${name} was ended`, {});
    }
    const holder = new Holder(this, name, ++p.token);
    p.holder = holder;
    return holder;
  }
  /** What a lease that runs out does: the holder goes on and does not know. */
  expire(name: string): void {
    const p = this.partition(name);
    p.holder = undefined;
    for (const wake of p.waiting.splice(0)) wake();
  }
  arrived(): void {
    for (const wake of this.#readers) wake();
  }

  reader(from: readonly ReadFrom[], { signal, count = 64 }: ReaderOptions = {}): StreamReader {
    const at = from.map((f) => f.after);
    let closed = false;
    let wake = () => {};
    const woken = () => wake();
    this.#readers.add(woken);
    signal?.addEventListener('abort', woken, { once: true });
    const ready = (): StreamEntry[] =>
      from.flatMap(({ stream }, i) => {
        const s = this.stream(stream);
        const after = at[i]!;
        if (s.position < after || after < s.trimmed)
          throw new Rewound(stream, s.position, `${stream} does not hold what follows ${after}`);
        const found = s.entries.filter((e) => e.last > after || (e.last === after && e.prev === after)).slice(0, count);
        const news = found.filter((e) => e.last > after);
        if (news.length > 0) at[i] = news.at(-1)!.last;
        return news.map((e) => ({ stream: i, ...e }));
      });
    return {
      read: async () => {
        for (;;) {
          if (closed || signal?.aborted) return [];
          const entries = ready();
          if (entries.length > 0) return entries;
          await new Promise<void>((done) => {
            wake = done;
          });
        }
      },
      close: () => {
        closed = true;
        this.#readers.delete(woken);
        wake();
        return Promise.resolve();
      },
    };
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}

class Holder implements Held {
  readonly token: number;
  readonly #bus: MemoryBus;
  readonly #name: string;
  readonly #lost = new AbortController();

  constructor(bus: MemoryBus, name: string, token: number) {
    this.#bus = bus;
    this.#name = name;
    this.token = token;
  }
  get lost(): AbortSignal {
    return this.#lost.signal;
  }
  #fence(): void {
    if (this.#bus.partition(this.#name).token === this.token) return;
    const error = new ChimeraError('CHM521', `another runner holds ${this.#name}`, {});
    this.#lost.abort(error);
    throw error;
  }
  async cover(): Promise<void> {
    this.#fence();
  }
  async positions(streams: readonly string[]): Promise<number[]> {
    return streams.map((s) => this.#bus.stream(s).position);
  }
  async append(batches: readonly Batch[]): Promise<void> {
    this.#fence();
    for (const b of batches) this.#append(b);
    this.#bus.arrived();
  }
  #append(batch: Batch): void {
    const s = this.#bus.stream(batch.stream);
    if (batch.prev > s.position) throw new Rewound(batch.stream, s.position, `${batch.stream} ends at ${s.position}`);
    if (batch.prev < s.position) {
      if (batch.last <= s.position) return;
      if (!batch.split) throw new ChimeraError('CHM529', `a batch of ${batch.stream} is there in part`, {});
      this.#append(batch.split(s.position));
      return;
    }
    s.entries.push({ prev: batch.prev, last: batch.last, payload: batch.payload.slice() });
    s.position = batch.last;
  }
  async commit(checkpoint: BusCheckpoint, batches: readonly Batch[]): Promise<void> {
    await this.append(batches);
    const p = this.#bus.partition(this.#name);
    const newest = p.checkpoints[0]?.epoch ?? 0;
    if (checkpoint.epoch === newest) return;
    if (checkpoint.epoch < newest) throw new ChimeraError('CHM529', `checkpoint ${checkpoint.epoch} is not new`, {});
    p.checkpoints = [checkpoint, ...p.checkpoints].slice(0, 2);
  }
  async checkpoints(): Promise<BusCheckpoint[]> {
    return [...this.#bus.partition(this.#name).checkpoints];
  }
  async need(positions: readonly { readonly stream: string; readonly position: number }[]): Promise<void> {
    for (const { stream, position } of positions) {
      const { needs } = this.#bus.stream(stream);
      needs.set(this.#name, Math.max(position, needs.get(this.#name) ?? 0));
    }
  }
  async trim(streams: readonly { readonly stream: string; readonly consumers: readonly string[] }[]): Promise<void> {
    this.#fence();
    for (const { stream, consumers } of streams) {
      const s = this.#bus.stream(stream);
      const least = Math.min(...consumers.map((c) => s.needs.get(c) ?? 0));
      if (consumers.length === 0 || least <= s.trimmed) continue;
      s.entries = s.entries.filter((e) => e.last > least);
      s.trimmed = Math.max(s.trimmed, Math.min(least, s.entries[0]?.prev ?? s.position));
    }
  }
  async release(): Promise<void> {
    const p = this.#bus.partition(this.#name);
    if (p.holder === this) this.#bus.expire(this.#name);
  }
}
