import { describe, expect, it } from 'vitest';
import { figure, median, medianInterval, reached } from './stats.ts';

describe('statistics of benchmarks', () => {
  it('takes the middle value, or the mean of the two in the middle', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
  });

  it('bounds the median by the ranks that the binomial distribution gives for 95 %', () => {
    // Ranks from 1. By hand for n = 15: P(X ≤ 3) = 576 / 2¹⁵ = 1.8 %, P(X ≤ 4) = 1941 / 2¹⁵ = 5.9 %, so the 4th to the 12th.
    const ranks: [number, number, number][] = [
      [15, 4, 12],
      [20, 6, 15],
      [31, 10, 22],
    ];
    for (const [n, low, high] of ranks) {
      const found = medianInterval(Array.from({ length: n }, (_, i) => i + 1));
      expect([n, found.low, found.high]).toEqual([n, low, high]);
    }
  });

  it('says whether a figure reaches its goal by its median', () => {
    expect(reached(figure('a', 'ns', [20, 26, 24], { at_most: 25 }))).toBe(true);
    expect(reached(figure('a', 'events/s', [20, 26, 24], { at_least: 25 }))).toBe(false);
  });
});
