import type { MarketName } from '../contract.ts';
import type { TradeRing } from './trade-ring.ts';

/** How long an aggregate stays open: USD-M gathers 100 ms, Spot the trades of one taker order (here: of one time). */
const OPEN_MS = { usdm: 100, spot: 1 } as const;
/** Market time that may pass until an open aggregate is given out although nothing else came, µs. */
const WAIT_US = { usdm: 100_000, spot: 5_000 } as const;

/** Makes aggregate trades: consecutive trades of one price and taker side, within the market's time. */
export class Aggregator {
  /** Market time at which the open aggregate closes by itself. */
  dueUs = Number.POSITIVE_INFINITY;
  readonly #ring: TradeRing;
  readonly #openMs: number;
  readonly #waitUs: number;
  #nextId = -1;
  #px = 0;
  #qty = 0;
  #taker = 0;
  #ms = 0;
  #first = 0;
  #last = 0;

  constructor(market: MarketName, ring: TradeRing) {
    this.#ring = ring;
    this.#openMs = OPEN_MS[market];
    this.#waitUs = WAIT_US[market];
  }
  get isOpen(): boolean {
    return this.#qty > 0;
  }
  /** Takes a trade with the next id. Returns whether an aggregate was closed by it: it is the ring's last. */
  add(id: number, px: number, qty: number, taker: number, ms: number, nowUs: number): boolean {
    if (this.#qty > 0 && px === this.#px && taker === this.#taker && ms - this.#ms < this.#openMs && ms >= this.#ms) {
      this.#qty += qty;
      this.#last = id;
      return false;
    }
    const closed = this.close();
    if (this.#nextId < 0) this.#nextId = id;
    this.#px = px;
    this.#qty = qty;
    this.#taker = taker;
    this.#ms = ms;
    this.#first = id;
    this.#last = id;
    this.dueUs = nowUs + this.#waitUs;
    return closed;
  }
  close(): boolean {
    this.dueUs = Number.POSITIVE_INFINITY;
    if (this.#qty === 0) return false;
    const id = this.#nextId++;
    this.#ring.push(id, this.#px, this.#qty, this.#taker, this.#ms, this.#first, this.#last);
    this.#qty = 0;
    return true;
  }
}
