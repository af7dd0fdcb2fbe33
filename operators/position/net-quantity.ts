import { pow10 } from '../../graph/math/index.ts';
import type { KeyInfo } from '../../graph/schema/index.ts';
import type { Filter } from './filters.ts';

/**
 * Spot takes the commission of a purchase out of what was bought, with more decimals than the instrument trades in. What is
 * held is the sum of the trades less these commissions; what can be sold of it is whole steps. The part of a step that is
 * left over is kept in units of 10^-digits, digits = the instrument's plus four (at most eight), commissions rounded up:
 * never more is shown than there is.
 */

/**
 * Takes a commission off a position.
 * @param dust what commissions have taken beyond whole steps so far (≤ 0), in the finer units
 * @param fee the commission × 10^8; NaN = none was taken in the asset
 * @returns steps to take off the position, in the instrument's decimals, and the new `dust`
 */
export function takeCommission(
  dust: number,
  fee: number,
  filter: Filter,
  key: KeyInfo,
): { readonly less: number; readonly dust: number } {
  if (!(fee > 0)) return { less: 0, dust };
  const digits = Math.min(8, key.qtyDigits + 4);
  const taken = dust + Math.ceil(fee / pow10(8 - digits));
  const step = filter.step * pow10(digits - key.qtyDigits);
  // + 0: no negative zero in a state.
  const steps = Math.ceil(taken / step) + 0;
  return { less: steps * filter.step, dust: taken - steps * step };
}
