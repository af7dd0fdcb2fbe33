import { z } from 'zod';
import { defineNode, input, output } from '../../graph/node.ts';
import { Bar, Trade } from '../../graph/schema/index.ts';
import { addNext, emptyBar, startBar } from './bar.ts';

export const tickBars = defineNode({
  type: 'silver.tick_bars',
  version: 1,
  tier: 'silver',
  summary: 'Bars of a fixed number of trades, in the order in which they arrive.',
  doc: 'Trades off the market do not count (`filtered`). `start` and `end` are the times of the first and last trade. An unfinished bar is not written.',
  config: z.strictObject({ trades: z.int().min(1).default(100).describe('trades in a bar') }),
  ports: { in: { trade: input(Trade) }, out: { bar: output(Bar) } },
  determinism: 'pure',
  state: emptyBar,
  step(bar, tick, c, emit, ctx) {
    const t = tick.trade;
    if (!t.on_market) return ctx.count('filtered');
    if (bar.trades === 0) startBar(bar, t);
    else addNext(bar, t);
    if (bar.trades < c.trades) return;
    emit.bar(bar);
    bar.trades = 0;
  },
});
