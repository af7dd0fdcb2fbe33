import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openStorage } from './open-storage.ts';
import { storageContract } from './storage.contract.ts';
import { borrowAll, LocalStorage } from './storage.ts';

const root = mkdtempSync(join(tmpdir(), 'local-storage-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let stores = 0;

storageContract('a folder as a store of objects', {
  open: async () => {
    const dir = join(root, String(stores++));
    return { one: new LocalStorage(dir), two: new LocalStorage(dir) };
  },
  many: 200,
  large: 6 << 20,
});

describe('the address of a lake', () => {
  const s3 = { endpoint: 'http://127.0.0.1:9', accessKey: 'AKEXAMPLE', secretKey: 'not-to-be-seen' };

  it('is a folder, or a bucket with a prefix', async () => {
    expect((await openStorage(join(root, 'x'))).url('a/b')).toBe(join(root, 'x', 'a/b'));
    expect((await openStorage('s3://lake/crypto/main/', { s3 })).url('a/b')).toBe('s3://lake/crypto/main/a/b');
    expect((await openStorage('s3://lake', { s3 })).url('a/b')).toBe('s3://lake/a/b');
  });
  it('of a bucket needs a connection, and is never taken for a folder', async () => {
    await expect(openStorage('s3://lake')).rejects.toMatchObject({ code: 'CHM644' });
    expect(() => new LocalStorage('s3://lake/x')).toThrow(expect.objectContaining({ code: 'CHM644' }));
    expect(existsSync('s3:')).toBe(false);
  });
  it.each(['s3://', 's3://Upper/x', 's3://a', 's3://lake/a/../b', 's3://lake//x//y'])(
    'is refused when it is none: %s',
    async (address) => {
      await expect(openStorage(address, { s3 })).rejects.toMatchObject({ code: 'CHM644' });
    },
  );
  it('with keys in it, or an endpoint with keys, is refused without repeating them [DEP.7]', async () => {
    for (const [address, endpoint] of [
      ['s3://AKEXAMPLE:not-to-be-seen@lake/x', s3.endpoint],
      ['s3://lake/x?secret=not-to-be-seen', s3.endpoint],
      ['s3://lake', 'http://AKEXAMPLE:not-to-be-seen@127.0.0.1:9'],
    ] as const) {
      const e: unknown = await openStorage(address, { s3: { ...s3, endpoint } }).catch((x: unknown) => x);
      expect(e).toMatchObject({ code: 'CHM644' });
      expect(String(e)).not.toMatch(/not-to-be-seen|AKEXAMPLE/);
    }
  });
  it.each([
    { endpoint: '' },
    { endpoint: '127.0.0.1:9000' },
    { endpoint: 'ftp://127.0.0.1' },
    { endpoint: 'http://127.0.0.1:9000/path' },
    { accessKey: '' },
    { secretKey: '' },
  ])('with half a connection is refused: %o', async (part) => {
    await expect(openStorage('s3://lake', { s3: { ...s3, ...part } })).rejects.toMatchObject({ code: 'CHM644' });
  });
});

describe('objects borrowed together', () => {
  it('are all lent, or none', async () => {
    const store = new LocalStorage(join(root, 'together'));
    let open = 0;
    const counting = Object.assign(Object.create(store) as LocalStorage, {
      borrow: async (name: string) => {
        const lent = await store.borrow(name);
        open++;
        return { path: lent.path, release: async () => void open-- };
      },
    });
    const names = Array.from({ length: 40 }, (_, i) => `a/${i}`);
    for (const n of names) await store.putIfAbsent(n, new Uint8Array(1));
    expect((await borrowAll(counting, names)).map((b) => b.path)).toEqual(names.map((n) => store.url(n)));
    expect(open).toBe(40);
    await expect(borrowAll(counting, [...names, 'a/none'])).rejects.toMatchObject({ code: 'CHM609' });
    expect(open).toBe(40);
  });
});
