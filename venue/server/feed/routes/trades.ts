import { ApiError, type Route } from '../../contract.ts';
import type { Params } from '../../params.ts';
import type { SymbolFeed } from '../symbol-feed.ts';
import type { Print } from '../trade-ring.ts';
import { get, limitParam, pathOf, type Source, symbolOf } from './source.ts';

export function tradeRoutes(s: Source): Route[] {
  const usdm = s.market === 'usdm';
  const trades = (f: SymbolFeed, list: Print[]): object[] => list.map((t) => trade(s, f, t));
  return [
    get(
      s,
      'trades',
      usdm ? 5 : 25,
      (c) => {
        const f = symbolOf(s, c.params);
        return trades(f, f.trades.between(undefined, undefined, limitParam(s, c.params, 500, 1000)));
      },
      usdm ? undefined : 'trades.recent',
    ),
    {
      method: 'GET',
      path: pathOf(s, 'historicalTrades'),
      security: usdm ? 'key' : 'none',
      weight: usdm ? 20 : 25,
      ...(usdm ? {} : { ws: 'trades.historical' }),
      handle(c) {
        const f = symbolOf(s, c.params);
        const limit = limitParam(s, c.params, usdm ? 100 : 500, usdm ? 500 : 1000);
        const from = c.params.int('fromId');
        return trades(
          f,
          from === undefined ? f.trades.between(undefined, undefined, limit) : f.trades.fromId(from, limit),
        );
      },
    },
    get(
      s,
      'aggTrades',
      usdm ? 20 : 4,
      (c) => aggTrades(s, symbolOf(s, c.params), c.params),
      usdm ? undefined : 'trades.aggregate',
    ),
  ];
}

function trade(s: Source, f: SymbolFeed, t: Print): object {
  const e = f.encoder;
  return {
    id: t.id,
    price: e.px.of(t.px),
    qty: e.qty.of(t.qty),
    quoteQty: e.quote(BigInt(t.px) * BigInt(t.qty), e.turnoverPlaces),
    time: t.ms,
    isBuyerMaker: t.taker < 0,
    ...(s.market === 'spot' ? { isBestMatch: true } : {}),
  };
}

function aggTrades(s: Source, f: SymbolFeed, p: Params): object[] {
  const limit = limitParam(s, p, 500, 1000);
  const from = p.int('fromId');
  const start = p.int('startTime');
  const end = p.int('endTime');
  if (from !== undefined && (start !== undefined || end !== undefined))
    throw new ApiError(-1128, 'Combination of optional parameters invalid.');
  if (start !== undefined && end !== undefined && start > end)
    throw new ApiError(-1127, 'Lookup interval is too big or start is after end.');
  const ring = f.aggTrades;
  const e = f.encoder;
  return (from === undefined ? ring.between(start, end, limit) : ring.fromId(from, limit)).map((a) => ({
    a: a.id,
    p: e.px.of(a.px),
    q: e.qty.of(a.qty),
    f: a.first,
    l: a.last,
    T: a.ms,
    m: a.taker < 0,
    ...(s.market === 'spot' ? { M: true } : {}),
  }));
}
