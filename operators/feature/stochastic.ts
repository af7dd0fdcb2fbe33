import { z } from 'zod';
import { defineNode, input, output } from '../../graph/node.ts';
import { HighLowClose, scalar } from './records.ts';
import { createWindow, highest, lowest, mean, push } from './window.ts';

export const stochastic = defineNode({
  type: 'feature.stochastic',
  version: 1,
  tier: 'silver',
  summary: 'Stochastic oscillator: where the close stands in the range of the last `period` bars.',
  doc: '%K = 100 · (close − lowest low) / (highest high − lowest low), port `k`; %D = mean of the last `smooth` %K, port `d`. No output while the range is zero.',
  reference: 'G. C. Lane, Lane’s Stochastics, 1984',
  config: z.strictObject({
    period: z.int().min(1).default(14).describe('bars'),
    smooth: z.int().min(1).default(3).describe('values of %K'),
  }),
  ports: { in: { bar: input(HighLowClose) }, out: { k: output(scalar('0…100')), d: output(scalar('0…100')) } },
  determinism: 'pure',
  warmup: (c) => ({ bar: c.period }),
  state: (c) => ({ highs: createWindow(c.period), lows: createWindow(c.period), ks: createWindow(c.smooth) }),
  step(s, tick, _c, emit) {
    push(s.lows, tick.bar.low);
    if (!push(s.highs, tick.bar.high)) return;
    const low = lowest(s.lows);
    const range = highest(s.highs) - low;
    if (range === 0) return;
    const k = (100 * (tick.bar.close - low)) / range;
    emit.k({ value: k });
    if (push(s.ks, k)) emit.d({ value: mean(s.ks) });
  },
});
