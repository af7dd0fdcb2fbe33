import type { Candles, PlainFill } from './fills.ts';

/**
 * The EMA cross as a plain loop over arrays: 1 h bars from sixty 1m candles, EMA 10 and 30 of their closes (α = 2 / (n + 1),
 * seeded with the first close), from the 30th bar on long or short 0.1, filled at the next candle's open, fee 0.05 %.
 */
export function emaCross(c: Candles): PlainFill[] {
  const fills: PlainFill[] = [];
  let fast = 0;
  let slow = 0;
  let bars = 0;
  let position = 0;
  let order = 0;
  let whole = false;
  for (let i = 0; i < c.time.length; i++) {
    if (order !== 0) {
      const qty = Math.abs(order);
      fills.push({
        time_ms: c.time[i]!,
        side: order > 0 ? 'buy' : 'sell',
        px: c.open[i]!,
        qty,
        fee: c.open[i]! * qty * 0.0005,
      });
      position = Number((position + order).toFixed(6));
      order = 0;
    }
    const minute = (c.time[i]! / 60_000) % 60;
    // A first hour that began before the data is no bar of sixty candles.
    if (minute === 0) whole = true;
    if (!whole || minute !== 59) continue;
    const x = c.close[i]!;
    bars++;
    fast = bars === 1 ? x : (2 / 11) * x + (1 - 2 / 11) * fast;
    slow = bars === 1 ? x : (2 / 31) * x + (1 - 2 / 31) * slow;
    if (bars < 30) continue;
    const goal = fast > slow ? 0.1 : fast < slow ? -0.1 : position;
    order = Number((goal - position).toFixed(6));
  }
  return fills;
}
