import { type ApiCall, ApiError, type Route } from '../../contract.ts';
import type { Params } from '../../params.ts';
import type { Candle } from '../candle.ts';
import type { CandleRing } from '../candle-ring.ts';
import type { SymbolFeed } from '../symbol-feed.ts';
import { get, intervalParam, limitParam, msOf, type Source, symbolOf } from './source.ts';

export function klineRoutes(s: Source): Route[] {
  const spot = s.market === 'spot';
  const klines = (c: ApiCall, f: SymbolFeed): unknown[] =>
    select(s, c, f.ringOf(c.params.text('interval'))).map((k) => kline(f, k));
  const prices = (name: string, by: 'symbol' | 'pair', ring: (f: SymbolFeed) => CandleRing): Route =>
    get(s, name, weight, (c) => {
      const f = symbolOf(s, c.params, by);
      return select(s, c, ring(f)).map((k) => priceKline(f, k));
    });
  const routes = [
    get(s, 'klines', spot ? 2 : weight, (c) => klines(c, symbolOf(s, c.params)), spot ? 'klines' : undefined),
  ];
  if (spot) return [...routes, get(s, 'uiKlines', 2, (c) => klines(c, symbolOf(s, c.params)), 'uiKlines')];
  return [
    ...routes,
    get(s, 'continuousKlines', weight, (c) => {
      c.params.oneOf('contractType', ['PERPETUAL'], -1115, 'Invalid contractType.');
      c.params.text('contractType');
      return klines(c, symbolOf(s, c.params, 'pair'));
    }),
    prices('markPriceKlines', 'symbol', (f) => f.mark.minutes),
    prices('indexPriceKlines', 'pair', (f) => f.mark.indexMinutes),
    prices('premiumIndexKlines', 'symbol', (f) => f.mark.premiumMinutes),
  ];
}

function weight(p: Params): number {
  const limit = Number(p.get('limit') ?? 500);
  return limit < 100 ? 1 : limit < 500 ? 2 : limit <= 1000 ? 5 : 10;
}

function select(s: Source, c: ApiCall, ring: CandleRing): Candle[] {
  const interval = intervalParam(s, c.params);
  const limit = limitParam(s, c.params, 500, s.market === 'usdm' ? 1500 : 1000);
  const start = c.params.int('startTime');
  const end = c.params.int('endTime');
  if (start !== undefined && end !== undefined && start > end)
    throw new ApiError(-1127, 'Start time is greater than end time.');
  ring.fill(msOf(c.marketUs));
  return ring.select(interval, start, end, limit);
}
function kline(f: SymbolFeed, k: Candle): unknown[] {
  const e = f.encoder;
  return [
    k.start,
    e.px.of(k.open),
    e.px.of(k.high),
    e.px.of(k.low),
    e.px.of(k.close),
    e.qty.of(k.volume),
    k.end,
    e.quote(k.quote),
    k.trades,
    e.qty.of(k.buyVolume),
    e.quote(k.buyQuote),
    '0',
  ];
}
/** Mark, index and premium candles count their samples and have no volumes. */
function priceKline(f: SymbolFeed, k: Candle): unknown[] {
  const m = (v: number): string => f.encoder.money(v);
  return [k.start, m(k.open), m(k.high), m(k.low), m(k.close), '0', k.end, '0', k.trades, '0', '0', '0'];
}
