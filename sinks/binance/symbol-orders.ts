import type { Fill, LedgerOrder, OrderView } from './order-state.ts';
import { ToldTrades } from './told-trades.ts';

/** A word of the user stream about an order, in the instrument's decimals. */
export interface StreamNews {
  /** stands: it is there, or has ended (by the view's status); asks: it ended, and how must be asked. */
  readonly what: 'stands' | 'trade' | 'amended' | 'asks';
  readonly view: OrderView;
  readonly fill?: Fill;
  /** Placed as a conditional order, and of an id that may be new to us. */
  readonly mayBeChild: boolean;
}

/** Trade ids that are remembered, so that a fill is reported once. */
const SEEN = 20_000;

/** The orders of one instrument. */
export class SymbolOrders {
  readonly name: string;
  readonly key: number;
  /** In order of appearance; ended ones stay for a while. */
  orders: LedgerOrder[] = [];
  readonly byClient = new Map<string, LedgerOrder>();
  /** By the exchange's id, of the order that a conditional one became too. Algo ids are a space of their own: `a` before them. */
  readonly byOrder = new Map<string, LedgerOrder>();
  readonly seen = new Set<number>();
  /** Highest trade id reported; −1 = none is known. */
  mark = -1;
  /** What earlier runs have reported. */
  told = new ToldTrades();
  /** Stream events that wait for a picture; undefined = not on hold. */
  held: StreamNews[] | undefined;
  /** Put on hold again while a picture was being read: it must be read anew. */
  again = false;
  tries = 0;
  gaps = 0;
  puzzles = 0;
  /** A first picture has been seen. */
  started = false;
  /** Requests of a cancel_all that are out: no order is sent meanwhile. */
  cancelAll = 0;
  /** When to look whether everything is as it should be. */
  checkMs = Number.POSITIVE_INFINITY;

  constructor(name: string, key: number) {
    this.name = name;
    this.key = key;
  }

  /** Orders may be sent: what was before is known, and no cancel of everything is under way. */
  get ready(): boolean {
    return this.started && this.cancelAll === 0;
  }
  add(o: LedgerOrder): void {
    this.orders.push(o);
    this.byClient.set(o.clientId, o);
    if (o.orderId !== '') this.byOrder.set(idOf(o.conditional, o.orderId), o);
  }
  /** The exchange's id of the order. */
  identify(o: LedgerOrder, orderId: string): void {
    if (orderId === '' || o.orderId === orderId) return;
    o.orderId = orderId;
    this.byOrder.set(idOf(o.conditional, orderId), o);
  }
  /** The id of the order that a conditional one became. */
  nameChild(o: LedgerOrder, childId: string): void {
    if (childId === '' || o.childId === childId) return;
    o.childId = childId;
    this.byOrder.set(childId, o);
  }
  saw(tradeId: number): void {
    if (this.seen.size >= SEEN)
      for (const old of this.seen) {
        // In order of insertion: the oldest goes.
        this.seen.delete(old);
        break;
      }
    this.seen.add(tradeId);
    if (tradeId > this.mark) this.mark = tradeId;
  }
}

const idOf = (conditional: boolean, id: string): string => (conditional ? `a${id}` : id);

/** The order that a view is of, or the conditional one that became it. */
export function matchOrder(s: SymbolOrders, v: OrderView): LedgerOrder | undefined {
  const known = v.orderId === '' ? undefined : s.byOrder.get(idOf(v.conditional, v.orderId));
  if (known) return known;
  const named = s.byClient.get(v.clientId);
  if (!named) return undefined;
  if (named.conditional === v.conditional) {
    if (named.orderId === '' || v.orderId === '') return named;
    // The exchange takes an id again once its order has ended: that is another order.
    return undefined;
  }
  // A cancelled stranger may turn out to be conditional; a conditional order's child has its name.
  if (!named.intent && named.orderId === '') {
    named.conditional = v.conditional;
    return named;
  }
  return named.conditional ? named : undefined;
}

/** Ended orders that are remembered in any case; of more than twice as many the oldest go before their time. */
const ENDED = 500;

/** Ended orders are forgotten after a while, or when there are very many. */
export function forget(s: SymbolOrders, beforeMs: number): void {
  let ended = 0;
  let old = false;
  for (const o of s.orders) {
    if (o.phase !== 'ended' || o.busy) continue;
    ended++;
    old ||= o.endedMs < beforeMs;
  }
  if (!old && ended <= 2 * ENDED) return;
  let surplus = ended - ENDED;
  s.orders = s.orders.filter((o) => {
    if (o.phase !== 'ended' || o.busy || (surplus-- <= 0 && o.endedMs >= beforeMs)) return true;
    if (s.byClient.get(o.clientId) === o) s.byClient.delete(o.clientId);
    s.byOrder.delete(idOf(o.conditional, o.orderId));
    s.byOrder.delete(o.childId);
    return false;
  });
}
