import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { frontier, records } from '../bus.contract.ts';
import type { Held } from '../bus.ts';
import { GuardedWrites } from './guarded-writes.ts';
import { createKeys } from './keys.ts';
import { openRedisBus, type RedisBus } from './open-redis-bus.ts';
import { noRedis, startRedis, type TestRedis } from './testing/redis-server.ts';

const P = 'part:s2.1:{usdm:A}';
const S = 'feat:events:{usdm:A}';
const OTHER = 'ord:cmd:{usdm:B}';

describe.skipIf(noRedis)(`writes without a script${noRedis ? ` (${noRedis})` : ''}`, () => {
  let redis: TestRedis;
  let admin: Redis;
  let bus: RedisBus;
  let held: Held;
  const opened: GuardedWrites[] = [];
  const keys = createKeys('');
  beforeAll(async () => {
    redis = await startRedis();
    admin = new Redis(redis.port, '127.0.0.1', { disableClientInfo: true });
  });
  afterAll(async () => {
    admin.disconnect();
    await redis.close();
  });
  async function open(): Promise<void> {
    await admin.flushall();
    bus = await openRedisBus(redis.url);
    held = await bus.acquire(P, { tags: ['usdm:B'], holder: 'first', ttlMs: 60_000 });
  }
  afterEach(async () => {
    for (const g of opened.splice(0)) g.close();
    await bus.close();
  });
  /** Writes on a connection of their own, connected. */
  async function guarded(token = held.token): Promise<GuardedWrites> {
    const connect = async (): Promise<Redis> => {
      const own = new Redis(redis.port, '127.0.0.1', { disableClientInfo: true, lazyConnect: true });
      own.on('error', () => {});
      await own.connect();
      return own;
    };
    const g = new GuardedWrites({ keys, partition: P, token, connect, silentMs: 10_000 });
    opened.push(g);
    // A call only opens the connection, and writes by the next one.
    expect(await g.append([records(S, 0, 1)])).toBe(false);
    await vi.waitFor(() => expect(g.isConnected).toBe(true));
    return g;
  }
  const entries = async (stream: string): Promise<string[]> =>
    (await admin.xrange(keys.stream(stream), '-', '+')).map(([id, fields]) => `${id} after ${fields[1]}`);

  it('append what follows, records and frontiers, in several slots at once, as the scripts would', async () => {
    await open();
    const g = await guarded();
    expect(await g.append([records(S, 0, 3), frontier(S, 3, 1), frontier(S, 3, 2), records(OTHER, 0, 2)])).toBe(true);
    expect(await g.append([records(S, 3, 4)])).toBe(true);
    expect(await entries(S)).toEqual(['3-0 after 0', '3-1 after 3', '3-2 after 3', '4-0 after 3']);
    expect(await held.positions([S, OTHER])).toEqual([4, 2]);
    // The scripts go on from there, and these go on from the scripts.
    await held.append([records(S, 4, 6), frontier(S, 6, 9)]);
    g.forget();
    expect(await g.append([frontier(S, 6, 10), records(S, 6, 7)])).toBe(true);
    expect((await entries(S)).slice(4)).toEqual(['6-0 after 4', '6-1 after 6', '6-2 after 6', '7-0 after 6']);
  });
  it('are what a holder uses once it is connected', async () => {
    await open();
    await held.append([records(S, 0, 1)]);
    let n = 1;
    const scripts = async (): Promise<number> =>
      Number(/cmdstat_evalsha:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1] ?? 0);
    await vi.waitFor(async () => {
      const before = await scripts();
      await held.append([records(S, n, ++n)]);
      await held.commit({ epoch: n, graph: 'g', blob: Uint8Array.of(n) }, [records(OTHER, n - 2, n - 1)]);
      expect(await scripts()).toBe(before);
    });
    expect((await held.checkpoints())[0]).toMatchObject({ epoch: n });
  });
  it('do nothing when the batches do not simply follow', async () => {
    await open();
    const g = await guarded();
    await g.append([records(S, 0, 3)]);
    for (const batch of [records(S, 0, 3), records(S, 2, 5), records(S, 4, 5), frontier(S, 2), frontier(S, 9)])
      expect(await g.append([records(OTHER, 0, 1), batch])).toBe(false);
    expect(await held.positions([S, OTHER])).toEqual([3, 0]);
  });
  it('do nothing once another holder has the token, also if they had been ready to write [STO.31]', async () => {
    await open();
    const g = await guarded();
    expect(await g.append([records(S, 0, 3), records(OTHER, 0, 1)])).toBe(true);
    await admin.del(keys.lease(P));
    const second = await bus.acquire(P, { tags: ['usdm:B'], holder: 'second', ttlMs: 60_000 });
    expect(await g.append([records(S, 3, 4)])).toBe(false);
    expect(await g.append([records(OTHER, 1, 2)])).toBe(false);
    expect(await g.commit({ epoch: 1, graph: 'g', blob: Uint8Array.of(1) }, [])).toBe(false);
    expect(await second.positions([S, OTHER])).toEqual([3, 1]);
    expect(await second.checkpoints()).toEqual([]);
  });
  it('are refused when they arrive after a script has done them: the position does not go back', async () => {
    await open();
    const g = await guarded();
    expect(await g.append([records(S, 0, 3)])).toBe(true);
    // What they watch was read before this; the write that follows comes from that knowledge.
    await held.append([records(S, 3, 5)]);
    await held.append([records(S, 5, 9)]);
    expect(await g.append([records(S, 3, 5)])).toBe(false);
    expect(await held.positions([S])).toEqual([9]);
    expect(await entries(S)).toEqual(['3-0 after 0', '5-0 after 3', '9-0 after 5']);
    expect(await g.append([records(S, 9, 10)])).toBe(true);
  });
  it('store a checkpoint with its batches or neither, and leave old epochs to the script', async () => {
    await open();
    const g = await guarded();
    for (const epoch of [1, 2, 5])
      expect(
        await g.commit({ epoch, graph: `g${epoch}`, blob: Buffer.alloc(300_000, epoch) }, [
          records(S, epoch - 1, epoch),
        ]),
      ).toBe(epoch < 5);
    expect(await g.commit({ epoch: 5, graph: 'g5', blob: Uint8Array.of(0, 13, 10, 255) }, [records(S, 2, 3)])).toBe(
      true,
    );
    const found = await held.checkpoints();
    expect(found.map((c) => [c.epoch, c.graph, c.blob.length, c.blob[0]])).toEqual([
      [5, 'g5', 4, 0],
      [2, 'g2', 300_000, 2],
    ]);
    for (const epoch of [4, 5]) expect(await g.commit({ epoch, graph: 'x', blob: Uint8Array.of(1) }, [])).toBe(false);
    expect(await held.checkpoints()).toEqual(found);
  });
  it('write nothing at all when the server refuses one of them', async () => {
    await open();
    const g = await guarded();
    await g.append([records(S, 0, 1)]);
    await admin.config('SET', 'maxmemory', '1');
    expect(await g.append([records(S, 1, 2), records(OTHER, 0, 1)])).toBe(false);
    await admin.config('SET', 'maxmemory', '0');
    expect(await held.positions([S, OTHER])).toEqual([1, 0]);
  });
  it('say when something else has written to a stream of the bus', async () => {
    await open();
    const g = await guarded();
    await admin.xadd(keys.stream(S), '99-0', 'x', 'y');
    await expect(g.append([records(S, 0, 1)])).rejects.toMatchObject({ code: 'CHM529' });
  });
  it('are connected again after the connection was lost, and then know nothing of before', async () => {
    await open();
    const g = await guarded();
    await g.append([records(S, 0, 1)]);
    await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    await vi.waitFor(async () => expect((await held.positions([S]))[0]).toBe(1));
    let at = 1;
    await vi.waitFor(async () => {
      if (await g.append([records(S, at, at + 1)])) at++;
      expect(at).toBe(2);
    });
    expect(await entries(S)).toEqual(['1-0 after 0', '2-0 after 1']);
  });
});
