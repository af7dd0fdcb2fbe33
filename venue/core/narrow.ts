import type { AccountUpdate, OrderCommand, OrderReport, Values } from '../../graph/schema/index.ts';
import type { Account, Command, Report } from './state.ts';

/**
 * The nodes' language is narrower than the core's. A node's commands become the core's here; what the core says of
 * orders placed so stays within the narrow words: no conditional limits, amendments or self-trade prevention come up.
 */
export function widen(c: Readonly<Values<typeof OrderCommand>>): Command {
  return {
    // A query is none of them: the nodes answer it (order-desk.ts).
    action: c.action as Exclude<typeof c.action, 'query'>,
    client_id: c.client_id,
    side: c.side,
    type: c.type,
    tif: c.tif,
    qty: c.qty,
    px: c.px,
    stop_px: c.stop_px,
    working: c.working,
    reduce_only: c.reduce_only,
    close_position: c.close_position,
    intent_id: c.intent_id,
    origin: c.origin,
    order_id: 0,
    quote: 0,
    activation_px: Number.NaN,
    callback: 0,
    protect: false,
    stp: 'off',
    good_till_ms: 0,
  };
}
type NarrowReport = Values<typeof OrderReport> & { key: number };
/** Commissions are taken in the quote asset here. Field by field: a spread with one more field costs ten times as much. */
export const narrowReport = (r: Report): NarrowReport => ({
  client_id: r.client_id,
  order_id: r.order_id,
  exec: r.exec as NarrowReport['exec'],
  status: r.status as NarrowReport['status'],
  code: r.code,
  reason: r.reason,
  side: r.side,
  type: r.type as NarrowReport['type'],
  tif: r.tif as NarrowReport['tif'],
  px: r.px,
  stop_px: r.stop_px,
  qty: r.qty,
  reduce_only: r.reduce_only,
  last_px: r.last_px,
  last_qty: r.last_qty,
  cum_qty: r.cum_qty,
  cum_quote: r.cum_quote,
  fee: r.fee,
  realized_pnl: r.realized_pnl,
  maker: r.maker,
  trade_id: r.trade_id,
  time_ms: r.time_ms,
  base_fee: Number.NaN,
  key: r.key,
});
export const narrowAccount = (a: Account): Values<typeof AccountUpdate> => a as Values<typeof AccountUpdate>;
