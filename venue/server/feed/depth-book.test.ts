import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Levels } from '../contract.ts';
import { DepthBook } from './depth-book.ts';

type Level = [number, number];
interface Diff {
  U: number;
  u: number;
  pu: number;
  b: Level[];
  a: Level[];
}
const flat = (b: Level[], a: Level[]): Float64Array => Float64Array.from([...b, ...a].flat());
const put = (book: DepthBook, d: Diff): boolean => book.diff(d.U, d.u, d.pu, flat(d.b, d.a), d.b.length);
const side = (px: Levels, qty: Levels): Level[] =>
  Array.from({ length: px.length }, (_, i) => [px.data[px.start + i]!, qty.data[qty.start + i]!] as Level).reverse();

/** The exchange: a book as two maps, and the diffs that led to it. Bids lie below 500, asks above. */
class Exchange {
  u = 100;
  bids = new Map<number, number>();
  asks = new Map<number, number>();
  step(spot: boolean, changes: readonly (readonly [number, number, boolean])[]): Diff {
    const pu = this.u;
    const b: Level[] = [];
    const a: Level[] = [];
    for (const [offset, qty, bid] of changes) {
      const px = bid ? 500 - offset : 501 + offset;
      const book = bid ? this.bids : this.asks;
      if (qty === 0) book.delete(px);
      else book.set(px, qty);
      (bid ? b : a).push([px, qty]);
    }
    // On USD-M ids belong to all symbols: there are holes between a diff and the next.
    const U = spot ? pu + 1 : pu + 3;
    this.u = U + changes.length;
    return { U, u: this.u, pu: spot ? Number.NaN : pu, b, a };
  }
  state(): { u: number; b: Level[]; a: Level[] } {
    return {
      u: this.u,
      b: [...this.bids].sort((x, y) => y[0] - x[0]),
      a: [...this.asks].sort((x, y) => x[0] - y[0]),
    };
  }
}
const change = fc.tuple(fc.nat(60), fc.nat(4), fc.boolean());
const steps = fc.array(fc.array(change, { minLength: 1, maxLength: 8 }), { minLength: 2, maxLength: 40 });

describe('the book of the feed', () => {
  it('equals the exchange after every diff, wherever the snapshot comes', () => {
    fc.assert(
      fc.property(steps, fc.boolean(), fc.nat(), fc.nat(10), (all, spot, at, late) => {
        const x = new Exchange();
        const book = new DepthBook();
        const snapshotAt = at % all.length;
        const waiting: (() => void)[] = [];
        for (const [i, changes] of all.entries()) {
          const diff = x.step(spot, changes);
          put(book, diff);
          if (i === snapshotAt) {
            // The answer of REST arrives some diffs later.
            const s = x.state();
            waiting.push(() => book.snapshot(s.u, flat(s.b, s.a), s.b.length));
          }
          if (i >= snapshotAt + late && waiting.length > 0) waiting.pop()!();
          if (!book.synced) continue;
          const s = x.state();
          expect(book.u).toBe(s.u);
          expect(side(book.bid_px, book.bid_qty)).toEqual(s.b);
          expect(side(book.ask_px, book.ask_qty).reverse().reverse()).toEqual(s.a);
        }
        if (snapshotAt + late < all.length) expect(book.synced).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
  it('is out of sync from a lost diff on, until the next snapshot', () => {
    for (const spot of [true, false]) {
      const x = new Exchange();
      const book = new DepthBook();
      put(
        book,
        x.step(spot, [
          [1, 5, true],
          [1, 5, false],
        ]),
      );
      let s = x.state();
      expect(book.snapshot(s.u, flat(s.b, s.a), 1)).toBe(true);
      x.step(spot, [[2, 7, true]]);
      expect(put(book, x.step(spot, [[3, 7, true]]))).toBe(false);
      expect(book.synced).toBe(false);
      put(book, x.step(spot, [[4, 7, true]]));
      s = x.state();
      expect(book.snapshot(s.u, flat(s.b, s.a), s.b.length)).toBe(true);
      expect(side(book.bid_px, book.bid_qty)).toEqual(s.b);
    }
  });
  it('takes no snapshot from before the diffs that it has', () => {
    const x = new Exchange();
    const book = new DepthBook();
    const old = x.state();
    x.step(false, [[1, 5, true]]);
    put(book, x.step(false, [[2, 5, true]]));
    expect(book.snapshot(old.u, flat(old.b, old.a), 0)).toBe(false);
    expect(book.synced).toBe(false);
  });
  it('is no book any more once it is crossed', () => {
    const book = new DepthBook();
    book.snapshot(1, flat([[10, 1]], [[11, 1]]), 1);
    expect(put(book, { U: 2, u: 2, pu: Number.NaN, b: [[11, 1]], a: [] })).toBe(false);
    expect(book.synced).toBe(false);
  });
});
