import { ApiError } from '../contract.ts';
import type { Params } from '../params.ts';

const DECIMAL = /^([0-9]{1,20})(\.[0-9]{1,20})?$/;
const RANGE = '^([0-9]{1,20})(\\.[0-9]{1,20})?$';
/** Assets have eight decimals. */
const ASSET_DIGITS = 8;

/**
 * A decimal parameter as an integer of 10^-digits, NaN when absent. One that has more decimals than the instrument comes
 * out between two integers and fails the instrument's filters; so does one beyond 2^53 (Infinity).
 * @throws −1100 not a decimal, −1105 empty, −1111 more than eight decimals
 */
export function readDecimal(p: Params, name: string, digits: number): number {
  const text = p.get(name);
  if (text === undefined) return Number.NaN;
  if (text === '') throw new ApiError(-1105, `Parameter '${name}' was empty.`);
  const m = DECIMAL.exec(text);
  if (!m) throw new ApiError(-1100, `Illegal characters found in parameter '${name}'; legal range is '${RANGE}'.`);
  const fraction = (m[2] ?? '').slice(1).replace(/0+$/, '');
  if (fraction.length > ASSET_DIGITS) throw new ApiError(-1111, `Parameter '${name}' has too much precision.`);
  const off = fraction.length > digits;
  const n = Number(m[1]! + fraction.slice(0, digits).padEnd(digits, '0'));
  if (n > Number.MAX_SAFE_INTEGER / 2) return Number.POSITIVE_INFINITY;
  return off ? n + 0.5 : n;
}
/** As `readDecimal`, of a parameter that must be there. @throws −1102 */
export function needDecimal(p: Params, name: string, digits: number): number {
  p.text(name);
  return readDecimal(p, name, digits);
}
/** A decimal of the configuration (`10000.5`) in units of 10^-digits. */
export function scaledText(text: string, digits: number): number {
  const [whole, fraction = ''] = text.split('.');
  return Number(whole! + fraction.slice(0, digits).padEnd(digits, '0'));
}
