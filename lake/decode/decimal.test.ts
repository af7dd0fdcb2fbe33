import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Decimal, digitsOf, MAX_DIGITS, parseDecimal, scanDecimal } from './decimal.ts';

const scan = (text: string): { value: number; digits: number } | null => {
  const out = new Decimal();
  const buf = Buffer.from(`${text}"`);
  return scanDecimal(buf, 0, buf.length, out) === text.length ? { value: out.value, digits: out.digits } : null;
};
const parse = (text: string): { value: number; digits: number } | null => {
  const out = new Decimal();
  return parseDecimal(text, out) ? { value: out.value, digits: out.digits } : null;
};
/** The amount as an exact fraction of a power of ten, by string arithmetic only. */
function exact(text: string): { mantissa: bigint; digits: number } {
  const [, sign, int, frac = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text)!;
  const kept = frac.replace(/0+$/, '');
  return { mantissa: BigInt(`${sign}${int}${kept}`), digits: kept.length };
}
const decimalText = fc
  .tuple(fc.boolean(), fc.stringMatching(/^\d{1,18}$/), fc.option(fc.stringMatching(/^\d{1,14}$/), { nil: undefined }))
  .map(([minus, int, frac]) => `${minus ? '-' : ''}${int}${frac === undefined ? '' : `.${frac}`}`);

describe('decimals', () => {
  it('are the nearest double and the decimals left without trailing zeros', () => {
    expect(scan('61837.63000000')).toEqual({ value: 61837.63, digits: 2 });
    expect(scan('0.00000638')).toEqual({ value: 0.00000638, digits: 8 });
    expect(scan('0.000')).toEqual({ value: 0, digits: 0 });
    expect(scan('1000')).toEqual({ value: 1000, digits: 0 });
    expect(scan('9007199254740991')).toEqual({ value: 9007199254740991, digits: 0 });
  });
  it('leave to the reference what is no plain decimal or does not fit 2^53', () => {
    for (const text of ['', '-', '.5', '5.', '1e3', 'NaN', '+1', '0x10', ' 1', '9007199254740993', '1.0000000000001'])
      expect(scan(text), text).toBeNull();
  });
  it('scanned equal the reference, and both equal exact arithmetic', () => {
    fc.assert(
      fc.property(decimalText, (text) => {
        const { mantissa, digits } = exact(text);
        const fits = (mantissa < 0n ? -mantissa : mantissa) <= BigInt(Number.MAX_SAFE_INTEGER) && digits <= MAX_DIGITS;
        const reference = parse(text)!;
        expect(reference.value).toBe(Number(text));
        expect(reference.digits).toBe(fits ? digits : -1);
        const fast = scan(text);
        if (fast !== null) expect(fast).toEqual(reference);
        else expect(fits).toBe(false);
      }),
      { numRuns: 5000 },
    );
  });
  it('become exact integers when scaled, up to fifteen significant digits', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999_999_999_999_999 }), fc.integer({ min: 0, max: 12 }), (m, k) => {
        const s = String(m).padStart(k + 1, '0');
        const text = k === 0 ? s : `${s.slice(0, -k)}.${s.slice(-k)}`;
        expect(Math.round(parse(text)!.value * Number(`1e${k}`))).toBe(m);
      }),
      { numRuns: 5000 },
    );
  });
  it('with an exponent count the decimals of the value', () => {
    expect(parse('1.5e-7')).toEqual({ value: 1.5e-7, digits: 8 });
    expect(parse('12E2')).toEqual({ value: 1200, digits: 0 });
    expect(parse('1e16')).toEqual({ value: 1e16, digits: -1 });
    expect(parse('1e')).toBeNull();
  });
  it('of binary doubles are found, sums with floating noise included', () => {
    expect(digitsOf(107187.4)).toBe(1);
    expect(digitsOf(22.670000000000002)).toBe(2);
    expect(digitsOf(5)).toBe(0);
    expect(digitsOf(1 / 3)).toBe(-1);
    expect(digitsOf(Number.NaN)).toBe(-1);
    expect(digitsOf(1.25, 4)).toBe(4);
  });
});
