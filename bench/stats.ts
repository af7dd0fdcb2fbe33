/** Median of a sample; benchmarks report it with the extremes. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const mid = sorted.length >> 1;
  return sorted.length % 2 ? sorted[mid]! : (sorted[mid - 1]! + sorted[mid]!) / 2;
}

/** Median of ratios and the interval that holds it with at least 95 % (order statistics of the binomial distribution). */
export function medianInterval(ratios: readonly number[]): { median: number; low: number; high: number } {
  const sorted = [...ratios].sort((a, b) => a - b);
  const n = sorted.length;
  let [tail, p] = [0, 0.5 ** n];
  let k = 0;
  // k is the largest rank with P(fewer than k of n below the median) ≤ 2.5 %.
  while (tail + p <= 0.025 && k < n >> 1) {
    tail += p;
    p = (p * (n - k)) / (k + 1);
    k++;
  }
  const at = Math.max(k - 1, 0);
  return { median: median(sorted), low: sorted[at]!, high: sorted[n - 1 - at]! };
}

/** What a distribution of times looks like: percentiles by rank, in the unit of the values. */
export interface Histogram {
  n: number;
  p50: number;
  p90: number;
  p99: number;
  p999: number;
  max: number;
}
export function histogram(values: Float64Array | readonly number[]): Histogram {
  const sorted = Float64Array.from(values).sort();
  const at = (p: number) => sorted[Math.min(sorted.length - 1, Math.ceil(p * sorted.length) - 1)] ?? Number.NaN;
  return { n: sorted.length, p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: at(1) };
}

export interface Figure {
  name: string;
  unit: string;
  median: number;
  min: number;
  max: number;
  runs: number;
  /** What the figure should reach, when there is a goal. */
  goal?: { at_most?: number; at_least?: number };
}
export function figure(name: string, unit: string, values: readonly number[], goal?: Figure['goal']): Figure {
  return {
    name,
    unit,
    median: median(values),
    min: Math.min(...values),
    max: Math.max(...values),
    runs: values.length,
    ...(goal ? { goal } : {}),
  };
}
export const reached = (f: Figure): boolean =>
  (f.goal?.at_most === undefined || f.median <= f.goal.at_most) &&
  (f.goal?.at_least === undefined || f.median >= f.goal.at_least);

/** A Markdown table of figures. */
export function table(figures: readonly Figure[]): string {
  const n = (x: number) => (x >= 1000 ? Math.round(x).toLocaleString('en-US') : x.toPrecision(3));
  const goal = (f: Figure) =>
    f.goal?.at_most !== undefined
      ? `≤ ${n(f.goal.at_most)}`
      : f.goal?.at_least !== undefined
        ? `≥ ${n(f.goal.at_least)}`
        : '';
  return [
    '| figure | median | min – max | unit | goal | reached |',
    '|---|---:|---|---|---|---|',
    ...figures.map(
      (f) =>
        `| ${f.name} | ${n(f.median)} | ${n(f.min)} – ${n(f.max)} | ${f.unit} | ${goal(f)} | ${f.goal ? (reached(f) ? 'yes' : 'no') : ''} |`,
    ),
  ].join('\n');
}
