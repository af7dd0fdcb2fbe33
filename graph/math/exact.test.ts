import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addExact, divRound, mulDiv, mulDivRound, mulExact } from './exact.ts';

const LIMIT = BigInt(Number.MAX_SAFE_INTEGER);
/** Small, near 2^26 (where products meet 2^53), near 2^53, and anything. */
const amount = fc.oneof(
  fc.integer({ min: -100, max: 100 }),
  fc.integer({ min: 94_906_200, max: 94_906_400 }),
  fc.maxSafeInteger(),
  fc.integer({ min: Number.MAX_SAFE_INTEGER - 100, max: Number.MAX_SAFE_INTEGER }),
);
const abs = (x: bigint): bigint => (x < 0n ? -x : x);

function expected(a: number, b: number, c: number, nearest: boolean): number | string {
  if (c === 0) return 'CHM732';
  const p = BigInt(a) * BigInt(b);
  const d = BigInt(c);
  let q = abs(p) / abs(d);
  if (nearest && 2n * (abs(p) % abs(d)) >= abs(d)) q++;
  if (q > LIMIT) return 'CHM731';
  return Number(p < 0n === d < 0n ? q : -q);
}
function outcome(run: () => number): number | string {
  try {
    return run();
  } catch (e) {
    return (e as { code: string }).code;
  }
}

describe('exact arithmetic', () => {
  it('multiplies and divides as BigInt does, towards zero and with halves away from zero', () => {
    fc.assert(
      fc.property(amount, amount, amount, (a, b, c) => {
        expect(outcome(() => mulDiv(a, b, c))).toBe(expected(a, b, c, false));
        expect(outcome(() => mulDivRound(a, b, c))).toBe(expected(a, b, c, true));
      }),
      { numRuns: 5000 },
    );
  });
  it('is right at the edge where the quotient of doubles rounds up to the next integer', () => {
    const max = Number.MAX_SAFE_INTEGER;
    for (let c = 2; c < 300; c++)
      for (const n of [max, max - 1, max - c, max - (max % c) - 1, max - (max % c)])
        expect(mulDiv(n, 1, c)).toBe(Number(BigInt(n) / BigInt(c)));
    for (const c of [max, max - 1, 2 ** 52 + 1, 2 ** 52 - 1]) expect(mulDiv(max, 1, c)).toBe(Number(LIMIT / BigInt(c)));
  });
  it('rounds halves away from zero on both sides', () => {
    expect([1, 3, 5, -1, -3, -5].map((x) => divRound(x, 2))).toEqual([1, 2, 3, -1, -2, -3]);
    expect(mulDivRound(4, 1, 10)).toBe(0);
    expect(Object.is(mulDivRound(-4, 1, 10), 0)).toBe(true);
  });
  it('never lets a product or sum pass 2^53 silently', () => {
    fc.assert(
      fc.property(amount, amount, (a, b) => {
        const p = BigInt(a) * BigInt(b);
        const s = BigInt(a) + BigInt(b);
        expect(outcome(() => mulExact(a, b))).toBe(abs(p) > LIMIT ? 'CHM731' : Number(p));
        expect(outcome(() => addExact(a, b))).toBe(abs(s) > LIMIT ? 'CHM731' : Number(s));
      }),
    );
  });
  it('refuses fractions, NaN, infinities and a zero divisor', () => {
    for (const bad of [0.5, Number.NaN, Infinity, -Infinity]) {
      expect(outcome(() => mulDiv(bad, 3, 2))).toBe('CHM732');
      expect(outcome(() => mulDivRound(3, 2, bad))).toBe('CHM732');
      expect(outcome(() => mulExact(3, bad))).toBe('CHM732');
      expect(outcome(() => addExact(bad, 1))).toBe('CHM732');
    }
    expect(outcome(() => mulDiv(1, 1, 0))).toBe('CHM732');
    expect(outcome(() => divRound(1, 0))).toBe('CHM732');
  });
});
