import { createHash } from 'node:crypto';
import { closeSync, createReadStream, openSync, readdirSync, readFileSync } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deserialize, serialize } from 'node:v8';
import { crc32 } from 'node:zlib';
import type { BadInput } from '../../graph/schema/index.ts';
import type { Market } from '../decode/file-keys.ts';
import type { FileContext, FileRows } from '../decode/file-rows.ts';
import { FIELDS } from '../decode/row-store.ts';
import type { RowsFile } from '../decode/segment-home.ts';
import { readAt } from '../temporary-file.ts';
import { makeRoom, temporaryOf } from './room.ts';

/**
 * The decoded rows of single input files, kept under an address that is made of everything that decides a row: the file's bytes
 * and path, what is wanted of it, and the code that decodes. The second run over a file then neither unpacks nor checks it.
 *
 *     file = MAGIC, u32 CRC-32 of all that follows the head, u32 bytes of the index, segments as `SegmentHome.stored` gives them, index
 *
 * The index is a structured clone. What is damaged, cut short or of another version counts as absent, and is made again.
 */
export interface DecodedCache {
  readonly dir: string;
  /** All files together, bytes; those unused for longest go first. Default 4 GiB. */
  readonly maxBytes?: number;
  /** Smaller inputs are decoded faster than it matters: 1 MiB, unless said otherwise. */
  readonly leastBytes?: number;
}

const MAGIC = 'CHMROWS1';
const HEAD = 16;
const ENDING = '.rows';
const DEFAULT_MAX = 4 * 2 ** 30;
const CHUNK = 1 << 20;
const LEAST_BYTES = 1 << 20;

interface Index {
  names: string[];
  keys: {
    rows: Float64Array;
    pxDigits: Uint8Array;
    qtyDigits: Uint8Array;
    maxPx: Float64Array;
    maxQty: Float64Array;
    votes: number[];
  };
  market: Market | undefined;
  refused: BadInput[];
  refusedCount: number;
  outOfOrder: number;
  orphans: Map<number, string>;
  symbols: Set<number>;
  segments: { n: number; t0: number; at: number; shapeBytes: number }[];
}

export const isWorthKeeping = (cache: DecodedCache, size: number): boolean => size >= (cache.leastBytes ?? LEAST_BYTES);

/** Where a file's rows are or would be. `way` is how they are decoded, beyond what the context says. */
export async function addressOf(cache: DecodedCache, context: FileContext, way: string): Promise<string> {
  const content = createHash('sha256');
  for await (const chunk of createReadStream(context.file, { highWaterMark: CHUNK })) content.update(chunk as Buffer);
  const what = {
    code: codeStamp(),
    content: content.digest('hex'),
    // Dead letters hold the path, and the file's name says whose rows they are.
    file: context.file,
    strict: context.strict,
    market: context.market ?? null,
    symbols: context.symbols === undefined ? null : [...context.symbols].sort(),
    ports: context.ports === undefined ? null : [...context.ports].sort((a, b) => a - b),
    way,
  };
  return join(cache.dir, `${createHash('sha256').update(JSON.stringify(what)).digest('hex')}${ENDING}`);
}

let stamp: string | undefined;
/** Of the decoders themselves, so that rows which an older one made are never taken for those of this one. */
function codeStamp(): string {
  if (stamp === undefined) {
    const hash = createHash('sha256').update(`${process.versions.node} ${JSON.stringify(FIELDS)}`);
    for (const dir of ['../decode/', './'].map((d) => fileURLToPath(new URL(d, import.meta.url))))
      for (const name of readdirSync(dir).sort())
        if (/\.[jt]s$/.test(name) && !/\.(test|d)\.[jt]s$/.test(name))
          hash.update(name).update(readFileSync(join(dir, name)));
    stamp = hash.digest('hex');
  }
  return stamp;
}

class ReadFile implements RowsFile {
  readonly #fd: number;
  constructor(fd: number) {
    this.#fd = fd;
  }
  read(into: Uint8Array, at: number): boolean {
    return readAt(this.#fd, into, at);
  }
  close(): void {
    closeSync(this.#fd);
  }
}

/** Fills `file` with the rows that lie at the address. @returns the symbols that were seen; undefined when nothing sound is there */
export async function restore(address: string, file: FileRows): Promise<ReadonlySet<number> | undefined> {
  let fd: number;
  try {
    fd = openSync(address, 'r');
  } catch {
    return undefined;
  }
  const index = await readIndex(address);
  if (index === undefined) {
    closeSync(fd);
    return undefined;
  }
  let id = file.context.home.adopt(new ReadFile(fd), index.segments);
  for (const { n, t0 } of index.segments) file.store.adopt(n, t0, id++);
  for (const name of index.names) file.names.of(name);
  const { votes, ...columns } = index.keys;
  Object.assign(file.keys, columns);
  for (const [i, n] of votes.entries()) file.keys.votes[i] = n;
  file.market = index.market;
  for (const r of index.refused) file.refused.push(r);
  file.refusedCount = index.refusedCount;
  file.outOfOrder = index.outOfOrder;
  for (const [row, raw] of index.orphans) file.orphans.set(row, raw);
  const now = new Date();
  await utimes(address, now, now).catch(() => undefined);
  return index.symbols;
}

/** The index, when every byte of the file is as it was written. */
async function readIndex(address: string): Promise<Index | undefined> {
  let file: FileHandle | undefined;
  try {
    file = await open(address, 'r');
    const { size } = await file.stat();
    const head = Buffer.alloc(HEAD);
    await file.read(head, 0, HEAD, 0);
    const length = head.readUInt32LE(12);
    if (head.toString('latin1', 0, 8) !== MAGIC || length > size - HEAD) return undefined;
    const index = Buffer.alloc(length);
    const chunk = Buffer.allocUnsafe(CHUNK);
    let crc = 0;
    for (let at = HEAD; at < size; ) {
      const { bytesRead } = await file.read(chunk, 0, CHUNK, at);
      if (bytesRead === 0) return undefined;
      const part = chunk.subarray(0, bytesRead);
      crc = crc32(part, crc);
      if (at + bytesRead > size - length)
        part.copy(index, Math.max(0, at - (size - length)), Math.max(0, size - length - at));
      at += bytesRead;
    }
    return crc === head.readUInt32LE(8) ? (deserialize(index) as Index) : undefined;
  } catch {
    return undefined;
  } finally {
    await file?.close();
  }
}

/** Writes the rows of a file that is decoded and sealed. Without room or right to write the run is the same, only the next one no faster. */
export async function save(
  cache: DecodedCache,
  address: string,
  file: FileRows,
  symbols: ReadonlySet<number>,
): Promise<void> {
  const temporary = temporaryOf(address);
  let out: FileHandle | undefined;
  try {
    await mkdir(cache.dir, { recursive: true });
    out = await open(temporary, 'wx', 0o600);
    let crc = 0;
    let at = HEAD;
    const put = async (bytes: Uint8Array): Promise<void> => {
      crc = crc32(bytes, crc);
      await out!.write(bytes, 0, bytes.length, at);
      at += bytes.length;
      if (at > (cache.maxBytes ?? DEFAULT_MAX)) throw new Error('larger than the cache may be');
    };
    const segments: Index['segments'] = [];
    for (const { n, t0, id } of file.store.segments) {
      const [shape, bytes] = file.context.home.stored(id);
      segments.push({ n, t0, at, shapeBytes: shape.length });
      await put(shape);
      await put(bytes);
    }
    const { keys } = file;
    const index: Index = {
      names: [...file.names.list],
      keys: {
        rows: keys.rows,
        pxDigits: keys.pxDigits,
        qtyDigits: keys.qtyDigits,
        maxPx: keys.maxPx,
        maxQty: keys.maxQty,
        votes: [...keys.votes],
      },
      market: file.market,
      refused: file.refused,
      refusedCount: file.refusedCount,
      outOfOrder: file.outOfOrder,
      orphans: file.orphans,
      symbols: new Set(symbols),
      segments,
    };
    const end = serialize(index);
    await put(end);
    const head = Buffer.alloc(HEAD);
    head.write(MAGIC, 'latin1');
    head.writeUInt32LE(crc, 8);
    head.writeUInt32LE(end.length, 12);
    await out.write(head, 0, HEAD, 0);
    await out.close();
    out = undefined;
    await makeRoom(cache.dir, ENDING, cache.maxBytes ?? DEFAULT_MAX, at);
    await rename(temporary, address);
  } catch {
    await out?.close().catch(() => undefined);
    await rm(temporary, { force: true }).catch(() => undefined);
  }
}
