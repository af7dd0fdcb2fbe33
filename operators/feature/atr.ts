import { z } from 'zod';
import { defineNode, input, output } from '../../graph/node.ts';
import { HighLowClose, scalar } from './records.ts';
import { trueRange } from './true-range.ts';

export const atr = defineNode({
  type: 'feature.atr',
  version: 1,
  tier: 'silver',
  summary: 'Average true range: Wilder smoothing of the true range of closed bars.',
  doc: `
TR = max(high, previous close) − min(low, previous close), from the second bar on. ATR is the mean of the first \`period\`
true ranges, then (ATRₜ₋₁ · (period − 1) + TRₜ) / period. The first output comes with bar number period + 1.`,
  reference: 'J. W. Wilder, New Concepts in Technical Trading Systems, 1978',
  config: z.strictObject({ period: z.int().min(1).default(14).describe('bars') }),
  ports: { in: { bar: input(HighLowClose) }, out: { value: output(scalar('quote')) } },
  determinism: 'pure',
  warmup: (c) => ({ bar: c.period + 1 }),
  state: () => ({ n: 0, close: 0, atr: 0 }),
  step(s, tick, c, emit, ctx) {
    const b = tick.bar;
    const tr = trueRange(b.high, b.low, s.close) / ctx.key.pxScale;
    s.close = b.close;
    if (++s.n === 1) return;
    if (s.n <= c.period + 1) {
      s.atr += tr;
      if (s.n <= c.period) return;
      s.atr /= c.period;
    } else s.atr = (s.atr * (c.period - 1) + tr) / c.period;
    emit.value({ value: s.atr });
  },
  examples: [
    {
      title: 'ATR 14 of 15-minute bars made of candles',
      yaml: `chimera: 1
pipeline: atr
nodes:
  market: { type: source.market, with: { symbols: [BTCUSDT] } }
  bars: { type: silver.candle_bars, in: market.candle, each: instrument, with: { width: 15m } }
  atr: { type: feature.atr, in: bars.bar, with: { period: 14 } }
`,
    },
  ],
});
