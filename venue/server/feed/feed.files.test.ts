import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KeyTable } from '../../../graph/schema/index.ts';
import { openBronzeWriter } from '../../../lake/bronze-writer.ts';
import { importFiles } from '../../../lake/import.ts';
import { createFeed } from './index.ts';
import { Collected, call, codeOf } from './testing/collect.ts';

const T0 = 1_700_000_000_000;
let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'feed-files-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

function file(name: string, lines: readonly string[]): string {
  const path = join(dir, name);
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}
/** A recorder line received `ms` after the start. */
const line = (ms: number, frame: object | string): string =>
  `${(T0 + ms) * 1000} ${typeof frame === 'string' ? frame : JSON.stringify(frame)}`;
const on = (stream: string, data: object): object => ({ stream, data });
const diff = (ms: number, U: number, u: number, pu: number, b: string[][] = [], a: string[][] = []): object =>
  on('abcusdt@depth@100ms', { e: 'depthUpdate', E: T0 + ms, T: T0 + ms, s: 'ABCUSDT', U, u, pu, b, a });
const trade = (ms: number, t: number, p: string, X = 'MARKET'): object =>
  on('abcusdt@trade', { e: 'trade', E: T0 + ms, T: T0 + ms, s: 'ABCUSDT', t, p, q: '2', X, m: false });
const snapshot = (ms: number, u: number, bids: string[][], asks: string[][]): object => ({
  lastUpdateId: u,
  E: T0 + ms,
  T: T0 + ms,
  bids,
  asks,
});
const at = (ms: number): number => (T0 + ms) * 1000;

describe('a recording with faults', () => {
  it('has no book between a gap and the next snapshot, which answers ahead when it is near', async () => {
    const path = file('gap', [
      line(0, diff(0, 5, 9, 4, [['1.5', '3']])),
      line(
        1000,
        snapshot(
          1000,
          12,
          [
            ['1.5', '3'],
            ['1.4', '1'],
          ],
          [['1.6', '2']],
        ),
      ),
      line(1100, diff(1100, 11, 14, 9, [['1.5', '4']])),
      line(2000, diff(2000, 30, 33, 29, [], [['1.6', '9']])),
      line(3000, snapshot(3000, 40, [['1.3', '1']], [['1.7', '1']])),
      line(3100, diff(3100, 39, 44, 33, [['1.2', '8']])),
      line(9000, diff(9000, 90, 94, 80, [['1.2', '8']])),
      line(100_000, trade(100_000, 1, '1.5')),
    ]);
    const seen = new Collected();
    const feed = await createFeed({ inputs: [path], sinks: seen });
    const depth = (ms: number): { lastUpdateId: number; bids: string[][]; asks: string[][] } => {
      feed.advance(at(ms));
      return call(feed, 'usdm', '/fapi/v1/depth', { symbol: 'ABCUSDT' }, at(ms)) as never;
    };
    expect(depth(0).lastUpdateId).toBe(12);
    expect(depth(1000)).toMatchObject({
      lastUpdateId: 12,
      bids: [
        ['1.5', '3'],
        ['1.4', '1'],
      ],
      asks: [['1.6', '2']],
    });
    expect(depth(1100)).toMatchObject({
      lastUpdateId: 14,
      bids: [
        ['1.5', '4'],
        ['1.4', '1'],
      ],
    });
    expect(depth(2000)).toMatchObject({ lastUpdateId: 40, bids: [['1.3', '1']] });
    expect(depth(3100)).toMatchObject({
      lastUpdateId: 44,
      bids: [
        ['1.3', '1'],
        ['1.2', '8'],
      ],
    });
    expect(codeOf(() => depth(9000))).toBe(-1001);
    expect(seen.told.filter((t) => t.includes('ladder')).map((t) => t.split(' ')[3])).toEqual(['12', '14', '40', '44']);
    expect(seen.texts('usdm', 'abcusdt@depth')).toHaveLength(5);
  });

  it('passes on what it does not know, leaves out what is broken, and splits arrays', async () => {
    const mark = (s: string, p: string): object => ({
      e: 'markPriceUpdate',
      E: T0,
      s,
      p,
      i: p,
      P: p,
      r: '0.0001',
      T: T0 + 5000,
    });
    const marks = [mark('ABCUSDT', '1.51'), mark('XYZUSDT', '7.5')];
    const odd = {
      e: 'trade',
      E: T0,
      T: T0,
      s: 'ABCUSDT',
      t: 7,
      p: '1.50',
      q: '2.0',
      X: 'MARKET',
      m: true,
      new: { x: [1, '}'] },
    };
    const path = file('odd', [
      line(0, on('!markPrice@arr@1s', marks as never)),
      line(1, on('abcusdt@ticker', { e: '24hrTicker', s: 'ABCUSDT', c: '1.5' })),
      line(2, `{"data": ${JSON.stringify(odd)} , "stream":"abcusdt@trade"}`),
      line(3, '{"stream":"abcusdt@trade","data":{"e":"trade","t":8'),
      line(4, trade(4, 8, '9.9', 'INSURANCE_FUND')),
      line(
        5,
        on('xyzusdt@aggTrade', {
          e: 'aggTrade',
          E: T0,
          s: 'XYZUSDT',
          a: 3,
          p: '7.4',
          q: '1',
          f: 1,
          l: 4,
          T: T0,
          m: true,
        }),
      ),
    ]);
    const seen = new Collected();
    const feed = await createFeed({ inputs: [path], sinks: seen });
    feed.advance(Number.POSITIVE_INFINITY);
    expect(seen.texts('usdm', 'abcusdt@trade')).toEqual([
      JSON.stringify(odd),
      JSON.stringify((trade(4, 8, '9.9', 'INSURANCE_FUND') as { data: object }).data),
    ]);
    expect(seen.of('usdm', '!markPrice@arr@1s')).toEqual([marks]);
    expect(seen.of('usdm', 'xyzusdt@markPrice')).toMatchObject([{ p: '7.50000000', s: 'XYZUSDT', r: '0.00010000' }]);
    expect(seen.of('usdm', 'abcusdt@ticker')).toMatchObject([{ c: '1.5' }]);
    expect(feed.view('usdm', 'ABCUSDT')).toMatchObject({ lastPx: 15, markPx: 1.51e8, fundingRate: 0.0001 });
    // A trade off the market makes no price and is none of the market's trades.
    expect(call(feed, 'usdm', '/fapi/v1/trades', { symbol: 'ABCUSDT' }, 0)).toMatchObject([{ id: 7, price: '1.5' }]);
    const klines = call(feed, 'usdm', '/fapi/v1/klines', { symbol: 'XYZUSDT', interval: '1m' }, at(5)) as unknown[][];
    expect(klines[0]!.slice(1, 9)).toEqual(['7.4', '7.4', '7.4', '7.4', '1', expect.any(Number), '7.4', 4]);
    expect(feed.ended).toBe(true);
    expect(feed.nextUs()).toBe(Number.POSITIVE_INFINITY);
  });

  it('never has time step back', async () => {
    const path = file(
      'back',
      [5, 3, 9, 8, 8].map((ms, i) => line(ms, trade(ms, i + 1, '1.5'))),
    );
    const times: number[] = [];
    const listener = {
      onTrade: (_k: unknown, _p: number, _q: number, _s: number, us: number) => times.push(us),
      onLadder() {},
      onBest() {},
      onMark() {},
    };
    const feed = await createFeed({
      inputs: [path],
      sinks: { listener: { usdm: listener, spot: listener }, publish() {} },
    });
    expect(feed.nextUs()).toBe(at(5));
    for (let last = 0; !feed.ended; last = feed.nextUs()) {
      expect(feed.nextUs()).toBeGreaterThanOrEqual(last);
      feed.advance(feed.nextUs());
    }
    expect(times.map((t) => t / 1000 - T0)).toEqual([5, 5, 9, 9, 9]);
  });
});

describe('inputs without frames', () => {
  it('are given out in Binance shapes: an archive of trades, and one of candles', async () => {
    const trades = file('ABCUSDT-trades-2023-11-14.csv', [
      'id,price,qty,quote_qty,time,is_buyer_maker',
      `41,1.25,10,12.5,${T0},true`,
      `42,1.26,20,25.2,${T0 + 40},false`,
    ]);
    const seen = new Collected();
    const feed = await createFeed({ inputs: [trades], sinks: seen });
    feed.advance(Number.POSITIVE_INFINITY);
    const [l] = feed.listed;
    const got = seen.of(l!.market, 'abcusdt@trade');
    expect(got).toMatchObject([
      { e: 'trade', t: 41, p: '1.25', s: 'ABCUSDT', T: T0, m: true },
      { t: 42, p: '1.26', m: false },
    ]);
    expect(seen.of(l!.market, 'abcusdt@aggTrade')).toHaveLength(2);
    expect(codeOf(() => call(feed, l!.market, '/fapi/v1/depth', { symbol: 'ABCUSDT' }, 0))).toBe(-1001);

    const candles = file('ABCUSDT-1m.csv', [
      'open_time,open,high,low,close,volume',
      `${T0 - (T0 % 60_000)},1.2,1.4,1.1,1.3,100`,
      `${T0 - (T0 % 60_000) + 60_000},1.3,1.5,1.3,1.5,50`,
    ]);
    const slow = await createFeed({ inputs: [candles] });
    slow.advance(Number.POSITIVE_INFINITY);
    const k = call(slow, 'usdm', '/fapi/v1/klines', { symbol: 'ABCUSDT', interval: '1h' }, at(60_000)) as unknown[][];
    expect(k[0]!.slice(1, 6).map(Number)).toEqual([1.2, 1.5, 1.1, 1.5, 150]);
  });
  it('are the same market when they come from a lake', async () => {
    const path = file('lake-source', [
      line(0, snapshot(0, 12, [['1.5', '3']], [['1.6', '2']])),
      line(100, diff(100, 11, 14, 9, [['1.5', '4']])),
      line(150, trade(150, 1, '1.6')),
      line(
        200,
        diff(
          200,
          15,
          18,
          14,
          [],
          [
            ['1.6', '0'],
            ['1.7', '5.25'],
          ],
        ),
      ),
      line(
        250,
        on('abcusdt@bookTicker', {
          e: 'bookTicker',
          u: 19,
          s: 'ABCUSDT',
          b: '1.5',
          B: '4',
          a: '1.7',
          A: '5.25',
          T: T0,
          E: T0,
        }),
      ),
    ]);
    const lake = join(dir, 'lake');
    await importFiles([path], { to: lake, keys: new KeyTable(), openWriter: openBronzeWriter });
    const play = async (input: string): Promise<Collected> => {
      const seen = new Collected();
      const feed = await createFeed({ inputs: [input], sinks: seen });
      feed.advance(Number.POSITIVE_INFINITY);
      await feed.close();
      return seen;
    };
    const [fromFile, fromLake] = [await play(path), await play(lake)];
    expect(fromLake.told).toEqual(fromFile.told);
    expect(fromLake.told.length).toBeGreaterThan(4);
    const diffs = fromLake.of('usdm', 'abcusdt@depth');
    expect(diffs.map((d) => [d['U'], d['u'], d['pu'], d['b'], d['a']])).toEqual([
      [11, 14, 9, [['1.5', '4.00']], []],
      [
        15,
        18,
        14,
        [],
        [
          ['1.6', '0.00'],
          ['1.7', '5.25'],
        ],
      ],
    ]);
  });
  it('are refused with a code when there is nothing to trade in them', async () => {
    const path = file('empty', [line(0, trade(0, 1, '1.5'))]);
    await expect(createFeed({ inputs: [path], symbols: ['NOPE'] })).rejects.toMatchObject({ code: 'CHM838' });
  });
});
