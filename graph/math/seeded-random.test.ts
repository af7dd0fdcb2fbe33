import { describe, expect, it } from 'vitest';
import { decode, encode } from '../codec/index.ts';
import { nextExponential, nextFloat, nextInt, nextNormal, nextUint32, type RandomState, seedRandom } from './index.ts';

describe('seeded random numbers', () => {
  it('follow the published sequence of xoshiro128** from state 0, 1, 2, 3', () => {
    const state: RandomState = { s: Int32Array.of(0, 1, 2, 3) };
    const expected = [5760, 17280, 2966400, 32451840, 2604340873, 3891234569, 1254043636, 216095511, 3291724652];
    expect(expected.map(() => nextUint32(state))).toEqual(expected);
  });
  it('are the same for the same seed and stream, and others for others', () => {
    const first = (seed: number, stream?: string) => nextUint32(seedRandom(seed, stream));
    expect(first(7, 'market')).toBe(first(7, 'market'));
    expect(new Set([first(7), first(8), first(7, 'a'), first(7, 'b'), first(70)]).size).toBe(5);
  });
  it('go on after a snapshot where they were', () => {
    const a = seedRandom(1);
    for (let i = 0; i < 100; i++) nextUint32(a);
    const b = decode(encode(a)) as RandomState;
    expect(Array.from({ length: 50 }, () => nextFloat(b))).toEqual(Array.from({ length: 50 }, () => nextFloat(a)));
  });
  it('have the moments of their distributions', () => {
    const s = seedRandom(42);
    const n = 100_000;
    const moments = (draw: () => number): [number, number] => {
      let sum = 0;
      let squares = 0;
      for (let i = 0; i < n; i++) {
        const x = draw();
        sum += x;
        squares += x * x;
      }
      return [sum / n, squares / n - (sum / n) ** 2];
    };
    // Bounds are five standard errors of the mean and of the variance.
    const near = ([m, v]: [number, number], mean: number, variance: number, kurtosis: number) => {
      expect(Math.abs(m - mean)).toBeLessThan(5 * Math.sqrt(variance / n));
      expect(Math.abs(v - variance)).toBeLessThan(5 * variance * Math.sqrt((kurtosis - 1) / n));
    };
    near(
      moments(() => nextFloat(s)),
      1 / 2,
      1 / 12,
      1.8,
    );
    near(
      moments(() => nextNormal(s)),
      0,
      1,
      3,
    );
    near(
      moments(() => nextExponential(s)),
      1,
      1,
      9,
    );
  });
  it('reach every integer below n equally often', () => {
    const s = seedRandom(3);
    const counts = new Int32Array(10);
    for (let i = 0; i < 100_000; i++) counts[nextInt(s, 10)]!++;
    // Chi-square with 9 degrees of freedom: 27.9 is the 99.9 % point.
    expect(counts.reduce((c, k) => c + (k - 10_000) ** 2 / 10_000, 0)).toBeLessThan(27.9);
    expect(nextInt(s, 1)).toBe(0);
    expect(nextInt(s, 2 ** 32)).toBeLessThan(2 ** 32);
  });
});
