import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRedisBus, type RedisBus } from '../../../graph/bus/redis/open-redis-bus.ts';
import { noRedis, startRedis, type TestRedis } from '../../../graph/bus/redis/testing/redis-server.ts';
import { busView } from '../bus-view.ts';
import { type TestApi, testApi } from '../testing/test-api.ts';

const STREAM = 'mkt:{usdm:A}';

describe.skipIf(noRedis)(`dead letters on a bus, as the API shows them${noRedis ? ` (${noRedis})` : ''}`, () => {
  let redis: TestRedis;
  let bus: RedisBus;
  let api: TestApi;
  let token: string;
  beforeAll(async () => {
    redis = await startRedis();
    bus = await openRedisBus(redis.url, { prefix: 'p:' });
    api = await testApi({ bus: busView(redis.url, 'p') });
    token = await api.person('otto', 'operator');
  });
  afterAll(async () => {
    await api?.api.bus?.close();
    await api?.close();
    await bus?.close();
    await redis?.close();
  });

  it('are listed with their reason, given back once by who may, and that stands in the audit log', async () => {
    const held = await bus.acquire('part:{trend:s2.1}', { tags: [], holder: 'test', ttlMs: 20_000 });
    const letter = { stream: STREAM, error: 'CHM513 its checksum is another one', part: 's2.1', schema: 'trade@1' };
    await held.putAside([
      {
        ...letter,
        entry: '5-0',
        reason: 'undecodable',
        prev: 2,
        after: 3,
        last: 5,
        mark: '3-5',
        payload: Uint8Array.of(1),
      },
      { ...letter, entry: '9-0', reason: 'trimmed', prev: 6, after: 7, last: 9, mark: '7-9' },
    ]);
    const list = async () => (await api.ask('GET', '/dead-letters', { token })).body.items;
    const items = await list();
    expect(items).toHaveLength(2);
    const [mendable, gone] = ['undecodable', 'trimmed'].map((r) =>
      items.find((i: { reason: string }) => i.reason.startsWith(r)),
    );
    expect(mendable).toMatchObject({ node: 's2.1', source: STREAM, seq: 3, code: 'CHM513' });
    expect(mendable.values).toMatchObject({ payload_base64: 'AQ==', entry: '5-0' });
    const replay = (id: string, as = token) => api.ask('POST', `/dead-letters/${id}/replay`, { token: as, body: {} });

    const reader = await api.person('vera', 'viewer');
    expect((await replay(mendable.id, reader)).status).toBe(403);
    expect((await held.givenBack([{ stream: STREAM, after: '' }])).length).toBe(0);

    expect(await replay(mendable.id)).toMatchObject({ status: 200, body: { id: mendable.id } });
    expect((await held.givenBack([{ stream: STREAM, after: '' }])).map((g) => [g.entry, [...g.payload]])).toEqual([
      ['5-0', [1]],
    ]);
    expect(await list()).toHaveLength(1);
    // Once: it is not there any more.
    expect(await replay(mendable.id)).toMatchObject({ status: 404, body: { error: { code: 'CHM1112' } } });
    expect(await replay(gone.id)).toMatchObject({ status: 409, body: { error: { code: 'CHM529' } } });
    expect(await replay('bus.xx.1-0')).toMatchObject({ status: 404 });
    const audit = await api.person('anna', 'auditor');
    const { body } = await api.ask('GET', '/audit', { token: audit });
    expect(JSON.stringify(body)).toContain(mendable.id);
    await held.release();
  });
  it('and streams say so when the bus is away, and come back with it', async () => {
    await redis.kill();
    const away = await api.ask('GET', '/dead-letters', { token });
    expect([away.status, away.body.error.code]).toEqual([503, 'CHM524']);
    await redis.restart();
    await expect.poll(async () => (await api.ask('GET', '/streams', { token })).status, { timeout: 20_000 }).toBe(200);
  });
  it('without a bus are refused with what to do', async () => {
    const alone = await testApi();
    const otto = await alone.person('otto', 'operator');
    const answer = await alone.ask('POST', '/dead-letters/bus.YQ.1-0/replay', { token: otto, body: {} });
    expect(answer).toMatchObject({ status: 409, body: { error: { code: 'CHM1141' } } });
    await alone.close();
  });
});
