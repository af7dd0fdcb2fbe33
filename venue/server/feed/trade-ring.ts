/** A trade, or an aggregate of the trades first..last. Exact amounts; `taker` 1 bought, −1 sold. */
export interface Print {
  readonly id: number;
  readonly px: number;
  readonly qty: number;
  readonly taker: number;
  readonly ms: number;
  readonly first: number;
  readonly last: number;
}

const FIRST_SIZE = 4096;

/** The last trades by increasing id, bounded. Grows up to `most`, then the oldest go. */
export class TradeRing {
  readonly #most: number;
  #size = FIRST_SIZE;
  #head = 0;
  #n = 0;
  #id = new Float64Array(FIRST_SIZE);
  #px = new Float64Array(FIRST_SIZE);
  #qty = new Float64Array(FIRST_SIZE);
  #ms = new Float64Array(FIRST_SIZE);
  #taker = new Int8Array(FIRST_SIZE);
  #first: Float64Array | null;
  #last: Float64Array | null;

  /** `ranges`: entries have their own first and last trade id. */
  constructor(most: number, ranges: boolean) {
    this.#most = most;
    this.#first = ranges ? new Float64Array(FIRST_SIZE) : null;
    this.#last = ranges ? new Float64Array(FIRST_SIZE) : null;
  }
  get length(): number {
    return this.#n;
  }
  get lastId(): number {
    return this.#n === 0 ? Number.NEGATIVE_INFINITY : this.#id[this.#slot(this.#n - 1)]!;
  }

  /** False when the id is not higher than the last one: seen already, or late. */
  push(id: number, px: number, qty: number, taker: number, ms: number, first: number, last: number): boolean {
    if (id <= this.lastId) return false;
    if (this.#n === this.#size && this.#size < this.#most) this.#grow();
    if (this.#n === this.#size) this.#head = this.#head + 1 === this.#size ? 0 : this.#head + 1;
    else this.#n++;
    const s = this.#slot(this.#n - 1);
    this.#id[s] = id;
    this.#px[s] = px;
    this.#qty[s] = qty;
    this.#ms[s] = ms;
    this.#taker[s] = taker;
    if (this.#first !== null) {
      this.#first[s] = first;
      this.#last![s] = last;
    }
    return true;
  }
  #slot(i: number): number {
    const s = this.#head + i;
    return s < this.#size ? s : s - this.#size;
  }
  #grow(): void {
    const size = Math.min(this.#most, this.#size * 2);
    const larger = (a: Float64Array): Float64Array<ArrayBuffer> => {
      const b = new Float64Array(size);
      b.set(a);
      return b;
    };
    // Grows only while nothing was overwritten: the oldest is at 0.
    this.#id = larger(this.#id);
    this.#px = larger(this.#px);
    this.#qty = larger(this.#qty);
    this.#ms = larger(this.#ms);
    const taker = new Int8Array(size);
    taker.set(this.#taker);
    this.#taker = taker;
    if (this.#first !== null) this.#first = larger(this.#first);
    if (this.#last !== null) this.#last = larger(this.#last);
    this.#size = size;
  }

  /** Oldest first. */
  at(i: number): Print {
    const s = this.#slot(i);
    const id = this.#id[s]!;
    return {
      id,
      px: this.#px[s]!,
      qty: this.#qty[s]!,
      taker: this.#taker[s]!,
      ms: this.#ms[s]!,
      first: this.#first === null ? id : this.#first[s]!,
      last: this.#last === null ? id : this.#last[s]!,
    };
  }
  /** Up to `limit` from id `from` on. */
  fromId(from: number, limit: number): Print[] {
    return this.#take(this.#search(this.#id, from), this.#n, limit);
  }
  /** Those of [from, to] (ms): the first `limit` when `from` is given, else the last `limit`. */
  between(from: number | undefined, to: number | undefined, limit: number): Print[] {
    const end = to === undefined ? this.#n : this.#search(this.#ms, to + 1);
    if (from !== undefined) return this.#take(this.#search(this.#ms, from), end, limit);
    return this.#take(Math.max(0, end - limit), end, limit);
  }
  #take(from: number, end: number, limit: number): Print[] {
    const out: Print[] = [];
    for (let i = from; i < end && out.length < limit; i++) out.push(this.at(i));
    return out;
  }
  /** Index of the first entry whose value is not below `v`; the column never decreases. */
  #search(column: Float64Array, v: number): number {
    let low = 0;
    let high = this.#n;
    while (low < high) {
      const mid = (low + high) >>> 1;
      if (column[this.#slot(mid)]! < v) low = mid + 1;
      else high = mid;
    }
    return low;
  }
}
