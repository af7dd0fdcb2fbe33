import { z } from 'zod';
import { duration } from '../../graph/document/duration.ts';
import { defineNode, input, output } from '../../graph/node.ts';
import { Trade } from '../../graph/schema/index.ts';
import { scalar } from './records.ts';
import { addTrade, createTradeWindow, tradesIn } from './trade-window.ts';

export const tradeSpeed = defineNode({
  type: 'feature.trade_speed',
  version: 1,
  tier: 'silver',
  summary: 'Trade speed: trades and quantity per second over a window.',
  doc: '`trades` = number, `volume` = quantity in base units of the trades younger than `window` in engine time, divided by the window in seconds; computed at each trade. Until one window has passed it is still divided by the whole window. Trades off the market do not count.',
  config: z.strictObject({ window: duration({ min: '1ms' }).prefault('10s').describe('length of the window') }),
  ports: {
    in: { trade: input(Trade) },
    out: { trades: output(scalar('trades/s')), volume: output(scalar('base/s')) },
  },
  determinism: 'pure',
  warmup: () => ({ trade: 1 }),
  state: createTradeWindow,
  step(w, tick, c, emit, ctx) {
    const t = tick.trade;
    if (!t.on_market) return;
    addTrade(w, ctx.now, t.qty, t.side === 'buy', c.window, Number.POSITIVE_INFINITY);
    const seconds = c.window / 1e6;
    emit.trades({ value: tradesIn(w) / seconds });
    emit.volume({ value: (w.buy + w.sell) / (ctx.key.qtyScale * seconds) });
  },
});
