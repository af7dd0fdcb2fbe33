import { createHash, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { access, link, mkdir, open, readdir, readFile, rename, rm, stat, unlink } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { ChimeraError } from '../graph/schema/index.ts';
import { storageError } from './duckdb.ts';
import { isS3Address } from './s3/s3-options.ts';

/** An object as a file on this machine, for DuckDB, until it is given back. */
export interface Borrowed {
  /** Ends in the object's name. */
  readonly path: string;
  release(): Promise<void>;
}

/**
 * What the lake needs of a store of objects: whole objects under names with `/`, put-if-absent, listing by prefix.
 * That is what S3 and MinIO offer too (If-None-Match: *, ListObjectsV2, CopyObject + DeleteObject), so that a second
 * implementation changes nothing above. Names are relative to the lake's root. All errors are coded (CHM605, 606, 609).
 * `storage.contract.ts` says the same as a test.
 */
export interface ObjectStorage {
  /** Durably creates the object; false, and nothing changed, when it exists. Atomic: a reader sees all of it or nothing. */
  putIfAbsent(name: string, data: Uint8Array): Promise<boolean>;
  get(name: string): Promise<Uint8Array>;
  /** Bytes of the object, or undefined. */
  size(name: string): Promise<number | undefined>;
  /** Names below the prefix (a folder), sorted. */
  list(prefix: string): Promise<string[]>;
  /** Durably moves a finished local file to a name, replacing what is there. */
  putFile(localPath: string, name: string): Promise<void>;
  move(from: string, to: string): Promise<void>;
  /** No error when it is not there. */
  delete(name: string): Promise<void>;
  /** How messages call the object: a path here, `s3://…` elsewhere. */
  url(name: string): string;
  /**
   * The object as a local file that nobody changes or removes before it is given back; a folder lends the object itself.
   * @param options.fresh as the store holds it now, never from a cache
   */
  borrow(name: string, options?: { fresh?: boolean }): Promise<Borrowed>;
  /** A local folder for files in the making; on the same device when the store is a folder. */
  staging(name: string): Promise<string>;
  clearStaging(name: string): Promise<void>;
}

export class LocalStorage implements ObjectStorage {
  readonly root: string;
  /** Errors: CHM644 for the address of an S3 store, which no folder should ever be made of. */
  constructor(root: string) {
    if (isS3Address(root))
      throw new ChimeraError('CHM644', `${root} needs a connection to its store`, {
        help: 'give the endpoint, the access key and the secret key of the S3 store',
      });
    this.root = resolve(root);
  }
  url(name: string): string {
    return join(this.root, name);
  }
  borrow(name: string): Promise<Borrowed> {
    const path = this.url(name);
    return this.#guard(path, 'read', async () => {
      await access(path, constants.R_OK);
      return { path, release: async () => undefined };
    });
  }
  async putIfAbsent(name: string, data: Uint8Array): Promise<boolean> {
    const path = this.url(name);
    // Another process, even one in another container with our process number, writes another file.
    const temp = `${path}.${randomUUID()}.tmp`;
    return this.#guard(path, 'write', async () => {
      await mkdir(dirname(path), { recursive: true });
      try {
        const f = await open(temp, 'wx');
        try {
          await f.writeFile(data);
          await f.sync();
        } finally {
          await f.close();
        }
        // link(2) refuses to replace: rename(2) would.
        await link(temp, path);
      } catch (e) {
        if ((e as { code?: string }).code === 'EEXIST') return false;
        throw e;
      } finally {
        await rm(temp, { force: true });
      }
      await syncFolder(dirname(path));
      return true;
    });
  }
  get(name: string): Promise<Uint8Array> {
    return this.#guard(this.url(name), 'read', () => readFile(this.url(name)));
  }
  async size(name: string): Promise<number | undefined> {
    return this.#guard(this.url(name), 'read', async () => {
      try {
        return (await stat(this.url(name))).size;
      } catch (e) {
        if ((e as { code?: string }).code === 'ENOENT') return undefined;
        throw e;
      }
    });
  }
  async list(prefix: string): Promise<string[]> {
    const from = this.url(prefix);
    return this.#guard(from, 'read', async () => {
      try {
        await access(from, constants.R_OK);
      } catch (e) {
        if ((e as { code?: string }).code === 'ENOENT') return [];
        throw e;
      }
      const entries = await readdir(from, { recursive: true, withFileTypes: true });
      return entries
        .filter((e) => e.isFile() && !e.name.endsWith('.tmp'))
        .map((e) => relative(this.root, join(e.parentPath, e.name)).split(sep).join('/'))
        .sort();
    });
  }
  async putFile(localPath: string, name: string): Promise<void> {
    const path = this.url(name);
    await this.#guard(path, 'write', async () => {
      await mkdir(dirname(path), { recursive: true });
      const f = await open(localPath, 'r+');
      try {
        await f.sync();
      } finally {
        await f.close();
      }
      await rename(localPath, path);
      await syncFolder(dirname(path));
    });
  }
  async move(from: string, to: string): Promise<void> {
    await this.#guard(this.url(from), 'write', async () => {
      await mkdir(dirname(this.url(to)), { recursive: true });
      await rename(this.url(from), this.url(to));
      await syncFolder(dirname(this.url(to)));
    });
  }
  async delete(name: string): Promise<void> {
    await this.#guard(this.url(name), 'write', async () => {
      try {
        await unlink(this.url(name));
      } catch (e) {
        if ((e as { code?: string }).code !== 'ENOENT') throw e;
      }
    });
  }
  async staging(name: string): Promise<string> {
    const path = this.url(`_staging/${name}`);
    await this.#guard(path, 'write', () => mkdir(path, { recursive: true }));
    return path;
  }
  async clearStaging(name: string): Promise<void> {
    const path = this.url(`_staging/${name}`);
    await this.#guard(path, 'write', () => rm(path, { recursive: true, force: true }));
  }

  async #guard<T>(file: string, doing: 'read' | 'write', run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (e) {
      throw storageError(e, file, doing);
    }
  }
}

/** All of them, or none: what was lent meanwhile is given back. */
export async function borrowAll(storage: ObjectStorage, names: readonly string[]): Promise<Borrowed[]> {
  const lent: Borrowed[] = [];
  try {
    for (let i = 0; i < names.length; i += AT_ONCE) {
      const asked = await Promise.allSettled(names.slice(i, i + AT_ONCE).map((n) => storage.borrow(n)));
      for (const a of asked) if (a.status === 'fulfilled') lent.push(a.value);
      for (const a of asked) if (a.status === 'rejected') throw a.reason;
    }
    return lent;
  } catch (e) {
    await giveBack(lent);
    throw e;
  }
}
export async function giveBack(lent: readonly Borrowed[]): Promise<void> {
  await Promise.all(lent.map((b) => b.release()));
}
/** Requests under way at once. */
export const AT_ONCE = 16;

/** A new name in a folder survives a power cut only when the folder itself is synced. */
async function syncFolder(path: string): Promise<void> {
  const f = await open(path, 'r');
  try {
    await f.sync();
  } finally {
    await f.close();
  }
}

/** sha256 of a local file, hex, and its size; read in pieces of 1 MiB. */
export async function hashFile(path: string): Promise<{ sha256: string; bytes: number }> {
  try {
    const f = await open(path, 'r');
    try {
      const hash = createHash('sha256');
      const buffer = Buffer.allocUnsafe(1 << 20);
      let bytes = 0;
      for (;;) {
        const { bytesRead } = await f.read(buffer, 0, buffer.length, bytes);
        if (bytesRead === 0) return { sha256: hash.digest('hex'), bytes };
        hash.update(buffer.subarray(0, bytesRead));
        bytes += bytesRead;
      }
    } finally {
      await f.close();
    }
  } catch (e) {
    throw storageError(e, path, 'read');
  }
}
