import type { Comparison, ReportFill } from '../contract/answers.ts';
import type { RunHandle } from '../ports.ts';
import { ApiError } from '../problem.ts';

interface ReportJson {
  readonly metrics: Record<string, unknown>;
  readonly final_balance: string;
  readonly equity: { readonly t_us: number[]; readonly equity: string[] };
  readonly fills: ReportFill[];
}
const MOST = 1000;

/** Two runs by their reports: figures side by side, where they part, and trades that only one has. */
export async function compareRuns(a: RunHandle, b: RunHandle): Promise<Comparison> {
  const [x, y] = [await reportOf(a), await reportOf(b)];
  const names = [...new Set([...Object.keys(x.metrics), ...Object.keys(y.metrics)])];
  const number = (v: unknown): number | null => (typeof v === 'number' && Number.isFinite(v) ? v : null);
  const figures = [
    { name: 'final_balance', a: Number(x.final_balance), b: Number(y.final_balance) },
    ...names.map((name) => ({ name, a: number(x.metrics[name]), b: number(y.metrics[name]) })),
  ].filter((f) => f.a !== null || f.b !== null);
  const n = Math.max(x.fills.length, y.fills.length);
  let first = 0;
  while (first < n && idOf(x.fills[first]) === idOf(y.fills[first])) first++;
  return {
    figures,
    first_difference: first === n ? null : { index: first, a: x.fills[first] ?? null, b: y.fills[first] ?? null },
    only_in_a: without(x.fills, y.fills),
    only_in_b: without(y.fills, x.fills),
    equity: { a: pointsOf(x), b: pointsOf(y) },
  };
}

const idOf = (f: ReportFill | undefined): string => (f ? [f.time_ms, f.symbol, f.side, f.price, f.qty].join('|') : '');
function without(all: readonly ReportFill[], those: readonly ReportFill[]): ReportFill[] {
  const left = new Map<string, number>();
  for (const f of those) left.set(idOf(f), (left.get(idOf(f)) ?? 0) + 1);
  const out: ReportFill[] = [];
  for (const f of all) {
    const n = left.get(idOf(f)) ?? 0;
    if (n > 0) left.set(idOf(f), n - 1);
    else if (out.length < MOST) out.push(f);
  }
  return out;
}
const pointsOf = (r: ReportJson) => r.equity.t_us.map((t, i) => [t, r.equity.equity[i]!] as const);
async function reportOf(run: RunHandle): Promise<ReportJson> {
  const json = await run.report('json');
  if (json === undefined) throw new ApiError('CHM1121', `run ${run.id} has no report to compare`);
  return JSON.parse(json) as ReportJson;
}
