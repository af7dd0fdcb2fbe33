import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { records } from '../bus.contract.ts';
import type { AcquireOptions, BusState } from '../bus.ts';
import { Rewound } from '../rewound.ts';
import { openRedisBus, type RedisBus, type RedisBusOptions } from './open-redis-bus.ts';
import { startCluster } from './testing/redis-cluster.ts';
import { noRedis, type RedisServerOptions, startRedis, type TestRedis } from './testing/redis-server.ts';

const P = 'part:s2.1:{usdm:A}';
const S = 'feat:events:{usdm:A}';
/** Longer than any fail-over, shorter than the test. */
const WAIT = { timeout: 20_000, interval: 10 };
const options = (more: Partial<AcquireOptions> = {}): AcquireOptions => ({
  tags: [],
  holder: 'test',
  ttlMs: 60_000,
  ...more,
});

describe.skipIf(noRedis)(`Redis in trouble${noRedis ? ` (${noRedis})` : ''}`, () => {
  const closers: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });
  async function start(settings?: RedisServerOptions): Promise<TestRedis> {
    const redis = await startRedis(settings);
    closers.push(redis.close);
    return redis;
  }
  /** A bus, and a way to wait until its state has a code. */
  async function open(url: string, more: RedisBusOptions = {}) {
    let wake = (_: BusState): void => {};
    const bus: RedisBus = await openRedisBus(url, { ...more, onState: (s) => wake(s) });
    closers.push(() => bus.close());
    const state = (code?: string): Promise<void> =>
      new Promise((resolve) => {
        wake = (s) => s.code === code && resolve();
        wake(bus.state);
      });
    return { bus, state };
  }
  async function admin(port: number): Promise<Redis> {
    const redis = new Redis(port, '127.0.0.1', { disableClientInfo: true });
    redis.on('error', () => {});
    closers.push(async () => redis.disconnect());
    return redis;
  }

  describe('at the start', () => {
    it('is refused with what to do, and without its password in the message', async () => {
      const redis = await start({ settings: { requirepass: 'right-one' } });
      const address = (p: string) => `redis://:${p}@127.0.0.1:${redis.port}`;
      for (const query of ['', '?protocol=2']) {
        for (const url of [address('wrong-one') + query, `${redis.url}${query}`]) {
          const error = await openRedisBus(url).catch((e) => e);
          expect(error).toMatchObject({ code: 'CHM520', help: expect.stringContaining('password') });
          expect(`${error}${JSON.stringify(error)}${error.stack}`).not.toMatch(/wrong-one|right-one/);
        }
        const { bus } = await open(address('right-one') + query);
        expect(`${bus.persistence.shown}${JSON.stringify(bus.state)}`).not.toContain('right-one');
      }
    });
    it('is refused when it evicts keys, is a replica, or is a Cluster under the name of a single node', async () => {
      const redis = await start({ settings: { 'maxmemory-policy': 'allkeys-lru' } });
      await expect(openRedisBus(redis.url)).rejects.toMatchObject({
        code: 'CHM520',
        help: expect.stringContaining('noeviction'),
      });
      await expect(
        openRedisBus(`redis+cluster://127.0.0.1:${redis.port}`, { connectWithinMs: 500 }),
      ).rejects.toMatchObject({
        code: expect.stringMatching(/CHM52[089]/),
      });
      const own = await admin(redis.port);
      await own.config('SET', 'maxmemory-policy', 'noeviction');
      await own.replicaof('127.0.0.1', 1);
      await expect(openRedisBus(redis.url)).rejects.toMatchObject({ code: 'CHM520', help: 'name the primary' });
      const node = await start({ settings: { 'cluster-enabled': 'yes' } });
      await expect(openRedisBus(node.url)).rejects.toMatchObject({
        code: 'CHM520',
        help: expect.stringContaining('redis+cluster'),
      });
    });
    it('is not there: said within the time given', async () => {
      for (const url of ['redis://127.0.0.1:1', 'redis+cluster://127.0.0.1:1'])
        await expect(openRedisBus(url, { connectWithinMs: 300 })).rejects.toMatchObject({ code: 'CHM524' });
      await expect(openRedisBus('redis://127.0.0.1:1', { prefix: '{x}' })).rejects.toMatchObject({ code: 'CHM520' });
    });
  });

  it('cut off: writes and readers wait, the state says so, and both go on by themselves', async () => {
    const redis = await start();
    const proxy = await redis.proxy();
    const { bus, state } = await open(proxy.url);
    const held = await bus.acquire(P, options());
    const reader = bus.reader([{ stream: S, after: 0 }]);
    await held.append([records(S, 0, 2)]);
    expect(await reader.read()).toHaveLength(1);
    const cut = state('CHM524');
    const next = reader.read();
    await proxy.cut();
    const appending = held.append([records(S, 2, 4)]);
    await cut;
    expect(bus.state).toMatchObject({ code: 'CHM524', message: expect.stringContaining('cannot be reached') });
    await proxy.mend();
    await appending;
    expect((await next).map((e) => e.last)).toEqual([4]);
    await state(undefined);
    expect(held.lost.aborted).toBe(false);
  });
  it('silent: a connection on which nothing comes any more is given up and made anew', async () => {
    const redis = await start();
    const proxy = await redis.proxy();
    const { bus, state } = await open(proxy.url, { silentMs: 300 });
    const held = await bus.acquire(P, options());
    const reader = bus.reader([{ stream: S, after: 0 }]);
    const next = reader.read();
    proxy.hold();
    const appending = held.append([records(S, 0, 1)]);
    await state('CHM524');
    await proxy.mend();
    await appending;
    expect((await next).map((e) => e.last)).toEqual([1]);
  });
  it('slow: answers that take their time are waited for', async () => {
    const redis = await start();
    const proxy = await redis.proxy();
    const { bus } = await open(proxy.url);
    const held = await bus.acquire(P, options());
    proxy.slow(1000);
    await held.append([records(S, 0, 1)]);
    expect(bus.state.code).toBeUndefined();
    expect(await held.positions([S])).toEqual([1]);
  });
  it('out of memory: writes wait until there is room, and nothing is lost', async () => {
    const redis = await start({ settings: { maxmemory: '4mb' } });
    const { bus, state } = await open(redis.url);
    const held = await bus.acquire(P, options());
    const payload = new Uint8Array(100_000);
    let last = 0;
    const appending = (async () => {
      while (last < 80) {
        await held.append([{ stream: S, prev: last, last: last + 1, payload }]);
        last++;
      }
    })();
    await state('CHM525');
    expect(last).toBeGreaterThan(3);
    const before = last;
    await (await admin(redis.port)).config('SET', 'maxmemory', '100mb');
    await appending;
    expect(before).toBeLessThan(80);
    const reader = bus.reader([{ stream: S, after: 0 }]);
    for (let at = 0; at < 80; ) for (const e of await reader.read()) expect(e.last).toBe(++at);
    await state(undefined);
  });
  it('read-only: the connection is made anew until the server may be written to', async () => {
    const redis = await start();
    const { bus, state } = await open(redis.url);
    const held = await bus.acquire(P, options());
    const own = await admin(redis.port);
    await own.replicaof('127.0.0.1', 1);
    const appending = held.append([records(S, 0, 1)]);
    await state('CHM526');
    await own.replicaof('NO', 'ONE');
    await appending;
    await state(undefined);
  });
  it('without room on its disk: writes wait until it can save again', async () => {
    const redis = await start();
    const { bus, state } = await open(redis.url);
    const held = await bus.acquire(P, options());
    const own = await admin(redis.port);
    // A folder where the snapshot should go makes saving fail.
    mkdirSync(join(redis.dir, 'dump.rdb', 'x'), { recursive: true });
    await own.config('SET', 'save', '3600 1');
    await own.bgsave();
    while (!(await own.info('persistence')).includes('rdb_last_bgsave_status:err'));
    const appending = held.append([records(S, 0, 1)]);
    await state('CHM527');
    rmSync(join(redis.dir, 'dump.rdb'), { recursive: true });
    await own.bgsave();
    await appending;
    await state(undefined);
  });
  it('restarted empty: writer and reader are rewound, the lease is lost, and all can begin again', async () => {
    const redis = await start();
    const { bus } = await open(redis.url);
    const held = await bus.acquire(P, options({ ttlMs: 600 }));
    await held.commit({ epoch: 1, graph: 'g', blob: new Uint8Array(3) }, [records(S, 0, 5)]);
    const reader = bus.reader([{ stream: S, after: 0 }]);
    expect((await reader.read()).map((e) => e.last)).toEqual([5]);
    const next = reader.read();
    next.catch(() => {});
    await redis.restart({ empty: true });
    await expect(held.append([records(S, 5, 6)])).rejects.toMatchObject({ code: expect.stringMatching(/CHM52[13]/) });
    await expect(next).rejects.toMatchObject({ code: 'CHM523', stream: S, position: 0 });
    await vi.waitFor(() => expect(held.lost.aborted).toBe(true));
    const again = await bus.acquire(P, options());
    expect(again.token).toBeGreaterThan(held.token);
    expect(await again.checkpoints()).toEqual([]);
    await expect(again.append([records(S, 5, 6)])).rejects.toMatchObject({ code: 'CHM523', position: 0 });
    expect(bus.state.code).toBe('CHM523');
    await again.append([records(S, 0, 6)]);
    expect(bus.state.code).toBeUndefined();
  });
  it('killed again and again between appends: nothing acknowledged is lost, nothing is there twice [STO.32]', async () => {
    const redis = await start({ fsync: 'always' });
    const { bus } = await open(redis.url);
    const held = await bus.acquire(P, options());
    let last = 0;
    let stopped = false;
    const appending = (async () => {
      while (!stopped) {
        await held.append([records(S, last, last + 3)]);
        last += 3;
      }
    })();
    const seen: number[] = [];
    const reader = bus.reader([{ stream: S, after: 0 }]);
    const reading = (async () => {
      for (;;) {
        const entries = await reader.read();
        if (entries.length === 0) return;
        for (const e of entries) seen.push(e.prev, e.last);
      }
    })();
    for (let i = 0; i < 8; i++) {
      const from = last;
      while (last < from + 60) await new Promise(setImmediate);
      await redis.kill();
      await redis.restart();
    }
    stopped = true;
    await appending;
    await vi.waitFor(() => expect(seen.at(-1)).toBe(last), WAIT);
    await reader.close();
    await reading;
    expect(await held.positions([S])).toEqual([last]);
    expect(last).toBeGreaterThan(400);
    for (let i = 0; i < seen.length; i += 2) expect([seen[i], seen[i + 1]]).toEqual([(i / 2) * 3, (i / 2) * 3 + 3]);
  });
  it('killed while its file lags behind: what was lost is said, and appended and read again', async () => {
    // With `everysec` the end of the file may still be on its way when the server is killed, though it was acknowledged.
    const redis = await start({ fsync: 'everysec' });
    const { bus } = await open(redis.url);
    const held = await bus.acquire(P, options());
    let last = 0;
    let stopped = false;
    const appending = (async () => {
      while (!stopped) {
        try {
          await held.append([records(S, last, last + 3)]);
          last += 3;
        } catch (e) {
          if (!(e instanceof Rewound)) throw e;
          last = e.position;
        }
      }
    })();
    const read = new Set<number>();
    const ended = new AbortController();
    let at = 0;
    const reading = (async () => {
      while (!ended.signal.aborted) {
        const reader = bus.reader([{ stream: S, after: at }], { signal: ended.signal });
        try {
          while (!ended.signal.aborted)
            for (const e of await reader.read()) {
              at = e.last;
              read.add(at);
            }
        } catch (e) {
          if (!(e instanceof Rewound)) throw e;
          at = e.position;
        } finally {
          await reader.close();
        }
      }
    })();
    for (let i = 0; i < 6; i++) {
      const reached = performance.now() + 200;
      while (performance.now() < reached) await new Promise(setImmediate);
      await redis.kill();
      await redis.restart();
    }
    stopped = true;
    await appending;
    await vi.waitFor(() => expect(at).toBe(last), WAIT);
    ended.abort();
    await reading;
    expect([...read].sort((a, b) => a - b)).toEqual(Array.from({ length: last / 3 }, (_, i) => 3 * i + 3));
  });

  describe('and leases', () => {
    it('are given up by a holder that cannot ask, before anyone else can have them [STO.31]', async () => {
      const redis = await start();
      const proxy = await redis.proxy();
      const { bus } = await open(proxy.url);
      const held = await bus.acquire(P, options({ ttlMs: 400 }));
      await proxy.cut();
      const appending = held.append([records(S, 0, 1)]);
      await expect(appending).rejects.toMatchObject({ code: 'CHM521' });
      expect(held.lost.reason).toMatchObject({ code: 'CHM521', message: expect.stringContaining('nothing was heard') });
      const { bus: other } = await open(redis.url);
      const next = await other.acquire(P, options());
      expect(await next.positions([S])).toEqual([0]);
    });
    it('fence a holder that slept through their end and wakes up in the middle of a write [STO.31]', async () => {
      const redis = await start();
      const proxy = await redis.proxy();
      // A clock that stands still is how a paused process sees the world.
      const { bus: sleeper } = await open(proxy.url, { monotonicMs: () => 0 });
      const { bus: waker } = await open(redis.url);
      const first = await sleeper.acquire(P, options({ ttlMs: 300, tags: ['usdm:B'] }));
      await first.append([records(S, 0, 1)]);
      await proxy.cut();
      const writes = [first.append([records(S, 1, 2)]), first.append([records('ord:cmd:{usdm:B}', 0, 2)])];
      const second = await waker.acquire(P, options({ tags: ['usdm:B'] }));
      await proxy.mend();
      for (const w of writes) await expect(w).rejects.toMatchObject({ code: 'CHM521' });
      expect(await second.positions([S, 'ord:cmd:{usdm:B}'])).toEqual([1, 0]);
    });
    it('are given to exactly one of many that ask at once', async () => {
      const redis = await start();
      const buses = await Promise.all([1, 2, 3, 4].map(() => open(redis.url)));
      const got: number[] = [];
      const stop = new AbortController();
      const asking = buses.map(({ bus }) =>
        bus.acquire(P, options({ signal: stop.signal })).then(
          (h) => got.push(h.token),
          () => {},
        ),
      );
      await Promise.race(asking);
      await new Promise((r) => setTimeout(r, 300));
      stop.abort();
      await Promise.all(asking);
      expect(got).toHaveLength(1);
    });
    it('of which a slot has forgotten the token are said to it again by who holds them', async () => {
      const redis = await start();
      const { bus } = await open(redis.url);
      const held = await bus.acquire(P, options({ tags: ['usdm:B'] }));
      await (await admin(redis.port)).del(bus.keys.fence(P, 'usdm:B'), bus.keys.fence(P, 'usdm:A'));
      await held.append([records('ord:cmd:{usdm:B}', 0, 2), records(S, 0, 2)]);
      expect(await held.positions([S, 'ord:cmd:{usdm:B}'])).toEqual([2, 2]);
    });
  });

  describe('of a Cluster', () => {
    it('that loses a primary: its replica goes on, and so do writer and reader [STO.14]', async () => {
      const cluster = await startCluster(3, { replicas: true });
      closers.push(cluster.close);
      const { bus, state } = await open(cluster.url);
      const held = await bus.acquire(P, options({ tags: ['usdm:B'] }));
      const streams = [S, 'ord:cmd:{usdm:B}'];
      await held.append(streams.map((s) => records(s, 0, 3)));
      const slot = Number(await (await admin(cluster.masters[0]!.port)).cluster('KEYSLOT', S));
      const owner = Math.floor((slot * 3) / 16_384);
      const replica = await admin(cluster.replicas[owner]!.port);
      await replica.readonly();
      await vi.waitFor(async () => expect(await replica.get(bus.keys.at(S))).toBe('3-0'));
      const reader = bus.reader(streams.map((stream) => ({ stream, after: 0 })));
      const at = [0, 0];
      const readTo = async (last: number) => {
        while (at.some((p) => p < last)) for (const e of await reader.read()) at[e.stream] = e.last;
      };
      await readTo(3);
      const trouble = Promise.race([state('CHM528'), state('CHM524')]);
      await cluster.masters[owner]!.kill();
      const appending = held.append(streams.map((s) => records(s, 3, 6)));
      await trouble;
      await appending;
      await readTo(6);
      expect(at).toEqual([6, 6]);
    });
    it('in which a slot moves to another node: writer and reader follow [STO.14]', async () => {
      const cluster = await startCluster(3);
      closers.push(cluster.close);
      const { bus } = await open(cluster.url);
      const held = await bus.acquire(P, options());
      await held.append([records(S, 0, 3)]);
      const reader = bus.reader([{ stream: S, after: 0 }]);
      expect((await reader.read()).map((e) => e.last)).toEqual([3]);
      const next = reader.read();
      const nodes = await Promise.all(cluster.masters.map((m) => admin(m.port)));
      const slot = Number(await nodes[0]!.cluster('KEYSLOT', S));
      const from = Math.floor((slot * 3) / 16_384);
      const to = (from + 1) % 3;
      const id = async (i: number) => String(await nodes[i]!.call('CLUSTER', 'MYID'));
      await nodes[to]!.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', await id(from));
      await nodes[from]!.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', await id(to));
      const appending = held.append([records(S, 3, 6)]);
      const keys = (await nodes[from]!.call('CLUSTER', 'GETKEYSINSLOT', slot, 100)) as string[];
      await nodes[from]!.call('MIGRATE', '127.0.0.1', cluster.masters[to]!.port, '', 0, 5000, 'KEYS', ...keys);
      for (const i of [to, from, 3 - to - from]) await nodes[i]!.call('CLUSTER', 'SETSLOT', slot, 'NODE', await id(to));
      await appending;
      expect((await next).map((e) => e.last)).toEqual([6]);
      await held.append([records(S, 6, 7)]);
      expect(await held.positions([S])).toEqual([7]);
    });
  });
});
