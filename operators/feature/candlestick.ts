import { z } from 'zod';
import { defineNode, input, output } from '../../graph/node.ts';
import { bool, f64, record } from '../../graph/schema/index.ts';
import { Ohlc } from './records.ts';

const Patterns = record('candlestick', 1, {
  doji: bool(),
  hammer: bool(),
  shooting_star: bool(),
  bullish_engulfing: bool(),
  bearish_engulfing: bool(),
  morning_star: bool(),
  evening_star: bool(),
  three_white_soldiers: bool(),
  three_black_crows: bool(),
  score: f64({ doc: 'bullish minus bearish patterns; the doji counts for neither' }),
});

interface Candle {
  open: number;
  high: number;
  low: number;
  close: number;
}
const blank = (): Candle => ({ open: 0, high: 0, low: 0, close: 0 });

export const candlestick = defineNode({
  type: 'feature.candlestick',
  version: 1,
  tier: 'silver',
  summary: 'Candlestick patterns of the last three bars.',
  doc: `
Compared in exact integers. body = |close − open|, range = high − low, shadows are what lies beyond the body. A bar without range
shows no pattern.

| pattern | rule (bar 0 is the last one) |
|---|---|
| doji | body ≤ 10 % of range |
| hammer | not a doji, lower shadow ≥ 2 · body, upper shadow ≤ body / 2, bar 1 falls |
| shooting_star | not a doji, upper shadow ≥ 2 · body, lower shadow ≤ body / 2, bar 1 rises |
| bullish_engulfing | bar 1 falls, bar 0 rises, its body covers bar 1's and is larger |
| bearish_engulfing | bar 1 rises, bar 0 falls, its body covers bar 1's and is larger |
| morning_star | bar 2 falls with a body > half its range, bar 1's body ≤ 30 % of bar 2's and at or below bar 2's close, bar 0 rises and closes above the middle of bar 2's body |
| evening_star | the mirror image |
| three_white_soldiers | three rising bars with bodies > half their ranges, each opens inside the body before and closes higher |
| three_black_crows | the mirror image |

The first output comes with the third bar.`,
  reference: 'S. Nison, Japanese Candlestick Charting Techniques, 1991',
  config: z.strictObject({}),
  ports: { in: { bar: input(Ohlc) }, out: { pattern: output(Patterns) } },
  determinism: 'pure',
  warmup: () => ({ bar: 3 }),
  state: () => ({ n: 0, bars: [blank(), blank(), blank()] }),
  step(s, tick, _c, emit) {
    const a = s.bars.pop()!;
    a.open = tick.bar.open;
    a.high = tick.bar.high;
    a.low = tick.bar.low;
    a.close = tick.bar.close;
    s.bars.unshift(a);
    if (++s.n < 3) return;
    const b = s.bars[1]!;
    const c = s.bars[2]!;
    const p = {
      doji: isDoji(a),
      hammer: !isDoji(a) && falls(b) && below(a) >= 2 * body(a) && 2 * above(a) <= body(a) && body(a) > 0,
      shooting_star: !isDoji(a) && rises(b) && above(a) >= 2 * body(a) && 2 * below(a) <= body(a) && body(a) > 0,
      bullish_engulfing: falls(b) && rises(a) && covers(a, b),
      bearish_engulfing: rises(b) && falls(a) && covers(a, b),
      morning_star: falls(c) && star(b, c) && top(b) <= c.close && rises(a) && 2 * a.close > c.open + c.close,
      evening_star: rises(c) && star(b, c) && bottom(b) >= c.close && falls(a) && 2 * a.close < c.open + c.close,
      three_white_soldiers: soldiers(c, b, a, rises, 1),
      three_black_crows: soldiers(c, b, a, falls, -1),
    };
    const bullish = +p.hammer + +p.bullish_engulfing + +p.morning_star + +p.three_white_soldiers;
    const bearish = +p.shooting_star + +p.bearish_engulfing + +p.evening_star + +p.three_black_crows;
    emit.pattern({ ...p, score: bullish - bearish });
  },
});

const rises = (b: Candle): boolean => b.close > b.open;
const falls = (b: Candle): boolean => b.close < b.open;
const top = (b: Candle): number => Math.max(b.open, b.close);
const bottom = (b: Candle): number => Math.min(b.open, b.close);
const body = (b: Candle): number => Math.abs(b.close - b.open);
const range = (b: Candle): number => b.high - b.low;
const above = (b: Candle): number => b.high - top(b);
const below = (b: Candle): number => bottom(b) - b.low;
const isDoji = (b: Candle): boolean => range(b) > 0 && 10 * body(b) <= range(b);
const isLong = (b: Candle): boolean => 2 * body(b) > range(b);
const covers = (a: Candle, b: Candle): boolean => top(a) >= top(b) && bottom(a) <= bottom(b) && body(a) > body(b);
const star = (b: Candle, c: Candle): boolean => isLong(c) && 10 * body(b) <= 3 * body(c);
function soldiers(c: Candle, b: Candle, a: Candle, goes: (b: Candle) => boolean, sign: 1 | -1): boolean {
  const follows = (now: Candle, before: Candle) =>
    now.open >= bottom(before) && now.open <= top(before) && sign * (now.close - before.close) > 0;
  return [a, b, c].every((x) => goes(x) && isLong(x)) && follows(a, b) && follows(b, c);
}
