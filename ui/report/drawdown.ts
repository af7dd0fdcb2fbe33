import type { Drawdown } from './data.ts';

/** Follows an equity curve point by point; the start counts as its first maximum. */
export class DrawdownTracker {
  readonly worst: Drawdown;
  #peak: number;
  #peakAt: number;
  /** The maximum that the worst drawdown fell from. */
  #worstPeak: number;
  constructor(start: number, first: number) {
    this.#peak = start;
    this.#peakAt = first;
    this.#worstPeak = start;
    this.worst = { depth: 0, peak_us: first, trough_us: first, recovered_us: null };
  }
  add(t: number, equity: number): void {
    const w = this.worst;
    if (w.depth > 0 && w.recovered_us === null && equity >= this.#worstPeak) w.recovered_us = t;
    if (equity >= this.#peak) {
      this.#peak = equity;
      this.#peakAt = t;
    } else if (this.#peak > 0 && (this.#peak - equity) / this.#peak > w.depth) {
      w.depth = (this.#peak - equity) / this.#peak;
      w.peak_us = this.#peakAt;
      w.trough_us = t;
      w.recovered_us = null;
      this.#worstPeak = this.#peak;
    }
  }
  /** `add` for the times t[from], t[from + 1], … and the first n equities. */
  addMany(t: Float64Array, equity: Float64Array, from: number, n: number): void {
    for (let i = this.#nextNews(equity, 0, n); i < n; i = this.#nextNews(equity, i + 1, n))
      this.add(t[from + i]!, equity[i]!);
  }
  /** Whether equities between these two are no new maximum, no deeper drawdown and no recovery: then they need not be added. */
  within(low: number, high: number): boolean {
    const peak = this.#peak;
    return peak > 0 && high < this.#roof() && (peak - low) / peak <= this.worst.depth;
  }
  /** The first equity from `from` on that is not between the maximum and the worst, else `n`. */
  #nextNews(equity: Float64Array, from: number, n: number): number {
    const peak = this.#peak;
    return peak > 0 ? firstOutside(equity, from, n, peak, this.worst.depth, this.#roof()) : from;
  }
  /** Below the maximum that the worst fell from, unless that has been reached again. */
  #roof(): number {
    return this.worst.recovered_us === null ? Math.min(this.#peak, this.#worstPeak) : this.#peak;
  }
}

function firstOutside(
  equity: Float64Array,
  from: number,
  n: number,
  peak: number,
  depth: number,
  roof: number,
): number {
  let i = from;
  while (i < n && equity[i]! < roof && (peak - equity[i]!) / peak <= depth) i++;
  return i;
}
