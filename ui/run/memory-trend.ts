/** How the memory of a long run goes: resident set over time, and its slope once the run has settled. */
export interface MemoryTrend {
  first_mb: number;
  last_mb: number;
  peak_mb: number;
  /** Least squares over the second half of the run, MB per minute; null when there were too few samples. */
  slope_mb_per_min: number | null;
  samples: number;
}

export class MemorySampler {
  readonly #everyMs: number;
  readonly #t: number[] = [];
  readonly #mb: number[] = [];
  constructor(everyMs = 1000) {
    this.#everyMs = everyMs;
  }
  /** @param ms any monotonic clock */
  see(ms: number, rss: () => number): void {
    const last = this.#t.at(-1);
    if (last !== undefined && ms - last < this.#everyMs) return;
    this.#t.push(ms);
    this.#mb.push(rss() / 1e6);
  }
  trend(): MemoryTrend {
    const n = this.#t.length;
    const half = n >> 1;
    return {
      first_mb: this.#mb[0] ?? Number.NaN,
      last_mb: this.#mb[n - 1] ?? Number.NaN,
      peak_mb: Math.max(...this.#mb),
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
