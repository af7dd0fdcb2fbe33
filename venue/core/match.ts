import { accountingOf } from './accounting.ts';
import { type Book, bestPx, levelQty, levels, nextLevelQty, take, takeable } from './book.ts';
import { expire, fill } from './fill.ts';
import { MONEY, mulDiv } from './money.ts';
import { crossCheck, execute, reached } from './place.ts';
import { tell } from './report.ts';
import { ended } from './resting.ts';
import { type Exchange, isDone, isLimit, isStop, type Market, type Order } from './state.ts';

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
  let seenPx = Number.NaN;
  let shown = 0;
  // From the best price on: past the prices that this change can concern, the rest is as it was.
  for (let k = 0; k < list.length; k++) {
    const o = list[k]!;
    const crossed = opposite > 0 && (o.px - opposite) * side >= 0;
    if (!crossed && ladder && !book.over) {
      lowerQueues(list, k, side, book);
      return;
    }
    if (!ladder && !crossed && own > 0 && (o.px - own) * side < 0) break;
    if (isDone(o)) continue;
    if (crossed) cross(x, m, o, now);
    if (o.ahead === 0) continue;
    if (o.px !== seenPx || crossed) {
      // A fill looks levels up as well, so that the search starts anew after one.
      shown = from || crossed ? levelQty(book, side, o.px) : nextLevelQty(book, side, o.px);
      from = false;
      seenPx = o.px;
    }
    if (shown >= 0 && shown < o.ahead) o.ahead = shown;
  }
}
/** A whole ladder against the orders from `k` on, both best price first: one walk down both. */
function lowerQueues(list: readonly Order[], k: number, side: number, book: Book): void {
  const px = side > 0 ? book.bidPx : book.askPx;
  const qty = side > 0 ? book.bidQty : book.askQty;
  const levels = side > 0 ? book.nBid : book.nAsk;
  let i = 0;
  for (; k < list.length; k++) {
    const o = list[k]!;
    while (i < levels && (px[i]! - o.px) * side > 0) i++;
    // Deeper than the recording shows: unknown, and so is all that follows.
    if (i === levels) return;
    const shown = px[i] === o.px ? qty[i]! : 0;
    if (shown < o.ahead) o.ahead = shown;
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
    if (o.working !== working || o.triggered || isDone(o)) continue;
    const due =
      o.type === 'trailing_stop_market'
        ? trail(o, m.instrument.pxMoney, price)
        : reached(isStop(o), o.side, o.stopPx * m.instrument.pxMoney, price);
    if (due && !(o.protect && isApart(x, m))) trigger(x, m, o, now);
  }
}
/**
 * Follows the best price since the activation; true once the price has come back by the callback rate. A sell trails the
 * highest price, a buy the lowest.
 */
function trail(o: Order, pxMoney: number, price: number): boolean {
  if (o.extreme === 0) {
    if (!Number.isNaN(o.activationPx) && (price - o.activationPx * pxMoney) * o.side > 0) return false;
    o.extreme = price;
    return false;
  }
  if ((price - o.extreme) * o.side < 0) o.extreme = price;
  return (price - mulDiv(o.extreme, MONEY + o.side * o.callback, MONEY)) * o.side >= 0;
}
/** Last and mark price are farther apart than `triggerProtect` allows. */
function isApart(x: Exchange, m: Market): boolean {
  if (m.mark === 0 || m.last === 0) return false;
  return Math.abs(m.last * m.instrument.pxMoney - m.mark) > mulDiv(m.mark, x.rules.triggerProtect, MONEY);
}
function trigger(x: Exchange, m: Market, o: Order, now: number): void {
  const a = accountingOf(x);
  x.touched = true;
  if (!a.trigger(x, m, o, now)) {
    expire(x, m, o, now, 'no position to close');
    return;
  }
  const why = a.check(x, m, o) ?? (isLimit(o) ? crossCheck(x, m, o) : undefined);
  const { algo } = x.rules;
  o.triggered = true;
  ended(m, o);
  if (algo && !why) o.orderId = m.nextOrderId++;
  tell(x, m, o, 'triggered', now);
  if (why) {
    o.status = 'rejected';
    a.end(x, m, o);
    tell(x, m, o, 'rejected', now, why);
    return;
  }
  if (algo) {
    o.type = isLimit(o) ? 'limit' : 'market';
    tell(x, m, o, 'new', now);
  }
  execute(x, m, o, now);
}
