import { bool, f64, int, list, money, ms, oneOf, px, qty, text, us } from './field.ts';
import { record } from './record.ts';

/**
 * Records of the market as it is received (Bronze). All are keyed by instrument (`usdm:BTCUSDT`, `spot:BTCUSDT`).
 * `event_ms` is the exchange's event time (`E`), `time_ms` its transaction time (`T`); both are data, never engine time.
 * Field sources: Binance Spot and USD-M websocket streams.
 */
export const Trade = record('trade', 1, {
  id: int({ doc: 'trade id `t`, or aggregate trade id `a`' }),
  px: px(),
  qty: qty(),
  side: oneOf('buy', 'sell'), // the taker's side
  time_ms: ms({ doc: 'T' }),
  event_ms: ms({ doc: 'E', nullable: true }),
  on_market: bool('X is MARKET or absent; everything else (insurance fund, ADL, …) never makes a price'),
  agg: bool('an aggregate trade'),
  first_id: int({ doc: 'first trade id of an aggregate; id otherwise' }),
  last_id: int({ doc: 'last trade id of an aggregate; id otherwise' }),
});

export const BookTicker = record('book_ticker', 1, {
  u: int({ doc: 'order book update id' }),
  bid_px: px(),
  bid_qty: qty(),
  ask_px: px(),
  ask_qty: qty(),
  time_ms: ms({ nullable: true }),
  event_ms: ms({ nullable: true }),
});

/** A depth diff: absolute quantities, 0 removes the level. Lists in the order of the frame. */
export const Depth = record('depth', 1, {
  first_u: int({ doc: 'U' }),
  u: int({ doc: 'u' }),
  pu: int({ doc: 'pu (USD-M): u of the diff before', nullable: true }),
  time_ms: ms({ nullable: true }),
  event_ms: ms({ nullable: true }),
  bid_px: list('px'),
  bid_qty: list('qty'),
  ask_px: list('px'),
  ask_qty: list('qty'),
});

export const DepthSnapshot = record('depth_snapshot', 1, {
  u: int({ doc: 'lastUpdateId' }),
  time_ms: ms({ nullable: true }),
  event_ms: ms({ nullable: true }),
  bid_px: list('px'),
  bid_qty: list('qty'),
  ask_px: list('px'),
  ask_qty: list('qty'),
});

/** Mark prices have more decimals than the instrument trades with, so they are `money` (8 decimals). */
export const MarkPrice = record('mark_price', 1, {
  mark_px: money(),
  index_px: money({ nullable: true }),
  settle_px: money({ nullable: true, doc: 'estimated settlement price' }),
  rate: f64({ nullable: true, doc: 'funding rate of the running interval' }),
  next_funding_ms: ms({ nullable: true }),
  event_ms: ms(),
});

/** A kline update of the exchange (`k`), closed or not. */
export const Kline = record('kline', 1, {
  start_ms: ms(),
  end_ms: ms({ doc: 'close time as sent: the last millisecond of the interval' }),
  interval: text(),
  open: px(),
  high: px(),
  low: px(),
  close: px(),
  volume: qty(),
  quote: f64(),
  trades: int(),
  buy_volume: qty(),
  buy_quote: f64(),
  first_id: int({ nullable: true }),
  last_id: int({ nullable: true }),
  closed: bool(),
  event_ms: ms({ nullable: true }),
});

/** A finished candle of an archive. */
export const Candle = record('candle', 1, {
  open_time_ms: ms(),
  open: px(),
  high: px(),
  low: px(),
  close: px(),
  volume: qty(),
});

/** A settled funding rate (archive, or REST history). */
export const FundingRate = record('funding_rate', 1, {
  rate: f64(),
  interval_h: f64({ nullable: true, unit: 'h' }),
  time_ms: ms(),
});

/** A liquidation print of the exchange (`forceOrder`). */
export const Liquidation = record('liquidation', 1, {
  side: oneOf('buy', 'sell'),
  px: px(),
  avg_px: px(),
  qty: qty(),
  filled_qty: qty(),
  time_ms: ms(),
  event_ms: ms({ nullable: true }),
});

/** Open interest and long/short ratios of an archive's `metrics` file, every 5 minutes. */
export const MarketMetrics = record('market_metrics', 1, {
  time_ms: ms(),
  open_interest: f64({ unit: 'base', nullable: true }),
  open_interest_value: f64({ unit: 'quote', nullable: true }),
  top_ls_accounts: f64({ nullable: true }),
  top_ls_positions: f64({ nullable: true }),
  ls_ratio: f64({ nullable: true }),
  taker_ratio: f64({ nullable: true }),
});

/** Cumulative depth within ±n % of an archive's `bookDepth` file, about every 30 s. Not a book. */
export const DepthBand = record('depth_band', 1, {
  time_ms: ms(),
  percentage: f64({ unit: '%' }),
  depth: f64({ unit: 'base' }),
  notional: f64({ unit: 'quote' }),
});

/** An input that was refused: kept whole, so that nothing received is lost. */
export const DeadLetter = record('dead_letter', 1, {
  file: text(),
  line: int(),
  code: text(),
  message: text(),
  raw: text(),
});

/** How far the engine is behind its clock; a live source sends it as data, so that a replay sees the same lag. */
export const EngineLag = record('engine_lag', 1, { lag_us: us() });

/**
 * Every port a market source can have, in the order in which blocks number them. The name is also the Bronze dataset's.
 */
export const MARKET_PORTS = {
  trade: Trade,
  book_ticker: BookTicker,
  depth: Depth,
  depth_snapshot: DepthSnapshot,
  mark_price: MarkPrice,
  kline: Kline,
  candle: Candle,
  funding_rate: FundingRate,
  liquidation: Liquidation,
  market_metrics: MarketMetrics,
  depth_band: DepthBand,
  dead_letter: DeadLetter,
  engine_lag: EngineLag,
} as const;
export type MarketPort = keyof typeof MARKET_PORTS;
