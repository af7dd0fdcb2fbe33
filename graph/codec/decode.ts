import { ChimeraError } from '../schema/error.ts';
import { crc32c } from './crc32c.ts';
import {
  type CodecClass,
  type CodecOptions,
  FOOTER_BYTES,
  HEADER_BYTES,
  MAGIC,
  MAX_DEPTH,
  TAG,
  TYPED,
  VERSION,
} from './format.ts';

/**
 * The value that `encode` was given.
 *
 * @throws CHM715 no snapshot, CHM716 newer format, CHM717 wrong length, CHM718 checksum, CHM719 senseless content. A
 * single flipped bit anywhere is always one of these.
 */
export function decode(bytes: Uint8Array, options?: CodecOptions): unknown {
  check(bytes);
  const decoder = new Decoder(bytes, options?.classes ?? []);
  const value = decoder.value();
  decoder.end();
  return value;
}

/** Checks header, length and checksum without reading the content. */
export function check(bytes: Uint8Array): void {
  const n = bytes.length;
  if (n < HEADER_BYTES + FOOTER_BYTES)
    throw new ChimeraError('CHM717', `a snapshot of ${n} bytes is cut short`, { help: AGAIN });
  const magic = bytes[0]! | (bytes[1]! << 8) | (bytes[2]! << 16);
  if (magic !== MAGIC)
    throw new ChimeraError('CHM715', 'these bytes are no snapshot', { help: 'check which file was given' });
  const crc = u32(bytes, n - FOOTER_BYTES);
  const intact = crc32c(bytes, 0, n - FOOTER_BYTES) === crc;
  if (bytes[3] !== VERSION && intact)
    throw new ChimeraError('CHM716', `the snapshot has format ${bytes[3]}, this version reads ${VERSION}`, {
      help: 'use the version of Chimera that wrote it, or start without the snapshot',
    });
  const length = u32(bytes, 4);
  if (length !== n - HEADER_BYTES - FOOTER_BYTES)
    throw new ChimeraError('CHM717', `the snapshot says ${length} bytes but holds ${n - HEADER_BYTES - FOOTER_BYTES}`, {
      help: AGAIN,
    });
  if (!intact) throw new ChimeraError('CHM718', 'the checksum of the snapshot does not match', { help: AGAIN });
}

const AGAIN = 'use the checkpoint before it; the journal brings the run up to date';
const u32 = (b: Uint8Array, at: number): number =>
  (b[at]! | (b[at + 1]! << 8) | (b[at + 2]! << 16) | (b[at + 3]! << 24)) >>> 0;
const LATIN1_LOOP = 24;

class Decoder {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #end: number;
  readonly #classes: readonly CodecClass[];
  /** Containers by number. */
  readonly #seen: unknown[] = [];
  #at = HEADER_BYTES;
  #depth = 0;

  constructor(bytes: Uint8Array, classes: readonly CodecClass[]) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#end = bytes.length - FOOTER_BYTES;
    this.#classes = classes;
  }
  end(): void {
    if (this.#at !== this.#end) this.#fail(`${this.#end - this.#at} bytes are left over`);
  }

  value(): unknown {
    if (this.#at >= this.#end) this.#fail('the content ends early');
    const tag = this.#bytes[this.#at++]!;
    if (tag >= 0x80) return this.#latin1(tag - 0x80);
    if (tag >= 0x40) return tag - 0x40;
    switch (tag) {
      case TAG.undefined:
        return undefined;
      case TAG.null:
        return null;
      case TAG.false:
        return false;
      case TAG.true:
        return true;
      case TAG.nan:
        return Number.NaN;
      case TAG.f64:
        return this.#view.getFloat64(this.#skip(8), true);
      case TAG.i8:
        return this.#view.getInt8(this.#skip(1));
      case TAG.i16:
        return this.#view.getInt16(this.#skip(2), true);
      case TAG.i32:
        return this.#view.getInt32(this.#skip(4), true);
      case TAG.latin1:
        return this.#latin1(this.#varint());
      case TAG.utf16:
        return this.#utf16(this.#varint());
      case TAG.bigint:
        return this.#bigint();
      case TAG.ref:
        return this.#ref(this.#varint());
      default:
        return this.#container(tag);
    }
  }
  #container(tag: number): unknown {
    if (++this.#depth > MAX_DEPTH) this.#fail(`it nests deeper than ${MAX_DEPTH} levels`);
    const v = this.#open(tag);
    this.#depth--;
    return v;
  }
  #open(tag: number): unknown {
    switch (tag) {
      case TAG.object:
        return this.#properties({});
      case TAG.bareObject:
        return this.#properties(Object.create(null) as Record<string, unknown>);
      case TAG.array: {
        const n = this.#count(1);
        const a: unknown[] = [];
        this.#seen.push(a);
        for (let i = 0; i < n; i++) a.push(this.value());
        return a;
      }
      case TAG.arrayI32:
        return this.#numbers(4);
      case TAG.arrayF64:
        return this.#numbers(8);
      case TAG.map: {
        const n = this.#count(2);
        const m = new Map<unknown, unknown>();
        this.#seen.push(m);
        for (let i = 0; i < n; i++) m.set(this.value(), this.value());
        return m;
      }
      case TAG.set: {
        const n = this.#count(1);
        const s = new Set<unknown>();
        this.#seen.push(s);
        for (let i = 0; i < n; i++) s.add(this.value());
        return s;
      }
      case TAG.instance:
        return this.#instance();
      default:
        return this.#typed(tag - TAG.typed);
    }
  }
  #properties(o: Record<string, unknown>): Record<string, unknown> {
    const n = this.#count(2);
    this.#seen.push(o);
    for (let i = 0; i < n; i++) {
      const key = this.value();
      if (typeof key !== 'string') this.#fail('a key is not a string');
      // Plain assignment of this one key would set the prototype.
      if (key === '__proto__')
        Object.defineProperty(o, key, { value: this.value(), writable: true, enumerable: true, configurable: true });
      else o[key] = this.value();
    }
    return o;
  }
  #numbers(width: 4 | 8): number[] {
    const n = this.#count(width);
    const a = new Array<number>(n);
    this.#seen.push(a);
    let at = this.#skip(width * n);
    if (width === 4) for (let i = 0; i < n; i++, at += 4) a[i] = this.#view.getInt32(at, true);
    else for (let i = 0; i < n; i++, at += 8) a[i] = this.#view.getFloat64(at, true);
    return a;
  }
  #typed(index: number): unknown {
    const type = TYPED[index];
    if (!type) this.#fail(`unknown tag ${index + TAG.typed}`);
    const n = this.#count(type.BYTES_PER_ELEMENT);
    const v = new type(n);
    const at = this.#skip(v.byteLength);
    new Uint8Array(v.buffer).set(this.#bytes.subarray(at, at + v.byteLength));
    this.#seen.push(v);
    return v;
  }
  #instance(): unknown {
    const number = this.#seen.push(undefined) - 1;
    const name = this.value();
    const known = this.#classes.find((c) => c.name === name);
    if (!known) this.#fail(`class ${String(name)} is not declared`);
    const v = known.from(this.value());
    this.#seen[number] = v;
    return v;
  }
  #ref(number: number): unknown {
    if (number >= this.#seen.length) this.#fail(`reference to unknown container ${number}`);
    return this.#seen[number];
  }
  #latin1(n: number): string {
    const at = this.#skip(n);
    if (n > LATIN1_LOOP) return Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + at, n).toString('latin1');
    let s = '';
    for (let i = at; i < at + n; i++) s += String.fromCharCode(this.#bytes[i]!);
    return s;
  }
  #utf16(n: number): string {
    const at = this.#skip(2 * n);
    return Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + at, 2 * n).toString('utf16le');
  }
  #bigint(): bigint {
    const negative = this.#bytes[this.#skip(1)] === 1;
    const n = this.#varint();
    const at = this.#skip(n);
    let hex = '';
    for (let i = at; i < at + n; i++) hex += this.#bytes[i]!.toString(16).padStart(2, '0');
    const v = BigInt(`0x${hex || '0'}`);
    return negative ? -v : v;
  }
  /** A number of elements of at least `width` bytes each: never more than the bytes that are left. */
  #count(width: number): number {
    const n = this.#varint();
    if (n * width > this.#end - this.#at) this.#fail(`${n} elements do not fit`);
    return n;
  }
  #varint(): number {
    let n = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const b = this.#bytes[this.#skip(1)]!;
      n += (b & 127) * 2 ** shift;
      if (b < 128) return n;
    }
    return this.#fail('a length is too long');
  }
  #skip(n: number): number {
    const at = this.#at;
    if (at + n > this.#end) this.#fail('the content ends early');
    this.#at = at + n;
    return at;
  }
  #fail(what: string): never {
    throw new ChimeraError('CHM719', `the content of the snapshot cannot be read at byte ${this.#at}: ${what}`, {
      help: 'read it with the version and the declared classes that wrote it',
    });
  }
}
