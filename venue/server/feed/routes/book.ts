import { ApiError, type Route } from '../../contract.ts';
import type { Params } from '../../params.ts';
import type { SymbolFeed } from '../symbol-feed.ts';
import { get, msOf, type Source, symbolOf } from './source.ts';

const USDM_LIMITS = [5, 10, 20, 50, 100, 500, 1000];
const SPOT_MOST = 5000;

export function bookRoutes(s: Source): Route[] {
  return [
    get(
      s,
      'depth',
      (p) => weight(s, p),
      (c) => depth(s, symbolOf(s, c.params), limitOf(s, c.params), c.marketUs),
      'depth',
    ),
  ];
}

function limitOf(s: Source, p: Params): number {
  const limit = p.int('limit', 1);
  if (s.market === 'spot') return Math.min(limit ?? 100, SPOT_MOST);
  if (limit !== undefined && !USDM_LIMITS.includes(limit))
    throw new ApiError(-1130, "Data sent for parameter 'limit' is not valid.");
  return limit ?? 500;
}
function weight(s: Source, p: Params): number {
  const sent = Number(p.get('limit') ?? (s.market === 'usdm' ? 500 : 100));
  if (s.market === 'usdm') return sent <= 50 ? 2 : sent <= 100 ? 5 : sent <= 500 ? 10 : 20;
  return sent <= 100 ? 5 : sent <= 500 ? 25 : sent <= 1000 ? 50 : 250;
}

/**
 * The book in sync with the diffs that were given out. A recording whose snapshot is yet to come answers with that one;
 * one without diffs with its best prices. Otherwise there is no book: better no answer than a wrong one.
 */
function depth(s: Source, f: SymbolFeed, limit: number, marketUs: number): object {
  const book = f.book.synced ? f.book : s.lookAhead(f);
  const e = f.encoder;
  if (book !== undefined) {
    const sides = { bids: e.pairs(f.side(1, limit, book)), asks: e.pairs(f.side(-1, limit, book)) };
    if (s.market === 'spot') return { lastUpdateId: book.u, ...sides };
    const now = msOf(marketUs);
    return { lastUpdateId: book.u, E: or(book.eventMs, now), T: or(book.timeMs, now), ...sides };
  }
  const b = f.best;
  if (f.holdsDiffs || b.u === 0)
    throw new ApiError(-1001, 'Internal error; unable to process your request. Please try again.', 503);
  const pair = (px: number, qty: number): [string, string][] => (qty > 0 ? [[e.px.of(px), e.qty.of(qty)]] : []);
  return {
    lastUpdateId: b.u,
    ...(s.market === 'usdm' ? { E: f.bestMs, T: f.bestMs } : {}),
    bids: pair(b.bid_px, b.bid_qty),
    asks: pair(b.ask_px, b.ask_qty),
  };
}
const or = (v: number, other: number): number => (Number.isNaN(v) ? other : v);
