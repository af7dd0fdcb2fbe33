const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Fixed widths in ms; weeks begin on Monday, months follow the calendar (UTC). */
const WIDTH: Readonly<Record<string, number>> = {
  '1s': 1000,
  '1m': MINUTE,
  '3m': 3 * MINUTE,
  '5m': 5 * MINUTE,
  '15m': 15 * MINUTE,
  '30m': 30 * MINUTE,
  '1h': HOUR,
  '2h': 2 * HOUR,
  '4h': 4 * HOUR,
  '6h': 6 * HOUR,
  '8h': 8 * HOUR,
  '12h': 12 * HOUR,
  '1d': DAY,
  '3d': 3 * DAY,
  '1w': 7 * DAY,
};
/** 1970-01-01 was a Thursday: three days after a Monday. */
const MONDAY = 3 * DAY;

/** A kline interval of Binance. */
export interface Interval {
  readonly name: string;
  /** Start of the candle that holds `ms`. */
  start(ms: number): number;
  /** The last ms of the candle that begins at `start`. */
  end(start: number): number;
}

function fixed(name: string, width: number): Interval {
  const shift = name === '1w' ? MONDAY : 0;
  return {
    name,
    start: (ms) => Math.floor((ms + shift) / width) * width - shift,
    end: (start) => start + width - 1,
  };
}
const MONTH: Interval = {
  name: '1M',
  start(ms) {
    const d = new Date(ms);
    return Date.UTC(d.getUTCFullYear(), d.getUTCMonth(), 1);
  },
  end(start) {
    const d = new Date(start);
    return Date.UTC(d.getUTCFullYear(), d.getUTCMonth() + 1, 1) - 1;
  },
};

const ALL = new Map<string, Interval>(Object.entries(WIDTH).map(([name, width]) => [name, fixed(name, width)]));
ALL.set('1M', MONTH);

/** Undefined when there is no such interval; seconds exist on Spot only. */
export function intervalOf(name: string, market: 'usdm' | 'spot'): Interval | undefined {
  return market === 'usdm' && name === '1s' ? undefined : ALL.get(name);
}
