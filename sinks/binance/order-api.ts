import { verdictOf } from './answer.ts';
import type { OrderApi, Which } from './courier.ts';
import { futuresParams, pairParams, spotParams, type TradeRules } from './order-params.ts';
import type { CancelOutcome, Fill, LedgerOrder, OrderView, PlaceOutcome, QueryOutcome } from './order-state.ts';
import { algoView, fillView, mergeChild, orderView, type Row } from './order-view.ts';
import type { Answer, Params, Rest } from './rest.ts';

/** Names of ccxt's implicit methods for what both markets have; conditional orders are USD-M's Algo service. */
const METHODS = {
  usdm: {
    place: 'fapiPrivatePostOrder',
    cancel: 'fapiPrivateDeleteOrder',
    query: 'fapiPrivateGetOrder',
    cancelAll: 'fapiPrivateDeleteAllOpenOrders',
    open: 'fapiPrivateGetOpenOrders',
    trades: 'fapiPrivateGetUserTrades',
    time: 'fapiPublicGetTime',
  },
  spot: {
    place: 'privatePostOrder',
    cancel: 'privateDeleteOrder',
    query: 'privateGetOrder',
    cancelAll: 'privateDeleteOpenOrders',
    open: 'privateGetOpenOrders',
    trades: 'privateGetMyTrades',
    time: 'publicGetTime',
  },
} as const;
const ALGO = {
  place: 'fapiPrivatePostAlgoOrder',
  cancel: 'fapiPrivateDeleteAlgoOrder',
  query: 'fapiPrivateGetAlgoOrder',
  cancelAll: 'fapiPrivateDeleteAlgoOpenOrders',
  open: 'fapiPrivateGetOpenAlgoOrders',
} as const;

const PAIR = 'privatePostOrderListOco';

const BUSY_WAIT_MS = 200;

/** How much of an order that may only close can be sold, where the exchange does not see to that itself (Spot). */
export type Closing =
  | { readonly kind: 'sell'; readonly qty: number }
  /** It cannot be said exactly now, and soon may be. */
  | { readonly kind: 'wait'; readonly code: number; readonly reason: string }
  | { readonly kind: 'refused'; readonly code: number; readonly reason: string };

/** The exchange by REST, as the courier asks it. */
export class BinanceOrders implements OrderApi {
  readonly #rest: Rest;
  readonly #market: 'usdm' | 'spot';
  readonly #rules: (symbol: string) => TradeRules;
  readonly #recvWindow: number;
  readonly #notice: (what: string) => void;
  readonly #closing: ((o: LedgerOrder) => Closing) | undefined;

  constructor(
    rest: Rest,
    market: 'usdm' | 'spot',
    rules: (symbol: string) => TradeRules,
    recvWindowMs: number,
    notice: (what: string) => void,
    closing?: (o: LedgerOrder) => Closing,
  ) {
    this.#rest = rest;
    this.#market = market;
    this.#rules = rules;
    this.#recvWindow = recvWindowMs;
    this.#notice = notice;
    this.#closing = closing;
  }
  get timeMethod(): string {
    return METHODS[this.#market].time;
  }

  blocked(o: LedgerOrder): boolean {
    return this.#sells(o)?.kind === 'wait';
  }
  #sells(o: LedgerOrder): Closing | undefined {
    const c = o.intent!.command;
    return c.reduce_only || c.close_position ? this.#closing?.(o) : undefined;
  }
  place(o: LedgerOrder, done: (outcome: PlaceOutcome) => void): void {
    const c = o.intent!.command;
    const rules = this.#rules(o.symbol);
    let params: Params;
    try {
      if (this.#market === 'usdm') params = futuresParams(c, rules);
      else {
        const closing = this.#sells(o);
        if (closing && closing.kind !== 'sell') {
          done(
            closing.kind === 'refused'
              ? { ...closing, kind: 'refused' }
              : { ...closing, kind: 'turned_away', waitMs: BUSY_WAIT_MS },
          );
          return;
        }
        const partner = o.partner?.intent?.command;
        params = partner ? pairParams(c, partner, rules, closing?.qty ?? c.qty) : spotParams(c, rules, closing?.qty);
      }
    } catch (e) {
      // Nothing has been sent.
      done({ kind: 'refused', code: -1102, reason: (e as Error).message });
      return;
    }
    const algo = this.#algo(o);
    const method = algo ? ALGO.place : o.partner ? PAIR : METHODS[this.#market].place;
    this.#ask(method, params, (a) => {
      if (a.ok && o.partner) return done(this.#pairTaken(a.body as Row, o, o.partner, rules));
      if (a.ok) {
        const view = this.#safely(() => (algo ? algoView : orderView)(a.body as Row, rules.key));
        // An answer that names no order proves nothing.
        return done({ kind: 'accepted', view: view?.orderId ? view : undefined });
      }
      const { code, msg, retryAfterS } = a.failure;
      switch (verdictOf(a.failure)) {
        case 'refused':
          return done({ kind: 'refused', code: code || -1000, reason: msg || a.text });
        case 'no_such_order':
          return done({ kind: 'refused', code, reason: msg });
        case 'duplicate':
          return done({ kind: 'duplicate' });
        case 'busy':
          return done({
            kind: 'turned_away',
            code: code || -1008,
            reason: msg || 'Service Unavailable',
            waitMs: BUSY_WAIT_MS,
          });
        case 'banned':
          return done({
            kind: 'turned_away',
            code: code || -1003,
            reason: msg || a.text,
            waitMs: (retryAfterS ?? 10) * 1000,
          });
        case 'clock':
          return this.#resync(() => done({ kind: 'turned_away', code, reason: msg, waitMs: 0 }));
        default:
          return done({ kind: 'unknown', reason: a.text });
      }
    });
  }

  /** The answer to a list names both of its orders, or proves nothing. */
  #pairTaken(body: Row, o: LedgerOrder, partner: LedgerOrder, rules: TradeRules): PlaceOutcome {
    const views = this.#safely(() => (body['orderReports'] as Row[]).map((r) => orderView(r, rules.key)));
    const [view, other] = [o, partner].map((leg) => views?.find((v) => v.clientId === leg.clientId && v.orderId));
    return view && other ? { kind: 'accepted', view, partner: other } : { kind: 'accepted', view: undefined };
  }

  cancel(o: LedgerOrder, done: (outcome: CancelOutcome) => void): void {
    const algo = this.#algo(o);
    const method = algo ? ALGO.cancel : METHODS[this.#market].cancel;
    this.#ask(method, this.#named(o), (a) => {
      if (a.ok) {
        const view = algo ? undefined : this.#safely(() => orderView(a.body as Row, this.#rules(o.symbol).key));
        if (!algo && !view?.orderId) return done({ kind: 'unknown', reason: 'the answer names no order' });
        return done({ kind: 'accepted', view });
      }
      const { retryAfterS } = a.failure;
      switch (verdictOf(a.failure)) {
        case 'no_such_order':
          return done({ kind: 'not_open' });
        case 'busy':
          return done({ kind: 'turned_away', waitMs: BUSY_WAIT_MS });
        case 'banned':
          return done({ kind: 'turned_away', waitMs: (retryAfterS ?? 10) * 1000 });
        case 'clock':
          return this.#resync(() => done({ kind: 'turned_away', waitMs: 0 }));
        default:
          // Also a refusal with a code that speaks of something else: the order is asked for, and cancelled again if it stands.
          return done({ kind: 'unknown', reason: a.text });
      }
    });
  }

  query(o: LedgerOrder, done: (outcome: QueryOutcome) => void): void {
    const { key } = this.#rules(o.symbol);
    if (!this.#algo(o)) {
      this.#ask(METHODS[this.#market].query, this.#named(o), (a) => done(this.#found(a, (r) => orderView(r, key))));
      return;
    }
    this.#ask(ALGO.query, this.#named(o), (a) => {
      const outcome = this.#found(a, (r) => algoView(r, key));
      if (outcome.kind !== 'found' || outcome.view.childId === '') return done(outcome);
      this.byId(o.symbol, outcome.view.childId, (child) =>
        done(
          child.kind === 'found'
            ? { kind: 'found', view: mergeChild(outcome.view, child.view) }
            : { kind: 'failed', reason: 'its order' },
        ),
      );
    });
  }
  byId(symbol: string, orderId: string, done: (outcome: QueryOutcome) => void): void {
    const { key } = this.#rules(symbol);
    this.#ask(METHODS[this.#market].query, { symbol, orderId }, (a) => done(this.#found(a, (r) => orderView(r, key))));
  }
  #found(a: Answer, view: (r: Row) => OrderView): QueryOutcome {
    if (a.ok) {
      const v = this.#safely(() => view(a.body as Row));
      return v?.orderId ? { kind: 'found', view: v } : { kind: 'failed', reason: 'the answer names no order' };
    }
    return verdictOf(a.failure) === 'no_such_order' ? { kind: 'not_found' } : { kind: 'failed', reason: a.text };
  }

  cancelAll(symbol: string, conditional: boolean, done: (waitMs: number | undefined) => void): void {
    // Spot has one list; it answers −2011 when there is nothing to cancel.
    if (conditional && this.#market === 'spot') {
      done(undefined);
      return;
    }
    const method = conditional ? ALGO.cancelAll : METHODS[this.#market].cancelAll;
    this.#ask(method, { symbol }, (a) => {
      if (a.ok) return done(undefined);
      const verdict = verdictOf(a.failure);
      if (verdict === 'no_such_order') return done(undefined);
      if (verdict === 'clock') return this.#resync(() => done(0));
      done(verdict === 'banned' ? (a.failure.retryAfterS ?? 10) * 1000 : BUSY_WAIT_MS);
    });
  }

  open(symbol: string, conditional: boolean, done: (views: OrderView[] | undefined) => void): void {
    if (conditional && this.#market === 'spot') {
      done([]);
      return;
    }
    const { key } = this.#rules(symbol);
    this.#ask(conditional ? ALGO.open : METHODS[this.#market].open, { symbol }, (a) =>
      done(this.#list(a, (r) => (conditional ? algoView : orderView)(r, key))),
    );
  }
  trades(symbol: string, which: Which, done: (fills: Fill[] | undefined) => void): void {
    const { key } = this.#rules(symbol);
    const params: Params = which === 'last' ? { symbol, limit: 1 } : { symbol, limit: 1000, ...which };
    this.#ask(METHODS[this.#market].trades, params, (a) => done(this.#list(a, (r) => fillView(r, symbol, key))));
  }
  #list<T>(a: Answer, read: (r: Row) => T): T[] | undefined {
    if (!a.ok || !Array.isArray(a.body)) return undefined;
    return this.#safely(() => (a.body as Row[]).map(read));
  }

  #algo(o: LedgerOrder): boolean {
    return o.conditional && this.#market === 'usdm';
  }
  /** By its client id as long as it is ours alone; an order that was found is named by the exchange's id. */
  #named(o: LedgerOrder): Params {
    const { symbol } = o;
    if (this.#algo(o)) return o.orderId === '' ? { symbol, clientAlgoId: o.clientId } : { symbol, algoId: o.orderId };
    return o.orderId === '' ? { symbol, origClientOrderId: o.clientId } : { symbol, orderId: o.orderId };
  }
  #ask(method: string, params: Params, done: (a: Answer) => void): void {
    void this.#rest.call(method, { ...params, recvWindow: this.#recvWindow }).then(done);
  }
  #resync(then: () => void): void {
    this.#notice('the exchange refused our clock: it is measured again');
    void this.#rest.syncClock(this.timeMethod).then(then, then);
  }
  /** An answer that cannot be read is no proof of anything. */
  #safely<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (e) {
      this.#notice(`an answer could not be read: ${(e as Error).message}`);
      return undefined;
    }
  }
}
