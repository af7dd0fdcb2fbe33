import type { KeyInfo, Vec } from '../../../graph/schema/index.ts';
import { applyBest, applyLadder } from '../book.ts';
import { settle as settleMarket } from '../fill.ts';
import { fillLive, reachLive } from '../live.ts';
import { meetBook, meetTrade } from '../match.ts';
import { assetIndex, move } from './assets.ts';
import { addTrade } from './filters.ts';
import { activate } from './place-list.ts';
import { type SpotExchange, type SpotMarket, spotMarket } from './state.ts';
import { tellBalance, tellPosition } from './tell.ts';
import { triggerOrders } from './trigger.ts';

/** Every event of the market enters a Spot account through one of these, in order of time (µs). */

/** A recorded trade (`taker` 1: the taker bought). */
export function onTrade(x: SpotExchange, m: SpotMarket, px: number, qty: number, taker: number, now: number): void {
  x.now = now;
  m.last = px;
  addTrade(m, px, qty, now);
  if (!m.live && (m.buys.length > 0 || m.sells.length > 0)) {
    const given = meetTrade(x, m, -taker, px, qty, taker, now);
    meetTrade(x, m, taker, px, qty - given, taker, now);
  }
  if (m.stops.length > 0) triggerOrders(x, m, px, now);
  if (x.touched || x.activations.length > 0) settle(x, m, now);
}

/** A list of one kind of number, best level last: what of a `Vec` is read. */
type Lists = Pick<Vec, 'data' | 'start' | 'end' | 'length'>;
export interface LadderEvent {
  readonly u: number;
  readonly bid_px: Lists;
  readonly bid_qty: Lists;
  readonly ask_px: Lists;
  readonly ask_qty: Lists;
}
/** A new ladder of the recorded book, best level last. */
export function onLadder(x: SpotExchange, m: SpotMarket, v: LadderEvent, now: number): void {
  applyLadder(m.book, v.u, v.bid_px as Vec, v.bid_qty as Vec, v.ask_px as Vec, v.ask_qty as Vec);
  onBook(x, m, true, now);
}
export interface BestEvent {
  readonly u: number;
  readonly bid_px: number;
  readonly bid_qty: number;
  readonly ask_px: number;
  readonly ask_qty: number;
}
export function onBest(x: SpotExchange, m: SpotMarket, v: BestEvent, now: number): void {
  applyBest(m.book, v.u, v.bid_px, v.bid_qty, v.ask_px, v.ask_qty);
  onBook(x, m, false, now);
}
function onBook(x: SpotExchange, m: SpotMarket, ladder: boolean, now: number): void {
  x.now = now;
  if (m.live) reachLive(m);
  else {
    if (m.buys.length > 0) meetBook(x, m, 1, ladder, now);
    if (m.sells.length > 0) meetBook(x, m, -1, ladder, now);
  }
  if (x.touched || x.activations.length > 0) settle(x, m, now);
}

/**
 * Somebody took `qty` of a resting order in a live limit book (see liquidity.ts). The book is at work just then: what the
 * fill sets off in it (an order list's next orders) waits for the market's next event, the trade's own at the latest.
 */
export function onFillLive(x: SpotExchange, m: SpotMarket, id: number, px: number, qty: number, now: number): void {
  x.now = now;
  fillLive(x, m, id, px, qty, now);
  finish(x, m, now);
}

/**
 * Runs a command of a client (place, cancel, amend …) at `now` and settles what it did, also when it throws its answer: of
 * a cancel-replace one half may have happened.
 */
export function command<T>(x: SpotExchange, m: SpotMarket, now: number, work: () => T): T {
  x.now = now;
  try {
    return work();
  } finally {
    settle(x, m, now);
  }
}

/** After whatever may have touched orders or money. First it places what waited for a fill. */
function settle(x: SpotExchange, m: SpotMarket, now: number): void {
  for (let l = x.activations.shift(); l; l = x.activations.shift()) {
    const its = spotMarket(x, l.market);
    activate(x, its, l, now);
    x.touched = true;
    if (its === m) continue;
    settleMarket(x, its);
    x.touched = true;
  }
  finish(x, m, now);
}
/** Drops finished orders, holds the ledger to zero and tells the balances. */
function finish(x: SpotExchange, m: SpotMarket, now: number): void {
  settleMarket(x, m);
  // The shared matching also reports in the graph's terms; Spot tells its own events.
  x.outbox.length = 0;
  tellPosition(x, now);
}

/** Money from outside (> 0) or to it (< 0), × 10^-8. False when the free balance does not carry it. */
export function transfer(x: SpotExchange, asset: string, amount: number, now: number): boolean {
  x.now = now;
  const i = assetIndex(x.assets, asset);
  if (amount < 0 && x.assets.free[i]! < -amount) return false;
  if (amount < 0) move(x.assets, i, 'free', 'deposited', -amount);
  else move(x.assets, i, 'deposited', 'free', amount);
  tellBalance(x, asset, amount, now);
  tellPosition(x, now);
  return true;
}

/** The instrument of a key, undefined when it is not listed. */
export function marketAt(x: SpotExchange, key: KeyInfo): SpotMarket | undefined {
  return (x.markets[key.index] ?? undefined) as SpotMarket | undefined;
}
