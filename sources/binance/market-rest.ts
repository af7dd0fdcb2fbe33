import { type BinanceAccess, type MarketName, secretsOf } from './access.ts';
import type { BinanceClient } from './client.ts';
import { reasonOf } from './redact.ts';
import type { Sleeper } from './sleeper.ts';

type Row = Readonly<Record<string, unknown>>;
type Call = (params: Record<string, unknown>) => Promise<unknown>;

/** A request failed; the text is masked. */
export class RestError extends Error {
  override name = 'RestError';
}

/**
 * REST requests for market data, one at a time, within a budget of request weight per minute (the IP's budget is shared with
 * everything else that runs at this address).
 */
export class MarketRest {
  requests = 0;
  errors = 0;
  readonly market: MarketName;
  readonly #ex: BinanceClient;
  readonly #access: BinanceAccess;
  readonly #sleeper: Sleeper;
  readonly #weightPerMs: number;
  readonly #burst: number;
  #tokens: number;
  #at = Date.now();
  #last: Promise<unknown> = Promise.resolve();

  constructor(ex: BinanceClient, market: MarketName, access: BinanceAccess, sleeper: Sleeper, weightPerMinute: number) {
    this.#ex = ex;
    this.market = market;
    this.#access = access;
    this.#sleeper = sleeper;
    this.#weightPerMs = weightPerMinute / 60_000;
    this.#burst = weightPerMinute / 2;
    this.#tokens = this.#burst;
  }

  /** The book: `lastUpdateId`, `bids`, `asks` (texts). @param levels 100, 500 or 1000 */
  async depth(symbol: string, levels: number): Promise<Row> {
    const usdm = this.market === 'usdm';
    const weight = levels <= 100 ? 5 : levels <= 500 ? (usdm ? 10 : 25) : usdm ? 20 : 50;
    return (await this.#call(weight, this.#api('depth'), { symbol, limit: levels })) as Row;
  }

  /**
   * Trades from an id on, in the form of the stream's events: at most 1,000 (500 on USD-M).
   * Without a key the exchange gives single trades only as its latest ones.
   */
  async trades(symbol: string, fromId: number, aggregate: boolean): Promise<Row[]> {
    if (aggregate) {
      const rows = (await this.#call(20, this.#api('aggTrades'), { symbol, fromId, limit: 1000 })) as Row[];
      return rows.map((r) => ({ e: 'aggTrade', s: symbol, ...r }));
    }
    const keyed = this.#access.apiKey !== undefined;
    const limit = this.market === 'usdm' ? 500 : 1000;
    const rows = (await (keyed
      ? this.#call(20, this.#api('historicalTrades'), { symbol, fromId, limit })
      : this.#call(25, this.#api('trades'), { symbol, limit: 1000 }))) as Row[];
    return rows.map((r) => ({
      e: 'trade',
      s: symbol,
      t: Number(r['id']),
      p: r['price'],
      q: r['qty'],
      T: Number(r['time']),
      m: r['isBuyerMaker'],
    }));
  }

  /** Settled funding rates, oldest first. */
  async fundingRates(symbol: string, startMs: number | undefined, limit: number): Promise<Row[]> {
    const params = { symbol, limit, ...(startMs === undefined ? {} : { startTime: startMs }) };
    return (await this.#call(1, this.#api('fundingRate'), params)) as Row[];
  }
  /** Funding intervals that are not 8 h, by symbol, in hours. */
  async fundingIntervals(): Promise<Map<string, number>> {
    const rows = (await this.#call(1, this.#api('fundingInfo'), {})) as Row[];
    return new Map(rows.map((r) => [String(r['symbol']), Number(r['fundingIntervalHours'])]));
  }

  /** Offset of the exchange's clock to ours and the round trip it was measured with: the shortest of `samples`. */
  async clock(samples: number, nowMs: () => number): Promise<{ offsetMs: number; rttMs: number }> {
    let best = { offsetMs: 0, rttMs: Number.POSITIVE_INFINITY };
    for (let i = 0; i < samples; i++) {
      let t0 = 0;
      let t1 = 0;
      const timed: Call = async (params) => {
        t0 = nowMs();
        const answer = await this.#api('time')(params);
        t1 = nowMs();
        return answer;
      };
      const { serverTime } = (await this.#call(1, timed, {})) as { serverTime: number };
      if (t1 - t0 < best.rttMs) best = { offsetMs: Number(serverTime) - (t0 + t1) / 2, rttMs: t1 - t0 };
    }
    return best;
  }

  #api(path: string): Call {
    const name = `${this.market === 'usdm' ? 'fapiPublic' : 'public'}Get${path[0]!.toUpperCase()}${path.slice(1)}`;
    const api = this.#ex as unknown as Readonly<Record<string, Call>>;
    return (params) => api[name]!.call(this.#ex, params);
  }

  #call(weight: number, call: Call, params: Record<string, unknown>): Promise<unknown> {
    const done = this.#last.then(async () => {
      await this.#afford(weight);
      if (this.#sleeper.closed) throw new RestError('closed');
      this.requests++;
      try {
        return await call(params);
      } catch (e) {
        this.errors++;
        // Too many requests (429) or a ban (418): nothing more for a while.
        const name = e instanceof Error ? e.constructor.name : '';
        if (name === 'DDoSProtection' || name === 'RateLimitExceeded') this.#tokens = -this.#weightPerMs * 10_000;
        throw new RestError(reasonOf(e, secretsOf(this.#access)));
      }
    });
    this.#last = done.catch(() => undefined);
    return done;
  }
  async #afford(weight: number): Promise<void> {
    const now = Date.now();
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#at) * this.#weightPerMs);
    this.#at = now;
    this.#tokens -= weight;
    if (this.#tokens < 0) await this.#sleeper.sleep(-this.#tokens / this.#weightPerMs);
  }
}
