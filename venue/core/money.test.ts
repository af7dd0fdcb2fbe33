import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bpE8, ceilDiv, divide, exact, floorDiv, mulDiv, mulDiv3, rateE8, scaled, times } from './money.ts';

const MAX = BigInt(Number.MAX_SAFE_INTEGER);
/** The definition, in BigInt: |p| / d rounded half up, with the sign of p. */
function reference(p: bigint, d: bigint): bigint {
  const n = p < 0n ? -p : p;
  const q = n / d + ((n % d) * 2n >= d ? 1n : 0n);
  return p < 0n ? -q : q;
}
const int = fc.oneof(
  fc.integer({ min: -1000, max: 1000 }),
  fc.maxSafeInteger(),
  fc.integer(),
  fc.constantFrom(2 ** 52, 2 ** 53 - 1, -(2 ** 53 - 1), 1e15, 0),
);
const positive = fc.oneof(
  fc.integer({ min: 1, max: 1000 }),
  fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  fc.constantFrom(1, 2, 3, 1e8, 1e15, 2 ** 53 - 1),
);
const code = (f: () => unknown): string => {
  try {
    f();
  } catch (e) {
    return (e as { code: string }).code;
  }
  return 'none';
};

describe('integer money', () => {
  it('multiplies and divides as BigInt does, rounding half away from zero once, or refuses with CHM801', () => {
    fc.assert(
      fc.property(int, int, positive, (a, b, d) => {
        const want = reference(BigInt(a) * BigInt(b), BigInt(d));
        if (want > MAX || want < -MAX) expect(code(() => mulDiv(a, b, d))).toBe('CHM801');
        else {
          const got = mulDiv(a, b, d);
          expect(BigInt(got)).toBe(want);
          expect(Object.is(got, -0)).toBe(false);
        }
      }),
      { numRuns: 5000 },
    );
  });
  it('does the same for products beyond 2^53 whose halves and remainders are near', () => {
    // p = q × d + r with r about 0, d / 2 or d, and p split into two factors.
    const wide = fc.record({
      a: fc.integer({ min: 2 ** 30, max: Number.MAX_SAFE_INTEGER }),
      b: fc.integer({ min: 2 ** 24, max: Number.MAX_SAFE_INTEGER }),
      shift: fc.integer({ min: 0, max: 50 }),
      off: fc.integer({ min: -3, max: 3 }),
      sign: fc.constantFrom(1, -1),
    });
    let refused = 0;
    fc.assert(
      fc.property(wide, ({ a, b, shift, off, sign }) => {
        // A divisor for which the remainder is small, or its half is: 2b ± off, a ± off, or a power of two.
        for (const d of [2 * b + off, b + off, a + off, 2 ** shift + off, 1e8, 2 ** 50, 2 ** 50 + 1]) {
          if (d < 1 || !Number.isSafeInteger(d)) continue;
          const want = reference(BigInt(sign * a) * BigInt(b), BigInt(d));
          if (want > MAX || want < -MAX) {
            refused++;
            expect(code(() => mulDiv(sign * a, b, d))).toBe('CHM801');
          } else expect(BigInt(mulDiv(sign * a, b, d))).toBe(want);
        }
      }),
      { numRuns: 5000 },
    );
    expect(refused).toBeGreaterThan(0);
  });
  it('rounds a product of three factors once', () => {
    fc.assert(
      fc.property(int, int, fc.integer({ min: -1e8, max: 1e8 }), positive, (a, b, c, d) => {
        const want = reference(BigInt(a) * BigInt(b) * BigInt(c), BigInt(d));
        if (want > MAX || want < -MAX) expect(code(() => mulDiv3(a, b, c, d))).toBe('CHM801');
        else expect(BigInt(mulDiv3(a, b, c, d))).toBe(want);
      }),
      { numRuns: 2000 },
    );
  });
  it('divides up and down as BigInt does', () => {
    fc.assert(
      fc.property(fc.oneof(int, fc.constantFrom(-(2 ** 53 - 1), 2 ** 53 - 1)), positive, (p, d) => {
        const [P, D] = [BigInt(p), BigInt(d)];
        const floor = P / D - (P % D < 0n ? 1n : 0n);
        expect(BigInt(floorDiv(p, d))).toBe(floor);
        expect(BigInt(ceilDiv(p, d))).toBe(P % D === 0n ? P / D : floor + 1n);
        expect(BigInt(divide(p, d))).toBe(reference(P, D));
      }),
      { numRuns: 2000 },
    );
  });
  it('rounds the halves away from zero', () => {
    expect([mulDiv(5, 1, 10), mulDiv(-5, 1, 10), mulDiv(15, 1, 10), mulDiv(4, 1, 10), mulDiv(-4, 1, 10)]).toEqual([
      1, -1, 2, 0, 0,
    ]);
  });
  it('refuses a product, a sum or an amount that is not an exact integer any more', () => {
    expect(code(() => times(2 ** 30, 2 ** 30))).toBe('CHM801');
    expect(code(() => exact(2 ** 53))).toBe('CHM801');
    expect(code(() => exact(Number.NaN))).toBe('CHM801');
    expect(code(() => mulDiv(0.5, 2 ** 60, 3))).toBe('CHM801');
    expect(times(94906265, 94906265)).toBe(94906265 * 94906265);
  });
  it('reads decimals of a configuration exactly and refuses more digits than there are', () => {
    expect([scaled(0.1, 1, 'tick'), scaled(0.001, 3, 'step'), scaled(20.5, 8, 'x')]).toEqual([1, 1, 2_050_000_000]);
    expect(code(() => scaled(0.05, 1, 'tick'))).toBe('CHM803');
    expect(code(() => scaled(0.0000001, 2, 'tick'))).toBe('CHM803');
    expect([rateE8(0.0004), bpE8(2), bpE8(0.25)]).toEqual([40_000, 20_000, 2_500]);
  });
});
