import { ApiError } from '../contract.ts';
import type { Params } from '../params.ts';

const WEEK_MS = 7 * 86_400_000;

/** Which part of a history a request wants. */
export interface Page {
  /** From a list in ascending order: with an id the first ones from there on, else the newest within the times. */
  take<T>(list: readonly T[], id: (t: T) => number, ms: (t: T) => number): T[];
}

/** Reads `idName`, startTime, endTime, limit. @throws −1128, −1130, −4165 */
export function pageOf(p: Params, idName: string, most: number, usual = 500): Page {
  const from = p.int(idName, 0);
  const start = p.int('startTime');
  const end = p.int('endTime');
  const limit = Math.min(p.int('limit', 1) ?? usual, most);
  if (start !== undefined && end !== undefined) {
    if (end < start) throw new ApiError(-1128, 'Combination of optional parameters invalid.');
    if (end - start > WEEK_MS) throw new ApiError(-4165, 'Invalid time interval, the maximum time interval is 7 days.');
  }
  const until = end ?? (start !== undefined ? start + WEEK_MS : Number.POSITIVE_INFINITY);
  const since = start ?? (end !== undefined ? end - WEEK_MS : 0);
  return {
    take(list, id, ms) {
      const within = list.filter((t) => {
        const at = ms(t);
        return at >= since && at <= until && (from === undefined || id(t) >= from);
      });
      const first = from !== undefined || start !== undefined;
      return first ? within.slice(0, limit) : within.slice(-limit);
    },
  };
}
