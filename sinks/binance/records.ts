import { f64, MarkPrice, money, ms, qty, record } from '../../graph/schema/index.ts';

/** One position of the account, at each change of it and at mark prices while it is open; the venue's record of that name. */
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
/** What is read of a mark price. */
export const GatewayMark = record('gateway_mark', 1, {
  mark_px: MarkPrice.fields.mark_px,
  event_ms: MarkPrice.fields.event_ms,
});
