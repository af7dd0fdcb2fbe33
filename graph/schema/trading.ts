import { bool, f64, int, list, money, ms, oneOf, px, qty, quote, text } from './field.ts';
import { record } from './record.ts';

/** One number with a meaning: what most features are. */
export const Scalar = record('scalar', 1, { value: f64() });

/**
 * The rebuilt book after an applied diff. Lists are sorted so that the **best level is last** (that is where books
 * change, so that is where inserting is cheap). They are the book's own buffers: they hold until its next emission.
 */
export const BookLadder = record('book_ladder', 1, {
  u: int(),
  bid_px: list('px'),
  bid_qty: list('qty'),
  ask_px: list('px'),
  ask_qty: list('qty'),
});

export const TopOfBook = record('top_of_book', 1, {
  u: int(),
  bid_px: px(),
  bid_qty: qty(),
  ask_px: px(),
  ask_qty: qty(),
});

export const BookState = record('book_state', 1, {
  state: oneOf('live', 'stale', 'resync'),
  reason: text(),
});

/** A bar. Times are the trades' own (`T`): `start` inclusive, `end` exclusive for time bars. */
export const Bar = record('bar', 1, {
  start: ms(),
  end: ms(),
  open: px(),
  high: px(),
  low: px(),
  close: px(),
  volume: qty(),
  quote: quote(),
  trades: int(),
  buy_volume: qty({ doc: 'buyer is the taker' }),
  first_id: int(),
  last_id: int(),
});

/** What a strategy wants: it becomes orders only past the risk gates. */
export const Intent = record('intent', 1, {
  id: text('deterministic: pipeline, instrument, causing event'),
  action: oneOf('enter', 'exit', 'reduce', 'skip'),
  side: oneOf('buy', 'sell'),
  size_mult: f64({ doc: '1 = the default size' }),
  stop_px: px({ nullable: true }),
  target_px: px({ nullable: true }),
  rule: text('the rule that made it'),
  reason: text(),
});

/**
 * A command to the venue (ord:cmd). Prices and quantities in the instrument's own decimals. `query` asks how the order
 * stands: the answer is a report with exec `status`, or a rejection with −2013 when there is no such order.
 */
export const OrderCommand = record('order_command', 1, {
  action: oneOf('place', 'cancel', 'cancel_all', 'query'),
  client_id: text('deterministic client order id'),
  side: oneOf('buy', 'sell'),
  type: oneOf('market', 'limit', 'stop_market', 'take_profit_market'),
  tif: oneOf('gtc', 'ioc', 'fok', 'gtx'),
  qty: qty({ doc: '0 with close_position' }),
  px: px({ nullable: true }),
  stop_px: px({ nullable: true, doc: 'trigger price of conditional orders' }),
  working: oneOf('last', 'mark'),
  reduce_only: bool(),
  close_position: bool(),
  intent_id: text(),
  origin: oneOf('entry', 'exit', 'guardian', 'position', 'reconcile', 'operator'),
});

/**
 * What the venue says of an order (ord:result): one record per execution event, as Binance's ORDER_TRADE_UPDATE. Two are no
 * events of the order: `unknown`, nobody can tell yet whether the exchange has it, or how it stands (its proof follows as one
 * of the others); and `status`, the answer to a query: `status` and the cumulative amounts say how it stands.
 */
export const OrderReport = record('order_report', 1, {
  client_id: text(),
  order_id: int(),
  exec: oneOf('new', 'trade', 'canceled', 'rejected', 'expired', 'triggered', 'unknown', 'status'),
  status: oneOf('new', 'partially_filled', 'filled', 'canceled', 'rejected', 'expired'),
  code: int({ doc: 'Binance error code of a rejection, 0 otherwise' }),
  reason: text(),
  side: oneOf('buy', 'sell'),
  type: oneOf('market', 'limit', 'stop_market', 'take_profit_market', 'liquidation'),
  tif: oneOf('gtc', 'ioc', 'fok', 'gtx'),
  px: px({ nullable: true }),
  stop_px: px({ nullable: true }),
  qty: qty(),
  reduce_only: bool(),
  last_px: px({ nullable: true, doc: 'of this trade' }),
  last_qty: qty(),
  cum_qty: qty(),
  cum_quote: quote(),
  fee: money({ doc: 'of this trade, in USDT; negative = rebate' }),
  realized_pnl: money({ doc: 'of this trade, before fees' }),
  maker: bool(),
  trade_id: int(),
  time_ms: ms({ doc: "the venue's time of the event" }),
  base_fee: money({
    nullable: true,
    doc: 'Spot: commission of this trade that was taken in the traded asset, amount × 10^8; `fee` is its value',
  }),
});

/** Change of one wallet and position (Binance ACCOUNT_UPDATE). Keyed by instrument; `wallet` is the account's. */
export const AccountUpdate = record('account_update', 1, {
  reason: oneOf('order', 'funding', 'liquidation', 'margin', 'deposit'),
  wallet: money({ doc: 'wallet balance after the change' }),
  position_qty: qty({ doc: 'signed' }),
  entry_quote: quote({ doc: 'signed sum of price × quantity of the open position' }),
  isolated_wallet: money({ doc: 'margin posted to this position' }),
  funding: money({ doc: 'of this event: negative = paid' }),
  fee: money({ doc: 'of this event' }),
  realized_pnl: money({ doc: 'of this event' }),
  mark_px: money({ nullable: true }),
  time_ms: ms(),
});

/** One position of the account, at each change of it and at each mark price while it is open. Keyed by instrument. */
export const VenuePosition = record('venue_position', 1, {
  qty: qty({ doc: 'signed; 0 = flat' }),
  entry_px: money({ nullable: true, doc: 'cost / quantity, derived' }),
  mark_px: money({ nullable: true }),
  unrealized_pnl: money(),
  isolated_wallet: money({ doc: 'margin posted to this position' }),
  liquidation_px: money({ nullable: true }),
  wallet: money({ doc: "the account's balance without unrealised profit" }),
  equity: money({ doc: "the account's balance with the unrealised profit of all its positions" }),
  share: f64({ doc: "this position's margin and unrealised profit / equity; 0 when there is no equity" }),
  time_ms: ms(),
});
