import { ApiError } from '../contract.ts';
import { mandatory, type Params } from '../params.ts';

/** An exact integer of 10^-digits as plain text with all its decimals: (6500050, 2) → `65000.50`. */
export function decimal(value: number, digits: number): string {
  const sign = value < 0 ? '-' : '';
  const s = String(Math.abs(value)).padStart(digits + 1, '0');
  const cut = s.length - digits;
  return digits === 0 ? sign + s : `${sign}${s.slice(0, cut)}.${s.slice(cut)}`;
}
/** As `decimal`, without trailing zeros: `65000.5`, `0`. */
export function short(value: number, digits: number): string {
  const s = decimal(value, digits);
  return digits === 0 ? s : s.replace(/\.?0+$/, '') || '0';
}
/** USDT × 10^8 with eight decimals. */
export const money = (value: number): string => decimal(value, 8);
/** As `money`; zero is `0`, as user events have it. */
export const moneyOr0 = (value: number): string => (value === 0 ? '0' : decimal(value, 8));

const NUMBER = /^-?\d{1,20}(\.\d{0,20})?$/;

/**
 * A decimal text as an integer of 10^-digits. Zeros beyond the digits do not count.
 * @throws −1102 (not a number), −1111 (more decimals than the instrument has, or too large to be held exactly)
 */
export function parse(name: string, text: string, digits: number): number {
  if (!NUMBER.test(text)) throw mandatory(name);
  const dot = text.indexOf('.');
  const whole = dot < 0 ? text : text.slice(0, dot);
  const fraction = dot < 0 ? '' : text.slice(dot + 1).replace(/0+$/, '');
  if (fraction.length > digits) throw precision();
  const value = Number(whole + fraction.padEnd(digits, '0'));
  if (!Number.isSafeInteger(value)) throw precision();
  return value + 0;
}
const precision = (): ApiError => new ApiError(-1111, 'Precision is over the maximum defined for this asset.');

/** An optional decimal parameter; NaN when absent or empty. */
export function optional(p: Params, name: string, digits: number): number {
  const v = p.get(name);
  return v === undefined || v === '' ? Number.NaN : parse(name, v, digits);
}
