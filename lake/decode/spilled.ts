import { POW10 } from './decimal.ts';
import type { ListValues, Segment, StoredColumn } from './row-store.ts';

/**
 * A packed segment, in memory or in a temporary file: its parts one after the other, each on a multiple of 8 bytes. Columns
 * that say nothing new are left out: one value throughout (no transaction time, the one instrument), or equal steps (lines,
 * ids, times of candles). Decimals of few digits (prices, quantities) are integers of half the width.
 */
export interface Spilled {
  at: number;
  bytes: number;
  n: number;
  t: ColumnShape;
  port: ColumnShape;
  key: ColumnShape;
  line: ColumnShape;
  flags: ColumnShape;
  ports: ({ n: number; columns: ColumnShape[] } | null)[];
}
type ColumnShape =
  | { kind: 'raw'; n: number }
  | { kind: 'same'; n: number; value: number }
  | { kind: 'stepped'; n: number; first: number; step: number }
  | { kind: 'scaled'; n: number; digits: number }
  | { kind: 'texts'; bytes: number }
  | { kind: 'list'; n: number; values: number };
type Numbers = Float64Array | Int32Array | Uint8Array;
/** Columns of fewer rows are not worth a closer look. */
const FEW = 16;
const MOST_DIGITS = 8;

const isList = (c: StoredColumn): c is ListValues => !Array.isArray(c) && !(c instanceof Float64Array);
const pad8 = (n: number): number => (n + 7) & ~7;

/** What a segment takes in memory as it is. */
export function bytesOf(s: Segment): number {
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

/** Writes segments into one buffer that is used again. */
export class SpillWriter {
  #bytes = new Uint8Array(1 << 19);
  #scaled = new Int32Array(4096);
  /** All rows are of one port: of rows of several, few columns would be packed for what it costs to try. */
  #alike = false;
  #at = 0;

  /** The bytes are valid until the next call. */
  write(s: Segment, at: number): { spilled: Spilled; bytes: Uint8Array } {
    this.#at = 0;
    this.#alike = false;
    const t = this.#numbers(s.t);
    const port = this.#numbers(s.port);
    this.#alike = port.kind === 'same';
    const key = this.#numbers(s.key);
    const line = this.#numbers(s.line);
    const flags = this.#numbers(s.flags);
    const ports = s.ports.map((p) => (p === null ? null : { n: p.n, columns: p.columns.map((c) => this.#column(c)) }));
    const bytes = this.#bytes.subarray(0, this.#at);
    return { spilled: { at, bytes: this.#at, n: s.n, t, port, key, line, flags, ports }, bytes };
  }

  #column(c: StoredColumn): ColumnShape {
    if (c instanceof Float64Array) return this.#numbers(c);
    if (isList(c)) {
      this.#put(c.offsets);
      this.#put(c.values);
      return { kind: 'list', n: c.offsets.length, values: c.values.length };
    }
    const text = Buffer.from(JSON.stringify(c));
    this.#put(text);
    return { kind: 'texts', bytes: text.length };
  }
  #numbers(c: Numbers): ColumnShape {
    const n = c.length;
    const first = c[0]!;
    if (isSame(c)) return { kind: 'same', n, value: first };
    if (c instanceof Float64Array) {
      if (isStepped(c)) return { kind: 'stepped', n, first, step: c[1]! - first };
      const digits = this.#alike && n >= FEW ? this.#scale(c) : -1;
      if (digits >= 0) {
        this.#put(this.#scaled.subarray(0, n));
        return { kind: 'scaled', n, digits };
      }
    }
    this.#put(c);
    return { kind: 'raw', n };
  }
  /** Fills `#scaled` with the integers of which the values are the quotients by a power of ten. @returns its exponent, −1 = there is none */
  #scale(c: Float64Array): number {
    const n = c.length;
    if (n > this.#scaled.length) this.#scaled = new Int32Array(n);
    const out = this.#scaled;
    let digits = 0;
    for (let i = 0; i < n; ) {
      const v = c[i]!;
      const scale = POW10[digits]!;
      const whole = Math.round(v * scale);
      if (whole > 0x7fffffff || whole < -0x80000000 || (v === 0 && 1 / v < 0)) return -1;
      if (whole / scale === v) out[i++] = whole;
      else {
        if (++digits > MOST_DIGITS) return -1;
        i = 0;
      }
    }
    return digits;
  }
  #put(a: Numbers): void {
    const end = this.#at + pad8(a.byteLength);
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, this.#at));
      this.#bytes = grown;
    }
    this.#bytes.set(new Uint8Array(a.buffer, a.byteOffset, a.byteLength), this.#at);
    this.#bytes.fill(0, this.#at + a.byteLength, end);
    this.#at = end;
  }
}

/** −0 is not 0; every NaN is as good as another. */
function isSame(c: Numbers): boolean {
  const first = c[0]!;
  if (Number.isNaN(first)) {
    for (let i = 1; i < c.length; i++) if (!Number.isNaN(c[i])) return false;
    return true;
  }
  if (first === 0) {
    for (let i = 0; i < c.length; i++) if (!Object.is(c[i], first)) return false;
    return true;
  }
  for (let i = 1; i < c.length; i++) if (c[i] !== first) return false;
  return true;
}
/** Integers, each the same amount above or below the one before it. */
function isStepped(c: Float64Array): boolean {
  const first = c[0]!;
  const step = c[1]! - first;
  if (!(Number.isSafeInteger(first) && Number.isSafeInteger(step) && step !== 0)) return false;
  for (let i = 1; i < c.length; i++) if (c[i] !== c[i - 1]! + step) return false;
  if (!Number.isSafeInteger(c[c.length - 1])) return false;
  // No 0 among them may have been −0: sums of the two signs are 0. A loop: `some` would box each value.
  for (let i = 0; i < c.length; i++) if (c[i] === 0 && 1 / c[i]! < 0) return false;
  return true;
}

/** Memory that one segment at a time is read into: the next one overwrites it. */
export class Arena {
  #buffer = new ArrayBuffer(0);
  /** A buffer of at least this size. */
  take(bytes: number): ArrayBuffer {
    if (bytes > this.#buffer.byteLength) this.#buffer = new ArrayBuffer(Math.ceil(bytes * 1.25));
    return this.#buffer;
  }
}

/** The size of the buffer that `lay` needs: what is in the file, and room for the columns that are made again. */
export function sizeOf(s: Spilled): number {
  const made = (shape: ColumnShape, width: number) =>
    shape.kind === 'same' || shape.kind === 'stepped' || shape.kind === 'scaled' ? pad8(shape.n * width) : 0;
  let bytes = s.bytes + made(s.t, 8) + made(s.port, 1) + made(s.key, 4) + made(s.line, 8) + made(s.flags, 1);
  for (const p of s.ports) for (const c of p?.columns ?? []) bytes += made(c, 8);
  return bytes;
}

function unscale(from: Int32Array, scale: number, to: Numbers): void {
  for (let i = 0; i < from.length; i++) to[i] = from[i]! / scale;
}
function step(first: number, by: number, to: Numbers): void {
  for (let i = 0; i < to.length; i++) to[i] = first + i * by;
}

/** Lays a segment over a buffer that begins with its bytes. */
export function lay(s: Spilled, buffer: ArrayBuffer): Segment {
  let at = 0;
  let free = s.bytes;
  const skip = (bytes: number): number => {
    const start = at;
    at = pad8(at + bytes);
    return start;
  };
  const room = (bytes: number): number => {
    const start = free;
    free += pad8(bytes);
    return start;
  };
  const numbers = <T extends Numbers>(
    shape: ColumnShape,
    Type: new (buffer: ArrayBuffer, at: number, n: number) => T,
    width: number,
  ): T => {
    const { n } = shape as { n: number };
    if (shape.kind === 'same') return new Type(buffer, room(n * width), n).fill(shape.value) as T;
    if (shape.kind === 'raw') return new Type(buffer, skip(n * width), n);
    const made = new Type(buffer, room(n * width), n);
    if (shape.kind === 'scaled') unscale(new Int32Array(buffer, skip(n * 4), n), POW10[shape.digits]!, made);
    else if (shape.kind === 'stepped') step(shape.first, shape.step, made);
    return made;
  };
  const column = (shape: ColumnShape): StoredColumn => {
    if (shape.kind === 'texts') {
      const start = skip(shape.bytes);
      return JSON.parse(Buffer.from(buffer, start, shape.bytes).toString()) as string[];
    }
    if (shape.kind !== 'list') return numbers(shape, Float64Array, 8);
    const offsets = new Int32Array(buffer, skip(shape.n * 4), shape.n);
    return { offsets, values: new Float64Array(buffer, skip(shape.values * 8), shape.values) };
  };
  const one = s.port.kind === 'same' && s.key.kind === 'same' ? { port: s.port.value, key: s.key.value } : null;
  return {
    n: s.n,
    one,
    t: numbers(s.t, Float64Array, 8),
    port: numbers(s.port, Uint8Array, 1),
    key: numbers(s.key, Int32Array, 4),
    line: numbers(s.line, Float64Array, 8),
    flags: numbers(s.flags, Uint8Array, 1),
    ports: s.ports.map((p) => (p === null ? null : { n: p.n, columns: p.columns.map(column) })),
  };
}

/** A copy on its own of a segment whose arrays will be used again. */
export const keep = (s: Segment): Segment => ({
  n: s.n,
  one: null,
  t: s.t.slice(),
  port: s.port.slice(),
  key: s.key.slice(),
  line: s.line.slice(),
  flags: s.flags.slice(),
  ports: s.ports.map((p) =>
    p === null
      ? null
      : {
          n: p.n,
          columns: p.columns.map((c) =>
            isList(c) ? { values: c.values.slice(), offsets: c.offsets.slice() } : Array.isArray(c) ? c : c.slice(),
          ),
        },
  ),
});
