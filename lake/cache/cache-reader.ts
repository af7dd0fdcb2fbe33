import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import {
  type Block,
  type BlockReader,
  ChimeraError,
  type InputQuality,
  type KeyTable,
} from '../../graph/schema/index.ts';
import { schemaFromJson } from '../schema.ts';
import { BLOCK_HEAD, BlockDecoder, decodeHeader } from './format.ts';

const WINDOW = 4 << 20;

/** Reads a cache file block by block: memory is one window of 4 MiB (more when a single block is larger). */
export class CacheReader implements BlockReader {
  readonly ports: BlockReader['ports'];
  readonly quality: InputQuality = { bad_input: [], out_of_order: 0 };
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #start: number;
  readonly #decoder: BlockDecoder;
  /** Stored key index → the table's; undefined when they agree. */
  readonly #remap: Int32Array | undefined;
  #buffer = new ArrayBuffer(WINDOW);
  #u8 = new Uint8Array(this.#buffer);
  #at = 0;
  #end = 0;
  #position: number;
  #rows = 0;
  #skipTo = -1;

  private constructor(file: FileHandle, path: string, start: number, ports: BlockReader['ports'], remap?: Int32Array) {
    this.#file = file;
    this.#path = path;
    this.#start = start;
    this.#position = start;
    this.ports = ports;
    this.#decoder = new BlockDecoder(ports);
    this.#remap = remap;
  }

  /** Undefined when there is no such file; CHM617 when it is damaged. */
  static async open(path: string, keys: KeyTable): Promise<CacheReader | undefined> {
    let file: FileHandle;
    try {
      file = await open(path, 'r');
    } catch (e) {
      if ((e as { code?: string }).code === 'ENOENT') return undefined;
      throw damage(path, (e as Error).message);
    }
    try {
      const head = Buffer.alloc(1 << 20);
      const { bytesRead } = await file.read(head, 0, head.length, 0);
      const decoded = decodeHeader(head.subarray(0, bytesRead));
      if (!decoded) throw damage(path, 'its header is unreadable');
      const { header, size } = decoded;
      const map = Int32Array.from(header.keys, (name) => keys.find(name)?.index ?? -1);
      if (map.includes(-1)) throw damage(path, 'it names an unknown key');
      const same = map.every((k, i) => k === i);
      const ports = header.ports.map((p) => ({ name: p.name, schema: schemaFromJson(p.schema) }));
      return new CacheReader(file, path, size, ports, same ? undefined : map);
    } catch (e) {
      await file.close();
      throw e;
    }
  }

  async read(): Promise<Block | null> {
    for (;;) {
      if (!(await this.#fill(BLOCK_HEAD))) throw damage(this.#path, 'it ends before its end mark');
      let head = new DataView(this.#buffer, this.#at, BLOCK_HEAD);
      const bytes = head.getUint32(0, true);
      if (bytes < BLOCK_HEAD || bytes % 8 !== 0 || !(await this.#fill(bytes)))
        throw damage(this.#path, 'a block is cut short');
      head = new DataView(this.#buffer, this.#at, BLOCK_HEAD);
      if (crc32(this.#u8.subarray(this.#at + 8, this.#at + bytes)) !== head.getUint32(4, true))
        throw damage(this.#path, 'a block does not match its checksum');
      const block = this.#decoder.decode(this.#buffer, this.#at);
      if (block.n === 0) {
        if (block.seq0 !== this.#rows) throw damage(this.#path, 'it lacks blocks');
        return null;
      }
      this.#at += bytes;
      this.#rows += block.n;
      if (this.#remap)
        for (let i = 0; i < block.n; i++) if (block.key[i]! >= 0) block.key[i] = this.#remap[block.key[i]!]!;
      const last = block.seq0 + block.n - 1;
      if (last <= this.#skipTo) continue;
      return this.#skipTo >= block.seq0 ? dropFirst(block, this.#skipTo - block.seq0 + 1) : block;
    }
  }

  async seek(seq: number): Promise<void> {
    this.#position = this.#start;
    this.#at = 0;
    this.#end = 0;
    this.#rows = 0;
    this.#skipTo = seq;
  }
  async close(): Promise<void> {
    await this.#file.close().catch(() => undefined);
  }

  /** Makes `bytes` from the current place available; false at the end of the file. */
  async #fill(bytes: number): Promise<boolean> {
    if (this.#end - this.#at >= bytes) return true;
    const rest = this.#end - this.#at;
    if (bytes > this.#buffer.byteLength) {
      // A length from a damaged head must not make us ask for more than the file has.
      const { size } = await this.#file.stat();
      if (bytes > size) return false;
      const grown = new ArrayBuffer((bytes + 7) & ~7);
      new Uint8Array(grown).set(this.#u8.subarray(this.#at, this.#end));
      this.#buffer = grown;
      this.#u8 = new Uint8Array(grown);
    } else this.#u8.copyWithin(0, this.#at, this.#end);
    this.#at = 0;
    this.#end = rest;
    while (this.#end < bytes) {
      const { bytesRead } = await this.#file.read(this.#u8, this.#end, this.#u8.length - this.#end, this.#position);
      if (bytesRead === 0) return false;
      this.#position += bytesRead;
      this.#end += bytesRead;
    }
    return true;
  }
}

const damage = (path: string, why: string): ChimeraError =>
  new ChimeraError('CHM617', `cache ${path} is damaged: ${why}`, { file: path, help: 'delete it; it is built again' });

/** A block without its first `k` inputs; rows keep their places in the ports. */
function dropFirst(b: Block, k: number): Block {
  return {
    ...b,
    n: b.n - k,
    seq0: b.seq0 + k,
    t: b.t.subarray(k),
    port: b.port.subarray(k),
    key: b.key.subarray(k),
    row: b.row.subarray(k),
  };
}
