import { takeLiquidity } from '../fill.ts';
import { bestPx, rest, takeable } from '../liquidity.ts';
import { reached } from '../place.ts';
import { insert } from '../resting.ts';
import { isDone, type SelfTrade } from '../state.ts';
import { checkCounts, checkFilters } from './filters.ts';
import { type Expiry, expireOrder } from './finish.ts';
import { checkFunds, lock, qtyForQuote } from './funds.ts';
import { afterEnd, pendingOf } from './lists.ts';
import { SPOT_REJECT, type SpotReject } from './reject.ts';
import {
  HISTORY,
  hasPrice,
  isContingent,
  type SpotExchange,
  type SpotMarket,
  type SpotOrder,
  type SpotRequest,
  type SpotType,
} from './state.ts';
import { tellExecution } from './tell.ts';

/** Takes one order, or says why not. It is executed as far as it can be; fills are in `m.trades`. */
export function placeOrder(x: SpotExchange, m: SpotMarket, r: SpotRequest, now: number): SpotOrder | SpotReject {
  const qty = r.quote > 0 ? qtyForQuote(m, r.side, r.quote) : r.qty;
  const why = examine(x, m, r, qty, now);
  if (why) return why;
  const o = createOrder(x, m, r, qty, 0, now);
  start(x, m, o, now);
  return o;
}

/** What `/order/test` asks: the filters. */
export function examineForm(x: SpotExchange, m: SpotMarket, r: SpotRequest, now: number): SpotReject | undefined {
  return checkFilters(m, r, now) ?? checkCounts(m, pendingOf(x, m.instrument.key), [r]);
}
function examine(x: SpotExchange, m: SpotMarket, r: SpotRequest, qty: number, now: number): SpotReject | undefined {
  const why = examineForm(x, m, r, now);
  if (why) return why;
  if (isTaken(x, m, r.clientId)) return 'duplicate';
  if (r.quote > 0) {
    if (bestPx(m, -r.side) === 0) return 'empty';
    if (qty < m.rules.minQty || qty <= 0) return 'thin';
    if (qty > m.rules.maxQty) return 'marketLot';
  }
  return checkMarket(m, r) ?? checkFunds(x, m, r, qty);
}
/** How the order stands to the market now. */
export function checkMarket(m: SpotMarket, r: SpotRequest): SpotReject | undefined {
  if (r.kind === 'LIMIT_MAKER') return wouldTake(m, r) ? 'maker' : undefined;
  if (!isContingent(r.kind) || Number.isNaN(r.stopPx) || m.last === 0) return undefined;
  return reached(isStopLoss(r.kind), r.side, r.stopPx, m.last) ? 'triggerNow' : undefined;
}
export const isStopLoss = (t: SpotType): boolean => t === 'STOP_LOSS' || t === 'STOP_LOSS_LIMIT';
/** Against the recorded book, and against own orders. */
function wouldTake(m: SpotMarket, r: SpotRequest): boolean {
  const best = bestPx(m, -r.side);
  if (best > 0 && (r.px - best) * r.side >= 0) return true;
  for (const own of r.side > 0 ? m.sells : m.buys) if (!isDone(own)) return (r.px - own.px) * r.side >= 0;
  return false;
}

/** Whether an open order has this client id. */
export function isTaken(x: SpotExchange, m: SpotMarket, clientId: string): boolean {
  return findOpen(x, m, (o) => o.clientId === clientId) !== undefined;
}
export function findOpen(x: SpotExchange, m: SpotMarket, match: (o: SpotOrder) => boolean): SpotOrder | undefined {
  for (const list of [m.buys, m.sells, m.stops])
    for (const o of list) if (!isDone(o) && match(o as SpotOrder)) return o as SpotOrder;
  for (const l of x.openLists)
    if (l.phase === 'working' && l.market === m.instrument.key)
      for (const o of l.orders) if (o.pending && match(o)) return o;
  return undefined;
}

const STP: Readonly<Record<SpotRequest['stp'], SelfTrade>> = {
  NONE: 'none',
  EXPIRE_MAKER: 'expire_maker',
  EXPIRE_TAKER: 'expire_taker',
  EXPIRE_BOTH: 'expire_both',
};
const CORE_TYPE = {
  LIMIT: 'limit',
  MARKET: 'market',
  LIMIT_MAKER: 'limit',
  STOP_LOSS: 'stop_market',
  STOP_LOSS_LIMIT: 'stop',
  TAKE_PROFIT: 'take_profit_market',
  TAKE_PROFIT_LIMIT: 'take_profit',
} as const;
const CORE_TIF = { GTC: 'gtc', IOC: 'ioc', FOK: 'fok' } as const;

/** Gives an order its id and remembers it. Nothing is locked or told yet. */
export function createOrder(
  x: SpotExchange,
  m: SpotMarket,
  r: SpotRequest,
  qty: number,
  list: number,
  now: number,
): SpotOrder {
  const ms = Math.floor(now / 1000);
  const o: SpotOrder = {
    clientId: r.clientId,
    orderId: m.nextOrderId++,
    algoId: 0,
    side: r.side,
    type: CORE_TYPE[r.kind],
    tif: r.kind === 'LIMIT_MAKER' ? 'gtx' : CORE_TIF[r.tif],
    px: hasPrice(r.kind) ? r.px : Number.NaN,
    stopPx: r.stopPx,
    working: 'last',
    qty,
    quote: r.quote,
    cum: 0,
    cumQuote: 0,
    reduceOnly: false,
    closePosition: false,
    protect: false,
    stp: STP[r.stp],
    goodTillMs: 0,
    activationPx: Number.NaN,
    callback: 0,
    extreme: 0,
    amendments: 0,
    triggered: false,
    liveId: -1,
    ahead: Number.POSITIVE_INFINITY,
    reservePx: Number.NaN,
    locked: 0,
    list,
    status: 'new',
    request: r,
    createdMs: ms,
    updatedMs: ms,
    workingMs: -1,
    pending: false,
    waiting: false,
    trailingMs: -1,
    bestPx: 0,
    cumMoney: 0,
    expiry: '',
    prevented: 0,
    preventedMatchId: -1,
  };
  m.orders.push(o);
  if (m.orders.length > 2 * HISTORY) forget(m);
  x.touched = true;
  return o;
}
/** Drops the oldest orders as long as they are finished. */
function forget(m: SpotMarket): void {
  let n = 0;
  while (n < HISTORY && isDone(m.orders[n]!)) n++;
  m.orders.splice(0, n);
  m.firstId += n;
}

/** Locks, tells and executes an order that was created. */
export function start(x: SpotExchange, m: SpotMarket, o: SpotOrder, now: number): void {
  lock(x, m, o);
  tellNew(x, m, o, now);
  proceed(x, m, o, now);
}
/** Tells a new order: on the book, or waiting for its price. */
export function tellNew(x: SpotExchange, m: SpotMarket, o: SpotOrder, now: number): void {
  const ms = Math.floor(now / 1000);
  o.waiting = isContingent(o.request.kind);
  if (!o.waiting) o.workingMs = ms;
  else if (o.request.trailingDelta > 0 && Number.isNaN(o.stopPx)) {
    o.trailingMs = ms;
    o.bestPx = m.last;
  }
  tellExecution(x, m, o, 'NEW', now);
}
/** Sends a told order to where it belongs. */
export function proceed(x: SpotExchange, m: SpotMarket, o: SpotOrder, now: number): void {
  if (o.waiting) m.stops.push(o);
  else execute(x, m, o, now);
}

/** An order meets the market: takes, then rests or expires. */
export function execute(x: SpotExchange, m: SpotMarket, o: SpotOrder, now: number): void {
  const limit = hasPrice(o.request.kind);
  const bound = limit ? o.px : o.side > 0 ? Number.POSITIVE_INFINITY : 0;
  if (o.tif === 'fok' && limit && takeable(m, -o.side, bound, o.qty) < o.qty) {
    leave(x, m, o, 'UNFILLED_FOK_ORDER_EXPIRED', now);
    return;
  }
  x.taker = o;
  takeLiquidity(x, m, o, bound, now);
  x.taker = null;
  if (isDone(o)) return;
  if (!limit) leave(x, m, o, 'INSUFFICIENT_LIQUIDITY', now);
  else if (o.tif === 'ioc' || o.tif === 'fok')
    leave(x, m, o, o.tif === 'ioc' ? 'UNFILLED_IOC_QUANTITY_EXPIRED' : 'UNFILLED_FOK_ORDER_EXPIRED', now);
  else {
    rest(m, o);
    insert(m, o);
  }
}
export function leave(x: SpotExchange, m: SpotMarket, o: SpotOrder, expiry: Expiry, now: number): void {
  expireOrder(x, m, o, expiry, now);
  afterEnd(x, m, o, now);
}

/**
 * Remembers and tells an order that was refused. The exchange does so only for the new order of a cancel-replace whose
 * cancel succeeded.
 */
export function refuseOrder(x: SpotExchange, m: SpotMarket, r: SpotRequest, why: SpotReject, now: number): void {
  const o = createOrder(x, m, r, r.qty, 0, now);
  o.status = 'rejected';
  tellExecution(x, m, o, 'REJECTED', now, { reason: SPOT_REJECT[why][2] });
}
