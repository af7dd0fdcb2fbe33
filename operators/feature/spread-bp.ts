import { z } from 'zod';
import { defineNode, input, output } from '../../graph/node.ts';
import { TopOfBook } from '../../graph/schema/index.ts';
import { scalar } from './records.ts';

export const spreadBp = defineNode({
  type: 'feature.spread_bp',
  version: 1,
  tier: 'silver',
  summary: 'Quoted spread in basis points of mid.',
  doc: '10,000 · (ask − bid) / mid, mid = (bid + ask) / 2. From a rebuilt book (`silver.order_book.best`) or from book tickers (`silver.best`, `source.market.book_ticker`).',
  reference: 'J. Hasbrouck, Empirical Market Microstructure, 2007',
  config: z.strictObject({}),
  ports: { in: { top: input(TopOfBook) }, out: { value: output(scalar('bp')) } },
  determinism: 'pure',
  warmup: () => ({ top: 1 }),
  state: () => ({}),
  step(_s, tick, _c, emit) {
    const { bid_px, ask_px } = tick.top;
    const twice = bid_px + ask_px;
    if (twice > 0) emit.value({ value: (20_000 * (ask_px - bid_px)) / twice });
  },
});
