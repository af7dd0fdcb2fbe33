import type { Candles, PlainFill } from './fills.ts';

/**
 * The bracket strategy as a plain loop: 15 m bars; EMA 20 and 50, RSI 14 and ATR 14 by Wilder, the middle of 20 closes. Flat and
 * EMA20 > EMA50 and RSI < 70 and close > middle: buy 0.1 at the next 1m open; from that candle on stop at min(open, stop)
 * before target at max(open, target), 2 and 3 ATR from the entry, not rounded. Fee 0.05 %.
 */
export function bracket(c: Candles): PlainFill[] {
  const fills: PlainFill[] = [];
  const closes: number[] = [];
  const up = wilder(14);
  const down = wilder(14);
  const range = wilder(14);
  let [ema20, ema50] = [0, 0];
  let bar = { high: Number.NEGATIVE_INFINITY, low: Number.POSITIVE_INFINITY };
  let entering = false;
  let stop = 0;
  let target = 0;
  let atr = 0;
  let whole = false;
  const fill = (i: number, side: 'buy' | 'sell', px: number) =>
    fills.push({ time_ms: c.time[i]!, side, px, qty: 0.1, fee: px * 0.1 * 0.0005 });
  for (let i = 0; i < c.time.length; i++) {
    if (entering) {
      const entry = c.open[i]!;
      fill(i, 'buy', entry);
      stop = entry - 2 * atr;
      target = entry + 3 * atr;
      entering = false;
    }
    if (stop !== 0) {
      const px =
        c.low[i]! <= stop
          ? Math.min(c.open[i]!, stop)
          : c.high[i]! >= target
            ? Math.max(c.open[i]!, target)
            : Number.NaN;
      if (!Number.isNaN(px)) {
        fill(i, 'sell', px);
        stop = 0;
      }
    }
    const minute = (c.time[i]! / 60_000) % 15;
    // A first bar that began before the data is none.
    if (minute === 0) whole = true;
    if (!whole) continue;
    bar.high = Math.max(bar.high, c.high[i]!);
    bar.low = Math.min(bar.low, c.low[i]!);
    if (minute !== 14) continue;
    const close = c.close[i]!;
    const previous = closes.at(-1);
    closes.push(close);
    if (previous === undefined) [ema20, ema50] = [close, close];
    else {
      ema20 += (2 / 21) * (close - ema20);
      ema50 += (2 / 51) * (close - ema50);
      up.add(Math.max(close - previous, 0));
      down.add(Math.max(previous - close, 0));
      range.add(Math.max(bar.high, previous) - Math.min(bar.low, previous));
    }
    bar = { high: Number.NEGATIVE_INFINITY, low: Number.POSITIVE_INFINITY };
    if (closes.length < 20 || stop !== 0) continue;
    const middle = closes.slice(-20).reduce((a, b) => a + b, 0) / 20;
    const rsi = 100 - 100 / (1 + up.value / down.value);
    if (ema20 > ema50 && rsi < 70 && close > middle) {
      entering = true;
      atr = range.value;
    }
  }
  return fills;
}

/** Wilder's average: the mean of the first n, then (old · (n − 1) + new) / n. */
function wilder(n: number): { value: number; add(x: number): void } {
  let seen = 0;
  let sum = 0;
  return {
    value: Number.NaN,
    add(x) {
      seen++;
      if (seen <= n) {
        sum += x;
        if (seen === n) this.value = sum / n;
      } else this.value = (this.value * (n - 1) + x) / n;
    },
  };
}
