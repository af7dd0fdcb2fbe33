import { setMaxListeners } from 'node:events';
import type { ReaderOptions, ReadFrom, StreamEntry, StreamReader } from '../bus.ts';
import type { Connection } from './connect.ts';
import type { Health } from './health.ts';
import { type Keys, tagOf } from './keys.ts';
import { ReadChain } from './read-chain.ts';
import { SlotReader } from './slot-reader.ts';

const IDLE_ENTRIES = 2;

/** Reads streams of any slots. While one answer is worked on, the next is on its way: one of each slot, no more. */
export class RedisReader implements StreamReader {
  readonly #stop = new AbortController();
  readonly #ready: { entries: StreamEntry[]; taken: () => void }[] = [];
  /** Resolves when nothing of it runs any more. */
  readonly ended: Promise<unknown>;
  #failure: unknown;
  #wake: (() => void) | undefined;

  constructor(
    connection: Connection,
    health: Health,
    keys: Keys,
    streams: readonly ReadFrom[],
    options: ReaderOptions,
    closing: AbortSignal,
  ) {
    const stop = this.#stop.signal;
    setMaxListeners(0, stop);
    for (const signal of [options.signal, closing]) {
      if (signal?.aborted) this.#stop.abort();
      signal?.addEventListener('abort', () => this.#stop.abort(), { once: true, signal: stop });
    }
    stop.addEventListener('abort', () => this.#wake?.(), { once: true });
    // A command may name keys of one slot only in a Cluster.
    const groups = new Map<string, ReadChain[]>();
    streams.forEach(({ stream, after }, i) => {
      const tag = connection.address.cluster ? tagOf(stream) : '';
      const group = groups.get(tag) ?? [];
      groups.set(tag, group);
      group.push(new ReadChain(stream, i, after));
    });
    const count = options.count ?? 64;
    this.ended = Promise.all(
      [...groups.values()].map((chains) => this.#pump(new SlotReader(connection, health, keys, chains, count, stop))),
    );
  }

  async read(): Promise<readonly StreamEntry[]> {
    for (;;) {
      if (this.#stop.signal.aborted) return [];
      const next = this.#ready.shift();
      if (next) {
        next.taken();
        return next.entries;
      }
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
  async close(): Promise<void> {
    this.#stop.abort();
    for (const r of this.#ready.splice(0)) r.taken();
    await this.ended;
  }

  async #pump(slot: SlotReader): Promise<void> {
    const stop = this.#stop.signal;
    try {
      for (let free: Promise<void> = Promise.resolve(); ; ) {
        const entries = await slot.next();
        if (stop.aborted) break;
        await free;
        if (stop.aborted) break;
        free = new Promise((taken) => {
          this.#ready.push({ entries, taken });
        });
        this.#wake?.();
        // Where little comes, who waits for it works on it before we ask for more.
        if (entries.length <= IDLE_ENTRIES) await new Promise(setImmediate);
      }
    } catch (e) {
      this.#failure ??= e;
      this.#wake?.();
    } finally {
      slot.close();
    }
  }
}
