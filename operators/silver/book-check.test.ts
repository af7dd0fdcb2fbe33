import { describe, expect, it } from 'vitest';
import { Drive } from '../../graph/testing/drive.ts';
import { bookCheck } from './book-check.ts';
import { orderBook } from './order-book.ts';
import { DATA, hasRecording, readRecording } from './testing/recording.ts';

const quote = (u: number, bid_qty = 1) => ({ u, bid_px: 100, bid_qty, ask_px: 101, ask_qty: 2 });

describe('silver.book_check', () => {
  it('compares a ticker that came before its diff, and one that came well after it', () => {
    const d = new Drive(bookCheck);
    d.send(1, { ticker: quote(5) });
    d.send(2, { ticker: quote(7, 3) });
    d.send(3, { ticker: quote(6) });
    d.send(4, { top: quote(5) });
    d.send(5, { top: quote(7) });
    d.send(6, { top: quote(9) });
    d.send(7, { ticker: quote(5, 2) });
    d.send(8, { ticker: quote(8) });
    expect(d.on('check')).toEqual([
      { u: 5, equal: true },
      { u: 7, equal: false },
      { u: 5, equal: false },
    ]);
  });

  it('answers each of several tickers with the same update id', () => {
    const d = new Drive(bookCheck);
    d.send(1, { ticker: quote(5) });
    d.send(2, { ticker: quote(5) });
    d.send(3, { top: quote(5) });
    d.send(4, { ticker: quote(5) });
    expect(d.on('check')).toHaveLength(3);
  });

  it('keeps no more than the stated number of books and tickers', () => {
    const d = new Drive(bookCheck, { keep: 16 });
    for (let u = 1; u <= 1000; u++) d.send(u, { ticker: quote(u) });
    for (let u = 1; u <= 1000; u++) d.send(2000 + u, { top: quote(u) });
    expect(d.on('check').map((r) => r['u'])).toEqual(Array.from({ length: 16 }, (_, i) => 985 + i));
    d.send(5000, { ticker: quote(984) });
    expect(d.on('check')).toHaveLength(16);
    d.send(5001, { ticker: quote(985) });
    expect(d.on('check')).toHaveLength(17);
    expect(d.state.tops.data.length).toBeLessThan(1000);
  });
});

type Row = Record<string, unknown>;
/** Book and check of one symbol, driven by hand; the comparisons due are also counted by a plain join. */
function replay(names: string[], symbol?: string) {
  const { frames, pxDigits, qtyDigits } = readRecording(names, symbol);
  const digits = { pxDigits, qtyDigits };
  const book = new Drive(orderBook, {}, digits);
  const check = new Drive(bookCheck, {}, digits);
  const applied: Row[] = [];
  for (const f of frames) {
    if (f.port === 'book_ticker') check.send(f.t, { ticker: f.row });
    if (f.port !== 'depth' && f.port !== 'depth_snapshot') continue;
    const rows = [...book.send(f.t, { [f.port === 'depth' ? 'depth' : 'snapshot']: f.row }), ...book.advance(f.t)];
    for (const { port, values } of rows) {
      if (port !== 'top') continue;
      applied.push(values);
      check.send(f.t, { top: values });
    }
  }
  const count = (port: string) => frames.filter((f) => f.port === port).length;
  const us = new Set(applied.map((r) => r['u']));
  return {
    diffs: count('depth'),
    tickers: count('book_ticker'),
    applied,
    due: frames.filter((f) => f.port === 'book_ticker' && us.has(f.row['u'])).length,
    rows: check.on('check'),
    states: book.on('state').map((r) => r['state']),
  };
}
function holds(name: string, r: ReturnType<typeof replay>, atLeast: number): void {
  const equal = r.rows.filter((x) => x['equal']).length;
  console.log(`${name}: ${r.diffs} diffs, ${r.applied.length} applied, ${equal} of ${r.rows.length} tickers agree`);
  expect(r.rows.length).toBe(r.due);
  expect(r.rows.length).toBeGreaterThanOrEqual(atLeast);
  expect(equal).toBe(r.rows.length);
  expect(r.applied.filter((x) => (x['bid_px'] as number) >= (x['ask_px'] as number))).toEqual([]);
  expect(r.states).toEqual(['live']);
}

const RAW = ['usdm-btcusdt-20240718', 'usdm-btcusdt-20240808', 'usdm-btcusdt-20230404', 'spot-btcusdt-20240808'];
describe.skipIf(!hasRecording(`binance-raw/${RAW[0]}.gz`))(
  `the rebuilt book against recorded book tickers in ${DATA}`,
  () => {
    it.each(RAW)('%s: price and size agree wherever the update id is the same', (name) => {
      const r = replay([`binance-raw/${name}.gz`]);
      holds(name, r, 150);
      // All but the handful that came before their snapshot.
      expect(r.diffs - r.applied.length).toBeLessThan(10);
    });

    it.each([
      ['BINANCE_FUTURES', 'SUSHIUSDT'],
      ['BINANCE_FUTURES', 'AKROUSDT'],
      ['BINANCE_FUTURES', 'KEEPUSDT'],
      ['BINANCE_FUTURES', 'CTKUSDT'],
      ['BINANCE', 'NKNUSDT'],
      ['BINANCE', 'BLZETH'],
      ['BINANCE', 'LRCBTC'],
      ['BINANCE', 'RUNEEUR'],
    ])('cryptofeed %s %s: the snapshot comes after the first diffs', (file, symbol) => {
      const r = replay([`cryptofeed/${file}.ws.1.0.gz`, `cryptofeed/${file}.http.0.0.gz`], symbol);
      holds(symbol, r, 0);
      expect(r.applied.length).toBeGreaterThan(0);
    });
  },
);
