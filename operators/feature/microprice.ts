import { z } from 'zod';
import { defineNode, input, output } from '../../graph/node.ts';
import { TopOfBook } from '../../graph/schema/index.ts';
import { scalar } from './records.ts';

export const microprice = defineNode({
  type: 'feature.microprice',
  version: 1,
  tier: 'silver',
  summary: 'Microprice: best prices weighted by the size on the other side.',
  doc: '`value` = bid + (ask − bid) · bid size / (bid size + ask size): it leans towards the side with less size. `lean_bp` = 10,000 · (value − mid) / mid.',
  reference:
    'S. Stoikov, The micro-price: a high-frequency estimator of future prices, 2018 (its first, weighted-mid form)',
  config: z.strictObject({}),
  ports: { in: { top: input(TopOfBook) }, out: { value: output(scalar('quote')), lean_bp: output(scalar('bp')) } },
  determinism: 'pure',
  warmup: () => ({ top: 1 }),
  state: () => ({}),
  step(_s, tick, _c, emit, ctx) {
    const { bid_px, ask_px, bid_qty, ask_qty } = tick.top;
    const size = bid_qty + ask_qty;
    if (size <= 0) return;
    const inside = (ask_px - bid_px) * (bid_qty / size);
    const mid = (bid_px + ask_px) / 2;
    emit.value({ value: (bid_px + inside) / ctx.key.pxScale });
    emit.lean_bp({ value: (10_000 * (bid_px - mid + inside)) / mid });
  },
});
