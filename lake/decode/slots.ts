import { Decimal, parseDecimal } from './decimal.ts';

/** What a field of a frame holds. 0 = the field is absent. */
export const ABSENT = 0;
export const INT = 1; // a JSON number that is a safe integer
export const DEC = 2; // a decimal that is held exactly: text, or a JSON number with decimals
export const TEXT = 3; // any other text; `val` is its length
export const BOOL = 4;
export const NULL = 5;
export const LEVELS = 6; // [[price, quantity], …]
export const INEXACT = 7; // a decimal beyond 2^53 or MAX_DIGITS decimals; `val` is the nearest double
export const ODD = 8; // anything else

/**
 * Slots: a field of one letter is kept at its character code, the few longer names below. Fields of the nested object of
 * klines (`k`) and liquidations (`o`) follow at NESTED + code.
 */
export const PU = 1;
export const LAST_UPDATE_ID = 2;
export const BIDS = 3;
export const ASKS = 4;
export const AP = 5;
export const NESTED = 128;

const LONG_NAMES = new Map([
  ['pu', PU],
  ['lastUpdateId', LAST_UPDATE_ID],
  ['bids', BIDS],
  ['asks', ASKS],
  ['ap', AP],
]);
/** Fields whose texts are compared or interned: event type, symbol, execution type, interval, side. */
export const isNameSlot = (code: number): boolean =>
  code === 101 /* e */ || code === 115 /* s */ || code === 88 /* X */ || code === 105 /* i */ || code === 83; /* S */

export function slotOf(name: string): number {
  if (name.length !== 1) return LONG_NAMES.get(name) ?? 0;
  const code = name.charCodeAt(0);
  return code >= 65 && code <= 122 ? code : 0;
}

/** Price levels of one side, in the order of the frame. */
export class Levels {
  n = 0;
  px = new Float64Array(1024);
  qty = new Float64Array(1024);
  pxDigits = 0;
  qtyDigits = 0;
  maxPx = 0;
  maxQty = 0;
  /** Some price is not above zero; some quantity is below zero; some amount is inexact. */
  badPx = false;
  badQty = false;
  inexact = false;

  reset(): void {
    this.n = 0;
    this.pxDigits = 0;
    this.qtyDigits = 0;
    this.maxPx = 0;
    this.maxQty = 0;
    this.badPx = false;
    this.badQty = false;
    this.inexact = false;
  }
  push(px: number, pxDigits: number, qty: number, qtyDigits: number): void {
    const n = this.n;
    if (n === this.px.length) this.#grow();
    this.px[n] = px;
    this.qty[n] = qty;
    this.n = n + 1;
    if (pxDigits > this.pxDigits) this.pxDigits = pxDigits;
    if (qtyDigits > this.qtyDigits) this.qtyDigits = qtyDigits;
    if (px > this.maxPx) this.maxPx = px;
    if (qty > this.maxQty) this.maxQty = qty;
    if (!(px > 0)) this.badPx = true;
    if (!(qty >= 0)) this.badQty = true;
    if (pxDigits < 0 || qtyDigits < 0) this.inexact = true;
  }
  #grow(): void {
    const px = new Float64Array(this.px.length * 2);
    px.set(this.px);
    this.px = px;
    const qty = new Float64Array(this.qty.length * 2);
    qty.set(this.qty);
    this.qty = qty;
  }
}

/** Texts that repeat (symbols, event types, intervals, streams) as small integers. */
export class Names {
  readonly list: string[] = [''];
  readonly #byText = new Map<string, number>([['', 0]]);
  readonly #table = new Int32Array(8192).fill(-1);
  #bytes: Uint8Array[] = [new Uint8Array(0)];

  of(text: string): number {
    const known = this.#byText.get(text);
    if (known !== undefined) return known;
    const id = this.list.length;
    this.list.push(text);
    this.#bytes.push(Buffer.from(text));
    this.#byText.set(text, id);
    return id;
  }
  /** The same from ASCII bytes, without making a string for a name that is known. */
  ofBytes(buf: Buffer, start: number, end: number): number {
    let hash = end - start;
    for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + buf[i]!) | 0;
    const at = (hash ^ (hash >>> 13)) & 8191;
    const guess = this.#table[at]!;
    if (guess >= 0) {
      const bytes = this.#bytes[guess]!;
      if (bytes.length === end - start) {
        let i = 0;
        while (i < bytes.length && bytes[i] === buf[start + i]) i++;
        if (i === bytes.length) return guess;
      }
    }
    const id = this.of(buf.toString('latin1', start, end));
    this.#table[at] = id;
    return id;
  }
}

/** One frame, taken apart: filled by the byte scanner or, as the reference, from JSON.parse. */
export class Slots {
  readonly kind = new Uint8Array(256);
  readonly val = new Float64Array(256);
  readonly digits = new Uint8Array(256);
  readonly name = new Int32Array(256);
  readonly bids = new Levels();
  readonly asks = new Levels();
  readonly names: Names;
  #used = new Uint8Array(64);
  #usedCount = 0;

  constructor(names: Names) {
    this.names = names;
  }
  clear(): void {
    for (let i = 0; i < this.#usedCount; i++) this.kind[this.#used[i]!] = ABSENT;
    this.#usedCount = 0;
  }
  /** False when the slot is set already (a repeated field) or too many are. */
  set(slot: number, kind: number, val: number, digits: number, name: number): boolean {
    if (this.kind[slot] !== ABSENT || this.#usedCount === 64) return false;
    this.#used[this.#usedCount++] = slot;
    this.kind[slot] = kind;
    this.val[slot] = val;
    this.digits[slot] = digits;
    this.name[slot] = name;
    return true;
  }
  levelsOf(slot: number): Levels {
    return slot === BIDS || slot === 98 ? this.bids : this.asks;
  }

  /** The reference: fills the slots from what JSON.parse returned for the frame's data. */
  fromObject(data: Readonly<Record<string, unknown>>, base = 0): void {
    if (base === 0) this.clear();
    for (const [field, value] of Object.entries(data)) {
      const code = slotOf(field);
      if (code === 0) continue;
      const slot = base + code;
      if (typeof value === 'number') this.#number(slot, value);
      else if (typeof value === 'string') this.#text(slot, code, value);
      else if (typeof value === 'boolean') this.set(slot, BOOL, value ? 1 : 0, 0, 0);
      else if (value === null) this.set(slot, NULL, 0, 0, 0);
      else if (Array.isArray(value) && base === 0 && (code === 98 || code === 97 || code === BIDS || code === ASKS))
        this.set(slot, this.#levels(this.levelsOf(code), value) ? LEVELS : ODD, 0, 0, 0);
      else {
        this.set(slot, ODD, 0, 0, 0);
        if (base === 0 && (field === 'k' || field === 'o') && !Array.isArray(value))
          this.fromObject(value as Record<string, unknown>, NESTED);
      }
    }
  }
  #number(slot: number, value: number): void {
    if (Number.isSafeInteger(value)) this.set(slot, INT, value, 0, 0);
    else if (parseDecimal(String(value), scratch))
      this.set(slot, scratch.digits < 0 ? INEXACT : DEC, scratch.value, Math.max(0, scratch.digits), 0);
    else this.set(slot, ODD, value, 0, 0);
  }
  #text(slot: number, code: number, value: string): void {
    // `i` is the interval of a kline but the index price of a mark price: numbers are never interned.
    if (parseDecimal(value, scratch))
      this.set(slot, scratch.digits < 0 ? INEXACT : DEC, scratch.value, Math.max(0, scratch.digits), 0);
    else this.set(slot, TEXT, value.length, 0, isNameSlot(code) && value.length <= 64 ? this.names.of(value) : 0);
  }
  #levels(into: Levels, rows: readonly unknown[]): boolean {
    into.reset();
    for (const row of rows) {
      if (!Array.isArray(row) || row.length < 2) return false;
      if (!amount(row[0])) return false;
      const px = scratch.value;
      const pxDigits = scratch.digits;
      if (!amount(row[1])) return false;
      into.push(px, pxDigits, scratch.value, scratch.digits);
    }
    return true;
  }
}

const scratch = new Decimal();
function amount(value: unknown): boolean {
  if (typeof value !== 'string' && typeof value !== 'number') return false;
  return parseDecimal(String(value), scratch);
}
