import type { Route } from '../../contract.ts';
import type { SymbolFeed } from '../symbol-feed.ts';
import { find, get, limitParam, msOf, perSymbol, type Source, symbolOf, symbolsOf } from './source.ts';

const INTERVAL_HOURS = 8;
const INTERVAL_MS = INTERVAL_HOURS * 3_600_000;

/** Mark price and funding: USD-M only. */
export function fundingRoutes(s: Source): Route[] {
  if (s.market === 'spot') return [];
  return [
    get(s, 'premiumIndex', perSymbol(1, 10), (c) => {
      const { feeds, one } = symbolsOf(s, c.params);
      const list = feeds.map((f) => premium(f, msOf(c.marketUs)));
      return one ? list[0]! : list;
    }),
    get(s, 'fundingRate', 0, (c) => {
      const p = c.params;
      const symbol = p.get('symbol');
      const feeds = symbol === undefined ? [...s.symbols.values()] : [find(s, symbol)];
      const limit = limitParam(s, p, 100, 1000);
      const start = p.int('startTime');
      const from = start ?? 0;
      const to = p.int('endTime') ?? Number.POSITIVE_INFINITY;
      const all = feeds.flatMap((f) =>
        f.mark.fundings
          .filter((r) => r.ms >= from && r.ms <= to)
          .map((r) => ({ symbol: f.listed.symbol, fundingTime: r.ms, fundingRate: r.rate.toFixed(8) })),
      );
      all.sort((a, b) => a.fundingTime - b.fundingTime);
      return start === undefined ? all.slice(-limit) : all.slice(0, limit);
    }),
    get(s, 'fundingInfo', 0, (c) =>
      [...s.symbols.values()].map((f) => ({
        symbol: f.listed.symbol,
        adjustedFundingRateCap: '0.02000000',
        adjustedFundingRateFloor: '-0.02000000',
        fundingIntervalHours: INTERVAL_HOURS,
        disclaimer: false,
        updateTime: msOf(c.marketUs),
      })),
    ),
    // Nobody's positions are known here but the account's own, so there is no figure to give.
    get(s, 'openInterest', 1, (c) => {
      const f = symbolOf(s, c.params);
      return { symbol: f.listed.symbol, openInterest: f.encoder.qty.of(0), time: msOf(c.marketUs) };
    }),
  ];
}

/** Where the data have no mark price, the last price stands for it here (never as a mark price event). */
function premium(f: SymbolFeed, nowMs: number): object {
  const e = f.encoder;
  const mark = f.mark.px > 0 ? f.mark.px : Math.round((f.lastPx / f.listed.key.pxScale) * 1e8);
  const index = f.mark.indexPx > 0 ? f.mark.indexPx : mark;
  return {
    symbol: f.listed.symbol,
    markPrice: e.money(mark),
    indexPrice: e.money(index),
    estimatedSettlePrice: e.money(f.mark.settlePx > 0 ? f.mark.settlePx : index),
    lastFundingRate: (Number.isNaN(f.mark.rate) ? 0 : f.mark.rate).toFixed(8),
    interestRate: '0.00010000',
    nextFundingTime: Number.isNaN(f.mark.nextMs) ? (Math.floor(nowMs / INTERVAL_MS) + 1) * INTERVAL_MS : f.mark.nextMs,
    time: f.mark.ms > 0 ? f.mark.ms : nowMs,
  };
}
