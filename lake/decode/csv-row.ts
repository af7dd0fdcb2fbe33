import type { CsvLayout } from './csv-layout.ts';
import { Decimal, digitsOf, parseDecimal, scanDecimal } from './decimal.ts';
import { MS_MAX, MS_MIN } from './frame.ts';

/**
 * The row at hand, cut into fields. Readers take a role (its place in ROLES of the layout) and return its value, or NaN
 * with `bad` set and `code` and `message` saying what is wrong first.
 */
export class CsvRow {
  bad = false;
  code = '';
  message = '';
  /** Decimals of each role read as an amount; -1 = it is not exact. */
  readonly digits = new Int32Array(64);
  readonly #layout: CsvLayout;
  readonly #decimal = new Decimal();
  readonly #from = new Int32Array(64);
  readonly #to = new Int32Array(64);
  #buf: Buffer = Buffer.alloc(0);

  constructor(layout: CsvLayout) {
    this.#layout = layout;
  }

  /** Cuts the line; returns the number of its fields. */
  cut(buf: Buffer, start: number, stop: number): number {
    this.#buf = buf;
    this.bad = false;
    let n = 0;
    let p = start;
    for (let i = start; i <= stop && n < 64; i++)
      if (i === stop || buf[i] === 44) {
        this.#from[n] = p;
        this.#to[n] = i;
        n++;
        p = i + 1;
      }
    return n;
  }
  fail(code: string, message: string): number {
    if (!this.bad) {
      this.bad = true;
      this.code = code;
      this.message = message;
    }
    return Number.NaN;
  }
  text(role: number): string {
    const at = this.#layout.at[role]!;
    return at < 0 ? '' : this.#buf.toString('latin1', this.#from[at]!, this.#to[at]!).trim();
  }
  has(role: number): boolean {
    return this.#layout.at[role]! >= 0;
  }

  #name(role: number): string {
    return `column ${this.#layout.at[role]! + 1}`;
  }
  blank(role: number): boolean {
    const at = this.#layout.at[role]!;
    return this.#to[at]! === this.#from[at]!;
  }
  /** A decimal, its digits kept in #digits[role] (-1 = not exact); NaN when it is none. */
  value(role: number): number {
    const at = this.#layout.at[role]!;
    const from = this.#from[at]!;
    const to = this.#to[at]!;
    if (scanDecimal(this.#buf, from, to, this.#decimal) === to) {
      this.digits[role] = this.#decimal.digits;
      return this.#decimal.value;
    }
    const text = this.#buf
      .toString('latin1', from, to)
      .trim()
      .replace(/^"(.*)"$/, '$1');
    if (!parseDecimal(text, this.#decimal)) return Number.NaN;
    // Files written by other tools hold sums made in floating point.
    this.digits[role] = this.#decimal.digits >= 0 ? this.#decimal.digits : digitsOf(this.#decimal.value);
    return this.#decimal.value;
  }
  number(role: number): number {
    const v = this.value(role);
    return Number.isFinite(v) ? v : this.fail('CHM655', `${this.#name(role)} is no number`);
  }
  px(role: number): number {
    const v = this.value(role);
    if (!(v > 0)) return this.fail('CHM656', `the price in ${this.#name(role)} is not above zero`);
    return this.digits[role]! < 0 ? this.fail('CHM658', `the price in ${this.#name(role)} has too many digits`) : v;
  }
  qty(role: number): number {
    const v = this.value(role);
    if (!(v >= 0)) return this.fail('CHM657', `the quantity in ${this.#name(role)} is no number or below zero`);
    return this.digits[role]! < 0 ? this.fail('CHM658', `the quantity in ${this.#name(role)} has too many digits`) : v;
  }
  int(role: number): number {
    const v = this.value(role);
    return Number.isSafeInteger(v) && v >= 0 ? v : this.fail('CHM655', `${this.#name(role)} is no whole number`);
  }
  /** µs since the epoch from ms or, from 1e14 on, µs. */
  us(role: number): number {
    const v = this.value(role);
    if (!Number.isSafeInteger(v)) return this.fail('CHM652', `${this.#name(role)} is no time`);
    const us = v >= 1e14 ? v : v * 1000;
    return us >= MS_MIN * 1000 && us < MS_MAX * 1000
      ? us
      : this.fail('CHM652', `${this.#name(role)} is no possible time`);
  }
  textTime(role: number): number {
    const at = this.#layout.at[role]!;
    const text = this.#buf.toString('latin1', this.#from[at]!, this.#to[at]!);
    const ms = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(text) ? Date.parse(`${text.replace(' ', 'T')}Z`) : Number.NaN;
    return ms >= MS_MIN && ms < MS_MAX ? ms : this.fail('CHM652', `${this.#name(role)} is no possible time`);
  }
  bool(role: number): number {
    const at = this.#layout.at[role]!;
    const from = this.#from[at]!;
    const to = this.#to[at]!;
    if (this.#is(TRUE, from, to)) return 1;
    if (this.#is(FALSE, from, to)) return 0;
    return this.fail('CHM655', `${this.#name(role)} is neither true nor false`);
  }
  /** Case does not matter: Spot writes True, USD-M true. */
  #is(word: Buffer, from: number, to: number): boolean {
    if (to - from !== word.length) return false;
    for (let i = 0; i < word.length; i++) if ((this.#buf[from + i]! | 32) !== word[i]) return false;
    return true;
  }
}

const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');
