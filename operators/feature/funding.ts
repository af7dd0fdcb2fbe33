import { z } from 'zod';
import { defineNode, input, output } from '../../graph/node.ts';
import { FundingRate, MarkPrice } from '../../graph/schema/index.ts';
import { scalar } from './records.ts';

export const funding = defineNode({
  type: 'feature.funding',
  version: 1,
  tier: 'silver',
  summary: 'Funding rate of the running interval, time to the next funding, and the last settled rate.',
  doc: '`rate` is the last arrived rate of the mark price stream; `time_to_funding` = next funding time − event time of the same message (both are the exchange’s clock), not below 0; `settled` is the last settled rate, a value of its own. No interval is assumed: the exchange says when.',
  config: z.strictObject({}),
  ports: {
    in: { mark: input(MarkPrice, { optional: true }), settled: input(FundingRate, { optional: true }) },
    out: {
      rate: output(scalar('fraction per interval')),
      time_to_funding: output(scalar('s')),
      settled: output(scalar('fraction per interval')),
    },
  },
  determinism: 'pure',
  warmup: () => ({ mark: 1 }),
  state: () => ({}),
  step(_s, tick, _c, emit) {
    const { mark, settled } = tick;
    if (mark.ticked) {
      if (!Number.isNaN(mark.rate)) emit.rate({ value: mark.rate });
      const left = mark.next_funding_ms - mark.event_ms;
      if (!Number.isNaN(left)) emit.time_to_funding({ value: Math.max(0, left) / 1000 });
    }
    if (settled.ticked) emit.settled({ value: settled.rate });
  },
  examples: [
    {
      title: 'Funding rate and time to funding',
      yaml: `chimera: 1
pipeline: funding
nodes:
  market: { type: source.market, with: { symbols: [BTCUSDT] } }
  funding: { type: feature.funding, in: { mark: market.mark_price, settled: market.funding_rate }, each: instrument }
`,
    },
  ],
});
