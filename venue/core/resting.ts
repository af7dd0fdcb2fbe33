import { notionalOf } from './instrument.ts';
import { isDone, type Market, type Order } from './state.ts';

/**
 * What follows from a market's lists of orders and would cost a walk over them at every event: the notional that each side's
 * margin is reserved for, and how many orders have come to their end since the lists were last cleared of them. Kept
 * beside the state, which stays the whole truth: a market that nobody has counted yet (as after a checkpoint) is counted
 * in full when it is first asked for. All are integers, so that adding and taking off leaves no error.
 */
interface Tally {
  /** Notional of the side's open orders that are not reduce-only, at `reservePx`. NaN: to be counted in full. */
  buys: number;
  sells: number;
  /** At least as many as have ended or were triggered. */
  ended: number;
}
const TALLIES = new WeakMap<Market, Tally>();
const LIMIT = Number.MAX_SAFE_INTEGER;

function tallyOf(m: Market): Tally {
  let t = TALLIES.get(m);
  if (!t) {
    t = { buys: Number.NaN, sells: Number.NaN, ended: Number.POSITIVE_INFINITY };
    TALLIES.set(m, t);
  }
  return t;
}
const heldBy = (m: Market, o: Order, qty: number): number => notionalOf(m.instrument, o.reservePx, qty);

/** An order begins to rest. Keeps its list in order: best price first, then arrival. */
export function insert(m: Market, o: Order): void {
  const list = o.side > 0 ? m.buys : m.sells;
  let i = list.length;
  while (i > 0 && (o.px - list[i - 1]!.px) * o.side > 0) i--;
  if (i === list.length) list.push(o);
  else list.splice(i, 0, o);
  if (!o.reduceOnly) add(tallyOf(m), m, o, 0, o.qty - o.cum);
}
/** `qty` of a resting order was traded; its `cum` has it already. */
export function executed(m: Market, o: Order, qty: number): void {
  const left = o.qty - o.cum;
  if (!o.reduceOnly) add(tallyOf(m), m, o, left + qty, left);
}
function add(t: Tally, m: Market, o: Order, before: number, after: number): void {
  const sum = o.side > 0 ? t.buys : t.sells;
  if (Number.isNaN(sum)) return;
  const next = sum + ((after === 0 ? 0 : heldBy(m, o, after)) - (before === 0 ? 0 : heldBy(m, o, before)));
  set(t, o.side, next <= LIMIT ? next : Number.NaN);
}
function set(t: Tally, side: number, sum: number): void {
  if (side > 0) t.buys = sum;
  else t.sells = sum;
}

/** An order has come to its end by being filled whole: it leaves its list when the event is over. */
export function filled(m: Market): void {
  tallyOf(m).ended++;
}
/** An order has come to its end in another way, or was triggered. */
export function ended(m: Market, o: Order): void {
  tallyOf(m).ended++;
  recount(m, o.side);
}
/** A side's orders have changed in a way that is not followed. */
export function recount(m: Market, side: number): void {
  set(tallyOf(m), side, Number.NaN);
}

/** Notional of a side's open orders that are not reduce-only, at the price that their margin is reserved at. Throws CHM801. */
export function openNotional(m: Market, side: number): number {
  const t = tallyOf(m);
  const known = side > 0 ? t.buys : t.sells;
  if (!Number.isNaN(known)) return known;
  const sum = fullNotional(m, side);
  if (sum <= LIMIT) set(t, side, sum);
  return sum;
}
/** The same from the orders themselves. */
export function fullNotional(m: Market, side: number): number {
  let sum = 0;
  for (const o of side > 0 ? m.buys : m.sells) if (!o.reduceOnly && !isDone(o)) sum += heldBy(m, o, o.qty - o.cum);
  return sum;
}

/** Orders that have ended leave the lists, triggered ones leave `stops`. Those that were filled mostly stand in front. */
export function clear(m: Market): void {
  const t = tallyOf(m);
  if (t.ended === 0) return;
  const front = clearFront(m.buys) + clearFront(m.sells);
  if (front < t.ended) {
    compact(m.buys, false);
    compact(m.sells, false);
    compact(m.stops, true);
  }
  t.ended = 0;
}
function clearFront(list: Order[]): number {
  let n = 0;
  for (; list.length > 0 && isDone(list[0]!); n++) list.shift();
  return n;
}
function compact(list: Order[], stops: boolean): void {
  let n = 0;
  for (let i = 0; i < list.length; i++) {
    const o = list[i]!;
    if (!isDone(o) && !(o.triggered && stops)) list[n++] = o;
  }
  if (n < list.length) list.length = n;
}
