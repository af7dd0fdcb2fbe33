import { crc32 } from 'node:zlib';
import type { Block, BlockReader, Column, PortColumns } from '../../graph/schema/index.ts';
import { blankColumns } from '../merge-reader.ts';
import type { SchemaJson } from '../schema.ts';

/**
 * The decoded cache file: a header, then blocks exactly as they lie in memory, each part on a multiple of 8 bytes, so
 * that reading is one read(2) per few MiB and typed arrays laid over the buffer. All numbers little-endian.
 *
 *     file   = MAGIC, u32 length of the header's JSON, u32 its CRC, JSON padded to 8, blocks, end mark
 *     block  = u32 bytes (of all of it), u32 CRC-32 of what follows, u32 n, u32 ports used, f64 seq0,
 *              f64 t[n], i32 key[n] pad, i32 row[n] pad, u8 port[n] pad, then per used port:
 *              u32 port, u32 rows, columns: f64[rows] | list: u32 values, u32 0, i32 offsets[rows + 1] pad, f64[] |
 *              text: u32 bytes, u32 0, i32 ends[rows] pad, UTF-8 pad
 *     end    = a block of 24 bytes with n = 0 and the number of rows as seq0
 *
 * CRC-32 (zlib's, native) and not CRC-32C: checking must not cost more than reading.
 */
export const MAGIC = 'CHMCACH1';
export const BLOCK_HEAD = 24;

export interface CacheHeader {
  ports: { name: string; schema: SchemaJson }[];
  keys: string[];
  rows_recorded: boolean;
}

const pad8 = (n: number): number => (n + 7) & ~7;

export function encodeHeader(h: CacheHeader): Buffer {
  const json = Buffer.from(JSON.stringify(h));
  const out = Buffer.alloc(16 + pad8(json.length));
  out.write(MAGIC, 'latin1');
  out.writeUInt32LE(json.length, 8);
  out.writeUInt32LE(crc32(json), 12);
  json.copy(out, 16);
  return out;
}
/** The header and its size in the file, or undefined when it is damaged. */
export function decodeHeader(b: Buffer): { header: CacheHeader; size: number } | undefined {
  if (b.length < 16 || b.toString('latin1', 0, 8) !== MAGIC) return undefined;
  const length = b.readUInt32LE(8);
  const json = b.subarray(16, 16 + length);
  if (json.length !== length || crc32(json) !== b.readUInt32LE(12)) return undefined;
  return { header: JSON.parse(json.toString('utf8')) as CacheHeader, size: 16 + pad8(length) };
}

/** Encodes blocks into one growing buffer. */
export class BlockEncoder {
  #bytes = new ArrayBuffer(1 << 20);
  #u8 = new Uint8Array(this.#bytes);
  #at = 0;

  /** The block's bytes; valid until the next call. */
  encode(b: Block): Uint8Array {
    this.#at = BLOCK_HEAD;
    this.#f64(b.t, b.n);
    this.#i32(b.key, b.n);
    this.#i32(b.row, b.n);
    this.#raw(b.port, b.n);
    let used = 0;
    for (let p = 0; p < b.ports.length; p++) {
      const port = b.ports[p]!;
      if (port.n === 0) continue;
      used++;
      this.#pair(p, port.n);
      for (const c of port.columns) this.#column(c, port.n);
    }
    return this.#finish(b.n, used, b.seq0);
  }
  end(rows: number): Uint8Array {
    this.#at = BLOCK_HEAD;
    return this.#finish(0, 0, rows);
  }

  #finish(n: number, used: number, seq0: number): Uint8Array {
    const head = new DataView(this.#bytes, 0, BLOCK_HEAD);
    head.setUint32(0, this.#at, true);
    head.setUint32(8, n, true);
    head.setUint32(12, used, true);
    head.setFloat64(16, seq0, true);
    head.setUint32(4, crc32(this.#u8.subarray(8, this.#at)), true);
    return this.#u8.subarray(0, this.#at);
  }
  #column(c: Column, n: number): void {
    if (c instanceof Float64Array) this.#f64(c, n);
    else if (Array.isArray(c)) {
      const texts = Buffer.from(c.slice(0, n).join(''));
      this.#pair(texts.length, 0);
      const ends = new Int32Array(n);
      for (let i = 0, end = 0; i < n; i++) ends[i] = end += Buffer.byteLength(c[i]!);
      this.#i32(ends, n);
      this.#raw(texts, texts.length);
    } else {
      const start = c.offsets[0]!;
      const size = c.offsets[n]! - start;
      this.#pair(size, 0);
      const offsets = Int32Array.from(c.offsets.subarray(0, n + 1), (x) => x - start);
      this.#i32(offsets, n + 1);
      this.#f64(c.values.subarray(start, start + size), size);
    }
  }
  #room(bytes: number): void {
    const need = this.#at + pad8(bytes);
    if (need <= this.#bytes.byteLength) return;
    const grown = new ArrayBuffer(Math.max(need, this.#bytes.byteLength * 2));
    new Uint8Array(grown).set(this.#u8.subarray(0, this.#at));
    this.#bytes = grown;
    this.#u8 = new Uint8Array(grown);
  }
  #pair(a: number, b: number): void {
    this.#room(8);
    const v = new Uint32Array(this.#bytes, this.#at, 2);
    v[0] = a;
    v[1] = b;
    this.#at += 8;
  }
  #f64(a: Float64Array, n: number): void {
    this.#room(n * 8);
    new Float64Array(this.#bytes, this.#at, n).set(n === a.length ? a : a.subarray(0, n));
    this.#at += n * 8;
  }
  #i32(a: Int32Array, n: number): void {
    this.#room(n * 4);
    new Int32Array(this.#bytes, this.#at, n).set(n === a.length ? a : a.subarray(0, n));
    this.#zero(n * 4);
  }
  #raw(a: Uint8Array, n: number): void {
    this.#room(n);
    this.#u8.set(n === a.length ? a : a.subarray(0, n), this.#at);
    this.#zero(n);
  }
  #zero(n: number): void {
    this.#u8.fill(0, this.#at + n, this.#at + pad8(n));
    this.#at += pad8(n);
  }
}

/** Lays blocks over a buffer without copying numbers. */
export class BlockDecoder {
  readonly #blank: PortColumns[];
  readonly #text: boolean[][];
  readonly #list: boolean[][];
  readonly #out: Block;
  constructor(ports: BlockReader['ports']) {
    this.#blank = ports.map((p) => ({ n: 0, columns: blankColumns(p.schema.fields) }));
    const kinds = ports.map((p) => Object.values(p.schema.fields).map((f) => f.kind));
    this.#text = kinds.map((k) => k.map((x) => x === 'text'));
    this.#list = kinds.map((k) => k.map((x) => x === 'list'));
    const none = new Float64Array(0);
    const ints = new Int32Array(0);
    this.#out = { n: 0, seq0: 0, t: none, port: new Uint8Array(0), key: ints, row: ints, ports: [...this.#blank] };
  }

  /** The block at `at` of the buffer; the caller has checked that all of it is there and its CRC. `n` = 0: the end mark. */
  decode(buffer: ArrayBuffer, at: number): Block {
    const b = this.#out;
    const head = new DataView(buffer, at, BLOCK_HEAD);
    const n = head.getUint32(8, true);
    const used = head.getUint32(12, true);
    b.n = n;
    b.seq0 = head.getFloat64(16, true);
    let o = at + BLOCK_HEAD;
    b.t = new Float64Array(buffer, o, n);
    o += n * 8;
    b.key = new Int32Array(buffer, o, n);
    o += pad8(n * 4);
    b.row = new Int32Array(buffer, o, n);
    o += pad8(n * 4);
    b.port = new Uint8Array(buffer, o, n);
    o += pad8(n);
    for (let p = 0; p < b.ports.length; p++) b.ports[p] = this.#blank[p]!;
    for (let i = 0; i < used; i++) {
      const pair = new Uint32Array(buffer, o, 2);
      const p = pair[0]!;
      const rows = pair[1]!;
      o += 8;
      const text = this.#text[p]!;
      const list = this.#list[p]!;
      const columns: Column[] = new Array(text.length);
      for (let c = 0; c < text.length; c++) {
        if (!text[c] && !list[c]) {
          columns[c] = new Float64Array(buffer, o, rows);
          o += rows * 8;
          continue;
        }
        const size = new Uint32Array(buffer, o, 1)[0]!;
        o += 8;
        if (list[c]) {
          const offsets = new Int32Array(buffer, o, rows + 1);
          o += pad8((rows + 1) * 4);
          columns[c] = { values: new Float64Array(buffer, o, size), offsets };
          o += size * 8;
        } else {
          const ends = new Int32Array(buffer, o, rows);
          o += pad8(rows * 4);
          const bytes = Buffer.from(buffer, o, size);
          columns[c] = Array.from(ends, (end, r) => bytes.toString('utf8', r === 0 ? 0 : ends[r - 1], end));
          o += pad8(size);
        }
      }
      b.ports[p] = { n: rows, columns };
    }
    return b;
  }
}
