import { z } from 'zod';
import { duration } from '../../graph/document/duration.ts';
import { defineNode, input, output } from '../../graph/node.ts';
import { Trade } from '../../graph/schema/index.ts';
import { scalar } from './records.ts';
import { addTrade, createTradeWindow } from './trade-window.ts';

export const makerTakerRatio = defineNode({
  type: 'feature.maker_taker_ratio',
  version: 1,
  tier: 'silver',
  summary: "The market's maker/taker ratio of buyers: quantity bought passively over quantity bought aggressively.",
  doc: "From the aggressor flag of the prints younger than `window` in engine time: quantity whose buyer was the maker / quantity whose buyer was the taker; computed at each trade. Above 1 buyers wait, below 1 they take. No output while nothing was bought aggressively. Trades off the market do not count. (One's own maker/taker ratio is a health figure of order reports, not this.)",
  config: z.strictObject({ window: duration({ min: '1ms' }).prefault('1m').describe('length of the window') }),
  ports: { in: { trade: input(Trade) }, out: { value: output(scalar('ratio')) } },
  determinism: 'pure',
  warmup: () => ({ trade: 1 }),
  state: createTradeWindow,
  step(w, tick, c, emit, ctx) {
    const t = tick.trade;
    if (!t.on_market) return;
    addTrade(w, ctx.now, t.qty, t.side === 'buy', c.window, Number.POSITIVE_INFINITY);
    if (w.buy > 0) emit.value({ value: w.sell / w.buy });
  },
});
