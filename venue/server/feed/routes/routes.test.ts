import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import type { MarketName } from '../../contract.ts';
import { createFeed, type PlayedFeed } from '../index.ts';
import { call, codeOf, recorded } from '../testing/collect.ts';

let feed: PlayedFeed;
let now = 0;
beforeAll(async () => {
  feed = await createFeed({ seed: 3, rate: 50 });
  now = feed.nextUs() + 90e6;
  feed.advance(now);
});
const ask = (market: MarketName, path: string, params: Readonly<Record<string, string | number>> = {}): unknown =>
  call(feed, market, path, params, now);

/** Fields and types of an answer: objects by field, arrays by their first element, rows of fixed length by place. */
function shape(v: unknown): unknown {
  if (Array.isArray(v)) {
    const first = v[0] as unknown;
    if (first === undefined) return [];
    return typeof first === 'object' ? [shape(first)] : v.map((x) => typeof x);
  }
  if (typeof v !== 'object' || v === null) return typeof v;
  return Object.fromEntries(
    Object.entries(v)
      .map(([k, x]) => [k, shape(x)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

const { path: recordings, missing } = recorded('rest/gocryptotrader-binance-http.json.gz');
type Replies = Record<string, { GET: { data: unknown; queryString: string }[] }>;
const SHAPES: readonly (readonly [MarketName, string, Readonly<Record<string, string | number>>, string])[] = [
  ['usdm', '/fapi/v1/time', {}, ''],
  ['usdm', '/fapi/v1/depth', { symbol: 'BTCUSDT' }, 'symbol=BTCUSDT'],
  ['usdm', '/fapi/v1/trades', { symbol: 'BTCUSDT' }, 'symbol=BTCUSDT'],
  ['usdm', '/fapi/v1/aggTrades', { symbol: 'BTCUSDT' }, 'symbol=BTCUSDT'],
  ['usdm', '/fapi/v1/klines', { symbol: 'BTCUSDT', interval: '1m' }, 'symbol=BTCUSDT'],
  ['usdm', '/fapi/v1/ticker/24hr', { symbol: 'BTCUSDT' }, 'symbol=BTCUSDT'],
  ['usdm', '/fapi/v1/ticker/24hr', {}, ''],
  ['usdm', '/fapi/v1/ticker/price', { symbol: 'BTCUSDT' }, 'symbol=BTCUSDT'],
  ['usdm', '/fapi/v1/ticker/price', {}, ''],
  ['usdm', '/fapi/v1/ticker/bookTicker', { symbol: 'BTCUSDT' }, 'symbol=BTCUSDT'],
  ['usdm', '/fapi/v1/premiumIndex', { symbol: 'BTCUSDT' }, 'symbol=BTCUSDT'],
  ['usdm', '/fapi/v1/fundingInfo', {}, ''],
  ['usdm', '/fapi/v1/openInterest', { symbol: 'BTCUSDT' }, 'symbol=BTCUSDT'],
  ['spot', '/api/v3/depth', { symbol: 'BTCUSDT' }, 'symbol=BTCUSDT'],
  ['spot', '/api/v3/trades', { symbol: 'BTCUSDT' }, 'symbol=BTCUSDT'],
  ['spot', '/api/v3/historicalTrades', { symbol: 'BTCUSDT' }, 'symbol=BTCUSDT'],
  ['spot', '/api/v3/aggTrades', { symbol: 'BTCUSDT' }, 'symbol=BTCUSDT'],
  ['spot', '/api/v3/klines', { symbol: 'BTCUSDT', interval: '1m' }, 'symbol=BTCUSDT'],
  ['spot', '/api/v3/avgPrice', { symbol: 'BTCUSDT' }, 'symbol=BTCUSDT'],
  ['spot', '/api/v3/ticker/24hr', { symbol: 'BTCUSDT' }, 'symbol=BTCUSDT'],
  ['spot', '/api/v3/ticker/24hr', { symbols: '["BTCUSDT","ETHUSDT"]' }, ''],
  ['spot', '/api/v3/ticker/price', { symbol: 'BTCUSDT' }, 'symbol=BTCUSDT'],
  ['spot', '/api/v3/ticker/bookTicker', { symbol: 'BTCUSDT' }, 'symbol=BTCUSDT'],
];

describe.skipIf(missing)(
  'answers have the fields and types of recorded ones (skipped where the recordings are absent)',
  () => {
    const replies = missing
      ? {}
      : (JSON.parse(gunzipSync(readFileSync(recordings)).toString()) as { routes: Replies }).routes;
    it.each(SHAPES)('%s %s %j', (market, path, params, query) => {
      const one = !Array.isArray(ask(market, path, params));
      const reply = replies[path]!.GET.find(
        (r) =>
          r.queryString.includes(query) &&
          r.data !== null &&
          Array.isArray(r.data) !== one &&
          !('code' in Object(r.data)),
      )!;
      expect(shape(ask(market, path, params))).toEqual(shape(reply.data));
    });
    it.each([
      ['usdm', '/fapi/v1/exchangeInfo'],
      ['spot', '/api/v3/exchangeInfo'],
    ] as const)('%s %s, filter by filter', (market, path) => {
      type Info = { symbols: { symbol: string; filters: { filterType: string }[] }[] };
      const recordedInfo = replies[path]!.GET[0]!.data as Info;
      const info = ask(market, path) as Info;
      const top = (i: Info): object => ({ ...i, symbols: undefined });
      expect(shape(top(info))).toEqual(shape(top(recordedInfo)));
      const symbol = (i: Info): Record<string, unknown> => ({
        ...i.symbols.find((s) => s.symbol === 'BTCUSDT')!,
        filters: 0,
        underlyingSubType: 0,
        permissionSets: 0,
        allowedSelfTradePreventionModes: 0,
      });
      expect(shape(symbol(info))).toEqual(shape(symbol(recordedInfo)));
      for (const f of info.symbols[0]!.filters)
        expect(shape(f)).toEqual(shape(recordedInfo.symbols[0]!.filters.find((r) => r.filterType === f.filterType)));
    });
  },
);

describe('public routes', () => {
  it('refuse with Binance codes', () => {
    const code = (market: MarketName, path: string, params: Readonly<Record<string, string | number>>): number =>
      codeOf(() => ask(market, path, params));
    for (const [market, base] of [
      ['usdm', '/fapi/v1'],
      ['spot', '/api/v3'],
    ] as const) {
      expect(code(market, `${base}/depth`, {})).toBe(-1102);
      for (const path of ['depth', 'trades', 'aggTrades', 'ticker/24hr', 'ticker/price', 'ticker/bookTicker'])
        expect([path, code(market, `${base}/${path}`, { symbol: 'NOPE' })]).toEqual([path, -1121]);
      expect(code(market, `${base}/klines`, { symbol: 'BTCUSDT', interval: '7m' })).toBe(-1120);
      expect(code(market, `${base}/klines`, { symbol: 'BTCUSDT' })).toBe(-1102);
      expect(code(market, `${base}/klines`, { symbol: 'BTCUSDT', interval: '1m', limit: 0 })).toBe(-1130);
      expect(code(market, `${base}/trades`, { symbol: 'BTCUSDT', limit: 'many' })).toBe(-1102);
      expect(code(market, `${base}/aggTrades`, { symbol: 'BTCUSDT', fromId: 1, startTime: 5 })).toBe(-1128);
      expect(code(market, `${base}/klines`, { symbol: 'BTCUSDT', interval: '1m', startTime: 9, endTime: 5 })).toBe(
        -1127,
      );
    }
    expect(code('usdm', '/fapi/v1/depth', { symbol: 'BTCUSDT', limit: 7 })).toBe(-1130);
    expect(code('usdm', '/fapi/v1/klines', { symbol: 'BTCUSDT', interval: '1m', limit: 1501 })).toBe(-1130);
    expect(code('spot', '/api/v3/klines', { symbol: 'BTCUSDT', interval: '1m', limit: 1501 })).toBe(0);
    expect(code('spot', '/api/v3/ticker/price', { symbols: '[BTC' })).toBe(-1100);
  });
  it('cost what the documentation says', async () => {
    const { Params } = await import('../../params.ts');
    const weight = (market: MarketName, path: string, params: Record<string, string>): number => {
      const w = feed.routes(market).find((r) => r.path === path)!.weight;
      return typeof w === 'number' ? w : w(new Params(params));
    };
    const depth = (m: MarketName, p: string, limits: string[]): number[] =>
      limits.map((limit) => weight(m, p, { limit }));
    expect(depth('usdm', '/fapi/v1/depth', ['5', '50', '100', '500', '1000'])).toEqual([2, 2, 5, 10, 20]);
    expect(depth('spot', '/api/v3/depth', ['100', '500', '1000', '5000'])).toEqual([5, 25, 50, 250]);
    expect(depth('usdm', '/fapi/v1/klines', ['99', '100', '500', '1500'])).toEqual([1, 2, 5, 10]);
    expect([
      weight('usdm', '/fapi/v1/ticker/24hr', {}),
      weight('usdm', '/fapi/v1/ticker/24hr', { symbol: 'X' }),
    ]).toEqual([40, 1]);
  });
  it('list the instruments with the rules that orders are held to', () => {
    const rules = feed.listed.map((l) => [l.key.name, l.tick, l.step, l.minNotional, l.base, l.quote]);
    expect(rules).toEqual([
      ['usdm:BTCUSDT', '0.10', '0.001', '100', 'BTC', 'USDT'],
      ['usdm:ETHUSDT', '0.01', '0.001', '20', 'ETH', 'USDT'],
      ['spot:BTCUSDT', '0.10000000', '0.00001000', '5.00000000', 'BTC', 'USDT'],
      ['spot:ETHUSDT', '0.01000000', '0.00010000', '5.00000000', 'ETH', 'USDT'],
    ]);
    expect(feed.view('usdm', 'BTCUSDT')!.markPx).toBeGreaterThan(0);
    expect(feed.view('spot', 'NOPE')).toBeUndefined();
  });
  it('settle funding at the interval and tell it', async () => {
    const early = await createFeed({
      seed: 1,
      rate: 1,
      symbols: ['BTCUSDT'],
      startUs: 1_704_067_200_000_000 - 5_000_000,
    });
    early.advance(early.nextUs() + 10e6);
    const got = call(early, 'usdm', '/fapi/v1/fundingRate', { symbol: 'BTCUSDT' }, 0);
    expect(got).toMatchObject([{ symbol: 'BTCUSDT', fundingTime: 1_704_067_200_000 }]);
  });
});
