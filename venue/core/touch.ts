import type { KeyInfo } from '../../graph/schema/index.ts';
import { bestPx, levelQty } from './book.ts';
import { expire, fill, openQty, settle } from './fill.ts';
import { cancel, cancelAll, orderOf } from './place.ts';
import { refuse, tell } from './report.ts';
import { insert } from './resting.ts';
import { type Command, type Exchange, isConditional, isDone, type Market, marketOf } from './state.ts';
import { validate } from './usdm-validate.ts';

/** The top-of-book fill model: whole fills, queue by trades only. `book` holds the best quote alone. */

/** A recorded trade (`taker` 1 bought, −1 sold) meets the resting orders of the other side. */
export function touchTrade(x: Exchange, m: Market, px: number, qty: number, taker: number, now: number): void {
  for (const o of taker < 0 ? m.buys : m.sells) {
    const better = (o.px - px) * o.side;
    if (better < 0) break;
    if (isDone(o)) continue;
    o.ahead = better > 0 ? -1 : o.ahead - qty;
    if (o.ahead >= 0) continue;
    fill(x, m, o, o.px, openQty(x, m, o), true, now);
    if (!isDone(o)) expire(x, m, o, now, 'position closed');
  }
  if (x.touched) settle(x, m);
}

export function touchCommand(x: Exchange, key: KeyInfo, c: Command, now: number): void {
  const m = marketOf(x, key);
  if (!m) {
    refuse(x, key.index, c, 'invalidSymbol', now);
    return;
  }
  if (c.action === 'place') touchPlace(x, m, c, now);
  else if (c.action === 'cancel') cancel(x, m, c, now);
  else cancelAll(x, m, now);
  settle(x, m);
}
function touchPlace(x: Exchange, m: Market, c: Command, now: number): void {
  const o = orderOf(m, c);
  const touch = bestPx(m.book, -o.side);
  const limit = c.type === 'limit';
  const crosses = touch > 0 && (!limit || (o.px - touch) * o.side >= 0);
  const why = isConditional(c)
    ? 'conditional'
    : (validate(x, m, c, 0) ?? (limit && c.tif === 'gtx' && crosses ? 'gtx' : undefined));
  if (why) {
    refuse(x, m.instrument.key, c, why, now);
    return;
  }
  o.orderId = m.nextOrderId++;
  x.touched = true;
  tell(x, m, o, 'new', now);
  if (crosses) fill(x, m, o, touch, openQty(x, m, o), false, now);
  if (isDone(o)) return;
  if (!limit || crosses || o.tif === 'ioc' || o.tif === 'fok') {
    expire(x, m, o, now, crosses ? 'position closed' : 'not filled at once');
    return;
  }
  const shown = levelQty(m.book, o.side, o.px);
  o.ahead = shown < 0 ? Number.POSITIVE_INFINITY : shown;
  insert(m, o);
}
