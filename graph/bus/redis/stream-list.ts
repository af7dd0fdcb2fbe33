import type { Cluster, Redis } from 'ioredis';
import type { RedisBus } from './open-redis-bus.ts';
import { persist } from './persist.ts';

/** One stream of the bus as it stands: what lies in it, how far its consumers are, and what was removed. */
export interface StreamState {
  readonly name: string;
  /** Entries that lie in it now; an entry holds a batch of records. */
  readonly length: number;
  /** Number of its last record. */
  readonly last: number;
  /** Id of the newest entry, `last-sub`, also when none is left. */
  readonly lastId: string;
  /** Id of the oldest entry that is left; '' when none is. What lies before it was removed, because no consumer needs it. */
  readonly firstId: string;
  /** Consumers, with the last record that each has done with (also after a crash). */
  readonly consumers: readonly { readonly name: string; readonly position: number }[];
}
/** More than any graph has; a server shared with others may hold anything. */
const MOST = 5000;

/** All streams under the bus's prefix, by name. It only reads, and takes no lease. */
export async function listStreams(bus: RedisBus): Promise<StreamState[]> {
  const { connection, keys, persistence, closing } = bus;
  const nodes = connection.address.cluster
    ? (connection.client as Cluster).nodes('master')
    : [connection.client as Redis];
  const names = new Set<string>();
  // Each stream that was ever written has its position beside it.
  const [before] = keys.at('{}').split('{');
  const pattern = `${before!.replace(/[\\*?[\]]/g, '\\$&')}{*`;
  for (const node of nodes) {
    let cursor = '0';
    do {
      const [next, found] = await persist(persistence, closing, () =>
        node.scan(cursor, 'MATCH', pattern, 'COUNT', 1000),
      );
      for (const key of found) {
        const name = key.slice(key.indexOf('}:') + 2);
        if (keys.at(name) === key) names.add(name);
      }
      cursor = next;
    } while (cursor !== '0' && names.size < MOST);
  }
  const states: StreamState[] = [];
  for (const name of [...names].sort()) {
    const { client } = connection;
    const [at, length, first, need] = await persist(persistence, closing, () =>
      Promise.all([
        client.get(keys.at(name)),
        client.xlen(keys.stream(name)),
        client.xrange(keys.stream(name), '-', '+', 'COUNT', 1),
        client.hgetall(keys.need(name)),
      ]),
    );
    const lastId = at ?? '0-0';
    states.push({
      name,
      length,
      last: Number(lastId.split('-')[0]),
      lastId,
      firstId: first[0]?.[0] ?? '',
      consumers: Object.entries(need)
        .map(([consumer, position]) => ({ name: consumer, position: Number(position) }))
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
    });
  }
  return states;
}
