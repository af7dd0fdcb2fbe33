import type { PlainFill } from './fills.ts';

/** One row of top of book and trades. */
export interface TickRow {
  ts_us: number;
  is_trade: boolean;
  bid: number;
  bid_qty: number;
  ask: number;
  ask_qty: number;
  price: number;
  qty: number;
  is_buy: boolean;
}

/**
 * The imbalance strategy as a plain loop. Quantities count in thousandths, so that the queue is exact. Above 0.6, flat and
 * without an order: a post-only buy of 0.01 at the bid, cancelled after 5 s. It fills when a sell trade prints below its
 * price, or at it once more than the quantity that stood ahead has traded there. Then sold at the bid at the next quote with an
 * imbalance below zero. Fees 0.02 % maker, 0.05 % taker.
 *
 * A ratio of exactly 0.6 can come out a bit above it when it is taken of doubles that are not exact (3.405 / 5.675):
 * `thousandths` takes it of whole numbers, where such a tie stays a tie; otherwise it is taken of the file's own doubles.
 */
export class Imbalance {
  readonly fills: PlainFill[] = [];
  #order: { px: number; ahead: number; until: number } | null = null;
  #held = false;
  readonly #thousandths: boolean;

  constructor(thousandths: boolean) {
    this.#thousandths = thousandths;
  }

  row(r: TickRow): void {
    const time_ms = Math.floor(r.ts_us / 1000);
    // What is due by now happens before the input.
    if (this.#order && this.#order.until <= r.ts_us) this.#order = null;
    if (r.is_trade) {
      const o = this.#order;
      if (!o || r.is_buy || r.price > o.px) return;
      if (r.price === o.px) {
        o.ahead -= Math.round(r.qty * 1000);
        if (o.ahead >= 0) return;
      }
      this.fills.push({ time_ms, side: 'buy', px: o.px, qty: 0.01, fee: o.px * 0.01 * 0.0002 });
      this.#order = null;
      this.#held = true;
      return;
    }
    const bid = this.#thousandths ? Math.round(r.bid_qty * 1000) : r.bid_qty;
    const ask = this.#thousandths ? Math.round(r.ask_qty * 1000) : r.ask_qty;
    const imbalance = (bid - ask) / (bid + ask);
    if (this.#held) {
      if (imbalance >= 0) return;
      this.fills.push({ time_ms, side: 'sell', px: r.bid, qty: 0.01, fee: r.bid * 0.01 * 0.0005 });
      this.#held = false;
    } else if (!this.#order && imbalance > 0.6)
      this.#order = { px: r.bid, ahead: Math.round(r.bid_qty * 1000), until: r.ts_us + 5_000_000 };
  }
}
