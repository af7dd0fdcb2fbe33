import { ChimeraError } from '../../graph/schema/index.ts';

/** USDT amounts are integers of 10^-8, held as doubles. */
export const MONEY_DIGITS = 8;
export const MONEY = 1e8;
const LIMIT = Number.MAX_SAFE_INTEGER;

/** 10^n for n = 0…15: literals, because a power must have the same bits everywhere. */
const TENS = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15] as const;
export function ten(n: number): number {
  const t = TENS[n];
  if (t === undefined) throw tooLarge(`10^${n}`);
  return t;
}

function tooLarge(what: string): ChimeraError {
  return new ChimeraError('CHM801', `amount too large or not an integer: ${what}`, {
    help: 'trade a smaller quantity, or declare fewer decimals for the instrument',
  });
}

/** `x` itself when it is an exact integer within ±2^53. Throws CHM801. */
export function exact(x: number): number {
  if (x <= LIMIT && x >= -LIMIT) return x + 0;
  throw tooLarge(String(x));
}

/** a × b when the product is exact. Throws CHM801. */
export function times(a: number, b: number): number {
  const p = a * b;
  if (p <= LIMIT && p >= -LIMIT) return p + 0;
  throw tooLarge(`${a} × ${b}`);
}

/**
 * a × b / d of integers, d > 0, rounded once, half away from zero. Exact: one double when the product is below 2^53 (where
 * it is itself exact), two where that is enough, BigInt otherwise. Throws CHM801 when the result is not a safe integer.
 */
export function mulDiv(a: number, b: number, d: number): number {
  const p = a * b;
  if (p <= LIMIT && p >= -LIMIT) return divide(p, d);
  const x = Math.abs(a);
  const y = Math.abs(b);
  // The quotient below 2^52 and the divisor at most 2^50: see `divideWide`.
  if (x <= LIMIT && y <= LIMIT && d <= TWO_50 && d > 0 && x * y < TWO_52 * d && areWhole(a, b, d)) {
    const q = divideWide(x, y, d);
    return p < 0 ? -q + 0 : q;
  }
  return fromBig((big(a) * big(b)) as bigint, big(d));
}
const TWO_50 = 1_125_899_906_842_624;
const TWO_52 = 4_503_599_627_370_496;
const areWhole = (a: number, b: number, d: number): boolean =>
  Math.floor(a) === a && Math.floor(b) === b && Math.floor(d) === d;

/**
 * x × y / d for x, y ≤ 2^53, d ≤ 2^50 and a quotient below 2^52, half up. The product is exact as the sum of two doubles
 * (T. J. Dekker, A floating-point technique for extending the available precision, 1971). A first quotient is off by a few
 * at most; what it leaves, x × y − q × d, is a small integer, which the differences of the two halves give exactly.
 */
function divideWide(x: number, y: number, d: number): number {
  const hi = x * y;
  let q = Math.floor(hi / d);
  const taken = q * d;
  let r = hi - taken + (lowOf(x, y, hi) - lowOf(q, d, taken));
  while (r < 0) {
    q--;
    r += d;
  }
  while (r >= d) {
    q++;
    r -= d;
  }
  return 2 * r >= d ? q + 1 : q;
}
/** What the rounded product `p` of two integers lacks: a × b − p, exactly. */
function lowOf(a: number, b: number, p: number): number {
  const s = a * SPLIT;
  const t = b * SPLIT;
  const aHigh = s - (s - a);
  const bHigh = t - (t - b);
  const aLow = a - aHigh;
  const bLow = b - bHigh;
  return aLow * bLow - (p - aHigh * bHigh - aLow * bHigh - aHigh * bLow);
}
/** 2^27 + 1: halves a double's 53 bits. */
const SPLIT = 134_217_729;

/** a × b × c / d, rounded once. */
export function mulDiv3(a: number, b: number, c: number, d: number): number {
  const ab = a * b;
  if (ab <= LIMIT && ab >= -LIMIT) return mulDiv(ab, c, d);
  return fromBig(big(a) * big(b) * big(c), big(d));
}

/** p / d of integers, d > 0, half away from zero. |p| < 2^53. */
export function divide(p: number, d: number): number {
  let q = Math.trunc(p / d);
  // The quotient of two doubles may round up to the next integer; the remainder tells (q × d stays below 2^53).
  let r = p - q * d;
  if (p >= 0) {
    if (r < 0) {
      q -= 1;
      r += d;
    }
    return 2 * r >= d ? q + 1 : q + 0;
  }
  if (r > 0) {
    q += 1;
    r -= d;
  }
  return -2 * r >= d ? q - 1 : q + 0;
}

/** ⌈p / d⌉ and ⌊p / d⌋ of integers, d > 0. */
export function ceilDiv(p: number, d: number): number {
  return -floorDiv(-p, d) + 0;
}
export function floorDiv(p: number, d: number): number {
  // From the truncated quotient: rounding down first could take q × d beyond 2^53.
  const q = Math.trunc(p / d);
  return (p - q * d < 0 ? q - 1 : q) + 0;
}

function big(x: number): bigint {
  if (!Number.isInteger(x)) throw tooLarge(String(x));
  return BigInt(x);
}
function fromBig(p: bigint, d: bigint): number {
  const n = p < 0n ? -p : p;
  const q = (2n * n + d) / (2n * d);
  if (q > BigInt(LIMIT)) throw tooLarge(`${p} / ${d}`);
  const x = Number(q);
  return p < 0n ? -x + 0 : x;
}

/** A decimal amount of a configuration (`20.5` USDT) as an integer of 10^-digits. Throws CHM803 when it has more digits. */
export function scaled(x: number, digits: number, what: string): number {
  const y = x * ten(digits);
  const n = Math.round(y);
  if (!(Math.abs(y - n) <= 1e-6 * Math.max(1, Math.abs(y)) && Math.abs(n) <= LIMIT && (n !== 0 || x === 0)))
    throw new ChimeraError('CHM803', `${what} is ${x}, which has more than ${digits} decimals`, {
      help: `give at most ${digits} decimals, the instrument's own`,
    });
  return n + 0;
}

/** A rate (0.0004) as an integer of 10^-8. */
export const rateE8 = (rate: number): number => Math.round(rate * 1e8);
/** Basis points (4) as an integer rate of 10^-8. */
export const bpE8 = (bp: number): number => Math.round(bp * 1e4);
