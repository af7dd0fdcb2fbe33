import type { PriceSeries } from './data.ts';

/** Thins a step series to about `buckets` × 4 points: first, lowest, highest and last of each bucket of time, in order. */
export function thin(
  t: readonly number[],
  values: readonly number[],
  buckets: number,
): { t_us: number[]; values: number[] } {
  if (t.length <= buckets * 4) return { t_us: [...t], values: [...values] };
  const t0 = t[0]!;
  const width = (t.at(-1)! - t0) / buckets || 1;
  const out = { t_us: [] as number[], values: [] as number[] };
  for (let i = 0; i < t.length; ) {
    const bucket = Math.floor((t[i]! - t0) / width);
    let end = i + 1;
    let low = i;
    let high = i;
    while (end < t.length && Math.floor((t[end]! - t0) / width) === bucket) {
      if (values[end]! < values[low]!) low = end;
      if (values[end]! > values[high]!) high = end;
      end++;
    }
    for (const k of [...new Set([i, low, high, end - 1])].sort((a, b) => a - b)) {
      out.t_us.push(t[k]!);
      out.values.push(values[k]!);
    }
    i = end;
  }
  return out;
}

/**
 * Collects a price series of any length in bounded memory: when it is full, neighbouring candles are merged and the
 * width doubles. Width and boundaries depend on the data alone.
 */
export class PriceSampler {
  readonly #limit: number;
  #width: number;
  readonly #s: PriceSeries = { t_us: [], open: [], high: [], low: [], close: [] };
  constructor(limit = 1000, widthUs = 100_000) {
    this.#limit = limit;
    this.#width = widthUs;
  }
  add(tUs: number, open: number, high = open, low = open, close = open): void {
    const s = this.#s;
    const n = s.t_us.length;
    // Times do not go back: what is before the end of the last candle belongs to it.
    if (n > 0 && tUs < s.t_us[n - 1]! + this.#width) {
      if (high > s.high[n - 1]!) s.high[n - 1] = high;
      if (low < s.low[n - 1]!) s.low[n - 1] = low;
      s.close[n - 1] = close;
      return;
    }
    if (n >= 2 * this.#limit) {
      this.#halve();
      this.add(tUs, open, high, low, close);
      return;
    }
    s.t_us.push(Math.floor(tUs / this.#width) * this.#width);
    s.open.push(open);
    s.high.push(high);
    s.low.push(low);
    s.close.push(close);
  }
  /** `add` for single prices: rows [from, to). */
  addMany(t: Float64Array, px: Float64Array, from: number, to: number): void {
    const s = this.#s;
    for (let i = from; i < to; i++) {
      const n = s.t_us.length;
      if (n > 0) {
        const end = s.t_us[n - 1]! + this.#width;
        const first = i;
        let high = s.high[n - 1]!;
        let low = s.low[n - 1]!;
        for (; i < to && t[i]! < end; i++) {
          const p = px[i]!;
          if (p > high) high = p;
          if (p < low) low = p;
        }
        s.high[n - 1] = high;
        s.low[n - 1] = low;
        if (i > first) s.close[n - 1] = px[i - 1]!;
      }
      if (i < to) this.add(t[i]!, px[i]!);
    }
  }
  series(): PriceSeries {
    return this.#s;
  }
  #halve(): void {
    const old = { ...this.#s };
    this.#width *= 2;
    for (const k of ['t_us', 'open', 'high', 'low', 'close'] as const) this.#s[k] = [];
    for (let i = 0; i < old.t_us.length; i++)
      this.add(old.t_us[i]!, old.open[i]!, old.high[i]!, old.low[i]!, old.close[i]!);
  }
}
