/** Ids kept at least; a report is never so many trades late. */
const KEPT = 500;

/** As it is written down. */
export interface ToldState {
  /** Every id up to this one counts as told. */
  readonly floor: number;
  readonly ids: readonly number[];
}

/**
 * Trades that have been reported for good. Late reports overtake each other, so the highest id does not tell which: the newest ids
 * are kept, and what is older than all of them counts as told.
 */
export class ToldTrades {
  #floor = -1;
  #ids = new Set<number>();

  add(id: number): void {
    this.#ids.add(id);
    if (this.#ids.size < 2 * KEPT) return;
    const ids = [...this.#ids].sort((a, b) => a - b);
    this.#floor = ids[ids.length - KEPT - 1]!;
    this.#ids = new Set(ids.slice(-KEPT));
  }
  has(id: number): boolean {
    return id <= this.#floor || this.#ids.has(id);
  }
  get state(): ToldState {
    return { floor: this.#floor, ids: [...this.#ids] };
  }
  static of({ floor, ids }: ToldState): ToldTrades {
    const told = new ToldTrades();
    told.#floor = floor;
    told.#ids = new Set(ids);
    return told;
  }
}
