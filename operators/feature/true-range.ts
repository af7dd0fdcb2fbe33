/** max(high − low, |high − previous close|, |low − previous close|): integers in, integer out. */
export function trueRange(high: number, low: number, previousClose: number): number {
  return Math.max(high, previousClose) - Math.min(low, previousClose);
}
