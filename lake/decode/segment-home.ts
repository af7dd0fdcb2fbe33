import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChimeraError } from '../../graph/schema/index.ts';
import type { ListValues, Segment, StoredColumn } from './row-store.ts';

/** Decoded rows of all inputs of a run that stay in memory; the rest goes to a temporary file. */
export const MEMORY_BUDGET = 32 * 2 ** 20;

type ColumnShape =
  | { kind: 'numbers'; n: number }
  | { kind: 'texts'; bytes: number }
  | { kind: 'list'; n: number; values: number };
interface Spilled {
  at: number;
  bytes: number;
  n: number;
  ports: ({ n: number; columns: ColumnShape[] } | null)[];
}

const isList = (c: StoredColumn): c is ListValues => !Array.isArray(c) && !(c instanceof Float64Array);
const pad8 = (n: number): number => (n + 7) & ~7;

function bytesOf(s: Segment): number {
  let bytes = s.n * 22;
  for (const port of s.ports)
    for (const c of port?.columns ?? [])
      bytes += isList(c)
        ? c.values.byteLength + c.offsets.byteLength
        : c instanceof Float64Array
          ? c.byteLength
          : c.reduce((sum, text) => sum + 2 * text.length + 16, 0);
  return bytes;
}

/** Where sealed segments live: in memory up to a budget, then in an unlinked temporary file. */
export class SegmentHome {
  readonly #budget: number;
  readonly #kept: (Segment | Spilled)[] = [];
  #inMemory = 0;
  #fd = -1;
  #size = 0;

  constructor(budget: number = MEMORY_BUDGET) {
    this.#budget = budget;
  }

  get spilledBytes(): number {
    return this.#size;
  }

  add(segment: Segment): number {
    const bytes = bytesOf(segment);
    if (this.#inMemory + bytes <= this.#budget) {
      this.#inMemory += bytes;
      this.#kept.push(segment);
    } else {
      this.#kept.push(this.#write(segment));
    }
    return this.#kept.length - 1;
  }

  load(id: number): Segment {
    const kept = this.#kept[id]!;
    return 't' in kept ? kept : this.#read(kept);
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
    this.#kept.length = 0;
    this.#inMemory = 0;
  }

  #open(): number {
    // Unlinked at once: the space is given back even when the process is killed.
    const dir = mkdtempSync(join(tmpdir(), 'chimera-decode-'));
    try {
      return openSync(join(dir, 'rows'), 'wx+');
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  }

  #write(s: Segment): Spilled {
    const parts: Uint8Array[] = [];
    let bytes = 0;
    const put = (a: Uint8Array | Float64Array | Int32Array): void => {
      parts.push(new Uint8Array(a.buffer, a.byteOffset, a.byteLength));
      bytes += a.byteLength;
      const gap = pad8(bytes) - bytes;
      if (gap > 0) parts.push(new Uint8Array(gap));
      bytes += gap;
    };
    put(s.t);
    put(s.port);
    put(s.key);
    put(s.line);
    put(s.flags);
    const ports = s.ports.map((port) =>
      port === null
        ? null
        : {
            n: port.n,
            columns: port.columns.map((c): ColumnShape => {
              if (c instanceof Float64Array) {
                put(c);
                return { kind: 'numbers', n: c.length };
              }
              if (isList(c)) {
                put(c.offsets);
                put(c.values);
                return { kind: 'list', n: c.offsets.length, values: c.values.length };
              }
              const text = Buffer.from(JSON.stringify(c));
              put(text);
              return { kind: 'texts', bytes: text.length };
            }),
          },
    );
    const at = this.#size;
    try {
      if (this.#fd < 0) this.#fd = this.#open();
      const whole = Buffer.concat(parts, bytes);
      for (let done = 0; done < bytes; ) done += writeSync(this.#fd, whole, done, bytes - done, at + done);
    } catch (cause) {
      throw new ChimeraError('CHM676', `cannot write decoded rows to a temporary file in ${tmpdir()}`, {
        help: 'free space there, set TMPDIR to another folder, or pass fewer inputs at once',
        cause,
      });
    }
    this.#size += bytes;
    return { at, bytes, n: s.n, ports };
  }

  #read(s: Spilled): Segment {
    const buffer = new ArrayBuffer(s.bytes);
    const bytes = new Uint8Array(buffer);
    for (let done = 0; done < s.bytes; ) {
      const got = readSync(this.#fd, bytes, done, s.bytes - done, s.at + done);
      if (got === 0) throw new ChimeraError('CHM676', 'the temporary file of decoded rows was cut short', {});
      done += got;
    }
    let at = 0;
    const skip = (n: number): number => {
      const start = at;
      at = pad8(at + n);
      return start;
    };
    const numbers = (n: number): Float64Array => new Float64Array(buffer, skip(n * 8), n);
    const n = s.n;
    return {
      n,
      t: numbers(n),
      port: new Uint8Array(buffer, skip(n), n),
      key: new Int32Array(buffer, skip(n * 4), n),
      line: numbers(n),
      flags: new Uint8Array(buffer, skip(n), n),
      ports: s.ports.map((port) =>
        port === null
          ? null
          : {
              n: port.n,
              columns: port.columns.map((c): StoredColumn => {
                if (c.kind === 'numbers') return numbers(c.n);
                if (c.kind === 'list') {
                  const offsets = new Int32Array(buffer, skip(c.n * 4), c.n);
                  return { offsets, values: numbers(c.values) };
                }
                const start = skip(c.bytes);
                return JSON.parse(Buffer.from(buffer, start, c.bytes).toString()) as string[];
              }),
            },
      ),
    };
  }
}
