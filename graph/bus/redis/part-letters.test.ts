import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PutAside } from '../bus.ts';
import { findDeadLetters } from './dead-letters.ts';
import { openRedisBus, type RedisBus } from './open-redis-bus.ts';
import { noRedis, startRedis, type TestRedis } from './testing/redis-server.ts';

const S = 'mkt:{usdm:A}';
const letter = (last: number, more: Partial<PutAside> = {}): PutAside => ({
  ...{ stream: S, entry: `${last}-0`, reason: 'undecodable', error: 'CHM513 damaged', part: 's2.1', schema: 'trade@1' },
  ...{ prev: last - 3, after: last - 2, last, mark: `${last - 2}-${last}`, payload: Uint8Array.from([0, 255, last]) },
  ...more,
});

describe.skipIf(noRedis)(`dead letters of a part${noRedis ? ` (${noRedis})` : ''}`, () => {
  let redis: TestRedis;
  let bus: RedisBus;
  beforeAll(async () => {
    redis = await startRedis();
    bus = await openRedisBus(redis.url, { prefix: 'p:' });
  });
  afterAll(async () => {
    await bus.close();
    await redis.close();
  });

  it('are put aside once for their mark, and come back once, with the bytes that they had or others', async () => {
    const held = await bus.acquire('part:{trend:s2.1}', { tags: [], holder: 'test', ttlMs: 20_000 });
    const gone = { ...letter(9, { reason: 'trimmed' }) };
    delete (gone as { payload?: Uint8Array }).payload;
    await held.putAside([letter(5), letter(8), letter(5), gone]);
    await held.putAside([letter(8)]);
    const [place, more] = await findDeadLetters(bus);
    expect(more).toBeUndefined();
    const listed = await place!.list();
    expect(listed.map((l) => [l.reason, l.part, l.schema, l.records, l.payload && [...l.payload]])).toEqual([
      ['undecodable', 's2.1', 'trade@1', { prev: 2, after: 3, last: 5 }, [0, 255, 5]],
      ['undecodable', 's2.1', 'trade@1', { prev: 5, after: 6, last: 8 }, [0, 255, 8]],
      ['trimmed', 's2.1', 'trade@1', { prev: 6, after: 7, last: 9 }, undefined],
    ]);
    await expect(place!.replay(listed[2]!.id)).rejects.toMatchObject({ code: 'CHM529' });
    expect(await place!.replay(listed[0]!.id)).toBe(true);
    expect(await place!.replay(listed[0]!.id)).toBe(false);
    expect(await place!.replay(listed[2]!.id, Uint8Array.from([7]))).toBe(true);
    const back = await held.givenBack([{ stream: S, after: '' }]);
    expect(back.map((g) => [g.entry, g.prev, g.after, g.last, [...g.payload]])).toEqual([
      ['5-0', 2, 3, 5, [0, 255, 5]],
      ['9-0', 6, 7, 9, [7]],
    ]);
    expect(await held.givenBack([{ stream: S, after: back[0]!.id }])).toHaveLength(1);
    await held.tookBack([{ stream: S, upTo: back[0]!.id }]);
    expect((await held.givenBack([{ stream: S, after: '' }])).map((g) => g.entry)).toEqual(['9-0']);
    // What was put aside and has come back is not put aside again by a life that repeats itself.
    await held.putAside([letter(5)]);
    expect(await place!.list()).toHaveLength(1);
    await held.release();
  });
});
