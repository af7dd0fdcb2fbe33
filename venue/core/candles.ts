import type { KeyInfo } from '../../graph/schema/index.ts';
import { expire, fill, openQty, settle } from './fill.ts';
import { payFunding } from './liquidate.ts';
import { closable } from './margin.ts';
import { rateE8 } from './money.ts';
import { cancelAll, findOpen, orderOf, withdraw } from './place.ts';
import { refuse, tell } from './report.ts';
import { insert } from './resting.ts';
import {
  type Command,
  createExchange,
  type Exchange,
  isConditional,
  isDone,
  type Market,
  marketOf,
  type Order,
  type Rules,
} from './state.ts';
import { validate } from './usdm-validate.ts';

/** Fills by candles: the account and its orders, and per instrument the candle of the moment. Plain data. */
export interface CandleVenue {
  exchange: Exchange;
  /** By key index. */
  spots: (CandleSpot | null)[];
}
export interface CandleSpot {
  openMs: number;
  open: number;
  high: number;
  low: number;
  close: number;
  /** Something waits for the next candle. */
  busy: boolean;
  /** Orders that arrived since the last candle: they act at the next one's open. */
  waiting: Order[];
  /** A position was opened at this candle's open, so that conditional orders answering that fill act on it already. */
  entered: boolean;
}

export function createCandleVenue(rules: Rules, deposit: number): CandleVenue {
  return { exchange: createExchange(rules, deposit), spots: [] };
}
export function createSpot(v: CandleVenue, key: KeyInfo): CandleSpot {
  while (v.spots.length <= key.index) v.spots.push(null);
  const s: CandleSpot = {
    openMs: 0,
    open: 0,
    high: 0,
    low: 0,
    close: 0,
    busy: false,
    waiting: [],
    entered: false,
  };
  v.spots[key.index] = s;
  return s;
}

/** The next candle, when something waits for it. `now` is the time of every fill on it, in µs. */
export function onCandle(x: Exchange, m: Market, s: CandleSpot, now: number): void {
  s.entered = false;
  for (const o of s.waiting) tradeAt(s.open, x, m, s, o, now);
  s.waiting.length = 0;
  if (m.stops.length > 0) meetStops(x, m, s, now);
  meetLimits(x, m.buys, m, s, now);
  meetLimits(x, m.sells, m, s, now);
  settle(x, m);
  s.busy = m.buys.length > 0 || m.sells.length > 0 || m.stops.length > 0;
}

/** Candles as columns: row `rows[j]` of each, for j in [from, to). */
export interface CandleRows {
  readonly columns: { readonly high: Float64Array; readonly low: Float64Array };
  readonly rows: Int32Array;
  readonly from: number;
  readonly to: number;
}
/**
 * How far candles leave everything as it is: up to the first one that `onCandle` would let an order trade or expire on, or to
 * `to`. What the four comparisons say is what `meetStop` and `meetLimits` ask of each order.
 */
export function quietCandles(v: CandleVenue, key: number, { columns, rows, from, to }: CandleRows): number {
  const s = v.spots[key];
  if (!s) return from;
  if (!s.busy) return to;
  const x = v.exchange;
  const m = x.markets[key];
  if (!m || s.waiting.length > 0 || x.touched || x.outbox.length > 0) return from;
  // What waited has been withdrawn: the next candle notices.
  if (m.stops.length + m.buys.length + m.sells.length === 0) return from;
  let stopBelow = Number.NEGATIVE_INFINITY;
  let stopAbove = Number.POSITIVE_INFINITY;
  for (const o of m.stops) {
    if ((o.type === 'stop_market') === o.side < 0) stopBelow = Math.max(stopBelow, o.stopPx);
    else stopAbove = Math.min(stopAbove, o.stopPx);
  }
  let buy = Number.NEGATIVE_INFINITY;
  let sell = Number.POSITIVE_INFINITY;
  for (const o of m.buys) buy = Math.max(buy, o.px);
  for (const o of m.sells) sell = Math.min(sell, o.px);
  const { high, low } = columns;
  for (let j = from; j < to; j++) {
    const i = rows[j]!;
    const h = high[i]!;
    const l = low[i]!;
    // Written so that a price that is no number is not quiet.
    if (!(l > stopBelow && h < stopAbove && l >= buy && h <= sell)) return j;
  }
  return to;
}

/** At a candle's open or close: market orders trade there, and so do limits that the price satisfies. */
function tradeAt(px: number, x: Exchange, m: Market, s: CandleSpot, o: Order, now: number): void {
  if (isDone(o)) return;
  const limit = o.type === 'limit';
  if (limit && (o.px - px) * o.side < 0) {
    if (o.tif === 'ioc' || o.tif === 'fok') expire(x, m, o, now, 'not filled at the open');
    else insert(m, o);
    return;
  }
  if (limit && o.tif === 'gtx') {
    o.status = 'rejected';
    x.touched = true;
    tell(x, m, o, 'rejected', now, 'gtx');
    return;
  }
  const before = m.position.qty;
  fill(x, m, o, px, openQty(x, m, o), false, now);
  if (!isDone(o)) expire(x, m, o, now, 'position closed');
  if (m.position.qty !== 0 && before * m.position.qty <= 0) s.entered = true;
}

/** Stops first, then targets: when one candle reaches both, the worse happened. */
function meetStops(x: Exchange, m: Market, s: CandleSpot, now: number): void {
  for (const o of m.stops) if (o.type === 'stop_market') meetStop(x, m, s, o, true, now);
  for (const o of m.stops) if (o.type !== 'stop_market') meetStop(x, m, s, o, false, now);
}
function meetStop(x: Exchange, m: Market, s: CandleSpot, o: Order, stop: boolean, now: number): void {
  if (isDone(o)) return;
  // A sell stop and a buy target are reached from above, at the trigger or at an open beyond it.
  const down = stop === o.side < 0;
  if (down ? s.low > o.stopPx : s.high < o.stopPx) return;
  const px = down ? Math.min(s.open, o.stopPx) : Math.max(s.open, o.stopPx);
  x.touched = true;
  const closes = closable(m, o.side);
  if (closes === 0 && (o.closePosition || o.reduceOnly)) {
    expire(x, m, o, now, 'no position to close');
    return;
  }
  if (o.closePosition) o.qty = closes;
  tell(x, m, o, 'triggered', now);
  fill(x, m, o, px, openQty(x, m, o), false, now);
  if (!isDone(o)) expire(x, m, o, now, 'position closed');
}

/** A limit that rests trades at its own price when a candle goes through it; a mere touch is not enough. */
function meetLimits(x: Exchange, list: readonly Order[], m: Market, s: CandleSpot, now: number): void {
  for (const o of list) {
    if (isDone(o)) continue;
    if (o.side > 0 ? s.low >= o.px : s.high <= o.px) continue;
    fill(x, m, o, o.px, openQty(x, m, o), true, now);
    if (!isDone(o)) expire(x, m, o, now, 'position closed');
  }
}

/** How orders are taken: `atClose` they trade at the last close; prices are put on multiples of `tick` (in price units, 0: not). */
export interface CandleOrders {
  atClose: boolean;
  tick: number;
}
const NEXT_OPEN: CandleOrders = { atClose: false, tick: 0 };

/**
 * A command. It acts from the next candle on; with `atClose` what can trade does so at once, at the close of the last candle.
 * Stops and targets that answer an entry at this candle's open: see `afterOrders`.
 */
export function onCommand(v: CandleVenue, key: KeyInfo, c: Command, now: number, how = NEXT_OPEN): void {
  const x = v.exchange;
  const m = marketOf(x, key);
  if (!m) {
    refuse(x, key.index, c, 'invalidSymbol', now);
    return;
  }
  const s = v.spots[key.index] ?? createSpot(v, key);
  if (c.action === 'cancel_all') {
    for (const o of s.waiting) withdraw(x, m, o, now, '');
    cancelAll(x, m, now);
  } else if (c.action === 'cancel') {
    const o = findOpen(x, m, c.client_id, c.type) ?? s.waiting.find((w) => w.clientId === c.client_id && !isDone(w));
    if (o) withdraw(x, m, o, now, '');
    else refuse(x, key.index, c, 'unknownOrder', now);
  } else take(x, key, m, s, c, now, how);
  settle(x, m);
}
function take(x: Exchange, key: KeyInfo, m: Market, s: CandleSpot, c: Command, now: number, how: CandleOrders): void {
  const twice = s.waiting.some((w) => w.clientId === c.client_id && !isDone(w));
  const why = twice ? 'duplicateId' : validate(x, m, c, m.buys.length + m.sells.length + s.waiting.length);
  if (why) {
    refuse(x, m.instrument.key, c, why, now);
    return;
  }
  const o = orderOf(m, c);
  if (how.tick > 0) {
    const tick = how.tick * key.pxScale;
    o.px = Math.round(Math.round(o.px / tick) * tick);
    o.stopPx = Math.round(Math.round(o.stopPx / tick) * tick);
  }
  o.orderId = m.nextOrderId++;
  x.touched = true;
  tell(x, m, o, 'new', now);
  // Before the first candle there is no close to trade at.
  if (how.atClose && !isConditional(c) && s.openMs > 0) {
    tradeAt(s.close, x, m, s, o, now);
    s.entered = false;
  } else (isConditional(c) ? m.stops : s.waiting).push(o);
  s.busy = m.buys.length > 0 || m.sells.length > 0 || m.stops.length > 0 || s.waiting.length > 0;
}

/** After all commands of a cycle in which no candle closed: those that answer the entry act on the entry candle. */
export function afterOrders(x: Exchange, m: Market, s: CandleSpot): void {
  if (!s.entered || m.stops.length === 0) return;
  meetStops(x, m, s, s.openMs * 1000);
  settle(x, m);
}

/** A settled funding rate, paid at the last close. */
export function onCandleFunding(
  x: Exchange,
  m: Market,
  s: CandleSpot,
  rate: number,
  timeMs: number,
  now: number,
): void {
  m.mark = s.close * m.instrument.pxMoney;
  payFunding(x, m, rateE8(rate), timeMs, now);
  m.mark = 0;
  settle(x, m);
}
