import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Checkpoint } from '../../../graph/checkpoint/store.ts';
import { decode, encode } from '../../../graph/codec/index.ts';
import { COLLECTIONS, type Collection } from '../collections.ts';
import type { Document } from '../document-store.ts';
import { documentStoreContract } from '../store.contract.ts';
import { ArangoDouble } from './double/arango-double.ts';
import { openArangoStore } from './open.ts';
import { openRunStore } from './run-store.ts';
import { sameAnswersContract } from './same-answers.contract.ts';
import { ALL_COLLECTIONS } from './schema.ts';

let double: ArangoDouble;
let n = 0;
beforeAll(async () => {
  double = await ArangoDouble.start();
});
afterAll(() => double.stop());

const open = (more = {}) => openArangoStore(`${double.url}/store${n}`, { alone: true, ...more });
const openNext = () => {
  n++;
  return open();
};
documentStoreContract('ArangoDB', openNext, open);
sameAnswersContract('ArangoDB', openNext, 40);

const checkpoint = (epoch: number): Checkpoint => ({
  pipeline: 'trend',
  graph: 'hash',
  epoch,
  now: 1723104000123456 + epoch,
  offsets: { market: epoch * 10, clock: -1 },
  blob: encode({ epoch, ring: new Float64Array([0.1, Number.NaN]) }),
});

describe('checkpoints and manifest entries in ArangoDB', () => {
  it('come back bit for bit, the newest two of a pipeline', async () => {
    const a = await openNext();
    for (let epoch = 1; epoch <= 5; epoch++) await a.saveCheckpoint(checkpoint(epoch));
    await a.close();
    const b = await open();
    expect(await b.loadCheckpoint('trend')).toEqual(checkpoint(5));
    expect(decode((await b.loadCheckpoint('trend'))!.blob)).toEqual(decode(checkpoint(5).blob));
    expect(await b.loadCheckpoint('trend', 5)).toEqual(checkpoint(4));
    expect(await b.loadCheckpoint('trend', 4)).toBeUndefined();
    expect(await b.loadCheckpoint('other')).toBeUndefined();
    // A run that went on from an earlier one.
    await b.saveCheckpoint(checkpoint(4));
    expect((await b.loadCheckpoint('trend'))?.epoch).toBe(4);
    await b.close();
  });
  it('are listed per writer in order of epochs, replaced when repeated, and forgotten outside a range', async () => {
    const s = await openNext();
    for (const epoch of [2, 1, 10, 3, 3]) await s.saveManifest('w', epoch, { epoch, '': '_' }, Uint8Array.of(epoch));
    await s.saveManifest('v', 1, null);
    expect((await s.loadManifest('w')).map((m) => m.epoch)).toEqual([1, 2, 3, 10]);
    expect(await s.loadManifest('w', 2, 3)).toEqual([
      { epoch: 2, entry: { epoch: 2, '': '_' }, blob: Uint8Array.of(2) },
    ]);
    await s.keepManifest('w', 2, 3);
    expect((await s.loadManifest('w')).map((m) => m.epoch)).toEqual([2]);
    expect(await s.loadManifest('v')).toEqual([{ epoch: 1, entry: null, blob: undefined }]);
    await s.close();
  });
  it('are one transaction with the documents of everyone who opened the same database', async () => {
    n++;
    const [engine, sink] = await Promise.all([open({ alone: false }), open({ alone: false })]);
    const commit = (epoch: number, fail: boolean) =>
      engine.transaction(async () => {
        await sink.upsert('fills', [{ _key: `f${epoch}`, t: epoch }]);
        await sink.saveManifest('parquet', epoch, { files: [`${epoch}.parquet`] });
        expect(await sink.loadManifest('parquet', epoch)).toHaveLength(1);
        await engine.saveCheckpoint(checkpoint(epoch));
        if (fail) throw new Error('killed');
      });
    await commit(1, false);
    // Another connection sees nothing of it before the end, and nothing at all when there is none.
    const other = await open();
    const seen = engine.transaction(async () => {
      await sink.upsert('fills', [{ _key: 'f9', t: 9 }]);
      expect(await sink.count('fills')).toBe(2);
      expect(await other.count('fills')).toBe(1);
      throw new Error('killed');
    });
    await expect(seen).rejects.toThrow('killed');
    await expect(commit(2, true)).rejects.toThrow('killed');
    expect((await engine.loadCheckpoint('trend'))?.epoch).toBe(1);
    expect(await sink.count('fills')).toBe(1);
    expect(await sink.loadManifest('parquet')).toMatchObject([{ epoch: 1, entry: { files: ['1.parquet'] } }]);
    await engine.close();
    await engine.close();
    expect(await sink.count('fills')).toBe(1);
    await sink.close();
    await other.close();
  });
});

describe('the store of a run', () => {
  it('is on the server that was chosen, else embedded, and one for all who open the same', async () => {
    n++;
    const choice = { address: `arango:${double.url}/store${n}` };
    for (const chosen of [choice, undefined]) {
      const store = await openRunStore(undefined, chosen);
      await store.transaction(async () => {
        await store.upsert('fills', [{ _key: 'f', t: 1 }]);
        await store.saveCheckpoint(checkpoint(1));
      });
      expect([await store.count('fills'), (await store.loadCheckpoint('trend'))?.epoch]).toEqual([1, 1]);
      await store.close();
    }
    expect(double.database(`store${n}`)!.collections.get('fills')!.at('f', 1e9)).toMatchObject({ t: 1 });
  });
});

describe('a database that the store opens', () => {
  const requestsOf = async (work: () => Promise<unknown>): Promise<string[]> => {
    const before = double.requests.length;
    await work();
    return double.requests.slice(before);
  };
  it('gets the declared collections with their kind and indexes, and no other [STO.1] [STO.10]', async () => {
    const s = await openNext();
    const { collections } = double.database(`store${n}`)!;
    expect([...collections.keys()].sort()).toEqual([...ALL_COLLECTIONS].sort());
    for (const name of Object.keys(COLLECTIONS) as Collection[])
      expect(collections.get(name)!.edges).toBe(COLLECTIONS[name].kind === 'edge');
    const indexes = (name: string) => collections.get(name)!.indexes.map((i) => i.fields.join());
    expect(indexes('orders')).toEqual([
      'instrument,t,chimera.n',
      't,chimera.n',
      'seq',
      'client_id',
      'closed_t,t,chimera.n',
      'chimera.w[*]',
    ]);
    expect(indexes('lineage')).toEqual(['t,chimera.n']);
    expect(collections.get('manifests')!.indexes).toMatchObject([{ fields: ['writer', 'epoch'], unique: true }]);
    await s.close();
    // Opened again, nothing is made twice.
    const again = await requestsOf(async () => (await open()).close());
    expect(again.filter((r) => r === 'POST /_api/collection')).toEqual([]);
    expect(indexes('orders')).toHaveLength(6);
  });
  it('may be opened by many at once while it is not there yet', async () => {
    n++;
    const all = await Promise.all(Array.from({ length: 4 }, () => open()));
    await Promise.all(all.map((s, i) => s.upsert('logs', [{ _key: `l${i}`, t: i }])));
    expect(await all[0]!.count('logs')).toBe(4);
    for (const s of all) await s.close();
  });
  it('lets documents expire by their engine time, where told so', async () => {
    n++;
    const s = await open({ keepDays: { logs: 7 } });
    await s.upsert('logs', [{ _key: 'l', t: 1_723_104_000_999_999 }]);
    const logs = double.database(`store${n}`)!.collections.get('logs')!;
    expect(logs.indexes).toContainEqual(
      expect.objectContaining({ type: 'ttl', fields: ['chimera.s'], expireAfter: 604800 }),
    );
    expect(logs.at('l', 1e9)).toMatchObject({ chimera: { s: 1_723_104_000 } });
    expect(await s.get('logs', 'l')).toEqual({ _key: 'l', t: 1_723_104_000_999_999 });
    await s.close();
  });
  it('has documents as anyone would read them, with one field of the driver’s own', async () => {
    const s = await openNext();
    const d = { _key: 'k', t: 5, instrument: 'usdm:A', rule: 'Trend up', deep: { list: [1, null] } };
    await s.upsert('signals', [d]);
    const { _id, _rev, chimera, ...rest } = double.database(`store${n}`)!.collections.get('signals')!.at('k', 1e9)!;
    expect(rest).toEqual(d);
    expect(_id).toBe('signals/k');
    expect(chimera).toEqual({ n: expect.any(Number), w: ['trend', 'up'] });
    await s.close();
  });
  it('is written in requests of bounded count and size, one for a small batch', async () => {
    n++;
    const s = await open({ batch: { documents: 40, bytes: 5000 } });
    const small = Array.from({ length: 100 }, (_, i): Document => ({ _key: `a${i}`, t: i }));
    const large = Array.from({ length: 10 }, (_, i): Document => ({ _key: `b${i}`, t: i, text: 'x'.repeat(2000) }));
    const huge: Document = { _key: 'c', t: 1, text: 'x'.repeat(50_000) };
    await s.upsert('logs', [small[0]!]);
    const sent = (documents: Document[]) => requestsOf(() => s.upsert('logs', documents));
    expect(await sent(small.slice(0, 40))).toEqual(['POST /_api/cursor']);
    const inBatches = async (documents: Document[]) =>
      (await sent(documents)).filter((r) => r === 'POST /_api/cursor').length;
    expect(await inBatches(small)).toBe(3);
    expect(await inBatches(large)).toBe(5);
    expect(await inBatches([small[0]!, huge, small[1]!])).toBe(3);
    expect(await s.count('logs')).toBe(111);
    await s.close();
  });
});
