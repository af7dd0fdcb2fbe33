import type { Report } from '../../core/state.ts';
import { type AlgoRecord, type Desk, isOpen, type OrderRecord, typeName } from './desk.ts';
import { algoUpdate } from './events.ts';
import type { Placement } from './order-params.ts';

const KEEP = 20_000;

/** The conditional orders of an account: their own ids, their own states, and the orders that they became. */
export class AlgoBook {
  readonly records = new Map<number, AlgoRecord>();
  readonly #byClientId = new Map<string, AlgoRecord>();

  get(algoId: number): AlgoRecord | undefined {
    return this.records.get(algoId);
  }
  /** The newest with that client id. */
  byClientId(id: string): AlgoRecord | undefined {
    return this.#byClientId.get(id);
  }

  /** A report of an order that has not become a plain one (yet). */
  take(d: Desk, r: Report, p: Placement | undefined, emit: (event: object) => void): AlgoRecord {
    let a = this.records.get(r.algo_id);
    if (!a) {
      a = {
        desk: d,
        algoId: r.algo_id,
        clientId: r.client_id,
        side: r.side === 'buy' ? 'BUY' : 'SELL',
        type: typeName(r.type),
        origType: typeName(r.type),
        tif: r.tif.toUpperCase(),
        px: r.px,
        qty: r.qty,
        stopPx: r.stop_px,
        status: 'NEW',
        reduceOnly: r.reduce_only,
        closePosition: p?.closePosition ?? false,
        working: p?.working ?? 'CONTRACT_PRICE',
        protect: p?.protect ?? false,
        stp: p?.stp ?? 'EXPIRE_MAKER',
        priceMatch: p?.priceMatch ?? 'NONE',
        goodTillDate: p?.goodTillDate ?? 0,
        timeMs: r.time_ms,
        updateMs: r.time_ms,
        activationPx: p?.activationPx ?? Number.NaN,
        callback: p?.callback ?? 0,
        orderId: 0,
        order: undefined,
        triggerMs: 0,
        refusal: '',
      };
      this.records.set(a.algoId, a);
      this.#byClientId.set(a.clientId, a);
      this.#prune();
    }
    a.updateMs = r.time_ms;
    if (r.exec === 'triggered') {
      a.triggerMs = r.time_ms;
      a.qty = r.qty;
      a.status = 'TRIGGERING';
      emit(algoUpdate(a, r.time_ms));
      if (r.order_id === 0) return a;
      a.orderId = r.order_id;
      a.status = 'TRIGGERED';
    } else {
      a.status = r.status.toUpperCase();
      if (r.exec === 'rejected') a.refusal = r.reason;
    }
    emit(algoUpdate(a, r.time_ms));
    return a;
  }
  link(algoId: number, o: OrderRecord): void {
    const a = this.records.get(algoId);
    if (a) a.order = o;
  }
  /** The order that it became moved on: once that is at its end, so is the conditional order. */
  follow(algoId: number, ms: number, emit: (event: object) => unknown): void {
    const a = this.records.get(algoId);
    if (a?.status !== 'TRIGGERED' || !a.order || isOpen(a.order)) return;
    a.status = 'FINISHED';
    a.updateMs = ms;
    emit(algoUpdate(a, ms));
  }
  #prune(): void {
    if (this.records.size <= KEEP) return;
    for (const [id, a] of this.records) {
      if (a.status === 'NEW' || a.status === 'TRIGGERED') continue;
      this.records.delete(id);
      if (this.#byClientId.get(a.clientId) === a) this.#byClientId.delete(a.clientId);
      if (this.records.size <= KEEP * 0.9) return;
    }
  }
}
