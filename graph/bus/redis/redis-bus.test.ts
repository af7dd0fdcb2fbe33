import { afterAll, beforeAll, describe } from 'vitest';
import { busContract, type OpenBus } from '../bus.contract.ts';
import { openRedisBus } from './open-redis-bus.ts';
import { startCluster, type TestCluster } from './testing/redis-cluster.ts';
import { noRedis, startRedis, type TestRedis } from './testing/redis-server.ts';

let n = 0;
async function open(url: string): Promise<OpenBus> {
  // Each test has keys of its own instead of a server of its own.
  const bus = await openRedisBus(url, { prefix: `t${n++}:` });
  return {
    bus,
    expire: async (partition) => void (await bus.connection.client.del(bus.keys.lease(partition))),
  };
}

describe.skipIf(noRedis)(`on a single node${noRedis ? ` (${noRedis})` : ''}`, () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.close());
  busContract('on Redis with RESP3', () => open(redis.url));
  busContract('on Redis with RESP2', () => open(`${redis.url}?protocol=2`));
});

describe.skipIf(noRedis)(`on a Cluster${noRedis ? ` (${noRedis})` : ''}`, () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await startCluster(3);
  });
  afterAll(() => cluster.close());
  busContract('on a Redis Cluster [STO.14]', () => open(cluster.url));
});
