import { move } from './assets.ts';
import { cancelOrder, type Expiry, expireOrder } from './finish.ts';
import { giveAsset, lockOf, lockPrice, needOf } from './funds.ts';
import {
  type OrderList,
  type SpotExchange,
  type SpotMarket,
  type SpotOrder,
  type SpotRequest,
  spotMarket,
} from './state.ts';
import { tellList } from './tell.ts';

/**
 * What happens to the other orders of a list when one of them trades, is triggered or ends. Placing lists: place-list.ts.
 *
 * - A pair (OCO): once a leg trades or its price comes, the other expires and the list is done; what the pair locked
 *   beyond that leg's need is free again. A leg that ends otherwise takes the other with it.
 * - Before the working order of an OTO or OTOCO is filled whole, the others are pending; if it ends, so do they.
 */
/** The open list of an order. */
export const listOf = (x: SpotExchange, o: SpotOrder): OrderList | undefined =>
  o.list === 0 ? undefined : x.openLists.find((l) => l.id === o.list);

/** A leg begins to trade or to work: the other one ends. */
export function resolvePair(x: SpotExchange, m: SpotMarket, o: SpotOrder, now: number): void {
  const l = listOf(x, o);
  if (l?.phase !== 'pair') return;
  // Nothing of it has traded before this moment.
  o.locked = needOf(m, o, o.qty);
  l.locked -= o.locked;
  unlockPair(x, m, l);
  for (const leg of legsOf(l)) if (leg !== o) expireOrder(x, m, leg, 'OCO_TRIGGER', now);
  done(x, l);
}

export const beforeFill = resolvePair;

/** After a trade was told. */
export function afterFill(x: SpotExchange, _m: SpotMarket, o: SpotOrder, now: number): void {
  if (o.list === 0) return;
  const l = listOf(x, o);
  if (l && o.status === 'filled') {
    if (l.phase === 'working') x.activations.push(l);
    else done(x, l);
  }
  tellFinished(x, now);
}

/** After an order of a list ended without being filled: its list ends too. */
export function afterEnd(x: SpotExchange, m: SpotMarket, o: SpotOrder, now: number): void {
  const l = listOf(x, o);
  if (!l) return;
  const expiry: Expiry = l.phase === 'working' ? 'OTO_PHASE_ONE_EXPIRED' : 'OCO_TRIGGER';
  for (const leg of l.orders) expireOrder(x, m, leg, expiry, now);
  unlockPair(x, m, l);
  done(x, l);
  tellFinished(x, now);
}

/** Cancels every open order of a list. `newId`: the cancel's own client id. */
export function cancelList(x: SpotExchange, l: OrderList, newId: string, now: number): void {
  const m = spotMarket(x, l.market);
  for (const leg of l.orders) cancelOrder(x, m, leg, newId, now);
  unlockPair(x, m, l);
  done(x, l);
  tellFinished(x, now);
}

/** The orders that one another end. */
export const legsOf = (l: OrderList): SpotOrder[] => (l.kind === 'OCO' ? l.orders : l.orders.slice(1));

/** Locks the larger of both needs for the pair. */
export function lockPair(x: SpotExchange, m: SpotMarket, l: OrderList): void {
  for (const leg of legsOf(l)) leg.reservePx = lockPrice(m, leg.request);
  l.locked = pairNeed(
    m,
    legsOf(l).map((leg) => leg.request),
  );
  move(x.assets, giveAsset(m, legsOf(l)[0]!.side), 'free', 'locked', l.locked);
}
export const pairNeed = (m: SpotMarket, legs: readonly SpotRequest[]): number =>
  Math.max(...legs.map((r) => lockOf(m, r, r.qty)));

function unlockPair(x: SpotExchange, m: SpotMarket, l: OrderList): void {
  move(x.assets, giveAsset(m, l.orders.at(-1)!.side), 'locked', 'free', l.locked);
  l.locked = 0;
}
function done(x: SpotExchange, l: OrderList): void {
  l.done = true;
  x.openLists.splice(x.openLists.indexOf(l), 1);
  x.finished.push(l);
}
export function tellFinished(x: SpotExchange, now: number): void {
  for (const l of x.finished) tellList(x, l, now);
  x.finished.length = 0;
}

/** Pending orders of the instrument. */
export function pendingOf(x: SpotExchange, index: number): number {
  let n = 0;
  for (const l of x.openLists) if (l.phase === 'working' && l.market === index) n += l.orders.length - 1;
  return n;
}
export function openListsOf(x: SpotExchange, index: number): number {
  let n = 0;
  for (const l of x.openLists) if (l.market === index) n++;
  return n;
}
