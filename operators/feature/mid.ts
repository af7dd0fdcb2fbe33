import { z } from 'zod';
import { defineNode, input, output } from '../../graph/node.ts';
import { TopOfBook } from '../../graph/schema/index.ts';
import { scalar } from './records.ts';

export const mid = defineNode({
  type: 'feature.mid',
  version: 1,
  tier: 'silver',
  summary: 'Mid price: (bid + ask) / 2.',
  config: z.strictObject({}),
  ports: { in: { top: input(TopOfBook) }, out: { value: output(scalar('quote')) } },
  determinism: 'pure',
  warmup: () => ({ top: 1 }),
  state: () => ({}),
  step(_s, tick, _c, emit, ctx) {
    emit.value({ value: (tick.top.bid_px + tick.top.ask_px) / (2 * ctx.key.pxScale) });
  },
});
