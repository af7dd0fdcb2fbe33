/** What a limit order book tells its owner. Prices in ticks, quantities in lots. */
export interface BookEvents {
  /** `taker` 1 bought, −1 sold. */
  onTrade(tick: number, qty: number, taker: number): void;
  /** Quantity of a level changed. */
  onLevel(side: number, tick: number): void;
  /** An owned order was taken in part or whole; comes after `onTrade`. */
  onOwned?(id: number, tick: number, qty: number): void;
  /** An owned order fell off the edge of the window. */
  onLost?(id: number): void;
}

const NONE = -1;
/** Ticks that the book holds at once; beyond, it moves along with the price. */
const WINDOW = 8192;
const EDGE = 1024;
const REACH = WINDOW / 2 - EDGE;

/**
 * A matching engine with price-time priority: limit orders in a window of price levels, each level a first-in-first-out
 * list. Side 1 = bid, −1 = ask. Orders are slots of one pool, levels are indexed by tick, so that an operation costs a few
 * array accesses.
 */
export class LimitBook {
  readonly #events: BookEvents;
  #base: number;
  readonly #size = new Float64Array(WINDOW);
  readonly #head = new Int32Array(WINDOW).fill(NONE);
  readonly #tail = new Int32Array(WINDOW).fill(NONE);
  #bid = NONE;
  #ask = WINDOW;
  // The pool of orders.
  #tick = new Float64Array(1024);
  #qty = new Float64Array(1024);
  #side = new Int8Array(1024);
  #next = new Int32Array(1024);
  #prev = new Int32Array(1024);
  #live = new Uint8Array(1024);
  /** Orders from outside, whose owner is told what becomes of them. */
  #owned = new Uint8Array(1024);
  #generation = new Float64Array(1024);
  #free: number[] = [];
  #used = 0;

  constructor(center: number, events: BookEvents) {
    this.#base = center - WINDOW / 2;
    this.#events = events;
  }
  /** Best bid and ask in ticks; NaN when the side is empty. */
  get bestBid(): number {
    return this.#bid === NONE ? Number.NaN : this.#base + this.#bid;
  }
  get bestAsk(): number {
    return this.#ask === WINDOW ? Number.NaN : this.#base + this.#ask;
  }
  /** Quantity at a level. */
  sizeAt(side: number, tick: number): number {
    const i = tick - this.#base;
    if (i < 0 || i >= WINDOW) return 0;
    return (side > 0 ? i <= this.#bid : i >= this.#ask) ? this.#size[i]! : 0;
  }
  /** Levels of one side from the best on, until `visit` returns false. */
  walk(side: number, visit: (tick: number, qty: number) => boolean): void {
    if (side > 0) {
      for (let i = this.#bid; i >= 0; i--) if (this.#size[i]! > 0 && !visit(this.#base + i, this.#size[i]!)) return;
    } else {
      for (let i = this.#ask; i < WINDOW; i++) if (this.#size[i]! > 0 && !visit(this.#base + i, this.#size[i]!)) return;
    }
  }
  isOpen(id: number): boolean {
    const slot = slotOf(id);
    return id >= 0 && this.#live[slot] === 1 && this.#generation[slot] === generationOf(id);
  }
  tickOf(id: number): number {
    return this.#tick[slotOf(id)]!;
  }
  qtyOf(id: number): number {
    return this.#qty[slotOf(id)]!;
  }

  /** Takes what stands at `limit` or better. Returns what is left. */
  take(side: number, limit: number, qty: number): number {
    let left = qty;
    while (left > 0) {
      const i = side > 0 ? this.#ask : this.#bid;
      if (i === NONE || i === WINDOW) break;
      const tick = this.#base + i;
      if ((tick - limit) * side > 0) break;
      const slot = this.#head[i]!;
      const done = Math.min(left, this.#qty[slot]!);
      left -= done;
      this.#qty[slot]! -= done;
      this.#size[i]! -= done;
      const owned = this.#owned[slot] === 1;
      const id = slot + this.#generation[slot]! * POOL;
      if (this.#qty[slot] === 0) this.#unlink(slot, i);
      this.#events.onTrade(tick, done, side);
      this.#events.onLevel(-side, tick);
      if (owned) this.#events.onOwned?.(id, tick, done);
    }
    return left;
  }
  /** A limit order: takes what it crosses and rests with the remainder. Returns its id, or −1 when nothing rests. */
  add(side: number, tick: number, qty: number): number {
    const left = this.take(side, tick, qty);
    if (left <= 0) return NONE;
    if (tick - this.#base < EDGE || tick - this.#base >= WINDOW - EDGE) this.#recenter();
    const i = tick - this.#base;
    // Farther from the market than the window reaches: of no consequence.
    if (i < 0 || i >= WINDOW) return NONE;
    const slot = this.#free.pop() ?? this.#grow();
    this.#tick[slot] = tick;
    this.#qty[slot] = left;
    this.#side[slot] = side;
    this.#live[slot] = 1;
    this.#next[slot] = NONE;
    this.#prev[slot] = this.#tail[i]!;
    if (this.#tail[i] === NONE) this.#head[i] = slot;
    else this.#next[this.#tail[i]!] = slot;
    this.#tail[i] = slot;
    this.#size[i]! += left;
    if (side > 0) this.#bid = Math.max(this.#bid, i);
    else this.#ask = Math.min(this.#ask, i);
    this.#events.onLevel(side, tick);
    return slot + this.#generation[slot]! * POOL;
  }
  /** As `add`, for an order from outside that crosses nothing. */
  addOwned(side: number, tick: number, qty: number): number {
    const id = this.add(side, tick, qty);
    if (id >= 0) this.#owned[slotOf(id)] = 1;
    return id;
  }
  /** Whether an order at that price would rest: beyond, the book does not look. */
  reaches(tick: number): boolean {
    return Math.abs(tick - this.#middle()) < REACH;
  }
  /** The price nearest to `tick` at which an order would rest. */
  nearest(tick: number): number {
    const mid = this.#middle();
    return Math.max(mid - REACH + 1, Math.min(mid + REACH - 1, tick));
  }
  #middle(): number {
    const bid = this.#bid === NONE ? this.#ask : this.#bid;
    const ask = this.#ask === WINDOW ? this.#bid : this.#ask;
    return this.#base + Math.floor((bid + ask) / 2);
  }
  /** Quantity that stands before an open order at its price. */
  aheadOf(id: number): number {
    let sum = 0;
    for (let s = this.#prev[slotOf(id)]!; s !== NONE; s = this.#prev[s]!) sum += this.#qty[s]!;
    return sum;
  }
  /** Takes quantity off an open order; at zero it is gone. */
  reduce(id: number, qty: number): void {
    const slot = slotOf(id);
    if (qty >= this.#qty[slot]!) {
      this.cancel(id);
      return;
    }
    this.#qty[slot]! -= qty;
    const i = this.#tick[slot]! - this.#base;
    this.#size[i]! -= qty;
    this.#events.onLevel(this.#side[slot]!, this.#base + i);
  }
  /** Removes an open order; nothing happens when it is not open any more. */
  cancel(id: number): boolean {
    if (!this.isOpen(id)) return false;
    const slot = slotOf(id);
    const i = this.#tick[slot]! - this.#base;
    this.#size[i]! -= this.#qty[slot]!;
    this.#unlink(slot, i);
    this.#events.onLevel(this.#side[slot]!, this.#base + i);
    return true;
  }

  #unlink(slot: number, i: number): void {
    const [prev, next] = [this.#prev[slot]!, this.#next[slot]!];
    if (prev === NONE) this.#head[i] = next;
    else this.#next[prev] = next;
    if (next === NONE) this.#tail[i] = prev;
    else this.#prev[next] = prev;
    this.#live[slot] = 0;
    this.#owned[slot] = 0;
    this.#generation[slot]!++;
    this.#free.push(slot);
    if (this.#head[i] !== NONE) return;
    if (i === this.#bid) {
      while (this.#bid > NONE && this.#head[this.#bid] === NONE) this.#bid--;
    } else if (i === this.#ask) {
      while (this.#ask < WINDOW && this.#head[this.#ask] === NONE) this.#ask++;
    }
  }
  #grow(): number {
    const slot = this.#used++;
    if (slot < this.#qty.length) return slot;
    const larger = <A extends { set(a: A): void }>(a: A, make: new (n: number) => A): A => {
      const b = new make(slot * 2);
      b.set(a);
      return b;
    };
    this.#tick = larger(this.#tick, Float64Array);
    this.#qty = larger(this.#qty, Float64Array);
    this.#side = larger(this.#side, Int8Array);
    this.#next = larger(this.#next, Int32Array);
    this.#prev = larger(this.#prev, Int32Array);
    this.#live = larger(this.#live, Uint8Array);
    this.#owned = larger(this.#owned, Uint8Array);
    this.#generation = larger(this.#generation, Float64Array);
    return slot;
  }
  /** Moves the window so that the market is in its middle; what falls off its edges is cancelled. */
  #recenter(): void {
    const bid = this.#bid === NONE ? this.#ask : this.#bid;
    const ask = this.#ask === WINDOW ? this.#bid : this.#ask;
    const shift = Math.floor((bid + ask) / 2) - WINDOW / 2;
    if (shift === 0) return;
    const lost = (i: number): boolean => i - shift < 0 || i - shift >= WINDOW;
    for (let i = 0; i < WINDOW; i++)
      while (this.#head[i] !== NONE && lost(i)) {
        const slot = this.#head[i]!;
        const id = slot + this.#generation[slot]! * POOL;
        const owned = this.#owned[slot] === 1;
        this.cancel(id);
        if (owned) this.#events.onLost?.(id);
      }
    move(this.#size, shift, 0);
    move(this.#head, shift, NONE);
    move(this.#tail, shift, NONE);
    this.#base += shift;
    if (this.#bid !== NONE) this.#bid -= shift;
    if (this.#ask !== WINDOW) this.#ask -= shift;
  }
}
/** An order id is its slot and the generation of that slot, so that a slot used again is another order. */
const POOL = 1_048_576;
const slotOf = (id: number): number => id % POOL;
const generationOf = (id: number): number => Math.floor(id / POOL);

function move(a: Float64Array | Int32Array, shift: number, empty: number): void {
  if (shift > 0) {
    a.copyWithin(0, shift);
    a.fill(empty, a.length - shift);
  } else {
    a.copyWithin(-shift, 0);
    a.fill(empty, 0, -shift);
  }
}
