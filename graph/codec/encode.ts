import { ChimeraError } from '../schema/error.ts';
import { crc32c } from './crc32c.ts';
import {
  type CodecClass,
  type CodecOptions,
  FOOTER_BYTES,
  HEADER_BYTES,
  MAGIC,
  MAX_BYTES,
  MAX_DEPTH,
  PACKED_FROM,
  TAG,
  TYPED,
  type Typed,
  VERSION,
} from './format.ts';

/**
 * The bytes of a value: deterministic, checked by a CRC-32C, and read back by `decode` bit for bit.
 *
 * @throws CHM710 function, symbol, hole; CHM711 undeclared class; CHM712 cycle; CHM713 overlapping views; CHM714 too
 * deep or large. The message and `where.field` name the path of the value.
 */
export function encode(value: unknown, options?: CodecOptions): Uint8Array {
  // A declared class's `to` may itself encode: that call gets an encoder of its own.
  const encoder = spare ?? new Encoder();
  spare = undefined;
  try {
    return encoder.run(value, options?.classes ?? NONE);
  } finally {
    encoder.reset();
    spare = encoder;
  }
}

const NONE: readonly CodecClass[] = [];
/** Kept between calls below this size; a larger buffer is let go. */
const KEEP_BYTES = 1 << 22;
/** Up to so many containers are found by a linear search, which is cheaper than a Map. */
const LINEAR = 12;
const PROTOTYPES: readonly unknown[] = TYPED.map((t) => t.prototype);

class Encoder {
  #bytes = new Uint8Array(4096);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;
  #classes = NONE;
  #depth = 0;
  readonly #path: (string | number)[] = [];
  /** Containers by number, and whether each is still being written. */
  readonly #seen: object[] = [];
  readonly #open: boolean[] = [];
  readonly #index = new Map<object, number>();
  /** Byte ranges of the typed arrays of one buffer, to find overlaps. */
  readonly #ranges = new Map<ArrayBufferLike, [number, number][]>();

  run(value: unknown, classes: readonly CodecClass[]): Uint8Array {
    this.#classes = classes;
    this.#at = HEADER_BYTES;
    this.#value(value);
    this.#room(FOOTER_BYTES);
    this.#view.setUint32(0, MAGIC + VERSION * 0x1000000, true);
    this.#view.setUint32(4, this.#at - HEADER_BYTES, true);
    this.#view.setUint32(this.#at, crc32c(this.#bytes, 0, this.#at), true);
    return this.#bytes.slice(0, this.#at + FOOTER_BYTES);
  }
  reset(): void {
    this.#depth = 0;
    this.#classes = NONE;
    this.#path.length = 0;
    this.#seen.length = 0;
    this.#open.length = 0;
    if (this.#index.size > 0) this.#index.clear();
    if (this.#ranges.size > 0) this.#ranges.clear();
    if (this.#bytes.length > KEEP_BYTES) this.#buffer(4096);
  }

  #value(v: unknown): void {
    if (typeof v === 'number') this.#number(v);
    else if (typeof v === 'string') this.#string(v);
    else if (v === null) this.#byte(TAG.null);
    else if (typeof v === 'object') this.#object(v);
    else if (typeof v === 'boolean') this.#byte(v ? TAG.true : TAG.false);
    else if (v === undefined) this.#byte(TAG.undefined);
    else if (typeof v === 'bigint') this.#bigint(v);
    else this.#refuse('CHM710', `holds a ${typeof v}`, 'rebuild it from the configuration instead');
  }
  #number(v: number): void {
    this.#room(9);
    const b = this.#bytes;
    const int = v | 0;
    if (int === v && (v !== 0 || 1 / v > 0)) {
      if (int >= 0 && int < 64) b[this.#at++] = 0x40 + int;
      else if (int >= -128 && int < 128) {
        b[this.#at] = TAG.i8;
        b[this.#at + 1] = int;
        this.#at += 2;
      } else if (int >= -32768 && int < 32768) {
        b[this.#at] = TAG.i16;
        this.#view.setInt16(this.#at + 1, int, true);
        this.#at += 3;
      } else {
        b[this.#at] = TAG.i32;
        this.#view.setInt32(this.#at + 1, int, true);
        this.#at += 5;
      }
    } else if (Number.isNaN(v)) b[this.#at++] = TAG.nan;
    else {
      b[this.#at] = TAG.f64;
      this.#view.setFloat64(this.#at + 1, v, true);
      this.#at += 9;
    }
  }
  #string(s: string): void {
    const n = s.length;
    this.#room(6 + 2 * n);
    const b = this.#bytes;
    const start = this.#at;
    if (n < 128) b[this.#at++] = 0x80 + n;
    else {
      b[this.#at++] = TAG.latin1;
      this.#varint(n);
    }
    let at = this.#at;
    for (let i = 0; i < n; i++) {
      const c = s.charCodeAt(i);
      if (c > 255) {
        this.#at = start;
        this.#utf16(s);
        return;
      }
      b[at++] = c;
    }
    this.#at = at;
  }
  #utf16(s: string): void {
    this.#bytes[this.#at++] = TAG.utf16;
    this.#varint(s.length);
    for (let i = 0; i < s.length; i++, this.#at += 2) this.#view.setUint16(this.#at, s.charCodeAt(i), true);
  }
  #bigint(v: bigint): void {
    const negative = v < 0n;
    let hex = (negative ? -v : v).toString(16);
    if (hex.length % 2 === 1) hex = `0${hex}`;
    const n = hex.length / 2;
    this.#room(8 + n);
    this.#bytes[this.#at++] = TAG.bigint;
    this.#bytes[this.#at++] = negative ? 1 : 0;
    this.#varint(n);
    for (let i = 0; i < n; i++) this.#bytes[this.#at++] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  }

  #object(v: object): void {
    const known = this.#find(v);
    if (known >= 0) {
      if (this.#open[known]) this.#refuse('CHM712', 'contains itself', 'refer to the parent by an index or an id');
      this.#byte(TAG.ref);
      this.#varint(known);
      return;
    }
    const number = this.#remember(v);
    if (++this.#depth > MAX_DEPTH)
      this.#refuseSelf('CHM714', `nests deeper than ${MAX_DEPTH} levels`, 'hold linked elements in an array');
    const prototype: unknown = Object.getPrototypeOf(v);
    if (prototype === Object.prototype) this.#properties(v as Record<string, unknown>, TAG.object);
    else if (prototype === Array.prototype) this.#array(v as unknown[]);
    else if (prototype === Map.prototype) this.#map(v as Map<unknown, unknown>);
    else if (prototype === Set.prototype) this.#set(v as Set<unknown>);
    else if (prototype === null) this.#properties(v as Record<string, unknown>, TAG.bareObject);
    else {
      const typed = ArrayBuffer.isView(v) ? PROTOTYPES.indexOf(prototype) : -1;
      if (typed >= 0) this.#typed(v as Typed, typed);
      else this.#instance(v, prototype);
    }
    this.#depth--;
    this.#open[number] = false;
  }
  #properties(o: Record<string, unknown>, tag: number): void {
    const keys = Object.keys(o);
    if (Object.getOwnPropertySymbols(o).length > 0)
      this.#refuseSelf('CHM710', 'has a symbol as a key', 'use a string key');
    this.#byte(tag);
    this.#varint(keys.length);
    const depth = this.#depth;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!;
      this.#path[depth] = key;
      this.#string(key);
      this.#value(o[key]);
    }
  }
  #array(a: readonly unknown[]): void {
    const n = a.length;
    const tag = n < PACKED_FROM ? TAG.array : packing(a);
    this.#byte(tag);
    this.#varint(n);
    if (tag === TAG.array) {
      const depth = this.#depth;
      for (let i = 0; i < n; i++) {
        this.#path[depth] = i;
        const v = a[i];
        if (v === undefined && !(i in a)) this.#refuse('CHM710', 'is a hole in an array', 'fill the array');
        this.#value(v);
      }
      return;
    }
    const width = tag === TAG.arrayI32 ? 4 : 8;
    this.#room(width * n);
    const view = this.#view;
    let at = this.#at;
    if (tag === TAG.arrayI32) for (let i = 0; i < n; i++, at += 4) view.setInt32(at, a[i] as number, true);
    else
      for (let i = 0; i < n; i++, at += 8) {
        const v = a[i] as number;
        if (Number.isNaN(v)) {
          view.setUint32(at, 0, true);
          view.setUint32(at + 4, 0x7ff80000, true);
        } else view.setFloat64(at, v, true);
      }
    this.#at = at;
  }
  #map(m: ReadonlyMap<unknown, unknown>): void {
    this.#byte(TAG.map);
    this.#varint(m.size);
    const depth = this.#depth;
    for (const [key, v] of m) {
      this.#path[depth] = typeof key === 'string' || typeof key === 'number' ? key : '(key)';
      this.#value(key);
      this.#value(v);
    }
  }
  #set(s: ReadonlySet<unknown>): void {
    this.#byte(TAG.set);
    this.#varint(s.size);
    const depth = this.#depth;
    let i = 0;
    for (const v of s) {
      this.#path[depth] = i++;
      this.#value(v);
    }
  }
  #typed(v: Typed, index: number): void {
    this.#overlap(v.buffer, v.byteOffset, v.byteOffset + v.byteLength);
    this.#byte(TAG.typed + index);
    this.#varint(v.length);
    this.#room(v.byteLength);
    this.#bytes.set(new Uint8Array(v.buffer, v.byteOffset, v.byteLength), this.#at);
    this.#at += v.byteLength;
  }
  #instance(v: object, prototype: unknown): void {
    const known = this.#classes.find((c) => c.type.prototype === prototype);
    if (!known) {
      const name = (prototype as { constructor?: { name?: string } }).constructor?.name ?? 'a class';
      this.#refuseSelf('CHM711', `is an instance of ${name}`, 'hold plain data in the state, or declare the class');
    }
    this.#byte(TAG.instance);
    this.#string(known.name);
    this.#path[this.#depth] = `(${known.name})`;
    this.#value(known.to(v));
  }

  #overlap(buffer: ArrayBufferLike, start: number, end: number): void {
    if (start === end) return;
    const ranges = this.#ranges.get(buffer);
    if (!ranges) return void this.#ranges.set(buffer, [[start, end]]);
    for (const [from, to] of ranges)
      if (start < to && from < end)
        this.#refuseSelf('CHM713', 'shares its bytes with another typed array', 'keep one view and derive the other');
    ranges.push([start, end]);
  }
  #find(v: object): number {
    const n = this.#seen.length;
    if (n > LINEAR) return this.#index.get(v) ?? -1;
    for (let i = 0; i < n; i++) if (this.#seen[i] === v) return i;
    return -1;
  }
  #remember(v: object): number {
    const n = this.#seen.length;
    this.#seen.push(v);
    this.#open.push(true);
    if (n > LINEAR) this.#index.set(v, n);
    else if (n === LINEAR) for (let i = 0; i <= n; i++) this.#index.set(this.#seen[i]!, i);
    return n;
  }
  #byte(b: number): void {
    this.#room(1);
    this.#bytes[this.#at++] = b;
  }
  #varint(n: number): void {
    this.#room(5);
    let x = n;
    while (x > 127) {
      this.#bytes[this.#at++] = (x & 127) | 128;
      x >>>= 7;
    }
    this.#bytes[this.#at++] = x;
  }
  #room(n: number): void {
    const need = this.#at + n;
    if (need <= this.#bytes.length) return;
    if (need > MAX_BYTES) this.#refuse('CHM714', 'is larger than 2 GiB', 'split the state');
    const old = this.#bytes;
    this.#buffer(Math.min(MAX_BYTES, Math.max(2 * old.length, need + 64)));
    this.#bytes.set(old.subarray(0, this.#at));
  }
  #buffer(size: number): void {
    this.#bytes = new Uint8Array(size);
    this.#view = new DataView(this.#bytes.buffer);
  }
  /** Refuses the container that is being entered: the place in it is not set yet. */
  #refuseSelf(code: string, what: string, help: string): never {
    this.#depth--;
    return this.#refuse(code, what, help);
  }
  #refuse(code: string, what: string, help: string): never {
    let path = 'state';
    for (let i = 1; i <= this.#depth; i++) {
      const p = this.#path[i]!;
      path += typeof p === 'number' ? `[${p}]` : /^(\w+|\(\w+\))$/.test(p) ? `.${p}` : `[${JSON.stringify(p)}]`;
    }
    throw new ChimeraError(code, `${path} ${what}`, { field: path, help });
  }
}

/** How an array of numbers is written: a function of its values alone. */
function packing(a: readonly unknown[]): number {
  let tag: number = TAG.arrayI32;
  for (let i = 0; i < a.length; i++) {
    const v = a[i];
    if (typeof v !== 'number') return TAG.array;
    if ((v | 0) !== v || (v === 0 && 1 / v < 0)) tag = TAG.arrayF64;
  }
  return tag;
}

let spare: Encoder | undefined = new Encoder();
