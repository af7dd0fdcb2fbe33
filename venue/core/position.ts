import type { Instrument } from './instrument.ts';
import { notionalOf, valueAt } from './instrument.ts';
import { ACCOUNT, balance, FIRST_ISOLATED, type Ledger, post } from './ledger.ts';
import { exact, MONEY, mulDiv } from './money.ts';
import { initialMargin } from './tiers.ts';

/** A net position: its entry price is cost / quantity, derived only for display and stop rules. */
export interface Position {
  /** Signed, in the instrument's quantity units. */
  qty: number;
  /** Signed sum of price × quantity of what is open, USDT × 10^8. */
  cost: number;
}

/**
 * Books one fill: cost and quantity of the position, margin to and from the isolated account, realised profit. Adding
 * moves notional / leverage into the isolated margin; reducing releases margin and cost in proportion and realises the
 * rest; what exceeds the position opens the other way. `leverage` 0 = nothing is set aside. Returns the realised
 * profit before fees (USDT × 10^8).
 */
export function applyFill(
  l: Ledger,
  i: Instrument,
  p: Position,
  slot: number,
  side: number,
  px: number,
  qty: number,
  leverage: number,
): number {
  let realised = 0;
  let open = qty;
  if (p.qty * side < 0) {
    const size = Math.abs(p.qty);
    const closed = Math.min(size, qty);
    const share = mulDiv(p.cost, closed, size);
    const proceeds = notionalOf(i, px, closed);
    realised = exact(-side * proceeds - share);
    const iso = FIRST_ISOLATED + slot;
    post(l, iso, ACCOUNT.wallet, mulDiv(balance(l, iso), closed, size));
    post(l, ACCOUNT.realised, ACCOUNT.wallet, realised);
    p.qty += side * closed;
    p.cost = exact(p.cost - share);
    open -= closed;
  }
  if (open > 0) {
    const notional = notionalOf(i, px, open);
    p.qty = exact(p.qty + side * open);
    p.cost = exact(p.cost + side * notional);
    if (leverage > 0) post(l, ACCOUNT.wallet, FIRST_ISOLATED + slot, initialMargin(notional, leverage));
  }
  return realised;
}

/** Commission of a fill, rounded once; negative = rebate. */
export function feeOf(i: Instrument, px: number, qty: number, rate: number): number {
  return mulDiv(notionalOf(i, px, qty), rate, MONEY);
}

/** s·q·(M − EP) at a mark price (× 10^8). */
export function unrealised(i: Instrument, p: Position, mark: number): number {
  return p.qty === 0 || mark === 0 ? 0 : valueAt(i, p.qty, mark) - p.cost;
}

/** The insurance fund pays what a loss or a fee took beyond the free balance. Returns what it paid. */
export function coverDeficit(l: Ledger): number {
  const free = balance(l, ACCOUNT.wallet);
  if (free >= 0) return 0;
  post(l, ACCOUNT.insurance, ACCOUNT.wallet, -free);
  return -free;
}
