import { z } from 'zod';
import { defineNode, input, output } from '../../graph/node.ts';
import { Scalar } from '../../graph/schema/index.ts';
import { scalar } from './records.ts';
import { createWindow, oldest, push } from './window.ts';

export const momentum = defineNode({
  type: 'feature.momentum',
  version: 1,
  tier: 'silver',
  summary: 'Momentum: the value minus the value `period` values ago, and the same as a rate of change.',
  doc: '`value` = xₜ − xₜ₋ₙ, `roc` = 100 · (xₜ / xₜ₋ₙ − 1). The first output comes with value number period + 1.',
  config: z.strictObject({ period: z.int().min(1).default(10).describe('values back') }),
  ports: { in: { x: input(Scalar) }, out: { value: output(scalar('of the input')), roc: output(scalar('%')) } },
  determinism: 'pure',
  warmup: (c) => ({ x: c.period + 1 }),
  state: (c) => createWindow(c.period + 1),
  step(w, tick, _c, emit) {
    const x = tick.x.value;
    if (!push(w, x)) return;
    const before = oldest(w);
    emit.value({ value: x - before });
    if (before !== 0) emit.roc({ value: 100 * (x / before - 1) });
  },
});
