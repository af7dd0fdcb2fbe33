import { z } from 'zod';
import { defineNode, input, output } from '../../graph/node.ts';
import { TopOfBook } from '../../graph/schema/index.ts';
import { scalar } from './records.ts';

export const topImbalance = defineNode({
  type: 'feature.top_imbalance',
  version: 1,
  tier: 'silver',
  summary: 'Imbalance of the best bid and ask sizes.',
  doc: '(bid size − ask size) / (bid size + ask size), in [−1, 1]; the order book imbalance of one level, from a book or from tickers.',
  reference: 'R. Cont, A. Kukanov, S. Stoikov, The Price Impact of Order Book Events, 2014',
  config: z.strictObject({}),
  ports: { in: { top: input(TopOfBook) }, out: { value: output(scalar('−1…1')) } },
  determinism: 'pure',
  warmup: () => ({ top: 1 }),
  state: () => ({}),
  step(_s, tick, _c, emit) {
    const { bid_qty, ask_qty } = tick.top;
    const both = bid_qty + ask_qty;
    if (both > 0) emit.value({ value: (bid_qty - ask_qty) / both });
  },
});
