import { deepEqual, equal, ok } from 'node:assert/strict';
import type { LastPrice, MarketInterface, OHLCV, Ticker } from 'ccxt';
import { FUNDING_RATE } from './funding-rate.ts';
import { LINEAR_MARKET, SPOT_MARKET } from './market.ts';
import { ohlcvRules } from './ohlcv.ts';
import { bookRules } from './order-book.ts';
import type { Session } from './testing/session.ts';
import { isDated, isNumber, isPositive, isStamp } from './testing/stamp.ts';
import { BEST, LAST_PRICE, TICKER } from './ticker.ts';
import { TRADE_STREAM, tradeRules } from './trade.ts';

/** Markets, clock and state of the exchange. */
export async function general({ client, contract, name, symbol, other }: Session): Promise<void> {
  const markets = Object.values(client.markets ?? {}) as unknown as MarketInterface[];
  contract.all<MarketInterface>('market', markets, name === 'usdm' ? LINEAR_MARKET : SPOT_MARKET);
  contract.claim('loadMarkets lists both symbols', () => {
    for (const each of [symbol, other])
      ok(
        markets.some((m) => m.symbol === each),
        each,
      );
  });
  const [before, time] = [Date.now(), await client.fetchTime()];
  contract.claim('fetchTime tells the time', () => {
    isStamp(time);
    ok(Math.abs(time - before) < 10_000, `${time} at ${before}`);
  });
  const status = await client.fetchStatus();
  contract.claim('fetchStatus says that it is up', () => equal(status.status, 'ok'));
}

/** Spot alone: ccxt reads currencies from the wallet's side of the exchange. */
export async function currencies({ connect, contract }: Session): Promise<void> {
  const client = await connect({}, { fetchCurrencies: true });
  const all = Object.values(await client.fetchCurrencies()) as {
    code?: string;
    active?: boolean;
    precision?: number;
  }[];
  contract.claim('fetchCurrencies has base and quote', () => {
    for (const code of ['BTC', 'USDT'])
      ok(
        all.some((c) => c.code === code),
        code,
      );
  });
  contract.claim('fetchCurrencies: codes are told apart', () =>
    equal(new Set(all.map((c) => c.code)).size, all.length),
  );
}

export async function tickers({ client, contract, symbol, other }: Session): Promise<void> {
  const one = await client.fetchTicker(symbol);
  contract.all('fetchTicker', [one], TICKER);
  contract.claim('fetchTicker is of its symbol', () => equal(one.symbol, symbol));
  const many = await client.fetchTickers([symbol, other]);
  contract.all('fetchTickers', Object.values(many) as Ticker[], TICKER);
  contract.claim('fetchTickers has the symbols that were asked for', () =>
    deepEqual(Object.keys(many).sort(), [symbol, other].sort()),
  );
  const best = await client.fetchBidsAsks([symbol, other]);
  contract.all('fetchBidsAsks', Object.values(best) as Ticker[], BEST);
  contract.claim('fetchBidsAsks has the symbols that were asked for', () =>
    deepEqual(Object.keys(best).sort(), [symbol, other].sort()),
  );
  const last = await client.fetchLastPrices([symbol, other]);
  contract.all('fetchLastPrices', Object.values(last) as LastPrice[], LAST_PRICE);
  contract.claim('fetchLastPrices is near the best prices', () => {
    const [px, bid] = [(last[symbol] as LastPrice).price!, (best[symbol] as Ticker).bid!];
    ok(Math.abs(px / bid - 1) < 0.01, `${px} at a bid of ${bid}`);
  });
}

export async function books({ client, contract, market, symbol }: Session): Promise<void> {
  const limits = [5, 20, 100, 500];
  const got = await Promise.all(limits.map((limit) => client.fetchOrderBook(symbol, limit)));
  contract.all('fetchOrderBook', got, bookRules(market));
  contract.claim('fetchOrderBook holds no more levels than were asked for', () => {
    for (const [i, b] of got.entries())
      ok(b.bids.length <= limits[i]! && b.asks.length <= limits[i]!, `${b.bids.length} of ${limits[i]}`);
  });
  contract.claim('fetchOrderBook is a new object each time', () => ok(got[0] !== got[1]));
  // USD-M states when a book was; Spot does not.
  if (market.swap === true)
    contract.claim('fetchOrderBook says when it was', () => isDated({ ...got[0], timestamp: got[0]!.timestamp }));
  const later = await client.fetchOrderBook(symbol, 5);
  contract.claim('fetchOrderBook: update ids do not fall', () => ok(later.nonce! >= got[0]!.nonce!));
}

export async function trades({ client, contract, market, symbol }: Session): Promise<void> {
  const got = await client.fetchTrades(symbol, undefined, 100);
  contract.all('fetchTrades', got, tradeRules(market));
  contract.all('fetchTrades in order', [got], TRADE_STREAM);
  contract.claim('fetchTrades holds as many as were asked for, or all', () => ok(got.length > 0 && got.length <= 100));
  const middle = got[Math.floor(got.length / 2)]!;
  const since = await client.fetchTrades(symbol, middle.timestamp, 20);
  contract.claim('fetchTrades since a time begins there', () => {
    ok(since.length > 0 && since[0]!.timestamp! >= middle.timestamp!);
    ok(
      since.some((t) => t.id === middle.id),
      'the trade of that time is missing',
    );
  });
}

export async function candles(s: Session): Promise<void> {
  const { client, contract, symbol } = s;
  const minutes = await client.fetchOHLCV(symbol, '1m', undefined, 10);
  contract.all('fetchOHLCV', [minutes], ohlcvRules(1));
  contract.claim('fetchOHLCV holds no more than were asked for', () => ok(minutes.length <= 10));
  contract.all('fetchOHLCV of five minutes', [await client.fetchOHLCV(symbol, '5m', undefined, 5)], ohlcvRules(5));
  const since = await client.fetchOHLCV(symbol, '1m', minutes[0]![0], 1);
  contract.claim('fetchOHLCV since a time begins there', () => equal(since[0]?.[0], minutes[0]![0]));
  if (s.name === 'spot') return;
  const kinds: readonly [string, Promise<OHLCV[]>][] = [
    ['fetchMarkOHLCV', client.fetchMarkOHLCV(symbol, '1m', undefined, 5)],
    ['fetchIndexOHLCV', client.fetchIndexOHLCV(symbol, '1m', undefined, 5)],
    ['fetchPremiumIndexOHLCV', client.fetchPremiumIndexOHLCV(symbol, '1m', undefined, 5)],
  ];
  for (const [name, list] of kinds) contract.all(name, [await list], ohlcvRules(1));
}

/** USD-M alone. */
export async function funding({ client, contract, symbol, other }: Session): Promise<void> {
  contract.all('fetchFundingRate', [await client.fetchFundingRate(symbol)], FUNDING_RATE);
  const rates = await client.fetchFundingRates([symbol, other]);
  contract.all('fetchFundingRates', Object.values(rates), FUNDING_RATE);
  contract.claim('fetchFundingRates has the symbols that were asked for', () =>
    deepEqual(Object.keys(rates).sort(), [symbol, other].sort()),
  );
  const intervals = await client.fetchFundingIntervals([symbol]);
  contract.claim('fetchFundingIntervals tells hours', () => ok(/^\d+h$/.test(String(intervals[symbol]?.interval))));
  const history = await client.fetchFundingRateHistory(symbol, undefined, 10);
  contract.claim('fetchFundingRateHistory is a list of rates in order of time', () => {
    ok(Array.isArray(history));
    for (const [i, h] of history.entries()) {
      isDated(h);
      isNumber(h.fundingRate, 'rate');
      equal(h.symbol, symbol);
      ok(i === 0 || h.timestamp! > history[i - 1]!.timestamp!);
    }
  });
  const mark = await client.fetchMarkPrice(symbol);
  contract.claim('fetchMarkPrice has a mark and an index', () => {
    isPositive(mark.markPrice, 'mark price');
    isPositive(mark.indexPrice, 'index price');
  });
  const interest = await client.fetchOpenInterest(symbol);
  contract.claim('fetchOpenInterest is an amount at a time', () => {
    isDated(interest);
    isNumber(interest.openInterestAmount, 'open interest');
  });
}
