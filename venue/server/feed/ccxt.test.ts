import { beforeAll, describe, expect, it } from 'vitest';
import { ApiError, type MarketName } from '../contract.ts';
import { Params } from '../params.ts';
import { createFeed, type PlayedFeed } from './index.ts';

/** The part of ccxt that is used here; its own types are of another shape for each exchange. */
interface Level {
  bids: [number, number][];
  asks: [number, number][];
  nonce: number;
}
type Row = Readonly<Record<string, unknown>>;
interface Client {
  fetchImplementation: unknown;
  loadMarkets(): Promise<Record<string, Row>>;
  fetchOrderBook(symbol: string, limit?: number): Promise<Level>;
  fetchTrades(symbol: string, since?: number, limit?: number): Promise<Row[]>;
  fetchTicker(symbol: string): Promise<Row>;
  fetchTickers(): Promise<Record<string, Row>>;
  fetchBidsAsks(): Promise<Record<string, Row>>;
  fetchLastPrices(): Promise<Record<string, Row>>;
  fetchOHLCV(symbol: string, interval: string, since?: number, limit?: number, params?: object): Promise<number[][]>;
  fetchFundingRate(symbol: string): Promise<Row>;
  fetchFundingRates(): Promise<Record<string, Row>>;
  fetchFundingIntervals(): Promise<Record<string, Row>>;
  fetchTime(): Promise<number>;
}

let feed: PlayedFeed;
let now = 0;
const clients: Partial<Record<MarketName, Client>> = {};

/** Answers ccxt's requests from the routes, without a server. */
async function answer(market: MarketName, url: string): Promise<Response> {
  const u = new URL(url);
  const route = feed.routes(market).find((r) => r.path === u.pathname && r.method === 'GET');
  if (route === undefined) return new Response('{"code":-1,"msg":"no such route"}', { status: 404 });
  try {
    const params = new Params(Object.fromEntries(u.searchParams));
    return Response.json(await route.handle({ params, wallMs: Math.floor(now / 1000), marketUs: now }));
  } catch (e) {
    if (e instanceof ApiError) return Response.json({ code: e.code, msg: e.message }, { status: e.status });
    throw e;
  }
}

beforeAll(async () => {
  feed = await createFeed({ seed: 11, rate: 50 });
  now = feed.nextUs() + 130e6;
  feed.advance(now);
  const { default: ccxt } = (await import('ccxt')) as unknown as {
    default: Record<'binance' | 'binanceusdm', new (options: object) => Client>;
  };
  const options = { fetchCurrencies: false, fetchMargins: false, fetchMarkets: { types: ['spot'] } };
  const make = (market: MarketName): Client => {
    const client =
      market === 'usdm'
        ? new ccxt.binanceusdm({ enableRateLimit: false, options: { fetchCurrencies: false } })
        : new ccxt.binance({ enableRateLimit: false, options });
    client.fetchImplementation = (url: string) => answer(market, url);
    return client;
  };
  clients.usdm = make('usdm');
  clients.spot = make('spot');
});

describe.each([
  ['usdm', 'BTC/USDT:USDT', 0.1, 0.001],
  ['spot', 'BTC/USDT', 0.1, 0.00001],
] as const)('an unmodified ccxt reads the public %s routes', (market, symbol, tick, step) => {
  it('for its markets, with tick, lot and limits', async () => {
    const client = clients[market]!;
    const markets = await client.loadMarkets();
    expect(Object.keys(markets)).toHaveLength(2);
    expect(markets[symbol]).toMatchObject({
      active: true,
      precision: { price: tick, amount: step },
      limits: { amount: { min: step } },
    });
    expect(await client.fetchTime()).toBe(Math.floor(now / 1000));
  });
  it('for book, trades, tickers and candles that fit together', async () => {
    const client = clients[market]!;
    const book = await client.fetchOrderBook(symbol, 100);
    expect(book.bids).toHaveLength(100);
    for (const [side, sign] of [
      [book.bids, -1],
      [book.asks, 1],
    ] as const)
      for (let i = 1; i < side.length; i++) expect((side[i]![0] - side[i - 1]![0]) * sign).toBeGreaterThan(0);
    const [bid, ask] = [book.bids[0]![0], book.asks[0]![0]];
    expect(bid).toBeLessThan(ask);
    const trades = await client.fetchTrades(symbol, undefined, 50);
    expect(trades).toHaveLength(50);
    for (const t of trades) {
      expect(['buy', 'sell']).toContain(t['side']);
      expect(t['timestamp'] as number).toBeLessThanOrEqual(now / 1000);
    }
    const ticker = await client.fetchTicker(symbol);
    const view = feed.view(market, 'BTCUSDT')!;
    expect(ticker['last']).toBe(view.lastPx / view.listed.key.pxScale);
    // USD-M gathers an aggregate for 100 ms.
    expect(trades.at(-1)!['timestamp'] as number).toBeGreaterThan(now / 1000 - 3000);
    expect(ticker['high'] as number).toBeGreaterThanOrEqual(ticker['low'] as number);
    expect(Object.keys(await client.fetchTickers())).toContain(symbol);
    const best = (await client.fetchBidsAsks())[symbol]!;
    expect((best['bid'] as number) < (best['ask'] as number)).toBe(true);
    expect((await client.fetchLastPrices())[symbol]!['price']).toBe(ticker['last']);
    const candles = await client.fetchOHLCV(symbol, '1m', undefined, 10);
    expect(candles.at(-1)![4]).toBe(ticker['last']);
    for (const [, o, h, l, c] of candles) expect(h! >= Math.max(o!, c!) && l! <= Math.min(o!, c!)).toBe(true);
    const since = candles[0]![0]!;
    expect(await client.fetchOHLCV(symbol, '1m', since, 2)).toEqual(candles.slice(0, 2));
  });
});

describe('an unmodified ccxt reads funding', () => {
  it('with mark, index and premium candles', async () => {
    const client = clients.usdm!;
    const funding = await client.fetchFundingRate('BTC/USDT:USDT');
    const mark = funding['markPrice'] as number;
    expect(Math.abs(mark / (funding['indexPrice'] as number) - 1)).toBeLessThan(0.01);
    expect(typeof funding['fundingRate']).toBe('number');
    expect(Object.keys(await client.fetchFundingRates()).sort()).toEqual(['BTC/USDT:USDT', 'ETH/USDT:USDT']);
    expect((await client.fetchFundingIntervals())['BTC/USDT:USDT']!['interval']).toBe('8h');
    for (const price of ['mark', 'index', 'premiumIndex'])
      expect((await client.fetchOHLCV('BTC/USDT:USDT', '1m', undefined, 5, { price })).length).toBe(3);
  });
});
