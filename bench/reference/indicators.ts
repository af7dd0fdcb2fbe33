/**
 * Indicators over closes, highs and lows, each value computed afresh from its definition over the whole past: slow and plain.
 * Absent is undefined.
 */
type Series = readonly number[];

/** α = 2 / (n + 1), seeded with the first close. */
export function ema(close: Series, n: number): number[] {
  const a = 2 / (n + 1);
  const out = [close[0]!];
  for (let i = 1; i < close.length; i++) out.push(a * close[i]! + (1 - a) * out[i - 1]!);
  return out;
}
/** Wilder: the first average is the mean of the first n, then (old · (n − 1) + new) / n. */
function wilder(x: Series, n: number): (number | undefined)[] {
  const out: (number | undefined)[] = [];
  for (let i = 0; i < x.length; i++) {
    if (i < n - 1) out.push(undefined);
    else if (i === n - 1) out.push(x.slice(0, n).reduce((a, b) => a + b, 0) / n);
    else out.push((out[i - 1]! * (n - 1) + x[i]!) / n);
  }
  return out;
}
/** No output while nothing has changed at all. */
export function rsi(close: Series, n: number): (number | undefined)[] {
  const change = close.slice(1).map((x, i) => x - close[i]!);
  const up = wilder(
    change.map((c) => Math.max(c, 0)),
    n,
  );
  const down = wilder(
    change.map((c) => Math.max(-c, 0)),
    n,
  );
  return [
    undefined,
    ...up.map((u, i) => (u === undefined || u + down[i]! === 0 ? undefined : (100 * u) / (u + down[i]!))),
  ];
}
/** True ranges start with the second candle. */
export function atr(high: Series, low: Series, close: Series, n: number): (number | undefined)[] {
  const range = high
    .slice(1)
    .map((h, i) => Math.max(h - low[i + 1]!, Math.abs(h - close[i]!), Math.abs(low[i + 1]! - close[i]!)));
  return [undefined, ...wilder(range, n)];
}
/** √Σ r² over the last n log returns. */
export function realisedVolatility(close: Series, n: number): (number | undefined)[] {
  return close.map((_, i) => {
    if (i < n) return undefined;
    let sum = 0;
    for (let k = i - n + 1; k <= i; k++) sum += Math.log(close[k]! / close[k - 1]!) ** 2;
    return Math.sqrt(sum);
  });
}
/** Middle, and population standard deviation, of the last n closes. */
export function bollinger(close: Series, n: number): ({ middle: number; deviation: number } | undefined)[] {
  return close.map((_, i) => {
    if (i < n - 1) return undefined;
    const w = close.slice(i - n + 1, i + 1);
    const middle = w.reduce((a, b) => a + b, 0) / n;
    return { middle, deviation: Math.sqrt(w.reduce((a, x) => a + (x - middle) * (x - middle), 0) / n) };
  });
}
