import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pow10, powi } from './power.ts';

describe('integer powers', () => {
  it('are exact where the power of an integer fits a double', () => {
    fc.assert(
      fc.property(fc.integer({ min: -50, max: 50 }), fc.nat(9), (x, n) => {
        const exact = BigInt(x) ** BigInt(n);
        fc.pre(exact <= 2n ** 53n && exact >= -(2n ** 53n));
        expect(powi(x, n)).toBe(Number(exact));
      }),
    );
  });
  it('stay within one ulp for each multiplication of repeated multiplication', () => {
    for (const x of [1.0001, 0.97, 1.5])
      for (let n = 0; n < 60; n++) {
        let slow = 1;
        for (let i = 0; i < n; i++) slow *= x;
        expect(Math.abs(powi(x, n) / slow - 1)).toBeLessThan(1e-14);
      }
  });
  it('invert for negative exponents and refuse fractions', () => {
    expect(powi(2, -3)).toBe(0.125);
    expect(powi(2, -(2 ** 40))).toBe(0);
    expect(powi(0, 0)).toBe(1);
    expect(powi(2, 0.5)).toBeNaN();
    expect(powi(2, Infinity)).toBeNaN();
  });
  it('give the double nearest to every power of ten', () => {
    for (let n = -330; n <= 310; n++) expect(pow10(n)).toBe(Number(`1e${n}`));
    expect(pow10(0.5)).toBeNaN();
  });
});
