import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { access, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { ObjectStorage } from './storage.ts';

export interface StoreUnderTest {
  /** An empty store of its own; two clients of the same store, as two processes have them. */
  open: () => Promise<{ one: ObjectStorage; two: ObjectStorage }>;
  /** Objects of one listing: more than the store gives at once. */
  many: number;
  /** Bytes of a file that is more than the store takes in one piece. */
  large: number;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (data: Uint8Array): string => Buffer.from(data).toString('utf8');
const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');

/** Names as lakes have them, and worse: what a URL, XML, a query or a path could trip over. */
const NAMES = [
  'bronze/trade/market=usdm/symbol=BTCUSDT/date=2026-03-01/0000000000000001-0000000000000100.parquet',
  '_manifest/trend%2Fpaper.sink/00000000.json',
  'a/with space/plus+and&amp;.json',
  "a/quote'quote/percent%25/100%.json",
  'a/ünïcode/數據/🙂.json',
  'a/007',
  'a/1e3',
  'a/[brackets]{braces}~tilde!$,;@.json',
];

/** What the lake relies on, whatever the store: run by a folder and by S3 on a real MinIO. */
export function storageContract(name: string, under: StoreUnderTest): void {
  const temp = mkdtempSync(join(tmpdir(), 'storage-'));
  afterAll(() => rmSync(temp, { recursive: true, force: true }));
  let files = 0;
  const file = (data: Uint8Array): string => {
    const path = join(temp, `file-${files++}`);
    writeFileSync(path, data);
    return path;
  };

  describe(name, () => {
    it('puts an object once: a second put says so and changes nothing', async () => {
      const { one, two } = await under.open();
      expect(await one.putIfAbsent('_manifest/w/00000000.json', bytes('first'))).toBe(true);
      expect(await one.putIfAbsent('_manifest/w/00000000.json', bytes('second'))).toBe(false);
      expect(await two.putIfAbsent('_manifest/w/00000000.json', bytes('first'))).toBe(false);
      expect(text(await two.get('_manifest/w/00000000.json'))).toBe('first');
    });

    it('lets exactly one of many racing writers win, and it is the one that was told so', async () => {
      const { one, two } = await under.open();
      for (let round = 0; round < 5; round++) {
        const writers = Array.from({ length: 8 }, (_, i) => ({ i, to: i % 2 ? one : two }));
        const won = await Promise.all(
          writers.map(({ i, to }) => to.putIfAbsent(`race/${round}`, bytes(`writer ${i}`))),
        );
        expect(won.filter(Boolean)).toHaveLength(1);
        expect(text(await one.get(`race/${round}`))).toBe(`writer ${won.indexOf(true)}`);
      }
    });

    it('gives back what was put, bit for bit, and its size', async () => {
      const { one, two } = await under.open();
      for (const data of [new Uint8Array(0), Uint8Array.of(0), randomBytes(100_000), randomBytes(3 << 20)]) {
        const at = `data/${data.length}`;
        await one.putIfAbsent(at, data);
        expect(sha256(await two.get(at))).toBe(sha256(data));
        expect(await two.size(at)).toBe(data.length);
      }
    });

    it('knows no object that was not put: no size, no bytes, nothing to lend, nothing to move', async () => {
      const { one } = await under.open();
      expect(await one.size('none/at/all')).toBeUndefined();
      await expect(one.get('none/at/all')).rejects.toMatchObject({ code: 'CHM609' });
      await expect(one.borrow('none/at/all')).rejects.toMatchObject({ code: 'CHM609' });
      await expect(one.move('none/at/all', 'b')).rejects.toMatchObject({ code: expect.stringMatching(/^CHM60[69]$/) });
      expect(await one.list('none')).toEqual([]);
      expect(await one.list('')).toEqual([]);
    });

    it('keeps any name', async () => {
      const { one, two } = await under.open();
      for (const n of NAMES) expect(await one.putIfAbsent(n, bytes(n))).toBe(true);
      expect(await two.list('')).toEqual([...NAMES].sort());
      for (const n of NAMES) {
        expect(text(await two.get(n))).toBe(n);
        await one.move(n, `_trash/${n}`);
        expect(await two.size(n)).toBeUndefined();
        const lent = await two.borrow(`_trash/${n}`);
        expect(await readFile(lent.path, 'utf8')).toBe(n);
        await lent.release();
      }
      expect(await two.list('_trash')).toEqual(NAMES.map((n) => `_trash/${n}`).sort());
    });

    it('lists what is below a folder, sorted, and nothing of its neighbours', async () => {
      const { one } = await under.open();
      for (const n of ['a/2', 'a/10', 'a/b/c', 'ab/1', 'a.json', 'b/1']) await one.putIfAbsent(n, bytes(n));
      expect(await one.list('a')).toEqual(['a/10', 'a/2', 'a/b/c']);
      expect(await one.list('a/b')).toEqual(['a/b/c']);
      expect(await one.list('')).toEqual(['a.json', 'a/10', 'a/2', 'a/b/c', 'ab/1', 'b/1']);
    });

    it('lists more than fits in one answer, each once', async () => {
      const { one } = await under.open();
      const names = Array.from({ length: under.many }, (_, i) => `_manifest/w/${String(i).padStart(8, '0')}.json`);
      for (let i = 0; i < names.length; i += 32)
        await Promise.all(names.slice(i, i + 32).map((n) => one.putIfAbsent(n, bytes(n))));
      expect(await one.list('_manifest')).toEqual(names);
    });

    it('takes a finished file over, small or large: it is there whole, and no longer here', async () => {
      const { one, two } = await under.open();
      for (const n of [0, 1000, under.large]) {
        const data = randomBytes(n);
        const path = file(data);
        await one.putFile(path, `bronze/${n}.parquet`);
        expect(sha256(await two.get(`bronze/${n}.parquet`))).toBe(sha256(data));
        await expect(access(path)).rejects.toMatchObject({ code: 'ENOENT' });
      }
    });

    it('puts a file in the place of an object that is there', async () => {
      const { one, two } = await under.open();
      await one.putFile(file(bytes('old')), 'bronze/x');
      await two.putFile(file(bytes('new and longer')), 'bronze/x');
      expect(text(await one.get('bronze/x'))).toBe('new and longer');
      expect(await one.size('bronze/x')).toBe(14);
    });

    it('moves an object', async () => {
      const { one, two } = await under.open();
      await one.putFile(file(bytes('content')), 'bronze/x');
      await one.move('bronze/x', '_trash/bronze/x');
      expect(await two.size('bronze/x')).toBeUndefined();
      expect(text(await two.get('_trash/bronze/x'))).toBe('content');
    });

    it('deletes an object, also one that is not there', async () => {
      const { one, two } = await under.open();
      await one.putIfAbsent('x/y', bytes('content'));
      await one.delete('x/y');
      await two.delete('x/y');
      expect(await two.list('')).toEqual([]);
      expect(await one.putIfAbsent('x/y', bytes('again'))).toBe(true);
    });

    it('lends an object as a local file whose path ends in its name, to several at once', async () => {
      const { one, two } = await under.open();
      const data = randomBytes(50_000);
      const at = 'bronze/trade/market=usdm/symbol=BTCUSDT/date=2026-03-01/1-2.parquet';
      await one.putFile(file(data), at);
      const lent = await Promise.all([one.borrow(at), one.borrow(at), two.borrow(at), two.borrow(at, { fresh: true })]);
      for (const b of lent) {
        expect(b.path.endsWith(`/${at}`)).toBe(true);
        expect(sha256(await readFile(b.path))).toBe(sha256(data));
      }
      await lent[0]!.release();
      await lent[0]!.release();
      for (const b of lent.slice(1)) expect(sha256(await readFile(b.path))).toBe(sha256(data));
      for (const b of lent) await b.release();
      expect(sha256(await one.get(at))).toBe(sha256(data));
    });

    it('lends what the object is now, not what it was', async () => {
      const { one, two } = await under.open();
      for (const version of ['one', 'two', 'another']) {
        await one.putFile(file(bytes(version)), 'bronze/x');
        const lent = await two.borrow('bronze/x');
        expect(await readFile(lent.path, 'utf8')).toBe(version);
        await lent.release();
      }
    });

    it('has folders for files in the making, per writer, which are no objects', async () => {
      const { one } = await under.open();
      const a = await one.staging('writer-a');
      const b = await one.staging('writer-b');
      await writeFile(join(a, '0.parquet'), 'a');
      await writeFile(join(b, '0.parquet'), 'b');
      await one.putFile(join(a, '0.parquet'), 'bronze/a');
      await writeFile(join(a, '1.parquet'), 'unfinished');
      await one.clearStaging('writer-a');
      await one.clearStaging('writer-a');
      await expect(access(join(a, '1.parquet'))).rejects.toMatchObject({ code: 'ENOENT' });
      expect(await readFile(join(b, '0.parquet'), 'utf8')).toBe('b');
      expect(await one.list('bronze')).toEqual(['bronze/a']);
    });

    it('names objects in messages by where they are', async () => {
      const { one } = await under.open();
      await expect(one.get('none/x')).rejects.toMatchObject({ where: { file: one.url('none/x') } });
      expect(one.url('none/x').endsWith('/none/x')).toBe(true);
    });
  });
}
