import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { ObjectStorage } from '../../lake/storage.ts';
import { openTableWriter } from '../../lake/table-writer.ts';
import { ArtifactStore } from './artifact-store.ts';

const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** What the store of artifacts promises, over any store of objects: run over a folder and over a real MinIO. */
export function artifactContract(title: string, open: () => Promise<ObjectStorage>): void {
  const temp = mkdtempSync(join(tmpdir(), 'artifacts-'));
  afterAll(() => rmSync(temp, { recursive: true, force: true }));

  describe(title, () => {
    it('keeps models, data sets, reports and charts, lists them with their hashes, and they open [STO.34]', async () => {
      const store = new ArtifactStore(await open());
      const model = join(temp, 'model.onnx');
      writeFileSync(model, randomBytes(7 << 20));
      const dataset = join(temp, 'golden.parquet');
      const w = await openTableWriter(dataset, [{ name: 'x', kind: 'f64' }]);
      for (let i = 0; i < 100; i++) w.append([i / 3]);
      const made = await w.close();
      const report = '# Trade t-1\n\n![ROE](roe.svg)\n';
      const chart = '<svg xmlns="http://www.w3.org/2000/svg"/>';
      await store.put({ kind: 'model', id: 'run-7', name: 'model.onnx' }, { file: model });
      await store.put({ kind: 'dataset', id: 'golden', name: 'labels_24h.parquet' }, { file: dataset });
      await store.put({ kind: 'report', id: 't-1', name: 'report.md' }, bytes(report));
      await store.put({ kind: 'chart', id: 't-1', name: 'roe.svg' }, bytes(chart));

      const list = await store.list();
      expect(list.map((a) => [a.kind, a.id, a.name, a.version, a.sha256, a.media_type])).toEqual([
        ['chart', 't-1', 'roe.svg', 1, sha256(bytes(chart)), 'image/svg+xml'],
        ['dataset', 'golden', 'labels_24h.parquet', 1, made.sha256, 'application/vnd.apache.parquet'],
        ['model', 'run-7', 'model.onnx', 1, sha256(readFileSync(model)), 'application/octet-stream'],
        ['report', 't-1', 'report.md', 1, sha256(bytes(report)), 'text/markdown; charset=utf-8'],
      ]);
      expect(Buffer.from(await store.get(list[3]!)).toString()).toBe(report);
      const lent = await store.borrow(list[1]!);
      const { DuckDBInstance } = await import('@duckdb/node-api');
      const c = await (await DuckDBInstance.create(':memory:')).connect();
      const sum = await c.runAndReadAll(`SELECT count(*)::DOUBLE, sum(x) FROM read_parquet('${lent.path}')`);
      expect(sum.getRows()[0]![0]).toBe(100);
      c.closeSync();
      await lent.release();
      // What was given as a file is still the caller's.
      expect(sha256(readFileSync(model))).toBe(list[2]!.sha256);
      expect(await store.list({ kind: 'chart' })).toHaveLength(1);
      expect(await store.list({ id: 't-1' })).toHaveLength(2);
      expect(await store.list({ kind: 'chart', id: 'golden' })).toEqual([]);
    });

    it('numbers versions; the same content again is the version that is there', async () => {
      const store = new ArtifactStore(await open());
      const what = { kind: 'model', id: 'entry', name: 'model.onnx' };
      expect((await store.put(what, bytes('a'))).version).toBe(1);
      expect((await store.put(what, bytes('a'))).version).toBe(1);
      expect((await store.put(what, bytes('b'))).version).toBe(2);
      expect((await store.put(what, bytes('a'))).version).toBe(3);
      expect((await store.find(what)).version).toBe(3);
      expect(Buffer.from(await store.get(await store.find(what, 2))).toString()).toBe('b');
      expect((await store.list(what)).map((a) => a.version)).toEqual([1, 2, 3]);
      await expect(store.find(what, 4)).rejects.toMatchObject({ code: 'CHM646' });
      await expect(store.find({ ...what, id: 'other' })).rejects.toMatchObject({ code: 'CHM646' });
    });

    it('gives each of several who put at once a version, and equal contents one', async () => {
      const storage = await open();
      const what = { kind: 'export', id: 'day', name: 'x.csv' };
      const put = await Promise.all(
        Array.from({ length: 12 }, (_, i) => new ArtifactStore(storage).put(what, bytes(`content ${i % 4}`))),
      );
      const versions = await new ArtifactStore(storage).list(what);
      expect(versions.map((v) => v.version)).toEqual(versions.map((_, i) => i + 1));
      for (const [i, p] of put.entries()) {
        expect(p.sha256).toBe(sha256(bytes(`content ${i % 4}`)));
        expect(versions).toContainEqual(p);
      }
      // Neighbours never repeat each other.
      expect(versions.every((v, i) => i === 0 || v.sha256 !== versions[i - 1]!.sha256)).toBe(true);
    });

    it('never hands out what is not the content that was put, and names it', async () => {
      const storage = await open();
      const store = new ArtifactStore(storage);
      const kept = await store.put({ kind: 'report', id: 'a', name: 'kept.md' }, bytes('kept'));
      const changed = await store.put({ kind: 'report', id: 'a', name: 'changed.md' }, bytes('as it was'));
      const lost = await store.put({ kind: 'report', id: 'a', name: 'lost.md' }, bytes('lost'));
      const at = (hash: string): string => `artifacts/sha256/${hash.slice(0, 2)}/${hash}`;
      const other = join(temp, 'other');
      writeFileSync(other, 'as it is!');
      await storage.putFile(other, at(changed.sha256));
      await storage.delete(at(lost.sha256));
      for (const a of [changed, lost]) {
        await expect(store.get(a)).rejects.toMatchObject({ code: 'CHM647' });
        await expect(store.borrow(a)).rejects.toMatchObject({ code: 'CHM647' });
        await expect(store.restore(a, join(temp, 'never'))).rejects.toMatchObject({ code: 'CHM647' });
      }
      const { versions, problems } = await store.verify();
      expect(versions).toBe(3);
      expect(problems.map((p) => [p.code, p.artifact])).toEqual([
        ['CHM647', changed],
        ['CHM647', lost],
      ]);
      expect(Buffer.from(await store.get(kept)).toString()).toBe('kept');
      // Made again, the content goes back to its place.
      await store.put({ kind: 'report', id: 'a', name: 'lost.md' }, bytes('lost'));
      expect(Buffer.from(await store.get(lost)).toString()).toBe('lost');
    });

    it('restores a backup bit for bit', async () => {
      const store = new ArtifactStore(await open());
      const file = join(temp, 'documents.db');
      const data = randomBytes(6 << 20);
      writeFileSync(file, data);
      const backup = await store.put({ kind: 'backup', id: 'documents', name: 'documents.db' }, { file });
      const to = join(temp, 'restored', 'documents.db');
      await store.restore(backup, to);
      expect(sha256(readFileSync(to))).toBe(sha256(data));
    });

    it('takes any id and name that is a text, and refuses others with a code', async () => {
      const store = new ArtifactStore(await open());
      for (const id of ['..', '.', 'a/b', 'usdm:BTCUSDT', 'ünï 數 🙂', 'a%2Fb', "it's"]) {
        const a = await store.put({ kind: 'report', id, name: id }, bytes(id));
        expect(await store.find({ kind: 'report', id, name: id })).toEqual(a);
      }
      expect(await store.list()).toHaveLength(7);
      for (const bad of [
        { kind: 'a/b', id: 'x', name: 'x' },
        { kind: '', id: 'x', name: 'x' },
        { kind: 'x', id: '', name: 'x' },
        { kind: 'x', id: 'x', name: 'n'.repeat(201) },
        { kind: 'x', id: '\ud800', name: 'x' },
      ])
        await expect(store.put(bad, bytes('x'))).rejects.toMatchObject({ code: 'CHM648' });
    });
  });
}
