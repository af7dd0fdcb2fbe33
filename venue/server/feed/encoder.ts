import type { Listed } from '../contract.ts';
import type { Candle } from './candle.ts';
import { bigText, DecimalText } from './decimal-text.ts';
import { placesOf } from './instrument.ts';
import type { Ticker } from './ticker.ts';
import type { Print } from './trade-ring.ts';

const MONEY = new DecimalText(8, 8);

/** Levels of a frame: `px[i]`, `qty[i]` for i in [from, to), or downwards when from > to. */
export interface LevelRange {
  readonly px: Float64Array | readonly number[];
  readonly qty: Float64Array | readonly number[];
  readonly from: number;
  readonly to: number;
}

/** The stream frames of one instrument as JSON text, in Binance's shapes for its market. Times ms, amounts exact integers. */
export class Encoder {
  readonly px: DecimalText;
  readonly qty: DecimalText;
  /** Decimals of a candle's turnover, and of a trade's or a day's. */
  readonly quotePlaces: number;
  readonly turnoverPlaces: number;
  readonly #pxDigits: number;
  readonly #spot: boolean;
  readonly #symbol: string;
  readonly #pair: number;
  readonly #zeroQty: string;

  constructor(l: Listed) {
    this.#spot = l.market === 'spot';
    this.px = new DecimalText(l.key.pxDigits, placesOf(l.tick));
    this.qty = new DecimalText(l.key.qtyDigits, placesOf(l.step));
    this.quotePlaces = this.#spot ? 8 : placesOf(l.tick) + placesOf(l.step);
    this.turnoverPlaces = this.#spot ? 8 : placesOf(l.tick);
    this.#pxDigits = l.key.pxDigits;
    this.#symbol = JSON.stringify(l.symbol);
    this.#pair = l.key.pxDigits + l.key.qtyDigits;
    this.#zeroQty = this.qty.of(0);
  }

  /** Turnover with `places` decimals. */
  quote(v: bigint, places: number = this.quotePlaces): string {
    return bigText(v, this.#pair, places);
  }
  /** Mean price of a turnover and its quantity. */
  average(quote: bigint, qty: number): string {
    const places = Math.max(this.turnoverPlaces, this.#pxDigits);
    const mean = qty > 0 ? (quote * 10n ** BigInt(places - this.#pxDigits)) / BigInt(qty) : 0n;
    return bigText(mean, places, places);
  }
  money(v: number): string {
    return MONEY.of(v);
  }

  trade(
    id: number,
    px: number,
    qty: number,
    buyerMaker: boolean,
    onMarket: boolean,
    ms: number,
    event: number,
  ): string {
    const body = `"t":${id},"p":"${this.px.of(px)}","q":"${this.qty.of(qty)}"`;
    return this.#spot
      ? `{"e":"trade","E":${event},"s":${this.#symbol},${body},"T":${ms},"m":${buyerMaker},"M":true}`
      : `{"e":"trade","E":${event},"T":${ms},"s":${this.#symbol},${body},"X":"${onMarket ? 'MARKET' : 'NA'}","m":${buyerMaker}}`;
  }
  aggTrade(a: Print, event: number): string {
    const qty = this.qty.of(a.qty);
    const head = `{"e":"aggTrade","E":${event},"s":${this.#symbol},"a":${a.id},"p":"${this.px.of(a.px)}","q":"${qty}"`;
    const range = `"f":${a.first},"l":${a.last},"T":${a.ms},"m":${a.taker < 0}`;
    return this.#spot ? `${head},${range},"M":true}` : `${head},"nq":"${qty}",${range}}`;
  }
  bookTicker(u: number, bid: number, bidQty: number, ask: number, askQty: number, ms: number, event: number): string {
    const best = `"u":${u},"s":${this.#symbol},"b":"${this.px.of(bid)}","B":"${this.qty.of(bidQty)}","a":"${this.px.of(ask)}","A":"${this.qty.of(askQty)}"`;
    return this.#spot ? `{${best}}` : `{"e":"bookTicker",${best},"T":${ms},"E":${event}}`;
  }
  depth(firstU: number, u: number, pu: number, ms: number, event: number, bids: LevelRange, asks: LevelRange): string {
    const sides = `"b":${this.levels(bids)},"a":${this.levels(asks)}}`;
    return this.#spot
      ? `{"e":"depthUpdate","E":${event},"s":${this.#symbol},"U":${firstU},"u":${u},${sides}`
      : `{"e":"depthUpdate","E":${event},"T":${ms},"s":${this.#symbol},"U":${firstU},"u":${u},"pu":${pu},${sides}`;
  }
  /** The best levels of a book: `@depth5`, `@depth10`, `@depth20`. */
  partial(
    firstU: number,
    u: number,
    pu: number,
    ms: number,
    event: number,
    bids: LevelRange,
    asks: LevelRange,
  ): string {
    if (!this.#spot) return this.depth(firstU, u, pu, ms, event, bids, asks);
    return `{"lastUpdateId":${u},"bids":${this.levels(bids)},"asks":${this.levels(asks)}}`;
  }
  levels(l: LevelRange): string {
    const step = l.from <= l.to ? 1 : -1;
    let out = '[';
    for (let i = l.from; i !== l.to; i += step) {
      const qty = l.qty[i]!;
      out += `${out.length > 1 ? ',' : ''}["${this.px.of(l.px[i]!)}","${qty === 0 ? this.#zeroQty : this.qty.of(qty)}"]`;
    }
    return `${out}]`;
  }
  /** Levels as an answer holds them. */
  pairs(l: LevelRange): [string, string][] {
    const step = l.from <= l.to ? 1 : -1;
    const out: [string, string][] = [];
    for (let i = l.from; i !== l.to; i += step) out.push([this.px.of(l.px[i]!), this.qty.of(l.qty[i]!)]);
    return out;
  }
  markPrice(mark: number, index: number, settle: number, rate: number, next: number, event: number): string {
    const r = Number.isNaN(rate) ? '' : rate.toFixed(8);
    return `{"e":"markPriceUpdate","E":${event},"s":${this.#symbol},"p":"${MONEY.of(mark)}","ap":"${MONEY.of(mark)}","P":"${MONEY.of(settle)}","i":"${MONEY.of(index)}","r":"${r}","T":${Number.isNaN(next) ? 0 : next}}`;
  }
  kline(c: Candle, interval: string, closed: boolean, event: number): string {
    const { px, qty } = this;
    return `{"e":"kline","E":${event},"s":${this.#symbol},"k":{"t":${c.start},"T":${c.end},"s":${this.#symbol},"i":"${interval}","f":${c.firstId},"L":${c.lastId},"o":"${px.of(c.open)}","c":"${px.of(c.close)}","h":"${px.of(c.high)}","l":"${px.of(c.low)}","v":"${qty.of(c.volume)}","n":${c.trades},"x":${closed},"q":"${this.quote(c.quote)}","V":"${qty.of(c.buyVolume)}","Q":"${this.quote(c.buyQuote)}","B":"0"}}`;
  }
  miniTicker(t: Ticker, event: number): string {
    return `{"e":"24hrMiniTicker","E":${event},"s":${this.#symbol},"c":"${t.lastPrice}","o":"${t.openPrice}","h":"${t.highPrice}","l":"${t.lowPrice}","v":"${t.volume}","q":"${t.quoteVolume}"}`;
  }
  ticker(t: Ticker, event: number): string {
    const best = this.#spot
      ? `"x":"${t.prevClosePrice}","c":"${t.lastPrice}","Q":"${t.lastQty}","b":"${t.bidPrice}","B":"${t.bidQty}","a":"${t.askPrice}","A":"${t.askQty}"`
      : `"c":"${t.lastPrice}","Q":"${t.lastQty}"`;
    return `{"e":"24hrTicker","E":${event},"s":${this.#symbol},"p":"${t.priceChange}","P":"${t.priceChangePercent}","w":"${t.weightedAvgPrice}",${best},"o":"${t.openPrice}","h":"${t.highPrice}","l":"${t.lowPrice}","v":"${t.volume}","q":"${t.quoteVolume}","O":${t.openTime},"C":${t.closeTime},"F":${t.firstId},"L":${t.lastId},"n":${t.count}}`;
  }
  forceOrder(buy: boolean, px: number, avg: number, qty: number, filled: number, ms: number, event: number): string {
    return `{"e":"forceOrder","E":${event},"o":{"s":${this.#symbol},"S":"${buy ? 'BUY' : 'SELL'}","o":"LIMIT","f":"IOC","q":"${this.qty.of(qty)}","p":"${this.px.of(px)}","ap":"${this.px.of(avg)}","X":"FILLED","l":"${this.qty.of(filled)}","z":"${this.qty.of(filled)}","T":${ms}}}`;
  }
}
