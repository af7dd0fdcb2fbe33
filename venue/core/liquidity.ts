import {
  levelQty,
  levels,
  bestPx as recordedBest,
  takeable as recordedTakeable,
  take as takeRecorded,
} from './book.ts';
import type { Market, Order } from './state.ts';

/**
 * What an account's orders trade with. Two kinds, chosen per market by `m.live`:
 *
 * - the **recorded book** with a queue model (book.ts): the recording never changes; a resting order waits behind what its
 *   level showed and is filled by recorded trades and books (match.ts: meetTrade, meetBook);
 * - a **live limit book** in which others trade too: an order takes what really rests there, rests there itself in order
 *   of price and time, and is filled when somebody takes it (`fillLive` in live.ts).
 *
 * A live book is no plain data: it belongs to the market that is being simulated, and is attached to the account's market
 * by `attachLive`. Checkpoints are for recorded markets.
 */
export interface LiveBook {
  /** Best price of a side in whole price units; 0 when it is empty. */
  bestPx(side: number): number;
  /** Lists what stands on a side at `limit` or better, best first, up to `want`, into `levels` of book.ts. Returns the total. */
  takeable(side: number, limit: number, want: number): number;
  /** An order of the account takes `qty` of the other side at that level (and better ones). `side` is the taker's. */
  take(side: number, px: number, qty: number): void;
  /** Rests with an order of the account, behind what stands there. Returns its id, or −1 where the book does not reach. */
  add(side: number, px: number, qty: number): number;
  cancel(id: number): void;
  /** Takes `qty` off an order of the account without a trade of others. */
  reduce(id: number, qty: number): void;
  /** What stands before an order at its price. */
  ahead(id: number): number;
  /** Whether an order at that price could rest. */
  reaches(px: number): boolean;
}

/** Who has orders in a live book: told of what becomes of them. Times µs. */
export interface LiveOwner {
  /** Market time of what the account does now. */
  nowUs(): number;
  /** Others took `qty` of a resting order. */
  onFill(id: number, px: number, qty: number, nowUs: number): void;
  /** The book has moved away from it: it rests no longer. */
  onLost(id: number): void;
}

const LIVE = new WeakMap<Market, LiveBook>();

/** From now on the account's orders of this market trade in that book. Only while none is open. */
export function attachLive(m: Market, book: LiveBook): void {
  LIVE.set(m, book);
  m.live = true;
}
export function liveOf(m: Market): LiveBook {
  const book = LIVE.get(m);
  if (!book) throw new Error(`${m.instrument.name}: a live market without its book`);
  return book;
}

export function bestPx(m: Market, side: number): number {
  return m.live ? liveOf(m).bestPx(side) : recordedBest(m.book, side);
}
/** As `takeable` of book.ts. */
export function takeable(m: Market, side: number, limit: number, want: number): number {
  if (!m.live) return recordedTakeable(m.book, side, limit, want);
  if (want > 0) return liveOf(m).takeable(side, limit, want);
  levels.n = 0;
  return 0;
}
/** An order has taken `qty` of a level of `side`. */
export function take(m: Market, side: number, px: number, qty: number): void {
  if (m.live) liveOf(m).take(-side, px, qty);
  else takeRecorded(m.book, side, px, qty);
}
/** An order begins to rest: where it stands in the queue. */
export function rest(m: Market, o: Order): void {
  if (m.live) {
    const id = liveOf(m).add(o.side, o.px, o.qty - o.cum);
    o.liveId = id;
    o.ahead = id < 0 ? Number.POSITIVE_INFINITY : liveOf(m).ahead(id);
    return;
  }
  const shown = levelQty(m.book, o.side, o.px);
  o.ahead = shown < 0 ? Number.POSITIVE_INFINITY : shown;
}
/** An order no longer rests. */
export function leave(m: Market, o: Order): void {
  const id = o.liveId;
  if (!m.live || id < 0) return;
  o.liveId = -1;
  liveOf(m).cancel(id);
}
/** What stands before a resting order now. */
export const aheadOf = (m: Market, o: Order): number => (m.live && o.liveId >= 0 ? liveOf(m).ahead(o.liveId) : o.ahead);
/** An order loses `qty` to another of the same account. */
export function reduce(m: Market, o: Order, qty: number): void {
  if (m.live && o.liveId >= 0) liveOf(m).reduce(o.liveId, qty);
}
