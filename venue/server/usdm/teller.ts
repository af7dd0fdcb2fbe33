import { marginRatio } from '../../core/liquidate.ts';
import { mulDiv } from '../../core/money.ts';
import type { Account, Exchange, Report } from '../../core/state.ts';
import { AlgoBook } from './algo-book.ts';
import { type AlgoRecord, type Desk, isForgotten, isOpen, type OrderRecord } from './desk.ts';
import { accountUpdate, marginCall, orderTradeUpdate, sideNotional, tradeLite } from './events.ts';
import { Incomes } from './incomes.ts';
import type { Placement } from './order-params.ts';
import { newRecord } from './record.ts';

/** A margin call goes out when the maintenance margin is this part of the margin, and again once it was well below it. */
const CALL_AT = 0.8;
const CALM_BELOW = 0.6;
/** Finished orders of one symbol that are kept at most, beside the rules of age. */
const KEEP_ORDERS = 20_000;
const KEEP_TRADES = 50_000;
const HOUR_MS = 3_600_000;

/** Takes over what the core says: keeps the records that queries are answered from, and tells the user's stream. */
export class Teller {
  readonly algos = new AlgoBook();
  readonly incomes = new Incomes();
  /** What the command under way was answered: why it was refused, or what it placed. */
  refusal: Report | undefined;
  fresh: OrderRecord | AlgoRecord | undefined;
  /** What its request says beyond the core's command. */
  placing: Placement | undefined;
  /** When money last changed (ms of market time). */
  updateMs: number;
  readonly #x: Exchange;
  readonly #byKey: readonly (Desk | undefined)[];
  readonly #emit: (event: object) => void;
  /** The event of a trade and what follows from it, held back until that of the account is out. */
  readonly #held: object[] = [];
  #nextAmendment = 1;
  #lastPruneMs = 0;

  constructor(x: Exchange, byKey: readonly (Desk | undefined)[], startMs: number, emit: (event: object) => void) {
    this.#x = x;
    this.#byKey = byKey;
    this.#emit = emit;
    this.updateMs = startMs;
  }

  drain(): void {
    const out = this.#x.outbox;
    for (let i = 0; i < out.length; i++) {
      const e = out[i]!;
      if (e.port === 'report') this.#report(e.values);
      else if (e.port === 'account') this.#account(e.values);
      else this.#watch(this.#byKey[e.values.key]!, e.values.time_ms);
    }
    out.length = 0;
    this.#flush();
  }
  #flush(): void {
    if (this.#held.length === 0) return;
    for (const event of this.#held) this.#emit(event);
    this.#held.length = 0;
  }

  #report(r: Report): void {
    this.#flush();
    const d = this.#byKey[r.key]!;
    if (r.algo_id > 0 && (r.exec === 'triggered' || r.order_id === 0)) {
      const a = this.algos.take(d, r, this.placing, (event) => this.#emit(event));
      if (r.exec === 'new') this.fresh ??= a;
      return;
    }
    if (r.order_id === 0) {
      this.refusal ??= r;
      return;
    }
    let o = d.orders.get(r.order_id);
    if (r.exec === 'new') {
      o = newRecord(d, r, this.placing, r.algo_id > 0 ? this.algos.get(r.algo_id) : undefined);
      d.orders.set(o.orderId, o);
      d.byClientId.set(o.clientId, o);
      if (r.algo_id > 0) this.algos.link(r.algo_id, o);
      else this.fresh ??= o;
      this.#prune(d, r.time_ms);
    }
    if (!o) return;
    if (r.exec === 'amended') {
      const count = ++o.amendments;
      const [before, after] = [
        { px: o.px, qty: o.qty },
        { px: r.px, qty: r.qty },
      ];
      d.amendments.push({ id: this.#nextAmendment++, order: o, timeMs: r.time_ms, before, after, count });
      if (d.amendments.length > KEEP_ORDERS) d.amendments.splice(0, KEEP_ORDERS / 10);
      o.px = r.px;
      o.qty = r.qty;
    }
    o.status = r.status.toUpperCase();
    o.cum = r.cum_qty;
    o.cumQuote = r.cum_quote;
    o.updateMs = r.time_ms;
    // A liquidation may grow from a part of the position to all of it.
    if (r.exec === 'trade') {
      o.qty = r.qty;
      this.#trade(d, o, r);
    }
    const event = orderTradeUpdate(o, r, sideNotional(d, 1), sideNotional(d, -1));
    const tell = r.exec === 'trade' ? (e: object): number => this.#held.push(e) : (e: object): void => this.#emit(e);
    tell(event);
    if (r.algo_id > 0) this.algos.follow(r.algo_id, r.time_ms, tell);
  }
  #trade(d: Desk, o: OrderRecord, r: Report): void {
    this.#emit(tradeLite(o, r));
    o.realised += r.realized_pnl;
    d.realised += r.realized_pnl;
    d.trades.push({
      id: r.trade_id,
      orderId: r.order_id,
      side: o.side,
      px: r.last_px,
      qty: r.last_qty,
      fee: r.fee,
      realised: r.realized_pnl,
      maker: r.maker,
      timeMs: r.time_ms,
    });
    if (d.trades.length > KEEP_TRADES) d.trades.splice(0, KEEP_TRADES / 10);
    this.incomes.add(d.symbol, 'COMMISSION', -r.fee, r.time_ms, String(r.trade_id));
    this.incomes.add(d.symbol, 'REALIZED_PNL', r.realized_pnl, r.time_ms, String(r.trade_id));
  }
  #account(a: Account): void {
    const d = this.#byKey[a.key]!;
    this.updateMs = a.time_ms;
    d.updateMs = a.time_ms;
    d.openFees = feesOfOpening(d.openFees, d.qty, a.position_qty, a.fee);
    d.qty = a.position_qty;
    if (a.reason === 'funding') this.incomes.add(d.symbol, 'FUNDING_FEE', a.funding, a.time_ms, '');
    if (a.reason === 'liquidation') this.incomes.add(d.symbol, 'INSURANCE_CLEAR', -a.fee, a.time_ms, '');
    const told = `${a.wallet} ${a.position_qty} ${a.entry_quote} ${a.isolated_wallet}`;
    if (told !== d.told) {
      d.told = told;
      this.#emit(accountUpdate(this.#x, d, a));
    }
    this.#flush();
  }
  #watch(d: Desk, ms: number): void {
    const ratio = marginRatio(this.#x, d.market);
    if (ratio < CALM_BELOW) d.called = false;
    else if (ratio >= CALL_AT && !d.called) {
      d.called = true;
      this.#emit(marginCall(this.#x, d, ms));
    }
  }
  /** Forgets what queries no longer show. */
  #prune(d: Desk, nowMs: number): void {
    if (d.orders.size <= KEEP_ORDERS && nowMs - this.#lastPruneMs < HOUR_MS) return;
    this.#lastPruneMs = nowMs;
    let spare = d.orders.size - KEEP_ORDERS;
    for (const [id, o] of d.orders) {
      if (isOpen(o) || (spare <= 0 && !isForgotten(o, nowMs))) continue;
      d.orders.delete(id);
      if (d.byClientId.get(o.clientId) === o) d.byClientId.delete(o.clientId);
      spare--;
    }
  }
}

/** Fees of what is open: openings add to them, closings take their part away. */
function feesOfOpening(fees: number, before: number, after: number, fee: number): number {
  if (after === 0) return 0;
  const [was, is] = [Math.abs(before), Math.abs(after)];
  if (before * after < 0) return mulDiv(fee, is, was + is);
  return is >= was ? fees + (is > was ? fee : 0) : mulDiv(fees, is, was);
}
