import { z } from 'zod';
import { defineNode, input, output } from '../../graph/node.ts';
import { Scalar } from '../../graph/schema/index.ts';
import { scalar } from './records.ts';

export const scale = defineNode({
  type: 'feature.scale',
  version: 2,
  tier: 'silver',
  summary: 'Fixed standardisation: (x − mean) / deviation × factor with constants from a configuration bundle.',
  doc: 'For features whose distribution was measured beforehand, e.g. over a training set, so that live and training use the same numbers. `feature.standardise` is the rolling form. With `factor` alone it is a multiple, e.g. the distance of a stop in ATR.',
  config: z.strictObject({
    mean: z.number().default(0).describe('taken off'),
    deviation: z.number().positive().default(1).describe('divides'),
    factor: z.number().default(1).describe('multiplies'),
  }),
  ports: { in: { x: input(Scalar) }, out: { value: output(scalar('standard deviations')) } },
  determinism: 'pure',
  warmup: () => ({ x: 1 }),
  state: () => ({}),
  migrate: () => ({}),
  step(_s, tick, c, emit) {
    emit.value({ value: ((tick.x.value - c.mean) / c.deviation) * c.factor });
  },
});
