import type { Redis } from 'ioredis';
import type { StreamEntry } from '../bus.ts';
import { Rewound } from '../rewound.ts';
import type { Connection } from './connect.ts';
import type { Health } from './health.ts';
import type { Keys } from './keys.ts';
import { backOffMs, pause } from './persist.ts';
import type { ReadChain } from './read-chain.ts';
import { troubleError, troubleOf } from './trouble.ts';

/** How long a call waits for entries. After it, positions are compared: a stream that began anew has nothing to say. */
const BLOCK_MS = 2000;

type Reply = [key: Buffer, entries: [id: Buffer, fields: Buffer[]][]][] | null;

/** Reads streams over a connection of its own: of one slot in a Cluster, of any on a single node. */
export class SlotReader {
  readonly #connection: Connection;
  readonly #health: Health;
  readonly #keys: Keys;
  readonly #chains: readonly ReadChain[];
  readonly #byKey: ReadonlyMap<string, ReadChain>;
  readonly #count: number;
  readonly #stop: AbortSignal;
  #redis: Redis | undefined;
  #confirmed = false;

  constructor(
    connection: Connection,
    health: Health,
    keys: Keys,
    chains: readonly ReadChain[],
    count: number,
    stop: AbortSignal,
  ) {
    this.#connection = connection;
    this.#health = health;
    this.#keys = keys;
    this.#chains = chains;
    this.#byKey = new Map(chains.map((c) => [keys.stream(c.stream), c]));
    this.#count = count;
    this.#stop = stop;
    stop.addEventListener('abort', () => this.#redis?.disconnect(), { once: true });
  }

  /** Waits for entries, through all trouble. Empty when it was stopped. @throws CHM523, CHM520, CHM529 */
  async next(): Promise<StreamEntry[]> {
    for (let failed = 0; !this.#stop.aborted; ) {
      try {
        const redis = this.#redis ?? (await this.#connect());
        if (this.#stop.aborted) break;
        const entries = this.#confirmed
          ? await this.#read(redis, Math.min(BLOCK_MS, this.#connection.silentMs / 2))
          : await this.#confirm(redis);
        this.#health.well(this);
        failed = 0;
        if (entries.length > 0) return entries;
      } catch (e) {
        if (this.#stop.aborted) break;
        this.close();
        if (e instanceof Rewound) throw e;
        const trouble = troubleOf(e, this.#connection.address.shown);
        if (!trouble.passing) throw troubleError(trouble);
        this.#health.trouble(this, trouble.code, trouble.message);
        await pause(backOffMs(failed++), this.#stop);
      }
    }
    return [];
  }
  close(): void {
    this.#redis?.disconnect();
    this.#redis = undefined;
    this.#confirmed = false;
    this.#health.well(this);
  }

  async #connect(): Promise<Redis> {
    const redis = await this.#connection.dedicated(this.#keys.stream(this.#chains[0]!.stream));
    this.#redis = redis;
    if (this.#stop.aborted) redis.disconnect();
    else await redis.connect();
    return redis;
  }
  /** Reads what is there and compares with the positions that the bus had before. */
  async #confirm(redis: Redis): Promise<StreamEntry[]> {
    const at = await Promise.all(this.#chains.map((c) => redis.get(this.#keys.at(c.stream))));
    const positions = at.map((p) => Number((p ?? '0').split('-')[0]));
    this.#chains.forEach((c, i) => {
      c.confirm(positions[i]!);
    });
    const before = this.#chains.map((c) => c.id);
    const entries = await this.#read(redis, undefined);
    const missing = this.#chains.findIndex((c, i) => c.position < positions[i]! && c.id === before[i]);
    // What arrived of other streams is given first; a gap shows again.
    if (missing >= 0 && entries.length === 0) throw this.#chains[missing]!.missing(positions[missing]!);
    this.#confirmed = missing < 0;
    return entries;
  }
  async #read(redis: Redis, blockMs: number | undefined): Promise<StreamEntry[]> {
    const args: (string | number)[] = ['COUNT', this.#count];
    if (blockMs !== undefined) args.push('BLOCK', blockMs);
    args.push('STREAMS', ...this.#byKey.keys());
    for (const c of this.#chains) args.push(c.id);
    // The types know the arguments in one order only.
    const reply = (await (redis.xreadBuffer as (...a: unknown[]) => Promise<unknown>).apply(redis, args)) as Reply;
    if (reply === null) {
      this.#confirmed = false;
      return [];
    }
    const entries: StreamEntry[] = [];
    let gap: unknown;
    for (const [key, found] of reply) {
      const chain = this.#byKey.get(key.toString())!;
      try {
        for (const [id, fields] of found) {
          const entry = chain.follow(id.toString('latin1'), Number(fields[1]!.toString('latin1')), fields[3]!);
          if (entry) entries.push(entry);
        }
      } catch (e) {
        gap ??= e;
      }
    }
    // What lies before it is given first; it shows again.
    if (gap !== undefined && entries.length === 0) throw gap;
    return entries;
  }
}
