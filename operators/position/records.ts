import { bool, f64, int, money, ms, oneOf, px, qty, quote, record, text, us } from '../../graph/schema/index.ts';

/**
 * The position of one instrument and what it is worth now. The first fields are what rules may read as `position.…`;
 * the exact ones are for orders and books.
 */
export const Position = record('position', 1, {
  side: oneOf('flat', 'long', 'short'),
  entry_px: f64({ unit: 'quote', doc: 'average entry price, 0 when flat; derived from the exact sums' }),
  mark_px: f64({ unit: 'quote', doc: 'price it is valued at, 0 before the first one' }),
  pnl: f64({ unit: 'USDT', doc: 'unrealised' }),
  roe: f64({ doc: 'unrealised result over initial margin (notional at entry / leverage)' }),
  age_s: f64({ unit: 's', doc: 'since it was opened' }),
  adds: int({ doc: 'entries beyond the first' }),
  qty: qty({ doc: 'signed' }),
  entry_quote: quote({ doc: 'signed sum of price × quantity of what is open' }),
  opened_us: us({ nullable: true }),
});

/** A change of a position: time, size, cause, before and after, with the running totals of the instrument. */
export const PositionChange = record('position_change', 1, {
  cause: oneOf('open', 'add', 'reduce', 'close', 'flip', 'funding', 'liquidation'),
  client_id: text('order whose fill it was; empty for funding'),
  trade_id: int(),
  qty_before: qty(),
  qty_after: qty(),
  entry_quote: quote({ doc: 'after the change' }),
  px: px({ nullable: true, doc: 'of the fill' }),
  realized: money({ doc: 'of this change, before fees' }),
  fee: money({ doc: 'of this change' }),
  funding: money({ doc: 'of this change; negative = paid' }),
  realized_total: money(),
  fee_total: money(),
  funding_total: money(),
  time_ms: ms({ doc: "the venue's time of the event" }),
});

/** An intent with its exact size: what the risk gates pass or refuse. */
export const SizedIntent = record('sized_intent', 1, {
  id: text(),
  action: oneOf('enter', 'exit', 'reduce'),
  side: oneOf('buy', 'sell'),
  qty: qty(),
  ref_px: px({ doc: 'price it was sized at' }),
  margin: money({ doc: 'initial margin that it needs; 0 for exits' }),
  stop_px: px({ nullable: true }),
  target_px: px({ nullable: true }),
  urgent: bool('comes from a stop that was reached: to be closed at once, without a maker order first'),
  rule: text(),
  reason: text(),
});

/** What became of an intent at the risk gates: every intent has exactly one. */
export const RiskVerdict = record('risk_verdict', 1, {
  intent_id: text(),
  allowed: bool(),
  gate: oneOf(
    'none',
    'no_price',
    'size',
    'min_notional',
    'stop_side',
    'concurrency',
    'risk_budget',
    'in_flight',
    'kill_switch',
    'no_position',
    'unknown_order',
  ),
  reason: text(),
  qty: qty(),
  open: int({ doc: 'positions and entries in flight, before this intent' }),
  margin_in_use: money({ doc: 'before this intent' }),
});

/** What the account's risk limits have left: positions and entries in flight, and the margin that they use. */
export const RiskUsage = record('risk_usage', 1, {
  open: int({ doc: 'positions and entries in flight' }),
  max_positions: int(),
  margin_in_use: money(),
  margin_left: money({ doc: 'of the budget; below 0 when positions have outgrown it' }),
});
