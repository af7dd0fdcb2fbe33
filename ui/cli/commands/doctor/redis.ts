import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { findDeadLetters } from '../../../../graph/bus/redis/dead-letters.ts';
import { openRedisBus } from '../../../../graph/bus/redis/open-redis-bus.ts';
import { parseRedisUrl, type RedisAddress } from '../../../../graph/bus/redis/redis-url.ts';
import { type Check, failed, good, warning } from './check.ts';
import { clusterCheck, infoChecks, parseInfo, troubled } from './redis-info.ts';

const ANSWER_MS = 3000;
type Node = { readonly host: string; readonly port: number };

/** Everything that a bus needs of its Redis, looked at all at once, where the bus itself stops at the first that is missing. */
export async function busChecks(url: string, prefix?: string): Promise<Check[]> {
  let address: RedisAddress;
  try {
    address = parseRedisUrl(url);
  } catch (e) {
    return [failed('bus address', e, 'CHM520', 'write redis://host:port/0')];
  }
  const checks = address.cluster ? await clusterChecks(address) : await nodeChecks(address, address.nodes[0]!, 'bus');
  if (checks.every((c) => c.ok)) checks.push(await deadLetterCheck(url, prefix, address.shown));
  return checks;
}

async function clusterChecks(address: RedisAddress): Promise<Check[]> {
  const checks: Check[] = [];
  for (const node of address.nodes) {
    const at = `bus ${node.host}:${node.port}`;
    const masters = await withNode(address, node, async (redis) => {
      checks.push(clusterCheck(at, parseInfo(String(await redis.cluster('INFO')))));
      return mastersOf(String(await redis.cluster('NODES')), node);
    }).catch((e: unknown) => void checks.push(troubled(`${at} reachable`, e, address.shown)));
    if (!masters) continue;
    for (const m of masters) checks.push(...(await nodeChecks(address, m, `bus ${m.host}:${m.port}`)));
    break;
  }
  return checks;
}
/** `id host:port@bus flags …`: primaries that are not known to be gone. */
function mastersOf(nodes: string, asked: Node): Node[] {
  return nodes.split('\n').flatMap((line): Node[] => {
    const [, at = '', flags = ''] = line.split(' ');
    const m = /^(.*):(\d+)(?:@|$)/.exec(at);
    if (!m || !/\bmaster\b/.test(flags) || /\bfail\b|noaddr/.test(flags)) return [];
    return [{ host: m[1] === '' ? asked.host : m[1]!, port: Number(m[2]) }];
  });
}

async function nodeChecks(address: RedisAddress, node: Node, at: string): Promise<Check[]> {
  const checks: Check[] = [];
  try {
    await withNode(address, node, async (redis) => {
      const info = parseInfo(await redis.info());
      checks.push(good(`${at} reachable`, `${node.host}:${node.port} answers`));
      const clustered = info.get('cluster_enabled') === '1';
      if (clustered !== address.cluster)
        checks.push(
          failed(
            `${at} kind`,
            new Error(clustered ? 'is a node of a Cluster' : 'is no Cluster'),
            'CHM520',
            clustered ? 'write redis+cluster://host:port,host:port' : 'write redis://host:port/0',
          ),
        );
      checks.push(...infoChecks(at, info, await settingsOf(redis), address.protocol));
      checks.push(await writes(redis, at, address));
    });
  } catch (e) {
    checks.push(troubled(`${at} reachable`, e, `${node.host}:${node.port}`));
  }
  return checks;
}
async function settingsOf(redis: Redis): Promise<ReadonlyMap<string, string> | undefined> {
  try {
    const answer: unknown = await redis.config('GET', 'appendfsync');
    const flat = Array.isArray(answer)
      ? answer.map(String)
      : Object.entries(answer as object)
          .flat()
          .map(String);
    const settings = new Map<string, string>();
    for (let i = 0; i + 1 < flat.length; i += 2) settings.set(flat[i]!, flat[i + 1]!);
    return settings;
  } catch {
    // Managed servers do not show their settings.
    return undefined;
  }
}
/** One write and its removal: a server that is full, read-only or without disk says so with its own words. */
async function writes(redis: Redis, at: string, address: RedisAddress): Promise<Check> {
  const name = `${at} write`;
  try {
    // A key whose slot another node has is moved: a few more, until one is of this node.
    for (let i = 0; i < 100; i++) {
      const moved = await redis.set(`chimera-doctor:${randomUUID()}`, 'x'.repeat(64), 'PX', 1000).then(
        () => false,
        (e: Error) => {
          if (!e.message.startsWith('MOVED')) throw e;
          return true;
        },
      );
      if (!moved) return good(name, 'accepts writes');
    }
    return warning(name, 'CHM528', 'has no slot', 'give it slots, or leave it out of the address');
  } catch (e) {
    return troubled(name, e, address.shown);
  }
}

async function deadLetterCheck(url: string, prefix: string | undefined, shown: string): Promise<Check> {
  const name = 'bus dead letters';
  try {
    const bus = await openRedisBus(url, {
      connectWithinMs: ANSWER_MS,
      ...(prefix === undefined ? {} : { prefix: `${prefix}:` }),
    });
    try {
      const places = await findDeadLetters(bus);
      const counts = await Promise.all(places.map((p) => bus.connection.client.xlen(p.key)));
      const n = counts.reduce((a, b) => a + b, 0);
      if (n === 0) return good(name, 'none');
      return warning(
        name,
        'CHM987',
        `${n}, in ${counts.filter((c) => c > 0).length} places`,
        `chimera dlq ls --bus ${shown}`,
      );
    } finally {
      await bus.close();
    }
  } catch (e) {
    return failed(name, e, 'CHM529', 'see the message of the server');
  }
}

async function withNode<T>(address: RedisAddress, node: Node, run: (redis: Redis) => Promise<T>): Promise<T> {
  const { Redis } = await import('ioredis');
  const redis = new Redis({
    ...node,
    db: address.db,
    ...(address.username === undefined ? {} : { username: address.username }),
    ...(address.password === undefined ? {} : { password: address.password }),
    ...(address.tls ? { tls: {} } : {}),
    protocol: address.protocol,
    connectionName: 'chimera-doctor',
    disableClientInfo: true,
    connectTimeout: ANSWER_MS,
    commandTimeout: ANSWER_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    enableOfflineQueue: false,
    lazyConnect: true,
  });
  let last: unknown;
  redis.on('error', (e) => {
    last = e;
  });
  try {
    await redis.connect();
    return await run(redis);
  } catch (e) {
    // A refused password closes the connection: the reason came before.
    throw last ?? e;
  } finally {
    redis.disconnect();
  }
}
