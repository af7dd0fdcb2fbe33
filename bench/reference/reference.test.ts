import { describe, expect, it } from 'vitest';
import { timeBars, volumeBars } from './bars.ts';
import { rebuildBook } from './book.ts';
import { bracket } from './bracket.ts';
import { emaCross } from './ema-cross.ts';
import { type Candles, firstDifference } from './fills.ts';
import { Imbalance } from './imbalance.ts';
import { decimal, type Frame, units } from './recording.ts';

/** The references are what everything else is compared with, so each is shown on a case small enough to follow by hand. */
const frame = (stream: Frame['stream'], data: object): Frame => ({ us: 0, stream, key: 'usdm:X', data });

describe('plain decimals', () => {
  it('turns text into whole units and back without losing a digit', () => {
    expect(units('61800.20', 8)).toBe(6_180_020_000_000);
    expect(decimal(6_180_020_000_000, 8)).toBe('61800.2');
    expect(decimal(-5, 8)).toBe('-0.00000005');
    expect(() => units('0.123', 2)).toThrow('more than 2 decimals');
  });
});

describe('the plain book', () => {
  it('applies the diffs behind a snapshot, counts agreeing tickers, and notices a gap', () => {
    const diff = (U: number, u: number, pu: number, b: string[][], a: string[][]) => frame('depth', { U, u, pu, b, a });
    const frames = [
      diff(5, 9, 4, [['10', '9']], []),
      diff(10, 12, 9, [['10', '3']], []),
      frame('depth_snapshot', {
        lastUpdateId: 11,
        bids: [
          ['10', '1'],
          ['9', '5'],
        ],
        asks: [['11', '2']],
      }),
      diff(
        13,
        14,
        12,
        [['10', '0']],
        [
          ['11', '4'],
          ['12', '1'],
        ],
      ),
      frame('book_ticker', { u: 14, b: '9.0', B: '5', a: '11', A: '4.00' }),
      frame('book_ticker', { u: 12, b: '10', B: '1', a: '11', A: '2' }),
      diff(17, 18, 16, [], []),
    ];
    const book = rebuildBook(frames, 0);
    expect(book.top.slice(0, 2)).toEqual(['12,10,3,11,2', '14,9,5,11,4']);
    expect({ tickers: book.tickers, agreeing: book.agreeing, gaps: book.gaps }).toEqual({
      tickers: 2,
      agreeing: 1,
      gaps: 1,
    });
  });
});

describe('plain bars', () => {
  it('cuts by time and by volume, and leaves off-market trades out', () => {
    const trade = (t: number, T: number, p: string, q: string, m: boolean, X = 'MARKET') =>
      frame('trade', { t, T, p, q, m, X });
    const frames = [
      trade(1, 1000, '10', '2', false),
      trade(2, 1999, '12', '3', true),
      trade(3, 1999, '99', '1', true, 'INSURANCE_FUND'),
      trade(4, 2000, '11', '1', false),
    ];
    expect(timeBars(frames, 1000)).toEqual([
      '1000,2000,10,12,10,12,5,56,2,2,1,2',
      '2000,3000,11,11,11,11,1,11,1,1,4,4',
    ]);
    expect(volumeBars(frames, '5')).toEqual(['1000,1999,10,12,10,12,5,56,2,2,1,2']);
  });
});

/** Candles a minute apart from a full hour on, opens 1 above the close before. */
function candles(closes: readonly number[]): Candles {
  const open = closes.map((c, i) => (i === 0 ? c : closes[i - 1]! + 1));
  return {
    time: closes.map((_, i) => i * 60_000),
    open,
    high: closes.map((c, i) => Math.max(c, open[i]!)),
    low: closes.map((c, i) => Math.min(c, open[i]!)),
    close: closes,
  };
}

describe('plain strategies', () => {
  it('crosses at the 30th hourly close and is filled at the next open, not at the close', () => {
    // Rising all the way: the fast average is above the slow one, so there is one buy and nothing else.
    const fills = emaCross(candles(Array.from({ length: 40 * 60 }, (_, i) => 1000 + i)));
    expect(fills).toEqual([
      { time_ms: 1800 * 60_000, side: 'buy', px: 1000 + 1799 + 1, qty: 0.1, fee: 2800 * 0.1 * 0.0005 },
    ]);
  });

  it('leaves at the stop first when a candle reaches both, at the open when that is beyond', () => {
    const closes = Array.from({ length: 60 * 15 }, (_, i) => 1000 + (i % 30 < 15 ? 1 : 0) + i * 0.01);
    const c = candles(closes);
    const plain = bracket(c);
    expect(plain.length).toBeGreaterThan(1);
    const at = plain[0]!.time_ms / 60_000 + 1;
    const wild = {
      ...c,
      high: [...(c.high as number[])],
      low: [...(c.low as number[])],
      open: [...(c.open as number[])],
    };
    wild.high[at] = 5000;
    wild.low[at] = 1;
    wild.open[at] = 10;
    expect(bracket(wild)[1]).toMatchObject({ time_ms: at * 60_000, side: 'sell', px: 10 });
  });

  it('waits for the quantity ahead, and sells at the bid of the next light quote', () => {
    const loop = new Imbalance(true);
    const quote = (ts_us: number, bid_qty: number, ask_qty: number) =>
      loop.row({ ts_us, is_trade: false, bid: 10, bid_qty, ask: 11, ask_qty, price: 0, qty: 0, is_buy: false });
    const sold = (ts_us: number, price: number, qty: number) =>
      loop.row({ ts_us, is_trade: true, bid: 0, bid_qty: 0, ask: 0, ask_qty: 0, price, qty, is_buy: false });
    quote(0, 9, 1);
    sold(1000, 10, 9);
    expect(loop.fills).toEqual([]);
    sold(2000, 10, 0.001);
    quote(3000, 1, 2);
    expect(loop.fills.map((f) => [f.time_ms, f.side, f.px])).toEqual([
      [2, 'buy', 10],
      [3, 'sell', 10],
    ]);
    // Cancelled after 5 s: a trade at that very moment finds no order.
    quote(10_000_000, 9, 1);
    sold(15_000_000, 9, 1);
    expect(loop.fills.length).toBe(2);
  });

  it('names the first fill that differs', () => {
    const fill = { time_ms: 1, side: 'buy' as const, px: 10, qty: 1, fee: 0.005 };
    expect(firstDifference([fill], [fill])).toBeUndefined();
    expect(firstDifference([{ ...fill, px: 10.1 }], [fill])).toContain('fill 0');
    expect(firstDifference([], [fill])).toContain('null instead of');
  });
});
