import { z } from 'zod';
import { defineNode, input, output } from '../../graph/node.ts';
import { BookLadder, f64, record } from '../../graph/schema/index.ts';
import { askBound, bidBound } from '../silver/book/book.ts';

const DepthBp = record('depth_bp', 1, {
  bid: f64({ unit: 'base', doc: 'bid quantity inside the band' }),
  ask: f64({ unit: 'base', doc: 'ask quantity inside the band' }),
  total: f64({ unit: 'base', doc: 'both' }),
  imbalance: f64({ unit: '−1…1', doc: '(bid − ask) / (bid + ask)' }),
});

export const depthBp = defineNode({
  type: 'feature.depth_bp',
  version: 1,
  tier: 'silver',
  summary: 'Depth: quantity that stands within `within_bp` basis points of mid, each side.',
  doc: '|2 · px − (bid + ask)| · 10,000 ≤ within_bp · (bid + ask), taken exactly in integers, bounds included; mid = (bid + ask) / 2. No output when nothing stands inside. What lies deeper than the snapshot reached is unknown until a diff names it.',
  config: z.strictObject({ within_bp: z.int().min(1).max(10_000).default(10).describe('basis points of mid') }),
  ports: { in: { book: input(BookLadder) }, out: { depth: output(DepthBp) } },
  determinism: 'pure',
  warmup: () => ({ book: 1 }),
  state: () => ({}),
  step(_s, tick, c, emit, ctx) {
    const { bid_px, bid_qty, ask_px, ask_qty } = tick.book;
    if (bid_px.length === 0 || ask_px.length === 0) return;
    const bestBid = bid_px.at(bid_px.length - 1);
    const bestAsk = ask_px.at(ask_px.length - 1);
    const lowest = bidBound(bestBid, bestAsk, c.within_bp);
    const highest = askBound(bestBid, bestAsk, c.within_bp);
    let bid = 0;
    let ask = 0;
    for (let i = bid_px.length - 1; i >= 0 && bid_px.at(i) >= lowest; i--) bid += bid_qty.at(i);
    for (let i = ask_px.length - 1; i >= 0 && ask_px.at(i) <= highest; i--) ask += ask_qty.at(i);
    const total = bid + ask;
    if (total === 0) return;
    const scale = ctx.key.qtyScale;
    emit.depth({ bid: bid / scale, ask: ask / scale, total: total / scale, imbalance: (bid - ask) / total });
  },
});
