import type { Drawdown, TradedData } from './data.ts';
import { MONEY_SCALE, parseDecimal } from './decimal.ts';
import { DrawdownTracker } from './drawdown.ts';
import { eachRoundTrip, type RoundTrip } from './round-trips.ts';

/** How returns were sampled for Sharpe and Sortino. */
export interface Sampling {
  interval_us: number;
  label: string;
  samples: number;
  per_year: number;
}
export interface SymbolFigures {
  symbol: string;
  fills: number;
  round_trips: number;
  wins: number;
  /** USDT. */
  volume: number;
  gross: number;
  fees: number;
  funding: number;
  net: number;
}
/** All ratios are null where they are not defined (no trade, no loss, no variance, too short a range). Amounts in USDT. */
export interface Metrics {
  total_return: number;
  net_profit: number;
  cagr: number | null;
  sharpe: number | null;
  sortino: number | null;
  calmar: number | null;
  max_drawdown: Drawdown | null;
  sampling: Sampling;
  trades: number;
  wins: number;
  win_rate: number | null;
  profit_factor: number | null;
  average_trade: number | null;
  average_holding_us: number | null;
  /** Share of the time with a position. */
  time_in_market: number;
  /** Time-weighted mean of gross notional over equity. */
  average_exposure: number;
  max_exposure: number;
  /** Traded notional over mean equity. */
  turnover: number;
  volume: number;
  fees: number;
  funding: number;
  maker_share: number | null;
  symbols: SymbolFigures[];
  /** For reports; empty where they were not asked for. */
  round_trips: RoundTrip[];
}

const DAY_US = 86_400_000_000;
const YEAR_US = 365 * DAY_US;
const STEPS: readonly [number, string][] = [
  [DAY_US, '1 day'],
  [3_600_000_000, '1 hour'],
];
/** Daily returns need ten days at least; shorter ranges are sampled by the hour. From less than ten hours no ratio is given. */
const MIN_SAMPLES = 10;
/** A yearly rate from less than a week says nothing. */
const MIN_ANNUAL_US = 7 * DAY_US;

/** @param listed whether the round trips are kept, for a report */
export function metrics(data: TradedData, listed = true): Metrics {
  const { t_us, equity } = data.equity;
  const first = data.run.first_us ?? t_us[0] ?? 0;
  const last = Math.max(data.run.last_us ?? first, t_us.at(-1) ?? first);
  const span = last - first;
  const end = equity.at(-1) ?? data.final_balance;
  const start = data.start_balance;
  const total = start === 0 ? 0 : (end - start) / start;
  const [interval_us, label] = STEPS.find(([us]) => span >= us * MIN_SAMPLES) ?? STEPS[1]!;
  const returns = span < interval_us * MIN_SAMPLES ? [] : sampledReturns(t_us, equity, start, first, last, interval_us);
  const perYear = YEAR_US / interval_us;
  const dd = data.max_drawdown ?? maxDrawdown(t_us, equity, start, first);
  const cagr = span >= MIN_ANNUAL_US && total > -1 ? Math.exp(Math.log1p(total) * (YEAR_US / span)) - 1 : null;
  const { trips, symbols, makers, round_trips } = traded(data, listed);
  const volume = sum(symbols.map((s) => s.volume));
  const meanEquity = timeWeighted(t_us, equity, start, first, last) / MONEY_SCALE;
  const exposure = exposureFigures(data, first, last);
  return {
    total_return: total,
    net_profit: (end - start) / MONEY_SCALE,
    cagr,
    sharpe: sharpe(returns, perYear),
    sortino: sortino(returns, perYear),
    calmar: cagr !== null && dd !== null && dd.depth > 0 ? cagr / dd.depth : null,
    max_drawdown: dd,
    sampling: { interval_us, label, samples: returns.length, per_year: perYear },
    trades: trips.n,
    wins: trips.wins,
    win_rate: trips.n ? trips.wins / trips.n : null,
    profit_factor: trips.lost < 0 ? trips.won / -trips.lost : null,
    average_trade: trips.n ? trips.net / trips.n : null,
    average_holding_us: trips.n ? (trips.heldMs / trips.n) * 1000 : null,
    ...exposure,
    turnover: meanEquity > 0 ? volume / meanEquity : 0,
    volume,
    fees: sum(symbols.map((s) => s.fees)),
    funding: sum(symbols.map((s) => s.funding)),
    maker_share: data.fills.length ? makers / data.fills.length : null,
    symbols,
    round_trips,
  };
}

const sum = (xs: readonly number[]): number => xs.reduce((a, x) => a + x, 0);

/**
 * Simple returns from one calendar interval (UTC) to the next: the last equity of each, carried forward where an interval
 * has none; the first is against the starting balance, the last interval may be a part of one.
 */
export function sampledReturns(
  t: readonly number[],
  equity: readonly number[],
  start: number,
  first: number,
  last: number,
  interval: number,
): number[] {
  const out: number[] = [];
  let previous = start;
  let current = start;
  let i = 0;
  const from = Math.floor(first / interval);
  // An end exactly on a boundary belongs to the interval that it closes.
  const to = Math.max(from, Math.ceil(last / interval) - 1);
  for (let bucket = from; bucket <= to; bucket++) {
    while (i < t.length && (bucket === to || t[i]! < (bucket + 1) * interval)) current = equity[i++]!;
    out.push(previous === 0 ? 0 : current / previous - 1);
    previous = current;
  }
  return out;
}

/** Mean over sample standard deviation (n − 1), × √(intervals per 365 days); no risk-free rate. */
export function sharpe(returns: readonly number[], perYear: number): number | null {
  if (returns.length < 2) return null;
  const mean = sum(returns) / returns.length;
  const deviation = Math.sqrt(sum(returns.map((r) => (r - mean) ** 2)) / (returns.length - 1));
  return deviation > 0 ? (mean / deviation) * Math.sqrt(perYear) : null;
}

/** Mean over downside deviation against 0 (root mean square of the negative returns, over all n), × √(intervals per 365 days). */
export function sortino(returns: readonly number[], perYear: number): number | null {
  if (returns.length < 2) return null;
  const mean = sum(returns) / returns.length;
  const downside = Math.sqrt(sum(returns.map((r) => Math.min(r, 0) ** 2)) / returns.length);
  return downside > 0 ? (mean / downside) * Math.sqrt(perYear) : null;
}

/** Over every point of the equity curve, not over samples; the starting balance counts as a maximum. */
export function maxDrawdown(
  t: readonly number[],
  equity: readonly number[],
  start: number,
  first: number,
): Drawdown | null {
  if (t.length === 0) return null;
  const tracker = new DrawdownTracker(start, first);
  for (let i = 0; i < t.length; i++) tracker.add(t[i]!, equity[i]!);
  return tracker.worst;
}

/** Fall below the running maximum at each point, ≤ 0. */
export function drawdownSeries(equity: readonly number[], start: number): number[] {
  let peak = start;
  return equity.map((e) => {
    if (e > peak) peak = e;
    return peak > 0 ? e / peak - 1 : 0;
  });
}

/** Mean of a step function over [first, last]. */
export function timeWeighted(
  t: readonly number[],
  values: readonly number[],
  before: number,
  first: number,
  last: number,
): number {
  if (last <= first) return values.at(-1) ?? before;
  let area = 0;
  let at = first;
  let value = before;
  for (let i = 0; i < t.length; i++) {
    const until = Math.min(Math.max(t[i]!, first), last);
    area += (value * (until - at)) / (last - first);
    at = until;
    value = values[i]!;
  }
  return area + (value * (last - at)) / (last - first);
}

function exposureFigures(data: TradedData, first: number, last: number) {
  const { t_us, gross } = data.exposure;
  const e = data.equity;
  let j = 0;
  let equity = data.start_balance;
  const ratio = gross.map((g, i) => {
    while (j < e.t_us.length && e.t_us[j]! <= t_us[i]!) equity = e.equity[j++]!;
    return equity > 0 ? g / equity : 0;
  });
  const held = gross.map((g) => (g > 0 ? 1 : 0));
  return {
    time_in_market: timeWeighted(t_us, held, 0, first, last),
    average_exposure: timeWeighted(t_us, ratio, 0, first, last),
    max_exposure: ratio.reduce((a, x) => Math.max(a, x), 0),
  };
}

/** Sums over round trips, in USDT, and over symbols; fills and round trips are gone through one by one. */
function traded(data: TradedData, listed: boolean) {
  const rows = new Map<string, SymbolFigures>();
  const row = (symbol: string): SymbolFigures => {
    let r = rows.get(symbol);
    if (!r) {
      r = { symbol, fills: 0, round_trips: 0, wins: 0, volume: 0, gross: 0, fees: 0, funding: 0, net: 0 };
      rows.set(symbol, r);
    }
    return r;
  };
  for (const symbol of Object.keys(data.prices)) row(symbol);
  // Exact sums first, one conversion at the end: a million fees must not drift.
  const exact = new Map<SymbolFigures, { fees: bigint; gross: bigint; funding: bigint; volume: bigint }>();
  const sums = (r: SymbolFigures) => {
    let s = exact.get(r);
    if (!s) {
      s = { fees: 0n, gross: 0n, funding: 0n, volume: 0n };
      exact.set(r, s);
    }
    return s;
  };
  let makers = 0;
  for (const f of data.fills) {
    const r = row(f.symbol);
    const s = sums(r);
    r.fills++;
    if (f.liquidity === 'maker') makers++;
    s.fees += parseDecimal(f.fee, 8);
    s.gross += parseDecimal(f.realized_pnl, 8);
    s.volume += parseDecimal(f.price, 8) * parseDecimal(f.qty, 8);
  }
  for (const f of data.funding) sums(row(f.symbol)).funding += parseDecimal(f.amount, 8);
  const trips = { n: 0, wins: 0, won: 0, lost: 0, net: 0, heldMs: 0 };
  const round_trips: RoundTrip[] = [];
  for (const t of eachRoundTrip(data.fills)) {
    const r = row(t.symbol);
    const net = Number(t.net);
    r.round_trips++;
    trips.n++;
    trips.net += net;
    trips.heldMs += t.exit_ms - t.entry_ms;
    if (net > 0) {
      r.wins++;
      trips.wins++;
      trips.won += net;
    } else if (net < 0) trips.lost += net;
    if (listed) round_trips.push(t);
  }
  for (const [r, s] of exact) {
    r.fees = Number(s.fees) / MONEY_SCALE;
    r.gross = Number(s.gross) / MONEY_SCALE;
    r.funding = Number(s.funding) / MONEY_SCALE;
    r.volume = Number(s.volume) / (MONEY_SCALE * MONEY_SCALE);
    r.net = Number(s.gross - s.fees + s.funding) / MONEY_SCALE;
  }
  const symbols = [...rows.values()].sort((a, b) => (a.symbol < b.symbol ? -1 : 1));
  return { trips, symbols, makers, round_trips };
}
