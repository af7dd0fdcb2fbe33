import { expire, fill, openQty, settle } from './fill.ts';
import { leave, liveOf, rest } from './liquidity.ts';
import { type Exchange, isDone, type Market, type Order } from './state.ts';

/** Events of a live limit book that concern an order of the account. */

/**
 * Somebody took `qty` of a resting order. What the order may no longer do (reduce-only beyond the position) was somebody
 * else's trade: it is withdrawn.
 */
export function fillLive(x: Exchange, m: Market, id: number, px: number, qty: number, now: number): void {
  const o = byLiveId(m, id);
  if (!o) return;
  fill(x, m, o, px, qty, true, now);
  if (isDone(o)) o.liveId = -1;
  else {
    o.ahead = 0;
    if (openQty(x, m, o) === 0) {
      leave(m, o);
      expire(x, m, o, now, 'position closed');
    }
  }
  if (x.touched) settle(x, m);
}
/** The book moved away from an order: it waits until the book reaches its price again. */
export function dropLive(m: Market, id: number): void {
  const o = byLiveId(m, id);
  if (!o) return;
  o.liveId = -1;
  o.ahead = Number.POSITIVE_INFINITY;
}
/** Orders farther away than the book reached go into it once it does. The nearest come first. */
export function reachLive(m: Market): void {
  const book = liveOf(m);
  for (let s = 0; s < 2; s++)
    for (const o of s === 0 ? m.buys : m.sells) if (o.liveId < 0 && !isDone(o) && book.reaches(o.px)) rest(m, o);
}
function byLiveId(m: Market, id: number): Order | undefined {
  for (const o of m.buys) if (o.liveId === id) return o;
  for (const o of m.sells) if (o.liveId === id) return o;
  return undefined;
}
