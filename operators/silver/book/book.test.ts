import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyLevels, askBound, bidBound, createBook, depthTo, isCrossed, loadSnapshot, setLevel } from './book.ts';

const level = fc.tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 5 }));

describe('book', () => {
  it('equals a map sorted afresh after every change, on both sides, while it grows', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), level), { maxLength: 400 }), (changes) => {
        const book = createBook(2);
        const map = { bids: new Map<number, number>(), asks: new Map<number, number>() };
        for (const [bid, [px, qty]] of changes) {
          const side = bid ? 'bids' : 'asks';
          setLevel(book[side], px, qty);
          if (qty === 0) map[side].delete(px);
          else map[side].set(px, qty);
        }
        for (const side of ['bids', 'asks'] as const) {
          const sorted = [...map[side]].sort((a, b) => (side === 'bids' ? a[0] - b[0] : b[0] - a[0]));
          const s = book[side];
          expect(Array.from(s.px.subarray(0, s.n))).toEqual(sorted.map((x) => x[0]));
          expect(Array.from(s.qty.subarray(0, s.n))).toEqual(sorted.map((x) => x[1]));
        }
      }),
      { numRuns: 200 },
    );
  });

  it('moves long tails as it moves short ones', () => {
    const book = createBook(1);
    for (let px = 1000; px > 0; px--) setLevel(book.bids, px, px);
    setLevel(book.bids, 3, 0);
    setLevel(book.bids, 990, 0);
    setLevel(book.bids, 3, 7);
    expect(book.bids.n).toBe(999);
    expect(Array.from(book.bids.px.subarray(0, 4))).toEqual([1, 2, 3, 4]);
    expect(book.bids.qty[2]).toBe(7);
    expect(Array.from(book.bids.px.subarray(987, 990))).toEqual([988, 989, 991]);
  });

  it('replaces everything by a snapshot, whatever the order of its levels', () => {
    const book = createBook();
    applyLevels(book.bids, [5, 6], [1, 1]);
    loadSnapshot(book, { bid_px: [3, 4, 2], bid_qty: [30, 40, 20], ask_px: [6, 5], ask_qty: [60, 50] });
    expect(Array.from(book.bids.px.subarray(0, book.bids.n))).toEqual([2, 3, 4]);
    expect(Array.from(book.asks.px.subarray(0, book.asks.n))).toEqual([6, 5]);
    expect(isCrossed(book)).toBe(false);
    setLevel(book.bids, 5, 1);
    expect(isCrossed(book)).toBe(true);
  });

  it('takes the bounds of a band exactly: |2·px − (bid + ask)| · 10,000 ≤ bp · (bid + ask)', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2 ** 50 }),
        fc.integer({ min: 1, max: 1000 }),
        fc.integer({ min: 0, max: 500 }),
        fc.integer({ min: -3, max: 3 }),
        (bid, spread, bp, off) => {
          const ask = bid + spread;
          const s = BigInt(bid) + BigInt(ask);
          const inside = (px: number) => {
            const d = 2n * BigInt(px) - s;
            return (d < 0n ? -d : d) * 10_000n <= BigInt(bp) * s;
          };
          const lo = bidBound(bid, ask, bp);
          const hi = askBound(bid, ask, bp);
          // Only prices on their own side of mid are asked about.
          for (const px of [lo + off]) if (2n * BigInt(px) <= s) expect(px >= lo).toBe(inside(px));
          for (const px of [hi + off]) if (2n * BigInt(px) >= s) expect(px <= hi).toBe(inside(px));
        },
      ),
    );
  });

  it('sums the quantities of a band with its bound included [S2.10]', () => {
    const book = createBook();
    // mid = 10,000: 10 bp reach from 9,990 to 10,010.
    applyLevels(book.bids, [9_999, 9_990, 9_989], [1, 2, 4]);
    applyLevels(book.asks, [10_001, 10_010, 10_011], [8, 16, 32]);
    expect(depthTo(book.bids, bidBound(9_999, 10_001, 10))).toBe(3);
    expect(depthTo(book.asks, askBound(9_999, 10_001, 10))).toBe(24);
  });
});
