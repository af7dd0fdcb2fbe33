import { ApiError } from '../contract.ts';
import type { Params } from '../params.ts';

const DAY_MS = 86_400_000;
const LIMIT = 500;
const MOST = 1000;

/**
 * Rows of a list that is in order of id and time, as the exchange's history queries choose them: from an id on, or between
 * two times, the oldest first; without either the newest.
 * @throws −1127 more than a day between the times
 */
export function between<T>(
  p: Params,
  rows: readonly T[],
  idOf: (row: T) => number,
  timeOf: (row: T) => number,
  idName: string,
): T[] {
  const id = p.int(idName);
  const start = p.int('startTime');
  const end = p.int('endTime');
  const limit = Math.min(MOST, p.int('limit', 1) ?? LIMIT);
  if (start !== undefined && end !== undefined && end - start > DAY_MS)
    throw new ApiError(-1127, 'More than 24 hours between startTime and endTime.');
  if (id !== undefined) return rows.filter((row) => idOf(row) >= id).slice(0, limit);
  const inside = rows.filter((row) => {
    const t = timeOf(row);
    return (start === undefined || t >= start) && (end === undefined || t <= end);
  });
  return start === undefined ? inside.slice(-limit) : inside.slice(0, limit);
}
