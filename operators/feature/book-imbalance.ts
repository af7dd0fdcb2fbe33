import { z } from 'zod';
import { defineNode, input, output } from '../../graph/node.ts';
import { BookLadder } from '../../graph/schema/index.ts';
import { sumLevels } from './ladder.ts';
import { scalar } from './records.ts';

export const bookImbalance = defineNode({
  type: 'feature.book_imbalance',
  version: 1,
  tier: 'silver',
  summary: 'Order book imbalance of the best `levels` levels of the rebuilt book.',
  doc: '(ΣB − ΣA) / (ΣB + ΣA) with the quantities of the best `levels` bids (B) and asks (A), in [−1, 1]. A side with fewer levels counts with what it has.',
  reference: 'R. Cont, A. Kukanov, S. Stoikov, The Price Impact of Order Book Events, 2014',
  config: z.strictObject({ levels: z.int().min(1).max(5000).default(5).describe('levels each side') }),
  ports: { in: { book: input(BookLadder) }, out: { value: output(scalar('−1…1')) } },
  determinism: 'pure',
  warmup: () => ({ book: 1 }),
  state: () => ({}),
  step(_s, tick, c, emit) {
    const b = sumLevels(tick.book.bid_qty, c.levels);
    const a = sumLevels(tick.book.ask_qty, c.levels);
    if (a + b > 0) emit.value({ value: (b - a) / (a + b) });
  },
});
