import { quoteOf } from './money.ts';
import type { SpotReject } from './reject.ts';
import { hasPrice, isContingent, LIMITS, type SpotMarket, type SpotRequest } from './state.ts';

/**
 * Volume-weighted price of the last minutes in price units, else the last price; 0 = no trade yet. A reference, not
 * money: a double. `nowUs` decides which minutes count.
 */
export function averagePrice(m: SpotMarket, nowUs: number): number {
  const oldest = Math.floor(nowUs / 60e6) - LIMITS.averageMinutes;
  let value = 0;
  let qty = 0;
  for (const b of m.minutes) {
    if (b.minute <= oldest) continue;
    value += b.value;
    qty += b.qty;
  }
  return qty > 0 ? value / qty : m.last;
}
/** Takes a trade into the average price. */
export function addTrade(m: SpotMarket, px: number, qty: number, nowUs: number): void {
  const minute = Math.floor(nowUs / 60e6);
  const last = m.minutes[m.minutes.length - 1];
  if (last?.minute === minute) {
    last.value += px * qty;
    last.qty += qty;
    return;
  }
  m.minutes.push({ minute, value: px * qty, qty });
  if (m.minutes.length > LIMITS.averageMinutes) m.minutes.shift();
}

/** The filters of one order in the exchange's order, without counts and money. */
export function checkFilters(m: SpotMarket, r: SpotRequest, nowUs: number): SpotReject | undefined {
  const f = m.rules;
  const byQuote = r.quote > 0;
  if (!byQuote && r.qty <= 0) return 'quantity';
  if (hasPrice(r.kind)) {
    if (r.px <= 0) return 'badPrice';
    if (offGrid(r.px, f.minPx, f.maxPx, f.tick)) return 'price';
  }
  if (!Number.isNaN(r.stopPx)) {
    if (r.stopPx <= 0) return 'badPrice';
    if (offGrid(r.stopPx, f.minPx, f.maxPx, f.tick)) return 'price';
  }
  const average = averagePrice(m, nowUs);
  if (hasPrice(r.kind) && average > 0 && (r.px > average * LIMITS.up || r.px < average * LIMITS.down)) return 'percent';
  if (!byQuote && offGrid(r.qty, f.minQty, f.maxQty, f.step)) return 'lot';
  if (r.trailingDelta !== 0 && (r.trailingDelta < LIMITS.minTrailing || r.trailingDelta > LIMITS.maxTrailing))
    return 'trailing';
  return checkNotional(m, r, average);
}
const offGrid = (v: number, min: number, max: number, step: number): boolean =>
  !Number.isInteger(v) || (min > 0 && v < min) || (max > 0 && v > max) || (step > 0 && v % step !== 0);

function checkNotional(m: SpotMarket, r: SpotRequest, average: number): SpotReject | undefined {
  const { minNotional, maxNotional } = m.rules;
  if (r.quote > 0) return r.quote < minNotional ? 'notional' : undefined;
  // A market order's price is the average; a contingent one's the price that it waits for.
  const px = hasPrice(r.kind) ? r.px : isContingent(r.kind) && !Number.isNaN(r.stopPx) ? r.stopPx : Math.round(average);
  if (px <= 0) return undefined;
  // Beyond exact integers is beyond every limit; a market order may trade at twice the average.
  if (px * r.qty * m.instrument.up * 2 > Number.MAX_SAFE_INTEGER) return 'notional';
  const notional = quoteOf(m, px, r.qty);
  if (notional < minNotional) return 'notional';
  return hasPrice(r.kind) && maxNotional > 0 && notional > maxNotional ? 'notional' : undefined;
}

/** Whether more orders may be opened on the instrument. */
export function checkCounts(m: SpotMarket, pending: number, requests: readonly SpotRequest[]): SpotReject | undefined {
  const open = m.buys.length + m.sells.length + m.stops.length + pending;
  if (open + requests.length > LIMITS.orders) return 'maxOrders';
  const algo = requests.filter((r) => isContingent(r.kind)).length;
  if (algo > 0 && m.stops.length + algo > LIMITS.algoOrders) return 'maxAlgo';
  return undefined;
}
