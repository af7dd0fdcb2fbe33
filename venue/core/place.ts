import { accountingOf } from './accounting.ts';
import { executeMarket, expire, openQty, settle, takeLiquidity } from './fill.ts';
import { bestPx, leave, rest, takeable } from './liquidity.ts';
import { reservePrice } from './margin.ts';
import type { Reject } from './reject.ts';
import { refuse, tell } from './report.ts';
import { ended, insert } from './resting.ts';
import {
  type Command,
  type Exchange,
  isConditional,
  isDone,
  isLimit,
  type Market,
  type Order,
  type OrderType,
} from './state.ts';

/** An order arrives. Its market's book, prices and position are as they stand now. */
export function place(x: Exchange, m: Market, c: Command, now: number): void {
  const why = submit(x, m, c, now);
  if (why) refuse(x, m.instrument.key, c, why, now);
}
function submit(x: Exchange, m: Market, c: Command, now: number): Reject | undefined {
  const o = examine(x, m, c);
  if (typeof o === 'string') return o;
  accountingOf(x).accept(x, m, o);
  const conditional = isConditional(o);
  if (conditional && x.rules.algo) o.algoId = x.nextAlgoId++;
  else o.orderId = m.nextOrderId++;
  x.touched = true;
  tell(x, m, o, 'new', now);
  if (o.goodTillMs > 0) x.goodTillMs = Math.min(x.goodTillMs, o.goodTillMs);
  if (conditional) m.stops.push(o);
  else execute(x, m, o, now);
  return undefined;
}
/** All that is asked of an order before it is accepted: the order as it would be, or why it is not taken. */
export function examine(x: Exchange, m: Market, c: Command): Order | Reject {
  const a = accountingOf(x);
  const why = a.validate(x, m, c, m.buys.length + m.sells.length);
  if (why) return why;
  const o = orderOf(m, c);
  // A conditional order of USD-M needs no margin before it is triggered; Spot locks at once.
  if (isConditional(o)) return (x.kind === 'spot' ? a.check(x, m, o) : undefined) ?? o;
  return a.check(x, m, o) ?? (isLimit(o) ? crossCheck(x, m, o) : undefined) ?? o;
}
/** An accepted order, or a conditional one that was triggered, meets the market. */
export function execute(x: Exchange, m: Market, o: Order, now: number): void {
  if (isLimit(o)) executeLimit(x, m, o, now);
  else executeMarket(x, m, o, now);
}
function executeLimit(x: Exchange, m: Market, o: Order, now: number): void {
  takeLiquidity(x, m, o, o.px, now);
  if (isDone(o)) return;
  if (o.tif === 'ioc' || o.tif === 'fok') expire(x, m, o, now, 'not filled at once');
  else if (openQty(x, m, o) === 0) expire(x, m, o, now, 'position closed');
  else {
    rest(m, o);
    insert(m, o);
  }
}

/** Post-only and fill-or-kill. */
export function crossCheck(x: Exchange, m: Market, o: Order): Reject | undefined {
  if (o.tif === 'gtx') return crosses(m, o, o.px) ? 'gtx' : undefined;
  if (o.tif === 'fok') {
    const want = openQty(x, m, o);
    return takeable(m, -o.side, o.px, want) < want ? 'fok' : undefined;
  }
  return undefined;
}
/** At this price it would trade at once: with the recorded book, or with an own order that it can meet. */
export function crosses(m: Market, o: Order, px: number): boolean {
  const best = bestPx(m, -o.side);
  if (best > 0 && (px - best) * o.side >= 0) return true;
  if (o.stp === 'off') return false;
  for (const own of o.side > 0 ? m.sells : m.buys) if (!isDone(own)) return (px - own.px) * o.side >= 0;
  return false;
}

/** An order as its command wants it, without an id yet. */
export function orderOf(m: Market, c: Command): Order {
  const side = c.side === 'buy' ? 1 : -1;
  const limit = isLimit(c);
  const px = limit ? c.px : bestPx(m, -side) || m.last;
  const trailing = c.type === 'trailing_stop_market';
  return {
    clientId: c.client_id,
    orderId: 0,
    algoId: 0,
    side,
    type: c.type,
    tif: c.tif,
    px: limit ? c.px : Number.NaN,
    stopPx: isConditional(c) && !trailing ? c.stop_px : Number.NaN,
    working: c.working,
    qty: c.qty,
    quote: c.quote,
    cum: 0,
    cumQuote: 0,
    reduceOnly: c.reduce_only,
    closePosition: c.close_position,
    protect: c.protect,
    stp: c.stp,
    goodTillMs: c.good_till_ms,
    activationPx: trailing ? c.activation_px : Number.NaN,
    callback: trailing ? c.callback : 0,
    extreme: 0,
    triggered: false,
    amendments: 0,
    ahead: Number.POSITIVE_INFINITY,
    liveId: -1,
    reservePx: reservePrice(m, side, px),
    locked: 0,
    list: 0,
    status: 'new',
  };
}

/** STOP: buy at or above the trigger, sell at or below; TAKE_PROFIT the reverse. */
export function reached(stop: boolean, side: number, trigger: number, price: number): boolean {
  return (price - trigger) * side * (stop ? 1 : -1) >= 0;
}

/** An open order by its client id; where conditional orders have a space of ids of their own, in that of `type`. */
export function findOpen(x: Exchange, m: Market, clientId: string, type: OrderType): Order | undefined {
  const conditional = isConditional({ type });
  if (!x.rules.algo || !conditional) {
    for (const o of m.buys) if (o.clientId === clientId && !isDone(o)) return o;
    for (const o of m.sells) if (o.clientId === clientId && !isDone(o)) return o;
  }
  if (!x.rules.algo || conditional)
    for (const o of m.stops) if (o.clientId === clientId && !o.triggered && !isDone(o)) return o;
  return undefined;
}
/** As `findOpen`, by order id (algo id). */
function findById(x: Exchange, m: Market, id: number, type: OrderType): Order | undefined {
  if (x.rules.algo && isConditional({ type }))
    return m.stops.find((o) => o.algoId === id && !o.triggered && !isDone(o));
  for (const list of [m.buys, m.sells, m.stops]) for (const o of list) if (o.orderId === id && !isDone(o)) return o;
  return undefined;
}
/** The open order that a cancel or an amendment speaks of. */
export function targetOf(x: Exchange, m: Market, c: Command): Order | undefined {
  return c.order_id > 0 ? findById(x, m, c.order_id, c.type) : findOpen(x, m, c.client_id, c.type);
}

/** A cancel arrives. */
export function cancel(x: Exchange, m: Market, c: Command, now: number): void {
  const o = targetOf(x, m, c);
  if (o) withdraw(x, m, o, now, '');
  else refuse(x, m.instrument.key, c, 'unknownOrder', now);
}
/** Cancels every open order of the instrument, in the order buys, sells, conditional. */
export function cancelAll(x: Exchange, m: Market, now: number, reason = ''): void {
  cancelLimits(x, m, now, reason);
  cancelStops(x, m, now, reason);
}
export function cancelLimits(x: Exchange, m: Market, now: number, reason = ''): void {
  for (const o of m.buys) withdraw(x, m, o, now, reason);
  for (const o of m.sells) withdraw(x, m, o, now, reason);
}
export function cancelStops(x: Exchange, m: Market, now: number, reason = ''): void {
  for (const o of m.stops) if (!o.triggered) withdraw(x, m, o, now, reason);
}
export function withdraw(x: Exchange, m: Market, o: Order, now: number, reason: string): void {
  if (isDone(o)) return;
  o.status = 'canceled';
  ended(m, o);
  leave(m, o);
  accountingOf(x).end(x, m, o);
  x.touched = true;
  tell(x, m, o, 'canceled', now, undefined, reason);
}

/** GTD orders whose time has come expire. The next such time is `x.goodTillMs`. */
export function expireDue(x: Exchange, nowMs: number): void {
  if (nowMs < x.goodTillMs) return;
  x.goodTillMs = Number.POSITIVE_INFINITY;
  for (const k of x.live) {
    const m = x.markets[k]!;
    for (const list of [m.buys, m.sells, m.stops])
      for (const o of list) {
        if (o.goodTillMs === 0 || isDone(o) || (o.triggered && list === m.stops)) continue;
        if (o.goodTillMs <= nowMs) expire(x, m, o, o.goodTillMs * 1000, 'good till date');
        else x.goodTillMs = Math.min(x.goodTillMs, o.goodTillMs);
      }
    settle(x, m);
  }
}
