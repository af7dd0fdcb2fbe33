import type { Cluster, Redis, RedisOptions } from 'ioredis';
import { ChimeraError } from '../../schema/error.ts';
import { untilAborted } from './persist.ts';
import type { RedisAddress } from './redis-url.ts';
import type { Client } from './scripts/script.ts';
import { type Trouble, troubleError, troubleOf } from './trouble.ts';

/** A server that is silent for so long while something is asked of it counts as gone. */
export const SILENT_MS = 10_000;
const CONNECT_MS = 5000;

export interface Connection {
  readonly address: RedisAddress;
  readonly client: Client;
  readonly silentMs: number;
  /** A connection of its own, for calls that block: to the node that has the slot of the key. Connects on first use. */
  dedicated(key: string): Promise<Redis>;
  /** What can be done from here about trouble that a write met. */
  mend(trouble: Trouble): void;
  close(): void;
}

/**
 * Connects and checks that the server can be the bus.
 * @throws CHM520 not usable as it is; CHM524 not reachable within the time
 */
export async function connect(
  address: RedisAddress,
  withinMs: number,
  silentMs: number = SILENT_MS,
): Promise<Connection> {
  const { Cluster, Redis } = await import('ioredis');
  // Whether and when something is tried again is decided in one place, `persist`; so nothing is queued or sent again here.
  const common: RedisOptions = {
    ...(address.username === undefined ? {} : { username: address.username }),
    ...(address.password === undefined ? {} : { password: address.password }),
    ...(address.tls ? { tls: {} } : {}),
    protocol: address.protocol,
    connectionName: 'chimera',
    disableClientInfo: true,
    connectTimeout: CONNECT_MS,
    socketTimeout: silentMs,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    lazyConnect: true,
  };
  const single = (host: string, port: number, options: RedisOptions): Redis => {
    const redis = new Redis({ ...common, host, port, db: address.db, ...options });
    redis.on('error', () => {});
    return redis;
  };
  const retry = (times: number): number => Math.min(20 * 2 ** Math.min(times, 6), 1000);
  const [first] = address.nodes;
  const client: Client = address.cluster
    ? new Cluster([...address.nodes], {
        redisOptions: common,
        enableOfflineQueue: false,
        clusterRetryStrategy: retry,
        maxRedirections: 8,
        slotsRefreshTimeout: 2000,
        lazyConnect: true,
      })
    : single(first!.host, first!.port, { enableOfflineQueue: false, retryStrategy: retry });
  try {
    await ready(client, address, withinMs);
    await checkServers(client, address);
  } catch (e) {
    client.disconnect();
    throw e;
  }
  const dedicated = async (key: string): Promise<Redis> => {
    const node = address.cluster ? await ownerOf(client as Cluster, key) : first!;
    return single(node.host, node.port, { retryStrategy: () => null, enableOfflineQueue: false });
  };
  const mend = (trouble: Trouble): void => {
    if (address.cluster) (client as Cluster).refreshSlotsCache();
    // The name may lead to the new primary by now.
    else if (trouble.code === 'CHM526') client.disconnect(true);
  };
  return { address, client, silentMs, dedicated, mend, close: () => client.disconnect() };
}

/** Waits for the first connection. What waiting does not cure ends it at once. */
function ready(client: Client, { shown }: RedisAddress, withinMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let last: Trouble | undefined;
    const done = (error?: ChimeraError): void => {
      clearTimeout(timer);
      client.off('ready', good);
      client.off('node error', bad);
      if (error) reject(error);
      else resolve();
    };
    const good = (): void => done();
    const bad = (e: Error): void => {
      const trouble = troubleOf((e as { lastNodeError?: Error }).lastNodeError ?? e, shown);
      if (trouble.code === 'CHM520') done(troubleError(trouble));
      else last = trouble;
    };
    const timer = setTimeout(() => {
      if (last && last.code !== 'CHM524' && last.code !== 'CHM528') return done(troubleError(last));
      const message = `Redis at ${shown} was not reached within ${withinMs / 1000} s`;
      done(troubleError({ code: 'CHM524', message, passing: true }));
    }, withinMs);
    // The listener for errors stays: without one, an error after this would end the process.
    client.on('error', bad);
    client.on('node error', bad);
    client.once('ready', good);
    client.connect().catch((e: Error) => bad(e));
  });
}

async function checkServers(client: Client, address: RedisAddress): Promise<void> {
  const { shown } = address;
  const refuse = (why: string, help: string): ChimeraError =>
    new ChimeraError('CHM520', `Redis at ${shown} ${why}`, { help });
  const nodes: Redis[] = address.cluster ? (client as Cluster).nodes('master') : [client as Redis];
  const limit = AbortSignal.timeout(SILENT_MS);
  for (const node of nodes) {
    let info: Map<string, string>;
    try {
      info = new Map(
        (await untilAborted(node.info(), limit)).split(/\r?\n/).map((l) => {
          const colon = l.indexOf(':');
          return [l.slice(0, colon), l.slice(colon + 1)] as const;
        }),
      );
    } catch (e) {
      throw troubleError(troubleOf(limit.aborted ? new Error('timed out') : e, shown));
    }
    const [major = 0, minor = 0] = (info.get('redis_version') ?? '').split('.').map(Number);
    if (major < 6 || (major === 6 && minor < 2))
      throw refuse(`is version ${info.get('redis_version')}`, 'use Redis 6.2 or later');
    const policy = info.get('maxmemory_policy') ?? 'noeviction';
    if (policy !== 'noeviction')
      throw refuse(
        `evicts keys when memory is short (maxmemory-policy ${policy})`,
        'set maxmemory-policy noeviction: a bus keeps what it acknowledged',
      );
    if (!address.cluster && info.get('role') === 'slave')
      throw refuse('is a replica, which cannot be written to', 'name the primary');
    const clustered = info.get('cluster_enabled') === '1';
    if (clustered && !address.cluster)
      throw refuse('is a node of a Cluster', 'write redis+cluster://host:port,host:port');
    if (!clustered && address.cluster) throw refuse('is no Cluster', 'write redis://host:port/0');
  }
}

/** The node that has the slot of a key now, as the Cluster itself sees it. */
async function ownerOf(cluster: Cluster, key: string): Promise<{ host: string; port: number }> {
  const slot = Number(await cluster.cluster('KEYSLOT', key));
  const ranges = await cluster.cluster('SLOTS');
  const range = ranges.find(([from, to]) => slot >= from && slot <= to);
  if (!range) throw new Error('CLUSTERDOWN Hash slot not served');
  const [host, port] = range[2]!;
  // A node that does not know its own address leaves it out: it is the one that was asked.
  return { host: host || cluster.nodes('master')[0]?.options.host || '127.0.0.1', port };
}
