import { z } from 'zod';
import { defineNode, input, output } from '../../graph/node.ts';
import { PriceVolume, scalar } from './records.ts';
import { createWindow, first, push } from './window.ts';

export const vwap = defineNode({
  type: 'feature.vwap',
  version: 1,
  tier: 'silver',
  summary: 'Rolling volume-weighted average price of bars, and the distance of the close from it.',
  doc: '`value` = Σ(typical price · volume) / Σ volume over the last `period` bars, typical price = (high + low + close) / 3. `distance_bp` = 10,000 · (close − value) / value. No output while nothing traded. The first output comes with bar number `period`.',
  config: z.strictObject({ period: z.int().min(1).default(20).describe('bars') }),
  ports: {
    in: { bar: input(PriceVolume) },
    out: { value: output(scalar('quote')), distance_bp: output(scalar('bp')) },
  },
  determinism: 'pure',
  warmup: (c) => ({ bar: c.period }),
  state: (c) => ({ prices: createWindow(c.period), volumes: createWindow(c.period) }),
  step(s, tick, _c, emit, ctx) {
    const { high, low, close, volume } = tick.bar;
    push(s.volumes, volume);
    if (!push(s.prices, (high + low + close) / (3 * ctx.key.pxScale))) return;
    const at = first(s.prices);
    let amount = 0;
    let total = 0;
    for (let i = at; i < at + s.prices.n; i++) {
      amount += s.prices.data[i]! * s.volumes.data[i]!;
      total += s.volumes.data[i]!;
    }
    if (total === 0) return;
    const value = amount / total;
    emit.value({ value });
    emit.distance_bp({ value: (10_000 * (close / ctx.key.pxScale - value)) / value });
  },
});
