/** Bytes on their way out: one buffer that grows and is used again. */
export class ByteWriter {
  bytes = new Uint8Array(4096);
  at = 0;

  /** Makes room for `n` more bytes. */
  reserve(n: number): void {
    if (this.at + n <= this.bytes.length) return;
    const wider = new Uint8Array(Math.max(this.bytes.length * 2, this.at + n));
    wider.set(this.bytes.subarray(0, this.at));
    this.bytes = wider;
  }
  byte(b: number): void {
    this.reserve(1);
    this.bytes[this.at++] = b;
  }
  /** An integer from 0 to 2^53: seven bits a byte, the lowest first. */
  count(n: number): void {
    this.reserve(8);
    this.at = putCount(this.bytes, this.at, n);
  }
  append(data: Uint8Array): void {
    this.reserve(data.length);
    this.bytes.set(data, this.at);
    this.at += data.length;
  }
  /** What was written, as a copy. */
  taken(): Uint8Array {
    return this.bytes.slice(0, this.at);
  }
}

/** Bytes on their way in. What lies behind the end reads as 0; whoever reads looks at `over` before believing anything. */
export class ByteReader {
  readonly bytes: Uint8Array;
  at: number;
  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes;
    this.at = at;
  }
  get over(): boolean {
    return this.at > this.bytes.length;
  }
  byte(): number {
    return this.bytes[this.at++] ?? 0;
  }
  count(): number {
    const { bytes } = this;
    let b = bytes[this.at++]!;
    let n = b & 127;
    for (let scale = 128; b > 127 && scale < 2 ** 53; scale *= 128) {
      b = bytes[this.at++]!;
      n += (b & 127) * scale;
    }
    return n;
  }
  /** A number of things of which each has at least `each` bytes. @throws RangeError when there are not so many */
  length(each = 1): number {
    const n = this.count();
    if (n * each > this.bytes.length - this.at) throw new RangeError(`a length of ${n} beyond the end`);
    return n;
  }
}

function putCount(bytes: Uint8Array, start: number, n: number): number {
  let at = start;
  let rest = n;
  while (rest > 0x7fffffff) {
    bytes[at++] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
  }
  let low = rest | 0;
  while (low > 127) {
    bytes[at++] = (low & 127) | 128;
    low >>>= 7;
  }
  bytes[at++] = low;
  return at;
}

/*
 * A number is told by what it adds to the one before: 0 and its eight bytes when that is not possible, 1 for "no value", else
 * 2 + the difference, zigzag, as a count. Amounts, times and ids lie close together: most take one or two bytes. The one before
 * is the last that `counts`.
 */
const SMALL = 2 ** 29;
const LARGE = 2 ** 52 - 2;
const MOST_BYTES = 9;
const counts = (v: number): boolean => v < LARGE && v > -LARGE && Math.floor(v) === v;

const scratch = new Float64Array(1);
const scratchWords = new Uint32Array(scratch.buffer);
const scratchBytes = new Uint8Array(scratch.buffer);

/** Writes data[start … end). @param before the number before them @returns the number before what follows */
export function putNumbers(to: ByteWriter, data: Float64Array, start: number, end: number, before: number): number {
  to.reserve((end - start) * MOST_BYTES);
  const { bytes } = to;
  let { at } = to;
  let last = before;
  for (let i = start; i < end; i++) {
    const v = data[i]!;
    const d = v - last;
    if (d < SMALL && d > -SMALL && d === (d | 0) && last + d === v && (v !== 0 || 1 / v > 0)) {
      const code = ((d << 1) ^ (d >> 31)) + 2;
      if (code < 128) bytes[at++] = code;
      else if (code < 16_384) {
        bytes[at] = (code & 127) | 128;
        bytes[at + 1] = code >>> 7;
        at += 2;
      } else at = putCount(bytes, at, code);
    } else at = putFar(bytes, at, v, last);
    if (counts(v)) last = v;
  }
  to.at = at;
  return last;
}
function putFar(bytes: Uint8Array, at: number, v: number, last: number): number {
  const d = v - last;
  // Only what the reader's addition gives back is sent as a difference. A −0 would come out as 0.
  if (d < LARGE && d > -LARGE && Math.floor(d) === d && last + d === v && (v !== 0 || 1 / v > 0))
    return putCount(bytes, at, (d < 0 ? -2 * d - 1 : 2 * d) + 2);
  scratch[0] = v;
  if (scratchWords[1] === 0x7ff80000 && scratchWords[0] === 0) {
    bytes[at] = 1;
    return at + 1;
  }
  bytes[at] = 0;
  bytes.set(scratchBytes, at + 1);
  return at + 9;
}

/** Reads `n` numbers into `out` from `start` on. @returns the number before what follows */
export function readNumbers(from: ByteReader, n: number, before: number, out: Float64Array, start: number): number {
  const { bytes } = from;
  let { at } = from;
  let last = before;
  for (let i = start; i < start + n; i++) {
    let code = bytes[at++]!;
    if (code > 127) {
      const second = bytes[at++]!;
      code = (code & 127) | ((second & 127) << 7);
      if (second > 127) {
        from.at = at;
        code += from.count() * 16_384;
        at = from.at;
      }
    }
    let v: number;
    if (code > 1) {
      const z = code - 2;
      v = last + (z < 2 ** 31 ? (z >>> 1) ^ -(z & 1) : z % 2 === 0 ? z / 2 : -(z + 1) / 2);
    } else if (code === 1) v = Number.NaN;
    else {
      for (let k = 0; k < 8; k++) scratchBytes[k] = bytes[at + k]!;
      v = scratch[0]!;
      at += 8;
    }
    out[i] = v;
    if (counts(v)) last = v;
  }
  from.at = at;
  return last;
}

const CODED = 0;
const SAME = 1;
const PLAIN = 2;
/** A column of numbers; `plain` when they are no integers anyway. */
export function putColumn(to: ByteWriter, data: Float64Array, n: number, plain: boolean): void {
  const words = new Int32Array(data.buffer, data.byteOffset, 2 * n);
  let i = 2;
  while (i < 2 * n && words[i] === words[0] && words[i + 1] === words[1]) i += 2;
  const same = i >= 2 * n;
  if (!same && !plain) {
    to.byte(CODED);
    putNumbers(to, data, 0, n, 0);
    return;
  }
  to.byte(same ? SAME : PLAIN);
  to.append(new Uint8Array(data.buffer, data.byteOffset, same ? Math.min(n, 1) * 8 : n * 8));
}
export function readColumn(from: ByteReader, n: number): Float64Array {
  const out = new Float64Array(n);
  const mode = from.byte();
  if (mode === CODED) readNumbers(from, n, 0, out, 0);
  else if (mode === SAME || mode === PLAIN) {
    const length = mode === SAME ? Math.min(n, 1) * 8 : n * 8;
    new Uint8Array(out.buffer).set(from.bytes.subarray(from.at, from.at + length));
    from.at += length;
    // Copied as words: a number that is taken out and put in again need not keep its bits.
    if (mode === SAME) new BigInt64Array(out.buffer).fill(new BigInt64Array(out.buffer, 0, Math.min(n, 1))[0] ?? 0n);
  } else throw new RangeError(`a column of kind ${mode}`);
  return out;
}
/** A column of bytes. */
export function putBytes(to: ByteWriter, data: Uint8Array, n: number): void {
  let i = 1;
  while (i < n && data[i] === data[0]) i++;
  to.byte(i >= n ? SAME : PLAIN);
  to.append(data.subarray(0, i >= n ? Math.min(n, 1) : n));
}
export function readBytes(from: ByteReader, n: number): Uint8Array {
  const mode = from.byte();
  if (mode === SAME) return new Uint8Array(n).fill(n > 0 ? from.byte() : 0);
  if (mode !== PLAIN) throw new RangeError(`a column of kind ${mode}`);
  const out = new Uint8Array(n);
  out.set(from.bytes.subarray(from.at, from.at + n));
  from.at += n;
  return out;
}
