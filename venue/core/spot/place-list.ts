import { checkCounts, checkFilters } from './filters.ts';
import { expireOrder } from './finish.ts';
import { checkFunds, giveAsset, lock } from './funds.ts';
import { legsOf, lockPair, openListsOf, pairNeed, pendingOf, tellFinished } from './lists.ts';
import { checkMarket, createOrder, isStopLoss, isTaken, proceed, start, tellNew } from './place.ts';
import type { SpotReject } from './reject.ts';
import {
  HISTORY,
  hasPrice,
  LIMITS,
  type OrderList,
  type SpotExchange,
  type SpotMarket,
  type SpotRequest,
} from './state.ts';
import { tellExecution, tellList } from './tell.ts';

/**
 * OCO: [stop-loss leg, the other leg]. OTO: [working, pending]. OTOCO: [working, stop-loss leg, the other leg].
 */
export interface ListRequest {
  clientId: string;
  kind: OrderList['kind'];
  orders: readonly SpotRequest[];
}

/** Takes an order list, or says why not. */
export function placeList(x: SpotExchange, m: SpotMarket, r: ListRequest, now: number): OrderList | SpotReject {
  const why = examine(x, m, r, now);
  if (why) return why;
  const l: OrderList = {
    id: x.nextListId++,
    clientId: r.clientId,
    market: m.instrument.key,
    kind: r.kind,
    orders: [],
    phase: r.kind === 'OCO' ? 'pair' : 'working',
    locked: 0,
    done: false,
    timeMs: Math.floor(now / 1000),
  };
  for (const order of r.orders) l.orders.push(createOrder(x, m, order, order.qty, l.id, now));
  x.openLists.push(l);
  x.lists.push(l);
  if (x.lists.length > 2 * HISTORY) x.lists = x.lists.filter((old, i) => !old.done || i >= HISTORY);
  if (r.kind === 'OCO') lockPair(x, m, l);
  else lock(x, m, l.orders[0]!);
  for (const [i, o] of l.orders.entries()) {
    o.pending = r.kind !== 'OCO' && i > 0;
    if (o.pending) tellExecution(x, m, o, 'NEW', now);
    else tellNew(x, m, o, now);
  }
  tellList(x, l, now);
  for (const o of l.orders) if (!o.pending) proceed(x, m, o, now);
  return l;
}

function examine(x: SpotExchange, m: SpotMarket, r: ListRequest, now: number): SpotReject | undefined {
  const key = m.instrument.key;
  for (const o of r.orders) {
    const why = checkFilters(m, o, now);
    if (why) return why;
  }
  const counts = checkCounts(m, pendingOf(x, key), r.orders);
  if (counts) return counts;
  if (openListsOf(x, key) >= LIMITS.lists) return 'maxLists';
  const ids = r.orders.map((o) => o.clientId);
  if (new Set(ids).size < ids.length || ids.some((id) => isTaken(x, m, id))) return 'duplicate';
  if (x.openLists.some((l) => l.clientId === r.clientId)) return 'duplicate';
  if (r.kind === 'OCO') return checkPair(x, m, r.orders, m.last);
  if (r.kind === 'OTOCO' && !areApart(r.orders[1]!, r.orders[2]!, 0)) return 'ocoPrices';
  const working = r.orders[0]!;
  return checkMarket(m, working) ?? checkFunds(x, m, working, working.qty);
}

/** A pair against the market and the account. */
function checkPair(x: SpotExchange, m: SpotMarket, legs: readonly SpotRequest[], last: number): SpotReject | undefined {
  if (!areApart(legs[0]!, legs[1]!, last)) return 'ocoPrices';
  for (const leg of legs) {
    const why = checkMarket(m, leg);
    if (why) return why;
  }
  return pairNeed(m, legs) > x.assets.free[giveAsset(m, legs[0]!.side)]! ? 'funds' : undefined;
}
/** Sell: target > last > stop; buy: the reverse. `last` 0: the legs against one another. */
function areApart(stop: SpotRequest, target: SpotRequest, last: number): boolean {
  const low = stop.stopPx;
  const high = hasPrice(target.kind) ? target.px : target.stopPx;
  const { side } = stop;
  const apart = (a: number, b: number): boolean => Number.isNaN(a) || Number.isNaN(b) || (a - b) * side < 0;
  return last > 0 ? apart(high, last) && apart(last, low) : apart(high, low);
}

/** The working order is filled whole: the pending orders go to the book, or expire when they cannot. */
export function activate(x: SpotExchange, m: SpotMarket, l: OrderList, now: number): void {
  const legs = legsOf(l);
  l.phase = l.kind === 'OTO' ? 'single' : 'pair';
  const requests = legs.map((o) => o.request);
  const first = requests[0]!;
  const why =
    l.kind === 'OTO'
      ? (checkMarket(m, first) ?? checkFunds(x, m, first, first.qty))
      : checkPair(x, m, requests, m.last);
  for (const o of legs) o.pending = false;
  if (why) {
    for (const o of legs) expireOrder(x, m, o, 'REJECTED', now);
    l.done = true;
    x.openLists.splice(x.openLists.indexOf(l), 1);
    x.finished.push(l);
  } else if (l.kind === 'OTO') start(x, m, legs[0]!, now);
  else {
    lockPair(x, m, l);
    for (const o of legs) tellNew(x, m, o, now);
    for (const o of legs) proceed(x, m, o, now);
  }
  tellFinished(x, now);
}

/** Which leg of a pair comes first: the stop-loss one. */
export const stopFirst = (a: SpotRequest, b: SpotRequest): [SpotRequest, SpotRequest] =>
  isStopLoss(a.kind) ? [a, b] : [b, a];
