import { levels } from '../book.ts';
import { takeable } from '../liquidity.ts';
import { floorDiv } from '../money.ts';
import { move } from './assets.ts';
import { affordable, baseOf, quoteAbove, quoteOf } from './money.ts';
import type { SpotReject } from './reject.ts';
import { hasPrice, type SpotExchange, type SpotMarket, type SpotOrder, type SpotRequest } from './state.ts';

/** What orders cost and lock: a sell locks base, a buy quote. */

export const giveAsset = (m: SpotMarket, side: number): number => (side > 0 ? m.quote : m.base);

/** The price that a buy locks at: its limit, else the price that it waits for, else the last. */
export function lockPrice(m: SpotMarket, r: SpotRequest): number {
  if (hasPrice(r.kind)) return r.px;
  return Number.isNaN(r.stopPx) ? m.last : r.stopPx;
}
/** What `qty` of a request locks at a price, × 10^8. Market orders lock nothing: they end at once. */
export function lockOf(m: SpotMarket, r: SpotRequest, qty: number, px = lockPrice(m, r)): number {
  if (r.kind === 'MARKET') return 0;
  return r.side > 0 ? quoteAbove(m, px, qty) : baseOf(m, qty);
}
/** What `qty` of an accepted order needs locked: at the price of its acceptance. */
export const needOf = (m: SpotMarket, o: SpotOrder, qty: number): number => lockOf(m, o.request, qty, o.reservePx);

export function lock(x: SpotExchange, m: SpotMarket, o: SpotOrder): void {
  o.reservePx = lockPrice(m, o.request);
  o.locked = needOf(m, o, o.qty - o.cum);
  move(x.assets, giveAsset(m, o.side), 'free', 'locked', o.locked);
}
export function release(x: SpotExchange, m: SpotMarket, o: SpotOrder): void {
  move(x.assets, giveAsset(m, o.side), 'locked', 'free', o.locked);
  o.locked = 0;
}

/** Everything that a market order may take. */
const anyPrice = (side: number): number => (side > 0 ? Number.POSITIVE_INFINITY : 0);
/** What taking `qty` from the recorded book costs a buyer, × 10^8: exactly what the trades will be booked at. */
export function takerCost(m: SpotMarket, qty: number): number {
  takeable(m, -1, anyPrice(1), qty);
  let cost = 0;
  for (let i = 0; i < levels.n; i++) cost += quoteOf(m, levels.px[i]!, levels.qty[i]!);
  return cost;
}
/** Quantity, in whole lots, that a quote amount buys or has to be sold for; 0 = the book gives less than a lot. */
export function qtyForQuote(m: SpotMarket, side: number, money: number): number {
  const { step } = m.rules;
  takeable(m, -side, anyPrice(side), Number.MAX_SAFE_INTEGER);
  let left = money;
  let qty = 0;
  for (let i = 0; i < levels.n && left > 0; i++) {
    const px = levels.px[i]!;
    const want = Math.min(levels.qty[i]!, affordable(m, px, left));
    if (want <= 0) break;
    qty += want;
    left -= quoteOf(m, px, want);
    if (want < levels.qty[i]!) break;
  }
  return step > 0 ? floorDiv(qty, step) * step : qty;
}

/** Whether the free balance carries a request of this quantity. `extra`: what would become free before (of the asset given). */
export function checkFunds(
  x: SpotExchange,
  m: SpotMarket,
  r: SpotRequest,
  qty: number,
  extra = 0,
): SpotReject | undefined {
  const free = x.assets.free[giveAsset(m, r.side)]! + extra;
  if (r.quote > 0 && r.side > 0) return r.quote > free ? 'funds' : undefined;
  if (r.side < 0) return baseOf(m, qty) > free ? 'funds' : undefined;
  const market = r.kind === 'MARKET';
  return (market ? takerCost(m, qty) : lockOf(m, r, qty)) > free ? 'funds' : undefined;
}
