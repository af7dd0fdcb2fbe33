import { bestPx, levelQty, takeable } from './book.ts';
import { boundPx, executeMarket, expire, openQty, takeLiquidity } from './fill.ts';
import { notionalOf, valueAt } from './instrument.ts';
import { closable, marginCheck, reservePrice } from './margin.ts';
import type { Reject } from './reject.ts';
import { refuse, tell } from './report.ts';
import { type Command, type Exchange, isDone, type Market, type Order } from './state.ts';

const CLIENT_ID = /^[.A-Z:/a-z0-9_-]{1,36}$/;
export const isConditional = (c: Command): boolean => c.type === 'stop_market' || c.type === 'take_profit_market';

/** An order arrives. Its market's book, prices and position are as they stand now. */
export function place(x: Exchange, m: Market, c: Command, now: number): void {
  const why = submit(x, m, c, now);
  if (why) refuse(x, m.instrument.key, c, why, now);
}
function submit(x: Exchange, m: Market, c: Command, now: number): Reject | undefined {
  const why = validate(x, m, c, m.buys.length + m.sells.length);
  if (why) return why;
  const o = orderOf(m, c);
  const conditional = isConditional(c);
  const limit = c.type === 'limit';
  // A conditional order needs no margin before it is triggered.
  const refused = conditional ? undefined : (marginCheck(x, m, o) ?? (limit ? crossCheck(m, o) : undefined));
  if (refused) return refused;
  o.orderId = m.nextOrderId++;
  x.touched = true;
  tell(x, m, o, 'new', now);
  if (conditional) m.stops.push(o);
  else if (limit) executeLimit(x, m, o, now);
  else executeMarket(x, m, o, now);
  return undefined;
}
function executeLimit(x: Exchange, m: Market, o: Order, now: number): void {
  takeLiquidity(x, m, o, o.px, now);
  if (isDone(o)) return;
  if (o.tif === 'ioc' || o.tif === 'fok') expire(x, m, o, now, 'not filled at once');
  else if (openQty(m, o) === 0) expire(x, m, o, now, 'position closed');
  else {
    const shown = levelQty(m.book, o.side, o.px);
    o.ahead = shown < 0 ? Number.POSITIVE_INFINITY : shown;
    insert(o.side > 0 ? m.buys : m.sells, o);
  }
}
/** Keeps the list in order: best price first, then arrival. */
export function insert(list: Order[], o: Order): void {
  let i = list.length;
  while (i > 0 && (o.px - list[i - 1]!.px) * o.side > 0) i--;
  list.splice(i, 0, o);
}

/** Post-only and fill-or-kill. */
function crossCheck(m: Market, o: Order): Reject | undefined {
  if (o.tif === 'gtx') {
    const best = bestPx(m.book, -o.side);
    return best > 0 && (o.px - best) * o.side >= 0 ? 'gtx' : undefined;
  }
  if (o.tif === 'fok') {
    const want = openQty(m, o);
    return takeable(m.book, -o.side, o.px, want) < want ? 'fok' : undefined;
  }
  return undefined;
}

/** An order as its command wants it, without an id yet. */
export function orderOf(m: Market, c: Command): Order {
  const side = c.side === 'buy' ? 1 : -1;
  const limit = c.type === 'limit';
  const px = limit ? c.px : bestPx(m.book, -side) || m.last;
  return {
    clientId: c.client_id,
    orderId: 0,
    side,
    type: c.type,
    tif: c.tif,
    px: limit ? c.px : Number.NaN,
    stopPx: isConditional(c) ? c.stop_px : Number.NaN,
    working: c.working,
    qty: c.qty,
    cum: 0,
    cumQuote: 0,
    reduceOnly: c.reduce_only,
    closePosition: c.close_position,
    ahead: Number.POSITIVE_INFINITY,
    reservePx: reservePrice(m, side, px),
    status: 'new',
  };
}

/**
 * All checks that need no margin, in the exchange's order: form, filters, state. `waiting` counts the open orders that may
 * yet open a position, which a close-position stop may be placed beside.
 */
export function validate(x: Exchange, m: Market, c: Command, waiting: number): Reject | undefined {
  const i = m.instrument;
  const side = c.side === 'buy' ? 1 : -1;
  if (!CLIENT_ID.test(c.client_id)) return 'clientId';
  if (isOpen(m, c.client_id)) return 'duplicateId';
  if (c.close_position) {
    if (!isConditional(c)) return 'closeType';
    if (c.qty !== 0) return 'closeWithQty';
    if (c.reduce_only) return 'notRequired';
  } else {
    const q = checkQty(m, c.qty);
    if (q) return q;
  }
  if (c.type === 'limit') {
    const p = checkPx(x, m, side, c.px);
    if (p) return p;
    if (m.buys.length + m.sells.length >= x.rules.maxOrders) return 'tooManyOrders';
  }
  if (isConditional(c)) {
    const s = checkStop(m, side, c);
    if (s) return s;
    if (stopsOf(x) >= x.rules.maxStops) return 'tooManyStops';
  }
  if (c.reduce_only && !isConditional(c) && closable(m, side) === 0) return 'reduceOnly';
  if (c.close_position && closable(m, side) === 0 && waiting === 0) return 'noPosition';
  if (!c.reduce_only && !c.close_position) {
    const notional =
      c.type === 'limit'
        ? notionalOf(i, c.px, c.qty)
        : valueAt(i, c.qty, isConditional(c) ? c.stop_px * i.pxMoney : m.mark || m.last * i.pxMoney);
    if (notional < i.minNotional && notional > 0) return 'notional';
  }
  return undefined;
}

function checkQty(m: Market, qty: number): Reject | undefined {
  const i = m.instrument;
  if (!Number.isInteger(qty)) return 'badPrecision';
  if (qty <= 0) return 'qtyBelowZero';
  if (qty < i.minQty) return 'qtyBelowMin';
  if (qty > i.maxQty) return 'qtyAboveMax';
  return (qty - i.minQty) % i.step === 0 ? undefined : 'step';
}
function checkPx(x: Exchange, m: Market, side: number, px: number): Reject | undefined {
  const i = m.instrument;
  if (Number.isNaN(px)) return 'mandatory';
  if (!Number.isInteger(px)) return 'badPrecision';
  if (px <= 0) return 'pxBelowZero';
  if (px < i.minPx) return 'pxBelowMin';
  if (px > i.maxPx) return 'pxAboveMax';
  if ((px - i.minPx) % i.tick !== 0) return 'tick';
  if ((px - boundPx(x, m, side)) * side > 0) return side > 0 ? 'pxAboveMark' : 'pxBelowMark';
  return undefined;
}
function checkStop(m: Market, side: number, c: Command): Reject | undefined {
  const i = m.instrument;
  if (Number.isNaN(c.stop_px)) return 'mandatory';
  if (!Number.isInteger(c.stop_px)) return 'badPrecision';
  if (c.stop_px <= 0) return 'stopBelowZero';
  if (c.stop_px > i.maxPx) return 'stopAboveMax';
  if ((c.stop_px - i.minPx) % i.tick !== 0) return 'tick';
  const price = c.working === 'mark' ? m.mark : m.last * i.pxMoney;
  return price > 0 && reached(c.type === 'stop_market', side, c.stop_px * i.pxMoney, price) ? 'triggerNow' : undefined;
}

/** STOP: buy at or above the trigger, sell at or below; TAKE_PROFIT the reverse. */
export function reached(stop: boolean, side: number, trigger: number, price: number): boolean {
  return (price - trigger) * side * (stop ? 1 : -1) >= 0;
}

function isOpen(m: Market, clientId: string): boolean {
  return find(m, clientId) !== undefined;
}
export function find(m: Market, clientId: string): Order | undefined {
  for (const o of m.buys) if (o.clientId === clientId && !isDone(o)) return o;
  for (const o of m.sells) if (o.clientId === clientId && !isDone(o)) return o;
  for (const o of m.stops) if (o.clientId === clientId && !isDone(o)) return o;
  return undefined;
}
function stopsOf(x: Exchange): number {
  let n = 0;
  for (const k of x.live) n += x.markets[k]!.stops.length;
  return n;
}

/** A cancel arrives. */
export function cancel(x: Exchange, m: Market, c: Command, now: number): void {
  const o = find(m, c.client_id);
  if (o) withdraw(x, m, o, now, '');
  else refuse(x, m.instrument.key, c, 'unknownOrder', now);
}
/** Cancels every open order of the instrument, in the order buys, sells, conditional. */
export function cancelAll(x: Exchange, m: Market, now: number, reason = ''): void {
  for (const o of m.buys) withdraw(x, m, o, now, reason);
  for (const o of m.sells) withdraw(x, m, o, now, reason);
  for (const o of m.stops) withdraw(x, m, o, now, reason);
}
export function withdraw(x: Exchange, m: Market, o: Order, now: number, reason: string): void {
  if (isDone(o)) return;
  o.status = 'canceled';
  x.touched = true;
  tell(x, m, o, 'canceled', now, undefined, reason);
}
