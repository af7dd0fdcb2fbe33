import { z } from 'zod';
import { defineNode, input, output } from '../../graph/node.ts';
import { AccountUpdate } from '../../graph/schema/index.ts';
import { DailyLoss } from './records.ts';

const DAY_US = 86_400_000_000;
const MIDNIGHT = 1;

export const dailyLoss = defineNode({
  type: 'decision.daily_loss',
  version: 1,
  tier: 'gold',
  summary: 'Result of the running UTC day over all instruments, and whether the daily loss limit is reached.',
  doc: 'Realised result minus fees plus funding, as the venue reports them, summed as integers from midnight UTC of engine time. Once reached, the limit blocks until the day is over, whatever is won back.',
  config: z.strictObject({ limit_usdt: z.number().positive().default(100) }),
  ports: {
    in: { account: input(AccountUpdate, { key: 'any' }) },
    out: { state: output(DailyLoss) },
  },
  determinism: 'pure',
  state: () => ({ day: -1, result: 0, blocked: false }),
  step(s, tick, c, emit, ctx) {
    const day = Math.floor(ctx.now / DAY_US);
    if (day !== s.day) {
      s.day = day;
      s.result = 0;
      s.blocked = false;
      ctx.at((day + 1) * DAY_US, MIDNIGHT);
    }
    for (let i = 0; i < tick.account.n; i++) {
      const a = tick.account.at(i);
      s.result += a.realized_pnl - a.fee + a.funding;
    }
    if (s.result <= -Math.round(c.limit_usdt * 1e8)) s.blocked = true;
    emit.state({ blocked: s.blocked, result: s.result / 1e8 });
  },
});
