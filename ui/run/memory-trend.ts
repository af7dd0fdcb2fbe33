/** How the memory of a long run goes: resident set over time, and its slope once the run has settled. */
export interface MemoryTrend {
  first_mb: number;
  last_mb: number;
  peak_mb: number;
  /** Least squares over the second half of the run, MB per minute; null when there were too few samples. */
  slope_mb_per_min: number | null;
  samples: number;
}

/** Samples that are kept; when there are more, every other one goes and they come half as often. */
const MOST = 4096;

export class MemorySampler {
  #everyMs: number;
  #t: number[] = [];
  #mb: number[] = [];
  #peak = Number.NaN;
  constructor(everyMs = 1000) {
    this.#everyMs = everyMs;
  }
  /** @param ms any monotonic clock */
  see(ms: number, rss: () => number): void {
    const last = this.#t.at(-1);
    if (last !== undefined && ms - last < this.#everyMs) return;
    const mb = rss() / 1e6;
    this.#t.push(ms);
    this.#mb.push(mb);
    if (!(mb <= this.#peak)) this.#peak = mb;
    if (this.#t.length <= MOST) return;
    this.#everyMs *= 2;
    this.#t = this.#t.filter((_, i) => i % 2 === 0);
    this.#mb = this.#mb.filter((_, i) => i % 2 === 0);
  }
  trend(): MemoryTrend {
    const n = this.#t.length;
    const half = n >> 1;
    return {
      first_mb: this.#mb[0] ?? Number.NaN,
      last_mb: this.#mb[n - 1] ?? Number.NaN,
      peak_mb: this.#peak,
      slope_mb_per_min: n - half < 10 ? null : slope(this.#t.slice(half), this.#mb.slice(half)) * 60_000,
      samples: n,
    };
  }
}
function slope(x: readonly number[], y: readonly number[]): number {
  const n = x.length;
  const mx = x.reduce((a, v) => a + v, 0) / n;
  const my = y.reduce((a, v) => a + v, 0) / n;
  let above = 0;
  let below = 0;
  for (let i = 0; i < n; i++) {
    above += (x[i]! - mx) * (y[i]! - my);
    below += (x[i]! - mx) * (x[i]! - mx);
  }
  return above / below;
}
