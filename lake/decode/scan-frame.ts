import { Decimal, MAX_SAFE, scanDecimal } from './decimal.ts';
import {
  ASKS,
  BIDS,
  BOOL,
  DEC,
  INT,
  isNameSlot,
  LAST_UPDATE_ID,
  LEVELS,
  type Levels,
  NESTED,
  NULL,
  ODD,
  PU,
  type Slots,
  TEXT,
} from './slots.ts';

/**
 * Takes a frame apart as bytes, straight into slots. It knows the subset of JSON that the exchange really sends: any
 * order of fields, any whitespace, unknown scalar fields. Everything else (escapes, exponents, unknown nested values,
 * repeated fields, numbers beyond 2^53, broken JSON) is left to the reference, JSON.parse: then `scan` returns false.
 * Whatever it does accept, it accepts with exactly the reference's result; the tests hold it to that.
 */
export class FrameScanner {
  /** The combined stream's name (interned), 0 for a raw frame. */
  stream = 0;
  readonly #slots: Slots;
  readonly #decimal = new Decimal();
  #buf: Buffer = Buffer.alloc(0);
  #end = 0;

  constructor(slots: Slots) {
    this.#slots = slots;
  }

  scan(buf: Buffer, start: number, end: number): boolean {
    this.#buf = buf;
    this.#end = end;
    this.stream = 0;
    this.#slots.clear();
    let p = this.#skip(start);
    if (buf[p] !== 123) return false;
    const first = this.#skip(p + 1);
    // `{"stream":` or `{"data":` as the first field: a combined stream's frame.
    const wrapped =
      buf[first] === 34 &&
      ((buf[first + 1] === 115 && buf[first + 2] === 116 && buf[first + 7] === 34) ||
        (buf[first + 1] === 100 && buf[first + 2] === 97 && buf[first + 5] === 34));
    p = wrapped ? this.#wrapper(first) : this.#object(p, 0);
    if (p < 0) return false;
    while (p < end && isSpace(buf[p]!)) p++;
    return p === end;
  }

  #skip(p: number): number {
    const buf = this.#buf;
    while (p < this.#end && isSpace(buf[p]!)) p++;
    return p;
  }

  /** From the first field of `{"stream":…,"data":{…}}` to behind the closing brace; -1 = unusual. */
  #wrapper(at: number): number {
    const buf = this.#buf;
    let p = at;
    let data = false;
    for (;;) {
      if (matches(buf, p, STREAM)) {
        p = this.#skip(p + STREAM.length);
        if (buf[p] !== 58) return -1;
        p = this.#skip(p + 1);
        if (buf[p] !== 34 || this.stream !== 0) return -1;
        const from = p + 1;
        p = plainText(buf, from, this.#end);
        if (p < 0 || p === from || p - from > 64) return -1;
        this.stream = this.#slots.names.ofBytes(buf, from, p);
        p++;
      } else if (matches(buf, p, DATA)) {
        p = this.#skip(p + DATA.length);
        if (buf[p] !== 58 || data) return -1;
        p = this.#skip(p + 1);
        if (buf[p] !== 123) return -1;
        data = true;
        p = this.#object(p, 0);
        if (p < 0) return -1;
      } else return -1;
      p = this.#skip(p);
      if (buf[p] === 44) p = this.#skip(p + 1);
      else break;
    }
    return buf[p] === 125 && data && this.stream !== 0 && p < this.#end ? p + 1 : -1;
  }

  /** From `{` to behind its `}`; -1 = unusual. */
  #object(at: number, base: number): number {
    const buf = this.#buf;
    const end = this.#end;
    const slots = this.#slots;
    let p = at + 1;
    while (p < end && isSpace(buf[p]!)) p++;
    if (buf[p] === 125) return p < end ? p + 1 : -1;
    for (;;) {
      if (buf[p] !== 34) return -1;
      // Nearly all names have one letter.
      let code: number;
      if (buf[p + 2] === 34) {
        code = buf[p + 1]!;
        if (code < 65 || code > 122 || code === 92) {
          if (code < 32 || code === 34 || code === 92 || code > 126) return -1;
          code = 0;
        }
        p += 3;
      } else {
        const from = p + 1;
        p = plainText(buf, from, end);
        if (p < 0) return -1;
        code = longName(buf, from, p);
        p++;
      }
      while (p < end && isSpace(buf[p]!)) p++;
      if (buf[p] !== 58) return -1;
      p++;
      while (p < end && isSpace(buf[p]!)) p++;
      if (p >= end) return -1;
      const c = buf[p]!;
      const slot = base + code;
      if (c === 34) {
        p++;
        if (code === 0) {
          p = plainText(buf, p, end);
          if (p < 0) return -1;
          p++;
        } else {
          const c1 = buf[p]!;
          let after = -1;
          if (c1 === 45 || (c1 >= 48 && c1 <= 57)) {
            after = scanDecimal(buf, p, end, this.#decimal);
            if (after >= 0 && (after >= end || buf[after] !== 34)) after = -1;
          }
          if (after >= 0) {
            if (!slots.set(slot, DEC, this.#decimal.value, this.#decimal.digits, 0)) return -1;
            p = after + 1;
          } else {
            const close = asciiText(buf, p, end);
            // A text that starts like a number may be a decimal in another notation: the reference decides.
            if (close < 0 || (looksNumeric(buf, p, close) && c1 !== 34)) return -1;
            const name = isNameSlot(code) && close > p && close - p <= 64 ? slots.names.ofBytes(buf, p, close) : 0;
            if (!slots.set(slot, TEXT, close - p, 0, name)) return -1;
            p = close + 1;
          }
        }
      } else if (c === 45 || (c >= 48 && c <= 57)) {
        // A JSON integer: no leading zeros, no fraction, no exponent, within 2^53.
        let q = c === 45 ? p + 1 : p;
        const first = q;
        let v = 0;
        let d = q < end ? buf[q]! : 0;
        while (d >= 48 && d <= 57) {
          v = v * 10 + (d - 48);
          d = ++q < end ? buf[q]! : 0;
        }
        if (q === first || q - first > 16 || v > MAX_SAFE || (buf[first] === 48 && q - first > 1)) return -1;
        if (d === 46 || d === 101 || d === 69) return -1;
        if (code !== 0 && !slots.set(slot, INT, c === 45 ? -v : v, 0, 0)) return -1;
        p = q;
      } else if (c === 91) {
        if (base !== 0) return -1;
        if (code !== 98 && code !== 97 && code !== BIDS && code !== ASKS) return -1;
        p = this.#levels(p, slots.levelsOf(code));
        if (p < 0 || !slots.set(slot, LEVELS, 0, 0, 0)) return -1;
      } else if (c === 123) {
        if (base !== 0 || (code !== 107 && code !== 111)) return -1;
        if (!slots.set(slot, ODD, 0, 0, 0)) return -1;
        p = this.#object(p, NESTED);
        if (p < 0) return -1;
      } else {
        const known = matches(buf, p, TRUE)
          ? TRUE
          : matches(buf, p, FALSE)
            ? FALSE
            : matches(buf, p, NOTHING)
              ? NOTHING
              : null;
        if (known === null || p + known.length > end) return -1;
        p += known.length;
        if (code !== 0 && !slots.set(slot, known === NOTHING ? NULL : BOOL, known === TRUE ? 1 : 0, 0, 0)) return -1;
      }
      while (p < end && isSpace(buf[p]!)) p++;
      if (p >= end) return -1;
      const d = buf[p]!;
      p++;
      if (d === 125) return p;
      if (d !== 44) return -1;
      while (p < end && isSpace(buf[p]!)) p++;
    }
  }

  /** `[["price","quantity"],…]`, from the first bracket to behind the last; -1 = unusual. */
  #levels(at: number, into: Levels): number {
    const buf = this.#buf;
    const end = this.#end;
    const decimal = this.#decimal;
    into.reset();
    let p = this.#skip(at + 1);
    if (buf[p] === 93) return p < end ? p + 1 : -1;
    let px = 0;
    let pxDigits = 0;
    for (;;) {
      // The exchange's own layout, `["1.5","2"]` without any blank, first.
      if (buf[p] !== 91) return -1;
      p++;
      if (buf[p] !== 34) {
        p = this.#skip(p);
        if (buf[p] !== 34) return -1;
      }
      p = scanDecimal(buf, p + 1, end, decimal);
      if (p < 0 || buf[p] !== 34) return -1;
      px = decimal.value;
      pxDigits = decimal.digits;
      p++;
      if (buf[p] !== 44) {
        p = this.#skip(p);
        if (buf[p] !== 44) return -1;
      }
      p++;
      if (buf[p] !== 34) {
        p = this.#skip(p);
        if (buf[p] !== 34) return -1;
      }
      p = scanDecimal(buf, p + 1, end, decimal);
      if (p < 0 || buf[p] !== 34) return -1;
      p++;
      if (buf[p] !== 93) {
        p = this.#skip(p);
        if (buf[p] !== 93) return -1;
      }
      into.push(px, pxDigits, decimal.value, decimal.digits);
      p++;
      if (p < end && isSpace(buf[p]!)) p = this.#skip(p);
      if (p >= end) return -1;
      const c = buf[p]!;
      p++;
      if (c === 93) return p;
      if (c !== 44) return -1;
      if (p < end && isSpace(buf[p]!)) p = this.#skip(p);
    }
  }
}

const isSpace = (c: number): boolean => c === 32 || c === 10 || c === 13 || c === 9;

const STREAM = Buffer.from('"stream"');
const DATA = Buffer.from('"data"');
const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');
const NOTHING = Buffer.from('null');
const LONG: readonly (readonly [Buffer, number])[] = [
  [Buffer.from('lastUpdateId'), LAST_UPDATE_ID],
  [Buffer.from('bids'), BIDS],
  [Buffer.from('asks'), ASKS],
];

function matches(buf: Buffer, at: number, text: Buffer): boolean {
  for (let i = 0; i < text.length; i++) if (buf[at + i] !== text[i]) return false;
  return true;
}
function longName(buf: Buffer, from: number, to: number): number {
  const n = to - from;
  if (n === 2)
    return buf[from] === 112 && buf[from + 1] === 117 ? PU : buf[from] === 97 && buf[from + 1] === 112 ? 5 : 0;
  for (const [name, slot] of LONG) if (name.length === n && matches(buf, from, name)) return slot;
  return 0;
}
/** The closing quote of a text without escapes and control characters, or -1. */
function plainText(buf: Buffer, from: number, end: number): number {
  for (let p = from; p < end; p++) {
    const c = buf[p]!;
    if (c === 34) return p;
    if (c === 92 || c < 32) return -1;
  }
  return -1;
}
/** The same, ASCII only. */
function asciiText(buf: Buffer, from: number, end: number): number {
  for (let p = from; p < end; p++) {
    const c = buf[p]!;
    if (c === 34) return p;
    if (c === 92 || c < 32 || c > 126) return -1;
  }
  return -1;
}
/** Could the reference read this text as a decimal although the fast path did not? */
function looksNumeric(buf: Buffer, from: number, to: number): boolean {
  for (let p = from; p < to; p++) {
    const c = buf[p]!;
    if (!((c >= 48 && c <= 57) || c === 46 || c === 45 || c === 43 || c === 101 || c === 69)) return false;
  }
  return to > from;
}
