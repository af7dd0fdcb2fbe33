import { mulDiv } from '../money.ts';
import { reached } from '../place.ts';
import { ended } from '../resting.ts';
import { isDone } from '../state.ts';
import { checkFunds } from './funds.ts';
import { resolvePair, tellFinished } from './lists.ts';
import { execute, isStopLoss, leave } from './place.ts';
import { hasPrice, type SpotExchange, type SpotMarket, type SpotOrder } from './state.ts';
import { tellExecution } from './tell.ts';

const BASIS_POINTS = 10_000;

/** A trade at `px` happened: contingent orders whose price it is go to the book, in order of arrival. */
export function triggerOrders(x: SpotExchange, m: SpotMarket, px: number, now: number): void {
  const n = m.stops.length;
  for (let k = 0; k < n; k++) {
    const o = m.stops[k]! as SpotOrder;
    if (isDone(o) || o.triggered) continue;
    const { kind, trailingDelta } = o.request;
    const due = trailingDelta > 0 ? trail(o, px, now) : reached(isStopLoss(kind), o.side, o.stopPx, px);
    if (due) trigger(x, m, o, now);
  }
}

/**
 * Trailing stop: once the stop price was met (at once where there is none) a sell follows the highest price and is due
 * when the price has fallen by the delta; a buy the lowest and a rise.
 */
function trail(o: SpotOrder, px: number, now: number): boolean {
  if (o.trailingMs < 0) {
    if (!reached(isStopLoss(o.request.kind), o.side, o.stopPx, px)) return false;
    o.trailingMs = Math.floor(now / 1000);
    o.bestPx = px;
    return false;
  }
  if (o.bestPx === 0 || (px - o.bestPx) * o.side < 0) o.bestPx = px;
  // In integers: px × 10,000 against best × (10,000 ± delta).
  const due = mulDiv(o.bestPx, BASIS_POINTS + o.side * o.request.trailingDelta, 1);
  return (px * BASIS_POINTS - due) * o.side >= 0;
}

function trigger(x: SpotExchange, m: SpotMarket, o: SpotOrder, now: number): void {
  x.touched = true;
  o.triggered = true;
  ended(m, o);
  resolvePair(x, m, o, now);
  // A market order is paid from what it locked and what is free; the price may have run away from the lock.
  const short = !hasPrice(o.request.kind) && checkFunds(x, m, asMarket(o), o.qty, o.locked) !== undefined;
  if (short) {
    leave(x, m, o, 'REJECTED', now);
    tellFinished(x, now);
    return;
  }
  o.waiting = false;
  o.workingMs = Math.floor(now / 1000);
  tellExecution(x, m, o, 'NEW', now);
  tellFinished(x, now);
  execute(x, m, o, now);
}
const asMarket = (o: SpotOrder): SpotOrder['request'] => ({ ...o.request, kind: 'MARKET' });
