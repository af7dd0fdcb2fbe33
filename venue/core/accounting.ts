import type { Reject } from './reject.ts';
import { spotAccounting } from './spot/accounting.ts';
import type { Command, Exchange, Market, Order } from './state.ts';
import { usdmAccounting } from './usdm-accounting.ts';

/**
 * Where matching ends and money begins.
 *
 * Matching (exchange.ts, place.ts, match.ts, fill.ts) knows orders, the recorded book and time, and is the same for both
 * kinds of account. Whatever depends on what an order costs goes through this interface; the kind of the exchange chooses
 * the implementation, so that the state (`Exchange`) stays plain data and a checkpoint carries it.
 *
 * What orders trade with (the recorded book, or a live one) is the other seam: liquidity.ts.
 *
 * The life of an order, and who is called when:
 *
 * 1. `validate` (form, filters, state) → `check` (can the account carry it?) → `accept` (it gets its id: lock what it
 *    needs, settle its quantity). A refusal of either is reported as `rejected` with the code of `REJECT[why]`.
 * 2. A conditional order waits in `m.stops`. When its price comes: `trigger` (settle its quantity; other legs of a list),
 *    `check`, and it goes on as the limit or market order that it carries.
 * 3. Each match calls `book` with a quantity that is at most `openQty`; `fill` has brought `cum`, `cumQuote` and `status`
 *    up to date before. `book` moves money, and tells the trade (`tellTrade`) and the account.
 * 4. `end` is called once when an order comes to its end in any way but by being filled (cancelled, expired, rejected
 *    after acceptance): release what it still locks. After the fill that completes it `book` does that itself.
 * 5. `amend` is asked when price and quantity of a resting order change (check and re-lock); the caller then queues it anew.
 * 6. `refresh` after every event that touched the market: derived sums, and whatever must hold (throws CHM802).
 *
 * Amounts are integers of 10^-8. All functions are deterministic; `now` is engine time in µs.
 */
export interface Accounting {
  /** Form, filters and state, without money. `waiting`: open orders that may yet open a position. */
  validate(x: Exchange, m: Market, c: Command, waiting: number): Reject | undefined;
  /**
   * Whether the account can carry the order now. Called before `accept` (on USD-M not for conditional orders) and again when
   * a conditional order is triggered (Spot: what it needs is locked since then).
   */
  check(x: Exchange, m: Market, o: Order): Reject | undefined;
  accept(x: Exchange, m: Market, o: Order): void;
  /** A conditional order's price has come. False: it has nothing to do any more and expires. */
  trigger(x: Exchange, m: Market, o: Order, now: number): boolean;
  /** How much of the order may trade now. */
  openQty(m: Market, o: Order): number;
  /** Books one trade of `qty` at `px`. */
  book(x: Exchange, m: Market, o: Order, px: number, qty: number, maker: boolean, now: number): void;
  end(x: Exchange, m: Market, o: Order): void;
  /** Whether the order could stand with this price and quantity; if so it does (fields set, locks moved). */
  amend(x: Exchange, m: Market, o: Order, px: number, qty: number): Reject | undefined;
  refresh(x: Exchange, m: Market): void;
}

export const accountingOf = (x: Exchange): Accounting => (x.kind === 'usdm' ? usdmAccounting : spotAccounting);
