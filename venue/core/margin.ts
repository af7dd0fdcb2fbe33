import { notionalOf, valueAt } from './instrument.ts';
import { ACCOUNT, balance, FIRST_ISOLATED } from './ledger.ts';
import { MONEY, mulDiv } from './money.ts';
import { unrealised } from './position.ts';
import type { Reject } from './reject.ts';
import { openNotional } from './resting.ts';
import { type Exchange, isDone, type Market, type Order } from './state.ts';
import { initialMargin, liquidationPrice, maintenance, notionalCap } from './tiers.ts';

/** Size that an order of this side may still close. */
export const closable = (m: Market, side: number): number => Math.max(0, -side * m.position.qty);

/** Notional of one side's resting orders beyond what would only close the position. What one more could close is in `spare`. */
function sideNotional(m: Market, side: number): number {
  let cover = closable(m, side);
  let notional = openNotional(m, side);
  // The best-priced close.
  if (cover > 0)
    for (const o of side > 0 ? m.buys : m.sells) {
      if (o.reduceOnly || isDone(o)) continue;
      const left = o.qty - o.cum;
      const closes = Math.min(left, cover);
      cover -= closes;
      notional -= notionalOf(m.instrument, o.reservePx, left);
      if (left > closes) notional += notionalOf(m.instrument, o.reservePx, left - closes);
      if (cover === 0) break;
    }
  spare = cover;
  return notional;
}
let spare = 0;
/**
 * Margin that an instrument's open orders need: that of the larger side (they cannot both add to one net position),
 * with the taker fee, so that no fill can overdraw the wallet.
 */
const marginOf = (x: Exchange, m: Market, notional: number): number =>
  initialMargin(notional, m.instrument.leverage) + mulDiv(notional, Math.max(0, x.rules.taker), MONEY);

/** Free balance less what open orders of all instruments reserve; cross positions add their profit and need their margin. */
export function available(x: Exchange): number {
  let free = balance(x.ledger, ACCOUNT.wallet);
  for (const k of x.live) {
    const m = x.markets[k]!;
    free -= m.reserved;
    if (m.cross && m.position.qty !== 0)
      free += unrealised(m.instrument, m.position, m.mark) - initialMargin(positionValue(m), m.instrument.leverage);
  }
  return free;
}

/** Notional of the position at the mark price (at its entry where there is none). */
export function positionValue(m: Market): number {
  const { qty, cost } = m.position;
  return m.mark > 0 ? Math.abs(valueAt(m.instrument, qty, m.mark)) : Math.abs(cost);
}
export const maintenanceOf = (m: Market): number =>
  m.position.qty === 0 ? 0 : maintenance(m.instrument.tiers, positionValue(m));

/**
 * The margin behind a position: its isolated wallet; of a cross position the free wallet and the other cross positions'
 * profit less (with `needs`) what they need themselves.
 */
export function marginBehind(x: Exchange, m: Market, needs: boolean): number {
  if (!m.cross) return balance(x.ledger, FIRST_ISOLATED + m.slot);
  let sum = balance(x.ledger, ACCOUNT.wallet);
  for (const k of x.live) {
    const other = x.markets[k]!;
    if (other === m || !other.cross || other.position.qty === 0) continue;
    sum += unrealised(other.instrument, other.position, other.mark);
    if (needs) sum -= maintenanceOf(other);
  }
  return sum;
}

/**
 * Whether the account can carry an order. Cost = initial margin + open loss (+ taker fee); a part that only closes the
 * position costs nothing. Assumed price: buy = the order's price, sell = max(last × 1.0015, mark, the order's price).
 */
export function marginCheck(x: Exchange, m: Market, o: Order): Reject | undefined {
  if (o.reduceOnly || o.closePosition || m.instrument.leverage === 0) return undefined;
  const i = m.instrument;
  const adds = Math.max(0, o.qty - closable(m, o.side));
  if (adds === 0) return undefined;
  const other = sideNotional(m, -o.side);
  const own = sideNotional(m, o.side);
  const more = o.qty > spare ? notionalOf(i, o.reservePx, o.qty - spare) : 0;
  const before = marginOf(x, m, Math.max(own, other));
  const after = marginOf(x, m, Math.max(own + more, other));
  const against = m.mark > 0 ? Math.max(0, o.side * (o.reservePx * i.pxMoney - m.mark)) : 0;
  const openLoss = o.side > 0 || o.type === 'limit' ? mulDiv(adds, against, i.qtyScale) : 0;
  if (after - before + openLoss > available(x)) return 'margin';
  const held = Math.max(0, o.side * m.position.qty);
  const size = notionalOf(i, o.reservePx, held + adds) + own;
  if (size > notionalCap(i.tiers, i.leverage)) return 'leverage';
  return undefined;
}

/** The price that an order's margin is reserved at; `px` is its limit, or the best opposite price of a market order. */
export function reservePrice(m: Market, side: number, px: number): number {
  if (side > 0) return px;
  const mark = Math.ceil(m.mark / m.instrument.pxMoney);
  return Math.max(px, mark, mulDiv(m.last, 10_015, 10_000));
}

/** Brings what depends on orders and position up to date: reserved margin, and the mark price from which liquidation is looked at. */
export function refreshMargin(x: Exchange, m: Market): void {
  if (m.instrument.leverage === 0) return;
  m.reserved = 0;
  if (m.buys.length > 0 || m.sells.length > 0)
    m.reserved = marginOf(x, m, Math.max(sideNotional(m, 1), sideNotional(m, -1)));
  const { qty, cost } = m.position;
  m.guardLow = 0;
  m.guardHigh = Number.POSITIVE_INFINITY;
  if (qty === 0) return;
  if (m.cross) {
    // It depends on the other positions as well: evaluated at every mark price.
    m.guardLow = Number.POSITIVE_INFINITY;
    return;
  }
  const iw = balance(x.ledger, FIRST_ISOLATED + m.slot);
  const lp = liquidationPrice(m.instrument.tiers, qty, m.instrument.qtyScale, cost, iw);
  if (qty > 0) m.guardLow = lp >= 0 ? lp * 1.002 : Number.POSITIVE_INFINITY;
  else m.guardHigh = lp >= 0 ? lp * 0.998 : 0;
}
