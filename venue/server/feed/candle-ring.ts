import { Candle } from './candle.ts';
import type { Interval } from './interval.ts';

/** One-minute (or one-second) candles of the past, without holes: an interval without a trade repeats the last price. */
export class CandleRing {
  readonly #width: number;
  readonly #most: number;
  readonly #candles: Candle[] = [];
  /** Position of the oldest candle. */
  #head = 0;

  constructor(widthMs: number, most: number) {
    this.#width = widthMs;
    this.#most = most;
  }
  get length(): number {
    return this.#candles.length;
  }
  /** Oldest first. */
  at(i: number): Candle {
    const k = this.#head + i;
    return this.#candles[k < this.#candles.length ? k : k - this.#candles.length]!;
  }
  get last(): Candle | undefined {
    return this.#candles.length === 0 ? undefined : this.at(this.#candles.length - 1);
  }

  /** The candle of a time; undefined when it is older than what is kept. Candles up to it are made. */
  of(ms: number): Candle | undefined {
    const last = this.last;
    if (last !== undefined && ms >= last.start && ms <= last.end) return last;
    const start = Math.floor(ms / this.#width) * this.#width;
    if (last === undefined) return this.#push(start, 0);
    if (start > last.start) {
      this.fill(start);
      return this.last;
    }
    const i = this.length - 1 - (last.start - start) / this.#width;
    return i >= 0 ? this.at(i) : undefined;
  }
  /** Makes the candles up to and with the one that holds `ms`, if there is any candle yet. */
  fill(ms: number): void {
    const last = this.last;
    if (last === undefined || ms <= last.end) return;
    const start = Math.floor(ms / this.#width) * this.#width;
    let at = last.start + this.#width;
    // A hole longer than the ring leaves nothing of what was before it.
    if (start - at > this.#width * this.#most) at = start - this.#width * this.#most;
    for (; at <= start; at += this.#width) this.#push(at, last.close);
  }
  #push(start: number, price: number): Candle {
    const c = new Candle(start, start + this.#width - 1, price);
    if (this.#candles.length < this.#most) this.#candles.push(c);
    else {
      this.#candles[this.#head] = c;
      this.#head = this.#head + 1 === this.#most ? 0 : this.#head + 1;
    }
    return c;
  }

  /** Index of the first candle that begins at `ms` or later. */
  indexFrom(ms: number): number {
    if (this.length === 0) return 0;
    return Math.max(0, Math.min(this.length, Math.ceil((ms - this.at(0).start) / this.#width)));
  }

  /**
   * Candles of an interval whose open time lies in [from, to], oldest first: the first `limit` when `from` is given, else
   * the last `limit`.
   */
  select(interval: Interval, from: number | undefined, to: number | undefined, limit: number): Candle[] {
    const out: Candle[] = [];
    if (this.length === 0 || limit === 0) return out;
    const upTo = to ?? Number.POSITIVE_INFINITY;
    if (from !== undefined) {
      let i = this.indexFrom(interval.start(from));
      while (i < this.length && out.length <= limit) {
        const c = this.#gather(interval, i);
        if (c.start > upTo) break;
        i = this.indexFrom(c.end + 1);
        if (c.start >= from) out.push(c);
      }
      return out.slice(0, limit);
    }
    let i =
      upTo === Number.POSITIVE_INFINITY ? this.length - 1 : Math.min(this.length - 1, this.indexFrom(upTo + 1) - 1);
    while (i >= 0 && out.length < limit) {
      const start = interval.start(this.at(i).start);
      const first = this.indexFrom(start);
      const c = this.#gather(interval, first);
      if (c.start <= upTo) out.push(c);
      i = first - 1;
    }
    return out.reverse();
  }
  /** All candles from `i` on as one. */
  sum(i: number): Candle {
    const sum = new Candle(this.at(i).start, this.last!.end, this.at(i).open);
    for (let k = i; k < this.length; k++) sum.merge(this.at(k));
    return sum;
  }
  /** The interval's candle that the candle at `i` belongs to, from there on. */
  #gather(interval: Interval, i: number): Candle {
    const start = interval.start(this.at(i).start);
    const end = interval.end(start);
    const sum = new Candle(start, end, this.at(i).open);
    for (let k = i; k < this.length && this.at(k).start <= end; k++) sum.merge(this.at(k));
    return sum;
  }
}
