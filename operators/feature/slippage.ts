import { z } from 'zod';
import { defineNode, input, output } from '../../graph/node.ts';
import { BookLadder } from '../../graph/schema/index.ts';
import { walk } from './ladder.ts';
import { scalar } from './records.ts';

export const slippage = defineNode({
  type: 'feature.slippage',
  version: 1,
  tier: 'silver',
  summary: 'Slippage: cost of taking a stated size from the book, against mid, in basis points.',
  doc: '`buy`: 10,000 · (average price of walking the asks for `size` − mid) / mid; `sell`: 10,000 · (mid − average price of walking the bids) / mid. A side that holds less than `size` gives no output.',
  reference: 'A. F. Perold, The Implementation Shortfall, 1988',
  config: z.strictObject({ size: z.number().positive().default(1).describe('quantity, in base units') }),
  ports: { in: { book: input(BookLadder) }, out: { buy: output(scalar('bp')), sell: output(scalar('bp')) } },
  determinism: 'pure',
  warmup: () => ({ book: 1 }),
  state: (c, key) => ({ size: Math.max(1, Math.round(c.size * key.qtyScale)) }),
  step({ size }, tick, _c, emit) {
    const { bid_px, bid_qty, ask_px, ask_qty } = tick.book;
    if (bid_px.length === 0 || ask_px.length === 0) return;
    const mid = (bid_px.at(bid_px.length - 1) + ask_px.at(ask_px.length - 1)) / 2;
    const buy = walk(ask_px, ask_qty, size, mid);
    const sell = walk(bid_px, bid_qty, size, mid);
    if (!Number.isNaN(buy)) emit.buy({ value: (10_000 * buy) / (size * mid) });
    if (!Number.isNaN(sell)) emit.sell({ value: (10_000 * sell) / (size * mid) });
  },
});
