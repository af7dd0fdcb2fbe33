import { bool, int, money, ms, oneOf, qty, record, text, us } from '../../graph/schema/index.ts';

/** What gates need of the kill switch; `kill_state` has it and more. */
export const RiskHalt = record('risk_halt', 1, {
  engaged: bool('only what reduces risk may leave, and everything is closed'),
  paused: bool('no new risk; what is open goes on'),
  reason: text(),
});

/** The latch of the account: told at the start and with every command and trigger, whether it changes something or not. */
export const KillState = record('kill_state', 1, {
  engaged: bool(),
  paused: bool(),
  reason: text('of what holds now; empty when nothing does'),
  cause: oneOf('start', 'engage', 'release', 'pause', 'resume', 'trigger', 'unreadable'),
  who: text(),
  correlation_id: text('of the command that engaged or paused'),
  since_us: us({ nullable: true, doc: 'engaged since, engine time' }),
});

/** What became of a command to the kill switch, or of a trigger of its own: the answer that a caller finds by its correlation id. */
export const KillChange = record('kill_change', 1, {
  kind: oneOf('kill_engage', 'kill_release', 'risk_pause', 'risk_resume', 'trigger'),
  applied: bool('something is different now'),
  note: text('why nothing is different'),
  engaged: bool(),
  paused: bool(),
  reason: text(),
  who: text(),
  correlation_id: text(),
  idempotency_key: text(),
});

/** How far the closing of everything has come, as the last gate sees it. Told at each change. */
export const KillStatus = record('kill_status', 1, {
  phase: oneOf('released', 'engaged', 'cancelling', 'flattening', 'flat'),
  engaged: bool(),
  paused: bool(),
  reason: text(),
  engaged_us: us({ nullable: true, doc: 'engine time, like all of these' }),
  cancelled_us: us({ nullable: true, doc: 'no order that adds risk was open any more' }),
  flat_us: us({
    nullable: true,
    doc: 'the venue had said of every position that it is 0, and of every order that it has ended',
  }),
  orders: int({ doc: 'open orders that add risk' }),
  closing: int({ doc: 'orders under way that close, resting stops not counted' }),
  resting: int({ doc: 'protective orders that rest at the venue' }),
  unknown: int({ doc: 'orders of which nobody can tell whether the venue has them' }),
  positions: int({ doc: 'instruments with a position' }),
  refused: int({ doc: 'orders that were refused here since it was engaged' }),
});

/** Proof that an instrument is flat, by the venue's own word. One for each instrument that the venue ever spoke of. */
export const KillFlat = record('kill_flat', 1, {
  position_qty: qty({ doc: 'as the venue gave it last; on Spot less than an order can be' }),
  venue_ms: ms({ doc: "the venue's time of that word" }),
  engaged_us: us(),
  reason: text('of the kill switch'),
});

/** What became of an order by hand, or of a cancel: the answer that a caller finds by its correlation id. */
export const ManualOutcome = record('manual_outcome', 1, {
  kind: oneOf('order_place', 'order_cancel'),
  sent: bool('it went on to the last gate; what the venue says of it comes in its reports'),
  client_id: text(),
  reason: text('why it was not sent'),
  who: text(),
  correlation_id: text(),
});

/** What orders by hand of one instrument may yet need of the account's limits. */
export const ManualReserve = record('manual_reserve', 1, {
  orders: int({ doc: 'open orders by hand that add risk' }),
  margin: money({ doc: 'initial margin of what they have not filled' }),
});
