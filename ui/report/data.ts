/**
 * Everything a report shows, as plain data. Money is integers of 10⁻⁸ USDT held as doubles (see graph/schema/field.ts);
 * prices and quantities of fills are exact decimal texts; price series are doubles in units, for drawing only.
 */
export interface ReportData {
  run: RunFacts;
  /** Money at the start: wallet balance before the first event. */
  start_balance: number;
  /** Wallet balance at the end (realised). */
  final_balance: number;
  /** Wallet plus unrealised profit, at each change; times never decrease. */
  equity: { t_us: number[]; equity: number[] };
  /** Deepest drawdown over every price of the run, when `equity` is thinned; otherwise it is taken from `equity`. */
  max_drawdown?: Drawdown;
  /** Notional value of what is held, at each change, money: `gross` = Σ|position|, `net` = signed sum. */
  exposure: { t_us: number[]; gross: number[]; net: number[] };
  /** Per symbol, already down-sampled. */
  prices: Record<string, PriceSeries>;
  fills: Fill[];
  funding: FundingPayment[];
  orders: OrderCounts;
  counters: { filtered: number; late: number; dead_lettered: number; dropped: number };
  quality: Quality;
  /** Assumptions a reader must know: fill rule, fees, what stood in for the mark price. One sentence each. */
  notes: string[];
}

/** Fills in order. `FillColumns` makes each when it is come to: a long run has more of them than are worth keeping as objects. */
export interface Fills extends Iterable<Fill> {
  readonly length: number;
}
/** What figures are made of: a report without its drawings. */
export type TradedData = Omit<ReportData, 'fills'> & { fills: Fills };

export interface RunFacts {
  pipeline: string;
  file: string;
  profile: string | null;
  graph_hash: string;
  params: Readonly<Record<string, unknown>>;
  inputs: { path: string; sha256?: string }[];
  /** Engine time of the first and last input; null when there was none. */
  first_us: number | null;
  last_us: number | null;
  events: number;
  cycles: number;
  candles: number;
  load_s: number;
  run_s: number;
  peak_rss_bytes: number;
  versions: { chimera: string; node: string };
}

export interface Drawdown {
  /** Deepest fall from a running maximum, as a fraction (0.1 = 10 %). */
  depth: number;
  peak_us: number;
  trough_us: number;
  /** First time at which the old maximum was reached again; null when it was not. */
  recovered_us: number | null;
}

export interface PriceSeries {
  t_us: number[];
  open: number[];
  high: number[];
  low: number[];
  close: number[];
}

export interface Fill {
  time_ms: number;
  symbol: string;
  side: 'buy' | 'sell';
  price: string;
  qty: string;
  /** USDT; negative = rebate. */
  fee: string;
  liquidity: 'maker' | 'taker';
  order_id: string;
  /** What the order was for: entry, exit, guardian, liquidation … */
  reason: string;
  /** USDT before fees, as the venue booked it. */
  realized_pnl: string;
}

export interface FundingPayment {
  time_ms: number;
  symbol: string;
  /** USDT; negative = paid. */
  amount: string;
}

export interface OrderCounts {
  placed: number;
  filled: number;
  partial_fills: number;
  canceled: number;
  rejected: number;
  expired: number;
  post_only_refused: number;
}

export interface Quality {
  bad_input: { file: string; line: number; code: string; message: string }[];
  out_of_order: number;
  /** Dead letters and other findings by name; empty when the input was clean. */
  findings: Record<string, number>;
}

/** What kind of run a report is about: with the profiles that trade live, what was traded; otherwise a backtest. */
export const kindOf = (profile: string | null): string =>
  profile === 'paper' ? 'Paper trading' : profile === 'testnet' || profile === 'live' ? 'Live trading' : 'Backtest';
