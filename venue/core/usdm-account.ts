import { settle } from './fill.ts';
import { ACCOUNT, balance, FIRST_ISOLATED, post } from './ledger.ts';
import { deleverage, liquidate } from './liquidate.ts';
import { available, marginBehind, positionValue, refreshMargin } from './margin.ts';
import { mulDiv } from './money.ts';
import { unrealised } from './position.ts';
import type { Reject } from './reject.ts';
import { tellAccount } from './report.ts';
import type { Exchange, Market } from './state.ts';
import { bankruptcyPrice, initialMargin, maintenance, notionalCap } from './tiers.ts';

/** What a user changes about a USD-M account beside orders. Each answers why not, or does it. Amounts USDT × 10^8. */

export function setLeverage(x: Exchange, m: Market, leverage: number): Reject | undefined {
  const i = m.instrument;
  if (!Number.isInteger(leverage) || leverage < 1 || leverage > i.tiers[0]!.maxLeverage) return 'badLeverage';
  const open = m.position.qty !== 0;
  if (open && !m.cross && leverage < i.leverage) return 'leverageCut';
  if (positionValue(m) > notionalCap(i.tiers, leverage)) return 'leverage';
  const before = i.leverage;
  i.leverage = leverage;
  refreshMargin(x, m);
  if (leverage < before && available(x) < 0) {
    i.leverage = before;
    refreshMargin(x, m);
    return 'leverageMargin';
  }
  return undefined;
}

export function setMarginType(m: Market, cross: boolean): Reject | undefined {
  if (m.cross === cross) return 'sameMarginType';
  if (m.buys.length > 0 || m.sells.length > 0 || m.stops.length > 0) return 'marginTypeOrders';
  if (m.position.qty !== 0) return 'marginTypePosition';
  m.cross = cross;
  return undefined;
}

/** The most that may be taken out of an isolated margin: what is above the initial margin, with losses but not with profits. */
export function removable(x: Exchange, m: Market): number {
  const i = m.instrument;
  const loss = Math.min(0, unrealised(i, m.position, m.mark));
  const need = Math.max(initialMargin(positionValue(m), i.leverage), maintenance(i.tiers, positionValue(m)));
  return Math.max(0, balance(x.ledger, FIRST_ISOLATED + m.slot) + loss - need);
}
/** Adds to (or with a negative amount takes from) the margin of an isolated position. */
export function changeMargin(x: Exchange, m: Market, amount: number, now: number): Reject | undefined {
  if (amount === 0) return 'amountPositive';
  if (m.cross) return 'isolatedOnly';
  if (m.position.qty === 0) return 'marginNoPosition';
  if (amount > 0 && amount > available(x)) return 'crossShort';
  if (amount < 0 && -amount > removable(x, m)) return 'isolatedShort';
  post(x.ledger, ACCOUNT.wallet, FIRST_ISOLATED + m.slot, amount);
  x.touched = true;
  tellAccount(x, m, 'margin', 0, 0, 0, now);
  settle(x, m);
  return undefined;
}

/** What may leave the wallet: what is free, without unrealised profits. */
export const withdrawable = (x: Exchange): number =>
  Math.max(0, Math.min(available(x), balance(x.ledger, ACCOUNT.wallet)));
/** Money comes in, or with a negative amount leaves. */
export function transfer(x: Exchange, amount: number): Reject | undefined {
  if (amount < 0 && -amount > withdrawable(x)) return 'crossShort';
  post(x.ledger, ACCOUNT.deposits, ACCOUNT.wallet, amount);
  return undefined;
}

/** Liquidates what is open, as if its mark price had been reached. */
export function forceLiquidation(x: Exchange, m: Market, now: number): void {
  if (m.position.qty === 0) return;
  liquidate(x, m, now, true);
  settle(x, m);
}
/** Deleverages what is open, at the bankruptcy price of a counterparty with the same entry and margin on the other side. */
export function forceAdl(x: Exchange, m: Market, now: number): void {
  const { qty, cost } = m.position;
  if (qty === 0) return;
  const i = m.instrument;
  const margin = m.cross ? initialMargin(positionValue(m), i.leverage) : Math.max(0, marginBehind(x, m, false));
  const other = bankruptcyPrice(-qty, i.qtyScale, -cost, margin);
  // Never at a loss that its own margin does not carry: between the entry and that price, but not beyond the mark.
  const price = m.mark === 0 ? other : qty > 0 ? Math.min(other, m.mark) : Math.max(other, m.mark);
  deleverage(x, m, Math.max(1, mulDiv(price, 1, i.pxMoney)), now);
  settle(x, m);
}
