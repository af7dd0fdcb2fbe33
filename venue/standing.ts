import type { KeyInfo } from '../graph/schema/index.ts';
import type { Exchange, Order } from './core/state.ts';
import { about, type Command, type KeyedReport } from './order-desk.ts';

/** How an open order stands, as a report of no event; undefined when none of this id is open. */
export function standing(
  x: Exchange,
  key: KeyInfo,
  c: Command,
  now: number,
  more: readonly Order[] = [],
): KeyedReport | undefined {
  const m = x.markets[key.index];
  const open = (o: Order): boolean =>
    o.clientId === c.client_id && (o.status === 'new' || o.status === 'partially_filled');
  const o = m && (m.buys.find(open) ?? m.sells.find(open) ?? m.stops.find(open) ?? more.find(open));
  if (!o) return undefined;
  return about(key.index, c, now, {
    order_id: o.orderId,
    exec: 'status',
    status: o.status === 'partially_filled' ? 'partially_filled' : 'new',
    reason: 'queried',
    side: o.side > 0 ? 'buy' : 'sell',
    type: o.type as KeyedReport['type'],
    tif: o.tif as KeyedReport['tif'],
    px: o.px,
    stop_px: o.stopPx,
    qty: o.qty,
    reduce_only: o.reduceOnly,
    cum_qty: o.cum,
    cum_quote: o.cumQuote,
  });
}
/** Where ended orders are not remembered: the order, or that none of this id is open. */
export const standingOnly = (
  x: Exchange,
  key: KeyInfo,
  c: Command,
  now: number,
  more: readonly Order[] = [],
): KeyedReport =>
  standing(x, key, c, now, more) ??
  about(key.index, c, now, {
    exec: 'rejected',
    status: 'rejected',
    code: -2013,
    reason: 'no order of this id is open; ended ones are not remembered',
  });
