import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Vec } from '../../graph/schema/index.ts';
import { Drive } from '../../graph/testing/drive.ts';
import { basis } from './basis.ts';
import { bookImbalance } from './book-imbalance.ts';
import { depthBp } from './depth-bp.ts';
import { feedDelay } from './feed-delay.ts';
import { funding } from './funding.ts';
import { makerTakerRatio } from './maker-taker-ratio.ts';
import { microprice } from './microprice.ts';
import { mid } from './mid.ts';
import { slippage } from './slippage.ts';
import { spreadBp } from './spread-bp.ts';
import { answers } from './testing/series.ts';
import { topImbalance } from './top-imbalance.ts';
import { tradeImbalance } from './trade-imbalance.ts';
import { tradeSpeed } from './trade-speed.ts';

type Level = [number, number];
/** Levels are given best first, as one reads a book. */
const ladder = (bids: Level[], asks: Level[]) => {
  const vec = (xs: Level[], i: 0 | 1) => new Vec(Float64Array.from([...xs].reverse(), (x) => x[i]));
  return { u: 1, bid_px: vec(bids, 0), bid_qty: vec(bids, 1), ask_px: vec(asks, 0), ask_qty: vec(asks, 1) };
};
const one = (node: Parameters<typeof answers>[0], config: object, port: string, row: object) =>
  answers(node, config as Record<string, unknown>, port, [row])[0]!;

describe('features of the best bid and ask', () => {
  // 99.99 × 3.000 against 100.01 × 1.000
  const top = { u: 1, bid_px: 9_999, bid_qty: 3_000, ask_px: 10_001, ask_qty: 1_000 };
  it('spread is (ask − bid) / mid in bp [S2.11]', () => {
    expect(one(spreadBp, {}, 'top', top)).toEqual({ value: { value: 2 } });
    expect(one(mid, {}, 'top', top)).toEqual({ value: { value: 100 } });
  });
  it('microprice leans to the side with less size', () => {
    // 99.99 + 0.02 · 3 / 4 = 100.005: half a basis point above mid.
    const a = one(microprice, {}, 'top', top);
    expect(a['value']!['value']).toBeCloseTo(100.005, 12);
    expect(a['lean_bp']!['value']).toBeCloseTo(0.5, 12);
  });
  it('imbalance of the best sizes stays in [−1, 1]', () => {
    expect(one(topImbalance, {}, 'top', top)).toEqual({ value: { value: 0.5 } });
    expect(one(topImbalance, {}, 'top', { ...top, bid_qty: 0 })).toEqual({ value: { value: -1 } });
    expect(one(topImbalance, {}, 'top', { ...top, bid_qty: 0, ask_qty: 0 })).toEqual({});
  });
});

describe('features of the ladder', () => {
  const book = ladder(
    [
      [9_999, 1_000],
      [9_990, 2_000],
      [9_989, 4_000],
    ],
    [
      [10_001, 500],
      [10_010, 500],
      [10_011, 7_000],
    ],
  );
  it('depth is the sum of sizes inside the stated band, bounds included [S2.10]', () => {
    expect(one(depthBp, { within_bp: 10 }, 'book', book)).toEqual({
      depth: { bid: 3, ask: 1, total: 4, imbalance: 0.5 },
    });
    expect(one(depthBp, { within_bp: 11 }, 'book', book)['depth']).toMatchObject({ bid: 7, ask: 8 });
  });
  it('order book imbalance is (ΣB − ΣA) / (ΣB + ΣA) [S2.21]', () => {
    expect(one(bookImbalance, { levels: 2 }, 'book', book)).toEqual({ value: { value: 0.5 } });
    expect(one(bookImbalance, { levels: 9 }, 'book', book)).toEqual({ value: { value: (7 - 8) / 15 } });
  });
  it('slippage is the cost of walking the book against mid, in bp [S2.22]', () => {
    // Buying 1.000: half at 100.01, half at 100.10: average 100.055, mid 100.00.
    const a = one(slippage, { size: 1 }, 'book', book);
    expect(a['buy']!['value']).toBeCloseTo(5.5, 12);
    expect(a['sell']!['value']).toBeCloseTo(1, 12);
    expect(one(slippage, { size: 7.5 }, 'book', book)).toEqual({ buy: { value: expect.any(Number) } });
  });
  it('equal sums over the levels, for any book', () => {
    const side = fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 999 })), {
      minLength: 1,
      maxLength: 12,
      selector: (x) => x[0],
    });
    fc.assert(
      fc.property(side, side, fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 12 }), (b, a, bp, n) => {
        const bids = b.map(([d, q]): Level => [10_000 - d, q]).sort((x, y) => y[0] - x[0]);
        const asks = a.map(([d, q]): Level => [10_000 + d, q]).sort((x, y) => x[0] - y[0]);
        const l = ladder(bids, asks);
        const m = (bids[0]![0] + asks[0]![0]) / 2;
        const inside = (xs: Level[]) =>
          xs.filter((x) => Math.abs(x[0] - m) * 10_000 <= bp * m).reduce((s, x) => s + x[1], 0);
        const expected = { bid: inside(bids) / 1000, ask: inside(asks) / 1000 };
        const depth = one(depthBp, { within_bp: bp }, 'book', l)['depth'];
        if (expected.bid + expected.ask === 0) expect(depth).toBeUndefined();
        else expect(depth).toMatchObject(expected);
        const top = (xs: Level[]) => xs.slice(0, n).reduce((s, x) => s + x[1], 0);
        const value = one(bookImbalance, { levels: n }, 'book', l)['value']!['value'] as number;
        expect(value).toBe((top(bids) - top(asks)) / (top(bids) + top(asks)));
        expect(Math.abs(value)).toBeLessThanOrEqual(1);
      }),
      { numRuns: 200 },
    );
  });
});

describe('features of trades', () => {
  const print = (qty: number, side: 'buy' | 'sell', on_market = true) => ({ trade: { qty, side, on_market, px: 1 } });
  it('trade imbalance and maker/taker ratio come from the aggressor flag over the window [S2.24]', () => {
    const i = new Drive(tradeImbalance, { window: '10s' });
    const r = new Drive(makerTakerRatio, { window: '10s' });
    for (const [t, x] of [
      [1_000_000, print(300, 'buy')],
      [2_000_000, print(100, 'sell')],
      [3_000_000, print(900, 'sell', false)],
      [11_000_000, print(100, 'buy')],
    ] as const) {
      i.send(t, x);
      r.send(t, x);
    }
    expect(i.on('value').map((x) => x['value'])).toEqual([1, 0.5, 0]);
    expect(r.on('value').map((x) => x['value'])).toEqual([0, 1 / 3, 1]);
  });
  it('trade imbalance can count trades instead of time', () => {
    const d = new Drive(tradeImbalance, { window: '1d', trades: 2 });
    for (const [t, side] of (['buy', 'buy', 'sell', 'sell'] as const).entries()) d.send(t, print(1, side));
    expect(d.on('value').map((x) => x['value'])).toEqual([1, 1, 0, -1]);
  });
  it('trade speed is trades and volume per second over the window [S2.23]', () => {
    const d = new Drive(tradeSpeed, { window: '2s' });
    for (const t of [0, 500_000, 1_999_999, 2_000_000, 2_600_000]) d.send(t, print(1_000, 'buy'));
    expect(d.on('trades').map((x) => x['value'])).toEqual([0.5, 1, 1.5, 1.5, 1.5]);
    expect(d.on('volume').at(-1)).toEqual({ value: 1.5 });
  });
  it('equal a batch over the trades of the window, however many there are', () => {
    const tape = fc.array(
      fc.tuple(fc.integer({ min: 0, max: 900_000 }), fc.integer({ min: 1, max: 10_000 }), fc.boolean()),
      {
        maxLength: 400,
      },
    );
    fc.assert(
      fc.property(tape, (steps) => {
        const d = new Drive(tradeImbalance, { window: '3s' });
        const all: { t: number; qty: number; buy: boolean }[] = [];
        let t = 0;
        for (const [dt, qty, buy] of steps) {
          t += dt;
          all.push({ t, qty, buy });
          d.send(t, print(qty, buy ? 'buy' : 'sell'));
          const w = all.filter((x) => x.t > t - 3_000_000);
          const total = w.reduce((s, x) => s + x.qty, 0);
          expect(d.on('value').at(-1)!['value']).toBe(w.reduce((s, x) => s + (x.buy ? x.qty : -x.qty), 0) / total);
        }
      }),
      { numRuns: 30 },
    );
  });
});

describe('features of the mark price', () => {
  const mark = { mark_px: 100_05000000, index_px: 100e8, settle_px: Number.NaN, rate: 0.0001, event_ms: 1_000 };
  it('funding rate is the last arrived one, the settled rate a separate value [S2.12]', () => {
    const d = new Drive(funding);
    d.send(1, { mark: { ...mark, next_funding_ms: 61_000 } });
    d.send(2, { mark: { ...mark, rate: -0.0003, event_ms: 61_500, next_funding_ms: 61_000 } });
    d.send(3, { settled: { rate: 0.0002, interval_h: 8, time_ms: 61_003 } });
    d.send(4, { mark: { ...mark, rate: Number.NaN, next_funding_ms: Number.NaN } });
    expect(d.on('rate').map((x) => x['value'])).toEqual([0.0001, -0.0003]);
    expect(d.on('time_to_funding').map((x) => x['value'])).toEqual([60, 0]);
    expect(d.on('settled').map((x) => x['value'])).toEqual([0.0002]);
  });
  it('basis is mark against index in bp', () => {
    expect(one(basis, {}, 'mark', mark)).toEqual({ value: { value: 5 } });
    expect(one(basis, {}, 'mark', { ...mark, index_px: Number.NaN })).toEqual({});
  });
});

describe('feature.feed_delay', () => {
  it('is engine time minus event time, and its mean', () => {
    const d = new Drive(feedDelay, { period: 2 });
    d.send(1_500_000, { x: { event_ms: 1_400 } });
    d.send(1_600_000, { x: { event_ms: 1_610 } });
    d.send(1_700_000, { x: { event_ms: Number.NaN } });
    expect(d.on('value').map((x) => x['value'])).toEqual([100, -10]);
    expect(d.on('mean')).toEqual([{ value: 45 }]);
  });
});
