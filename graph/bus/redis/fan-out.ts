import type { Redis } from 'ioredis';
import { ChimeraError } from '../../schema/error.ts';
import { type DeadLetterReason, DeadLetters } from './dead-letters.ts';
import type { RedisBus } from './open-redis-bus.ts';
import { backOffMs, pause, persist } from './persist.ts';
import { claimIdle } from './scripts/claim-idle.ts';
import { deadLetter } from './scripts/dead-letter.ts';
import { runScript } from './scripts/script.ts';
import { type Trouble, troubleError, troubleOf } from './trouble.ts';

export interface FanOutOptions<T> {
  readonly stream: string;
  readonly group: string;
  /** The same after a restart: what it had not acknowledged comes to it first. */
  readonly consumer: string;
  /** @throws when the payload makes no sense: it is put aside at once */
  readonly decode: (payload: Buffer) => T;
  /** An entry may come twice. A failure is tried again, up to `maxDeliveries`. */
  readonly handle: (item: T, entry: string) => Promise<void> | void;
  readonly signal: AbortSignal;
  /** Entries an answer; default 64. */
  readonly count?: number;
  /** After how long what another consumer has not acknowledged is taken over; default 60 s. */
  readonly idleMs?: number;
  /** Default 5. */
  readonly maxDeliveries?: number;
  readonly wallMs?: () => number;
}

type Entry = [id: Buffer, fields: Buffer[] | null];
type Reply = [key: Buffer, entries: Entry[]][] | null;

const BLOCK_MS = 1000;

/**
 * One consumer of a group that shares the entries of a stream between its consumers, for work without state. Own pending entries
 * come first, then those that others left lying, then new ones. Entries that cannot be worked on end in `dlq:<group>:{tag}`, and the
 * flow goes on.
 */
export class FanOut<T> {
  readonly deadLetters: DeadLetters;
  readonly #bus: RedisBus;
  readonly #o: FanOutOptions<T>;
  /** The stream, and the one by which dead letters come back to this group alone. */
  readonly #keys: readonly [string, string];
  #redis: Redis | undefined;
  #stop = AbortSignal.abort();
  #lastClaimMs = Number.NEGATIVE_INFINITY;
  /** Whether entries of our own may be pending: after a start, a failure, or taking some over. */
  #pending = true;

  constructor(bus: RedisBus, options: FanOutOptions<T>) {
    this.#bus = bus;
    this.#o = options;
    const { keys } = bus;
    this.#keys = [keys.stream(options.stream), keys.retry(options.stream, options.group)];
    this.deadLetters = new DeadLetters(bus, keys.deadLetters(options.group, options.stream));
  }

  /** Works until the signal ends it. @throws CHM520, CHM529: trouble that waiting does not cure */
  async run(): Promise<void> {
    const { persistence, closing, connection } = this.#bus;
    const stop = AbortSignal.any([this.#o.signal, closing]);
    this.#stop = stop;
    const disconnect = (): void => this.#redis?.disconnect();
    stop.addEventListener('abort', disconnect, { once: true });
    try {
      for (let failed = 0; !stop.aborted; ) {
        try {
          const redis = this.#redis ?? (await this.#connect(stop));
          const good = await this.#round(redis, stop);
          persistence.health.well(this);
          failed = good ? 0 : failed + 1;
          if (!good) await pause(backOffMs(failed), stop);
        } catch (e) {
          if (stop.aborted) break;
          this.#redis?.disconnect();
          this.#redis = undefined;
          this.#pending = true;
          // A stream that began anew has lost its groups: they are made when we connect.
          const forgotten = /\bNOGROUP\b/.test(String(e));
          if (e instanceof ChimeraError && !forgotten) throw e;
          const trouble: Trouble = forgotten
            ? { code: 'CHM523', message: `${this.#o.stream} began anew`, passing: true }
            : troubleOf(e, connection.address.shown);
          if (!trouble.passing) throw troubleError(trouble);
          persistence.health.trouble(this, trouble.code, trouble.message);
          await pause(backOffMs(failed++), stop);
        }
      }
    } finally {
      stop.removeEventListener('abort', disconnect);
      persistence.health.well(this);
      this.#redis?.disconnect();
      this.#redis = undefined;
    }
  }

  async #connect(stop: AbortSignal): Promise<Redis> {
    const redis = await this.#bus.connection.dedicated(this.#keys[0]);
    this.#redis = redis;
    if (stop.aborted) redis.disconnect();
    else await redis.connect();
    for (const key of this.#keys)
      await redis.xgroup('CREATE', key, this.#o.group, '0', 'MKSTREAM').catch((e: Error) => {
        if (!e.message.startsWith('BUSYGROUP')) throw e;
      });
    return redis;
  }

  /** False when something failed and is to be tried again. */
  async #round(redis: Redis, stop: AbortSignal): Promise<boolean> {
    await this.#claim();
    let good = true;
    if (this.#pending) {
      this.#pending = false;
      for (const key of this.#keys) good = (await this.#ownPending(redis, key, stop)) && good;
    }
    if (stop.aborted) return true;
    const block = good ? ['BLOCK', Math.min(BLOCK_MS, this.#bus.connection.silentMs / 2)] : [];
    const reply = await this.#read(redis, [...block, 'STREAMS', ...this.#keys, '>', '>']);
    for (const [key, entries] of reply ?? [])
      for (const entry of entries) good = (await this.#work(key.toString(), entry, 1, stop)) && good;
    if (!good) this.#pending = true;
    return good;
  }

  async #ownPending(redis: Redis, key: string, stop: AbortSignal): Promise<boolean> {
    const { group, consumer, count = 64 } = this.#o;
    let good = true;
    for (let after = '0-0'; !stop.aborted; ) {
      const reply = await this.#read(redis, ['STREAMS', key, after]);
      const entries = reply?.[0]?.[1] ?? [];
      if (entries.length === 0) break;
      const first = String(entries[0]![0]);
      after = String(entries.at(-1)![0]);
      const pending = (await redis.xpending(key, group, first, after, count, consumer)) as [
        string,
        string,
        number,
        number,
      ][];
      const deliveries = new Map(pending.map(([id, , , times]) => [id, times]));
      for (const entry of entries)
        good = (await this.#work(key, entry, deliveries.get(String(entry[0])) ?? 1, stop)) && good;
    }
    return good;
  }

  /** False when it is to be tried again. */
  async #work(key: string, [idBuffer, fields]: Entry, deliveries: number, stop: AbortSignal): Promise<boolean> {
    const { decode, handle, maxDeliveries = 5 } = this.#o;
    const id = String(idBuffer);
    if (fields === null) return this.#putAside(key, id, 'trimmed', '', undefined);
    const payload = payloadOf(fields);
    let item: T;
    try {
      if (!payload) throw new Error('the entry has no payload');
      item = decode(payload);
    } catch (e) {
      return this.#putAside(key, id, 'undecodable', describe(e), payload);
    }
    // One that ended its process each time never comes to the check below.
    if (deliveries > maxDeliveries)
      return this.#putAside(key, id, 'failed', `delivered ${deliveries} times without being acknowledged`, payload);
    try {
      await handle(item, id);
    } catch (e) {
      if (stop.aborted || deliveries < maxDeliveries) return false;
      return this.#putAside(key, id, 'failed', describe(e), payload);
    }
    await this.#persist(async () => {
      await this.#bus.connection.client.xack(key, this.#o.group, id);
      if (key === this.#keys[1]) await this.#bus.connection.client.xdel(key, id);
    });
    return true;
  }

  async #putAside(
    key: string,
    id: string,
    reason: DeadLetterReason,
    error: string,
    payload: Buffer | undefined,
  ): Promise<true> {
    const { group, stream, wallMs = Date.now } = this.#o;
    const args = [group, id, reason, error, wallMs(), stream, ...(payload ? [payload] : [])];
    await this.#persist(() => runScript(this.#bus.connection.client, deadLetter, [key, this.deadLetters.key], args));
    return true;
  }

  /** Now and then, takes over what others left lying. */
  async #claim(): Promise<void> {
    const { group, consumer, stream, idleMs = 60_000, count = 64, wallMs = Date.now } = this.#o;
    const nowMs = wallMs();
    if (nowMs - this.#lastClaimMs < idleMs / 2) return;
    this.#lastClaimMs = nowMs;
    for (const key of this.#keys) {
      let cursor = '0-0';
      do {
        const args = [group, consumer, idleMs, cursor, count, nowMs, stream];
        const [next, claimed] = (await this.#persist(() =>
          runScript(this.#bus.connection.client, claimIdle, [key, this.deadLetters.key], args),
        )) as [Buffer, number];
        if (claimed > 0) this.#pending = true;
        cursor = String(next);
      } while (cursor !== '0-0');
    }
  }

  #read(redis: Redis, rest: readonly (string | number)[]): Promise<Reply> {
    const { group, consumer, count = 64 } = this.#o;
    // The types know the arguments in one order only.
    const read = redis.xreadgroupBuffer as (...a: unknown[]) => Promise<unknown>;
    return read.apply(redis, ['GROUP', group, consumer, 'COUNT', count, ...rest]) as Promise<Reply>;
  }
  #persist<R>(run: () => Promise<R>): Promise<R> {
    return persist(this.#bus.persistence, this.#stop, run);
  }
}

function payloadOf(fields: readonly Buffer[]): Buffer | undefined {
  for (let i = 0; i + 1 < fields.length; i += 2)
    if (fields[i]!.length === 1 && fields[i]![0] === 0x62) return fields[i + 1];
  return undefined;
}

const describe = (e: unknown): string =>
  (e instanceof ChimeraError ? `${e.code} ${e.message}` : e instanceof Error ? e.message : String(e)).slice(0, 500);
