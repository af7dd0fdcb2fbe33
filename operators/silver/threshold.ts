import { z } from 'zod';
import { ChimeraError } from '../../graph/schema/index.ts';

const DECIMAL = /^(\d+)(?:\.(\d+))?$/;

/** A positive amount as a decimal: a number, or text where its digits matter. */
export const decimal = () =>
  z
    .union([z.number().positive(), z.string().regex(DECIMAL, 'a plain decimal such as "0.5"')])
    .transform((v) => (typeof v === 'number' ? plain(v) : v))
    .refine((v) => /[1-9]/.test(v), 'must be above zero');

/** Shortest digits of a positive double without an exponent. */
function plain(v: number): string {
  const s = String(v);
  const m = /^(\d+)(?:\.(\d+))?e([+-]\d+)$/.exec(s);
  if (!m) return s;
  const digits = m[1]! + (m[2] ?? '');
  const point = m[1]!.length + Number(m[3]);
  if (point <= 0) return `0.${'0'.repeat(-point)}${digits}`;
  return point >= digits.length ? digits.padEnd(point, '0') : `${digits.slice(0, point)}.${digits.slice(point)}`;
}

/**
 * The smallest integer of units 10^−digits that is not below the amount: a sum of such integers reaches the amount
 * exactly when it reaches this. CHM851 when it leaves 2^53.
 */
export function toUnits(amount: string, digits: number, what: string): number {
  const m = DECIMAL.exec(amount);
  const whole = m?.[1] ?? '';
  const fraction = m?.[2] ?? '';
  const kept = fraction.slice(0, digits).padEnd(digits, '0');
  const more = /[1-9]/.test(fraction.slice(digits)) ? 1 : 0;
  const units = Number(whole + kept) + more;
  if (m && Number.isSafeInteger(units) && units > 0) return units;
  throw new ChimeraError('CHM851', `${what} of ${amount} cannot be counted in units of 10^-${digits}`, {
    help: 'give a positive plain decimal that is smaller',
  });
}
