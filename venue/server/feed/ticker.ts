import type { Candle } from './candle.ts';
import type { CandleRing } from './candle-ring.ts';
import type { Encoder } from './encoder.ts';

/** The rolling 24 hours of one instrument, as texts. */
export interface Ticker {
  readonly priceChange: string;
  readonly priceChangePercent: string;
  readonly weightedAvgPrice: string;
  readonly prevClosePrice: string;
  readonly lastPrice: string;
  readonly lastQty: string;
  readonly bidPrice: string;
  readonly bidQty: string;
  readonly askPrice: string;
  readonly askQty: string;
  readonly openPrice: string;
  readonly highPrice: string;
  readonly lowPrice: string;
  readonly volume: string;
  readonly quoteVolume: string;
  readonly openTime: number;
  readonly closeTime: number;
  readonly firstId: number;
  readonly lastId: number;
  readonly count: number;
}

export interface LastAndBest {
  readonly lastPx: number;
  readonly lastQty: number;
  readonly bidPx: number;
  readonly bidQty: number;
  readonly askPx: number;
  readonly askQty: number;
}

const DAY_MS = 86_400_000;

/**
 * The 24 hours up to `nowMs`, from one-minute candles: the window begins at a full minute. While there is less than a day
 * of data it is what there is.
 */
export function rollingTicker(ring: CandleRing, now: LastAndBest, nowMs: number, e: Encoder): Ticker {
  ring.fill(nowMs);
  let day: Candle | undefined;
  let before = 0;
  const from = ring.indexFrom(nowMs - DAY_MS);
  if (from > 0) before = ring.at(from - 1).close;
  const sum = ring.length > from ? ring.sum(from) : undefined;
  if (sum !== undefined && sum.open > 0) day = sum;
  const open = day?.open ?? 0;
  const last = now.lastPx;
  const change = last - open;
  const volume = day?.volume ?? 0;
  const quote = day?.quote ?? 0n;
  return {
    priceChange: e.px.of(change),
    priceChangePercent: open > 0 ? ((change / open) * 100).toFixed(3) : '0.000',
    weightedAvgPrice: e.average(quote, volume),
    prevClosePrice: e.px.of(before > 0 ? before : open),
    lastPrice: e.px.of(last),
    lastQty: e.qty.of(now.lastQty),
    bidPrice: e.px.of(now.bidPx),
    bidQty: e.qty.of(now.bidQty),
    askPrice: e.px.of(now.askPx),
    askQty: e.qty.of(now.askQty),
    openPrice: e.px.of(open),
    highPrice: e.px.of(day?.high ?? 0),
    lowPrice: e.px.of(day?.low ?? 0),
    volume: e.qty.of(volume),
    quoteVolume: e.quote(quote, e.turnoverPlaces),
    openTime: nowMs - DAY_MS,
    closeTime: nowMs,
    firstId: day?.firstId ?? -1,
    lastId: day?.lastId ?? -1,
    count: day?.trades ?? 0,
  };
}
