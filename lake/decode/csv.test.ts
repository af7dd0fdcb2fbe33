import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { KeyTable } from '../../graph/schema/index.ts';
import { referenceOfPath, symbolOfPath } from './csv.ts';
import { csvLayout, intervalName, intervalOf } from './csv-layout.ts';
import { type InputOptions, openInputs } from './inputs.ts';
import { readAll } from './testing/decode-lines.ts';

const dir = mkdtempSync(join(tmpdir(), 'chimera-csv-'));
afterAll(() => rmSync(dir, { recursive: true }));
let files = 0;
async function read(name: string, text: string, options: InputOptions = {}) {
  const path = join(dir, `${files++}`, name);
  (await import('node:fs')).mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
  const keys = new KeyTable();
  const reader = await openInputs([path], keys, options);
  const rows = await readAll(reader, keys);
  await reader.close();
  return {
    rows,
    bad: reader.quality!.bad_input.map((b) => [b.line, b.code]),
    keys: keys.list.map((k) => [k.name, k.pxDigits, k.qtyDigits]),
    outOfOrder: reader.quality!.out_of_order,
  };
}

describe('archive layouts', () => {
  it('of USD-M trades, with a header', async () => {
    const { rows, keys } = await read(
      'BTCUSDT-trades-2026-09-15.csv',
      'id,price,qty,quote_qty,time,is_buyer_maker\n8078264332,78153.0,0.001,78.153,1789430400003,false\n8078264333,78152.9,0.014,1094.1406,1789430400006,true\n',
    );
    expect(keys).toEqual([['usdm:BTCUSDT', 1, 3]]);
    expect(rows).toEqual([
      {
        seq: 0,
        t: 1789430400003000,
        port: 'trade',
        key: 'usdm:BTCUSDT',
        values: {
          id: 8078264332,
          px: 781530,
          qty: 1,
          side: 0,
          time_ms: 1789430400003,
          event_ms: Number.NaN,
          on_market: 1,
          agg: 0,
          first_id: 8078264332,
          last_id: 8078264332,
        },
      },
      {
        seq: 1,
        t: 1789430400006000,
        port: 'trade',
        key: 'usdm:BTCUSDT',
        values: {
          id: 8078264333,
          px: 781529,
          qty: 14,
          side: 1,
          time_ms: 1789430400006,
          event_ms: Number.NaN,
          on_market: 1,
          agg: 0,
          first_id: 8078264333,
          last_id: 8078264333,
        },
      },
    ]);
  });
  it('of USD-M trades and aggregates, without a header', async () => {
    const trades = await read('a.csv', '8078264332,78153.0,0.001,78.153,1789430400003,false\n');
    expect(trades.rows[0]).toMatchObject({ port: 'trade', key: 'usdm:a', values: { agg: 0, id: 8078264332, side: 0 } });
    const agg = await read('a.csv', '3449899748,78152.9,0.148,8078264333,8078264336,1789430400006,true\n');
    expect(agg.rows[0]).toMatchObject({
      key: 'usdm:a',
      values: { agg: 1, id: 3449899748, first_id: 8078264333, last_id: 8078264336, side: 1 },
    });
  });
  it('of Spot aggregates in ms and in µs', async () => {
    const old = await read(
      'BTCUSDT-aggTrades-2023-11-17.csv',
      '2759293842,36163.51000000,0.00207000,3284106384,3284106384,1700179200000,True,True\n',
    );
    expect(old.rows[0]).toMatchObject({
      t: 1700179200000000,
      key: 'spot:BTCUSDT',
      values: { px: 3616351, qty: 207, time_ms: 1700179200000, side: 1 },
    });
    const now = await read(
      'BTCUSDT-aggTrades-2026-09-15.csv',
      '4063759318,78189.20000000,0.00009000,6681954163,6681954164,1789430400017025,False,True\n',
    );
    expect(now.rows[0]).toMatchObject({
      t: 1789430400017025,
      key: 'spot:BTCUSDT',
      values: { time_ms: 1789430400017, side: 0 },
    });
  });
  it('of Spot trades', async () => {
    const { rows } = await read(
      'BTCUSDT-trades-2025-03-01.csv',
      '1,36163.51000000,0.00207000,74.85846570,1740787200000123,True,True\n',
    );
    expect(rows[0]).toMatchObject({ t: 1740787200000123, key: 'spot:BTCUSDT', values: { id: 1, agg: 0 } });
  });
  it('of klines of both markets: known when they have closed', async () => {
    const spot = await read(
      'BTCUSDT-1m-2026-09-15.csv',
      '1789430400000000,78189.20000000,78200.23000000,78176.65000000,78199.66000000,3.48107000,1789430459999999,272165.78776570,1076,1.44229000,112765.69532040,0\n',
    );
    expect(spot.rows[0]).toMatchObject({
      t: 1789430460000000,
      port: 'kline',
      key: 'spot:BTCUSDT',
      values: {
        start_ms: 1789430400000,
        end_ms: 1789430459999,
        interval: '1m',
        open: 7818920,
        volume: 348107,
        quote: 272165.7877657,
        trades: 1076,
        buy_volume: 144229,
        closed: 1,
      },
    });
    const header =
      'open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n';
    const um = await read(
      'BTCUSDT-5m-2024-01-15.csv',
      `${header}1705276800000,41734.9,41800,41700.5,41750,10.5,1705277099999,438000.1,300,5.5,219000,0\n`,
    );
    expect(um.rows[0]).toMatchObject({
      t: 1705277100000000,
      port: 'kline',
      key: 'usdm:BTCUSDT',
      values: { interval: '5m', open: 417349 },
    });
    const bare = await read(
      'BTCUSDT-1h-2021-01.csv',
      '1609459200000,28948.19,29668.86,28627.12,29337.16,210873.903,1609462799999,6157504890.27881,1520363,105824.551,3090112012.50389,0\n',
    );
    expect(bare.rows[0]).toMatchObject({ key: 'usdm:BTCUSDT', values: { interval: '1h' } });
  });
  it('of mark, index and premium klines', async () => {
    const header =
      'open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n';
    const row = '1705276800000,41734.91234567,41800,41700.5,41750.00000001,0,1705276859999,0,60,0,0,0\n';
    const mark = await read('BTCUSDT-1m-2024-01-15.csv', header + row);
    expect(mark.rows[0]).toMatchObject({
      t: 1705276860000000,
      port: 'mark_price',
      key: 'usdm:BTCUSDT',
      values: { mark_px: 4175000000001, event_ms: 1705276860000 },
    });
    const index = await read('indexPriceKlines/BTCUSDT-1m-2024-01-15.csv', header + row);
    expect(index.rows[0]).toMatchObject({ port: 'kline', key: 'usdm:BTCUSDT@index' });
    const premium = await read(
      'BTCUSDT-1m-2024-01-15.csv',
      `${header}1705276800000,-0.00012,0.0001,-0.0003,0.00005,0,1705276859999,0,12,0,0,0\n`,
    );
    expect(premium.rows[0]).toMatchObject({
      port: 'kline',
      key: 'usdm:BTCUSDT@premium',
      values: { open: -12, high: 10, low: -30, close: 5 },
    });
    const bare = await read(
      'BTCUSDT-mark-8h-2025-05-25_2025-06-24.csv',
      'open_time,open,high,low,close\n1748188800000,106928,109285.1,106612.16617391,108955.9\n1748217600012,108955.9,109285.1,106612.16617391,108000\n',
    );
    expect(bare.rows.map((r) => [r.port, r.t, r.values['mark_px']])).toEqual([
      ['mark_price', 1748217600000000, 10895590000000],
      ['mark_price', 1748246400012000, 10800000000000],
    ]);
  });
  it('of book tickers, book depth, metrics and funding', async () => {
    const ticker = await read(
      'BTCUSDT-bookTicker-2024-01-15.csv',
      'update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,transaction_time,event_time\n3831603310899,41734.90000000,0.70200000,41735.00000000,2.03300000,1705276800014,1705276800018\n',
    );
    expect(ticker.rows[0]).toMatchObject({
      t: 1705276800014000,
      port: 'book_ticker',
      values: { u: 3831603310899, bid_px: 417349, bid_qty: 702, event_ms: 1705276800018 },
    });
    const depth = await read(
      'BTCUSDT-bookDepth-2026-09-15.csv',
      'timestamp,percentage,depth,notional\n2026-09-15 00:00:06,-5.00,9258.55500000,707988857.24850000\n',
    );
    expect(depth.rows[0]).toMatchObject({
      t: Date.UTC(2026, 8, 15, 0, 0, 6) * 1000,
      port: 'depth_band',
      values: { percentage: -5, depth: 9258.555 },
    });
    const metrics = await read(
      'x.csv',
      'create_time,symbol,sum_open_interest,sum_open_interest_value,count_toptrader_long_short_ratio,sum_toptrader_long_short_ratio,count_long_short_ratio,sum_taker_long_short_vol_ratio\n2026-09-15 00:25:00,BTCUSDT,103351.0790000000000000,8059947582.0019000000000000,1.22798130,2.08593800,,0.73090000\n2026-09-15 00:00:00,BTCUSDT,1,2,3,4,5,6\n',
    );
    expect(
      metrics.rows.map((r) => [r.key, r.values['time_ms'], r.values['open_interest'], r.values['ls_ratio']]),
    ).toEqual([
      ['usdm:BTCUSDT', Date.UTC(2026, 8, 15), 1, 5],
      ['usdm:BTCUSDT', Date.UTC(2026, 8, 15, 0, 25), 103351.079, Number.NaN],
    ]);
    const funding = await read(
      'BTCUSDT-fundingRate-2026-01.csv',
      'calc_time,funding_interval_hours,last_funding_rate\n1748188800005,8,-0.00003651\n',
    );
    expect(funding.rows[0]).toMatchObject({
      t: 1748188800005000,
      port: 'funding_rate',
      values: { rate: -0.00003651, interval_h: 8, time_ms: 1748188800005 },
    });
    const short = await read(
      'BTCUSDT-fundingRate-2025-05-25_2025-06-24.csv',
      'calc_time,last_funding_rate\n1748188800000,0.00003651\n',
    );
    expect(short.rows[0]).toMatchObject({ key: 'usdm:BTCUSDT', values: { rate: 0.00003651, interval_h: Number.NaN } });
  });
});

describe('candle files', () => {
  it('are keyed by their stem and known at their close', async () => {
    const { rows, keys } = await read(
      'w3-07.csv',
      'open_time,open,high,low,close,volume\n1748169180000,107187.4,107194.2,107165,107194.2,22.67\n1748169240000,107194.2,107200,107190,107195.123,1\n',
    );
    expect(keys).toEqual([['usdm:w3-07', 5, 3]]);
    expect(rows.map((r) => [r.t, r.port, r.values])).toEqual([
      [
        1748169240000000,
        'candle',
        {
          open_time_ms: 1748169180000,
          open: 10718740000,
          high: 10719420000,
          low: 10716500000,
          close: 10719420000,
          volume: 22670,
        },
      ],
      [
        1748169300000000,
        'candle',
        {
          open_time_ms: 1748169240000,
          open: 10719420000,
          high: 10720000000,
          low: 10719000000,
          close: 10719512300,
          volume: 1000,
        },
      ],
    ]);
  });
  it('take sums with floating noise for the decimals that they stand for', async () => {
    const { rows, bad } = await read(
      'x.csv',
      'open_time,open,high,low,close,volume\n1748169180000,1.5,2,1,1.7000000000000002,22.670000000000002\n',
    );
    expect(bad).toEqual([]);
    expect(rows[0]!.values).toMatchObject({ close: 170000, volume: 22670 });
  });
  it('refuse impossible rows and go on', async () => {
    const h = 'open_time,open,high,low,close,volume\n';
    const good = '1748169180000,1,2,1,1,5\n';
    const { rows, bad } = await read(
      'x.csv',
      `${h}${good}1748169240000,0,2,1,1,5\n1748169300000,1,NaN,1,1,5\n1748169360000,1,2,1,1,-5\n1748169420000,1,2,1.5,1,5\n17481,1,2,1,1,5\n1748169480000,1,2\n1748169540000,1,2,1,1,5\n`,
    );
    expect(bad).toEqual([
      [3, 'CHM656'],
      [4, 'CHM656'],
      [5, 'CHM657'],
      [6, 'CHM660'],
      [7, 'CHM652'],
      [8, 'CHM661'],
    ]);
    expect(rows.filter((r) => r.port === 'candle')).toHaveLength(2);
  });
  it('count times that step back, and clamp them', async () => {
    const { rows, outOfOrder } = await read(
      'x.csv',
      'open_time,open,high,low,close,volume\n1748169240000,1,2,1,1,5\n1748169180000,1,2,1,1,5\n1748169300000,1,2,1,1,5\n',
    );
    expect(rows.map((r) => r.t)).toEqual([1748169300000000, 1748169300000000, 1748169360000000]);
    expect(outOfOrder).toBe(1);
  });
});

it('knows a header by its names and nothing else', () => {
  expect(csvLayout(['open_time,open,high,low,close,volume'])).toMatchObject({ kind: 'candles', header: true });
  expect(csvLayout(['Volume,Close,Low,High,Open,Open Time'])).toMatchObject({
    kind: 'candles',
    at: [5, 4, 3, 2, 1, 0],
  });
  expect(csvLayout(['rubbish', '8078264332,78153.0,0.001,78.153,1789430400003,false'])).toMatchObject({
    kind: 'trades',
    header: false,
  });
  expect(csvLayout(['a,b,c', 'd,e,f'])).toBeNull();
});

it('takes the symbol and the kind of reference price from a path', () => {
  expect(symbolOfPath('/x/BTCUSDT-1m-2025-05-25_2025-06-24.csv.gz')).toBe('BTCUSDT');
  expect(symbolOfPath('ETHUSDT-aggTrades-2024-01.zip')).toBe('ETHUSDT');
  expect(symbolOfPath('BTCUSDT_240628-1h-2024-01-01.csv')).toBe('BTCUSDT_240628');
  expect(symbolOfPath('w3-07.parquet')).toBe('w3-07');
  expect(referenceOfPath('um/daily/premiumIndexKlines/BTCUSDT/1m/BTCUSDT-1m-2024-01-01.zip')).toBe('premium');
  expect(referenceOfPath('BTCUSDT-mark-8h-2025.csv')).toBe('mark');
  expect(referenceOfPath('BTCUSDT-1m-2025.csv')).toBeUndefined();
});

it('finds the width of candles from the smallest step, jitter allowed', () => {
  expect(intervalOf([0, 60_000, 180_000])).toBe(60_000);
  expect(intervalOf([5, 28_800_017, 57_600_002])).toBe(28_800_000);
  expect(intervalOf([1])).toBe(60_000);
  expect(intervalName(60_000)).toBe('1m');
  expect(intervalName(2_678_400_000)).toBe('1mo');
});
