import type { Comparison } from './comparison.ts';
import type { Intent, LedgerOrder, Report, TradeOf } from './order-state.ts';
import type { SymbolOrders } from './symbol-orders.ts';

/** What the ledger wants done. Times are ms of the clock that the caller passes in. */
export type Request =
  | { readonly kind: 'place' | 'cancel' | 'query'; readonly order: LedgerOrder; readonly atMs: number }
  | { readonly kind: 'cancel_all'; readonly symbol: string; readonly conditional: boolean; readonly atMs: number }
  | { readonly kind: 'reconcile'; readonly symbol: string; readonly atMs: number };

export interface LedgerOptions {
  /** After this long the exchange can no longer accept a request (its recvWindow, clock error and queues included). */
  readonly acceptMs: number;
  /** How long the stream may be behind what REST has said. */
  readonly settleMs: number;
  /** Oldest decision that may still open risk, and that may still close it. */
  readonly riskAgeMs: number;
  readonly closeAgeMs: number;
  /** Sends of one order, each but the last proven not to have been accepted. */
  readonly attempts: number;
  /** Conditional orders are a service of their own, with ids of their own (USD-M). Default true. */
  readonly algo?: boolean;
}
export interface Effects {
  request(r: Request): void;
  /** @param trade of the report of a trade */
  report(key: number, values: Report, trade?: TradeOf): void;
  /**
   * What the command placed will not be sent (again), and is about to be reported so. It must be on disk when this returns: a run that
   * starts anew would find neither the order at the exchange nor a reason not to send it.
   */
  refused(intent: Intent, code: number, reason: string): void;
  /** Everything about the order that this command placed has been reported. */
  ended(intent: Intent): void;
  /** Trades up to this id were done before; it must be on disk when this returns, before the first order is sent. */
  began(s: SymbolOrders): void;
  /** The instrument is put on hold to be compared with the exchange, and has been. */
  held?(s: SymbolOrders): void;
  compared?(c: Comparison, nowMs: number): void;
}
