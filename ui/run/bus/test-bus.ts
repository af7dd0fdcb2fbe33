import { randomUUID } from 'node:crypto';
import type { Bus } from '../../../graph/bus/bus.ts';
import type { TestRedis } from '../../../graph/bus/redis/testing/redis-server.ts';

/** Buses for tests, each with names of its own, on one Redis that is started when the first is asked for. */
export class TestBuses {
  #redis: Promise<TestRedis | undefined> | undefined;

  /** @returns the bus, or why there is none */
  async open(): Promise<Bus | string> {
    this.#redis ??= this.#start();
    const redis = await this.#redis;
    if (!redis) return 'no redis-server in PATH';
    const { openRedisBus } = await import('../../../graph/bus/redis/open-redis-bus.ts');
    return openRedisBus(redis.url, { prefix: `${randomUUID()}:` });
  }
  async #start(): Promise<TestRedis | undefined> {
    const { findRedisServer } = await import('../../../graph/bus/redis/testing/find-server.ts');
    // A command that people run installs nothing.
    const binary = findRedisServer({ wheels: false });
    if (!binary) return undefined;
    return (await import('../../../graph/bus/redis/testing/redis-server.ts')).startRedis({ binary });
  }
  async close(): Promise<void> {
    await (await this.#redis)?.close();
  }
}
