/**
 * Trades that an instrument has been told of, so that a report that comes again changes nothing. Late reports can overtake each
 * other, so the highest id alone does not tell: the last 256 ids are kept, and what is older than all of them counts as told.
 */
export interface SeenTrades {
  /** A ring; −1 = free. */
  ids: Float64Array;
  at: number;
}
const KEPT = 256;

export const noTrades = (): SeenTrades => ({ ids: new Float64Array(KEPT).fill(-1), at: 0 });

/** Takes a trade in. @returns false when it had been told before */
export function isNewTrade(s: SeenTrades, id: number): boolean {
  const { ids } = s;
  let lowest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < KEPT; i++) {
    if (ids[i] === id) return false;
    if (ids[i]! < lowest) lowest = ids[i]!;
  }
  if (id < lowest) return false;
  ids[s.at] = id;
  s.at = (s.at + 1) % KEPT;
  return true;
}
