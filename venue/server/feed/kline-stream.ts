import type { MarketName } from '../contract.ts';
import { Candle } from './candle.ts';
import type { CandleRing } from './candle-ring.ts';
import type { Interval } from './interval.ts';

/** A candle's end may be told by the first trade behind it, or once that much market time has passed, µs. */
const GRACE_US = 2_000_000;

/** One `@kline_<interval>` stream that somebody asked for. */
export class KlineStream {
  readonly name: string;
  readonly interval: Interval;
  readonly #everyUs: number;
  #candle: Candle | undefined;
  #changed = false;
  /** Market time of the next update, µs. */
  dueUs = Number.POSITIVE_INFINITY;

  constructor(market: MarketName, name: string, interval: Interval, past: CandleRing) {
    this.name = name;
    this.interval = interval;
    this.#everyUs = market === 'usdm' ? 250_000 : interval.name === '1s' ? 1_000_000 : 2_000_000;
    this.#candle = past.select(interval, undefined, undefined, 1)[0];
  }

  /** Takes a trade; returns the candle that it ends, if it does. */
  add(
    px: number,
    qty: number,
    taker: number,
    first: number,
    last: number,
    ms: number,
    nowUs: number,
  ): Candle | undefined {
    let done: Candle | undefined;
    let c = this.#candle;
    if (c === undefined || ms > c.end) {
      done = c;
      const start = this.interval.start(ms);
      c = new Candle(start, this.interval.end(start), px);
      this.#candle = c;
    } else if (ms < c.start) return undefined;
    c.add(px, qty, taker, first, last);
    this.#changed = true;
    this.dueUs = Math.min(this.dueUs, (Math.floor(nowUs / this.#everyUs) + 1) * this.#everyUs);
    return done;
  }
  /** What is to be told now: the running candle, or its end. Undefined when nothing is. */
  fire(nowUs: number): { candle: Candle; closed: boolean } | undefined {
    const c = this.#candle;
    if (c === undefined) return undefined;
    const endUs = (c.end + 1) * 1000 + GRACE_US;
    const closed = nowUs >= endUs;
    if (!closed && !this.#changed) {
      this.dueUs = endUs;
      return undefined;
    }
    this.#changed = false;
    this.dueUs = closed ? Number.POSITIVE_INFINITY : endUs;
    if (closed) this.#candle = undefined;
    return { candle: c, closed };
  }
}
