import { z } from 'zod';
import { defineNode, input, output } from '../../graph/node.ts';
import { Scalar } from '../../graph/schema/index.ts';
import { scalar } from './records.ts';
import { createWindow, mean, push } from './window.ts';

export const sma = defineNode({
  type: 'feature.sma',
  version: 1,
  tier: 'silver',
  summary: 'Simple moving average: the mean of the last `period` values.',
  doc: 'Summed afresh from the oldest to the newest value, so that it never drifts. The first output comes with value number `period`.',
  config: z.strictObject({ period: z.int().min(1).default(20).describe('values') }),
  ports: { in: { x: input(Scalar) }, out: { value: output(scalar('of the input')) } },
  determinism: 'pure',
  warmup: (c) => ({ x: c.period }),
  state: (c) => createWindow(c.period),
  step(w, tick, _c, emit) {
    if (push(w, tick.x.value)) emit.value({ value: mean(w) });
  },
});
