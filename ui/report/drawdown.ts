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
    const w = this.worst;
    for (let i = 0; i < n; i++) {
      const e = equity[i]!;
      // Between its maximum and its worst nothing is new.
      const peak = this.#peak;
      if (e < peak && peak > 0 && (peak - e) / peak <= w.depth && (w.recovered_us !== null || e < this.#worstPeak))
        continue;
      this.add(t[from + i]!, e);
    }
  }
}
