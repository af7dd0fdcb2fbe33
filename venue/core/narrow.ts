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
/** Commissions are taken in the quote asset here. */
export const narrowReport = (r: Report): Values<typeof OrderReport> & { key: number } =>
  ({ ...r, base_fee: Number.NaN }) as Values<typeof OrderReport> & { key: number };
export const narrowAccount = (a: Account): Values<typeof AccountUpdate> => a as Values<typeof AccountUpdate>;
