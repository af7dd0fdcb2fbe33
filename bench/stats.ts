/** Median of a sample; benchmarks report it with the extremes. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const mid = sorted.length >> 1;
  return sorted.length % 2 ? sorted[mid]! : (sorted[mid - 1]! + sorted[mid]!) / 2;
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
