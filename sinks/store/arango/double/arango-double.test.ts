import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ArangoDouble } from './arango-double.ts';

let double: ArangoDouble;
beforeAll(async () => {
  const reader = { password: 'r', rights: { _system: 'ro', shop: 'ro' } } as const;
  double = await ArangoDouble.start({
    users: { root: { password: 'p:w', rights: { '*': 'rw' } }, reader, nobody: { password: 'n', rights: {} } },
  });
  await call('POST', '_system/_api/database', { name: 'shop' });
  await call('POST', 'shop/_api/collection', { name: 'goods' });
  await call('POST', 'shop/_api/collection', { name: 'ways', type: 3 });
});
afterAll(() => double.stop());

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers of an API that is checked here field by field
  readonly body: any;
  readonly headers: Headers;
}
async function call(method: string, path: string, body?: unknown, more: Record<string, string> = {}): Promise<Answer> {
  const authorization = `Basic ${btoa('root:p:w')}`;
  const response = await fetch(`${double.url}/_db/${path}`, {
    method,
    headers: { authorization, ...more },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json(), headers: response.headers };
}
const goods = 'shop/_api/document/goods';
const failure = ({ status, body }: Answer) => [status, body.code, body.errorNum, body.error];
const aql = (query: string, more: object = {}, headers: Record<string, string> = {}) =>
  call('POST', 'shop/_api/cursor', { query, ...more }, headers);

describe('the double of the database server', () => {
  it('tells its version, and lets in who has the password or a token of it', async () => {
    expect((await call('GET', 'shop/_api/version')).body).toMatchObject({ server: 'arango', version: '3.12.4' });
    const { body } = await call('POST', '_system/_open/auth', { username: 'root', password: 'p:w' });
    const bearer = (jwt: string) => call('GET', 'shop/_api/version', undefined, { authorization: `Bearer ${jwt}` });
    expect((await bearer(body.jwt)).status).toBe(200);
    expect(failure(await bearer(`${body.jwt}x`))).toEqual([401, 401, 11, true]);
    expect((await call('POST', '_system/_open/auth', { username: 'root', password: 'x' })).status).toBe(401);
  });
  it('refuses what the user has no right to', async () => {
    const as = (name: string) => ({ authorization: `Basic ${btoa(name)}` });
    expect(failure(await call('GET', 'shop/_api/version', undefined, as('root:no')))).toEqual([401, 401, 11, true]);
    expect(failure(await call('GET', 'shop/_api/version', undefined, as('nobody:n')))).toEqual([401, 401, 11, true]);
    expect(failure(await call('POST', goods, {}, as('reader:r')))).toEqual([403, 403, 11, true]);
    expect(failure(await call('POST', '_system/_api/database', { name: 'x' }, as('reader:r')))).toEqual([
      403,
      403,
      11,
      true,
    ]);
    const insert = 'INSERT {} INTO goods';
    expect(failure(await aql(insert, {}, as('reader:r')))).toEqual([403, 403, 11, true]);
    expect((await aql('FOR g IN goods RETURN g', {}, as('reader:r'))).status).toBe(201);
  });
  it('knows databases and collections by name, once', async () => {
    expect(failure(await call('GET', 'none/_api/version'))).toEqual([404, 404, 1228, true]);
    expect(failure(await call('POST', '_system/_api/database', { name: 'shop' }))).toEqual([409, 409, 1207, true]);
    expect(failure(await call('POST', 'shop/_api/database', { name: 'inner' }))).toEqual([403, 403, 1230, true]);
    expect(failure(await call('POST', 'shop/_api/collection', { name: 'goods' }))).toEqual([409, 409, 1207, true]);
    expect(failure(await call('POST', 'shop/_api/collection', { name: '1 bad' }))).toEqual([400, 400, 1208, true]);
    expect(failure(await call('POST', 'shop/_api/document/none', {}))).toEqual([404, 404, 1203, true]);
    expect((await call('GET', 'shop/_api/collection/ways')).body.type).toBe(3);
    expect(failure(await call('GET', 'shop/_api/unheard'))).toEqual([404, 404, 404, true]);
  });
  it('keeps documents under their keys, with a revision that changes', async () => {
    const made = await call('POST', `${goods}?returnNew=true`, { _key: 'a', n: 1, _id: 'x/y', _rev: 'mine' });
    expect(made).toMatchObject({ status: 202, body: { _id: 'goods/a', _key: 'a', new: { n: 1, _id: 'goods/a' } } });
    expect(made.body._rev).not.toBe('mine');
    expect(failure(await call('POST', goods, { _key: 'a' }))).toEqual([409, 409, 1210, true]);
    const over = await call('POST', `${goods}?overwriteMode=replace&returnOld=true`, { _key: 'a', m: 2 });
    expect(over.body).toMatchObject({ _oldRev: made.body._rev, old: { n: 1 } });
    expect((await call('GET', `${goods}/a`)).body).toEqual({ _key: 'a', _id: 'goods/a', _rev: over.body._rev, m: 2 });
    expect((await call('POST', `${goods}?overwriteMode=ignore`, { _key: 'a', m: 9 })).body._rev).toBe(over.body._rev);
    await call('PATCH', `${goods}/a`, { deep: { x: 1 } });
    await call('PATCH', `${goods}/a?keepNull=false`, { deep: { y: 2 }, m: null });
    expect((await call('GET', `${goods}/a`)).body).toMatchObject({ deep: { x: 1, y: 2 } });
    const stale = { 'if-match': `"${made.body._rev}"` };
    expect(failure(await call('PUT', `${goods}/a`, {}, stale))).toEqual([412, 412, 1200, true]);
    expect((await call('DELETE', `${goods}/a`)).status).toBe(200);
    expect(failure(await call('GET', `${goods}/a`))).toEqual([404, 404, 1202, true]);
  });
  it('writes what it can of many, and counts what it cannot', async () => {
    const many = await call('POST', goods, [{ _key: 'm1' }, { _key: 'm1' }, { _key: 'a b' }, 5]);
    expect(many.status).toBe(202);
    expect(many.body.map((r: { errorNum?: number }) => r.errorNum)).toEqual([undefined, 1210, 1221, 1227]);
    expect(JSON.parse(many.headers.get('x-arango-error-codes')!)).toEqual({ 1210: 1, 1221: 1, 1227: 1 });
    expect((await call('POST', `${goods}?silent=true`, [{ _key: 'm2' }])).body).toEqual({});
  });
  it('refuses keys and edges that are none', async () => {
    const keys = ['', 'a/b', 'a b', 'ä', 'x'.repeat(255)];
    for (const _key of keys) expect(failure(await call('POST', goods, { _key }))).toEqual([400, 400, 1221, true]);
    expect((await call('POST', goods, { _key: "a_-:.@()+,=;$!*'%Z" })).status).toBe(202);
    expect((await call('POST', goods, { _key: 'x'.repeat(254) })).status).toBe(202);
    const ways = 'shop/_api/document/ways';
    for (const edge of [{}, { _from: 'goods/a' }, { _from: 'a', _to: 'goods/b' }])
      expect(failure(await call('POST', ways, edge))).toEqual([400, 400, 1233, true]);
  });
  it('keeps unique indexes, also of nested fields', async () => {
    const index = { type: 'persistent', fields: ['who.id', 'n'], unique: true, sparse: true, name: 'one' };
    expect((await call('POST', 'shop/_api/index?collection=goods', index)).status).toBe(201);
    expect((await call('POST', 'shop/_api/index?collection=goods', index)).status).toBe(200);
    // Without values they would be the same, several times.
    const dense = await call('POST', 'shop/_api/index?collection=goods', { ...index, sparse: false, name: 'dense' });
    expect(failure(dense)).toEqual([409, 409, 1210, true]);
    expect((await call('POST', goods, { _key: 'i1', who: { id: 1 }, n: 1 })).status).toBe(202);
    const twice = await call('POST', goods, { _key: 'i2', who: { id: 1 }, n: 1 });
    expect(failure(twice)).toEqual([409, 409, 1210, true]);
    expect(twice.body.errorMessage).toContain('index one of type persistent');
    await call('DELETE', `${goods}/i1`);
    expect((await call('POST', goods, { _key: 'i2', who: { id: 1 }, n: 1 })).status).toBe(202);
  });
  it('answers queries in batches until there are no more', async () => {
    const first = await aql('FOR i IN 1..5 RETURN i', { batchSize: 2, count: true });
    expect(first).toMatchObject({ status: 201, body: { result: [1, 2], hasMore: true, count: 5 } });
    const next = `shop/_api/cursor/${first.body.id}`;
    expect((await call('POST', next)).body).toMatchObject({ result: [3, 4], hasMore: true });
    expect((await call('PUT', next)).body).toMatchObject({ result: [5], hasMore: false });
    expect(failure(await call('POST', next))).toEqual([404, 404, 1600, true]);
  });
});

describe('transactions of the double', () => {
  const begin = async (write: string[], read: string[] = []) => {
    const { body } = await call('POST', 'shop/_api/transaction/begin', { collections: { write, read } });
    const id = body.result.id as string;
    return { id, in: { 'x-arango-trx-id': id }, path: `shop/_api/transaction/${id}` };
  };
  const has = async (key: string, headers: Record<string, string> = {}) =>
    (await call('GET', `${goods}/${key}`, undefined, headers)).status === 200;

  it('show their writes to themselves at once, to others when committed, and to nobody when aborted', async () => {
    for (const how of ['PUT', 'DELETE'] as const) {
      const t = await begin(['goods']);
      const key = `t${how}`;
      await call('POST', goods, { _key: key }, t.in);
      expect([await has(key, t.in), await has(key)]).toEqual([true, false]);
      await call(how, t.path);
      expect(await has(key)).toBe(how === 'PUT');
      expect((await call('GET', t.path)).body.result.status).toBe(how === 'PUT' ? 'committed' : 'aborted');
    }
  });
  it('see the documents as they were when they began', async () => {
    const t = await begin(['goods']);
    await call('POST', goods, { _key: 'later' });
    expect([await has('later', t.in), await has('later')]).toEqual([false, true]);
    await call('DELETE', t.path);
  });
  it('cannot write what another one writes, or has written since they began', async () => {
    await call('POST', goods, { _key: 'both', n: 0 });
    const [a, b] = [await begin(['goods']), await begin(['goods'])];
    expect((await call('PATCH', `${goods}/both`, { n: 1 }, a.in)).status).toBe(202);
    expect(failure(await call('PATCH', `${goods}/both`, { n: 2 }, b.in))).toEqual([409, 409, 1200, true]);
    expect(failure(await call('PATCH', `${goods}/both`, { n: 3 }))).toEqual([409, 409, 1200, true]);
    await call('PUT', a.path);
    expect(failure(await call('PATCH', `${goods}/both`, { n: 2 }, b.in))).toEqual([409, 409, 1200, true]);
    await call('DELETE', b.path);
    expect((await call('GET', `${goods}/both`)).body.n).toBe(1);
  });
  it('write only to what they named, and end once', async () => {
    const t = await begin([], ['goods']);
    expect(failure(await call('POST', goods, {}, t.in))).toEqual([400, 400, 1652, true]);
    expect(failure(await aql('INSERT {} INTO goods', {}, t.in))).toEqual([400, 400, 1652, true]);
    await call('DELETE', t.path);
    expect(failure(await call('PUT', t.path))).toEqual([410, 410, 1654, true]);
    expect(failure(await aql('RETURN 1', {}, t.in))).toEqual([410, 410, 1654, true]);
    expect(failure(await call('PUT', 'shop/_api/transaction/77'))).toEqual([404, 404, 1655, true]);
    expect(failure(await call('POST', 'shop/_api/transaction/begin', { collections: { write: 'none' } }))).toEqual([
      404,
      404,
      1203,
      true,
    ]);
  });
  it('are gone after a restart, the documents only if told so', async () => {
    await call('POST', goods, { _key: 'stays' });
    const t = await begin(['goods']);
    await call('POST', goods, { _key: 'goes' }, t.in);
    await double.stop();
    await expect(call('GET', 'shop/_api/version')).rejects.toThrow();
    await double.listen();
    expect(failure(await call('PUT', t.path))).toEqual([404, 404, 1655, true]);
    expect([await has('stays'), await has('goes')]).toEqual([true, false]);
  });
});
