import { z } from 'zod';
import { defineNode, input, output } from '../../graph/node.ts';
import { Scalar } from '../../graph/schema/index.ts';

export const ema = defineNode({
  type: 'feature.ema',
  version: 1,
  tier: 'silver',
  summary: 'Exponential moving average with α = 2 / (period + 1), seeded with the first value.',
  reference: 'R. G. Brown, Smoothing, Forecasting and Prediction of Discrete Time Series, 1963',
  config: z.strictObject({ period: z.int().min(1).default(20).describe('values') }),
  ports: { in: { x: input(Scalar) }, out: { value: output(Scalar) } },
  determinism: 'pure',
  warmup: () => ({ x: 1 }),
  state: () => ({ n: 0, ema: 0 }),
  step(s, tick, c, emit) {
    const x = tick.x.value;
    s.ema = s.n === 0 ? x : s.ema + (2 / (c.period + 1)) * (x - s.ema);
    s.n++;
    emit.value({ value: s.ema });
  },
});
