import { z } from 'zod';
import { defineNode, input, output } from '../../graph/node.ts';
import { Bar, Trade } from '../../graph/schema/index.ts';
import { addNext, emptyBar, startBar } from './bar.ts';
import { decimal, toUnits } from './threshold.ts';

export const volumeBars = defineNode({
  type: 'silver.volume_bars',
  version: 1,
  tier: 'silver',
  summary: 'Bars that close with the trade that brings their volume to a threshold, in the order of arrival.',
  doc: `
The closing trade belongs to its bar whole; the next bar starts at zero. Sums and threshold are exact integers. Trades off
the market do not count (\`filtered\`). \`start\` and \`end\` are the times of the first and last trade. An unfinished bar is not
written.`,
  config: z.strictObject({ threshold: decimal().describe('volume of a bar, in base units') }),
  ports: { in: { trade: input(Trade) }, out: { bar: output(Bar) } },
  determinism: 'pure',
  state: (c, key) => ({ bar: emptyBar(), threshold: toUnits(c.threshold, key.qtyDigits, 'volume bar') }),
  step({ bar, threshold }, tick, _c, emit, ctx) {
    const t = tick.trade;
    if (!t.on_market) return ctx.count('filtered');
    if (bar.trades === 0) startBar(bar, t);
    else addNext(bar, t);
    if (bar.volume < threshold) return;
    emit.bar(bar);
    bar.trades = 0;
  },
});
