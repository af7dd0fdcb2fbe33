import { z } from 'zod';
import { defineNode, input, output } from '../../graph/node.ts';
import { Scalar } from '../../graph/schema/index.ts';
import { scalar } from './records.ts';
import { createWindow, mean, push, squares } from './window.ts';

export const standardise = defineNode({
  type: 'feature.standardise',
  version: 1,
  tier: 'silver',
  summary: 'Rolling z-score of a feature: the standardised value beside the raw one.',
  doc: '(x − mean) / standard deviation of the last `period` values, the current one included; population standard deviation. Beyond ±`clip` it is cut. No output while all values of the window are equal. The first output comes with value number `period`.',
  config: z.strictObject({
    period: z.int().min(2).default(100).describe('values'),
    clip: z.number().positive().default(10).describe('largest absolute z-score'),
  }),
  ports: { in: { x: input(Scalar) }, out: { value: output(scalar('standard deviations')) } },
  determinism: 'pure',
  warmup: (c) => ({ x: c.period }),
  state: (c) => createWindow(c.period),
  step(w, tick, c, emit) {
    const x = tick.x.value;
    if (!push(w, x)) return;
    const m = mean(w);
    const deviation = Math.sqrt(squares(w, m) / c.period);
    if (deviation === 0) return;
    const z = (x - m) / deviation;
    emit.value({ value: Math.max(-c.clip, Math.min(c.clip, z)) });
  },
  examples: [
    {
      title: 'The z-score of a spread',
      yaml: `chimera: 1
pipeline: standardise
nodes:
  market: { type: source.market, with: { symbols: [BTCUSDT] } }
  book: { type: silver.order_book, in: { depth: market.depth, snapshot: market.depth_snapshot }, each: instrument }
  spread: { type: feature.spread_bp, in: book.best }
  z: { type: feature.standardise, in: spread.value, with: { period: 500 } }
`,
    },
  ],
});
