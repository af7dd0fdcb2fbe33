import { bestPx, levelQty, levels, nextLevelQty, take, takeable } from './book.ts';
import { executeMarket, expire, fill } from './fill.ts';
import { closable, marginCheck, reservePrice } from './margin.ts';
import { reached } from './place.ts';
import { tell } from './report.ts';
import { type Exchange, isDone, type Market, type Order } from './state.ts';

/**
 * A recorded trade meets the resting orders of one side, best price first. A trade of quantity q gives at most q in all
 * (the side that the taker hit comes first). Returns what it gave.
 * - through our price (whatever its side): everything at our price had its turn, so we get what is left of q;
 * - at our price, from a taker of the other side: first what stands ahead is served, then we are;
 * - an order whose level was never seen has an unknown queue and is filled by trades through its price only.
 */
export function meetTrade(
  x: Exchange,
  m: Market,
  side: number,
  px: number,
  qty: number,
  taker: number,
  now: number,
): number {
  const list = side > 0 ? m.buys : m.sells;
  let through = 0;
  let here = 0;
  for (let k = 0; k < list.length; k++) {
    const o = list[k]!;
    const better = (o.px - px) * side;
    if (better < 0) break;
    if (isDone(o)) continue;
    if (better > 0) {
      o.ahead = 0;
      if (qty > through) through += fill(x, m, o, o.px, qty - through, true, now);
    } else {
      if (taker === side) break;
      const rest = qty - through;
      const served = Math.min(o.ahead, rest);
      o.ahead -= served;
      if (rest - served > here) here += fill(x, m, o, o.px, rest - served - here, true, now);
    }
  }
  return through + here;
}

/**
 * The recorded book moved. Per resting order: when the opposite side now stands at our price or beyond, it trades with us
 * up to its recorded quantity, at our price. And what is ahead is never more than the level shows: cancels are taken
 * to come from behind us as long as that is possible. `ladder`: more than the best levels may have changed.
 */
export function meetBook(x: Exchange, m: Market, side: number, ladder: boolean, now: number): void {
  const list = side > 0 ? m.buys : m.sells;
  const { book } = m;
  const own = bestPx(book, side);
  const opposite = bestPx(book, -side);
  let from = true;
  // From the best price on: past the prices that this change can concern, the rest is as it was.
  for (let k = 0; k < list.length; k++) {
    const o = list[k]!;
    const crossed = opposite > 0 && (o.px - opposite) * side >= 0;
    if (!ladder && !crossed && own > 0 && (o.px - own) * side < 0) break;
    if (isDone(o)) continue;
    if (crossed) cross(x, m, o, now);
    if (o.ahead === 0) continue;
    // A fill looks levels up as well, so that the search starts anew after one.
    const shown = from || crossed ? levelQty(book, side, o.px) : nextLevelQty(book, side, o.px);
    from = false;
    if (shown >= 0 && shown < o.ahead) o.ahead = shown;
  }
}
function cross(x: Exchange, m: Market, o: Order, now: number): void {
  takeable(m.book, -o.side, o.px, o.qty - o.cum);
  for (let i = 0; i < levels.n && !isDone(o); i++) {
    const level = levels.px[i]!;
    const done = fill(x, m, o, o.px, levels.qty[i]!, true, now);
    if (done > 0) take(m.book, -o.side, level, done);
  }
}

/** Triggers the conditional orders that work on this price (USDT × 10^8), in order of arrival. */
export function triggerStops(x: Exchange, m: Market, working: Order['working'], price: number, now: number): void {
  const n = m.stops.length;
  for (let k = 0; k < n; k++) {
    const o = m.stops[k]!;
    if (o.working !== working || isDone(o)) continue;
    if (reached(o.type === 'stop_market', o.side, o.stopPx * m.instrument.pxMoney, price)) trigger(x, m, o, now);
  }
}
function trigger(x: Exchange, m: Market, o: Order, now: number): void {
  x.touched = true;
  const closes = closable(m, o.side);
  if (o.closePosition && closes === 0) {
    expire(x, m, o, now, 'no position to close');
    return;
  }
  if (o.closePosition) o.qty = closes;
  tell(x, m, o, 'triggered', now);
  o.reservePx = reservePrice(m, o.side, bestPx(m.book, -o.side) || m.last);
  const why = o.reduceOnly && closes === 0 ? 'reduceOnly' : marginCheck(x, m, o);
  if (why) {
    o.status = 'rejected';
    tell(x, m, o, 'rejected', now, why);
  } else executeMarket(x, m, o, now);
}
