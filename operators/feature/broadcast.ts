import { z } from 'zod';
import { defineNode, input, output } from '../../graph/node.ts';
import { Scalar } from '../../graph/schema/index.ts';
import { Anything } from './records.ts';

export const broadcast = defineNode({
  type: 'feature.broadcast',
  version: 1,
  tier: 'silver',
  summary: 'Gives every instrument the value of a stream that belongs to none, e.g. a factor over two markets.',
  doc: `
\`each\` is any stream of the instruments: its keys are those that get the value. The value comes out for all instruments that have
appeared whenever it ticks, and for a new one with its first event.`,
  config: z.strictObject({}),
  ports: {
    in: { each: input(Anything, { doc: 'says which instruments there are' }), value: input(Scalar, { key: 'none' }) },
    out: { value: output(Scalar) },
  },
  determinism: 'pure',
  state: () => ({ told: false }),
  step(s, tick, _c, emit) {
    if (!tick.value.seen || (s.told && !tick.value.ticked)) return;
    s.told = true;
    emit.value({ value: tick.value.value });
  },
  examples: [
    {
      title: 'The correlation of two markets among the features of both',
      yaml: `chimera: 1
pipeline: broadcast
nodes:
  market: { type: source.market, with: { symbols: [BTCUSDT, ETHUSDT] } }
  bars: { type: silver.time_bars, in: market.trade, each: instrument, with: { width: 1m } }
  corr: { type: feature.correlation, in: bars.bar, with: { a: usdm:BTCUSDT, b: usdm:ETHUSDT } }
  hedge: { type: feature.broadcast, in: { each: bars.bar, value: corr.value } }
  features: { type: feature.join, in: { trigger: bars.bar, hedge: hedge.value } }
`,
    },
  ],
});
