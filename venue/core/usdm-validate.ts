import { boundPx } from './fill.ts';
import { notionalOf, valueAt } from './instrument.ts';
import { closable } from './margin.ts';
import { MONEY } from './money.ts';
import { findOpen, reached } from './place.ts';
import type { Reject } from './reject.ts';
import { type Command, type Exchange, isConditional, isLimit, isStop, type Market } from './state.ts';

const CLIENT_ID = /^[.A-Z:/a-z0-9_-]{1,36}$/;

/**
 * All checks that need no margin, in the exchange's order: form, filters, state. `waiting` counts the open orders that may
 * yet open a position, which a close-position stop may be placed beside.
 */
export function validate(x: Exchange, m: Market, c: Command, waiting: number): Reject | undefined {
  const i = m.instrument;
  const side = c.side === 'buy' ? 1 : -1;
  if (!CLIENT_ID.test(c.client_id)) return 'clientId';
  if (findOpen(x, m, c.client_id, c.type)) return 'duplicateId';
  if (c.close_position) {
    if (c.type !== 'stop_market' && c.type !== 'take_profit_market') return 'closeType';
    if (c.qty !== 0) return 'closeWithQty';
    if (c.reduce_only) return 'notRequired';
  } else {
    const q = checkQty(m, c.qty);
    if (q) return q;
  }
  if (isLimit(c)) {
    // A conditional order's limit is held to the mark when it is triggered.
    const p = checkPx(m, c.px) ?? (c.type === 'limit' ? checkBound(x, m, side, c.px) : undefined);
    if (p) return p;
  }
  if (c.type === 'limit') {
    if (m.buys.length + m.sells.length >= x.rules.maxOrders) return 'tooManyOrders';
  }
  if (isConditional(c)) {
    const s = checkStop(m, side, c);
    if (s) return s;
    if (stopsOf(x) >= x.rules.maxStops) return 'tooManyStops';
  }
  if (c.reduce_only && !isConditional(c) && closable(m, side) === 0) return 'reduceOnly';
  if (c.tif === 'gte_gtc' && m.position.qty === 0) return 'noPosition';
  if (c.close_position && closable(m, side) === 0 && waiting === 0) return 'noPosition';
  if (!c.reduce_only && !c.close_position) {
    const notional = isLimit(c)
      ? notionalOf(i, c.px, c.qty)
      : valueAt(i, c.qty, Number.isInteger(c.stop_px) ? c.stop_px * i.pxMoney : m.mark || m.last * i.pxMoney);
    if (notional < i.minNotional && notional > 0) return 'notional';
  }
  return undefined;
}

export function checkQty(m: Market, qty: number): Reject | undefined {
  const i = m.instrument;
  if (!Number.isInteger(qty)) return 'badPrecision';
  if (qty <= 0) return 'qtyBelowZero';
  if (qty < i.minQty) return 'qtyBelowMin';
  if (qty > i.maxQty) return 'qtyAboveMax';
  return (qty - i.minQty) % i.step === 0 ? undefined : 'step';
}
export function checkPx(m: Market, px: number): Reject | undefined {
  const i = m.instrument;
  if (Number.isNaN(px)) return 'mandatory';
  if (!Number.isInteger(px)) return 'badPrecision';
  if (px <= 0) return 'pxBelowZero';
  if (px < i.minPx) return 'pxBelowMin';
  if (px > i.maxPx) return 'pxAboveMax';
  return (px - i.minPx) % i.tick === 0 ? undefined : 'tick';
}
export function checkBound(x: Exchange, m: Market, side: number, px: number): Reject | undefined {
  if ((px - boundPx(x, m, side)) * side <= 0) return undefined;
  return side > 0 ? 'pxAboveMark' : 'pxBelowMark';
}
function checkStop(m: Market, side: number, c: Command): Reject | undefined {
  const i = m.instrument;
  if (c.type === 'trailing_stop_market') return checkTrailing(m, c);
  if (Number.isNaN(c.stop_px)) return 'mandatory';
  if (!Number.isInteger(c.stop_px)) return 'badPrecision';
  if (c.stop_px <= 0) return 'stopBelowZero';
  if (c.stop_px > i.maxPx) return 'stopAboveMax';
  if ((c.stop_px - i.minPx) % i.tick !== 0) return 'tick';
  const price = c.working === 'mark' ? m.mark : m.last * i.pxMoney;
  return price > 0 && reached(isStop(c), side, c.stop_px * i.pxMoney, price) ? 'triggerNow' : undefined;
}

/** Trailing stops: a callback of 0.1 % to 10 %; an activation price is a price. */
function checkTrailing(m: Market, c: Command): Reject | undefined {
  if (!(c.callback >= MONEY / 1000 && c.callback <= MONEY / 10)) return 'callback';
  return Number.isNaN(c.activation_px) ? undefined : checkPx(m, c.activation_px);
}
function stopsOf(x: Exchange): number {
  let n = 0;
  for (const k of x.live) n += x.markets[k]!.stops.length;
  return n;
}
