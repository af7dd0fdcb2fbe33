/**
 * Powers with the same bits on every runtime: `Math.pow` and `**` with a fraction differ between versions of V8.
 */

/** x to the integer power n by repeated squaring; n < 0 gives 1 / x^-n. NaN unless n is an integer. */
export function powi(x: number, n: number): number {
  if (!Number.isInteger(n)) return Number.NaN;
  let e = n < 0 ? -n : n;
  let base = x;
  let result = 1;
  while (e > 0) {
    if (e % 2 === 1) result *= base;
    e = Math.floor(e / 2);
    if (e > 0) base *= base;
  }
  return n < 0 ? 1 / result : result;
}

const FIRST = -323;
/** Decimal literals are correctly rounded by the language, whatever the runtime. */
const TENS = Float64Array.from({ length: 309 - FIRST }, (_, i) => Number(`1e${i + FIRST}`));

/** The double nearest to 10^n; exact for 0 ≤ n ≤ 22. NaN unless n is an integer. */
export function pow10(n: number): number {
  if (!Number.isInteger(n)) return Number.NaN;
  return n > 308 ? Infinity : n < FIRST ? 0 : TENS[n - FIRST]!;
}
