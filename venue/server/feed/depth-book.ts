import { Vec } from '../../../graph/schema/index.ts';
import type { Ladder } from '../contract.ts';

/** One side of a book in order of price, best level last: most changes are near the end. */
class Side {
  px = new Float64Array(1024);
  qty = new Float64Array(1024);
  n = 0;
  /** 1: bids (prices rise towards the end), −1: asks (they fall). */
  readonly sign: number;
  constructor(sign: number) {
    this.sign = sign;
  }

  set(px: number, qty: number): void {
    const { sign } = this;
    let low = 0;
    let high = this.n;
    // Near the best level a linear look is enough.
    if (high > 8 && (px - this.px[high - 8]!) * sign >= 0) low = high - 8;
    while (low < high) {
      const mid = (low + high) >>> 1;
      if ((this.px[mid]! - px) * sign < 0) low = mid + 1;
      else high = mid;
    }
    if (low < this.n && this.px[low] === px) {
      if (qty > 0) this.qty[low] = qty;
      else {
        this.px.copyWithin(low, low + 1, this.n);
        this.qty.copyWithin(low, low + 1, this.n);
        this.n--;
      }
      return;
    }
    if (qty === 0) return;
    if (this.n === this.px.length) this.#grow();
    this.px.copyWithin(low + 1, low, this.n);
    this.qty.copyWithin(low + 1, low, this.n);
    this.px[low] = px;
    this.qty[low] = qty;
    this.n++;
  }
  #grow(): void {
    const px = new Float64Array(this.px.length * 2);
    px.set(this.px);
    this.px = px;
    const qty = new Float64Array(this.qty.length * 2);
    qty.set(this.qty);
    this.qty = qty;
  }
}

/** A diff or snapshot as it is kept: levels as [px, qty, …], bids first. `pu` NaN on Spot. */
interface Diff {
  readonly firstU: number;
  readonly u: number;
  readonly pu: number;
  readonly bids: number;
  readonly levels: Float64Array;
}

/** Diffs kept while a snapshot is awaited, and behind a book in sync for snapshots that are a little older than it. */
const KEEP_WAITING = 4096;
const KEEP_SYNCED = 128;

/** All that the diff says is already in a snapshot with update id L. */
const isBefore = (d: Diff, L: number): boolean => (Number.isNaN(d.pu) ? d.u <= L : d.u < L);
/** A diff that is not before the snapshot continues it without a hole; ids of USD-M are shared by all symbols. */
const joins = (d: Diff, L: number): boolean => (Number.isNaN(d.pu) ? d.firstU <= L + 1 : d.pu <= L);
const follows = (d: Diff, last: number): boolean => (Number.isNaN(d.pu) ? d.firstU <= last + 1 : d.pu === last);

/**
 * A book rebuilt from snapshots and diffs by the exchange's own rules ("How to manage a local order book correctly"): it
 * is in sync or it says that it is not. Levels deeper than a snapshot reaches are unknown until a diff names them.
 */
export class DepthBook implements Ladder {
  /** Whether the content is the exchange's book at update id `u`. */
  synced = false;
  u = 0;
  /** Times of the last diff or snapshot, ms; NaN where the data have none. */
  timeMs = Number.NaN;
  eventMs = Number.NaN;
  readonly bid_px = new Vec();
  readonly bid_qty = new Vec();
  readonly ask_px = new Vec();
  readonly ask_qty = new Vec();
  readonly #bids = new Side(1);
  readonly #asks = new Side(-1);
  /** u of the last applied diff; −1 right after a snapshot. */
  #last = -1;
  #log: Diff[] = [];

  /** Returns whether the book is in sync and was changed. */
  diff(firstU: number, u: number, pu: number, levels: Float64Array, bids: number): boolean {
    const d: Diff = { firstU, u, pu, bids, levels };
    const before = this.#log.at(-1);
    if (before !== undefined && u <= before.u) return false;
    if (before !== undefined && !follows(d, before.u)) {
      this.#log = [];
      this.synced = false;
    }
    this.#log.push(d);
    if (this.#log.length > 2 * (this.synced ? KEEP_SYNCED : KEEP_WAITING))
      this.#log.splice(0, this.#log.length - (this.synced ? KEEP_SYNCED : KEEP_WAITING));
    if (!this.synced) return false;
    if (this.#last < 0) {
      if (isBefore(d, this.u)) return false;
      if (!joins(d, this.u)) {
        this.synced = false;
        return false;
      }
    }
    this.#apply(d);
    return this.#settle();
  }
  /** Returns whether the book is in sync and was changed. A snapshot that no kept diff continues is of no use. */
  snapshot(u: number, levels: Float64Array, bids: number): boolean {
    const log = this.#log;
    if (this.synced && log.length === 0 && u < this.u) return false;
    let at = 0;
    while (at < log.length && isBefore(log[at]!, u)) at++;
    if (at < log.length && !joins(log[at]!, u)) return false;
    this.#bids.n = 0;
    this.#asks.n = 0;
    this.#levels(levels, bids);
    this.u = u;
    this.#last = -1;
    this.synced = true;
    for (; at < log.length; at++) this.#apply(log[at]!);
    return this.#settle();
  }

  #apply(d: Diff): void {
    this.#levels(d.levels, d.bids);
    this.u = d.u;
    this.#last = d.u;
  }
  #levels(levels: Float64Array, bids: number): void {
    for (let i = 0; i < bids; i++) this.#bids.set(levels[2 * i]!, levels[2 * i + 1]!);
    for (let i = bids; 2 * i < levels.length; i++) this.#asks.set(levels[2 * i]!, levels[2 * i + 1]!);
  }
  /** A crossed book is a wrong one: it waits for a snapshot. */
  #settle(): boolean {
    const b = this.#bids;
    const a = this.#asks;
    if (b.n > 0 && a.n > 0 && b.px[b.n - 1]! >= a.px[a.n - 1]!) {
      this.synced = false;
      this.#log = [];
      return false;
    }
    this.bid_px.set(b.px, 0, b.n);
    this.bid_qty.set(b.qty, 0, b.n);
    this.ask_px.set(a.px, 0, a.n);
    this.ask_qty.set(a.qty, 0, a.n);
    return true;
  }
}
