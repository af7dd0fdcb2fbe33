import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createFeed, type FeedOptions } from './index.ts';
import { intervalOf } from './interval.ts';
import { Collected, call } from './testing/collect.ts';

const START = 1_704_067_200_000_000;
const SYMBOLS = ['BTCUSDT', 'XRPUSDT'];
async function played(
  seconds: number,
  o: FeedOptions = {},
  stepUs = Number.POSITIVE_INFINITY,
  asks: readonly string[] = [],
) {
  const seen = new Collected();
  const feed = await createFeed({ symbols: SYMBOLS, seed: 5, sinks: seen, ...o });
  for (const name of asks) for (const market of ['usdm', 'spot'] as const) feed.stream(market, name);
  const end = feed.nextUs() + seconds * 1e6;
  for (let t = Math.min(end, feed.nextUs() + stepUs); ; t = Math.min(end, t + stepUs)) {
    feed.advance(t);
    if (t === end) break;
  }
  return { feed, seen, end };
}
const hash = (seen: Collected): string =>
  createHash('sha256')
    .update(JSON.stringify([seen.frames, seen.told]))
    .digest('hex');
const ASKED = [
  'btcusdt@kline_1m',
  'btcusdt@kline_1s',
  'btcusdt@miniTicker',
  'btcusdt@ticker',
  'btcusdt@depth5@100ms',
  '!bookTicker',
  '!miniTicker@arr',
  '!markPrice@arr@1s',
];

describe('the synthetic market as a feed', () => {
  it('gives the same bytes for a seed, however it is advanced, and others for another seed', async () => {
    const whole = await played(20, {}, Number.POSITIVE_INFINITY, ASKED);
    const steps = await played(20, {}, 33_333, ASKED);
    expect(hash(steps.seen)).toBe(hash(whole.seen));
    expect(hash((await played(20, { seed: 6 }, Number.POSITIVE_INFINITY, ASKED)).seen)).not.toBe(hash(whole.seen));
    expect(whole.feed.nextUs()).toBeGreaterThan(START + 20e6);
  });

  it('chains its diffs, and REST snapshots join them as a client needs', async () => {
    const seen = new Collected();
    const feed = await createFeed({ symbols: SYMBOLS, seed: 8, sinks: seen });
    const snapshots: { market: 'usdm' | 'spot'; at: number; id: number }[] = [];
    const t0 = feed.nextUs();
    for (let i = 1; i <= 40; i++) {
      feed.advance(t0 + i * 173_000);
      for (const market of ['usdm', 'spot'] as const) {
        const path = market === 'usdm' ? '/fapi/v1/depth' : '/api/v3/depth';
        const book = call(feed, market, path, { symbol: 'XRPUSDT', limit: 20 }, t0 + i * 173_000) as Record<
          string,
          unknown
        >;
        snapshots.push({ market, at: seen.of(market, 'xrpusdt@depth').length, id: book['lastUpdateId'] as number });
        expect('E' in book && 'T' in book).toBe(market === 'usdm');
      }
    }
    for (const market of ['usdm', 'spot'] as const) {
      const diffs = seen.of(market, 'xrpusdt@depth');
      expect(diffs.length).toBeGreaterThan(60);
      for (let i = 1; i < diffs.length; i++)
        if (market === 'usdm') expect(diffs[i]!['pu']).toBe(diffs[i - 1]!['u']);
        else expect([diffs[i]!['U'], diffs[i]!['pu']]).toEqual([(diffs[i - 1]!['u'] as number) + 1, undefined]);
      for (const s of snapshots.filter((x) => x.market === market)) {
        const before = diffs[s.at - 1];
        const after = diffs[s.at];
        // A snapshot is never behind what the stream has told, and the next diff continues it.
        if (before) expect(s.id).toBeGreaterThanOrEqual(before['u'] as number);
        if (after) expect(after['U'] as number).toBeLessThanOrEqual(s.id + 1);
        if (after) expect(after['u'] as number).toBeGreaterThanOrEqual(s.id);
      }
    }
  });

  it('counts every trade once, in klines, aggregates and REST alike', async () => {
    const { feed, seen, end } = await played(150, { symbols: ['BTCUSDT'] }, Number.POSITIVE_INFINITY, [
      'btcusdt@kline_1m',
    ]);
    for (const market of ['usdm', 'spot'] as const) {
      const base = market === 'usdm' ? '/fapi/v1' : '/api/v3';
      const trades = seen.of(market, 'btcusdt@trade');
      for (let i = 1; i < trades.length; i++) expect(trades[i]!['t']).toBe((trades[i - 1]!['t'] as number) + 1);
      const volumes = new Map<number, [number, number]>();
      for (const t of trades) {
        const start = intervalOf('1m', market)!.start(t['T'] as number);
        const [n, v] = volumes.get(start) ?? [0, 0];
        volumes.set(start, [n + 1, v + Number(t['q'])]);
      }
      const klines = call(feed, market, `${base}/klines`, { symbol: 'BTCUSDT', interval: '1m' }, end) as unknown[][];
      expect(klines.map((k) => k[0])).toEqual([...volumes.keys()]);
      for (const k of klines) {
        const [n, v] = volumes.get(k[0] as number)!;
        expect([k[8], Number(k[5]).toFixed(4)]).toEqual([n, v.toFixed(4)]);
        // The stream's last word on a closed candle is what REST says of it.
        const told = seen.of(market, 'btcusdt@kline_1m').map((e) => e['k'] as Record<string, unknown>);
        const closed = told.filter((c) => c['t'] === k[0] && c['x'] === true);
        if ((k[6] as number) * 1000 + 3_000_000 < end) {
          expect(closed).toHaveLength(1);
          const c = closed[0]!;
          expect([
            c['t'],
            c['o'],
            c['h'],
            c['l'],
            c['c'],
            c['v'],
            c['T'],
            c['q'],
            c['n'],
            c['V'],
            c['Q'],
            c['B'],
          ]).toEqual(k);
        } else expect(closed).toHaveLength(0);
      }
      const aggs = seen.of(market, 'btcusdt@aggTrade');
      const first = trades[0]!['t'] as number;
      let nextId = first;
      for (const [i, a] of aggs.entries()) {
        expect([a['a'], a['f']]).toEqual([(aggs[0]!['a'] as number) + i, nextId]);
        nextId = (a['l'] as number) + 1;
      }
      const back = call(
        feed,
        market,
        `${base}/historicalTrades`,
        { symbol: 'BTCUSDT', fromId: first + 11, limit: 5 },
        end,
      );
      expect((back as { id: number }[]).map((t) => t.id)).toEqual([11, 12, 13, 14, 15].map((k) => first + k));
    }
  });

  it('has every stream in its category, and none that does not exist', async () => {
    const feed = await createFeed({ symbols: ['BTCUSDT'] });
    const has = (market: 'usdm' | 'spot', s: string): string | undefined => feed.stream(market, s)?.category;
    for (const s of ['trade', 'bookTicker', 'depth', 'depth@250ms', 'depth@0ms', 'depth10@100ms'])
      expect([s, has('usdm', `btcusdt@${s}`)]).toEqual([s, 'public']);
    for (const s of ['aggTrade', 'kline_1M', 'miniTicker', 'ticker', 'markPrice', 'markPrice@1s', 'forceOrder'])
      expect([s, has('usdm', `btcusdt@${s}`)]).toEqual([s, 'market']);
    for (const s of [
      'BTCUSDT@trade',
      'btcusdt@trades',
      'btcusdt@depth7',
      'btcusdt@depth@3ms',
      'btcusdt@kline_7m',
      'ethusdt@trade',
      '@trade',
      '!x',
      'btcusdt',
    ])
      expect([s, has('usdm', s)]).toEqual([s, undefined]);
    expect(has('usdm', 'btcusdt@kline_1s')).toBeUndefined();
    expect(has('spot', 'btcusdt@kline_1s')).toBeDefined();
    for (const s of ['btcusdt@markPrice', 'btcusdt@forceOrder', '!markPrice@arr'])
      expect(has('spot', s)).toBeUndefined();
    expect(feed.listed.map((l) => l.key.name)).toEqual(['usdm:BTCUSDT', 'spot:BTCUSDT']);
  });

  it('gives out what was asked for, in the shapes of its market', async () => {
    const { seen } = await played(4, {}, Number.POSITIVE_INFINITY, ASKED);
    const keys = (market: 'usdm' | 'spot', s: string): string =>
      Object.keys(seen.of(market, s).at(-1) ?? {})
        .sort()
        .join();
    expect(keys('usdm', 'btcusdt@trade')).toBe('E,T,X,e,m,p,q,s,t');
    expect(keys('spot', 'btcusdt@trade')).toBe('E,M,T,e,m,p,q,s,t');
    expect(keys('usdm', 'btcusdt@aggTrade')).toBe('E,T,a,e,f,l,m,nq,p,q,s');
    expect(keys('usdm', 'btcusdt@bookTicker')).toBe('A,B,E,T,a,b,e,s,u');
    expect(keys('spot', 'btcusdt@bookTicker')).toBe('A,B,a,b,s,u');
    expect(keys('usdm', 'btcusdt@depth')).toBe('E,T,U,a,b,e,pu,s,u');
    expect(keys('spot', 'btcusdt@depth')).toBe('E,U,a,b,e,s,u');
    expect(keys('usdm', 'btcusdt@depth5@100ms')).toBe('E,T,U,a,b,e,pu,s,u');
    expect(keys('spot', 'btcusdt@depth5@100ms')).toBe('asks,bids,lastUpdateId');
    expect(keys('usdm', 'btcusdt@markPrice@1s')).toBe('E,P,T,ap,e,i,p,r,s');
    expect(keys('usdm', 'btcusdt@kline_1m')).toBe('E,e,k,s');
    expect(keys('usdm', 'btcusdt@miniTicker')).toBe('E,c,e,h,l,o,q,s,v');
    expect(keys('usdm', 'btcusdt@ticker')).toBe('C,E,F,L,O,P,Q,c,e,h,l,n,o,p,q,s,v,w');
    expect(keys('spot', 'btcusdt@ticker')).toBe('A,B,C,E,F,L,O,P,Q,a,b,c,e,h,l,n,o,p,q,s,v,w,x');
    expect(seen.texts('usdm', 'btcusdt@kline_1m').length).toBeGreaterThan(10);
    const all = seen.of('usdm', '!markPrice@arr@1s').at(-1) as unknown as { s: string }[];
    expect(all.map((m) => m.s).sort()).toEqual(['BTCUSDT', 'XRPUSDT']);
    expect(seen.of('spot', '!miniTicker@arr').length).toBeGreaterThanOrEqual(3);
    for (const d of seen.of('usdm', 'btcusdt@depth5@100ms')) expect((d['b'] as unknown[]).length).toBe(5);
  });
});
