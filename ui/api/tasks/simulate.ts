import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Kept } from '../ports.ts';
import { withDocuments } from './document-files.ts';
import { replayBound, withPastLake } from './replay-bound.ts';
import { chimeraJson } from './run-child.ts';

export interface SimulateWork {
  readonly kept: Kept;
  readonly proposed: string;
  readonly signal?: AbortSignal | undefined;
}
type Figures = Readonly<Record<string, number | null>>;
export interface Simulation {
  readonly from_us: number;
  readonly to_us: number;
  readonly active: Figures;
  readonly proposed: Figures;
  /** proposed − active, of every figure that both have. */
  readonly difference: Figures;
  /** Fills that only one of the two has, in order; at most so many as are listed, `fills_in_all` says how many there are. */
  readonly fills: readonly {
    readonly only_in: 'active' | 'proposed';
    readonly fill: Readonly<Record<string, string>>;
  }[];
  readonly fills_in_all: number;
}
interface Backtest {
  readonly first_us: number;
  readonly last_us: number;
  readonly [figure: string]: unknown;
}
const SHOWN = 200;
const FIGURES = [
  ...['trades', 'fills', 'fees', 'funding', 'final_balance', 'final_equity', 'total_return', 'sharpe', 'sortino'],
  ...['max_drawdown', 'win_rate', 'profit_factor'],
];

/** The active document and another one over what the run has heard, each against the simulated venue. */
export const simulate = (w: SimulateWork): Promise<Simulation> =>
  withPastLake(w.kept, w.signal, (lake) => backtests(w, lake));

function backtests(w: SimulateWork, lake: string): Promise<Simulation> {
  return withDocuments([w.kept.yaml, w.proposed], replayBound(w.kept), async ({ dir, files, options }) => {
    const results: { figures: Backtest; fills: string[]; header: string[] }[] = [];
    for (const [i, file] of files.entries()) {
      const csv = join(dir, `fills-${i}.csv`);
      const figures = await chimeraJson<Backtest>({
        args: ['backtest', file, ...options, '--input', lake, '--fills', csv],
        signal: w.signal,
        hide: dir,
      });
      const [header = '', ...fills] = readFileSync(csv, 'utf8').trimEnd().split('\n');
      results.push({ figures, fills, header: header.split(',') });
    }
    const [a, b] = results as [(typeof results)[0], (typeof results)[0]];
    const onlyA = without(a.fills, b.fills);
    const onlyB = without(b.fills, a.fills);
    const shown = (only_in: 'active' | 'proposed', rows: readonly string[]) =>
      rows.map((row) => {
        const cells = row.split(',');
        return { only_in, fill: Object.fromEntries(a.header.map((name, i) => [name, cells[i] ?? ''])) };
      });
    const active = figuresOf(a.figures);
    const proposed = figuresOf(b.figures);
    return {
      from_us: a.figures.first_us,
      to_us: a.figures.last_us,
      active,
      proposed,
      difference: Object.fromEntries(
        FIGURES.map((f) => [f, active[f] == null || proposed[f] == null ? null : proposed[f] - active[f]]),
      ),
      fills: [...shown('active', onlyA), ...shown('proposed', onlyB)]
        .sort((x, y) => Number(x.fill['time_ms']) - Number(y.fill['time_ms']))
        .slice(0, SHOWN),
      fills_in_all: onlyA.length + onlyB.length,
    };
  });
}
const figuresOf = (b: Backtest): Figures =>
  Object.fromEntries(FIGURES.map((f) => [f, typeof b[f] === 'number' ? (b[f] as number) : null]));

/** Rows of one list that the other has not, each as often as it is there more. */
function without(rows: readonly string[], others: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const r of others) left.set(r, (left.get(r) ?? 0) + 1);
  return rows.filter((r) => {
    const n = left.get(r) ?? 0;
    if (n > 0) left.set(r, n - 1);
    return n === 0;
  });
}
