import type { ReportData, TradedData } from './data.ts';
import { duration, grouped, percent, signed, usdt, utc } from './decimal.ts';
import type { Metrics } from './metrics.ts';

/** One line of the summary. HTML and Markdown print the same texts. */
export interface Figure {
  id: string;
  label: string;
  value: string;
  /** How it is defined. */
  hint: string;
  tone?: 'good' | 'bad';
}

const ratio = (x: number | null): string => (x === null ? 'n/a' : grouped(x, 2));
const share = (x: number | null, decimals = 2): string => (x === null ? 'n/a' : percent(x, decimals));
const dollars = (x: number): string => grouped(x, x !== 0 && Math.abs(x) < 0.01 ? 6 : 2);
const tone = (x: number | null): Pick<Figure, 'tone'> =>
  x === null || x === 0 ? {} : { tone: x > 0 ? 'good' : 'bad' };

export function figures(data: TradedData, m: Metrics): Figure[] {
  const end = data.equity.equity.at(-1) ?? data.final_balance;
  const dd = m.max_drawdown;
  const few = m.sampling.samples === 0 ? '; less than ten hours give no ratio' : '';
  const annual = `mean of ${m.sampling.label} returns (${m.sampling.samples} of them, UTC${few})`;
  const yearly = `× √${grouped(m.sampling.per_year, 0)} (intervals per 365 days), no risk-free rate`;
  return [
    { id: 'start', label: 'Start balance', value: usdt(data.start_balance), hint: 'USDT' },
    { id: 'end', label: 'Final equity', value: usdt(end), hint: 'USDT, wallet plus unrealised profit' },
    {
      id: 'wallet',
      label: 'Final wallet balance',
      value: usdt(data.final_balance),
      hint: 'USDT, realised only',
    },
    {
      id: 'return',
      label: 'Total return',
      value: signed(percent(m.total_return)),
      hint: 'final equity against the start balance',
      ...tone(m.total_return),
    },
    {
      id: 'profit',
      label: 'Net profit',
      value: signed(dollars(m.net_profit)),
      hint: 'USDT, after fees and funding',
      ...tone(m.net_profit),
    },
    {
      id: 'cagr',
      label: 'Annual return',
      value: share(m.cagr),
      hint: 'compound, 365 days; given from a week of data on',
      ...tone(m.cagr),
    },
    {
      id: 'drawdown',
      label: 'Max drawdown',
      value: dd === null ? 'n/a' : percent(-dd.depth),
      hint:
        dd === null || dd.depth === 0
          ? 'deepest fall below an earlier maximum of equity'
          : `from ${utc(dd.peak_us)} to ${utc(dd.trough_us)}, ${dd.recovered_us === null ? 'not recovered' : `recovered ${utc(dd.recovered_us)}`}`,
      ...(dd && dd.depth > 0 ? { tone: 'bad' as const } : {}),
    },
    {
      id: 'sharpe',
      label: 'Sharpe ratio',
      value: ratio(m.sharpe),
      hint: `${annual} over their standard deviation ${yearly}`,
    },
    {
      id: 'sortino',
      label: 'Sortino ratio',
      value: ratio(m.sortino),
      hint: `${annual} over their downside deviation against 0 ${yearly}`,
    },
    { id: 'calmar', label: 'Calmar ratio', value: ratio(m.calmar), hint: 'annual return over max drawdown' },
    {
      id: 'trades',
      label: 'Trades',
      value: grouped(m.trades, 0),
      hint: 'round trips: opened by one order, closed by another, first in first out',
    },
    { id: 'fills', label: 'Fills', value: grouped(data.fills.length, 0), hint: 'executions' },
    { id: 'winrate', label: 'Win rate', value: share(m.win_rate, 1), hint: 'trades with a profit after fees' },
    {
      id: 'profit_factor',
      label: 'Profit factor',
      value: ratio(m.profit_factor),
      hint: 'sum of winning trades over sum of losing trades, after fees',
    },
    {
      id: 'average',
      label: 'Average trade',
      value: m.average_trade === null ? 'n/a' : signed(dollars(m.average_trade)),
      hint: 'USDT after fees',
      ...tone(m.average_trade),
    },
    {
      id: 'holding',
      label: 'Average holding',
      value: m.average_holding_us === null ? 'n/a' : duration(m.average_holding_us),
      hint: 'from entry to exit',
    },
    {
      id: 'market',
      label: 'Time in market',
      value: percent(m.time_in_market, 1),
      hint: 'share of the time with a position',
    },
    {
      id: 'exposure',
      label: 'Average exposure',
      value: percent(m.average_exposure, 1),
      hint: `gross notional over equity, weighted by time; at most ${percent(m.max_exposure, 1)}`,
    },
    {
      id: 'turnover',
      label: 'Turnover',
      value: `${grouped(m.turnover, 2)} ×`,
      hint: 'traded notional over mean equity',
    },
    { id: 'volume', label: 'Traded', value: dollars(m.volume), hint: 'USDT notional' },
    { id: 'fees', label: 'Fees', value: dollars(m.fees), hint: 'USDT paid; negative is a rebate' },
    { id: 'maker', label: 'Maker share', value: share(m.maker_share, 1), hint: 'fills that added liquidity' },
    {
      id: 'funding',
      label: 'Funding',
      value: signed(dollars(m.funding)),
      hint: 'USDT received; negative is paid',
      ...tone(m.funding),
    },
  ];
}

/** The headline of the report, in this order. */
export const HEADLINE = ['end', 'return', 'drawdown', 'sharpe', 'trades', 'fees'] as const;

export function runFacts(data: ReportData): [string, string][] {
  const r = data.run;
  const range =
    r.first_us === null || r.last_us === null
      ? 'no input'
      : `${utc(r.first_us)} → ${utc(r.last_us)} UTC (${duration(r.last_us - r.first_us)})`;
  return [
    ['Pipeline', `${r.pipeline} (${r.file})`],
    ['Graph hash', r.graph_hash],
    ['Profile', r.profile ?? 'none'],
    ['Parameters', Object.keys(r.params).length ? JSON.stringify(r.params) : 'defaults'],
    ['Inputs', r.inputs.map((i) => i.path + (i.sha256 ? ` (sha256 ${i.sha256})` : '')).join(', ') || 'none'],
    ['Range', range],
    [
      'Work',
      `${grouped(r.events, 0)} events${r.candles ? ` (${grouped(r.candles, 0)} candles)` : ''}, ${grouped(r.cycles, 0)} cycles`,
    ],
    [
      'Speed',
      `${r.load_s.toFixed(2)} s to load, ${r.run_s.toFixed(2)} s to run${r.run_s > 0 ? ` (${grouped(r.events / r.run_s, 0)} events/s)` : ''}, ${grouped(r.peak_rss_bytes / 2 ** 20, 0)} MiB at most`,
    ],
    ['Versions', `chimera ${r.versions.chimera}, Node ${r.versions.node}`],
  ];
}

export function orderRows(data: ReportData): [string, number][] {
  const o = data.orders;
  return [
    ['Orders placed', o.placed],
    ['Filled', o.filled],
    ['Partial fills', o.partial_fills],
    ['Cancelled', o.canceled],
    ['Rejected', o.rejected],
    ['of them post-only refused', o.post_only_refused],
    ['Expired', o.expired],
  ];
}

export function counterRows(data: ReportData): [string, number][] {
  const c = data.counters;
  const q = data.quality;
  return [
    ['Filtered', c.filtered],
    ['Late', c.late],
    ['Dead-lettered', c.dead_lettered],
    ['Dropped', c.dropped],
    ['Refused inputs', q.bad_input.length],
    ['Out of order', q.out_of_order],
    ...Object.entries(q.findings),
  ];
}

/** Paragraphs of "How to read this report". */
export function howToRead(m: Metrics): string[] {
  return [
    'Times are UTC. Amounts are USDT. Equity is the wallet balance plus the unrealised profit of open positions at the mark price (or what stands in for it, see the notes).',
    `Sharpe and Sortino use simple returns over ${m.sampling.label}: the last equity of each calendar interval against the one before (the first against the start balance), annualised by the square root of ${grouped(m.sampling.per_year, 0)}. The interval is a day from ten days of data on, otherwise an hour; from less than ten hours there is no ratio. From a short range they describe that range, not a year.`,
    'Drawdown is measured on every point of the equity curve. A trade is a round trip: what one order opened and another closed, matched first in first out per instrument; its result is after the fees of both ends. Funding is booked apart.',
    'Counters: filtered inputs were meant to be left out; late ones came after their bar had closed; dead letters could not be processed and are kept with their reason; dropped must be zero.',
    'The same pipeline over the same input gives the same fills, bytes and hashes on every machine; only speed and memory differ.',
  ];
}
