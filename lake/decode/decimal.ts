/** Powers of ten that are exact doubles. */
export const POW10: readonly number[] = Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));

/** More significant decimals than any instrument has; a value with more is refused (CHM658). */
export const MAX_DIGITS = 12;
export const MAX_SAFE = Number.MAX_SAFE_INTEGER;

/** Result of parsing one decimal: the nearest double and the decimals left after trailing zeros are stripped. */
export class Decimal {
  value = 0;
  digits = 0;
}

/**
 * Parses `-?digits(.digits)?` at `pos`, the fast way: the integer of all significant digits divided by a power of ten,
 * both exact doubles, so that the one division rounds correctly (Clinger's fast path).
 * Returns the position behind it, or -1 when the text is anything else or needs more than 2^53 or MAX_DIGITS decimals.
 */
export function scanDecimal(buf: Uint8Array, pos: number, end: number, out: Decimal): number {
  let p = pos;
  let negative = false;
  let c = p < end ? buf[p]! : 0;
  if (c === 45) {
    negative = true;
    c = ++p < end ? buf[p]! : 0;
  }
  if (c < 48 || c > 57) return -1;
  let m = 0;
  do {
    m = m * 10 + (c - 48);
    c = ++p < end ? buf[p]! : 0;
  } while (c >= 48 && c <= 57);
  let digits = 0;
  if (c === 46) {
    let zeros = 0;
    const start = p + 1;
    c = ++p < end ? buf[p]! : 0;
    while (c >= 48 && c <= 57) {
      if (c === 48) zeros++;
      else {
        if (zeros > MAX_DIGITS) return -1;
        m = m * POW10[zeros + 1]! + (c - 48);
        digits += zeros + 1;
        zeros = 0;
      }
      c = ++p < end ? buf[p]! : 0;
    }
    if (p === start || digits > MAX_DIGITS) return -1;
  }
  // Beyond 2^53 the sum above may have been rounded; once it is too large it stays too large.
  if (m > MAX_SAFE) return -1;
  const v = digits === 0 ? m : m / POW10[digits]!;
  out.value = negative ? -v : v;
  out.digits = digits;
  return p;
}

const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,4}))?$/;

/**
 * The reference: any decimal text, exponents included. `false` when it is none. `digits` is -1 when the amount cannot be
 * held exactly (more than 2^53 or MAX_DIGITS decimals); `value` is the nearest double all the same.
 */
export function parseDecimal(text: string, out: Decimal): boolean {
  const m = DECIMAL.exec(text);
  if (m === null) return false;
  out.value = Number(text);
  const exponent = m[4] === undefined ? 0 : Number(m[4]);
  const all = `${m[2]}${m[3] ?? ''}`.replace(/^0+/, '');
  const stripped = all.replace(/0+$/, '');
  if (stripped === '') {
    out.digits = 0;
    return true;
  }
  const digits = Math.max(0, (m[3]?.length ?? 0) - exponent - (all.length - stripped.length));
  const integerDigits = stripped.length + Math.max(0, exponent - (m[3]?.length ?? 0) + (all.length - stripped.length));
  out.digits =
    digits > MAX_DIGITS || integerDigits > 16 || Math.abs(out.value) * POW10[digits]! > MAX_SAFE * (1 + 1e-15)
      ? -1
      : digits;
  if (out.digits >= 0 && integerDigits === 16 && BigInt(stripped.padEnd(16, '0')) > BigInt(MAX_SAFE)) out.digits = -1;
  return true;
}

/**
 * The decimals of a binary double, for files that hold doubles. Sums made in floating point (22.670000000000002) count as
 * the decimal they stand for when they are within four units in the last place of it. -1 when there is none within
 * MAX_DIGITS decimals.
 */
export function digitsOf(value: number, atLeast = 0): number {
  const a = Math.abs(value);
  if (!(a <= MAX_SAFE)) return -1;
  for (let k = atLeast; k <= MAX_DIGITS; k++) {
    const scaled = a * POW10[k]!;
    if (scaled > MAX_SAFE) return -1;
    if (Math.abs(Math.round(scaled) / POW10[k]! - a) <= a * 8.9e-16) return k;
  }
  return -1;
}
