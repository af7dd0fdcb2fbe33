import type { MarketRest } from './market-rest.ts';
import { backoffMs, type Sleeper } from './sleeper.ts';

/** Settlements are dated up to some seconds around the announced time. */
const AROUND_MS = 60_000;
const ATTEMPTS = 10;
/** Where /fundingInfo does not name the symbol. */
const USUAL_INTERVAL_H = 8;

/** Settled funding rates of one instrument: the last one at the start, then each when the mark price stream shows that it is due. */
export class FundingWatch {
  readonly #symbol: string;
  readonly #rest: MarketRest;
  readonly #sleeper: Sleeper;
  readonly #emit: (rate: number, intervalH: number, timeMs: number) => boolean;
  readonly #fault: (why: string) => void;
  #nextMs = Number.NaN;
  #lastMs = Number.NEGATIVE_INFINITY;
  #intervalH = Number.NaN;

  constructor(
    symbol: string,
    rest: MarketRest,
    sleeper: Sleeper,
    emit: (rate: number, intervalH: number, timeMs: number) => boolean,
    fault: (why: string) => void,
  ) {
    this.#symbol = symbol;
    this.#rest = rest;
    this.#sleeper = sleeper;
    this.#emit = emit;
    this.#fault = fault;
  }

  /** The next settlement as a mark price says. @returns the one that is due, if it has moved on */
  due(nextMs: number): number | undefined {
    const was = this.#nextMs;
    if (!(nextMs > 0) || nextMs === was) return undefined;
    this.#nextMs = nextMs;
    return nextMs > was ? was : undefined;
  }

  /** Fetches the rate settled at `atMs`, or the last one, and asks again until it is there. Never rejects. */
  async fetch(atMs: number | undefined): Promise<void> {
    for (let attempt = 1; attempt <= ATTEMPTS && !this.#sleeper.closed; attempt++) {
      try {
        if (Number.isNaN(this.#intervalH))
          this.#intervalH = (await this.#rest.fundingIntervals()).get(this.#symbol) ?? USUAL_INTERVAL_H;
        const from = atMs === undefined ? undefined : atMs - AROUND_MS;
        const rows = await this.#rest.fundingRates(this.#symbol, from, ATTEMPTS);
        for (const row of from === undefined ? rows.slice(-1) : rows) {
          const time = Number(row['fundingTime']);
          if (time > this.#lastMs && this.#emit(Number(row['fundingRate']), this.#intervalH, time)) this.#lastMs = time;
        }
        if (from === undefined || this.#lastMs >= from) return;
      } catch (e) {
        this.#fault(e instanceof Error ? e.message : String(e));
      }
      await this.#sleeper.sleep(backoffMs(attempt, 1000, 60_000));
    }
  }
}
