import { digitsOf, MAX_SAFE, POW10 } from './decimal.ts';
import { MS_MAX, MS_MIN } from './frame.ts';
import type { Values } from './row-store.ts';

/**
 * Checks over whole columns of a file, by which rows need not be looked at one by one when none of them is to be refused. Each is a
 * loop on its own, without calls: V8 then compiles little, and early.
 */

/** source[from .. from + n) behind the first `at` of `to`. */
export function copyRows(source: Values, from: number, to: Float64Array, at: number, n: number): void {
  for (let i = 0; i < n; i++) to[at + i] = source[from + i]!;
}

/** Whether all times (µs) are possible and none lies before the one before it. */
export function isOrdered(t: Values, n: number, after: number): boolean {
  let last = Math.max(after, MS_MIN * 1000);
  for (let i = 0; i < n; i++) {
    const us = t[i]!;
    if (!(us >= last && Math.floor(us) === us)) return false;
    last = us;
  }
  return last < MS_MAX * 1000;
}

/** The rows with `flags` = 1, or the others. */
export interface Rows {
  readonly flags: Values;
  readonly flagged: boolean;
  readonly n: number;
}

/** The decimals that a column's values need, at least `digits`; −1 when some value is none or below `least`. */
export function digitsOver(values: Values, rows: Rows, least: number, digits: number): number {
  const { flags, flagged, n } = rows;
  let d = digits;
  for (let i = 0; i < n && d >= 0; i++) {
    if ((flags[i] === 1) !== flagged) continue;
    const v = values[i]!;
    if (!(v >= least)) return -1;
    // The common case of `digitsOf`, in place.
    const scale = POW10[d]!;
    const scaled = v * scale;
    if (!(scaled <= MAX_SAFE && Math.abs(Math.round(scaled) / scale - v) <= v * 8.9e-16)) d = digitsOf(v, d);
  }
  return d;
}

export function maxOver(values: Values, { flags, flagged, n }: Rows): number {
  let max = 0;
  for (let i = 0; i < n; i++) if ((flags[i] === 1) === flagged && values[i]! > max) max = values[i]!;
  return max;
}

/**
 * Open times of candles (ms, or µs where they are that large) as ms, and their ends as µs. @returns whether all are whole
 */
export function arrivals(t: Values, n: number, interval: number, ms: Float64Array, us: Float64Array): boolean {
  for (let i = 0; i < n; i++) {
    const v = t[i]!;
    const open = v >= 1e14 ? Math.floor(v / 1000) : v;
    if (Math.floor(open) !== open) return false;
    ms[i] = open;
    us[i] = (open + interval) * 1000;
  }
  return true;
}

/**
 * Whether no candle (open time, open, high, low, close, volume) is to be refused for its amounts: prices above zero, high and
 * low around open and close, no volume below zero, all of them with decimals that can be held.
 * @returns the decimals of prices and volumes, at least those given; undefined = some candle is unsound
 */
export function soundCandles(
  [, open, high, low, close, volume]: readonly Values[],
  n: number,
  pxDigits: number,
  qtyDigits: number,
): [number, number] | undefined {
  if (!encloses(open!, high!, low!, close!, n)) return undefined;
  let px = pxDigits;
  for (const column of [open!, high!, low!, close!]) {
    px = digitsOfAll(column, n, Number.MIN_VALUE, px);
    if (px < 0) return undefined;
  }
  const qty = digitsOfAll(volume!, n, 0, qtyDigits);
  return qty < 0 ? undefined : [px, qty];
}

/** Whether all prices are above zero, and high and low enclose open and close. */
function encloses(open: Values, high: Values, low: Values, close: Values, n: number): boolean {
  for (let i = 0; i < n; i++) {
    const h = high[i]!;
    const l = low[i]!;
    const o = open[i]!;
    const c = close[i]!;
    // Written so that what is no number fails.
    if (!(l > 0 && h >= o && h >= c && l <= o && l <= c)) return false;
  }
  return true;
}

/** `digitsOver` of all rows. */
function digitsOfAll(values: Values, n: number, least: number, digits: number): number {
  let d = digits;
  let scale = POW10[d]!;
  for (let i = 0; i < n && d >= 0; i++) {
    const v = values[i]!;
    if (!(v >= least)) return -1;
    const scaled = v * scale;
    if (scaled <= MAX_SAFE && Math.abs(Math.round(scaled) / scale - v) <= v * 8.9e-16) continue;
    d = digitsOf(v, d);
    scale = POW10[d]!;
  }
  return d;
}

export function maxOf(values: Values, n: number): number {
  let max = 0;
  for (let i = 0; i < n; i++) if (values[i]! > max) max = values[i]!;
  return max;
}
