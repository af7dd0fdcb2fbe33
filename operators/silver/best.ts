import { z } from 'zod';
import { defineNode, input, output } from '../../graph/node.ts';
import { BookTicker, TopOfBook } from '../../graph/schema/index.ts';

export const best = defineNode({
  type: 'silver.best',
  version: 1,
  tier: 'silver',
  summary: 'Best bid and ask from book tickers, without crossed, locked, empty, repeated and stale ones.',
  doc: `
A ticker passes when 0 < bid < ask and both sizes are above zero, and its update id is above that of the last one that
passed. Everything else is counted \`filtered\`.`,
  config: z.strictObject({}),
  ports: { in: { ticker: input(BookTicker) }, out: { best: output(TopOfBook) } },
  determinism: 'pure',
  state: () => ({ u: -1 }),
  step(s, tick, _c, emit, ctx) {
    const t = tick.ticker;
    if (t.bid_px <= 0 || t.bid_px >= t.ask_px || t.bid_qty <= 0 || t.ask_qty <= 0 || t.u <= s.u)
      return ctx.count('filtered');
    s.u = t.u;
    emit.best(t);
  },
});
