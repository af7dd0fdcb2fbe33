import type { Closing } from './order-api.ts';
import type { LedgerOrder } from './order-state.ts';
import type { SymbolOrders } from './symbol-orders.ts';

/** As USD-M refuses what would not reduce; Spot has no word for it. */
const NOTHING_TO_REDUCE = -2022;
const INSUFFICIENT = -2010;

/**
 * What an order with `reduce_only` or `close_position` sells on Spot: at most what this gateway bought, less what its other open
 * sell orders wait to sell, less what is not free, in whole steps. As long as it is not known what another order has bought or
 * sold, that cannot be said.
 * @param has what was bought and not sold, in whole steps; `free`: of the account, undefined = not known exactly
 */
export function closingQuantity(
  o: LedgerOrder,
  s: SymbolOrders,
  has: { readonly lots: number; readonly step: number; readonly free: number | undefined },
): Closing {
  const c = o.intent!.command;
  if (c.side === 'buy')
    return { kind: 'refused', code: NOTHING_TO_REDUCE, reason: 'nothing is short on Spot: a buy cannot close' };
  let locked = 0;
  for (const other of s.orders) {
    if (other === o || other === o.partner || other.phase === 'ended' || other.phase === 'queued') continue;
    const moving = other.phase === 'unknown' || other.phase === 'sending' || other.cancelWanted;
    if (moving || (other.goal !== undefined && other.cum < other.goal.cum))
      return {
        kind: 'wait',
        code: INSUFFICIENT,
        reason: `what order ${other.clientId} has done is not known yet, so not what is left to sell; it was not sent`,
      };
    // The orders of a pair hold the same asset.
    if (other.follows && other.partner?.phase === 'open') continue;
    if (other.side === 'sell' && other.intent) locked += other.qty - other.cum;
  }
  if (s.held && s.held.length > 0)
    return { kind: 'wait', code: INSUFFICIENT, reason: 'fills are being read, so what is left to sell is not known' };
  if (has.lots === 0)
    return { kind: 'refused', code: NOTHING_TO_REDUCE, reason: 'nothing that was bought here is held' };
  const left = Math.min(has.lots - locked, has.free ?? Number.POSITIVE_INFINITY);
  const most = c.close_position ? left : Math.min(c.qty, left);
  const qty = most - (most % has.step);
  return qty > 0
    ? { kind: 'sell', qty }
    : { kind: 'refused', code: INSUFFICIENT, reason: 'open sell orders wait for all that is held' };
}
