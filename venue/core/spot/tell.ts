import { amount8, fixed8 } from './decimal.ts';
import {
  type OrderList,
  type SpotExchange,
  type SpotMarket,
  type SpotOrder,
  type SpotTrade,
  spotMarket,
} from './state.ts';

/** User events of a Spot account in Binance's JSON. Times in ms of the market's clock. */

export type ExecutionType = 'NEW' | 'CANCELED' | 'REPLACED' | 'REJECTED' | 'TRADE' | 'EXPIRED' | 'TRADE_PREVENTION';

const STATUS = {
  new: 'NEW',
  partially_filled: 'PARTIALLY_FILLED',
  filled: 'FILLED',
  canceled: 'CANCELED',
  rejected: 'REJECTED',
  expired: 'EXPIRED',
  expired_in_match: 'EXPIRED_IN_MATCH',
} as const;
export const statusOf = (o: SpotOrder): string => (o.pending ? 'PENDING_NEW' : STATUS[o.status]);
export const sideOf = (o: SpotOrder): 'BUY' | 'SELL' => (o.side > 0 ? 'BUY' : 'SELL');
/** On the book, or about to be executed. */
export const isWorking = (o: SpotOrder): boolean =>
  (o.status === 'new' || o.status === 'partially_filled') && !o.waiting && !o.pending;
export const listIdOf = (o: SpotOrder): number => (o.list === 0 ? -1 : o.list);

interface Told {
  /** Of a cancel or an amendment: its own client id; the order's is then `C`. */
  newId?: string;
  origId?: string;
  trade?: SpotTrade;
  reason?: string;
  /** Of self-trade prevention. */
  counterId?: number;
  price?: number;
}

/** An execution report. Field order as in the exchange's documentation. */
export function tellExecution(
  x: SpotExchange,
  m: SpotMarket,
  o: SpotOrder,
  type: ExecutionType,
  now: number,
  more: Told = NOTHING,
): number {
  const { px: pd, qty: qd } = m.digits;
  const { trade } = more;
  const r = o.request;
  const ms = Math.floor(now / 1000);
  const id = x.nextExecutionId++;
  const e: Record<string, unknown> = {
    e: 'executionReport',
    E: ms,
    s: m.rules.symbol,
    c: more.newId ?? o.clientId,
    S: sideOf(o),
    o: r.kind,
    f: r.tif,
    q: fixed8(o.qty, qd),
    p: priceOf(o.px, pd),
    P: priceOf(o.stopPx, pd),
    F: '0.00000000',
    g: listIdOf(o),
    C: more.newId === undefined ? '' : (more.origId ?? o.clientId),
    x: type,
    X: statusOf(o),
    r: more.reason ?? 'NONE',
    i: o.orderId,
    l: trade ? fixed8(trade.qty, qd) : '0.00000000',
    z: fixed8(o.cum, qd),
    L: trade ? fixed8(trade.px, pd) : '0.00000000',
    n: trade ? amount8(trade.fee) : '0',
    N: trade ? (trade.buyer ? m.rules.base : m.rules.quote) : null,
    T: ms,
    t: trade ? trade.id : -1,
    I: id,
    w: isWorking(o),
    m: trade?.maker ?? false,
    M: trade !== undefined,
    O: o.createdMs,
    Z: amount8(o.cumMoney),
    Y: trade ? amount8(trade.quote) : '0.00000000',
    Q: amount8(r.quote),
  };
  if (o.workingMs >= 0) e['W'] = o.workingMs;
  e['V'] = r.stp;
  if (r.trailingDelta > 0) {
    e['d'] = r.trailingDelta;
    e['D'] = o.trailingMs;
  }
  if (r.strategyId >= 0) e['j'] = r.strategyId;
  if (r.strategyType >= 0) e['J'] = r.strategyType;
  if (o.expiry !== '') e['eR'] = o.expiry;
  if (type === 'TRADE_PREVENTION') tellPrevention(m, o, e, more);
  x.events.push(e);
  o.updatedMs = ms;
  return id;
}
const NOTHING: Told = {};
export const priceOf = (px: number, digits: number): string => (Number.isNaN(px) ? '0.00000000' : fixed8(px, digits));

function tellPrevention(m: SpotMarket, o: SpotOrder, e: Record<string, unknown>, more: Told): void {
  const qty = fixed8(o.prevented, m.digits.qty);
  e['v'] = o.preventedMatchId;
  e['A'] = qty;
  e['B'] = qty;
  e['u'] = 1;
  e['U'] = more.counterId;
  e['Cs'] = m.rules.symbol;
  e['pl'] = qty;
  e['pL'] = priceOf(more.price ?? Number.NaN, m.digits.px);
}

/** The state of an order list, as queries and events share it. */
export interface ListStatus {
  type: 'EXEC_STARTED' | 'UPDATED' | 'ALL_DONE';
  order: 'EXECUTING' | 'ALL_DONE';
}
export const listStatusOf = (l: OrderList): ListStatus =>
  l.done ? { type: 'ALL_DONE', order: 'ALL_DONE' } : { type: 'EXEC_STARTED', order: 'EXECUTING' };
/** Contingency as Binance names it: of an OTOCO it is OTO. */
export const contingencyOf = (l: OrderList): 'OCO' | 'OTO' => (l.kind === 'OCO' ? 'OCO' : 'OTO');

export function tellList(x: SpotExchange, l: OrderList, now: number, status: ListStatus = listStatusOf(l)): void {
  const ms = Math.floor(now / 1000);
  const { symbol } = spotMarket(x, l.market).rules;
  l.timeMs = ms;
  x.events.push({
    e: 'listStatus',
    E: ms,
    s: symbol,
    g: l.id,
    c: contingencyOf(l),
    l: status.type,
    L: status.order,
    r: 'NONE',
    C: l.clientId,
    T: ms,
    O: l.orders.map((o) => ({ s: symbol, i: o.orderId, c: o.clientId })),
  });
}

/** The balances that may have changed since the last one. */
export function tellPosition(x: SpotExchange, now: number): void {
  const a = x.assets;
  if (a.changed.length === 0) return;
  const ms = Math.floor(now / 1000);
  x.updatedMs = ms;
  x.events.push({
    e: 'outboundAccountPosition',
    E: ms,
    u: ms,
    B: a.changed.map((i) => ({ a: a.names[i], f: amount8(a.free[i]!), l: amount8(a.locked[i]!) })),
  });
  a.changed.length = 0;
}

/** A deposit, a withdrawal or a transfer between wallets: `delta` in 10^-8. */
export function tellBalance(x: SpotExchange, asset: string, delta: number, now: number): void {
  const ms = Math.floor(now / 1000);
  x.events.push({ e: 'balanceUpdate', E: ms, a: asset, d: amount8(delta), T: ms });
}
