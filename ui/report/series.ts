import type { ReportData } from './data.ts';
import { MONEY_SCALE } from './decimal.ts';
import { thin } from './down-sample.ts';
import { drawdownSeries, type Metrics } from './metrics.ts';

const BUCKETS = 500;
/** More markers than this cannot be told apart; the tables and the JSON have them all. */
const MARKS = 2000;

/** The series of the charts, thinned for drawing; times in seconds, as the chart library wants them. */
export function chartSeries(data: ReportData, m: Metrics) {
  const equity = thin(data.equity.t_us, data.equity.equity, BUCKETS);
  const drawdown = thin(data.equity.t_us, drawdownSeries(data.equity.equity, data.start_balance), BUCKETS);
  const exposure = thin(data.exposure.t_us, data.exposure.net, BUCKETS);
  const { first_us: first, last_us: last } = data.run;
  const end = last === null ? null : last / 1e6;
  return {
    range: first === null || end === null || end <= first / 1e6 ? null : [first / 1e6, end],
    equity: held(first, units(data.start_balance), seconds(equity.t_us), equity.values.map(units), end),
    drawdown: held(
      first,
      0,
      seconds(drawdown.t_us),
      drawdown.values.map((x) => round(x, 8)),
      end,
    ),
    exposure: held(first, 0, seconds(exposure.t_us), exposure.values.map(units), end),
    costs: costs(data, end),
    prices: Object.fromEntries(
      Object.entries(data.prices).map(([s, p]) => [s, { t: seconds(p.t_us), h: p.high, l: p.low, c: p.close }]),
    ),
    marks: data.fills.slice(0, MARKS).map((f) => ({
      s: f.symbol,
      t: f.time_ms / 1000,
      p: Number(f.price),
      b: f.side === 'buy' ? 1 : 0,
      q: f.qty,
      r: f.reason.replace(/[^\w .:-]/g, ''),
    })),
    trips: m.round_trips.slice(0, MARKS).map((t) => ({
      s: t.symbol,
      a: t.entry_ms / 1000,
      b: t.exit_ms / 1000,
      p: t.entry_price,
      q: t.exit_price,
      n: Number(t.net),
    })),
  };
}

const seconds = (t: readonly number[]): number[] => t.map((x) => x / 1e6);
const units = (x: number): number => round(x / MONEY_SCALE, 6);
const round = (x: number, digits: number): number => Number(x.toFixed(digits));

/** A step series begins with the run and goes on to its end. */
function held(
  firstUs: number | null,
  before: number,
  t: number[],
  v: number[],
  end: number | null,
): { t: number[]; v: number[] } {
  if (firstUs !== null && t.length > 0 && t[0]! > firstUs / 1e6) {
    t.unshift(firstUs / 1e6);
    v.unshift(before);
  }
  if (end !== null && t.length > 0 && t.at(-1)! < end) {
    t.push(end);
    v.push(v.at(-1)!);
  }
  return { t, v };
}

function costs(data: ReportData, end: number | null): { t: number[]; fees: number[]; funding: number[] } {
  const rows = [
    ...data.fills.map((f) => ({ t: f.time_ms, fee: Number(f.fee), funding: 0 })),
    ...data.funding.map((f) => ({ t: f.time_ms, fee: 0, funding: Number(f.amount) })),
  ].sort((a, b) => a.t - b.t);
  const step = Math.max(1, Math.ceil(rows.length / MARKS));
  const out = { t: [] as number[], fees: [] as number[], funding: [] as number[] };
  let fees = 0;
  let funding = 0;
  rows.forEach((r, i) => {
    fees += r.fee;
    funding += r.funding;
    if (i % step !== 0 && i !== rows.length - 1) return;
    out.t.push(r.t / 1000);
    out.fees.push(round(fees, 8));
    out.funding.push(round(funding, 8));
  });
  if (end !== null && out.t.length > 0 && out.t.at(-1)! < end) {
    out.t.push(end);
    out.fees.push(out.fees.at(-1)!);
    out.funding.push(out.funding.at(-1)!);
  }
  return out;
}
