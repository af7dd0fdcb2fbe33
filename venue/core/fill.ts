import { bestPx, levels, take, takeable } from './book.ts';
import { ACCOUNT, assertBalanced, post } from './ledger.ts';
import { closable, refreshMargin } from './margin.ts';
import { exact, MONEY, mulDiv, times } from './money.ts';
import { applyFill, coverDeficit, feeOf } from './position.ts';
import { tell, tellAccount, tellTrade } from './report.ts';
import { type Exchange, isDone, type Market, type Order } from './state.ts';

/** What is left of an order, for an order that may only close: at most the position. */
export function openQty(m: Market, o: Order): number {
  const left = o.qty - o.cum;
  return o.reduceOnly || o.closePosition ? Math.min(left, closable(m, o.side)) : left;
}

/** Books a trade of `qty` at `px`, at most what the order may still do, and says so. Returns the quantity traded. */
export function fill(x: Exchange, m: Market, o: Order, px: number, want: number, maker: boolean, now: number): number {
  const qty = Math.min(want, openQty(m, o));
  if (qty <= 0) return 0;
  const i = m.instrument;
  const before = m.position.qty;
  const fee = o.type === 'liquidation' ? 0 : feeOf(i, px, qty, maker ? x.rules.maker : x.rules.taker);
  const pnl = applyFill(x.ledger, i, m.position, m.slot, o.side, px, qty, i.leverage);
  post(x.ledger, ACCOUNT.wallet, ACCOUNT.fees, fee);
  if (o.type !== 'liquidation' && i.leverage > 0) coverDeficit(x.ledger);
  o.cum += qty;
  o.cumQuote = exact(o.cumQuote + times(px, qty));
  o.status = o.cum === o.qty ? 'filled' : 'partially_filled';
  x.touched = true;
  tellTrade(x, m, o, px, qty, fee, pnl, maker, now);
  tellAccount(x, m, o.type === 'liquidation' ? 'liquidation' : 'order', fee, pnl, 0, now);
  if (before !== 0 && before * m.position.qty <= 0) expireClosers(x, m, before > 0 ? -1 : 1, o, now);
  return qty;
}

/** The position they would have closed is gone: resting reduce-only orders and close-position stops of that side expire. */
function expireClosers(x: Exchange, m: Market, side: number, cause: Order, now: number): void {
  for (const o of side > 0 ? m.buys : m.sells) if (o !== cause && o.reduceOnly) expire(x, m, o, now, 'position closed');
  for (const o of m.stops)
    if (o !== cause && o.closePosition && o.side === side) expire(x, m, o, now, 'position closed');
}

export function expire(x: Exchange, m: Market, o: Order, now: number, reason: string): void {
  if (isDone(o)) return;
  o.status = 'expired';
  x.touched = true;
  tell(x, m, o, 'expired', now, undefined, reason);
}

/** The farthest price from the mark at which a market order trades and a limit order may stand (marketTakeBound, PERCENT_PRICE). */
export function boundPx(x: Exchange, m: Market, side: number): number {
  if (m.mark === 0) return side > 0 ? Number.POSITIVE_INFINITY : 0;
  const edge = mulDiv(m.mark, MONEY + side * x.rules.bound, MONEY);
  return side > 0 ? Math.floor(edge / m.instrument.pxMoney) : Math.ceil(edge / m.instrument.pxMoney);
}

/** Takes what the recorded book offers at `limit` or better: one trade per level. */
export function takeLiquidity(x: Exchange, m: Market, o: Order, limit: number, now: number): void {
  takeable(m.book, -o.side, limit, openQty(m, o));
  for (let i = 0; i < levels.n && !isDone(o); i++) {
    const px = levels.px[i]!;
    const done = fill(x, m, o, px, levels.qty[i]!, false, now);
    if (done > 0) take(m.book, -o.side, px, done);
  }
}

/** A market order, or what a conditional order becomes: takes what it can within the bound; the rest expires. */
export function executeMarket(x: Exchange, m: Market, o: Order, now: number): void {
  takeLiquidity(x, m, o, boundPx(x, m, o.side), now);
  if (isDone(o)) return;
  const reason = openQty(m, o) === 0 ? 'position closed' : 'no liquidity within the price bound';
  expire(x, m, o, now, bestPx(m.book, -o.side) === 0 ? 'no recorded book' : reason);
}

/** After whatever may have touched orders or money: drops finished orders, refreshes margins, holds the ledger to zero. */
export function settle(x: Exchange, m: Market): void {
  if (!x.touched) return;
  x.touched = false;
  compact(m.buys);
  compact(m.sells);
  compact(m.stops);
  refreshMargin(x, m);
  assertBalanced(x.ledger);
}
function compact(list: Order[]): void {
  let n = 0;
  for (let i = 0; i < list.length; i++) {
    const o = list[i]!;
    if (!isDone(o)) list[n++] = o;
  }
  list.length = n;
}
