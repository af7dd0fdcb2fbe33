import { describe, expect, it } from 'vitest';
import { Vec } from '../../graph/schema/index.ts';
import { applyBest, applyLadder, type Book, bestPx, createBook, levelQty, levels, take, takeable } from './book.ts';

const vec = (...x: number[]): Vec => new Vec(Float64Array.from(x));
/** Bids 100×1, 99×2, 97×4; asks 101×1, 102×2, 104×4 (ladders have the best level last). */
function sample(levels = 10): Book {
  const b = createBook(levels);
  applyLadder(b, 10, vec(97, 99, 100), vec(4, 2, 1), vec(104, 102, 101), vec(4, 2, 1));
  return b;
}
const list = (b: Book, side: number, limit: number, want: number): number[][] => {
  takeable(b, side, limit, want);
  return Array.from({ length: levels.n }, (_, i) => [levels.px[i]!, levels.qty[i]!]);
};

describe('the recorded book', () => {
  it('knows quantities of levels, empty levels, and what it cannot know', () => {
    const b = sample();
    expect([100, 99, 98, 97, 96].map((p) => levelQty(b, 1, p))).toEqual([1, 2, 0, 4, -1]);
    expect([100, 101, 103, 104, 105].map((p) => levelQty(b, -1, p))).toEqual([0, 1, 0, 4, -1]);
    expect(levelQty(createBook(5), 1, 100)).toBe(-1);
  });
  it('keeps only its best levels', () => {
    const b = sample(2);
    expect([b.nBid, levelQty(b, 1, 99), levelQty(b, 1, 97)]).toEqual([2, 2, -1]);
  });
  it('walks the levels up to the limit and the wanted quantity', () => {
    const b = sample();
    expect(list(b, -1, 102, 10)).toEqual([
      [101, 1],
      [102, 2],
    ]);
    expect(list(b, -1, 1000, 2)).toEqual([
      [101, 1],
      [102, 1],
    ]);
    expect(list(b, 1, 99, 10)).toEqual([
      [100, 1],
      [99, 2],
    ]);
  });
  it('lets a newer best quote stand over the ladder: better levels are gone, its own quantity counts', () => {
    const b = sample();
    applyBest(b, 11, 99, 7, 102, 8);
    expect([bestPx(b, 1), bestPx(b, -1)]).toEqual([99, 102]);
    expect([100, 99, 97].map((p) => levelQty(b, 1, p))).toEqual([0, 7, 4]);
    expect(list(b, -1, 1000, 100)).toEqual([
      [102, 8],
      [104, 4],
    ]);
    applyBest(b, 12, 100.5, 3, 101, 1);
    expect(list(b, 1, 99, 100)).toEqual([
      [100.5, 3],
      [100, 1],
      [99, 2],
    ]);
  });
  it('takes the newer of ladder and best quote by update id, and by arrival without ids', () => {
    const b = sample();
    applyBest(b, 9, 90, 1, 91, 1);
    expect(bestPx(b, 1)).toBe(100);
    applyBest(b, 12, 90, 1, 91, 1);
    applyLadder(b, 11, vec(100), vec(1), vec(101), vec(1));
    expect(bestPx(b, 1)).toBe(90);
    applyLadder(b, 12, vec(100), vec(1), vec(101), vec(1));
    expect(bestPx(b, 1)).toBe(100);
    applyBest(b, 0, 95, 1, 96, 1);
    expect(bestPx(b, 1)).toBe(95);
  });
  it('has no best price on an empty side', () => {
    const b = sample();
    applyBest(b, 11, 0, 0, 102, 8);
    expect([bestPx(b, 1), levelQty(b, 1, 99), list(b, 1, 1, 5).length]).toEqual([0, 0, 0]);
  });
  it('does not give the same quantity twice until the level shows another quantity', () => {
    const b = sample();
    take(b, -1, 101, 1);
    expect(list(b, -1, 101, 5)).toEqual([]);
    applyLadder(b, 11, vec(100), vec(1), vec(102, 101), vec(2, 1));
    expect(list(b, -1, 101, 5)).toEqual([]);
    applyLadder(b, 12, vec(100), vec(1), vec(102, 101), vec(2, 3));
    expect(list(b, -1, 101, 5)).toEqual([[101, 3]]);
  });
});
