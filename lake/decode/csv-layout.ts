/** The kinds of CSV rows that are understood. */
export type CsvKind =
  | 'trades'
  | 'agg_trades'
  | 'book_ticker'
  | 'klines'
  | 'candles'
  | 'reference'
  | 'book_depth'
  | 'metrics'
  | 'funding';

/** Where each role's value stands in a row; -1 = absent. Roles are listed per kind in ROLES. */
export interface CsvLayout {
  kind: CsvKind;
  /** Column of each role, in the order of ROLES[kind]. */
  at: readonly number[];
  /** Fields of every row. */
  columns: number;
  header: boolean;
  market: 'spot' | 'usdm' | undefined;
}

/** Role → the names it goes by, lower case without punctuation. The first role without `?` mark must be present. */
const ALIASES: Readonly<Record<string, readonly string[]>> = {
  id: ['id', 'tradeid'],
  agg_id: ['aggtradeid', 'aggid', 'aggregatetradeid', 'a'],
  price: ['price', 'p'],
  qty: ['qty', 'quantity', 'q'],
  time: ['time', 'transacttime', 'timestamp', 't'],
  maker: ['isbuyermaker', 'wasthebuyerthemaker', 'm'],
  best: ['isbestmatch', 'wasthetradethebestpricematch'],
  first_id: ['firsttradeid', 'firstid', 'f'],
  last_id: ['lasttradeid', 'lastid', 'l'],
  update_id: ['updateid'],
  bid_px: ['bestbidprice'],
  bid_qty: ['bestbidqty'],
  ask_px: ['bestaskprice'],
  ask_qty: ['bestaskqty'],
  transaction_time: ['transactiontime'],
  event_time: ['eventtime'],
  open_time: ['opentime', 'opentimems', 'time', 'timestamp', 'date', 'timems'],
  open: ['open', 'o'],
  high: ['high', 'h'],
  low: ['low', 'l'],
  close: ['close', 'c'],
  volume: ['volume', 'vol', 'v'],
  close_time: ['closetime', 'closetimems'],
  quote_volume: ['quotevolume', 'quoteassetvolume', 'quotevol'],
  count: ['count', 'trades', 'numberoftrades'],
  taker_volume: ['takerbuyvolume', 'takerbuybaseassetvolume', 'takerbuybase'],
  taker_quote: ['takerbuyquotevolume', 'takerbuyquoteassetvolume', 'takerbuyquote'],
  timestamp: ['timestamp'],
  percentage: ['percentage'],
  depth: ['depth'],
  notional: ['notional'],
  create_time: ['createtime'],
  oi: ['sumopeninterest'],
  oi_value: ['sumopeninterestvalue'],
  top_accounts: ['counttoptraderlongshortratio'],
  top_positions: ['sumtoptraderlongshortratio'],
  ls_ratio: ['countlongshortratio'],
  taker_ratio: ['sumtakerlongshortvolratio'],
  symbol: ['symbol'],
  calc_time: ['calctime', 'fundingtime'],
  interval_h: ['fundingintervalhours'],
  rate: ['lastfundingrate', 'fundingrate'],
};

/** Roles of each kind in column order of the headerless files; those behind `optional` may be absent. */
export const ROLES: Readonly<Record<CsvKind, { roles: readonly string[]; optional: readonly string[] }>> = {
  trades: { roles: ['id', 'price', 'qty', 'time', 'maker'], optional: ['best'] },
  agg_trades: { roles: ['agg_id', 'price', 'qty', 'first_id', 'last_id', 'time', 'maker'], optional: ['best'] },
  book_ticker: {
    roles: ['update_id', 'bid_px', 'bid_qty', 'ask_px', 'ask_qty', 'transaction_time'],
    optional: ['event_time'],
  },
  klines: {
    roles: [
      'open_time',
      'open',
      'high',
      'low',
      'close',
      'volume',
      'close_time',
      'quote_volume',
      'count',
      'taker_volume',
      'taker_quote',
    ],
    optional: [],
  },
  candles: { roles: ['open_time', 'open', 'high', 'low', 'close', 'volume'], optional: [] },
  reference: { roles: ['open_time', 'open', 'high', 'low', 'close'], optional: [] },
  book_depth: { roles: ['timestamp', 'percentage', 'depth', 'notional'], optional: [] },
  metrics: {
    roles: ['create_time', 'oi', 'oi_value', 'top_accounts', 'top_positions', 'ls_ratio', 'taker_ratio'],
    optional: ['symbol'],
  },
  funding: { roles: ['calc_time', 'rate'], optional: ['interval_h'] },
};
/** Richer layouts first: a klines header also holds all the names of a candles header. */
const ORDER: readonly CsvKind[] = [
  'agg_trades',
  'trades',
  'book_ticker',
  'klines',
  'candles',
  'reference',
  'book_depth',
  'metrics',
  'funding',
];

const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '');

function fromHeader(names: readonly string[]): CsvLayout | null {
  const have = names.map(plain);
  const find = (role: string): number => {
    for (const alias of ALIASES[role]!) {
      const at = have.indexOf(alias);
      if (at >= 0) return at;
    }
    return -1;
  };
  for (const kind of ORDER) {
    const { roles, optional } = ROLES[kind];
    const at = [...roles, ...optional].map(find);
    if (at.slice(0, roles.length).some((i) => i < 0)) continue;
    const market = kind === 'trades' || kind === 'agg_trades' ? (at[roles.length]! >= 0 ? 'spot' : 'usdm') : undefined;
    return { kind, at, columns: names.length, header: true, market };
  }
  return null;
}

const isNumber = (s: string): boolean => /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(s);
const isBool = (s: string): boolean => /^(true|false)$/i.test(s);
const isTime = (s: string): boolean => /^\d{13}$|^\d{16}$/.test(s);
const isText = (s: string): boolean => /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(s);

/** Headerless archives: told apart by how many columns there are and what stands in them. */
function fromRow(f: readonly string[]): CsvLayout | null {
  const n = f.length;
  const bools = f.map(isBool);
  const layout = (kind: CsvKind, at: readonly number[], market?: 'spot' | 'usdm'): CsvLayout => ({
    kind,
    at,
    columns: n,
    header: false,
    market,
  });
  if (n === 12 && isTime(f[0]!) && f.slice(1).every(isNumber)) {
    // Spot files pad every amount to eight decimals, and only they have µs; old USD-M files do neither.
    const padded = [1, 2, 3, 4, 5].every((i) => /\.\d{8}$/.test(f[i]!));
    return layout('klines', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], padded || f[0]!.length === 16 ? 'spot' : 'usdm');
  }
  if (n === 8 && bools[6] && bools[7]) return layout('agg_trades', [0, 1, 2, 3, 4, 5, 6, 7], 'spot');
  if (n === 7 && bools[5] && bools[6]) return layout('trades', [0, 1, 2, 4, 5, 6], 'spot');
  if (n === 7 && bools[6] && isTime(f[5]!)) return layout('agg_trades', [0, 1, 2, 3, 4, 5, 6, -1], 'usdm');
  if (n === 6 && bools[5] && isTime(f[4]!)) return layout('trades', [0, 1, 2, 4, 5, -1], 'usdm');
  if (n === 7 && isTime(f[5]!) && isTime(f[6]!)) return layout('book_ticker', [0, 1, 2, 3, 4, 5, 6], 'usdm');
  if (n === 6 && isTime(f[0]!) && f.slice(1).every(isNumber)) return layout('candles', [0, 1, 2, 3, 4, 5]);
  if (n === 4 && isText(f[0]!)) return layout('book_depth', [0, 1, 2, 3], 'usdm');
  if (n === 8 && isText(f[0]!)) return layout('metrics', [0, 2, 3, 4, 5, 6, 7, 1], 'usdm');
  if (n === 3 && isTime(f[0]!) && f.slice(1).every(isNumber)) return layout('funding', [0, 2, 1], 'usdm');
  return null;
}

/** The layout that a file's first lines show, or null. A header is known by its names, never by looking non-numeric. */
export function csvLayout(lines: readonly string[]): CsvLayout | null {
  const first = lines[0];
  if (first === undefined) return null;
  const header = fromHeader(splitRow(first));
  if (header !== null) return header;
  // The first lines may be damaged: the first one that shows a layout decides.
  for (const line of lines.slice(0, 64)) {
    const found = fromRow(splitRow(line));
    if (found !== null) return found;
  }
  return null;
}

export const splitRow = (line: string): string[] =>
  line
    .replace(/^\uFEFF/, '')
    .trimEnd()
    .split(',')
    .map((f) => f.trim().replace(/^"(.*)"$/, '$1'));

const INTERVALS: readonly (readonly [string, number])[] = [
  ['1s', 1_000],
  ['1m', 60_000],
  ['3m', 180_000],
  ['5m', 300_000],
  ['15m', 900_000],
  ['30m', 1_800_000],
  ['1h', 3_600_000],
  ['2h', 7_200_000],
  ['4h', 14_400_000],
  ['6h', 21_600_000],
  ['8h', 28_800_000],
  ['12h', 43_200_000],
  ['1d', 86_400_000],
  ['3d', 259_200_000],
  ['1w', 604_800_000],
];
/** The exchange's name of an interval in ms; months are 28–31 days. */
export function intervalName(ms: number): string {
  for (const [name, width] of INTERVALS) if (Math.abs(ms - width) <= width * 0.005) return name;
  const days = ms / 86_400_000;
  return days > 27.5 && days < 31.5 ? '1mo' : `${ms}ms`;
}
/** The width of a file's candles, from the smallest step between its first open times. Some files' times jitter by ms. */
export function intervalOf(openMs: readonly number[]): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 1; i < openMs.length; i++) {
    const d = Math.abs(openMs[i]! - openMs[i - 1]!);
    if (d > 0 && d < least) least = d;
  }
  if (!Number.isFinite(least)) return 60_000;
  for (const [, width] of INTERVALS) if (Math.abs(least - width) <= width * 0.005) return width;
  return least;
}
