import { z } from 'zod';
import { defineNode, input, output } from '../../graph/node.ts';
import { Trade } from '../../graph/schema/index.ts';

/** Ids behind the newest one that are told apart one by one. */
const WINDOW = 4096;

export const trades = defineNode({
  type: 'silver.trades',
  version: 1,
  tier: 'silver',
  summary: 'Trades without off-market prints, duplicates and a second kind of stream.',
  doc: `
Dropped and counted \`filtered\`:
- prints off the market (\`X\` is not \`MARKET\`: insurance fund, ADL, …), and trades without a positive price and quantity;
- ids already seen. The ${WINDOW} ids behind the newest are remembered one by one, so a trade that arrives out of order passes;
  an id further back counts as seen;
- where an instrument has both \`trade\` and \`aggTrade\`, the kind that did not come first: they tell the same twice.`,
  config: z.strictObject({}),
  ports: { in: { trade: input(Trade) }, out: { trade: output(Trade) } },
  determinism: 'pure',
  state: () => ({ newest: -1, kind: -1, seen: new Uint8Array(WINDOW) }),
  step(s, tick, _c, emit, ctx) {
    const t = tick.trade;
    const kind = t.agg ? 1 : 0;
    if (!t.on_market || t.px <= 0 || t.qty <= 0) return ctx.count('filtered');
    if (s.kind < 0) s.kind = kind;
    if (kind !== s.kind || isSeen(s, t.id)) return ctx.count('filtered');
    emit.trade(t);
  },
});

/** Marks the id, and says whether it was marked. `seen` is a ring: place id mod WINDOW. */
function isSeen(s: { newest: number; seen: Uint8Array }, id: number): boolean {
  if (id > s.newest) {
    if (id - s.newest >= WINDOW || s.newest < 0) s.seen.fill(0);
    else for (let i = s.newest + 1; i < id; i++) s.seen[i % WINDOW] = 0;
    s.newest = id;
  } else if (id <= s.newest - WINDOW || s.seen[id % WINDOW] === 1) return true;
  s.seen[id % WINDOW] = 1;
  return false;
}
