import type { LimitBook } from './limit-book.ts';
import type { Rng } from './rng.ts';

const MAKERS = 8;
const LEVELS = 12;
const BACKGROUND = 800;
/** Share of actions: takers, market makers' quotes, others' limit orders; the rest are their cancels. */
const P_TAKER = 0.12;
const P_MAKER = 0.62;
const P_LIMIT = 0.84;
/** Trades that one trade causes on average, and how fast that excitement fades (1/s). */
const BRANCHING = 0.7;
const DECAY = 3;
/** Mean time between jumps of the fair price (s), their size, and how long makers stand aside (s). */
const JUMP_EVERY = 20;
const JUMP = 8e-4;
const PULL = 0.8;

/**
 * The people of one synthetic market, in ticks and lots. All see one fair price that wanders and jumps, each with an error
 * of its own: market makers quote around it on many levels and stand aside after a jump; takers follow it, follow the
 * recent move, or have their own reasons; others leave limit orders and cancel them. Trades excite further trades
 * (a Hawkes process with exponential kernel, drawn by Ogata's thinning), so that activity comes in bursts.
 */
export class Agents {
  readonly #rng: Rng;
  readonly #book: LimitBook;
  readonly #rate: number;
  readonly #sigma: number;
  readonly #lot: number;
  readonly #spacing: number;
  readonly #quotes = new Float64Array(MAKERS * 2 * LEVELS).fill(-1);
  readonly #error = new Float64Array(MAKERS);
  readonly #orders = new Float64Array(BACKGROUND).fill(-1);
  #at = 0;
  #excitement = 0;
  #momentum = 0;
  #lastMid: number;
  #jumpAt: number;
  #pulledUntil = 0;
  /** Fair price in ticks. */
  fair: number;
  /** Seconds since the start. */
  now = 0;

  constructor(rng: Rng, book: LimitBook, fair: number, rate: number, sigma: number, lot: number) {
    this.#rng = rng;
    this.#book = book;
    this.fair = fair;
    this.#lastMid = fair;
    this.#rate = rate;
    this.#sigma = sigma;
    this.#lot = lot;
    this.#spacing = Math.max(1, Math.round(fair * 1e-5));
    this.#jumpAt = JUMP_EVERY * rng.exponential();
    for (let i = 0; i < BACKGROUND / 2; i++) this.#limit(i % 2 === 0 ? 1 : -1);
    for (let i = 0; i < MAKERS * LEVELS * 6; i++) this.#quote();
  }

  /** Seconds from now to the next action; the intensity falls meanwhile, hence the thinning. */
  wait(): number {
    const r = this.#rng;
    let dt = 0;
    let e = this.#excitement;
    for (;;) {
      const bound = 1 + e;
      const step = r.exponential() / (this.#rate * bound);
      dt += step;
      e *= Math.exp(-DECAY * step);
      if (r.uniform() * bound <= 1 + e) return dt;
    }
  }
  /** One action, `dt` seconds after the last one. */
  act(dt: number): void {
    const r = this.#rng;
    this.now += dt;
    this.#excitement *= Math.exp(-DECAY * dt);
    this.fair *= Math.exp(this.#sigma * Math.sqrt(dt * (1 + 0.5 * this.#excitement)) * r.normal());
    if (this.now >= this.#jumpAt) this.#jump();
    const u = r.uniform();
    if (u < P_TAKER) this.#take();
    else if (u < P_MAKER) this.#quote();
    else if (u < P_LIMIT) this.#limit(r.uniform() < 0.5 ? 1 : -1);
    else this.#book.cancel(this.#orders[r.below(BACKGROUND)]!);
    while (Number.isNaN(this.#book.bestBid)) this.#limit(1);
    while (Number.isNaN(this.#book.bestAsk)) this.#limit(-1);
  }

  #jump(): void {
    this.fair *= Math.exp(JUMP * this.#rng.normal());
    this.#excitement += 6;
    this.#pulledUntil = this.now + PULL * this.#rng.exponential();
    this.#jumpAt = this.now + JUMP_EVERY * this.#rng.exponential();
  }
  #take(): void {
    const r = this.#rng;
    const [bid, ask] = [this.#book.bestBid, this.#book.bestAsk];
    const mid = (bid + ask) / 2;
    this.#momentum = 0.9 * this.#momentum + (mid - this.#lastMid);
    this.#lastMid = mid;
    const edge = this.fair - mid;
    const gap = (ask - bid) / 2 + 1;
    const far = 20 * this.#spacing;
    let side: number;
    let limit: number;
    let size = 0.6;
    if (Math.abs(edge) > gap && r.uniform() < 0.6) {
      side = edge > 0 ? 1 : -1;
      limit = Math.round(this.fair);
      size *= 1 + Math.min(10, Math.abs(edge) / (2 * gap));
    } else {
      const follows = Math.abs(this.#momentum) > this.#spacing && r.uniform() < 0.5;
      side = follows ? (this.#momentum > 0 ? 1 : -1) : r.uniform() < 0.5 ? 1 : -1;
      limit = side > 0 ? ask + far : bid - far;
    }
    this.#excitement = Math.min(40, this.#excitement + (BRANCHING * DECAY) / (this.#rate * P_TAKER));
    this.#book.take(side, limit, this.#size(size, 1.3));
  }
  /** One quote of one market maker is placed anew, or withdrawn while it stands aside. */
  #quote(): void {
    const r = this.#rng;
    const k = r.below(MAKERS);
    const side = r.uniform() < 0.5 ? 1 : -1;
    const u = r.uniform();
    const j = Math.floor(LEVELS * u * u);
    const slot = (k * 2 + (side > 0 ? 0 : 1)) * LEVELS + j;
    const id = this.#quotes[slot]!;
    if (this.now < this.#pulledUntil && r.uniform() < 0.8) {
      this.#book.cancel(id);
      return;
    }
    this.#error[k] = 0.9 * this.#error[k]! + 0.15 * this.#spacing * r.normal();
    this.#withdrawStale(k, this.fair + this.#error[k]!);
    const offset = 0.5 + 0.3 * k + this.#spacing * (j + 0.35 * j * j);
    const own = this.fair + this.#error[k]! - side * offset;
    let tick = side > 0 ? Math.floor(own) : Math.ceil(own);
    const against = side > 0 ? this.#book.bestAsk : this.#book.bestBid;
    if ((tick - against) * side >= 0) tick = against - side;
    if (this.#book.isOpen(id)) {
      // Staying keeps the place in the queue.
      if (this.#book.tickOf(id) === tick) return;
      this.#book.cancel(id);
    }
    this.#quotes[slot] = this.#book.add(side, tick, this.#size(6, 0.8));
  }
  /** A market maker takes back at once what stands on the wrong side of its own fair price. */
  #withdrawStale(k: number, fair: number): void {
    for (let s = 0; s < 2; s++)
      for (let j = 0; j < LEVELS; j++) {
        const id = this.#quotes[(k * 2 + s) * LEVELS + j]!;
        if (!this.#book.isOpen(id)) continue;
        if ((this.#book.tickOf(id) - fair) * (s === 0 ? 1 : -1) < 0) break;
        this.#book.cancel(id);
      }
  }
  /** A limit order of somebody else, never crossing; the oldest of them goes. */
  #limit(side: number): void {
    const r = this.#rng;
    const best = side > 0 ? this.#book.bestBid : this.#book.bestAsk;
    const against = side > 0 ? this.#book.bestAsk : this.#book.bestBid;
    const from = Number.isNaN(best) ? Math.round(this.fair) - side : best;
    const inside = r.uniform() < 0.08 ? side : 0;
    let tick = from + inside - side * Math.floor(40 * this.#spacing * r.exponential() * r.uniform());
    if ((tick - against) * side >= 0) tick = against - side;
    // After a jump wider than the book's window an empty side would never fill: what is out of reach is not kept.
    if (Number.isNaN(best)) tick = this.#book.nearest(tick);
    const slot = this.#at++ % BACKGROUND;
    this.#book.cancel(this.#orders[slot]!);
    this.#orders[slot] = this.#book.add(side, tick, this.#size(1, 1));
  }
  #size(scale: number, spread: number): number {
    return Math.max(1, Math.round(this.#lot * scale * this.#rng.lognormal(spread)));
  }
}
