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
}
