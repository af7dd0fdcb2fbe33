import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decimalsOf, formatDecimal, parseDecimal, roundTo } from './decimal.ts';

/** By BigInt and text alone. */
function slowFormat(v: number, digits: number): string {
  const n = BigInt(v);
  const text = String(n < 0n ? -n : n).padStart(digits + 1, '0');
  const s = `${text.slice(0, text.length - digits)}.${text.slice(text.length - digits)}`.replace(/\.?0*$/, '');
  return n < 0n ? `-${s}` : s;
}
const code = (run: () => unknown): string => {
  try {
    run();
  } catch (e) {
    return (e as { code: string }).code;
  }
  return 'none';
};
const amount = fc.oneof(fc.maxSafeInteger(), fc.integer(), fc.integer({ min: -999, max: 999 }));
const digits = fc.nat(16);

describe('decimal text', () => {
  it('prints plain notation: no exponent, no trailing zeros, no minus zero', () => {
    expect(formatDecimal(-1230, 2)).toBe('-12.3');
    expect(formatDecimal(1, 8)).toBe('0.00000001');
    expect(formatDecimal(-1, 15)).toBe('-0.000000000000001');
    expect(formatDecimal(12000, 3)).toBe('12');
    expect(formatDecimal(-0, 3)).toBe('0');
    expect(formatDecimal(9007199254740991, 8)).toBe('90071992.54740991');
    expect(formatDecimal(1e15, 0)).toBe('1000000000000000');
  });
  it('prints every exact amount as BigInt would, and reads it back', () => {
    fc.assert(
      fc.property(amount, digits, (v, d) => {
        const text = formatDecimal(v, d);
        expect(text).toBe(slowFormat(v, d));
        expect(parseDecimal(text, d)).toBe(v + 0);
      }),
      { numRuns: 5000 },
    );
  });
  it('reads signs, bare points, leading and trailing zeros, and exponents', () => {
    const cases: [string, number, number][] = [
      ['12.3', 2, 1230],
      ['+.5', 1, 5],
      ['5.', 1, 50],
      ['-0', 3, 0],
      ['0.10000000000000000000', 2, 10],
      ['000000000000000000000123', 0, 123],
      ['1e-8', 8, 1],
      ['1.5E3', 0, 1500],
      ['12300e-2', 0, 123],
      ['0e999', 2, 0],
      ['90071992.54740991', 8, 9007199254740991],
    ];
    for (const [text, d, units] of cases) expect(Object.is(parseDecimal(text, d), units), text).toBe(true);
  });
  it('refuses what is no number, what is too fine, and what is too large', () => {
    for (const bad of ['', '.', '-', '+', '1.2.3', '1,000', ' 1', '1 ', 'NaN', 'Infinity', '0x10', '1e', '--1', '٣'])
      expect(
        code(() => parseDecimal(bad, 2)),
        bad,
      ).toBe('CHM733');
    for (const fine of ['0.001', '1e-3', '1.230000000000000000001', '1e-9999'])
      expect(
        code(() => parseDecimal(fine, 2)),
        fine,
      ).toBe('CHM734');
    for (const large of ['9007199254740992', '90071992547409.92', '1e20', '-1e9999', '99999999999999999999'])
      expect(
        code(() => parseDecimal(large, 2)),
        large,
      ).toBe('CHM731');
  });
});

describe('decimals of a double', () => {
  it('counts the decimals of the shortest text', () => {
    const slow = (x: number): number => {
      const [m, e] = String(x).split('e') as [string, string?];
      return Math.max(0, (m.split('.')[1] ?? '').length - Number(e ?? 0));
    };
    fc.assert(
      fc.property(fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), decimal()), (x) => {
        expect(decimalsOf(x)).toBe(slow(x));
      }),
      { numRuns: 5000 },
    );
    expect([0.25, 100, 1e-8, 64999.9, 0.1 + 0.2, Number.NaN, Infinity].map(decimalsOf)).toEqual([2, 0, 8, 1, 17, 0, 0]);
  });
});

describe('roundTo', () => {
  it('rounds halves of the written number away from zero', () => {
    expect(roundTo(1.005, 2)).toBe(1.01);
    expect(roundTo(-1.005, 2)).toBe(-1.01);
    expect(roundTo(2.5, 0)).toBe(3);
    expect(roundTo(1e-7, 6)).toBe(0);
    expect(roundTo(5e-7, 6)).toBe(0.000001);
    expect(roundTo(0.1 + 0.2, 10)).toBe(0.3);
    expect(Object.is(roundTo(-0.001, 1), 0)).toBe(true);
    expect(roundTo(Number.NaN, 1)).toBeNaN();
  });
  it('agrees with rounding the text by BigInt', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e12, max: 1e12 }), fc.nat(9), fc.nat(8), fc.boolean(), (v, places, d, half) => {
        // The number is v × 10^-places; with `half`, its digit after the d-th decimal is a lone 5.
        const [units, p] = half ? [v * 10 + 5, d + 1] : [v, places];
        const n = BigInt(Math.abs(units)) * 10n ** 10n;
        const step = 10n ** BigInt(10 + p - d);
        const nearest = (n + step / 2n) / step;
        const expected = Number(`${nearest}e-${d}`);
        expect(roundTo(Number(`${units}e-${p}`), d)).toBe(units < 0 ? -expected + 0 : expected);
      }),
      { numRuns: 5000 },
    );
  });
});

/** Numbers as markets write them: up to 12 digits, up to 9 decimals, halves among them. */
function decimal(): fc.Arbitrary<number> {
  return fc
    .tuple(fc.integer({ min: -1e9, max: 1e9 }), fc.nat(9), fc.boolean())
    .map(([v, d, half]) => (half ? Number(`${v}5e-${Math.min(d + 1, 9)}`) : Number(`${v}e-${d}`)));
}
