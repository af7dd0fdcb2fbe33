import { reduce } from '../liquidity.ts';
import { isDone } from '../state.ts';
import { move } from './assets.ts';
import { cancelOrder } from './finish.ts';
import { giveAsset, needOf } from './funds.ts';
import { cancelList, legsOf, listOf, pairNeed } from './lists.ts';
import { findOpen, isTaken } from './place.ts';
import type { SpotReject } from './reject.ts';
import {
  type Amendment,
  HISTORY,
  LIMITS,
  type OrderList,
  type SpotExchange,
  type SpotMarket,
  type SpotOrder,
} from './state.ts';
import { tellExecution, tellList } from './tell.ts';

/** Which order a request speaks of: by id first, then its client id has to fit. */
export interface Target {
  /** 0 = by client id. */
  orderId: number;
  clientId: string | undefined;
}
export function targetOf(x: SpotExchange, m: SpotMarket, t: Target): SpotOrder | SpotReject {
  const { orderId, clientId } = t;
  const o = findOpen(x, m, (c) => (orderId > 0 ? c.orderId === orderId : c.clientId === clientId));
  if (!o) return 'unknown';
  return clientId !== undefined && o.clientId !== clientId ? 'mismatch' : o;
}

export type Restriction = 'ONLY_NEW' | 'ONLY_PARTIALLY_FILLED' | undefined;
export interface Canceled {
  order: SpotOrder;
  /** The list that ended with it. */
  list: OrderList | undefined;
}
/** Cancels one order, and with it the list that it belongs to. `newId`: the cancel's own client id. */
export function cancelTarget(
  x: SpotExchange,
  m: SpotMarket,
  t: Target,
  only: Restriction,
  newId: string,
  now: number,
): Canceled | SpotReject {
  const order = targetOf(x, m, t);
  if (typeof order === 'string') return order;
  if (only === 'ONLY_NEW' && order.status !== 'new') return 'restricted';
  if (only === 'ONLY_PARTIALLY_FILLED' && order.status !== 'partially_filled') return 'restricted';
  return cancelOne(x, m, order, newId, now);
}
function cancelOne(x: SpotExchange, m: SpotMarket, order: SpotOrder, newId: string, now: number): Canceled {
  const list = listOf(x, order);
  if (list) cancelList(x, list, newId, now);
  else cancelOrder(x, m, order, newId, now);
  return { order, list };
}

/** Cancels everything open on an instrument in order of the orders' ids. @throws nothing: 'unknown' when there is nothing */
export function cancelAll(x: SpotExchange, m: SpotMarket, newId: string, now: number): Canceled[] | SpotReject {
  const open = openOrders(x, m);
  if (open.length === 0) return 'unknown';
  const out: Canceled[] = [];
  for (const o of open) if (!isDone(o)) out.push(cancelOne(x, m, o, newId, now));
  return out;
}

/** Open orders of an instrument, pending ones too, in order of their ids. */
export function openOrders(x: SpotExchange, m: SpotMarket): SpotOrder[] {
  const open: SpotOrder[] = [];
  findOpen(x, m, (o) => {
    open.push(o);
    return false;
  });
  return open.sort((a, b) => a.orderId - b.orderId);
}

/** Reduces an order in place; it keeps its place in the queue. Of a pair both legs change. */
export function amend(
  x: SpotExchange,
  m: SpotMarket,
  t: Target,
  newQty: number,
  newId: string,
  now: number,
): { amendment: Amendment; order: SpotOrder; list: OrderList | undefined } | SpotReject {
  const order = targetOf(x, m, t);
  if (typeof order === 'string') return order === 'unknown' ? 'amendUnknown' : order;
  const { minQty, step } = m.rules;
  if (newQty <= 0) return 'quantity';
  if (!Number.isInteger(newQty) || newQty < minQty || (step > 0 && newQty % step !== 0)) return 'lot';
  if (newQty === order.qty) return 'amendSame';
  if (newQty > order.qty) return 'amendMore';
  if (newQty <= order.cum) return 'lot';
  if (order.amendments >= LIMITS.amends) return 'amendFilter';
  const origClientId = order.clientId;
  if (newId !== origClientId && isTaken(x, m, newId)) return 'amendDuplicate';
  const list = listOf(x, order);
  const origQty = order.qty;
  const pair = list?.phase === 'pair' ? list : undefined;
  const amended = pair ? legsOf(pair) : [order];
  for (const o of amended) {
    reduce(m, o, o.qty - newQty);
    o.qty = newQty;
    o.request.qty = newQty;
    o.amendments++;
  }
  unlockSurplus(x, m, order, pair);
  order.clientId = newId;
  let executionId = 0;
  for (const o of amended) {
    const origId = o === order ? origClientId : o.clientId;
    const id = tellExecution(x, m, o, 'REPLACED', now, { newId: o.clientId, origId });
    if (o === order) executionId = id;
  }
  if (list && newId !== origClientId) tellList(x, list, now, { type: 'UPDATED', order: 'EXECUTING' });
  x.touched = true;
  const amendment: Amendment = {
    orderId: order.orderId,
    executionId,
    origClientId,
    newClientId: newId,
    origQty,
    newQty,
    timeMs: Math.floor(now / 1000),
  };
  m.amendments.push(amendment);
  if (m.amendments.length > 2 * HISTORY) m.amendments.splice(0, HISTORY);
  return { amendment, order, list };
}
function unlockSurplus(x: SpotExchange, m: SpotMarket, o: SpotOrder, pair: OrderList | undefined): void {
  if (o.pending) return;
  const asset = giveAsset(m, o.side);
  const holder = pair ?? o;
  const need = pair
    ? pairNeed(
        m,
        legsOf(pair).map((leg) => leg.request),
      )
    : needOf(m, o, o.qty - o.cum);
  if (holder.locked <= need) return;
  move(x.assets, asset, 'locked', 'free', holder.locked - need);
  holder.locked = need;
}
