import { accountingOf } from './accounting.ts';
import { levels } from './book.ts';
import { assertBalanced } from './ledger.ts';
import { bestPx, leave, take, takeable } from './liquidity.ts';
import { exact, MONEY, mulDiv, times } from './money.ts';
import { tell } from './report.ts';
import { clear, ended, executed, filled } from './resting.ts';
import { takeAmongOwn } from './self-trade.ts';
import { type Exchange, isDone, type Market, type Order } from './state.ts';

/** What may trade of an order now. */
export const openQty = (x: Exchange, m: Market, o: Order): number => accountingOf(x).openQty(m, o);

/** Books a trade of `qty` at `px`, at most what the order may still do, and says so. Returns the quantity traded. */
export function fill(x: Exchange, m: Market, o: Order, px: number, want: number, maker: boolean, now: number): number {
  const qty = Math.min(want, openQty(x, m, o));
  if (qty <= 0) return 0;
  o.cum += qty;
  o.cumQuote = exact(o.cumQuote + times(px, qty));
  if (o.cum === o.qty) {
    o.status = 'filled';
    filled(m);
  } else o.status = 'partially_filled';
  x.touched = true;
  // Whoever makes has rested.
  if (maker) executed(m, o, qty);
  accountingOf(x).book(x, m, o, px, qty, maker, now);
  return qty;
}

/** Ends an order that did not trade whole. */
export function expire(x: Exchange, m: Market, o: Order, now: number, reason: string): void {
  if (isDone(o)) return;
  o.status = 'expired';
  ended(m, o);
  leave(m, o);
  accountingOf(x).end(x, m, o);
  x.touched = true;
  tell(x, m, o, 'expired', now, undefined, reason);
}

/** The farthest price from the mark at which a market order trades and a limit order may stand (marketTakeBound, PERCENT_PRICE). */
export function boundPx(x: Exchange, m: Market, side: number): number {
  if (m.mark === 0) return side > 0 ? Number.POSITIVE_INFINITY : 0;
  const edge = mulDiv(m.mark, MONEY + side * x.rules.bound, MONEY);
  return side > 0 ? Math.floor(edge / m.instrument.pxMoney) : Math.ceil(edge / m.instrument.pxMoney);
}

/** Takes what the recorded book offers at `limit` or better: one trade per level. Own orders on the way: see self-trade.ts. */
export function takeLiquidity(x: Exchange, m: Market, o: Order, limit: number, now: number): void {
  if (o.stp !== 'off' && (o.side > 0 ? m.sells : m.buys).length > 0) takeAmongOwn(x, m, o, limit, now);
  else takeRecorded(x, m, o, limit, now);
}
export function takeRecorded(x: Exchange, m: Market, o: Order, limit: number, now: number): void {
  if (m.live) {
    takeLive(x, m, o, limit, now);
    return;
  }
  takeable(m, -o.side, limit, openQty(x, m, o));
  for (let i = 0; i < levels.n && !isDone(o); i++) {
    const px = levels.px[i]!;
    const done = fill(x, m, o, px, levels.qty[i]!, false, now);
    if (done > 0) take(m, -o.side, px, done);
  }
}

/** One level at a time: a live book may change between two. */
function takeLive(x: Exchange, m: Market, o: Order, limit: number, now: number): void {
  while (!isDone(o)) {
    if (takeable(m, -o.side, limit, openQty(x, m, o)) === 0) return;
    const px = levels.px[0]!;
    const done = fill(x, m, o, px, levels.qty[0]!, false, now);
    if (done === 0) return;
    take(m, -o.side, px, done);
  }
}

/** A market order, or what a conditional order becomes: takes what it can within the bound; the rest expires. */
export function executeMarket(x: Exchange, m: Market, o: Order, now: number): void {
  takeLiquidity(x, m, o, boundPx(x, m, o.side), now);
  if (isDone(o)) return;
  const reason = openQty(x, m, o) === 0 ? 'position closed' : 'no liquidity within the price bound';
  expire(x, m, o, now, bestPx(m, -o.side) === 0 ? 'no recorded book' : reason);
}

/** After whatever may have touched orders or money: drops finished orders, refreshes what follows from them, holds the ledger to zero. */
export function settle(x: Exchange, m: Market): void {
  if (!x.touched) return;
  x.touched = false;
  clear(m);
  accountingOf(x).refresh(x, m);
  assertBalanced(x.ledger);
}
