import { ChimeraError } from '../schema/error.ts';

/**
 * Arithmetic on exact amounts: safe integers held as doubles. Everything here is exact or throws; doubles while the
 * intermediate product is below 2^53 (a few ns), BigInt beyond.
 */
const LIMIT = 2 ** 53;

/**
 * a × b / c, rounded towards zero.
 * @throws CHM731 result beyond ±(2^53 − 1), CHM732 not an integer or c = 0
 */
export function mulDiv(a: number, b: number, c: number): number {
  const p = a * b;
  // A product that is below 2^53 after rounding was exact before it. NaN fails the comparison.
  if (p < LIMIT && p > -LIMIT && c !== 0 && isInt(a) && isInt(b) && isInt(c)) return divide(p, c, false);
  return wide(a, b, c, false);
}
/** a × b / c, rounded to the nearest integer, halves away from zero: how the venue rounds fees, PnL and funding. */
export function mulDivRound(a: number, b: number, c: number): number {
  const p = a * b;
  if (p < LIMIT && p > -LIMIT && c !== 0 && isInt(a) && isInt(b) && isInt(c)) return divide(p, c, true);
  return wide(a, b, c, true);
}
/** a × b. @throws CHM731, CHM732 */
export function mulExact(a: number, b: number): number {
  const p = a * b;
  if (!(p < LIMIT && p > -LIMIT)) return tooLarge('product', a, b);
  if (!isInt(a) || !isInt(b)) return notInteger(a, b, 1);
  return p + 0; // −0 is no amount
}
/** a + b. @throws CHM731, CHM732 */
export function addExact(a: number, b: number): number {
  const s = a + b;
  if (!(s < LIMIT && s > -LIMIT)) return tooLarge('sum', a, b);
  if (!isInt(a) || !isInt(b)) return notInteger(a, b, 1);
  return s;
}
/** a / c to the nearest integer, halves away from zero. @throws CHM732 */
export function divRound(a: number, c: number): number {
  return mulDivRound(a, 1, c);
}

const isInt = Number.isSafeInteger;

/** p / c for |p| < 2^53, by a division that may round up to the next integer and a remainder that then corrects it. */
function divide(p: number, c: number, nearest: boolean): number {
  const n = Math.abs(p);
  const d = Math.abs(c);
  let q = Math.floor(n / d);
  let r = n - q * d;
  if (r < 0) {
    q--;
    r += d;
  }
  if (nearest && 2 * r >= d) q++;
  // + 0 turns −0 into 0.
  return p < 0 === c < 0 ? q : -q + 0;
}
function wide(a: number, b: number, c: number, nearest: boolean): number {
  if (!Number.isSafeInteger(a) || !Number.isSafeInteger(b) || !Number.isSafeInteger(c) || c === 0)
    return notInteger(a, b, c);
  const p = BigInt(a) * BigInt(b);
  const n = p < 0n ? -p : p;
  const d = BigInt(c < 0 ? -c : c);
  let q = n / d;
  if (nearest && 2n * (n - q * d) >= d) q++;
  const result = Number(q);
  if (!(result < LIMIT)) return tooLarge(`product divided by ${c}`, a, b);
  return p < 0n === c < 0 ? result : -result + 0;
}
function tooLarge(what: string, a: number, b: number): never {
  if (!Number.isFinite(a) || !Number.isFinite(b)) return notInteger(a, b, 1);
  throw new ChimeraError('CHM731', `the ${what} of ${a} and ${b} is beyond 2^53`, {
    help: 'check price, quantity and the decimals of the instrument',
  });
}
function notInteger(a: number, b: number, c: number): never {
  throw new ChimeraError('CHM732', `exact arithmetic on ${a}, ${b}${c === 1 ? '' : ` and ${c}`}`, {
    help: 'exact amounts are integers below 2^53, divisors are not zero',
  });
}
