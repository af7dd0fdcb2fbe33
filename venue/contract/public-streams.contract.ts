import { equal, ok } from 'node:assert/strict';
import type { OHLCV, OrderBook, Ticker, Trade } from 'ccxt';
import { ohlcvRules } from './ohlcv.ts';
import { BOOK_STREAM, bookRules, copyOf } from './order-book.ts';
import { atLeast, gather } from './testing/events.ts';
import type { Session } from './testing/session.ts';
import { isPositive } from './testing/stamp.ts';
import { BEST, TICKER } from './ticker.ts';
import { TRADE_STREAM, tradeRules } from './trade.ts';

/** How long each stream is listened to, at least, ms of the wall. */
const LISTEN_MS = 2500;
const several = (n: number) => atLeast(n, LISTEN_MS);

/** Each stream for a few seconds, all at once as a program does. */
export async function streams(s: Session): Promise<void> {
  const flows = [tradesOf, booksOf, bestOf, tickersOf, candlesOf, ofSeveral, ...(s.name === 'usdm' ? [marksOf] : [])];
  const ends = await Promise.allSettled(flows.map((flow) => flow(s)));
  for (const [i, end] of ends.entries())
    s.contract.claim(`${flows[i]!.name}: every stream speaks`, () =>
      ok(end.status === 'fulfilled', end.status === 'rejected' ? String(end.reason) : ''),
    );
}

async function tradesOf({ client, contract, market, symbol, name }: Session): Promise<void> {
  const lists = await gather('watchTrades', () => client.watchTrades(symbol), several(3));
  const all = lists.flat() as Trade[];
  contract.all('watchTrades', all, tradeRules(market));
  contract.all('watchTrades in order', [all], TRADE_STREAM);
  if (name === 'spot') return;
  const aggregates = await gather(
    'aggTrade',
    () => client.watchTrades(symbol, undefined, undefined, AGG),
    atLeast(2, 0),
  );
  contract.all('watchTrades of aggregates', aggregates.flat() as Trade[], tradeRules(market));
}
const AGG = { name: 'aggTrade' };

async function booksOf({ client, contract, market, symbol }: Session): Promise<void> {
  const watch = async (): Promise<OrderBook> => copyOf(await client.watchOrderBook(symbol));
  const books = await gather('watchOrderBook', watch, several(10));
  contract.all('watchOrderBook', books, bookRules(market));
  contract.all('watchOrderBook in order', [books], BOOK_STREAM);
  const [rest, last] = [await client.fetchOrderBook(symbol, 5), await watch()];
  contract.claim('watchOrderBook and fetchOrderBook are of one book', () => {
    ok(Math.abs(rest.bids[0]![0]! / last.bids[0]![0]! - 1) < 0.005, `${rest.bids[0]} and ${last.bids[0]}`);
    ok(Math.abs(rest.nonce! - last.nonce!) < 1e6, `${rest.nonce} and ${last.nonce}`);
  });
}

async function bestOf({ client, contract, symbol, other }: Session): Promise<void> {
  const got = await gather('watchBidsAsks', () => client.watchBidsAsks([symbol, other]), several(5));
  const best = got.flatMap((t) => Object.values(t) as Ticker[]);
  contract.all('watchBidsAsks', best, BEST);
  contract.claim('watchBidsAsks speaks of each symbol', () => {
    for (const each of [symbol, other])
      ok(
        best.some((t) => t.symbol === each),
        each,
      );
  });
}

async function tickersOf({ client, contract, symbol, other }: Session): Promise<void> {
  const [ones, many] = await Promise.all([
    gather('watchTicker', () => client.watchTicker(symbol), several(2)),
    gather('watchTickers', () => client.watchTickers([symbol, other]), several(2)),
  ]);
  contract.all('watchTicker', ones, TICKER);
  contract.claim('watchTicker is of its symbol', () => equal(ones[0]!.symbol, symbol));
  const all = many.flatMap((t) => Object.values(t) as Ticker[]);
  contract.all('watchTickers', all, TICKER);
  // Of two that come together a waiting call gets the first; the client holds both.
  contract.claim('watchTickers speaks of each symbol', () => {
    for (const each of [symbol, other]) equal(client.tickers[each]?.symbol, each);
  });
  contract.all('watchTickers of the other symbol', [client.tickers[other] as Ticker], TICKER);
}

async function candlesOf({ client, contract, symbol }: Session): Promise<void> {
  const lists = await gather('watchOHLCV', () => client.watchOHLCV(symbol, '1m'), several(3));
  const all = lists.flat() as OHLCV[];
  contract.all(
    'watchOHLCV',
    all.map((c) => [c]),
    ohlcvRules(1),
  );
  contract.claim('watchOHLCV never steps back', () => {
    for (let i = 1; i < all.length; i++) ok(all[i]![0]! >= all[i - 1]![0]!);
  });
}

/** One subscription for several symbols. */
async function ofSeveral({ connect, contract, market, symbol, other }: Session): Promise<void> {
  // Its own client: two subscriptions of one client to a stream fill one cache, which then holds each trade twice.
  const client = await connect();
  const pairs = [
    [symbol, '5m'],
    [other, '5m'],
  ];
  const both = [symbol, other];
  const [trades, books, candles] = await Promise.all([
    gather('watchTradesForSymbols', () => client.watchTradesForSymbols(both), several(4)),
    gather('watchOrderBookForSymbols', async () => copyOf(await client.watchOrderBookForSymbols(both)), several(8)),
    gather('watchOHLCVForSymbols', () => client.watchOHLCVForSymbols(pairs as unknown as string[][]), several(4)),
  ]);
  const mine = (trades.flat() as Trade[]).filter((t) => t.symbol === symbol);
  contract.all('watchTradesForSymbols', mine, tradeRules(market));
  contract.all('watchTradesForSymbols in order', [mine], TRADE_STREAM);
  contract.all(
    'watchOrderBookForSymbols',
    books.filter((b) => b.symbol === symbol),
    bookRules(market),
  );
  contract.claim('watchTradesForSymbols and watchOrderBookForSymbols speak of each symbol', () => {
    for (const each of both) {
      ok(
        (trades.flat() as Trade[]).some((t) => t.symbol === each),
        `trades of ${each}`,
      );
      ok(
        books.some((b) => b.symbol === each),
        `books of ${each}`,
      );
    }
  });
  contract.claim('watchOHLCVForSymbols speaks of each symbol and its interval', () => {
    ok(candles.length > 0);
    for (const each of both) ok(client.ohlcvs[each]?.['5m'] !== undefined, each);
  });
}

async function marksOf({ client, contract, symbol }: Session): Promise<void> {
  const got = await gather('watchMarkPrice', () => client.watchMarkPrice(symbol), several(2));
  contract.claim('watchMarkPrice has mark and index, and rate and time of the next funding', () => {
    for (const t of got) {
      isPositive(t.markPrice, 'mark price');
      isPositive(t.indexPrice, 'index price');
      ok(Number.isFinite(Number(t.info.r)), `rate ${t.info.r}`);
      isPositive(Number(t.info.T), 'next funding');
    }
  });
}

/** What was subscribed to is given up again. */
export async function farewell({ client, contract, symbol }: Session): Promise<void> {
  const kinds: readonly [string, () => Promise<unknown>][] = [
    ['unWatchTrades', () => client.unWatchTrades(symbol)],
    ['unWatchOrderBook', () => client.unWatchOrderBook(symbol)],
    ['unWatchOHLCV', () => client.unWatchOHLCV(symbol, '1m')],
  ];
  for (const [name, call] of kinds) {
    const [answer] = await gather(name, call, (got) => got.length === 1);
    contract.claim(`${name} is acknowledged`, () => ok(answer !== undefined));
  }
}
