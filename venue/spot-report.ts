import { divRound, mulDivRound, mulExact, parseDecimal, pow10 } from '../graph/math/index.ts';
import type { AccountUpdate, KeyInfo, Values, VenuePosition } from '../graph/schema/index.ts';
import { exact } from './core/money.ts';
import type { SpotExchange, SpotMarket, SpotType } from './core/spot/state.ts';
import type { KeyedReport } from './order-desk.ts';

/** From what a Spot account tells (Binance's events) to the records of the graph. */

type Event = Readonly<Record<string, unknown>>;
export type SpotRow =
  | { port: 'report'; values: KeyedReport }
  | { port: 'account'; values: Values<typeof AccountUpdate> & { key: number } }
  | { port: 'position'; values: Values<typeof VenuePosition> & { key: number } };

const EXEC: Readonly<Record<string, KeyedReport['exec']>> = {
  NEW: 'new',
  TRADE: 'trade',
  CANCELED: 'canceled',
  REJECTED: 'rejected',
  EXPIRED: 'expired',
  TRADE_PREVENTION: 'expired',
};
const STATUS: Readonly<Record<string, KeyedReport['status']>> = {
  NEW: 'new',
  PENDING_NEW: 'new',
  PARTIALLY_FILLED: 'partially_filled',
  FILLED: 'filled',
  CANCELED: 'canceled',
  REJECTED: 'rejected',
  EXPIRED: 'expired',
  EXPIRED_IN_MATCH: 'expired',
};
const TYPE: Readonly<Record<SpotType, KeyedReport['type']>> = {
  LIMIT: 'limit',
  LIMIT_MAKER: 'limit',
  MARKET: 'market',
  STOP_LOSS: 'stop_market',
  STOP_LOSS_LIMIT: 'stop_market',
  TAKE_PROFIT: 'take_profit_market',
  TAKE_PROFIT_LIMIT: 'take_profit_market',
};

const e8 = (text: unknown): number => parseDecimal(String(text), 8);
/** Eight decimals in fewer. */
const amount = (text: unknown, digits: number): number => divRound(e8(text), pow10(8 - digits));
/** '0.00000000' is no price. */
const price = (text: unknown, digits: number): number => amount(text, digits) || Number.NaN;
/** An amount × 10^8 in the decimals of price and quantity together. */
function quoteOf(money: number, key: KeyInfo): number {
  const more = key.pxDigits + key.qtyDigits - 8;
  return more > 0 ? mulExact(money, pow10(more)) : divRound(money, pow10(-more));
}

/** What is held of one instrument's asset, and what it cost, both × 10^8: as the events so far tell. */
export interface SpotHeld {
  base: number;
  cost: number;
  /** When its value was told last (µs). */
  toldUs: number;
}
/** The account as the events so far tell. */
export interface SpotBooks {
  /** Of the quote asset × 10^8. */
  wallet: number;
  /** By key index. */
  held: (SpotHeld | null)[];
}

/** @param reducesOnly of orders that were sent to close, by client id */
export function executionOf(
  x: SpotExchange,
  m: SpotMarket,
  key: KeyInfo,
  e: Event,
  books: SpotBooks,
  reducesOnly: boolean,
): SpotRow[] {
  const traded = e['x'] === 'TRADE';
  const type = e['o'] as SpotType;
  const buys = e['S'] === 'BUY';
  const conditional = type !== 'LIMIT' && type !== 'LIMIT_MAKER' && type !== 'MARKET';
  const px = price(e['L'], key.pxDigits);
  const qty = traded ? amount(e['l'], key.qtyDigits) : 0;
  const taken = traded ? e8(e['n']) : 0;
  const inBase = traded && buys && taken > 0;
  const fee = inBase ? mulDivRound(taken, px, key.pxScale) : taken;
  const pnl = traded ? book(books, key, buys, px, qty, e8(e['Y']), taken) : 0;
  const report: KeyedReport = {
    client_id: String(e['C'] || e['c']),
    order_id: e['i'] as number,
    // A stop keeps its id when it triggers, and works from then on.
    exec: e['x'] === 'NEW' && conditional && e['w'] === true ? 'triggered' : (EXEC[String(e['x'])] ?? 'new'),
    status: STATUS[String(e['X'])] ?? 'new',
    code: 0,
    reason: e['x'] === 'EXPIRED' ? String(e['eR'] ?? '') : '',
    side: buys ? 'buy' : 'sell',
    type: TYPE[type],
    tif: type === 'LIMIT_MAKER' ? 'gtx' : (String(e['f']).toLowerCase() as KeyedReport['tif']),
    px: price(e['p'], key.pxDigits),
    stop_px: price(e['P'], key.pxDigits),
    qty: amount(e['q'], key.qtyDigits),
    reduce_only: reducesOnly,
    last_px: traded ? px : Number.NaN,
    last_qty: qty,
    cum_qty: amount(e['z'], key.qtyDigits),
    cum_quote: quoteOf(e8(e['Z']), key),
    fee,
    realized_pnl: pnl,
    maker: traded && e['m'] === true,
    trade_id: traded ? (e['t'] as number) : 0,
    time_ms: e['E'] as number,
    base_fee: inBase ? taken : Number.NaN,
    key: key.index,
  };
  if (!traded) return [{ port: 'report', values: report }];
  return [
    { port: 'report', values: report },
    { port: 'account', values: accountOf(m, key, books, fee, pnl, report.time_ms) },
    { port: 'position', values: positionOf(x, m, key, books, report.time_ms) },
  ];
}

/** Average cost: @returns the profit of what was sold × 10^8, before commissions. @param taken the commission, of what was received */
function book(
  b: SpotBooks,
  key: KeyInfo,
  buys: boolean,
  px: number,
  qty: number,
  quote: number,
  taken: number,
): number {
  const held = b.held[key.index]!;
  const base = mulExact(qty, pow10(8 - key.qtyDigits));
  if (buys) {
    const net = base - taken;
    b.wallet = exact(b.wallet - quote);
    held.base = exact(held.base + net);
    held.cost = exact(held.cost + mulDivRound(net, px, key.pxScale));
    return 0;
  }
  const cost = base === held.base ? held.cost : mulDivRound(held.cost, base, held.base);
  b.wallet = exact(b.wallet + quote - taken);
  held.base -= base;
  held.cost -= cost;
  return mulDivRound(base, px, key.pxScale) - cost;
}

/** An amount of the asset in whole steps, in the instrument's decimals. */
export function stepsOf(m: SpotMarket, base: number): number {
  const units = Math.floor(base / m.baseUnit);
  return units - (units % Math.max(1, m.rules.step));
}
/** Cost of the whole steps × 10^8. */
function lotsCost(m: SpotMarket, held: SpotHeld): number {
  const lots = mulExact(stepsOf(m, held.base), m.baseUnit);
  return lots === 0 ? 0 : lots === held.base ? held.cost : mulDivRound(held.cost, lots, held.base);
}

export function accountOf(
  m: SpotMarket,
  key: KeyInfo,
  books: SpotBooks,
  fee: number,
  pnl: number,
  timeMs: number,
): Values<typeof AccountUpdate> & { key: number } {
  const held = books.held[key.index]!;
  return {
    reason: 'order',
    wallet: books.wallet,
    position_qty: stepsOf(m, held.base),
    entry_quote: quoteOf(lotsCost(m, held), key),
    isolated_wallet: 0,
    funding: 0,
    fee,
    realized_pnl: pnl,
    mark_px: m.last > 0 ? mulDivRound(m.last, 1e8, key.pxScale) : Number.NaN,
    time_ms: timeMs,
    key: key.index,
  };
}
export function positionOf(
  x: SpotExchange,
  m: SpotMarket,
  key: KeyInfo,
  books: SpotBooks,
  timeMs: number,
): Values<typeof VenuePosition> & { key: number } {
  const held = books.held[key.index]!;
  const lots = stepsOf(m, held.base);
  const cost = lotsCost(m, held);
  const value = lots === 0 ? 0 : m.last > 0 ? worth(m, mulExact(lots, m.baseUnit)) : cost;
  let equity = books.wallet;
  for (const k of x.live) equity = exact(equity + worth(x.markets[k] as SpotMarket, books.held[k]!.base));
  return {
    qty: lots,
    entry_px: lots === 0 ? Number.NaN : mulDivRound(cost, key.qtyScale, lots),
    mark_px: m.last > 0 ? mulDivRound(m.last, 1e8, key.pxScale) : Number.NaN,
    unrealized_pnl: value - cost,
    isolated_wallet: 0,
    liquidation_px: Number.NaN,
    wallet: books.wallet,
    equity,
    share: equity > 0 ? value / equity : 0,
    time_ms: timeMs,
    key: key.index,
  };
}
const worth = (m: SpotMarket, base: number): number => mulDivRound(base, m.last, pow10(m.digits.px));
