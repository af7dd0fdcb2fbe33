import { nextInt } from '../../../graph/math/index.ts';
import type { OrderApi, Which } from '../courier.ts';
import type {
  CancelOutcome,
  Command,
  Fill,
  LedgerOrder,
  OrderView,
  PlaceOutcome,
  QueryOutcome,
  Status,
} from '../order-state.ts';
import type { StreamNews } from '../symbol-orders.ts';
import { FaultyLink, WINDOW_MS } from './faulty-link.ts';

interface ModelOrder {
  id: string;
  clientId: string;
  conditional: boolean;
  side: 'buy' | 'sell';
  type: OrderView['type'];
  tif: OrderView['tif'];
  qty: number;
  cum: number;
  status: Status;
  reduceOnly: boolean;
  childId: string;
  madeMs: number;
}

/** One instrument of an exchange that takes orders, trades them at random, and answers badly. Its books are the truth. */
export class ModelExchange extends FaultyLink implements OrderApi {
  readonly orders: ModelOrder[] = [];
  readonly fills: Fill[] = [];
  position = 0;
  /** Sends accepted under each client id. */
  readonly accepted = new Map<string, number>();
  childNamedAsParent = true;
  #ids = 100;
  #tradeIds = 1000;

  // What happens at the exchange

  #view(o: ModelOrder): OrderView {
    return {
      clientId: o.clientId,
      orderId: o.id,
      conditional: o.conditional,
      status: o.status,
      side: o.side,
      type: o.type,
      tif: o.tif,
      px: o.type === 'limit' ? 100 : Number.NaN,
      stopPx: Number.NaN,
      qty: o.qty,
      cum: o.cum,
      reduceOnly: o.reduceOnly,
      triggered: o.childId !== '',
      childId: o.childId,
      code: 0,
      reason: '',
      timeMs: this.time.ms,
    };
  }
  #say(o: ModelOrder, what: StreamNews['what'] = 'stands', fill?: Fill): void {
    const view = o.conditional ? { ...this.#view(o), childId: '', triggered: false } : this.#view(o);
    this.publish({ what, view, mayBeChild: !o.conditional && o.type !== 'limit', ...(fill ? { fill } : {}) });
  }
  #make(
    c: Pick<Command, 'client_id' | 'side' | 'type' | 'tif' | 'qty' | 'reduce_only'>,
    conditional: boolean,
  ): ModelOrder {
    const o: ModelOrder = {
      id: String(this.#ids++),
      clientId: c.client_id,
      conditional,
      side: c.side,
      type: c.type,
      tif: c.tif,
      qty: c.qty,
      cum: 0,
      status: 'new',
      reduceOnly: c.reduce_only,
      childId: '',
      madeMs: this.time.ms,
    };
    this.orders.push(o);
    return o;
  }
  #accept(c: Command): PlaceOutcome {
    if (this.orders.some((o) => o.clientId === c.client_id && isOpen(o))) return { kind: 'duplicate' };
    const conditional = c.type === 'stop_market' || c.type === 'take_profit_market';
    if (c.type === 'limit' && this.chance(0.2)) return { kind: 'refused', code: -5022, reason: 'would take' };
    if (!conditional && c.reduce_only && this.#closable(c.side) === 0)
      return { kind: 'refused', code: -2022, reason: 'ReduceOnly Order is rejected.' };
    this.accepted.set(c.client_id, (this.accepted.get(c.client_id) ?? 0) + 1);
    const o = this.#make(c, conditional);
    this.#say(o);
    if (c.type === 'market') this.#market(o);
    else if (c.type === 'limit') this.#rest(o);
    else if (this.chance(0.6)) this.time.after(nextInt(this.r, 4000), () => this.#trigger(o));
    return { kind: 'accepted', view: this.#view(o) };
  }
  #closable(side: 'buy' | 'sell'): number {
    return Math.max(0, side === 'buy' ? -this.position : this.position);
  }
  #trade(o: ModelOrder, want: number): void {
    const qty = Math.min(want, o.qty - o.cum, o.reduceOnly ? this.#closable(o.side) : Number.POSITIVE_INFINITY);
    if (qty <= 0 || !isOpen(o)) return;
    o.cum += qty;
    o.status = o.cum === o.qty ? 'filled' : 'partially_filled';
    this.position += o.side === 'buy' ? qty : -qty;
    const fill: Fill = {
      orderId: o.id,
      tradeId: this.#tradeIds++,
      px: 100,
      qty,
      fee: 1,
      pnl: 0,
      maker: o.type === 'limit',
      timeMs: this.time.ms,
    };
    this.fills.push(fill);
    this.#say(o, 'trade', fill);
  }
  #market(o: ModelOrder): void {
    const parts = 1 + nextInt(this.r, 3);
    for (let i = 0; i < parts && isOpen(o); i++) this.#trade(o, i === parts - 1 ? o.qty : 1 + nextInt(this.r, o.qty));
    if (isOpen(o) || this.chance(0)) this.#finish(o, 'expired');
  }
  #rest(o: ModelOrder): void {
    const again = (): void => {
      if (!isOpen(o) || this.quiet) return;
      if (this.chance(0.5)) this.#trade(o, 1 + nextInt(this.r, o.qty));
      if (o.reduceOnly && this.#closable(o.side) === 0) this.#finish(o, 'expired');
      this.time.after(100 + nextInt(this.r, 1500), again);
    };
    this.time.after(nextInt(this.r, 500), again);
  }
  #trigger(o: ModelOrder): void {
    if (!isOpen(o) || this.quiet) return;
    const qty = this.#closable(o.side);
    if (qty === 0) {
      this.#finish(o, 'expired');
      return;
    }
    const child = this.#make(
      {
        client_id: this.childNamedAsParent ? o.clientId : `child-${o.id}`,
        side: o.side,
        type: o.type,
        tif: 'gtc',
        qty,
        reduce_only: true,
      } as Command,
      false,
    );
    o.childId = child.id;
    o.status = 'filled';
    // The order of the two streams of words is nowhere promised.
    const first = this.chance(0.5);
    const tell = (): void =>
      this.publish({ what: 'stands', view: { ...this.#view(o), status: 'new' }, mayBeChild: false });
    if (first) tell();
    this.#say(child);
    if (!first) tell();
    this.#market(child);
    this.publish({ what: 'asks', view: this.#view(o), mayBeChild: false });
  }
  #finish(o: ModelOrder, status: Status): void {
    if (!isOpen(o)) return;
    o.status = status;
    this.#say(o);
  }
  /** The exchange closes the position by an order of its own. */
  liquidate(): void {
    if (this.position === 0) return;
    this.count('liquidation');
    const side = this.position > 0 ? 'sell' : 'buy';
    const o = this.#make(
      {
        client_id: `autoclose-${this.#ids}`,
        side,
        type: 'liquidation' as 'market',
        tif: 'ioc',
        qty: Math.abs(this.position),
        reduce_only: true,
      },
      false,
    );
    this.#say(o);
    this.#market(o);
  }

  // REST

  place(order: LedgerOrder, done: (outcome: PlaceOutcome) => void): void {
    const c = order.intent!.command;
    const stamp = this.time.ms;
    const go = (): PlaceOutcome =>
      this.time.ms - stamp > WINDOW_MS
        ? { kind: 'turned_away', code: -1021, reason: 'outside of the recvWindow', waitMs: 0 }
        : this.#accept(c);
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
      return { kind: 'accepted', view: order.conditional ? undefined : this.#view(o) };
    };
    this.send<CancelOutcome>(go, done, (reason) => ({ kind: 'unknown' as const, reason }), {
      '-1008': { kind: 'turned_away', waitMs: 100 },
      '-1021': { kind: 'turned_away', waitMs: 20 },
      garbled: { kind: 'unknown', reason: 'garbled' },
    });
  }
  #find(order: LedgerOrder): ModelOrder | undefined {
    const mine = this.orders.filter((o) => o.conditional === order.conditional);
    return order.orderId !== ''
      ? mine.find((o) => o.id === order.orderId)
      : mine.findLast((o) => o.clientId === order.clientId);
  }
  query(order: LedgerOrder, done: (outcome: QueryOutcome) => void): void {
    const failed: QueryOutcome = { kind: 'failed', reason: '' };
    this.read(() => this.#answer(this.#find(order)), failed, done);
  }
  byId(_symbol: string, orderId: string, done: (outcome: QueryOutcome) => void): void {
    const failed: QueryOutcome = { kind: 'failed', reason: '' };
    this.read(() => this.#answer(this.orders.find((o) => !o.conditional && o.id === orderId)), failed, done);
  }
  #answer(o: ModelOrder | undefined): QueryOutcome {
    if (!o || (this.time.ms - o.madeMs < 200 && this.chance(0.3))) return { kind: 'not_found' };
    const child = o.childId === '' ? undefined : this.orders.find((c) => c.id === o.childId);
    const view = this.#view(o);
    return {
      kind: 'found',
      view: child ? { ...view, status: child.status, qty: child.qty, cum: child.cum } : view,
    };
  }
  cancelAll(_symbol: string, conditional: boolean, done: (waitMs: number | undefined) => void): void {
    const go = (): undefined => {
      for (const o of this.orders) if (o.conditional === conditional && isOpen(o)) this.#finish(o, 'canceled');
    };
    this.send<number | undefined>(go, done, () => 50, { '-1008': 100, '-1021': 20, garbled: 50 });
  }
  open(_symbol: string, conditional: boolean, done: (views: OrderView[] | undefined) => void): void {
    const list = (): OrderView[] =>
      this.orders.filter((o) => o.conditional === conditional && isOpen(o)).map((o) => this.#view(o));
    this.read<OrderView[] | undefined>(list, undefined, done);
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

export const isOpen = (o: { status: Status }): boolean => o.status === 'new' || o.status === 'partially_filled';
