import type { ApiCall, Route } from '../../contract.ts';
import type { SymbolFeed } from '../symbol-feed.ts';
import { get, msOf, perSymbol, type Source, symbolOf, symbolsOf } from './source.ts';

const AVG_MINUTES = 5;

export function tickerRoutes(s: Source): Route[] {
  const usdm = s.market === 'usdm';
  const answer = (one: (f: SymbolFeed, c: ApiCall) => object) => (c: ApiCall) => {
    const { feeds, one: single } = symbolsOf(s, c.params);
    const list = feeds.map((f) => one(f, c));
    return single ? list[0]! : list;
  };
  const price = answer((f, c) => ({
    symbol: f.listed.symbol,
    price: f.encoder.px.of(f.lastPx),
    ...(usdm ? { time: msOf(c.marketUs) } : {}),
  }));
  const routes = [
    get(
      s,
      'ticker/24hr',
      usdm ? perSymbol(1, 40) : perSymbol(2, 80),
      answer((f, c) => day(s, f, c)),
      usdm ? undefined : 'ticker.24hr',
    ),
    get(s, 'ticker/price', usdm ? perSymbol(1, 2) : perSymbol(2, 4), price, 'ticker.price'),
    get(
      s,
      'ticker/bookTicker',
      usdm ? perSymbol(2, 5) : perSymbol(2, 4),
      answer((f) => best(s, f)),
      'ticker.book',
    ),
  ];
  if (usdm) return [...routes, get(s, '/fapi/v2/ticker/price', perSymbol(1, 2), price)];
  return [...routes, get(s, 'avgPrice', 2, (c) => average(symbolOf(s, c.params), msOf(c.marketUs)), 'avgPrice')];
}

function day(s: Source, f: SymbolFeed, c: ApiCall): object {
  const { prevClosePrice, bidPrice, bidQty, askPrice, askQty, ...t } = f.ticker(msOf(c.marketUs));
  const symbol = f.listed.symbol;
  if (s.market === 'usdm') return { symbol, ...t };
  if (c.params.get('type') !== 'MINI') return { symbol, ...t, prevClosePrice, bidPrice, bidQty, askPrice, askQty };
  const { priceChange: _c, priceChangePercent: _p, weightedAvgPrice: _w, lastQty: _q, ...mini } = t;
  return { symbol, ...mini };
}
function best(s: Source, f: SymbolFeed): object {
  const { best: b, encoder: e } = f;
  return {
    symbol: f.listed.symbol,
    bidPrice: e.px.of(b.bid_px),
    bidQty: e.qty.of(b.bid_qty),
    askPrice: e.px.of(b.ask_px),
    askQty: e.qty.of(b.ask_qty),
    ...(s.market === 'usdm' ? { time: f.bestMs } : {}),
  };
}
function average(f: SymbolFeed, nowMs: number): object {
  f.minutes.fill(nowMs);
  const from = f.minutes.indexFrom(nowMs - (AVG_MINUTES - 1) * 60_000 - (nowMs % 60_000));
  const sum = f.minutes.length > from ? f.minutes.sum(from) : undefined;
  const price =
    sum !== undefined && sum.volume > 0 ? f.encoder.average(sum.quote, sum.volume) : f.encoder.px.of(f.lastPx);
  return { mins: AVG_MINUTES, price };
}
