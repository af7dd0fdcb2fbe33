import { z } from 'zod';
import { defineNode, input, output } from '../../graph/node.ts';
import { f64, record } from '../../graph/schema/index.ts';
import { HighLow } from './records.ts';
import { createWindow, highest, lowest, push } from './window.ts';

const Channel = record('channel', 1, {
  lower: f64({ unit: 'quote' }),
  middle: f64({ unit: 'quote' }),
  upper: f64({ unit: 'quote' }),
});

export const donchian = defineNode({
  type: 'feature.donchian',
  version: 1,
  tier: 'silver',
  summary: 'Donchian channel: highest high and lowest low of the last `period` bars.',
  doc: 'The current bar counts. middle = (lower + upper) / 2. The first output comes with bar number `period`.',
  config: z.strictObject({ period: z.int().min(1).default(20).describe('bars') }),
  ports: { in: { bar: input(HighLow) }, out: { channel: output(Channel) } },
  determinism: 'pure',
  warmup: (c) => ({ bar: c.period }),
  state: (c) => ({ highs: createWindow(c.period), lows: createWindow(c.period) }),
  step(s, tick, _c, emit, ctx) {
    push(s.lows, tick.bar.low);
    if (!push(s.highs, tick.bar.high)) return;
    const lower = lowest(s.lows);
    const upper = highest(s.highs);
    const scale = ctx.key.pxScale;
    emit.channel({ lower: lower / scale, middle: (lower + upper) / (2 * scale), upper: upper / scale });
  },
});
