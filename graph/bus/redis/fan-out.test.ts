import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { records } from '../bus.contract.ts';
import { type DeadLetters, findDeadLetters } from './dead-letters.ts';
import { FanOut, type FanOutOptions } from './fan-out.ts';
import { openRedisBus, type RedisBus } from './open-redis-bus.ts';
import { SharedStream } from './shared-stream.ts';
import { findWheelServer } from './testing/find-server.ts';
import { startCluster } from './testing/redis-cluster.ts';
import { noRedis, startRedis } from './testing/redis-server.ts';

const text = (s: string): Uint8Array => Buffer.from(s);
let n = 0;

/** The same on each server: XAUTOCLAIM does not say the same in 6.2 and in 7. */
function suite(where: string, start: () => Promise<{ url: string; close(): Promise<void> }>): void {
  describe(`shared streams and their consumers, ${where}`, () => {
    let server: { url: string; close(): Promise<void> };
    let bus: RedisBus;
    let events: SharedStream;
    let stop: AbortController;
    let running: Promise<void>[];
    beforeAll(async () => {
      server = await start();
    });
    afterAll(() => server.close());
    beforeEach(async () => {
      bus = await openRedisBus(server.url, { prefix: `f${n++}:` });
      events = new SharedStream(bus, 'cfg:events');
      stop = new AbortController();
      running = [];
    });
    afterEach(async () => {
      stop.abort();
      await Promise.all(running);
      await bus.close();
    });

    const options = (handled: string[], more: Partial<FanOutOptions<string>> = {}): FanOutOptions<string> => ({
      stream: 'cfg:events',
      group: 's3',
      consumer: 'c1',
      signal: stop.signal,
      decode: (payload) => {
        if (payload[0] === 0xff) throw new Error('not a text');
        return String(payload);
      },
      handle: (item) => void handled.push(item),
      ...more,
    });
    function consume(handled: string[], more: Partial<FanOutOptions<string>> = {}): FanOut<string> {
      const consumer = new FanOut(bus, options(handled, more));
      running.push(consumer.run());
      return consumer;
    }
    const until = (check: () => unknown): Promise<unknown> => vi.waitFor(check, { timeout: 20_000, interval: 10 });
    const pendingOf = async (group = 's3'): Promise<number> =>
      Number(((await bus.connection.client.xpending(bus.keys.stream('cfg:events'), group)) as [number])[0]);

    it('are numbered by Redis, hold what several sources say, and each thing once however often it is said [STO.15]', async () => {
      const say = (source: string, ...numbers: number[]) =>
        events.append(
          { name: source },
          numbers.map((k) => ({ n: k, payload: text(`${source}${k}`) })),
        );
      expect(await events.mark('a')).toBe(0);
      expect(await say('a', 1, 2)).toBe(2);
      expect(await say('b', 7)).toBe(7);
      expect(await say('a', 1, 2, 5)).toBe(5);
      expect(await say('a', 2, 5)).toBe(5);
      expect([await events.mark('a'), await events.mark('b')]).toEqual([5, 7]);
      const handled: string[] = [];
      consume(handled);
      await until(() => expect(handled).toEqual(['a1', 'a2', 'b7', 'a5']));
      await expect(say('a', 9, 8)).rejects.toMatchObject({ code: 'CHM529' });
      expect(await say('a')).toBe(5);
    });
    it('refuse a partition that no longer is the one', async () => {
      const name = 'part:s3.1:{usdm:A}';
      const acquire = () => bus.acquire(name, { tags: ['cfg:events'], holder: 'x', ttlMs: 60_000 });
      const first = await acquire();
      await events.append({ name, token: first.token }, [{ n: 1, payload: text('1') }]);
      await first.release();
      const second = await acquire();
      await expect(events.append({ name, token: first.token }, [{ n: 2, payload: text('2') }])).rejects.toMatchObject({
        code: 'CHM521',
      });
      expect(await events.append({ name, token: second.token }, [{ n: 2, payload: text('2') }])).toBe(2);
    });
    it('are shared between the consumers of a group, and go to every group [FLOW.11]', async () => {
      const [a, b, c]: string[][] = [[], [], []];
      consume(a!);
      consume(b!, { consumer: 'c2' });
      consume(c!, { group: 's4' });
      const all = Array.from({ length: 200 }, (_, i) => `e${i}`);
      await events.append(
        { name: 'x' },
        all.map((e, i) => ({ n: i + 1, payload: text(e) })),
      );
      await until(() => expect([a!.length + b!.length, c!.length]).toEqual([200, 200]));
      expect([...a!, ...b!].sort()).toEqual([...all].sort());
      expect(c).toEqual(all);
      await until(async () => expect(await pendingOf()).toBe(0));
      await until(async () => expect(await pendingOf('s4')).toBe(0));
      expect(await events.trim()).toBe(200);
    });
    it('come again to a consumer that ended in the middle, first of all [STO.32]', async () => {
      await events.append(
        { name: 'x' },
        [1, 2, 3].map((i) => ({ n: i, payload: text(`e${i}`) })),
      );
      const first = new AbortController();
      const stuck = new FanOut(
        bus,
        options([], {
          signal: first.signal,
          handle: (item) => {
            if (item === 'e2') first.abort();
            if (first.signal.aborted) throw new Error('killed');
          },
        }),
      );
      await stuck.run();
      await events.append({ name: 'x' }, [{ n: 4, payload: text('e4') }]);
      // What is pending is never trimmed.
      expect(await events.trim()).toBe(1);
      const handled: string[] = [];
      consume(handled);
      await until(() => expect(handled).toEqual(['e2', 'e3', 'e4']));
      await until(async () => expect(await pendingOf()).toBe(0));
    });
    it('are taken over from a consumer that does not come back [STO.32]', async () => {
      await events.append({ name: 'x' }, [{ n: 1, payload: text('left') }]);
      const gone = new AbortController();
      await new FanOut(
        bus,
        options([], {
          consumer: 'gone',
          signal: gone.signal,
          handle: () => {
            gone.abort();
            throw new Error('killed');
          },
        }),
      ).run();
      const handled: string[] = [];
      consume(handled, { idleMs: 50 });
      await until(() => expect(handled).toEqual(['left']));
    });
    it('are put aside and acknowledged when they cannot be decoded, and the flow goes on; a replay brings them back, once [STO.32]', async () => {
      await events.append({ name: 'x' }, [
        { n: 1, payload: text('good') },
        { n: 2, payload: Uint8Array.of(0xff, 0, 1) },
        { n: 3, payload: text('more') },
      ]);
      const handled: string[] = [];
      const other: string[] = [];
      const broken = consume(handled, { wallMs: () => 1234 });
      await until(() => expect(handled).toEqual(['good', 'more']));
      await until(async () => expect(await pendingOf()).toBe(0));
      const [letter, ...rest] = await broken.deadLetters.list();
      expect(rest).toEqual([]);
      expect(letter).toMatchObject({
        reason: 'undecodable',
        error: 'not a text',
        stream: 'cfg:events',
        group: 's3',
        timeMs: 1234,
        entry: expect.stringMatching(/^\d+-\d+$/),
        payload: Buffer.of(0xff, 0, 1),
      });
      expect(await broken.deadLetters.show(letter!.id)).toEqual(letter);
      expect(await broken.deadLetters.show('1-1')).toBeUndefined();
      await expect(broken.deadLetters.show('nonsense')).rejects.toMatchObject({ code: 'CHM529' });
      const all = await findDeadLetters(bus);
      expect(all.map((d: DeadLetters) => d.key)).toEqual([broken.deadLetters.key]);
      stop.abort();
      await Promise.all(running.splice(0));
      // The fix; another group does not see the replay.
      stop = new AbortController();
      consume(other, { group: 's4', decode: () => 'seen' });
      consume(handled, { decode: (payload) => payload.toString('hex') });
      await until(() => expect(other).toHaveLength(3));
      expect(await Promise.all([1, 2, 3].map(() => all[0]!.replay(letter!.id)))).toEqual(
        expect.arrayContaining([true, false, false]),
      );
      await until(() => expect(handled).toEqual(['good', 'more', 'ff0001']));
      expect(other).toHaveLength(3);
      expect(await broken.deadLetters.list()).toEqual([]);
    });
    it('are put aside when they fail as often as they may', async () => {
      await events.append(
        { name: 'x' },
        [1, 2].map((i) => ({ n: i, payload: text(`e${i}`) })),
      );
      const tried: string[] = [];
      const consumer = consume([], {
        maxDeliveries: 3,
        handle: (item) => {
          tried.push(item);
          if (item === 'e1') throw new Error('no way');
        },
      });
      await until(async () => expect(await consumer.deadLetters.list()).toHaveLength(1));
      expect(tried).toEqual(['e1', 'e2', 'e1', 'e1']);
      expect((await consumer.deadLetters.list())[0]).toMatchObject({ reason: 'failed', error: 'no way' });
      expect(await pendingOf()).toBe(0);
    });
    it('are put aside with their reason when they were removed while pending', async () => {
      await events.append(
        { name: 'x' },
        [1, 2, 3].map((i) => ({ n: i, payload: text(`e${i}`) })),
      );
      for (const consumer of ['c1', 'gone']) {
        const dead = new AbortController();
        await new FanOut(
          bus,
          options([], {
            consumer,
            count: consumer === 'c1' ? 1 : 64,
            signal: dead.signal,
            handle: () => {
              dead.abort();
              throw new Error('killed');
            },
          }),
        ).run();
      }
      await bus.connection.client.xtrim(bus.keys.stream('cfg:events'), 'MAXLEN', 0);
      await events.append({ name: 'x' }, [{ n: 4, payload: text('e4') }]);
      const handled: string[] = [];
      const consumer = consume(handled, { idleMs: 50 });
      await until(async () => expect(await consumer.deadLetters.list()).toHaveLength(3));
      const letters = await consumer.deadLetters.list();
      expect(letters.every((l) => l.reason === 'trimmed' && l.payload === undefined)).toBe(true);
      await until(() => expect(handled).toEqual(['e4']));
      expect(await pendingOf()).toBe(0);
      await expect(consumer.deadLetters.replay(letters[0]!.id)).rejects.toMatchObject({ code: 'CHM529' });
    });
    it('can also be those of a partition, whose numbers a replay leaves alone', async () => {
      const stream = 'metrics:s2:{usdm:A}';
      const held = await bus.acquire('part:s2.1:{usdm:A}', { tags: [], holder: 'x', ttlMs: 60_000 });
      await held.append([records(stream, 0, 2)]);
      const handled: string[] = [];
      let broken = true;
      const decode = (payload: Buffer): string => {
        if (broken) throw new Error('unknown version');
        return payload.toString('hex');
      };
      const consumer = consume(handled, { stream, decode });
      await until(async () => expect(await consumer.deadLetters.list()).toHaveLength(1));
      broken = false;
      expect(await consumer.deadLetters.replay((await consumer.deadLetters.list())[0]!.id)).toBe(true);
      await held.append([records(stream, 2, 3)]);
      await until(() => expect([...handled].sort()).toEqual(['0102', '03']));
    });
    it('that begin anew get their groups again', async () => {
      const handled: string[] = [];
      consume(handled);
      await events.append({ name: 'x' }, [{ n: 1, payload: text('before') }]);
      await until(() => expect(handled).toEqual(['before']));
      await bus.connection.client.del(bus.keys.stream('cfg:events'), bus.keys.shared('cfg:events'));
      await events.append({ name: 'x' }, [{ n: 1, payload: text('after') }]);
      await until(() => expect(handled).toEqual(['before', 'after']));
    });
  });
}

const why = noRedis ? ` (${noRedis})` : '';
describe.skipIf(noRedis)(`fan-out${why}`, () => {
  suite('on a single node', () => startRedis());
  suite('on a Cluster', () => startCluster(3));
  const old = noRedis ? undefined : findWheelServer(6);
  describe.skipIf(!old)(old ? `version ${old.version}` : 'no Redis 6.2: pip is not there', () => {
    suite('on Redis 6.2', () => startRedis({ binary: old! }));
  });
});

describe.skipIf(noRedis)(`a consumer of a server that is killed${why}`, () => {
  it('goes on where it was, with nothing lost [STO.32] [FLOW.11]', async () => {
    const server = await startRedis({ fsync: 'always' });
    const bus = await openRedisBus(server.url);
    const events = new SharedStream(bus, 'signals:new');
    const stop = new AbortController();
    const handled = new Set<string>();
    const running = new FanOut(bus, {
      stream: 'signals:new',
      group: 's3',
      consumer: 'c1',
      decode: String,
      handle: (item) => void handled.add(item),
      signal: stop.signal,
    }).run();
    for (let i = 0; i < 6; i++) {
      await events.append(
        { name: 'x' },
        Array.from({ length: 50 }, (_, k) => ({ n: i * 50 + k + 1, payload: text(`${i}.${k}`) })),
      );
      if (i % 2 === 0) {
        await server.kill();
        await server.restart();
      }
    }
    await vi.waitFor(() => expect(handled.size).toBe(300), { timeout: 20_000 });
    stop.abort();
    await running;
    await bus.close();
    await server.close();
  });
});
