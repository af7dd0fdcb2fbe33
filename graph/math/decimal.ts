import { ChimeraError } from '../schema/error.ts';
import { pow10 } from './power.ts';

/**
 * Between decimal text and exact amounts (integers, amount × 10^digits). Plain notation only goes out: no exponent, no
 * trailing zeros, no "-0".
 */

const SHAPE = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?$/;

/**
 * The text as an integer in units of 10^-digits.
 * @throws CHM733 not a decimal number, CHM734 more decimals than `digits`, CHM731 beyond 2^53
 */
export function parseDecimal(text: string, digits: number): number {
  const fast = parseShort(text, digits);
  return Number.isNaN(fast) ? parseAny(text, digits) : fast;
}

/** Plain digits and a point, up to 15 digits with those that are added; NaN for everything else. */
function parseShort(text: string, digits: number): number {
  const n = text.length;
  let i = 0;
  const negative = n > 1 && text.charCodeAt(0) === 45;
  if (negative) i = 1;
  if (n - i > 15 || i === n) return Number.NaN;
  let v = 0;
  let decimals = -1;
  for (; i < n; i++) {
    const c = text.charCodeAt(i) - 48;
    if (c >= 0 && c <= 9) {
      v = v * 10 + c;
      if (decimals >= 0) decimals++;
    } else if (c === -2 && decimals < 0 && n > 1) decimals = 0;
    else return Number.NaN;
  }
  const missing = digits - Math.max(0, decimals);
  if (missing < 0 || missing > 15) return Number.NaN;
  v *= pow10(missing);
  if (v >= 1e15) return Number.NaN;
  return negative && v !== 0 ? -v : v;
}
function parseAny(text: string, digits: number): number {
  const m = SHAPE.exec(text);
  const whole = m?.[2] ?? '';
  const fraction = m?.[3] ?? '';
  if (!m || whole.length + fraction.length === 0)
    throw new ChimeraError('CHM733', `${JSON.stringify(text.slice(0, 60))} is no decimal number`, {
      help: 'write digits with at most one point, e.g. 0.001',
    });
  // The number is `all` × 10^-places.
  const all = whole + fraction;
  const places = fraction.length - Number(m[4] ?? 0);
  const shift = digits - places;
  const significant = all.replace(/^0+/, '');
  if (significant === '') return 0;
  if (significant.length + shift > 17) return beyond(text, digits);
  let units = BigInt(all);
  if (shift >= 0) units *= 10n ** BigInt(shift);
  else {
    if (-shift > all.length) return tooFine(text, digits);
    const d = 10n ** BigInt(-shift);
    if (units % d !== 0n) return tooFine(text, digits);
    units /= d;
  }
  const v = Number(units);
  if (!Number.isSafeInteger(v)) return beyond(text, digits);
  return m[1] === '-' ? -v : v;
}
function beyond(text: string, digits: number): never {
  throw new ChimeraError('CHM731', `${text} with ${digits} decimals is beyond 2^53`, {
    help: 'check the number and the decimals of the instrument',
  });
}
function tooFine(text: string, digits: number): never {
  throw new ChimeraError('CHM734', `${text} has more than ${digits} decimals`, {
    help: 'declare the instrument with its real decimals, or correct the number',
  });
}

/** `value` × 10^-digits in plain notation: formatDecimal(-1230, 2) = "-12.3". `value` is a safe integer, digits 0..22. */
export function formatDecimal(value: number, digits: number): string {
  if (digits === 0 || value === 0) return `${value}`;
  // At most 15 digits: the quotient is the double nearest to the decimal, and that decimal its shortest text.
  if (value < 1e15 && value > -1e15) {
    const x = value / pow10(digits);
    if (x >= 1e-6 || x <= -1e-6) return `${x}`;
  }
  return formatLong(value, digits);
}
function formatLong(value: number, digits: number): string {
  const text = String(Math.abs(value)).padStart(digits + 1, '0');
  const at = text.length - digits;
  const fraction = text.slice(at).replace(/0+$/, '');
  return `${value < 0 ? '-' : ''}${text.slice(0, at)}${fraction === '' ? '' : `.${fraction}`}`;
}

/** The number of decimals of the shortest text that reads back as x: 0.25 → 2, 100 → 0, 1e-8 → 8. NaN, ±inf → 0. */
export function decimalsOf(x: number): number {
  if (Math.floor(x) === x || !Number.isFinite(x)) return 0;
  // The product of fewer than 16 digits is off by less than a half, so that rounding finds the digits if they exist.
  for (let d = 1; d <= 12; d++) {
    const scale = pow10(d);
    const r = Math.round(x * scale);
    if (r >= 1e15 || r <= -1e15) break;
    if (r / scale === x) return d;
  }
  const [mantissa, exponent] = String(x).split('e') as [string, string?];
  const point = mantissa.indexOf('.');
  return Math.max(0, (point < 0 ? 0 : mantissa.length - point - 1) - Number(exponent ?? 0));
}

/**
 * x to `digits` decimals, halves away from zero **of its shortest text**: roundTo(1.005, 2) = 1.01, as people read it.
 * The result is the double nearest to that decimal. digits 0..15.
 */
export function roundTo(x: number, digits: number): number {
  if (!Number.isFinite(x)) return x;
  const scale = pow10(digits);
  const y = Math.abs(x) * scale;
  if (y >= 1e15) return x;
  const floor = Math.floor(y);
  const rest = y - floor;
  // The product may be off by an ulp, which matters only next to a half: there the text decides.
  const near = Math.abs(rest - 0.5) < 1e-15 * y + 1e-12;
  const up = near ? textRoundsUp(Math.abs(x), digits) : rest > 0.5;
  const r = (near ? floorByText(Math.abs(x), digits) : floor) + (up ? 1 : 0);
  return (x < 0 ? -r : r) / scale + 0;
}
const textRoundsUp = (x: number, digits: number): boolean => (plain(x)[1][digits] ?? '0') >= '5';
const floorByText = (x: number, digits: number): number => {
  const [whole, fraction] = plain(x);
  return Number(whole + fraction.slice(0, digits).padEnd(digits, '0'));
};
/** Digits before and after the point of the shortest text of x ≥ 0. */
function plain(x: number): [string, string] {
  const [mantissa, exponent] = String(x).split('e') as [string, string?];
  const [whole, fraction = ''] = mantissa.split('.') as [string, string?];
  const shift = Number(exponent ?? 0);
  if (shift >= 0) return [whole + fraction.slice(0, shift).padEnd(shift, '0'), fraction.slice(shift)];
  return ['0', '0'.repeat(-shift - whole.length) + whole + fraction];
}
