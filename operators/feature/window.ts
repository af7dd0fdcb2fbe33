/**
 * The last `size` numbers, oldest first, as one contiguous stretch: each is written twice, `size` apart. Statistics are
 * recomputed over the stretch, always from the oldest to the newest, so that a stream gives the bits of a batch and
 * never drifts as running sums of doubles do.
 */
export interface Window {
  readonly data: Float64Array;
  readonly size: number;
  /** Numbers held, at most `size`. */
  n: number;
  /** Place of the next number; once full also the place of the oldest. */
  next: number;
}

export const createWindow = (size: number): Window => ({ data: new Float64Array(2 * size), size, n: 0, next: 0 });

/** Adds a number; says whether the window is full. */
export function push(w: Window, x: number): boolean {
  w.data[w.next] = x;
  w.data[w.next + w.size] = x;
  w.next = w.next + 1 === w.size ? 0 : w.next + 1;
  if (w.n < w.size) w.n++;
  return w.n === w.size;
}
/** Offset of the oldest number in `data`. */
export const first = (w: Window): number => (w.n === w.size ? w.next : 0);
export const oldest = (w: Window): number => w.data[first(w)]!;
export const newest = (w: Window): number => w.data[first(w) + w.n - 1]!;

export function sum(w: Window): number {
  const end = first(w) + w.n;
  let total = 0;
  for (let i = first(w); i < end; i++) total += w.data[i]!;
  return total;
}
export const mean = (w: Window): number => sum(w) / w.n;
/** Σ (x − m)². */
export function squares(w: Window, m: number): number {
  const end = first(w) + w.n;
  let total = 0;
  for (let i = first(w); i < end; i++) {
    const d = w.data[i]! - m;
    total += d * d;
  }
  return total;
}
export function highest(w: Window): number {
  const end = first(w) + w.n;
  let most = Number.NEGATIVE_INFINITY;
  for (let i = first(w); i < end; i++) if (w.data[i]! > most) most = w.data[i]!;
  return most;
}
export function lowest(w: Window): number {
  const end = first(w) + w.n;
  let least = Number.POSITIVE_INFINITY;
  for (let i = first(w); i < end; i++) if (w.data[i]! < least) least = w.data[i]!;
  return least;
}
