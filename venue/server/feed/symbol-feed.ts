import type { Column } from '../../../graph/schema/index.ts';
import { PORT } from '../../../lake/decode/row-store.ts';
import type { Best, Listed, MarketListener, MarketView } from '../contract.ts';
import type { Candle } from './candle.ts';
import { CandleRing } from './candle-ring.ts';
import { DepthBook } from './depth-book.ts';
import { DerivedStreams } from './derived-streams.ts';
import { Encoder, type LevelRange } from './encoder.ts';
import type { Hub } from './hub.ts';
import { MarkPrices, MINUTES } from './mark-prices.ts';
import { candleOf, klineOf, levelsOf, num, rangeOf, takeSnapshot } from './row-values.ts';
import { StreamNames } from './stream-names.ts';
import type { Category } from './symbol-streams.ts';
import { rollingTicker, type Ticker } from './ticker.ts';
import { TradeRing } from './trade-ring.ts';

/** Trades kept for back-fill by id, and candles (an hour and more of seconds; minutes: see MINUTES). */
const TRADES = 262_144;
const AGGREGATES = 65_536;
const SECONDS = 4096;

/** What the data of a symbol hold: what they lack is derived. */
export interface Holds {
  readonly trades: boolean;
  readonly aggregates: boolean;
  readonly tickers: boolean;
  readonly diffs: boolean;
  /** Names of recorded streams. */
  readonly streams: ReadonlySet<string>;
}
/** The frame of a row as it was recorded. `isOne` false: it holds other symbols' events too. */
export interface RawFrame {
  readonly isOne: boolean;
  readonly stream: string;
  text(): string;
}

/** One instrument as it is played: takes its rows in order, keeps what REST and accounts ask for, gives out its frames. */
export class SymbolFeed implements MarketView {
  readonly listed: Listed;
  readonly encoder: Encoder;
  readonly book = new DepthBook();
  readonly trades = new TradeRing(TRADES, false);
  readonly aggTrades = new TradeRing(AGGREGATES, true);
  readonly minutes = new CandleRing(60_000, MINUTES);
  readonly seconds: CandleRing | null;
  readonly mark = new MarkPrices();
  lastPx = 0;
  lastQty = 0;
  /** Best bid and ask, from the ticker or the book, whichever is newer by update id. */
  readonly best: { u: number; bid_px: number; bid_qty: number; ask_px: number; ask_qty: number } & Best;
  bestMs = 0;

  readonly #holds: Holds;
  readonly #hub: Hub;
  readonly #spot: boolean;
  readonly #derived: DerivedStreams;
  readonly #names: StreamNames;
  #listener: MarketListener | undefined;

  constructor(l: Listed, holds: Holds, hub: Hub) {
    this.listed = l;
    this.#holds = holds;
    this.#hub = hub;
    this.#spot = l.market === 'spot';
    this.encoder = new Encoder(l);
    this.seconds = this.#spot ? new CandleRing(1000, SECONDS) : null;
    this.best = { u: 0, bid_px: 0, bid_qty: 0, ask_px: 0, ask_qty: 0 };
    this.#names = new StreamNames(l, holds.streams);
    this.#derived = new DerivedStreams(this, hub, this.#names.agg);
  }
  get markPx(): number {
    return this.mark.px;
  }
  get indexPx(): number {
    return this.mark.indexPx;
  }
  get fundingRate(): number {
    return this.mark.rate;
  }
  get nextFundingMs(): number {
    return this.mark.nextMs;
  }
  bestPx(side: 1 | -1): number {
    const b = this.best;
    return side > 0 ? (b.bid_qty > 0 ? b.bid_px : 0) : b.ask_qty > 0 ? b.ask_px : 0;
  }
  get holdsDiffs(): boolean {
    return this.#holds.diffs;
  }
  ticker(nowMs: number): Ticker {
    const b = this.best;
    const now = {
      lastPx: this.lastPx,
      lastQty: this.lastQty,
      bidPx: b.bid_px,
      bidQty: b.bid_qty,
      askPx: b.ask_px,
      askQty: b.ask_qty,
    };
    return rollingTicker(this.minutes, now, nowMs, this.encoder);
  }

  /** Whether a stream of that name exists here; from now on it is given out. */
  ask(name: string): Category | undefined {
    return this.#names.ask(name, this.#derived);
  }
  /** The candles from which an interval's are made. */
  ringOf(interval: string): CandleRing {
    return interval === '1s' && this.seconds !== null ? this.seconds : this.minutes;
  }

  /** Plays one row that was received at `us`. */
  play(port: number, columns: readonly Column[], row: number, us: number, raw: RawFrame | null): void {
    const l = this.listed;
    this.#listener = this.#hub.sinks.listener[l.market];
    switch (port) {
      case PORT.trade:
        this.#onTrade(columns as readonly Float64Array[], row, us, raw);
        break;
      case PORT.book_ticker:
        this.#onTicker(columns as readonly Float64Array[], row, us, raw);
        break;
      case PORT.depth:
        this.#onDiff(columns, row, us, raw);
        break;
      case PORT.depth_snapshot:
        this.#onSnapshot(columns, row, us, raw);
        break;
      case PORT.mark_price:
        if (!this.#spot) this.#onMark(columns as readonly Float64Array[], row, us, raw);
        break;
      case PORT.kline:
        this.#onKline(columns, row, us, raw);
        break;
      case PORT.candle:
        this.#history(candleOf(columns, row));
        break;
      case PORT.liquidation:
        this.#onLiquidation(columns as readonly Float64Array[], row, us, raw);
        break;
      case PORT.funding_rate:
        this.mark.settle(num(columns, 2, row), num(columns, 0, row));
        break;
    }
  }

  #onTrade(c: readonly Float64Array[], row: number, us: number, raw: RawFrame | null): void {
    const id = c[0]![row]!;
    const px = c[1]![row]!;
    const qty = c[2]![row]!;
    const taker = c[3]![row] === 0 ? 1 : -1;
    const ms = c[4]![row]!;
    const onMarket = c[6]![row] === 1;
    const agg = c[7]![row] === 1;
    const first = c[8]![row]!;
    const last = c[9]![row]!;
    // Where both are recorded, an aggregate only repeats its trades.
    const counts = onMarket && (!agg || !this.#holds.trades);
    if (counts) {
      this.#price(px, qty, taker, first, last, ms, us);
      this.#listener!.onTrade(this.listed.key, px, qty, taker, us);
    }
    const event = Number.isNaN(c[5]![row]!) ? Math.floor(us / 1000) : c[5]![row]!;
    const { market } = this.listed;
    if (agg) {
      if (onMarket) this.aggTrades.push(id, px, qty, taker, ms, first, last);
      this.#hub.publishAll(
        market,
        this.#names.agg,
        raw?.isOne ? raw.text() : this.encoder.aggTrade({ id, px, qty, taker, ms, first, last }, event),
      );
      return;
    }
    const isNew = onMarket && this.trades.push(id, px, qty, taker, ms, id, id);
    this.#hub.publishAll(
      market,
      this.#names.trade,
      raw?.isOne ? raw.text() : this.encoder.trade(id, px, qty, taker < 0, onMarket, ms, event),
    );
    if (isNew && !this.#holds.aggregates) this.#derived.onTrade(id, px, qty, taker, ms, us);
  }
  /** What a trade does to prices and candles. */
  #price(px: number, qty: number, taker: number, first: number, last: number, ms: number, us: number): void {
    this.lastPx = px;
    this.lastQty = qty;
    this.minutes.of(ms)?.add(px, qty, taker, first, last);
    this.seconds?.of(ms)?.add(px, qty, taker, first, last);
    this.#derived.onPrice(px, qty, taker, first, last, ms, us);
  }

  #onTicker(c: readonly Float64Array[], row: number, us: number, raw: RawFrame | null): void {
    const b = this.best;
    const u = c[0]![row]!;
    const time = c[5]![row]!;
    const event = c[6]![row]!;
    const nowMs = Math.floor(us / 1000);
    const ms = Number.isNaN(time) ? nowMs : time;
    if (u >= b.u) {
      b.u = u;
      b.bid_px = c[1]![row]!;
      b.bid_qty = c[2]![row]!;
      b.ask_px = c[3]![row]!;
      b.ask_qty = c[4]![row]!;
      this.bestMs = ms;
      this.#listener!.onBest(this.listed.key, b, us);
    }
    const text = raw?.isOne
      ? raw.text()
      : this.encoder.bookTicker(
          u,
          c[1]![row]!,
          c[2]![row]!,
          c[3]![row]!,
          c[4]![row]!,
          ms,
          Number.isNaN(event) ? nowMs : event,
        );
    this.#giveTicker(text);
  }
  #giveTicker(text: string): void {
    const { market } = this.listed;
    this.#hub.publishAll(market, this.#names.bookTicker, text);
    if (this.#hub.asked[market].has('!bookTicker')) this.#hub.publish(market, '!bookTicker', text);
  }

  #onDiff(columns: readonly Column[], row: number, us: number, raw: RawFrame | null): void {
    const nowMs = Math.floor(us / 1000);
    const [firstU, u, pu] = [num(columns, 0, row), num(columns, 1, row), num(columns, 2, row)];
    const [time, event] = [num(columns, 3, row), num(columns, 4, row)];
    const { levels, bids } = levelsOf(columns, 5, row);
    const changed = this.book.diff(firstU, u, this.#spot ? Number.NaN : pu, levels, bids);
    this.book.timeMs = Number.isNaN(time) ? (Number.isNaN(event) ? nowMs : event) : time;
    this.book.eventMs = Number.isNaN(event) ? nowMs : event;
    if (changed) this.#listener!.onLadder(this.listed.key, this.book, us);
    const text = raw?.isOne
      ? raw.text()
      : this.encoder.depth(
          firstU,
          u,
          pu,
          this.book.timeMs,
          this.book.eventMs,
          rangeOf(columns, 5, row),
          rangeOf(columns, 7, row),
        );
    this.#hub.publishAll(this.listed.market, this.#names.depth, text);
    if (changed) this.#afterBook(firstU, pu, us);
  }
  #onSnapshot(columns: readonly Column[], row: number, us: number, raw: RawFrame | null): void {
    const { market, symbol } = this.listed;
    const partial = raw?.isOne === true && /@depth\d/.test(raw.stream);
    // The best levels alone are no book while there are diffs that give all of it.
    if (partial) this.#hub.publish(market, raw.stream, raw.text());
    if (partial && this.#holds.diffs) return;
    if (raw !== null && !partial && raw.stream.startsWith(symbol.toLowerCase()))
      this.#hub.publish(market, raw.stream, raw.text());
    if (!takeSnapshot(this.book, columns, row, us)) return;
    this.#listener!.onLadder(this.listed.key, this.book, us);
    this.#afterBook(this.book.u, this.book.u, us);
  }
  /** What follows from a changed book: best prices, partial books, and a book ticker where none is recorded. */
  #afterBook(firstU: number, pu: number, us: number): void {
    const { book, best, encoder } = this;
    const { market } = this.listed;
    const ms = Number.isNaN(book.timeMs) ? Math.floor(us / 1000) : book.timeMs;
    if (book.u > best.u) {
      const b = book.bid_px.length - 1;
      const a = book.ask_px.length - 1;
      const bidPx = b >= 0 ? book.bid_px.at(b) : 0;
      const bidQty = b >= 0 ? book.bid_qty.at(b) : 0;
      const askPx = a >= 0 ? book.ask_px.at(a) : 0;
      const askQty = a >= 0 ? book.ask_qty.at(a) : 0;
      const moved =
        bidPx !== best.bid_px || bidQty !== best.bid_qty || askPx !== best.ask_px || askQty !== best.ask_qty;
      best.u = book.u;
      best.bid_px = bidPx;
      best.bid_qty = bidQty;
      best.ask_px = askPx;
      best.ask_qty = askQty;
      this.bestMs = ms;
      if (moved && !this.#holds.tickers && bidQty > 0 && askQty > 0)
        this.#giveTicker(encoder.bookTicker(book.u, bidPx, bidQty, askPx, askQty, ms, book.eventMs));
    }
    for (let i = 0; i < this.#names.partial.length; i++) {
      const p = this.#names.partial[i]!;
      const text = encoder.partial(
        firstU,
        book.u,
        pu,
        ms,
        book.eventMs,
        this.side(1, p.levels),
        this.side(-1, p.levels),
      );
      this.#hub.publish(market, p.name, text);
    }
  }
  /** The best levels of the book, best first. */
  side(side: 1 | -1, levels: number, book: DepthBook = this.book): LevelRange {
    const px = side > 0 ? book.bid_px : book.ask_px;
    const qty = side > 0 ? book.bid_qty : book.ask_qty;
    const n = Math.min(levels, px.length);
    return { px: px.data, qty: qty.data, from: px.end - 1, to: px.end - 1 - n };
  }

  #onMark(c: readonly Float64Array[], row: number, us: number, raw: RawFrame | null): void {
    const mark = c[0]![row]!;
    const index = c[1]![row]!;
    const settle = c[2]![row]!;
    const rate = c[3]![row]!;
    const next = c[4]![row]!;
    const event = c[5]![row]!;
    this.mark.take(mark, index, settle, rate, next, event);
    this.#listener!.onMark(this.listed.key, mark, rate, next, event, us);
    const text = raw?.isOne
      ? raw.text()
      : this.encoder.markPrice(mark, index > 0 ? index : 0, settle > 0 ? settle : 0, rate, next, event);
    this.#hub.publishAll('usdm', this.#names.mark, text);
    if (this.#hub.asked.usdm.size > 0 && !(raw !== null && !raw.isOne)) {
      this.#hub.collect('usdm', '!markPrice@arr', text);
      this.#hub.collect('usdm', '!markPrice@arr@1s', text);
      this.#derived.collected(us);
    }
  }

  #onKline(columns: readonly Column[], row: number, us: number, raw: RawFrame | null): void {
    const interval = (columns[2] as readonly string[])[row]!;
    const closed = num(columns, 14, row) === 1;
    const c = klineOf(columns, row, this.listed.key);
    const name = `${this.listed.symbol.toLowerCase()}@kline_${interval}`;
    if (raw?.isOne) this.#hub.publish(this.listed.market, name, raw.text());
    else if (!this.#holds.trades && !this.#holds.aggregates)
      this.#hub.publish(this.listed.market, name, this.encoder.kline(c, interval, closed, Math.floor(us / 1000)));
    if (interval === '1m') this.#history(c);
  }
  /** Candles stand for trades where there are none. */
  #history(c: Candle): void {
    if (this.#holds.trades || this.#holds.aggregates) return;
    this.lastPx = c.close;
    const into = this.minutes.of(c.start);
    if (into !== undefined && into.start === c.start) Object.assign(into, c);
  }

  #onLiquidation(c: readonly Float64Array[], row: number, us: number, raw: RawFrame | null): void {
    const v = (i: number): number => c[i]![row]!;
    const event = Number.isNaN(v(6)) ? Math.floor(us / 1000) : v(6);
    const text = raw?.isOne ? raw.text() : this.encoder.forceOrder(v(0) === 0, v(1), v(2), v(3), v(4), v(5), event);
    this.#hub.publishAll(this.listed.market, this.#names.force, text);
    if (this.#hub.asked.usdm.has('!forceOrder@arr')) this.#hub.publish(this.listed.market, '!forceOrder@arr', text);
  }

  /** Market time at which something derived is due, µs. */
  get dueUs(): number {
    return this.#derived.dueUs;
  }
  /** Gives out what is due at market time `us`. */
  fire(us: number): void {
    this.#derived.fire(us);
  }
}
