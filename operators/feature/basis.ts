import { z } from 'zod';
import { defineNode, input, output } from '../../graph/node.ts';
import { MarkPrice } from '../../graph/schema/index.ts';
import { scalar } from './records.ts';

export const basis = defineNode({
  type: 'feature.basis',
  version: 1,
  tier: 'silver',
  summary: 'Basis: mark price against index price, in basis points of the index.',
  doc: '10,000 · (mark − index) / index, at each mark price message that carries an index price.',
  config: z.strictObject({}),
  ports: { in: { mark: input(MarkPrice) }, out: { value: output(scalar('bp')) } },
  determinism: 'pure',
  warmup: () => ({ mark: 1 }),
  state: () => ({}),
  step(_s, tick, _c, emit) {
    const { mark_px, index_px } = tick.mark;
    if (index_px > 0) emit.value({ value: (10_000 * (mark_px - index_px)) / index_px });
  },
});
