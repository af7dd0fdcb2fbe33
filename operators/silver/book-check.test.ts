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

/** Book and check of one symbol, driven by hand. */
function replay(names: string[], symbol?: string) {
  const { frames, pxDigits, qtyDigits } = readRecording(names, symbol);
  const digits = { pxDigits, qtyDigits };
  const book = new Drive(orderBook, {}, digits);
  const check = new Drive(bookCheck, {}, digits);
  let diffs = 0;
  let tickers = 0;
  let crossed = 0;
  for (const f of frames) {
    if (f.port === 'book_ticker') {
      tickers++;
      check.send(f.t, { ticker: f.row });
    } else if (f.port === 'depth' || f.port === 'depth_snapshot') {
      if (f.port === 'depth') diffs++;
      book.send(f.t, { [f.port === 'depth' ? 'depth' : 'snapshot']: f.row });
      book.advance(f.t);
      for (const { values, port } of book.emitted) {
        if (port !== 'top') continue;
        if ((values['bid_px'] as number) >= (values['ask_px'] as number)) crossed++;
        check.send(f.t, { top: values });
      }
      const { length } = book.emitted;
      applied += book.emitted.filter((e) => e.port === 'top').length;
      if (length > 0) states.push(...book.emitted.filter((e) => e.port === 'state').map((e) => e.values));
      book.emitted.length = 0;
    }
  }
  const rows = check.on('check');
  return { diffs, tickers, crossed, rows, equal: rows.filter((r) => r['equal']).length, ...flush() };
}
let applied = 0;
let states: Record<string, unknown>[] = [];
const flush = () => {
  const out = { applied, states };
  applied = 0;
  states = [];
  return out;
};

describe('the rebuilt book against recorded book tickers', () => {
  it.each([['usdm-btcusdt-20240718'], ['usdm-btcusdt-20240808'], ['usdm-btcusdt-20230404'], ['spot-btcusdt-20240808']])(
    '%s: price and size agree wherever the update id is the same',
    (name, ...rest) => {
      const file = `binance-raw/${name}.gz`;
      if (!hasRecording(file))
        return (rest[0] as unknown as { skip(why: string): void })?.skip(`no ${file} in ${DATA}`);
      const r = replay([file]);
      console.log(`${name}: ${r.diffs} diffs, ${r.applied} applied, ${r.tickers} tickers, ${r.rows.length} compared`);
      expect(r.rows.length).toBeGreaterThan(100);
      expect(r.equal).toBe(r.rows.length);
      expect(r.crossed).toBe(0);
      expect(r.states.map((s) => s['state'])).toEqual(['live']);
    },
  );
});
