import { isTerminal, type Picture } from './order-state.ts';
import { matchOrder, type SymbolOrders } from './symbol-orders.ts';

/** One thing in which what we hold and what the exchange said were not the same, and what was done about it. */
export interface Difference {
  readonly kind: 'order_only_there' | 'order_only_here' | 'order_differs' | 'fill_missing';
  /** Client id of the order, or id of the trade. */
  readonly id: string;
  /** adopted: from now on it is ours to report; ended: reported as it ended there; updated; booked: reported once, under its id. */
  readonly action: 'adopted' | 'ended' | 'updated' | 'booked';
}
/** One instrument, compared. */
export interface Comparison {
  readonly symbol: string;
  /** When reading began, ms. */
  readonly askedMs: number;
  /** Open orders, as we had them and as the exchange had them. */
  readonly here: number;
  readonly there: number;
  /** Of both together the share that both had; 1 when neither had any. */
  readonly jaccard: number;
  readonly differences: readonly Difference[];
}

/** What a picture of an instrument shows that we did not know, before anything is done about it. */
export function compare(s: SymbolOrders, picture: Picture): Comparison {
  const differences: Difference[] = [];
  // What the stream brought meanwhile waits for the picture: that is no news.
  const told = new Set(s.held?.flatMap((e) => (e.fill ? [e.fill.tradeId] : [])));
  const heard = new Set(s.held?.map((e) => e.view.clientId));
  const missing = new Set(picture.missing);
  const here = new Set<string>();
  // What is on its way may or may not be there: neither would be a difference.
  for (const o of s.orders) if (o.phase === 'open' && (o.intent || o.orderId !== '')) here.add(o.clientId);
  const there = new Set<string>();
  for (const v of picture.views) {
    const o = matchOrder(s, v);
    const id = o?.clientId ?? v.clientId;
    const ended = isTerminal(v.status);
    if (!ended && (!o || o.phase === 'open' || o.phase === 'ended')) there.add(id);
    if (heard.has(id)) continue;
    if (!o) differences.push({ kind: 'order_only_there', id, action: 'adopted' });
    else if (o.phase === 'open' && ended) differences.push({ kind: 'order_only_here', id, action: 'ended' });
    else if (o.phase === 'open' && v.cum !== o.cum) differences.push({ kind: 'order_differs', id, action: 'updated' });
  }
  for (const o of s.orders)
    if (o.phase === 'open' && missing.has(o.clientId) && !heard.has(o.clientId))
      differences.push({ kind: 'order_only_here', id: o.clientId, action: 'ended' });
  for (const f of picture.fills)
    if (s.byOrder.has(f.orderId) && !s.seen.has(f.tradeId) && !told.has(f.tradeId) && f.tradeId > s.mark)
      differences.push({ kind: 'fill_missing', id: String(f.tradeId), action: 'booked' });
  let both = 0;
  for (const id of here) if (there.has(id)) both++;
  const all = here.size + there.size - both;
  return {
    symbol: s.name,
    askedMs: picture.askedMs,
    here: here.size,
    there: there.size,
    jaccard: all === 0 ? 1 : both / all,
    differences,
  };
}
