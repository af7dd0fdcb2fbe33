/**
 * A growing UTF-8 text, written number by number without intermediate strings: what makes taps cheap. Numbers that are
 * integers or exact decimals are written digit by digit; doubles go through the language's own shortest form.
 */
const encoder = new TextEncoder();
const E8 = 1e8;
const TENS = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));
const ZERO = 48;

export class TextBuffer {
  #bytes: Uint8Array;
  #at = 0;
  constructor(size = 1 << 16) {
    this.#bytes = new Uint8Array(size);
  }
  get length(): number {
    return this.#at;
  }
  /** What was written since the last `clear`; valid until the next write. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }
  clear(): void {
    this.#at = 0;
  }

  byte(b: number): void {
    this.#room(1);
    this.#bytes[this.#at++] = b;
  }
  raw(bytes: Uint8Array): void {
    const n = bytes.length;
    this.#room(n);
    for (let i = 0; i < n; i++) this.#bytes[this.#at + i] = bytes[i]!;
    this.#at += n;
  }
  text(s: string): void {
    const n = s.length;
    this.#room(3 * n);
    const start = this.#at;
    for (let i = 0; i < n; i++) {
      const c = s.charCodeAt(i);
      if (c > 127) {
        this.#at = start + encoder.encodeInto(s, this.#bytes.subarray(start)).written;
        return;
      }
      this.#bytes[start + i] = c;
    }
    this.#at = start + n;
  }
  /** A safe integer. */
  int(v: number): void {
    this.#room(20);
    if (v < 0) this.#bytes[this.#at++] = 45;
    this.#uint(v < 0 ? -v : v);
  }
  /** v × 10^-digits in plain notation without trailing zeros. `v` is a safe integer, digits 0..22. */
  decimal(v: number, digits: number): void {
    this.#room(48);
    if (v < 0) this.#bytes[this.#at++] = 45;
    const n = v < 0 ? -v : v;
    const scale = TENS[digits]!;
    let whole = Math.floor(n / scale);
    let rest = n - whole * scale;
    // The quotient of doubles may have been rounded up to the next integer.
    if (rest < 0) {
      whole--;
      rest += scale;
    }
    this.#uint(whole);
    if (rest === 0) return;
    const b = this.#bytes;
    b[this.#at++] = 46;
    let at = this.#at + digits;
    let left = digits;
    for (; left > 8; left -= 8, at -= 8) {
      const high = Math.floor(rest / E8);
      this.#padded(rest - high * E8, at, 8);
      rest = high;
    }
    this.#padded(rest, at, left);
    at = this.#at + digits;
    while (b[at - 1] === ZERO) at--;
    this.#at = at;
  }
  /** The shortest text that reads back as the same double, −0 included. */
  double(v: number): void {
    if (v === 0 && 1 / v < 0) this.text('-0');
    else if (v < 1e8 && v > -1e8 && (v | 0) === v) this.int(v);
    else this.text(`${v}`);
  }

  #uint(v: number): void {
    if (v < E8) {
      const n = width(v);
      this.#padded(v, this.#at + n, n);
      this.#at += n;
      return;
    }
    const high = Math.floor(v / E8);
    const low = v - high * E8;
    this.#uint(high);
    this.#padded(low, this.#at + 8, 8);
    this.#at += 8;
  }
  /** The last n digits of v < 10^8, ending before `end`. */
  #padded(v: number, end: number, n: number): void {
    const b = this.#bytes;
    let x = v | 0;
    for (let i = end - 1; i >= end - n; i--) {
      const q = (x / 10) | 0;
      b[i] = ZERO + x - q * 10;
      x = q;
    }
  }
  #room(n: number): void {
    if (this.#at + n <= this.#bytes.length) return;
    const wider = new Uint8Array(Math.max(2 * this.#bytes.length, this.#at + n));
    wider.set(this.bytes);
    this.#bytes = wider;
  }
}

const width = (v: number): number =>
  v < 1e4 ? (v < 100 ? (v < 10 ? 1 : 2) : v < 1000 ? 3 : 4) : v < 1e6 ? (v < 1e5 ? 5 : 6) : v < 1e7 ? 7 : 8;
