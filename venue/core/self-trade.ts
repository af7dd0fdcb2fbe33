import { accountingOf } from './accounting.ts';
import { levels } from './book.ts';
import { expire, fill, openQty, takeRecorded } from './fill.ts';
import { aheadOf, leave, reduce, take, takeable } from './liquidity.ts';
import { tell } from './report.ts';
import { ended } from './resting.ts';
import { type Exchange, isDone, type Market, type Order } from './state.ts';

/**
 * Self-trade prevention. The recorded book does not contain our own orders, so that a taker meets them where they stand in
 * it: after everything at better prices, and at their own price after what the queue model says is ahead of them.
 */
export function takeAmongOwn(x: Exchange, m: Market, o: Order, limit: number, now: number): void {
  for (const own of o.side > 0 ? m.sells : m.buys) {
    if (isDone(own)) continue;
    if ((limit - own.px) * o.side < 0) break;
    takeRecorded(x, m, o, own.px - o.side, now);
    if (isDone(o)) return;
    takeAhead(x, m, o, own, now);
    if (isDone(o) || openQty(x, m, o) === 0) return;
    meetOwn(x, m, o, own, now);
    if (isDone(o)) return;
  }
  takeRecorded(x, m, o, limit, now);
}

/** At the price of an own order: what is recorded there and stands ahead of it. */
function takeAhead(x: Exchange, m: Market, o: Order, own: Order, now: number): void {
  const ahead = aheadOf(m, own);
  if (ahead === 0) return;
  takeable(m, -o.side, own.px, openQty(x, m, o));
  const last = levels.n - 1;
  if (last < 0 || levels.px[last] !== own.px) return;
  const done = fill(x, m, o, own.px, Math.min(levels.qty[last]!, ahead), false, now);
  if (done === 0) return;
  own.ahead = ahead - done;
  take(m, -o.side, own.px, done);
}

function meetOwn(x: Exchange, m: Market, o: Order, own: Order, now: number): void {
  if (o.stp === 'none') {
    const qty = Math.min(openQty(x, m, o), openQty(x, m, own));
    if (qty === 0) {
      expire(x, m, own, now, 'position closed');
      return;
    }
    const px = own.px;
    reduce(m, own, qty);
    fill(x, m, own, px, qty, true, now);
    fill(x, m, o, px, qty, false, now);
    return;
  }
  if (o.stp !== 'expire_taker') expireInMatch(x, m, own, now);
  if (o.stp !== 'expire_maker') expireInMatch(x, m, o, now);
}
function expireInMatch(x: Exchange, m: Market, o: Order, now: number): void {
  o.status = 'expired_in_match';
  ended(m, o);
  leave(m, o);
  accountingOf(x).end(x, m, o);
  x.touched = true;
  tell(x, m, o, 'expired', now, undefined, 'self-trade prevention');
}
