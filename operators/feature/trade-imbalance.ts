import { z } from 'zod';
import { duration } from '../../graph/document/duration.ts';
import { defineNode, input, output } from '../../graph/node.ts';
import { Trade } from '../../graph/schema/index.ts';
import { scalar } from './records.ts';
import { addTrade, createTradeWindow } from './trade-window.ts';

export const tradeImbalance = defineNode({
  type: 'feature.trade_imbalance',
  version: 1,
  tier: 'silver',
  summary: 'Trade imbalance: taker buys against taker sells of the last trades.',
  doc: '(buy − sell) / (buy + sell) of the taken quantities, in [−1, 1], over the last `trades` trades that are younger than `window` in engine time; computed at each trade. Trades off the market do not count. For a pure tick window choose a long `window`, for a pure time window leave `trades` out.',
  reference: 'T. Chordia, R. Roll, A. Subrahmanyam, Order imbalance, liquidity, and market returns, 2002',
  config: z.strictObject({
    window: duration({ min: '1ms' }).prefault('10s').describe('age at which a trade no longer counts'),
    trades: z.int().min(1).max(1_000_000).default(1_000_000).describe('trades at most'),
  }),
  ports: { in: { trade: input(Trade) }, out: { value: output(scalar('−1…1')) } },
  determinism: 'pure',
  warmup: () => ({ trade: 1 }),
  state: createTradeWindow,
  step(w, tick, c, emit, ctx) {
    const t = tick.trade;
    if (!t.on_market) return;
    addTrade(w, ctx.now, t.qty, t.side === 'buy', c.window, c.trades);
    const both = w.buy + w.sell;
    if (both > 0) emit.value({ value: (w.buy - w.sell) / both });
  },
});
