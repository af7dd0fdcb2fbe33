import { z } from 'zod';
import { defineNode, input, output } from '../../graph/node.ts';
import { Scalar } from '../../graph/schema/index.ts';
import { scalar } from './records.ts';
import { createWindow, push, squares } from './window.ts';

export const realisedVolatility = defineNode({
  type: 'feature.realised_volatility',
  version: 1,
  tier: 'silver',
  summary: 'Realised volatility: √Σr² over the last `period` log returns.',
  doc: 'r = ln(xₜ / xₜ₋₁), no mean taken off. The value belongs to the whole window, not to one bar. The first output comes with value number period + 1. Prices must be positive.',
  reference:
    'T. G. Andersen, T. Bollerslev, F. X. Diebold, P. Labys, Modeling and Forecasting Realized Volatility, 2003',
  config: z.strictObject({ period: z.int().min(1).default(60).describe('returns') }),
  ports: { in: { x: input(Scalar) }, out: { value: output(scalar('fraction over the window')) } },
  determinism: 'pure',
  warmup: (c) => ({ x: c.period + 1 }),
  state: (c) => ({ seen: false, last: 0, returns: createWindow(c.period) }),
  step(s, tick, _c, emit) {
    const x = tick.x.value;
    const full = s.seen && push(s.returns, Math.log(x / s.last));
    s.seen = true;
    s.last = x;
    if (full) emit.value({ value: Math.sqrt(squares(s.returns, 0)) });
  },
});
