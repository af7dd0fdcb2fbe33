import type { ParameterSet } from './parameter-sets.ts';
import type { SetFigures } from './run-sweep.ts';

/** One row of a sweep's table: the parameters that differ, then the figures. */
export type SweepRow = Readonly<Record<string, string | number | null>>;

export const SORTS = [
  'sharpe',
  'sortino',
  'total_return',
  'final_equity',
  'max_drawdown',
  'profit_factor',
  'trades',
] as const;
export type Sort = (typeof SORTS)[number];

/** Rows in order of a figure, best first (the smallest drawdown is the best); equal ones stay in the order of the sets. */
export function sweepRows(sets: readonly ParameterSet[], figures: readonly SetFigures[], by: Sort): SweepRow[] {
  const worth = (f: SetFigures): number => {
    const v = f[by];
    return v === null ? Number.NEGATIVE_INFINITY : by === 'max_drawdown' ? -v : v;
  };
  const order = sets.map((_, i) => i).sort((a, b) => worth(figures[b]!) - worth(figures[a]!) || a - b);
  return order.map((i) => ({ ...values(sets[i]!), ...figures[i]! }));
}
/** Numbers as numbers, so that a table of them can be computed with. */
const values = (set: ParameterSet): Record<string, string | number> =>
  Object.fromEntries(
    Object.entries(set).map(([k, v]) => [k, v.trim() !== '' && Number.isFinite(Number(v)) ? Number(v) : v]),
  );

/** CSV with a header; what has no value is empty. */
export function sweepCsv(rows: readonly SweepRow[]): string {
  const names = Object.keys(rows[0] ?? {});
  const cell = (v: string | number | null | undefined): string => {
    const text = v === null || v === undefined ? '' : String(v);
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return `${[names.join(','), ...rows.map((r) => names.map((n) => cell(r[n])).join(','))].join('\n')}\n`;
}
