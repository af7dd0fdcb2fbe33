import type { VenueClock } from '../contract.ts';

/** The two clocks of a venue that runs: the computer's, and the played market's at `rate`, which stands until `start`. */
export class MarketClock implements VenueClock {
  readonly rate: number;
  #fromUs: number;
  #originMs = Number.NaN;
  constructor(rate: number, fromUs: number) {
    this.rate = rate;
    this.#fromUs = fromUs;
  }
  wallMs(): number {
    return Date.now();
  }
  marketUs(): number {
    if (Number.isNaN(this.#originMs)) return this.#fromUs;
    return this.#fromUs + Math.floor((performance.now() - this.#originMs) * 1000 * this.rate);
  }
  /** Where the market begins; before `start` only. */
  seek(fromUs: number): void {
    if (this.running) throw new Error('the market runs already');
    this.#fromUs = fromUs;
  }
  start(): void {
    if (!this.running) this.#originMs = performance.now();
  }
  get running(): boolean {
    return !Number.isNaN(this.#originMs);
  }
}
