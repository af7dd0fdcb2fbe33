import type { MarketName } from './access.ts';

/** That many old update ids in a row and nothing new since a reconnect: the exchange began again. */
const RESTART_RUN = 500;

/**
 * Follows the chain of depth diffs of one instrument and knows when a book on the other side needs a snapshot, and which
 * snapshots join: Spot, U ≤ L + 1; USD-M, pu ≤ L, L being the snapshot's lastUpdateId and U, pu those of the first diff of
 * the chain. Diffs are let pass as they come; only those that were seen before are dropped.
 */
export class DepthGate {
  /** A snapshot is needed: none has joined the present chain. */
  wanted = true;
  gaps = 0;
  duplicates = 0;
  restarts = 0;
  /** How often the connection was lost: a snapshot asked for before does not show what that lost. */
  epoch = 0;
  snapshots = 0;
  tooOld = 0;
  readonly #usdm: boolean;
  #lastU = -1;
  /** The first diff of the present chain continues a book at this id: its pu, or on Spot its U − 1. NaN before it. */
  #joinsAt = Number.NaN;
  /** lastUpdateId of the last snapshot that was let pass. */
  #lastL = Number.NaN;
  #staleRun = 0;
  /** Something new came since the last reconnect. */
  #fresh = true;

  constructor(market: MarketName) {
    this.#usdm = market === 'usdm';
  }

  /** What was lost shows only at the next diff, which may be long in coming: a snapshot is wanted in any case. */
  reconnected(): void {
    this.#fresh = false;
    this.#staleRun = 0;
    this.wanted = true;
    this.epoch++;
  }
  /** Whether a diff is new. `passed` follows unless there was no room for it. */
  isNew(u: number): boolean {
    if (u > this.#lastU) {
      this.#fresh = true;
      return true;
    }
    this.duplicates++;
    if (this.#fresh || ++this.#staleRun < RESTART_RUN) return false;
    this.restarts++;
    this.#fresh = true;
    this.#lastU = -1;
    this.#lastL = Number.NaN;
    return true;
  }
  /** A diff was let pass. */
  passed(first: number, u: number, pu: number): void {
    const before = this.#usdm ? pu : first - 1;
    const follows = this.#lastU >= 0 && (this.#usdm ? pu === this.#lastU : before <= this.#lastU);
    if (!follows) {
      if (this.#lastU >= 0) this.gaps++;
      this.#joinsAt = before;
      // A snapshot that the chain before had not reached yet may be the base of this one.
      this.wanted = !(this.#lastL >= before);
    }
    this.#lastU = u;
  }

  /** Whether a snapshot with this id can be the base of a book on the present chain. */
  joins(L: number): boolean {
    const ok = Number.isNaN(this.#joinsAt) || L >= this.#joinsAt;
    if (!ok) this.tooOld++;
    return ok;
  }
  /** A snapshot was let pass. */
  based(L: number): void {
    this.snapshots++;
    this.wanted = false;
    this.#lastL = L;
  }
}
