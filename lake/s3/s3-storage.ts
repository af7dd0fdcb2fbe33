import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ChimeraError } from '../../graph/schema/index.ts';
import { storageError } from '../duckdb.ts';
import { type Borrowed, hashFile, type ObjectStorage } from '../storage.ts';
import { type BucketRules, type BucketState, ensureBucket } from './bucket.ts';
import { uploadLarge } from './multipart.ts';
import { ObjectCache } from './object-cache.ts';
import { asBuffer, type ObjectHead, S3Client, verifyBytes } from './s3-client.ts';
import { Damaged, faultOf } from './s3-errors.ts';
import { CACHE_BYTES, MIN_PART_BYTES, PART_BYTES, parseS3Address, type S3Options } from './s3-options.ts';

/** S3's own bound for one copy request. */
const COPY_BYTES = 5 * 2 ** 30;
/** An object that is replaced while it is being read is asked for again. */
const REPLACED_ATTEMPTS = 5;

/**
 * A lake, or any tree of objects, in a bucket of MinIO or S3: `s3://bucket/prefix`. Objects carry the SHA-256 of their
 * content and are checked against it whenever they are read. DuckDB reads local files, so what is borrowed lies in a cache
 * on this machine. Errors: CHM605, 606, 609, 624–628.
 */
export class S3Storage implements ObjectStorage {
  readonly bucket: string;
  readonly prefix: string;
  readonly #client: S3Client;
  readonly #cache: ObjectCache;
  readonly #cacheDir: string;
  readonly #partBytes: number;

  /** Nothing is asked of the store before the first call. */
  constructor(address: string, options: S3Options) {
    const { bucket, prefix } = parseS3Address(address);
    this.bucket = bucket;
    this.prefix = prefix;
    this.#client = new S3Client(bucket, options);
    this.#cacheDir = options.cacheDir ?? join(homedir(), '.cache', 'chimera', 'lake');
    this.#cache = new ObjectCache(this.#cacheDir, options.cacheBytes ?? CACHE_BYTES);
    this.#partBytes = Math.max(MIN_PART_BYTES, options.partBytes ?? PART_BYTES);
  }

  #key(name: string): string {
    return this.prefix === '' ? name : `${this.prefix}/${name}`;
  }
  url(name: string): string {
    return this.#client.url(this.#key(name));
  }

  putIfAbsent(name: string, data: Uint8Array): Promise<boolean> {
    return this.#client.putIfAbsent(this.#key(name), data, sha256(data), randomUUID());
  }

  get(name: string): Promise<Uint8Array> {
    const key = this.#key(name);
    return this.#client.run('read', key, async (api) => {
      const answer = await this.#client.open(api, key);
      const parts: Buffer[] = [];
      for await (const part of answer) parts.push(part as Buffer);
      const body = Buffer.concat(parts);
      const declared = Number(answer.headers['content-length'] ?? body.length);
      const hash = answer.headers['x-amz-meta-sha256'];
      verifyBytes(
        { bytes: declared, sha256: hash === undefined ? undefined : String(hash) },
        body.length,
        sha256(body),
      );
      return body;
    });
  }

  async size(name: string): Promise<number | undefined> {
    return (await this.#client.head(this.#key(name)))?.bytes;
  }

  async list(prefix: string): Promise<string[]> {
    const folder = this.#key(prefix === '' ? '' : `${prefix}/`);
    const cut = this.prefix === '' ? 0 : this.prefix.length + 1;
    return (await this.#client.list(folder)).map((key) => key.slice(cut)).sort();
  }

  async putFile(localPath: string, name: string): Promise<void> {
    const key = this.#key(name);
    const { sha256: hash, bytes } = await hashFile(localPath);
    if (bytes > this.#partBytes) {
      const notes = join(this.#cacheDir, 'uploads');
      await uploadLarge(this.#client, { path: localPath, key, bytes, sha256: hash, partBytes: this.#partBytes, notes });
    } else await this.#client.put(key, await readFile(localPath), hash);
    await rm(localPath, { force: true });
  }

  /** A copy, then a delete: a crash between leaves both, and the move can be repeated. */
  async move(from: string, to: string): Promise<void> {
    const source = this.#key(from);
    const head = await this.#head(source);
    if (head.bytes > COPY_BYTES)
      throw this.#client.error(new Error('objects beyond 5 GiB cannot be moved'), 'write', source);
    await this.#client.run('write', source, (api) =>
      api.copyObject(this.bucket, this.#key(to), `/${this.bucket}/${source}`),
    );
    // A store may report the failure of a copy in an answer that says 200: the source goes only when the copy is there.
    const copy = await this.#head(this.#key(to));
    if (copy.bytes !== head.bytes || copy.sha256 !== head.sha256)
      throw this.#client.error(new Damaged('the copy is not what was copied'), 'write', this.#key(to));
    await this.delete(from);
  }

  async delete(name: string): Promise<void> {
    const key = this.#key(name);
    await this.#client.run('write', key, async (api) => {
      try {
        await api.removeObject(this.bucket, key);
      } catch (e) {
        if (faultOf(e).code !== 'NoSuchKey') throw e;
      }
    });
  }

  async borrow(name: string, options: { fresh?: boolean } = {}): Promise<Borrowed> {
    const key = this.#key(name);
    for (let attempt = 1; ; attempt++) {
      const head = await this.#head(key);
      const id = sha256(Buffer.from(JSON.stringify([this.#client.endpoint, this.bucket, key, head.etag, head.bytes])));
      const wanted = { id, name, bytes: head.bytes, download: (path: string) => this.#download(key, head, path) };
      try {
        return await (options.fresh ? this.#cache.borrowFresh(wanted) : this.#cache.borrow(wanted));
      } catch (e) {
        if (!(e instanceof Replaced) || attempt === REPLACED_ATTEMPTS) throw storageError(e, this.#cacheDir, 'write');
      }
    }
  }

  async staging(name: string): Promise<string> {
    const path = this.#staging(name);
    try {
      await mkdir(path, { recursive: true });
    } catch (e) {
      throw storageError(e, path, 'write');
    }
    return path;
  }
  async clearStaging(name: string): Promise<void> {
    await rm(this.#staging(name), { recursive: true, force: true });
  }
  #staging(name: string): string {
    const store = sha256(Buffer.from(JSON.stringify([this.#client.endpoint, this.bucket, this.prefix]))).slice(0, 16);
    return join(this.#cacheDir, 'staging', store, name);
  }

  /** Makes the bucket ready to hold a lake: there, able to refuse a second put, and tidied by rules. Errors: CHM642, CHM645. */
  ensureBucket(rules: BucketRules = {}): Promise<BucketState> {
    return ensureBucket(this.#client, this.prefix, rules);
  }
  /** Ends kept connections. */
  close(): void {
    this.#client.close();
  }

  async #head(key: string): Promise<ObjectHead> {
    const head = await this.#client.head(key);
    if (head) return head;
    throw this.#client.error(Object.assign(new Error('no such object'), { code: 'NoSuchKey' }), 'read', key);
  }

  /** Streams one version of an object to a file; a broken connection goes on where it broke. */
  async #download(key: string, head: ObjectHead, path: string): Promise<void> {
    const file = await open(path, 'w');
    try {
      let hash = createHash('sha256');
      let at = 0;
      await this.#client.run('read', key, async (api) => {
        try {
          const answer = await this.#client.open(api, key, at, head.etag);
          if (answer.statusCode !== 206 && at > 0) {
            at = 0;
            hash = createHash('sha256');
          }
          for await (const part of answer) {
            await file.write(part as Buffer, 0, (part as Buffer).length, at);
            hash.update(part as Buffer);
            at += (part as Buffer).length;
          }
        } catch (e) {
          if (faultOf(e).code === 'PreconditionFailed')
            throw new Replaced('CHM606', `${this.#client.url(key)} is being replaced again and again`, {
              file: this.#client.url(key),
              help: 'two processes write the same objects: let one of them write',
            });
          throw e;
        }
        if (at < head.bytes) throw Object.assign(new Error('the answer ended early'), { code: 'ECONNRESET' });
        const got = hash.digest('hex');
        const bytes = at;
        // After damage everything is asked for again.
        at = 0;
        hash = createHash('sha256');
        verifyBytes(head, bytes, got);
      });
      this.#client.tell({ kind: 'download', name: key, bytes: head.bytes });
    } finally {
      await file.close();
    }
  }
}

/** The version that was asked for is gone: another one may be there. */
class Replaced extends ChimeraError {}

const sha256 = (data: Uint8Array): string => createHash('sha256').update(asBuffer(data)).digest('hex');
