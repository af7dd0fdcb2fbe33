import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CandleRing } from './candle-ring.ts';
import { intervalOf } from './interval.ts';

const T0 = Date.UTC(2024, 1, 27, 22, 58, 13, 7);
interface Made {
  ms: number;
  px: number;
  qty: number;
  taker: 1 | -1;
}
const trade = fc.record({
  wait: fc.oneof({ weight: 8, arbitrary: fc.nat(40_000) }, fc.nat(20_000_000)),
  px: fc.integer({ min: 1, max: 9_000_000_000_000 }),
  qty: fc.integer({ min: 1, max: 10_000_000_000 }),
  buy: fc.boolean(),
});
const tape = fc.array(trade, { minLength: 1, maxLength: 120 }).map((all): Made[] => {
  let ms = T0;
  return all.map((t) => {
    ms += t.wait;
    return { ms, px: t.px, qty: t.qty, taker: t.buy ? 1 : -1 };
  });
});
/** The definition: group the trades by interval, in exact arithmetic. */
function batch(trades: readonly Made[], start: (ms: number) => number): Map<number, unknown[]> {
  const groups = new Map<number, [Made, number][]>();
  for (const [id, t] of trades.entries()) {
    const key = start(t.ms);
    groups.set(key, [...(groups.get(key) ?? []), [t, id]]);
  }
  return new Map(
    [...groups].map(([key, g]) => {
      const px = g.map(([t]) => t.px);
      const sum = (list: readonly Made[]): bigint => list.reduce((s, t) => s + BigInt(t.px) * BigInt(t.qty), 0n);
      const all = g.map(([t]) => t);
      const buys = all.filter((t) => t.taker > 0);
      const volume = (list: readonly Made[]): number => list.reduce((s, t) => s + t.qty, 0);
      return [
        key,
        [
          px[0],
          Math.max(...px),
          Math.min(...px),
          px.at(-1),
          volume(all),
          sum(all),
          g.length,
          volume(buys),
          sum(buys),
          g[0]![1],
          g.at(-1)![1],
        ],
      ];
    }),
  );
}

describe('candles of the feed', () => {
  it('equal a batch recomputation from the trades, in every interval', () => {
    fc.assert(
      fc.property(tape, fc.constantFrom('1m', '3m', '15m', '1h', '4h', '1d', '3d', '1w', '1M'), (trades, name) => {
        const interval = intervalOf(name, 'usdm')!;
        const ring = new CandleRing(60_000, 44_640);
        for (const [id, t] of trades.entries()) ring.of(t.ms)!.add(t.px, t.qty, t.taker, id, id);
        const expected = batch(trades, interval.start);
        const got = ring.select(interval, 0, undefined, 100_000);
        for (const c of got) {
          const e = expected.get(c.start);
          const has = [
            c.open,
            c.high,
            c.low,
            c.close,
            c.volume,
            c.quote,
            c.trades,
            c.buyVolume,
            c.buyQuote,
            c.firstId,
            c.lastId,
          ];
          if (e === undefined) expect([c.trades, c.open === c.close, c.quote]).toEqual([0, true, 0n]);
          else expect(has).toEqual(e);
          expected.delete(c.start);
        }
        expect(expected.size).toBe(0);
        for (let i = 1; i < got.length; i++) expect(got[i]!.start).toBe(got[i - 1]!.end + 1);
      }),
      { numRuns: 150 },
    );
  });
  it('selects as Binance does: from a start the first ones, else the last ones', () => {
    const ring = new CandleRing(60_000, 100);
    for (let i = 0; i < 250; i++) ring.of(i * 60_000 + 5)!.add(100 + i, 1, 1, i, i);
    expect(ring.length).toBe(100);
    const five = intervalOf('5m', 'usdm')!;
    const starts = (from: number | undefined, to: number | undefined, n: number): number[] =>
      ring.select(five, from, to, n).map((c) => c.start / 60_000);
    expect(starts(undefined, undefined, 3)).toEqual([235, 240, 245]);
    expect(starts(200 * 60_000, undefined, 2)).toEqual([200, 205]);
    expect(starts(201 * 60_000, 212 * 60_000, 9)).toEqual([205, 210]);
    expect(starts(undefined, 212 * 60_000, 2)).toEqual([205, 210]);
    expect(starts(0, 160 * 60_000, 9)).toEqual([150, 155, 160]);
  });
  it('begins weeks on Monday and months with the calendar', () => {
    const ms = Date.UTC(2024, 1, 29, 13);
    expect(intervalOf('1w', 'usdm')!.start(ms)).toBe(Date.UTC(2024, 1, 26));
    const month = intervalOf('1M', 'spot')!;
    expect([month.start(ms), month.end(month.start(ms))]).toEqual([Date.UTC(2024, 1, 1), Date.UTC(2024, 2, 1) - 1]);
    expect(intervalOf('1s', 'usdm')).toBeUndefined();
    expect(intervalOf('7m', 'spot')).toBeUndefined();
  });
});
