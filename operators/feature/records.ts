import { f64, ms, px, qty, record } from '../../graph/schema/index.ts';

/** One number with its unit: compatible with every port that takes a Scalar. */
export const scalar = (unit: string, doc?: string) =>
  record('scalar', 1, { value: f64({ unit, ...(doc ? { doc } : {}) }) });

/** What bar features read: any bar, candle or kline that has these fields will do. */
export const HighLow = record('high_low', 1, { high: px(), low: px() });
export const HighLowClose = record('high_low_close', 1, { high: px(), low: px(), close: px() });
export const Ohlc = record('ohlc', 1, { open: px(), high: px(), low: px(), close: px() });
export const PriceVolume = record('price_volume', 1, { high: px(), low: px(), close: px(), volume: qty() });
export const Volume = record('volume', 1, { volume: qty() });
export const TimedClose = record('timed_close', 1, { start: ms(), close: px() });
/** Anything at all: only that it ticked counts. */
export const Anything = record('anything', 1, {});
