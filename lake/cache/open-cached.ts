import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { type Block, type BlockReader, ChimeraError, type KeyTable } from '../../graph/schema/index.ts';
import type { LakePlan, OpenLakeOptions } from '../open-lake.ts';
import { schemaToJson } from '../schema.ts';
import { CacheReader } from './cache-reader.ts';
import { BlockEncoder, encodeHeader } from './format.ts';
import { makeRoom, temporaryOf } from './room.ts';

export interface CacheOptions {
  dir: string;
  /** All cache files together; the ones unused for longest go first. Default 16 GiB. */
  maxBytes?: number;
  /** Told of a damaged cache file (CHM617). The replay goes on from the lake, and the file is built again next time. */
  onDamage?: (error: ChimeraError) => void;
}

/** Serves a range from its cache file, or from the lake while writing that file. Rows and order are the same either way. */
export async function openCached(
  plan: LakePlan,
  selection: OpenLakeOptions,
  keys: KeyTable,
  cache: CacheOptions,
  openLake: () => Promise<BlockReader>,
): Promise<BlockReader> {
  const path = join(cache.dir, `${cacheId(plan, selection, keys)}.blocks`);
  try {
    const reader = await CacheReader.open(path, keys);
    if (reader) {
      const now = new Date();
      await utimes(path, now, now).catch(() => undefined);
      return new GuardedReader(reader, path, cache, openLake);
    }
  } catch (e) {
    await discard(e, path, cache);
  }
  return Tee.open(await openLake(), path, plan, keys, cache);
}

/** The content address: everything that decides a row of the blocks. */
function cacheId(plan: LakePlan, o: OpenLakeOptions, keys: KeyTable): string {
  const what = {
    format: 1,
    files: plan.files.map((f) => [f.dataset, f.key, f.source, f.writer, f.first_seq, f.sha256]),
    range: [o.fromUs ?? null, o.toUs ?? null],
    ports: plan.ports.map((p) => [p.name, schemaToJson(p.schema)]),
    sources: plan.sources,
    numbering: plan.numbering,
    digits: plan.keys.map((k) => [k.name, keys.find(k.name)?.pxDigits, keys.find(k.name)?.qtyDigits]),
  };
  return createHash('sha256').update(JSON.stringify(what)).digest('hex');
}

async function discard(e: unknown, path: string, cache: CacheOptions): Promise<void> {
  if (!(e instanceof ChimeraError) || e.code !== 'CHM617') throw e;
  await rm(path, { force: true });
  cache.onDamage?.(e);
}

/** A cache reader that falls back to the lake, behind the last input given, when its file turns out to be damaged. */
class GuardedReader implements BlockReader {
  readonly ports: BlockReader['ports'];
  #reader: BlockReader;
  #last = -1;
  readonly #path: string;
  readonly #cache: CacheOptions;
  readonly #openLake: () => Promise<BlockReader>;
  constructor(reader: BlockReader, path: string, cache: CacheOptions, openLake: () => Promise<BlockReader>) {
    this.#reader = reader;
    this.ports = reader.ports;
    this.#path = path;
    this.#cache = cache;
    this.#openLake = openLake;
  }
  get quality(): BlockReader['quality'] & object {
    return this.#reader.quality ?? { bad_input: [], out_of_order: 0 };
  }
  async read(): Promise<Block | null> {
    let block: Block | null;
    try {
      block = await this.#reader.read();
    } catch (e) {
      await discard(e, this.#path, this.#cache);
      await this.#reader.close();
      this.#reader = await this.#openLake();
      await this.#reader.seek!(this.#last);
      block = await this.#reader.read();
    }
    if (block) this.#last = block.seq0 + block.n - 1;
    return block;
  }
  async seek(seq: number): Promise<void> {
    this.#last = seq;
    await this.#reader.seek!(seq);
  }
  close(): Promise<void> {
    return this.#reader.close();
  }
}

/** Passes blocks through and writes them; only a range read from its first row to its end becomes a cache file. */
class Tee implements BlockReader {
  readonly ports: BlockReader['ports'];
  readonly #inner: BlockReader;
  readonly #path: string;
  readonly #cache: CacheOptions;
  readonly #encoder = new BlockEncoder();
  readonly #temp: string;
  #file: FileHandle | undefined;
  #parts: Uint8Array[] = [];
  #pending = 0;
  #bytes = 0;
  #rows = 0;

  private constructor(inner: BlockReader, path: string, cache: CacheOptions) {
    this.#inner = inner;
    this.ports = inner.ports;
    this.#path = path;
    this.#temp = temporaryOf(path);
    this.#cache = cache;
  }
  static async open(
    inner: BlockReader,
    path: string,
    plan: LakePlan,
    keys: KeyTable,
    cache: CacheOptions,
  ): Promise<BlockReader> {
    const tee = new Tee(inner, path, cache);
    try {
      await mkdir(cache.dir, { recursive: true });
      tee.#file = await open(tee.#temp, 'w');
      const ports = plan.ports.map((p) => ({ name: p.name, schema: schemaToJson(p.schema) }));
      const names = keys.list.map((k) => k.name);
      await tee.#put(encodeHeader({ ports, keys: names, rows_recorded: plan.numbering === 'recorded' }));
    } catch {
      // Without room or right for a cache the replay is the same, only slower.
      await tee.#abandon();
    }
    return tee;
  }
  get quality(): BlockReader['quality'] & object {
    return this.#inner.quality ?? { bad_input: [], out_of_order: 0 };
  }
  async read(): Promise<Block | null> {
    const block = await this.#inner.read();
    if (this.#file) {
      try {
        if (block) {
          this.#rows += block.n;
          await this.#put(this.#encoder.encode(block));
        } else await this.#finish();
      } catch {
        await this.#abandon();
      }
    }
    return block;
  }
  async seek(seq: number): Promise<void> {
    await this.#abandon();
    await this.#inner.seek!(seq);
  }
  async close(): Promise<void> {
    await this.#abandon();
    await this.#inner.close();
  }

  async #put(bytes: Uint8Array): Promise<void> {
    this.#parts.push(Uint8Array.from(bytes));
    this.#pending += bytes.length;
    this.#bytes += bytes.length;
    if (this.#bytes > (this.#cache.maxBytes ?? DEFAULT_MAX)) throw new Error('larger than the cache may be');
    if (this.#pending >= 1 << 20) await this.#flush();
  }
  async #flush(): Promise<void> {
    if (this.#pending === 0) return;
    await this.#file!.writev(this.#parts);
    this.#parts = [];
    this.#pending = 0;
  }
  async #finish(): Promise<void> {
    await this.#put(this.#encoder.end(this.#rows));
    await this.#flush();
    await this.#file!.close();
    this.#file = undefined;
    await makeRoom(this.#cache.dir, '.blocks', this.#cache.maxBytes ?? DEFAULT_MAX, this.#bytes);
    await rename(this.#temp, this.#path);
  }
  async #abandon(): Promise<void> {
    if (!this.#file) return;
    await this.#file.close().catch(() => undefined);
    this.#file = undefined;
    this.#parts = [];
    await rm(this.#temp, { force: true });
  }
}
const DEFAULT_MAX = 16 * 2 ** 30;
