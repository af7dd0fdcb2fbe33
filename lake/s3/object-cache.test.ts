import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ObjectCache, type Wanted } from './object-cache.ts';

const root = mkdtempSync(join(tmpdir(), 'object-cache-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;
const folder = (): string => join(root, String(folders++));

let downloads: string[] = [];
const object = (id: string, bytes = 100): Wanted => ({
  id,
  name: `bronze/trade/date=2026-03-01/${id}.parquet`,
  bytes,
  download: async (path) => {
    downloads.push(id);
    await writeFile(path, id.padEnd(bytes, '.'));
  },
});
const kept = (dir: string): string[] => readdirSync(join(dir, 'objects')).sort();
/** Uses in the order of the ids, a second apart. */
const age = (dir: string, ids: readonly string[]): void => {
  for (const [i, id] of ids.entries()) utimesSync(join(dir, 'objects', id), 1000 + i, 1000 + i);
};

describe('the cache of objects', () => {
  it('downloads an object once, for several who ask at once and for whoever comes later', async () => {
    const dir = folder();
    downloads = [];
    const one = new ObjectCache(dir, 1000);
    const two = new ObjectCache(dir, 1000);
    const lent = await Promise.all([one.borrow(object('a')), one.borrow(object('a')), one.borrow(object('a'))]);
    lent.push(await two.borrow(object('a')));
    expect(downloads).toEqual(['a']);
    expect(new Set(lent.map((b) => b.path)).size).toBe(4);
    for (const b of lent) expect(readFileSync(b.path, 'utf8').startsWith('a.')).toBe(true);
    for (const b of lent) await b.release();
    expect(readdirSync(join(dir, 'lent'))).toEqual([]);
    expect(kept(dir)).toEqual(['a']);
  });

  it('stays within its bound: what was unused for longest goes first', async () => {
    const dir = folder();
    downloads = [];
    const cache = new ObjectCache(dir, 300);
    for (const id of ['a', 'b', 'c']) await (await cache.borrow(object(id))).release();
    age(dir, ['a', 'b', 'c']);
    await (await cache.borrow(object('a'))).release();
    await (await cache.borrow(object('d'))).release();
    expect(kept(dir)).toEqual(['a', 'c', 'd']);
    expect(downloads).toEqual(['a', 'b', 'c', 'd']);
  });

  it('never takes a file from under who borrowed it, and does not keep what is larger than all of it', async () => {
    const dir = folder();
    const cache = new ObjectCache(dir, 150);
    const a = await cache.borrow(object('a'));
    const b = await cache.borrow(object('b'));
    const huge = await cache.borrow(object('huge', 500));
    expect(kept(dir)).toEqual(['b']);
    for (const [lent, text] of [
      [a, 'a.'],
      [b, 'b.'],
      [huge, 'huge.'],
    ] as const)
      expect(readFileSync(lent.path, 'utf8').startsWith(text)).toBe(true);
    await huge.release();
    expect(existsSync(huge.path)).toBe(false);
  });

  it('forgets a download that failed, and gives it to the next one who asks', async () => {
    const dir = folder();
    const cache = new ObjectCache(dir, 1000);
    const failing: Wanted = {
      ...object('a'),
      download: async (path) => {
        await writeFile(path, 'half');
        throw new Error('the way broke');
      },
    };
    await expect(cache.borrow(failing)).rejects.toThrow('the way broke');
    expect(kept(dir)).toEqual([]);
    expect(readdirSync(join(dir, 'lent'))).toEqual([]);
    expect(readFileSync((await cache.borrow(object('a'))).path, 'utf8')).toHaveLength(100);
  });

  it('does not trust a name without its bytes, as a power cut leaves it', async () => {
    const dir = folder();
    mkdirSync(join(dir, 'objects'), { recursive: true });
    writeFileSync(join(dir, 'objects', 'a'), '');
    const lent = await new ObjectCache(dir, 1000).borrow(object('a'));
    expect(statSync(lent.path).size).toBe(100);
    expect(statSync(join(dir, 'objects', 'a')).size).toBe(100);
  });

  it('removes what a process that died had borrowed, and nothing of one that lives', async () => {
    const dir = folder();
    const dead = spawn(process.execPath, ['-e', '']);
    await new Promise((done) => dead.once('exit', done));
    const left = `${hostname()}-${dead.pid}-1`;
    const living = `${hostname()}-${process.ppid}-1`;
    const elsewhere = `another-host-${dead.pid}-1`;
    for (const s of [left, living, elsewhere]) mkdirSync(join(dir, 'lent', s, '0'), { recursive: true });
    const lent = await new ObjectCache(dir, 1000).borrow(object('a'));
    const found = readdirSync(join(dir, 'lent'));
    expect(found).not.toContain(left);
    expect(found).toEqual(expect.arrayContaining([living, elsewhere]));
    await lent.release();
  });
});
