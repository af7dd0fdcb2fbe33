import { setMaxListeners } from 'node:events';
import { ChimeraError } from '../../schema/error.ts';
import type { AcquireOptions, Bus, BusState, Held, ReaderOptions, ReadFrom, StreamReader } from '../bus.ts';
import { type Connection, connect } from './connect.ts';
import { Health } from './health.ts';
import { createKeys, type Keys, tagOf } from './keys.ts';
import { Lease } from './lease.ts';
import { type Persistence, pause, persist } from './persist.ts';
import { RedisHeld } from './redis-held.ts';
import { RedisReader } from './redis-reader.ts';
import { parseRedisUrl } from './redis-url.ts';
import { acquireLease } from './scripts/acquire-lease.ts';
import { append } from './scripts/append.ts';
import { appendShared } from './scripts/append-shared.ts';
import { claimIdle } from './scripts/claim-idle.ts';
import { commit } from './scripts/commit.ts';
import { deadLetter } from './scripts/dead-letter.ts';
import { need } from './scripts/need.ts';
import { putAside } from './scripts/put-aside.ts';
import { raiseFence } from './scripts/raise-fence.ts';
import { renewLease } from './scripts/renew-lease.ts';
import { replayDeadLetter } from './scripts/replay-dead-letter.ts';
import { defineScripts, runScript } from './scripts/script.ts';
import { trim } from './scripts/trim.ts';
import { trimShared } from './scripts/trim-shared.ts';

export interface RedisBusOptions {
  /** Stands before all keys, so that several systems can share a server. */
  readonly prefix?: string;
  /** Called when trouble begins, changes its kind, or ends. */
  readonly onState?: (state: BusState) => void;
  readonly log?: (level: 'info' | 'warn', message: string, code?: string) => void;
  /** How long the first connection may take; default 5 s. */
  readonly connectWithinMs?: number;
  /** After how long a server that says nothing counts as gone; default 10 s. */
  readonly silentMs?: number;
  /** Clocks; leases are measured by the one that never steps. */
  readonly monotonicMs?: () => number;
  readonly wallMs?: () => number;
}

/** The bus on Redis 6.2 or later, single node or Cluster. */
export interface RedisBus extends Bus {
  readonly state: BusState;
  readonly connection: Connection;
  readonly keys: Keys;
  readonly persistence: Persistence;
  /** Aborted when the bus is closed. */
  readonly closing: AbortSignal;
}

const SCRIPTS = [
  acquireLease,
  renewLease,
  raiseFence,
  append,
  commit,
  need,
  trim,
  appendShared,
  trimShared,
  deadLetter,
  claimIdle,
  putAside,
  replayDeadLetter,
];

/**
 * Connects to `redis://`, `rediss://` (TLS), `redis+cluster://h1:p1,h2:p2` or `rediss+cluster://`.
 * @throws CHM520 the server cannot be the bus as it is; CHM524 it is not there
 */
export async function openRedisBus(url: string, options: RedisBusOptions = {}): Promise<RedisBus> {
  const address = parseRedisUrl(url);
  if (/[{}]/.test(options.prefix ?? ''))
    throw new ChimeraError('CHM520', 'the prefix of keys has braces', {
      help: 'braces decide on slots: leave them out',
    });
  const connection = await connect(address, options.connectWithinMs ?? 5000, options.silentMs);
  defineScripts(connection.client, SCRIPTS);
  return new OpenRedisBus(connection, options);
}

class OpenRedisBus implements RedisBus {
  readonly connection: Connection;
  readonly keys: Keys;
  readonly persistence: Persistence;
  readonly #health: Health;
  readonly #closing = new AbortController();
  readonly #monotonicMs: () => number;
  readonly #wallMs: () => number;
  readonly #leases = new Set<Lease>();
  readonly #readers = new Set<RedisReader>();

  constructor(connection: Connection, options: RedisBusOptions) {
    this.connection = connection;
    setMaxListeners(0, this.#closing.signal);
    this.keys = createKeys(options.prefix ?? '');
    this.#monotonicMs = options.monotonicMs ?? (() => performance.now());
    this.#wallMs = options.wallMs ?? (() => Date.now());
    this.#health = new Health(this.#wallMs, (state) => {
      options.log?.(state.code ? 'warn' : 'info', state.message, state.code);
      options.onState?.(state);
    });
    this.persistence = { health: this.#health, shown: connection.address.shown, mend: connection.mend };
  }
  get state(): BusState {
    return this.#health.state;
  }
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  async acquire(partition: string, options: AcquireOptions): Promise<Held> {
    const { client } = this.connection;
    const { keys, persistence } = this;
    const home = tagOf(partition);
    const ended = new ChimeraError('CHM522', `waiting for ${partition} was ended`, {
      help: 'ask again when it is wanted',
    });
    const waiting = new AbortController();
    const end = (): void => waiting.abort(ended);
    const signals = [options.signal, this.#closing.signal];
    for (const s of signals) {
      if (s?.aborted) throw ended;
      s?.addEventListener('abort', end, { once: true });
    }
    const stop = waiting.signal;
    try {
      let floor = 0;
      for (const tag of options.tags) {
        if (tag === home) continue;
        const known = await persist(persistence, stop, () => client.get(keys.fence(partition, tag)));
        floor = Math.max(floor, Number(known ?? 0));
      }
      for (;;) {
        let takenAtMs = 0;
        const [token, leftMs] = (await persist(persistence, stop, () => {
          takenAtMs = this.#monotonicMs();
          return runScript(
            client,
            acquireLease,
            [keys.lease(partition), keys.fence(partition, home)],
            [options.ttlMs, options.holder, floor],
          );
        })) as [Buffer, number?];
        if (token.length === 0) {
          // Often enough to be there soon after it ran out, seldom enough to be no load.
          await pause(Math.min(Math.max(leftMs ?? 0, 10), 100), stop);
          stop.throwIfAborted();
          continue;
        }
        const lease = new Lease({
          client,
          health: this.#health,
          shown: persistence.shown,
          partition,
          key: keys.lease(partition),
          token: Number(token),
          ttlMs: options.ttlMs,
          takenAtMs,
          monotonicMs: this.#monotonicMs,
        });
        this.#leases.add(lease);
        lease.lost.addEventListener('abort', () => this.#leases.delete(lease), { once: true });
        const held = new RedisHeld({
          client,
          keys,
          persistence,
          lease,
          partition,
          token: lease.token,
          tags: options.tags,
          clustered: this.connection.address.cluster,
          silentMs: this.connection.silentMs,
          wallMs: this.#wallMs,
          dedicated: async (key) => {
            const redis = await this.connection.dedicated(key);
            await redis.connect();
            return redis;
          },
        });
        const abandon = (): void => void lease.release();
        stop.addEventListener('abort', abandon, { once: true });
        try {
          const higher = await held.raise();
          if (higher === undefined) return held;
          // A slot remembers a token that the partition's own slot has lost.
          floor = higher;
          await lease.release();
        } catch (e) {
          stop.throwIfAborted();
          // Raising took longer than the lease: the next one may have more luck.
          if (!(e instanceof ChimeraError && e.code === 'CHM521')) throw e;
        } finally {
          stop.removeEventListener('abort', abandon);
        }
      }
    } finally {
      for (const s of signals) s?.removeEventListener('abort', end);
    }
  }

  reader(streams: readonly ReadFrom[], options: ReaderOptions = {}): StreamReader {
    const reader = new RedisReader(this.connection, this.#health, this.keys, streams, options, this.#closing.signal);
    this.#readers.add(reader);
    reader.ended.then(() => this.#readers.delete(reader));
    return reader;
  }

  async say(name: string, text: string): Promise<void> {
    await persist(this.persistence, this.closing, () => this.connection.client.set(this.keys.word(name), text));
  }
  async said(name: string): Promise<string | undefined> {
    const { client } = this.connection;
    return (await persist(this.persistence, this.closing, () => client.get(this.keys.word(name)))) ?? undefined;
  }

  async close(): Promise<void> {
    const help = 'nothing was written after that: open it again';
    this.#closing.abort(new ChimeraError('CHM522', 'the bus was closed', { help }));
    for (const lease of this.#leases) lease.lose('the bus was closed');
    await Promise.all([...this.#readers].map((r) => r.close()));
    this.connection.close();
  }
}
