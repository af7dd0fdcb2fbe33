import { bool, f64, int, oneOf, px, qty, record, text, us } from '../../graph/schema/index.ts';

/** The end of an intent at the router: what was wanted and what came of it. One per intent that it accepted or refused. */
export const RouteOutcome = record('route_outcome', 1, {
  intent_id: text(),
  action: oneOf('enter', 'exit', 'reduce'),
  result: oneOf('filled', 'partial', 'unfilled', 'refused'),
  side: oneOf('buy', 'sell'),
  qty: qty({ doc: 'wanted' }),
  filled: qty(),
  maker_qty: qty({ doc: 'part of `filled` that added liquidity' }),
  orders: int({ doc: 'orders that it took' }),
  reason: text(),
});

/** Life of every order, in order: place (accepted), route (commanded), fill, report (the venue's word), and what was decided on it. */
export const OrderLife = record('order_life', 1, {
  stage: oneOf('place', 'route', 'fill', 'report'),
  event: text(
    'what happened: accepted, maker, taker, slice, guardian, target, cancel, query, new, trade, canceled, rejected, expired, unknown, status, …',
  ),
  intent_id: text(),
  client_id: text('empty for the intent itself'),
  origin: oneOf('entry', 'exit', 'guardian', 'position', 'reconcile', 'operator'),
  side: oneOf('buy', 'sell'),
  qty: qty(),
  px: px({ nullable: true }),
  cum_qty: qty({ doc: 'filled so far of this order' }),
  left: qty({ doc: 'of the intent, after this' }),
  attempt: int(),
  code: int({ doc: 'error code of the venue, 0 otherwise' }),
  reason: text(),
  bid_px: px({ nullable: true, doc: 'the last book before this' }),
  bid_qty: qty({ nullable: true }),
  ask_px: px({ nullable: true }),
  ask_qty: qty({ nullable: true }),
});

/** Orders of one instrument of which nobody can tell whether the venue has them. While there are any, no new risk is taken. */
export const OrderDoubt = record('order_doubt', 1, {
  orders: int(),
  since_us: us({ nullable: true, doc: 'the oldest of them' }),
  client_id: text('of the oldest; empty when there is none'),
  reason: text(),
});

/** What a person should look at. */
export const RouterAlert = record('router_alert', 1, {
  kind: oneOf('unknown_order', 'guardian_lost', 'no_guardian'),
  intent_id: text(),
  client_id: text(),
  origin: oneOf('entry', 'exit', 'guardian', 'position', 'reconcile', 'operator'),
  since_us: us(),
  qty: qty({ doc: 'of the order, or of the position' }),
  reason: text(),
});

/** A latched fact: while it is engaged only what reduces risk passes the last gate. */
export const KillSwitch = record('kill_switch', 1, { engaged: bool(), reason: text() });

/**
 * One step of the execution policy with its result, also when the policy is a set of rules: the data set from which
 * a policy can be learnt. An episode is one intent; `reward` stands on its last row, −(slippage_bp + fee_bp) against
 * the mid at arrival over the whole quantity.
 */
export const ExecutionStep = record('execution_step', 1, {
  intent_id: text(),
  step: int(),
  action: oneOf('PLACE_MAKER', 'PLACE_TAKER', 'WAIT_500MS', 'SPLIT_ORDER_50%'),
  spread_bp: f64({ nullable: true }),
  best_bid_qty: f64({ nullable: true }),
  best_ask_qty: f64({ nullable: true }),
  depth_5bp_agg: f64({ nullable: true }),
  realized_vol_1m: f64({ nullable: true }),
  tick_imbalance: f64({ nullable: true }),
  time_to_next_funding: f64({ nullable: true, unit: 's' }),
  left: f64({ doc: 'share of the intent still open' }),
  probability: f64({ doc: 'of this action under the policy' }),
  done: bool(),
  slippage_bp: f64({ nullable: true }),
  fee_bp: f64({ nullable: true }),
  reward: f64({ nullable: true }),
});
