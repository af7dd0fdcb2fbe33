import { accountingOf } from './accounting.ts';
import { leave } from './liquidity.ts';
import { crosses, execute, targetOf, withdraw } from './place.ts';
import type { Reject } from './reject.ts';
import { refuse, tell } from './report.ts';
import { recount } from './resting.ts';
import type { Command, Exchange, Market, Order } from './state.ts';

/** How often one order may be amended. */
const MAX_AMENDMENTS = 10_000;

/** Price and quantity of a resting limit order change; it goes to the end of the queue at its new price. */
export function amend(x: Exchange, m: Market, c: Command, now: number): void {
  const o = targetOf(x, m, c);
  const why = o ? change(x, m, o, c, now) : 'noSuchOrder';
  if (why) refuse(x, m.instrument.key, c, why, now);
}
function change(x: Exchange, m: Market, o: Order, c: Command, now: number): Reject | undefined {
  if (o.type !== 'limit') return 'limitOnly';
  if (o.side > 0 !== (c.side === 'buy')) return 'badSide';
  if (c.px === o.px && c.qty === o.qty) return 'sameOrder';
  if (o.amendments >= MAX_AMENDMENTS) return 'tooManyAmendments';
  // Already executed as far as wanted, or post-only and no longer passive: the order ends.
  if (c.qty <= o.cum || (o.tif === 'gtx' && crosses(m, o, c.px))) {
    withdraw(x, m, o, now, 'amended away');
    return undefined;
  }
  const why = accountingOf(x).amend(x, m, o, c.px, c.qty);
  if (why) return why;
  o.amendments++;
  x.touched = true;
  const list = o.side > 0 ? m.buys : m.sells;
  leave(m, o);
  list.splice(list.indexOf(o), 1);
  recount(m, o.side);
  tell(x, m, o, 'amended', now);
  execute(x, m, o, now);
  return undefined;
}
