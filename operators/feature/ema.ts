import { z } from 'zod';
import { defineNode, input, output } from '../../graph/node.ts';
import { Scalar } from '../../graph/schema/index.ts';
import { scalar } from './records.ts';

export const ema = defineNode({
  type: 'feature.ema',
  version: 1,
  tier: 'silver',
  summary: 'Exponential moving average with α = 2 / (period + 1), seeded with the first value.',
  doc: 'emaₜ = emaₜ₋₁ + α · (xₜ − emaₜ₋₁), ema₁ = x₁. The first output comes with the first value.',
  reference: 'R. G. Brown, Smoothing, Forecasting and Prediction of Discrete Time Series, 1963',
  config: z.strictObject({ period: z.int().min(1).default(20).describe('values') }),
  ports: { in: { x: input(Scalar) }, out: { value: output(scalar('of the input')) } },
  determinism: 'pure',
  warmup: () => ({ x: 1 }),
  state: () => ({ seen: false, ema: 0 }),
  step(s, tick, c, emit) {
    const x = tick.x.value;
    s.ema = s.seen ? s.ema + (2 / (c.period + 1)) * (x - s.ema) : x;
    s.seen = true;
    emit.value({ value: s.ema });
  },
  examples: [
    {
      title: 'EMA 20 of one-minute closes',
      yaml: `chimera: 1
pipeline: ema
nodes:
  market: { type: source.market, with: { symbols: [BTCUSDT] } }
  bars:   { type: silver.time_bars, in: market.trade, each: instrument, with: { width: 1m } }
  fast:   { type: feature.ema, in: bars.bar.close, with: { period: 20 } }
`,
    },
  ],
});
