import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Aggregator } from './aggregator.ts';
import { TradeRing } from './trade-ring.ts';

describe('the ring of trades', () => {
  it('answers as a plain list of the last entries does', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(3), { maxLength: 9000 }), fc.nat(9500), fc.nat(30), (gaps, at, limit) => {
        const ring = new TradeRing(5000, false);
        let list: { id: number; ms: number }[] = [];
        let id = 10;
        for (const gap of gaps) {
          id += gap;
          const fresh = gap > 0 || list.length === 0;
          expect(ring.push(id, 1, 1, 1, id * 3, id, id)).toBe(fresh);
          if (fresh) list.push({ id, ms: id * 3 });
        }
        list = list.slice(-5000);
        const ids = (p: readonly { id: number }[]): number[] => p.map((t) => t.id);
        expect(ids(ring.fromId(at, limit))).toEqual(ids(list.filter((t) => t.id >= at).slice(0, limit)));
        expect(ids(ring.between(undefined, undefined, limit))).toEqual(ids(limit === 0 ? [] : list.slice(-limit)));
        const inside = list.filter((t) => t.ms >= at && t.ms <= at + 500);
        expect(ids(ring.between(at, at + 500, limit))).toEqual(ids(inside.slice(0, limit)));
      }),
      { numRuns: 60 },
    );
  });
});

describe('aggregate trades', () => {
  const run = (
    market: 'usdm' | 'spot',
    trades: readonly [ms: number, px: number, qty: number, taker: number][],
  ): number[][] => {
    const ring = new TradeRing(1000, true);
    const a = new Aggregator(market, ring);
    for (const [i, [ms, px, qty, taker]] of trades.entries()) a.add(100 + i, px, qty, taker, ms, ms * 1000);
    a.close();
    return Array.from({ length: ring.length }, (_, i) => ring.at(i)).map((p) => [
      p.id,
      p.px,
      p.qty,
      p.first,
      p.last,
      p.ms,
    ]);
  };
  it('gather 100 ms of one price and side on USD-M', () => {
    const trades: [number, number, number, number][] = [
      [0, 50, 1, 1],
      [99, 50, 2, 1],
      [100, 50, 4, 1],
      [101, 51, 8, 1],
      [102, 51, 16, -1],
    ];
    expect(run('usdm', trades)).toEqual([
      [100, 50, 3, 100, 101, 0],
      [101, 50, 4, 102, 102, 100],
      [102, 51, 8, 103, 103, 101],
      [103, 51, 16, 104, 104, 102],
    ]);
  });
  it('gather one time, price and side on Spot', () => {
    expect(
      run('spot', [
        [5, 50, 1, 1],
        [5, 50, 2, 1],
        [6, 50, 4, 1],
      ]),
    ).toEqual([
      [100, 50, 3, 100, 101, 5],
      [101, 50, 4, 102, 102, 6],
    ]);
  });
});
