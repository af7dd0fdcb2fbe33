import { leave } from '../liquidity.ts';
import { ended } from '../resting.ts';
import { isDone } from '../state.ts';
import { release } from './funds.ts';
import type { SpotExchange, SpotMarket, SpotOrder } from './state.ts';
import { tellExecution } from './tell.ts';

/** Why an order expires (`eR`). */
export type Expiry =
  | 'REJECTED'
  | 'OCO_TRIGGER'
  | 'OTO_PHASE_ONE_EXPIRED'
  | 'UNFILLED_IOC_QUANTITY_EXPIRED'
  | 'UNFILLED_FOK_ORDER_EXPIRED'
  | 'INSUFFICIENT_LIQUIDITY';

/** Ends an order that did not trade whole: frees what it locks and says so. What it means for its list is the caller's. */
export function expireOrder(x: SpotExchange, m: SpotMarket, o: SpotOrder, expiry: Expiry, now: number): void {
  if (isDone(o)) return;
  o.status = 'expired';
  o.expiry = expiry;
  end(x, m, o);
  tellExecution(x, m, o, 'EXPIRED', now);
}
/** `newId`: the cancel's own client id. */
export function cancelOrder(x: SpotExchange, m: SpotMarket, o: SpotOrder, newId: string, now: number): void {
  if (isDone(o)) return;
  o.status = 'canceled';
  end(x, m, o);
  tellExecution(x, m, o, 'CANCELED', now, { newId });
}
function end(x: SpotExchange, m: SpotMarket, o: SpotOrder): void {
  o.pending = false;
  o.waiting = false;
  ended(m, o);
  leave(m, o);
  release(x, m, o);
  x.touched = true;
}
