import type { Vec } from '../../graph/schema/index.ts';

/** Sum of the quantities of the best `levels` levels. */
export function sumLevels(qty: Vec, levels: number): number {
  let sum = 0;
  for (let i = qty.length - 1; i >= 0 && i >= qty.length - levels; i--) sum += qty.at(i);
  return sum;
}

/**
 * Σ price × quantity of taking `size` from the best level on, as a double; NaN when the side holds less. Prices count
 * from `from`, so that the sum stays small: only the distance costs.
 */
export function walk(px: Vec, qty: Vec, size: number, from: number): number {
  let left = size;
  let cost = 0;
  for (let i = px.length - 1; i >= 0; i--) {
    const q = qty.at(i);
    const take = Math.min(q, left);
    cost += take * Math.abs(px.at(i) - from);
    left -= take;
    if (left === 0) return cost;
  }
  return Number.NaN;
}
