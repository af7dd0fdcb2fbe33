import { z } from 'zod';
import { type ConfigIssue, defineNode, input, output, type Wiring } from '../../graph/node.ts';
import { Scalar } from '../../graph/schema/index.ts';
import { scalar } from './records.ts';
import { createWindow, oldest, push } from './window.ts';

export const timeframeConsistency = defineNode({
  type: 'feature.timeframe_consistency',
  version: 1,
  tier: 'silver',
  summary: 'Multi-timeframe consistency: do the trends of several time frames agree?',
  doc: `
Each input is the close of one time frame's **closed** bars, under a name of your own (\`m5: bars_5m.bar.close\`). A frame's
direction is the sign of its last close minus the close \`period\` bars before. \`value\` is the mean of the directions: 1 = all up,
−1 = all down, 0 = balanced; \`agreement\` is its absolute value. It ticks with each closed bar of any frame, once every frame
has a direction. Nothing of an unfinished bar is used.`,
  config: z.strictObject({ period: z.int().min(1).default(5).describe('closed bars back, in each frame') }),
  ports: {
    in: {},
    rest: input(Scalar, { doc: 'closes of one time frame' }),
    out: { value: output(scalar('−1…1')), agreement: output(scalar('0…1')) },
  },
  determinism: 'pure',
  check: (_c: unknown, wiring: Wiring): ConfigIssue[] =>
    Object.keys(wiring.inputs).length > 0
      ? []
      : [
          {
            code: 'CHM872',
            path: [],
            message: 'no time frame is connected',
            help: 'name the closes of each frame: `in: { m1: bars_1m.bar.close, h1: bars_1h.bar.close }`',
          },
        ],
  state: () => ({ frames: [] as ReturnType<typeof createWindow>[] }),
  step(s, tick, c, emit) {
    while (s.frames.length < tick.rest.length) s.frames.push(createWindow(c.period + 1));
    let sum = 0;
    let ready = true;
    for (let i = 0; i < tick.rest.length; i++) {
      const w = s.frames[i]!;
      const view = tick.rest[i]! as unknown as { ticked: boolean; value: number };
      if (view.ticked) push(w, view.value);
      if (w.n < w.size) ready = false;
      else sum += Math.sign(w.data[(w.next + w.size - 1) % w.size]! - oldest(w));
    }
    if (!ready) return;
    const value = sum / tick.rest.length;
    emit.value({ value });
    emit.agreement({ value: Math.abs(value) });
  },
  examples: [
    {
      title: 'Three time frames',
      yaml: `chimera: 1
pipeline: frames
nodes:
  market: { type: source.market, with: { symbols: [BTCUSDT] } }
  bars: { type: silver.time_bars, in: market.trade, each: instrument, with: { width: 1m } }
  bars_5m: { type: silver.time_bars, in: market.trade, each: instrument, with: { width: 5m } }
  frames: { type: feature.timeframe_consistency, in: { m1: bars.bar.close, m5: bars_5m.bar.close } }
`,
    },
  ],
});
