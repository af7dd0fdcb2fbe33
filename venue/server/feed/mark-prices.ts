import { CandleRing } from './candle-ring.ts';

/** Minutes kept: 31 days. */
export const MINUTES = 44_640;
const FUNDINGS = 1000;

export interface Funding {
  readonly ms: number;
  readonly rate: number;
}

/** What the mark price stream of a perpetual tells: prices × 10^8, their minutes, and the funding that was settled. */
export class MarkPrices {
  px = 0;
  indexPx = 0;
  settlePx = 0;
  rate = Number.NaN;
  nextMs = Number.NaN;
  ms = 0;
  readonly minutes = new CandleRing(60_000, MINUTES);
  readonly indexMinutes = new CandleRing(60_000, MINUTES);
  /** (mark − index) / index × 10^8. */
  readonly premiumMinutes = new CandleRing(60_000, MINUTES);
  readonly fundings: Funding[] = [];

  /** NaN: not told. */
  take(px: number, index: number, settle: number, rate: number, nextMs: number, ms: number): void {
    if (nextMs > this.nextMs) this.settle(this.nextMs, this.rate);
    this.px = px;
    this.ms = ms;
    if (!Number.isNaN(index)) this.indexPx = index;
    if (!Number.isNaN(settle)) this.settlePx = settle;
    if (!Number.isNaN(rate)) this.rate = rate;
    if (!Number.isNaN(nextMs)) this.nextMs = nextMs;
    this.minutes.of(ms)?.price(px);
    if (index > 0) {
      this.indexMinutes.of(ms)?.price(index);
      this.premiumMinutes.of(ms)?.price(Math.round((px / index - 1) * 1e8));
    }
  }
  settle(ms: number, rate: number): void {
    if (Number.isNaN(ms) || Number.isNaN(rate)) return;
    const last = this.fundings.at(-1);
    if (last !== undefined && last.ms >= ms) return;
    this.fundings.push({ ms, rate });
    if (this.fundings.length > FUNDINGS) this.fundings.shift();
  }
}
