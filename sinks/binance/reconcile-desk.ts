import { ChimeraError } from '../../graph/schema/index.ts';
import type { Comparison } from './comparison.ts';

/** starting: never compared; comparing: reading the exchange; agreed and differed: how the last comparison ended. */
export type ReconcileState = 'starting' | 'comparing' | 'agreed' | 'differed';
/** What may follow what: a comparison is begun at any time, and ends in one of two ways. */
export const NEXT_STATE: Readonly<Record<ReconcileState, readonly ReconcileState[]>> = {
  starting: ['comparing'],
  comparing: ['agreed', 'differed', 'comparing'],
  agreed: ['comparing'],
  differed: ['comparing'],
};
export interface ReconcileReport {
  readonly state: ReconcileState;
  /** When the last whole comparison was over, ms of the wall clock. */
  readonly at_ms: number | null;
  /** Least of all instruments. */
  readonly jaccard: number | null;
  readonly differences: number;
  /** By instrument, as last compared. */
  readonly compared: readonly Comparison[];
}
/** A gateway that can be compared with its exchange. */
export interface Reconciled {
  readonly symbols: readonly string[];
  /** Begins to compare everything; how it comes out is told to `compared` of the desk. */
  reconcile(): void;
}

interface Waiting {
  readonly after: number;
  done(): void;
}

/**
 * Where comparing ours with the exchange's is begun and its outcome read: made by the program, handed to the run as
 * `access.reconciler`. Comparisons happen by themselves too: at the start, after each reconnect, and every `sweep`.
 */
export class ReconcileDesk {
  #gateway: Reconciled | undefined;
  readonly #last = new Map<string, Comparison>();
  #open = new Set<string>();
  #state: ReconcileState = 'starting';
  #atMs: number | null = null;
  #round: Comparison[] = [];
  #waiting: Waiting[] = [];

  attach(gateway: Reconciled): void {
    this.#gateway = gateway;
  }
  /** The gateway has put an instrument on hold, to compare it. */
  began(symbol: string): void {
    if (this.#open.size === 0) this.#round = [];
    this.#open.add(symbol);
    this.#to('comparing');
  }
  compared(c: Comparison, nowMs: number): void {
    this.#last.set(c.symbol, c);
    this.#round.push(c);
    this.#open.delete(c.symbol);
    if (this.#open.size > 0) return;
    this.#to(this.#round.some((x) => x.differences.length > 0) ? 'differed' : 'agreed');
    this.#atMs = nowMs;
    const [over, still] = [[] as Waiting[], [] as Waiting[]];
    const all = this.#gateway?.symbols ?? [];
    for (const w of this.#waiting)
      (all.every((s) => (this.#last.get(s)?.askedMs ?? 0) >= w.after) ? over : still).push(w);
    this.#waiting = still;
    for (const w of over) w.done();
  }
  report(): ReconcileReport {
    const compared = [...this.#last.values()];
    return {
      state: this.#state,
      at_ms: this.#atMs,
      jaccard: compared.length === 0 ? null : Math.min(...compared.map((c) => c.jaccard)),
      differences: this.#round.reduce((n, c) => n + c.differences.length, 0),
      compared,
    };
  }
  /**
   * Compares everything with the exchange now, and comes back when it has been.
   * @param nowMs of the clock that comparisons are timed by
   * @throws CHM969 when there is no gateway, or the exchange did not answer in time
   */
  async reconcile(nowMs: number, timeoutMs = 15_000): Promise<ReconcileReport> {
    const gateway = this.#gateway;
    if (!gateway || gateway.symbols.length === 0)
      throw new ChimeraError('CHM969', 'there is no exchange to compare with yet', {
        help: 'runs whose venue is a gateway have one, once they trade',
      });
    let timer: NodeJS.Timeout | undefined;
    const over = new Promise<void>((done, fail) => {
      this.#waiting.push({ after: nowMs, done });
      timer = setTimeout(() => {
        fail(
          new ChimeraError('CHM969', `the exchange was not read within ${timeoutMs / 1000} s`, {
            help: 'it is asked again by itself; look at the state of the reconciler',
          }),
        );
      }, timeoutMs);
    });
    gateway.reconcile();
    try {
      await over;
    } finally {
      clearTimeout(timer);
    }
    return this.report();
  }
  #to(state: ReconcileState): void {
    if (!NEXT_STATE[this.#state].includes(state)) throw new Error(`reconciler: ${this.#state} to ${state}`);
    this.#state = state;
  }
}
