import { backoffMs, type Sleeper } from './sleeper.ts';
import type { TradeGate } from './trade-gate.ts';

/** A page of trades that is (as good as) full: there may be more. */
const FULL_PAGE = 500;
const ATTEMPTS = 5;

type Row = Readonly<Record<string, unknown>>;
export interface BackfillOptions {
  /** Longest time without any progress. */
  readonly waitMs: number;
  /** A longer hole is given up at once. */
  readonly maxTrades: number;
  /** A page of trades from an id on, ascending; rejects with a masked error. */
  fetch(fromId: number): Promise<readonly Row[]>;
  idOf(row: Row): number;
  /** Hands a trade to the gate, marked as fetched. */
  feed(row: Row): void;
  gaveUp(lost: number, why: string): void;
}

/** Fills the holes before a gate from REST, page by page, until nothing waits any more. Never rejects. */
export async function fillHoles(gate: TradeGate, o: BackfillOptions, sleeper: Sleeper): Promise<void> {
  let progressMs = Date.now();
  let attempt = 0;
  const giveUp = (why: string): void => {
    o.gaveUp(gate.skip(), why);
    progressMs = Date.now();
    attempt = 0;
  };
  while (!sleeper.closed) {
    gate.release();
    const behind = gate.behindHole;
    if (Number.isNaN(behind)) return;
    const from = gate.last + 1;
    if (behind === from) {
      // No hole: the ring is full.
      await sleeper.sleep(20);
      continue;
    }
    if (behind - from > o.maxTrades) {
      giveUp(`the hole is longer than ${o.maxTrades}`);
      continue;
    }
    let top = -1;
    let error = '';
    try {
      for (const row of await o.fetch(from)) {
        const id = o.idOf(row);
        if (id > top) top = id;
        // What lies behind the hole is here already or comes by the stream.
        if (id >= from && id < behind) o.feed(row);
      }
    } catch (e) {
      error = e instanceof Error ? e.message : String(e);
    }
    const next = gate.behindHole;
    if (gate.last >= from || next === from) {
      progressMs = Date.now();
      attempt = 0;
    } else if (top >= behind || next < behind) giveUp('REST has what comes after them, but not these ids');
    else if (Date.now() - progressMs >= o.waitMs) giveUp(error === '' ? 'REST does not have them yet' : error);
    else await sleeper.sleep(backoffMs(++attempt, 50, 1000));
  }
}

/**
 * Asks for the trades behind the last one: what a disconnect lost is asked for at once, as the next trade, which would show
 * the hole, may be long in coming. Never rejects.
 */
export async function catchUp(gate: TradeGate, o: BackfillOptions, sleeper: Sleeper): Promise<void> {
  let attempt = 0;
  let fed = gate.last < 0 ? 0 : FULL_PAGE;
  while (fed >= FULL_PAGE && !sleeper.closed) {
    try {
      const rows = await o.fetch(gate.last + 1);
      fed = 0;
      for (const row of rows) {
        if (o.idOf(row) <= gate.last) continue;
        o.feed(row);
        fed++;
      }
    } catch {
      // The next trade will show the hole, if there is one.
      if (++attempt === ATTEMPTS) return;
      await sleeper.sleep(backoffMs(attempt, 50, 1000));
    }
  }
}
