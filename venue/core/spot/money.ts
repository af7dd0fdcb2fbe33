import { floorDiv, times } from '../money.ts';
import type { SpotMarket } from './state.ts';

/**
 * Amounts of one instrument in units of 10^-8. A trade's quote amount is truncated where price and quantity have more than
 * eight decimals together, what an order locks is rounded up there: so no sequence of fills can overdraw the lock.
 */

export const baseOf = (m: SpotMarket, qty: number): number => times(qty, m.baseUnit);

/** price × quantity, truncated. @throws CHM801 */
export function quoteOf(m: SpotMarket, px: number, qty: number): number {
  const { up, down } = m.instrument;
  return down === 1 ? times(times(px, qty), up) : quotient(px, qty, down);
}
/** price × quantity, rounded up. @throws CHM801 */
export function quoteAbove(m: SpotMarket, px: number, qty: number): number {
  const { up, down } = m.instrument;
  return down === 1 ? times(times(px, qty), up) : -quotient(-px, qty, down) + 0;
}
/** The largest quantity whose quote amount at this price is at most `money`. */
export function affordable(m: SpotMarket, px: number, money: number): number {
  const { up, down } = m.instrument;
  return down === 1 ? floorDiv(money, times(px, up)) : quotient(money, down, px);
}

/** ⌊a × b / d⌋, d > 0. */
function quotient(a: number, b: number, d: number): number {
  const p = a * b;
  if (Math.abs(p) <= Number.MAX_SAFE_INTEGER) return floorDiv(p, d);
  const [n, q] = [BigInt(a) * BigInt(b), BigInt(d)];
  const floor = n / q - (n < 0n && n % q !== 0n ? 1n : 0n);
  return times(Number(floor), 1);
}
