import type { PortBuffer } from '../../lake/decode/row-store.ts';

/** Fields of a trade row, and which of them is the id. */
const FIELDS = 10;
/** That many old ids in a row and nothing new since a reconnect: the exchange began again. */
const RESTART_RUN = 500;

export interface TradeOut {
  /** False when there is no room: the trade counts as not yet seen. */
  row(rows: PortBuffer, r: number): boolean;
  values(values: Float64Array): boolean;
}

/**
 * Lets the trades of one instrument pass in the order of their ids, each once. What comes behind a hole waits until REST has
 * filled it (`missing`), or until someone gives it up (`skip`).
 */
export class TradeGate {
  /** The last id let pass; −1 before the first. */
  last = -1;
  duplicates = 0;
  gaps = 0;
  restarts = 0;
  /** Ids given up. */
  lost = 0;
  backfilled = 0;
  readonly #out: TradeOut;
  readonly #maxWaiting: number;
  readonly #waiting = new Map<number, Float64Array>();
  #staleRun = 0;
  #staleId = -1;
  /** Something new came since the last reconnect. */
  #fresh = true;

  /** @param maxWaiting trades kept behind a hole; what comes beyond is fetched by id later */
  constructor(out: TradeOut, maxWaiting = 65_536) {
    this.#out = out;
    this.#maxWaiting = maxWaiting;
  }
  get waiting(): number {
    return this.#waiting.size;
  }
  /** The lowest id that waits behind the hole; NaN when there is no hole. */
  get behindHole(): number {
    let lowest = Number.NaN;
    for (const id of this.#waiting.keys()) if (!(id >= lowest)) lowest = id;
    return lowest;
  }

  reconnected(): void {
    this.#fresh = false;
    this.#staleRun = 0;
  }

  /** @returns true when a hole is open behind this call */
  take(rows: PortBuffer, r: number, backfill: boolean): boolean {
    const id = rows.numbers[0]![r]!;
    if (this.#waiting.size === 0 && (id === this.last + 1 || this.last < 0)) {
      if (this.#out.row(rows, r)) {
        this.last = id;
        this.#fresh = true;
        if (backfill) this.backfilled++;
        return false;
      }
      if (this.last < 0) return false;
    } else if (id <= this.last) {
      if (!backfill) this.#stale(id, rows, r);
      return this.#waiting.size > 0;
    }
    if (this.#waiting.has(id)) {
      if (!backfill) this.duplicates++;
      return true;
    }
    if (this.#waiting.size >= this.#maxWaiting) return true;
    // No hole but no room either: it waits for its turn.
    if (this.#waiting.size === 0 && id !== this.last + 1) this.gaps++;
    this.#fresh = true;
    const values = new Float64Array(FIELDS);
    for (let f = 0; f < FIELDS; f++) values[f] = rows.numbers[f]![r]!;
    if (backfill) this.backfilled++;
    this.#waiting.set(id, values);
    if (id === this.last + 1) this.release();
    return this.#waiting.size > 0;
  }

  /** Lets pass what has no hole before it any more. */
  release(): void {
    for (;;) {
      const next = this.#waiting.get(this.last + 1);
      if (next === undefined || !this.#out.values(next)) return;
      this.#waiting.delete(++this.last);
    }
  }

  /** Gives up the ids before the first that waits. @returns how many they were */
  skip(): number {
    const to = this.behindHole;
    if (Number.isNaN(to)) return 0;
    const skipped = to - this.last - 1;
    this.last = to - 1;
    this.lost += skipped;
    this.release();
    return skipped;
  }

  #stale(id: number, rows: PortBuffer, r: number): void {
    this.duplicates++;
    this.#staleRun = id === this.#staleId + 1 ? this.#staleRun + 1 : 1;
    this.#staleId = id;
    if (this.#fresh || this.#staleRun < RESTART_RUN) return;
    this.restarts++;
    this.#staleRun = 0;
    this.#waiting.clear();
    this.#fresh = true;
    if (this.#out.row(rows, r)) this.last = id;
  }
}
