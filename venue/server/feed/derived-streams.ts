import type { Listed } from '../contract.ts';
import { Aggregator } from './aggregator.ts';
import type { Candle } from './candle.ts';
import type { CandleRing } from './candle-ring.ts';
import type { Encoder } from './encoder.ts';
import type { Hub } from './hub.ts';
import { intervalOf } from './interval.ts';
import { KlineStream } from './kline-stream.ts';
import type { Ticker } from './ticker.ts';
import type { TradeRing } from './trade-ring.ts';

const SECOND_US = 1_000_000;
const nextGrid = (us: number, every: number): number => (Math.floor(us / every) + 1) * every;

/** What the streams of one symbol are made from. */
export interface Sources {
  readonly listed: Listed;
  readonly encoder: Encoder;
  readonly aggTrades: TradeRing;
  ringOf(interval: string): CandleRing;
  ticker(nowMs: number): Ticker;
}

/** The streams of one symbol that are made from its trades: aggregates, klines and 24 h tickers, at their own pace. */
export class DerivedStreams {
  /** Market time at which something is due, µs. */
  dueUs = Number.POSITIVE_INFINITY;
  readonly #from: Sources;
  readonly #hub: Hub;
  readonly #aggregator: Aggregator;
  readonly #aggNames: readonly string[];
  readonly #klines: KlineStream[] = [];
  #mini = '';
  #full = '';
  #tickerDueUs = Number.POSITIVE_INFINITY;

  constructor(from: Sources, hub: Hub, aggNames: readonly string[]) {
    this.#from = from;
    this.#hub = hub;
    this.#aggNames = aggNames;
    this.#aggregator = new Aggregator(from.listed.market, from.aggTrades);
  }

  askKline(name: string, interval: string): void {
    const { market } = this.#from.listed;
    this.#klines.push(new KlineStream(market, name, intervalOf(interval, market)!, this.#from.ringOf(interval)));
  }
  askTicker(name: string, mini: boolean): void {
    if (mini) this.#mini = name;
    else this.#full = name;
  }
  /** Something was handed in for a stream over all symbols. */
  collected(us: number): void {
    this.#due(nextGrid(us, SECOND_US));
  }

  /** A price was made: klines and tickers follow. */
  onPrice(px: number, qty: number, taker: number, first: number, last: number, ms: number, us: number): void {
    for (let i = 0; i < this.#klines.length; i++) {
      const k = this.#klines[i]!;
      const done = k.add(px, qty, taker, first, last, ms, us);
      if (done !== undefined) this.#giveKline(k, done, true, us);
      this.#due(k.dueUs);
    }
    if (this.#tickerDueUs === Number.POSITIVE_INFINITY && this.#wantsTicker()) {
      this.#tickerDueUs = nextGrid(us, SECOND_US);
      this.#due(this.#tickerDueUs);
    }
  }
  #wantsTicker(): boolean {
    if (this.#mini !== '' || this.#full !== '') return true;
    const asked = this.#hub.asked[this.#from.listed.market];
    return asked.size > 0 && (asked.has('!miniTicker@arr') || asked.has('!ticker@arr'));
  }
  /** A single trade, to be aggregated. */
  onTrade(id: number, px: number, qty: number, taker: number, ms: number, us: number): void {
    if (this.#aggregator.add(id, px, qty, taker, ms, us)) this.#giveAggregate(us);
    this.#due(this.#aggregator.dueUs);
  }

  /** Gives out what is due at market time `us`. */
  fire(us: number): void {
    this.dueUs = Number.POSITIVE_INFINITY;
    if (this.#aggregator.dueUs <= us && this.#aggregator.close()) this.#giveAggregate(us);
    this.#due(this.#aggregator.dueUs);
    for (const k of this.#klines) {
      if (k.dueUs <= us) {
        const told = k.fire(us);
        if (told !== undefined) this.#giveKline(k, told.candle, told.closed, us);
      }
      this.#due(k.dueUs);
    }
    if (this.#tickerDueUs <= us) this.#giveTickers(us);
    this.#due(this.#tickerDueUs);
  }

  #due(us: number): void {
    if (us < this.dueUs) this.dueUs = us;
    this.#hub.due(us);
  }
  #giveAggregate(us: number): void {
    const { aggTrades, listed, encoder } = this.#from;
    const a = aggTrades.at(aggTrades.length - 1);
    this.#hub.publishAll(listed.market, this.#aggNames, encoder.aggTrade(a, Math.floor(us / 1000)));
  }
  #giveKline(k: KlineStream, c: Candle, closed: boolean, us: number): void {
    const { listed, encoder } = this.#from;
    this.#hub.publish(listed.market, k.name, encoder.kline(c, k.interval.name, closed, Math.floor(us / 1000)));
  }
  #giveTickers(us: number): void {
    this.#tickerDueUs = Number.POSITIVE_INFINITY;
    const { listed, encoder } = this.#from;
    const ms = Math.floor(us / 1000);
    const t = this.#from.ticker(ms);
    const mini = encoder.miniTicker(t, ms);
    const full = encoder.ticker(t, ms);
    if (this.#mini !== '') this.#hub.publish(listed.market, this.#mini, mini);
    if (this.#full !== '') this.#hub.publish(listed.market, this.#full, full);
    this.#hub.collect(listed.market, '!miniTicker@arr', mini);
    this.#hub.collect(listed.market, '!ticker@arr', full);
  }
}
