import type { Redis } from 'ioredis';
import { isFree, type RedisServerOptions, startRedis, type TestRedis } from './redis-server.ts';

export interface TestCluster {
  readonly url: string;
  readonly masters: readonly TestRedis[];
  /** `replicas[i]` follows `masters[i]`; empty unless asked for. */
  readonly replicas: readonly TestRedis[];
  close(): Promise<void>;
}

const SLOTS = 16_384;

/** A Redis Cluster on the loopback interface. */
export async function startCluster(
  size = 3,
  options: RedisServerOptions & { readonly replicas?: boolean } = {},
): Promise<TestCluster> {
  const { Redis } = await import('ioredis');
  const nodes: TestRedis[] = [];
  const admins: Redis[] = [];
  try {
    for (let i = 0; i < size * (options.replicas ? 2 : 1); i++) {
      const node = await startRedis({
        ...options,
        port: await clusterPort(),
        settings: {
          'cluster-enabled': 'yes',
          'cluster-node-timeout': '1500',
          'cluster-require-full-coverage': 'no',
          ...options.settings,
        },
      });
      nodes.push(node);
      admins.push(new Redis(node.port, '127.0.0.1', { disableClientInfo: true }));
    }
    const ids = await Promise.all(admins.map(async (a) => String(await a.call('CLUSTER', 'MYID'))));
    for (let i = 0; i < size; i++) {
      const from = Math.floor((i * SLOTS) / size);
      const to = Math.floor(((i + 1) * SLOTS) / size);
      await admins[i]!.call('CLUSTER', 'ADDSLOTS', ...Array.from({ length: to - from }, (_, k) => from + k));
      await admins[i]!.call('CLUSTER', 'SET-CONFIG-EPOCH', i + 1);
    }
    for (let i = 1; i < nodes.length; i++) await admins[0]!.call('CLUSTER', 'MEET', '127.0.0.1', nodes[i]!.port);
    const all = async (holds: (info: string, nodesSeen: string) => boolean): Promise<void> => {
      for (let i = 0; i < 500; i++) {
        const seen = await Promise.all(
          admins.map(async (a) =>
            holds(String(await a.call('CLUSTER', 'INFO')), String(await a.call('CLUSTER', 'NODES'))),
          ),
        );
        if (seen.every(Boolean)) return;
        await new Promise((r) => setTimeout(r, 20));
      }
      throw new Error('the Cluster did not come together');
    };
    await all(
      (info, seen) =>
        info.includes('cluster_state:ok') &&
        info.includes(`cluster_slots_ok:${SLOTS}`) &&
        ids.every((id) => seen.includes(id)),
    );
    for (let i = size; i < nodes.length; i++) await admins[i]!.call('CLUSTER', 'REPLICATE', ids[i - size]!);
    if (nodes.length > size)
      await all((_, seen) => seen.split('\n').filter((l) => /\bslave\b/.test(l)).length === nodes.length - size);
    for (let i = size; i < nodes.length; i++)
      for (let n = 0; !String(await admins[i]!.info('replication')).includes('master_link_status:up'); n++) {
        if (n > 500) throw new Error('a replica does not follow');
        await new Promise((r) => setTimeout(r, 20));
      }
  } catch (e) {
    await Promise.all(nodes.map((n) => n.close()));
    throw e;
  } finally {
    for (const a of admins) a.disconnect();
  }
  return {
    url: `redis+cluster://${nodes
      .slice(0, size)
      .map((n) => `127.0.0.1:${n.port}`)
      .join(',')}`,
    masters: nodes.slice(0, size),
    replicas: nodes.slice(size),
    async close() {
      await Promise.all(nodes.map((n) => n.close()));
    },
  };
}

/** The bus between nodes listens 10,000 ports higher, so both must be free. */
async function clusterPort(): Promise<number> {
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 20_000);
    if ((await isFree(port)) && (await isFree(port + 10_000))) return port;
  }
}
