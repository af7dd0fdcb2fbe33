import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import type { Checkpoint } from '../../graph/checkpoint/store.ts';
import { decode, encode } from '../../graph/codec/index.ts';
import { openEmbeddedStore } from './embedded-store.ts';
import { SqliteStore } from './sqlite-store.ts';
import { documentStoreContract } from './store.contract.ts';

const root = mkdtempSync(join(tmpdir(), 'chimera-store-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let n = 0;
let dir = '';
beforeEach(() => {
  dir = join(root, String(n++));
});

documentStoreContract('SQLite in memory', async () => new SqliteStore(undefined));
const contractFile = (): string => join(root, `contract-${n}.sqlite`);
documentStoreContract(
  'a SQLite file',
  async () => {
    n++;
    return new SqliteStore(contractFile());
  },
  async () => new SqliteStore(contractFile()),
);

const checkpoint = (epoch: number): Checkpoint => ({
  pipeline: 'trend',
  graph: 'hash',
  epoch,
  now: 1723104000123456 + epoch,
  offsets: { market: epoch * 10, clock: -1 },
  blob: encode({ epoch, ring: new Float64Array([0.1, Number.NaN]) }),
});

describe('checkpoints in the embedded store', () => {
  it('come back bit for bit after the file was closed, the newest first', async () => {
    const a = openEmbeddedStore(dir);
    for (let epoch = 1; epoch <= 5; epoch++) await a.saveCheckpoint(checkpoint(epoch));
    await a.close();
    const b = openEmbeddedStore(dir);
    expect(await b.loadCheckpoint('trend')).toEqual(checkpoint(5));
    expect(decode((await b.loadCheckpoint('trend'))!.blob)).toEqual(decode(checkpoint(5).blob));
    expect(await b.loadCheckpoint('trend', 5)).toEqual(checkpoint(4));
    expect(await b.loadCheckpoint('trend', 4)).toBeUndefined();
    expect(await b.loadCheckpoint('other')).toBeUndefined();
    await b.close();
  });
  it('of later epochs are forgotten when a run went on from an earlier one', async () => {
    const s = openEmbeddedStore(undefined);
    for (const epoch of [7, 8, 9]) await s.saveCheckpoint(checkpoint(epoch));
    await s.saveCheckpoint(checkpoint(8));
    expect((await s.loadCheckpoint('trend'))?.epoch).toBe(8);
    await s.saveCheckpoint(checkpoint(8));
    expect((await s.loadCheckpoint('trend'))?.offsets).toEqual({ market: 80, clock: -1 });
    await s.close();
  });
  it('are one transaction with the documents and manifest entries of everyone who opened the same folder', async () => {
    const engine = openEmbeddedStore(dir);
    const sink = openEmbeddedStore(dir);
    const commit = (epoch: number, fail: boolean) =>
      engine.transaction(async () => {
        await sink.upsert('fills', [{ _key: `f${epoch}`, t: epoch }]);
        await sink.saveManifest('parquet', epoch, { files: [`${epoch}.parquet`] });
        await engine.saveCheckpoint(checkpoint(epoch));
        if (fail) throw new Error('killed');
      });
    await commit(1, false);
    await expect(commit(2, true)).rejects.toThrow('killed');
    expect((await engine.loadCheckpoint('trend'))?.epoch).toBe(1);
    expect(await sink.count('fills')).toBe(1);
    expect(await sink.loadManifest('parquet')).toMatchObject([{ epoch: 1, entry: { files: ['1.parquet'] } }]);
    await engine.close();
    await engine.close();
    expect(await sink.count('fills')).toBe(1);
    await sink.close();
  });
});

describe('manifest entries in the embedded store', () => {
  it('are listed per writer in order of epochs, replaced when repeated, and forgotten outside a range', async () => {
    const s = openEmbeddedStore(undefined);
    for (const epoch of [2, 1, 3, 3]) await s.saveManifest('w', epoch, { epoch }, Uint8Array.of(epoch));
    await s.saveManifest('v', 1, null);
    expect((await s.loadManifest('w')).map((m) => m.epoch)).toEqual([1, 2, 3]);
    expect(await s.loadManifest('w', 2, 3)).toEqual([{ epoch: 2, entry: { epoch: 2 }, blob: Uint8Array.of(2) }]);
    await s.keepManifest('w', 2, 3);
    expect((await s.loadManifest('w')).map((m) => m.epoch)).toEqual([2]);
    expect(await s.loadManifest('v')).toEqual([{ epoch: 1, entry: null, blob: undefined }]);
    await s.close();
  });
});

describe('the embedded store', () => {
  it('says what is wrong with a file that is no store, and with a folder that cannot be made', () => {
    const file = join(root, `odd-${n++}.sqlite`);
    writeFileSync(
      file,
      'this is not a database, only text that is long enough to be read as a header of one.'.repeat(9),
    );
    expect(() => new SqliteStore(file)).toThrow(expect.objectContaining({ code: 'CHM544' }));
    expect(() => new SqliteStore(join(file, 'below', 'x.sqlite'))).toThrow(expect.objectContaining({ code: 'CHM540' }));
  });
  it('loses nothing that is committed when the disk is full, and goes on when there is room again', async () => {
    const file = join(root, `full-${n++}.sqlite`);
    const small = new SqliteStore(file, { maxBytes: 1 << 20 });
    let committed = 0;
    const fill = async (): Promise<void> => {
      for (; committed < 100; committed++)
        await small.transaction(async () => {
          await small.upsert('logs', [{ _key: `l${committed}`, t: committed, message: 'x'.repeat(50_000) }]);
          await small.saveCheckpoint(checkpoint(committed + 1));
        });
    };
    await expect(fill()).rejects.toMatchObject({ code: 'CHM542' });
    expect(committed).toBeGreaterThan(3);
    expect(await small.count('logs')).toBe(committed);
    await small.close();
    const large = new SqliteStore(file);
    expect(await large.count('logs')).toBe(committed);
    expect((await large.loadCheckpoint('trend'))?.epoch).toBe(committed);
    await large.upsert('logs', [{ _key: 'more', t: 1, message: 'x'.repeat(50_000) }]);
    await large.close();
  });
  it('answers for lineage that an earlier version wrote, when every edge had its JSON', async () => {
    const file = join(root, `old-${n++}.sqlite`);
    const old = new Database(file);
    const document = { _key: 's', t: 7, pipeline: 'p', source: 'market', seq: 7 };
    const edges = ['inputs/p.market.7', 'services/s3'].map((_to, i) => ({
      ...{ _key: `e${i}`, _from: 'signals/s', _to, kind: i === 0 ? 'because' : 'made_by', t: 7, instrument: 'i' },
    }));
    old.exec(`
      CREATE TABLE signals (id INTEGER PRIMARY KEY, _key TEXT NOT NULL UNIQUE, instrument, t, doc TEXT NOT NULL);
      CREATE TABLE lineage (id INTEGER PRIMARY KEY, _key TEXT NOT NULL UNIQUE, _from, _to, instrument, t, doc TEXT NOT NULL)`);
    old.prepare('INSERT INTO signals VALUES (1, ?, ?, 7, ?)').run('s', 'i', JSON.stringify(document));
    for (const e of edges)
      old
        .prepare('INSERT INTO lineage (_key, _from, _to, instrument, t, doc) VALUES (?, ?, ?, ?, ?, ?)')
        .run(e._key, e._from, e._to, 'i', 7, JSON.stringify(e));
    old.close();
    const store = new SqliteStore(file);
    const up = await store.query('lineage', { id: 'signals/s', direction: 'ancestors' });
    expect(up.map((s) => [s.kind, s.id])).toEqual([
      [null, 'signals/s'],
      ['because', 'inputs/p.market.7'],
      ['made_by', 'services/s3'],
    ]);
    for (const id of ['inputs/p.market.7', 'services/s3'])
      expect(await store.query('lineage', { id, direction: 'descendants' })).toHaveLength(2);
    await store.upsert('lineage', edges);
    expect(await store.query('by_time', { collection: 'lineage', from: 0, to: 9 })).toEqual(edges);
    await store.close();
  });
  it('says so when another process holds the file', async () => {
    const file = join(root, `busy-${n++}.sqlite`);
    const store = new SqliteStore(file, { busyMs: 10 });
    const other = new Database(file);
    other.exec('BEGIN IMMEDIATE');
    await expect(store.upsert('logs', [{ _key: 'a', t: 1 }])).rejects.toMatchObject({ code: 'CHM545' });
    other.exec('ROLLBACK');
    other.close();
    await store.upsert('logs', [{ _key: 'a', t: 1 }]);
    await store.close();
  });
  it('writes the same documents to the same bytes, whatever the batches', async () => {
    const docs = Array.from({ length: 50 }, (_, i) => ({ _key: `k${i}`, t: i, instrument: 'i', reason: `word${i}` }));
    const dump = async (size: number) => {
      const s = openEmbeddedStore(undefined);
      for (let i = 0; i < docs.length; i += size) await s.upsert('signals', docs.slice(i, i + size));
      const rows = await s.query('by_time', { collection: 'signals', from: 0, to: 99 });
      await s.close();
      return JSON.stringify(rows);
    };
    expect(await dump(7)).toBe(await dump(50));
  });
});
