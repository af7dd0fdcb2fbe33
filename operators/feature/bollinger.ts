import { z } from 'zod';
import { defineNode, input, output } from '../../graph/node.ts';
import { f64, record, Scalar } from '../../graph/schema/index.ts';
import { scalar } from './records.ts';
import { createWindow, mean, push, squares } from './window.ts';

const Bands = record('bands', 1, { lower: f64(), middle: f64(), upper: f64() });

export const bollinger = defineNode({
  type: 'feature.bollinger',
  version: 1,
  tier: 'silver',
  summary: 'Bollinger bands: moving average ± `width` population standard deviations.',
  doc: `
middle = mean of the last \`period\` values; upper and lower = middle ± width · √(Σ(x − middle)² / period).
\`percent_b\` = (x − lower) / (upper − lower), \`bandwidth\` = (upper − lower) / middle; \`percent_b\` has no value while all
values of the window are equal. The first output comes with value number \`period\`.`,
  reference: 'J. Bollinger, Bollinger on Bollinger Bands, 2001',
  config: z.strictObject({
    period: z.int().min(2).default(20).describe('values'),
    width: z.number().positive().default(2).describe('standard deviations'),
  }),
  ports: {
    in: { x: input(Scalar) },
    out: {
      bands: output(Bands),
      percent_b: output(scalar('fraction of the band')),
      bandwidth: output(scalar('fraction of the middle')),
    },
  },
  determinism: 'pure',
  warmup: (c) => ({ x: c.period }),
  state: (c) => createWindow(c.period),
  step(w, tick, c, emit) {
    const x = tick.x.value;
    if (!push(w, x)) return;
    const middle = mean(w);
    const reach = c.width * Math.sqrt(squares(w, middle) / c.period);
    const lower = middle - reach;
    const upper = middle + reach;
    emit.bands({ lower, middle, upper });
    if (upper > lower) emit.percent_b({ value: (x - lower) / (upper - lower) });
    if (middle !== 0) emit.bandwidth({ value: (upper - lower) / middle });
  },
});
