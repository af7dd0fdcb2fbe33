import { nextInt } from '../../../graph/math/index.ts';
import type { OrderApi, Which } from '../courier.ts';
import type { Closing } from '../order-api.ts';
import {
  type CancelOutcome,
  type Command,
  type Fill,
  isConditional,
  type LedgerOrder,
  type OrderView,
  type PlaceOutcome,
  type QueryOutcome,
  type Status,
} from '../order-state.ts';
import { FaultyLink, WINDOW_MS } from './faulty-link.ts';

interface SpotModelOrder {
  id: string;
  clientId: string;
  side: 'buy' | 'sell';
  type: OrderView['type'];
  tif: OrderView['tif'];
  qty: number;
  cum: number;
  status: Status;
  triggered: boolean;
  /** The other order of its list. */
  partner: SpotModelOrder | undefined;
  madeMs: number;
}
export const isOpen = (o: { status: Status }): boolean => o.status === 'new' || o.status === 'partially_filled';

/** A commission of 0.1 % in the asset, × 10^8; quantities have 5 decimals. */
const commissionOf = (qty: number): number => qty;
const UNIT = 1_000;

/**
 * One instrument of a Spot exchange: sells are limited by what is held, sells that rest lock it, commissions of purchases
 * are taken in it, stops keep their id, and a list of two orders is one lock. It answers badly. Its books are the truth.
 */
export class SpotModelExchange extends FaultyLink implements OrderApi {
  readonly orders: SpotModelOrder[] = [];
  readonly fills: Fill[] = [];
  /** Of the asset × 10^8, free and locked. */
  base = 0;
  readonly accepted = new Map<string, number>();
  lists = 0;
  /** What a closing order may sell, as the gateway counts it. */
  closing: (o: LedgerOrder) => Closing = () => ({ kind: 'refused', code: -2022, reason: '' });
  #ids = 100;
  #tradeIds = 1000;

  // What happens at the exchange

  /** × 10^8 */
  get locked(): number {
    let n = 0;
    for (const o of this.orders) {
      if (!isOpen(o) || o.side === 'buy') continue;
      // Of a list the first order holds for both.
      if (o.partner && isOpen(o.partner) && Number(o.partner.id) < Number(o.id)) continue;
      n += (o.qty - o.cum) * UNIT;
    }
    return n;
  }
  #view(o: SpotModelOrder): OrderView {
    return {
      clientId: o.clientId,
      orderId: o.id,
      conditional: false,
      status: o.status,
      side: o.side,
      type: o.type,
      tif: o.tif,
      px: o.type === 'limit' ? 100 : Number.NaN,
      stopPx: Number.NaN,
      qty: o.qty,
      cum: o.cum,
      reduceOnly: false,
      triggered: o.triggered,
      childId: '',
      code: 0,
      reason: '',
      timeMs: this.time.ms,
    };
  }
  #say(o: SpotModelOrder, what: 'stands' | 'trade' = 'stands', fill?: Fill): void {
    this.publish({ what, view: this.#view(o), mayBeChild: o.type !== 'limit', ...(fill ? { fill } : {}) });
  }
  #make(c: Command, qty: number): SpotModelOrder {
    this.accepted.set(c.client_id, (this.accepted.get(c.client_id) ?? 0) + 1);
    const o: SpotModelOrder = {
      id: String(this.#ids++),
      clientId: c.client_id,
      side: c.side,
      type: c.type,
      tif: c.tif,
      qty,
      cum: 0,
      status: 'new',
      triggered: false,
      partner: undefined,
      madeMs: this.time.ms,
    };
    this.orders.push(o);
    return o;
  }
  /** @param orders one order, or a list of two */
  #accept(orders: readonly Command[], qty: number): PlaceOutcome {
    const [c] = orders as [Command];
    if (orders.some((x) => this.orders.some((o) => o.clientId === x.client_id && isOpen(o))))
      return { kind: 'duplicate' };
    if (c.type === 'limit' && this.chance(0.2))
      return { kind: 'refused', code: -2010, reason: 'Order would immediately match and take.' };
    if (c.side === 'sell' && qty * UNIT > this.base - this.locked)
      return { kind: 'refused', code: -2010, reason: 'Account has insufficient balance for requested action.' };
    const made = orders.map((x) => this.#make(x, qty));
    if (made.length === 2) {
      this.lists++;
      made[0]!.partner = made[1];
      made[1]!.partner = made[0];
    }
    for (const o of made) this.#say(o);
    const [o, other] = made as [SpotModelOrder, SpotModelOrder | undefined];
    if (o.type === 'market') this.#market(o);
    else if (o.type === 'limit') this.#rest(o);
    else if (this.chance(0.6)) {
      const hit = other && this.chance(0.5) ? other : o;
      this.later(nextInt(this.r, 4000), () => this.#trigger(hit));
    }
    const view = this.#view(o);
    return other ? { kind: 'accepted', view, partner: this.#view(other) } : { kind: 'accepted', view };
  }
  #trade(o: SpotModelOrder, want: number): void {
    const qty = Math.min(want, o.qty - o.cum);
    if (qty <= 0 || !isOpen(o)) return;
    this.#endPartner(o, 'expired');
    o.cum += qty;
    o.status = o.cum === o.qty ? 'filled' : 'partially_filled';
    const fee = o.side === 'buy' ? commissionOf(qty) : 0;
    this.base += (o.side === 'buy' ? qty : -qty) * UNIT - fee;
    const fill: Fill = {
      orderId: o.id,
      tradeId: this.#tradeIds++,
      px: 100,
      qty,
      fee: 1,
      pnl: 0,
      maker: o.type === 'limit',
      timeMs: this.time.ms,
      ...(fee > 0 ? { baseFee: fee } : {}),
    };
    this.fills.push(fill);
    this.#say(o, 'trade', fill);
  }
  #market(o: SpotModelOrder): void {
    const parts = 1 + nextInt(this.r, 3);
    for (let i = 0; i < parts && isOpen(o); i++) this.#trade(o, i === parts - 1 ? o.qty : 1 + nextInt(this.r, o.qty));
  }
  #rest(o: SpotModelOrder): void {
    const again = (): void => {
      if (!isOpen(o) || this.quiet) return;
      if (this.chance(0.5)) this.#trade(o, 1 + nextInt(this.r, o.qty));
      this.later(100 + nextInt(this.r, 1500), again);
    };
    this.later(nextInt(this.r, 500), again);
  }
  #trigger(o: SpotModelOrder): void {
    if (!isOpen(o) || this.quiet) return;
    this.#endPartner(o, 'expired');
    o.triggered = true;
    this.#say(o);
    this.#market(o);
  }
  #endPartner(o: SpotModelOrder, status: Status): void {
    if (!o.partner || !isOpen(o.partner)) return;
    o.partner.status = status;
    this.#say(o.partner);
  }
  #finish(o: SpotModelOrder, status: Status): void {
    if (!isOpen(o)) return;
    o.status = status;
    this.#say(o);
    this.#endPartner(o, status);
  }

  // REST

  blocked(o: LedgerOrder): boolean {
    return closes(o) && this.closing(o).kind === 'wait';
  }
  place(order: LedgerOrder, done: (outcome: PlaceOutcome) => void): void {
    const c = order.intent!.command;
    let { qty } = c;
    if (closes(order)) {
      const closing = this.closing(order);
      if (closing.kind !== 'sell') {
        done(
          closing.kind === 'refused'
            ? { ...closing, kind: 'refused' }
            : { ...closing, kind: 'turned_away', waitMs: 200 },
        );
        return;
      }
      qty = closing.qty;
    }
    const stamp = this.time.ms;
    const orders = order.partner ? [c, order.partner.intent!.command] : [c];
    const go = (): PlaceOutcome =>
      this.time.ms - stamp > WINDOW_MS
        ? { kind: 'turned_away', code: -1021, reason: 'outside of the recvWindow', waitMs: 0 }
        : this.#accept(orders, qty);
    this.send<PlaceOutcome>(go, done, (reason) => ({ kind: 'unknown' as const, reason }), {
      '-1008': { kind: 'turned_away', code: -1008, reason: 'overloaded', waitMs: 100 },
      '-1021': { kind: 'turned_away', code: -1021, reason: 'clock', waitMs: 20 },
      garbled: { kind: 'accepted', view: undefined },
    });
  }
  cancel(order: LedgerOrder, done: (outcome: CancelOutcome) => void): void {
    const go = (): CancelOutcome => {
      const o = this.#find(order);
      if (!o || !isOpen(o)) return { kind: 'not_open' };
      this.#finish(o, 'canceled');
      return { kind: 'accepted', view: this.#view(o) };
    };
    this.send<CancelOutcome>(go, done, (reason) => ({ kind: 'unknown' as const, reason }), {
      '-1008': { kind: 'turned_away', waitMs: 100 },
      '-1021': { kind: 'turned_away', waitMs: 20 },
      garbled: { kind: 'unknown', reason: 'garbled' },
    });
  }
  #find(order: LedgerOrder): SpotModelOrder | undefined {
    return order.orderId !== ''
      ? this.orders.find((o) => o.id === order.orderId)
      : this.orders.findLast((o) => o.clientId === order.clientId);
  }
  query(order: LedgerOrder, done: (outcome: QueryOutcome) => void): void {
    this.read<QueryOutcome>(() => this.#answer(this.#find(order)), { kind: 'failed', reason: '' }, done);
  }
  byId(_symbol: string, orderId: string, done: (outcome: QueryOutcome) => void): void {
    const o = (): SpotModelOrder | undefined => this.orders.find((x) => x.id === orderId);
    this.read<QueryOutcome>(() => this.#answer(o()), { kind: 'failed', reason: '' }, done);
  }
  /** Lists are a moment behind for new orders. */
  #answer(o: SpotModelOrder | undefined): QueryOutcome {
    if (!o || (this.time.ms - o.madeMs < 200 && this.chance(0.3))) return { kind: 'not_found' };
    return { kind: 'found', view: this.#view(o) };
  }
  cancelAll(_symbol: string, conditional: boolean, done: (waitMs: number | undefined) => void): void {
    if (conditional) {
      done(undefined);
      return;
    }
    const go = (): undefined => {
      for (const o of this.orders) if (isOpen(o)) this.#finish(o, 'canceled');
    };
    this.send<number | undefined>(go, done, () => 50, { '-1008': 100, '-1021': 20, garbled: 50 });
  }
  open(_symbol: string, conditional: boolean, done: (views: OrderView[] | undefined) => void): void {
    if (conditional) done([]);
    else
      this.read<OrderView[] | undefined>(() => this.orders.filter(isOpen).map((o) => this.#view(o)), undefined, done);
  }
  trades(_symbol: string, which: Which, done: (fills: Fill[] | undefined) => void): void {
    const list = (): Fill[] =>
      which === 'last'
        ? this.fills.slice(-1)
        : 'fromId' in which
          ? this.fills.filter((f) => f.tradeId >= which.fromId)
          : this.fills.filter((f) => f.orderId === which.orderId);
    this.read<Fill[] | undefined>(list, undefined, done);
  }
}

const closes = (o: LedgerOrder): boolean => {
  const c = o.intent!.command;
  return c.reduce_only || c.close_position || (isConditional(c.type) && c.side === 'sell');
};
