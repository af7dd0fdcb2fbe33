import { z } from 'zod';
import { defineNode, input, output } from '../graph/node.ts';
import { AccountUpdate, MARKET_PORTS, OrderCommand, OrderReport, record } from '../graph/schema/index.ts';
import {
  afterOrders,
  type CandleVenue,
  createCandleVenue,
  createSpot,
  onCandle,
  onCandleFunding,
  onCommand,
  quietCandles,
} from './core/candles.ts';
import { bpE8, scaled } from './core/money.ts';
import { narrowAccount, narrowReport, widen } from './core/narrow.ts';
import { feesOnly } from './core/rules.ts';
import { marketOf } from './core/state.ts';
import { standingOnly } from './standing.ts';

const { open_time_ms, open, high, low, close } = MARKET_PORTS.candle.fields;
const VenueCandle = record('venue_candle', 1, { open_time_ms, open, high, low, close });
const { rate, time_ms } = MARKET_PORTS.funding_rate.fields;
const VenueFunding = record('venue_funding', 1, { rate, time_ms });

export const candle = defineNode({
  type: 'venue.candle',
  version: 3,
  tier: 'gold',
  summary: 'Fills by candles, for backtests: orders decided on a closed candle trade at the open of the next one.',
  doc: `One account over all instruments, cross margin without limit: nothing is liquidated, and a lost account shows as a negative
wallet. Every fill has the open time of its candle.

- **Market** orders trade whole at the open of the next candle, whenever that comes, at the taker fee.
- **Stops and targets** are looked at on later candles from the entry candle on, after its open: a sell stop trades at
  min(open, stop) when low ≤ stop, a sell target at max(open, target) when high ≥ target; buys the other way round; taker fee. When one
  candle reaches a stop and a target, the stop traded. When the position is gone, close-position stops and reduce-only limits expire.
- Conditional orders that arrive together with a candle were decided on it and act from the next candle on. Those that arrive in a
  later cycle, before the next candle, while the position was opened at this candle's open, answer that fill and act on this
  candle: send the stop and the target together.
- **Limits** that the next open satisfies trade at the open as taker (post-only ones are refused with −5022, IOC and FOK that are not
  satisfied expire); otherwise they rest, and trade at their own price as maker once a candle goes through it.
- **Funding** (optional) is paid at the last close.

With \`fill: close\` an order that can trade does so at once, at the close of the last candle, and every fill has the time at which its
candle arrived; stops and targets act from the next candle on. Some engines fill so; it trades at a price that nobody could have
had after seeing it, so use it to compare with them.`,
  config: z.strictObject({
    balance_usdt: z.number().default(100_000),
    maker_bp: z.number().default(2),
    taker_bp: z.number().default(5),
    fill: z
      .enum(['next_open', 'close'])
      .default('next_open')
      .describe('where an order decided on a candle trades: at the next one’s open, or at that candle’s close'),
    tick: z
      .number()
      .min(0)
      .default(0)
      .describe('prices of limits, stops and targets are put on its multiples; 0: as sent'),
  }),
  ports: {
    in: {
      candle: input(VenueCandle, { key: 'any', doc: 'finished candles' }),
      order: input(OrderCommand, { key: 'any', doc: 'commands, in order' }),
      funding: input(VenueFunding, { key: 'any', optional: true, doc: 'settled funding rates' }),
    },
    out: {
      report: output(OrderReport, { many: true, keyed: true, doc: 'one record per execution event of an order' }),
      account: output(AccountUpdate, { many: true, keyed: true, doc: 'one record per change of wallet or position' }),
    },
  },
  determinism: 'pure',
  /** The records of its ports have grown; the state is what it was. */
  migrate: (old): CandleVenue => old as CandleVenue,
  state: (c): CandleVenue =>
    createCandleVenue(feesOnly(bpE8(c.maker_bp), bpE8(c.taker_bp)), scaled(c.balance_usdt, 8, 'balance_usdt')),
  quiet: {
    candle: {
      reach: (s, rows, _, key) => quietCandles(s, key, rows),
      /** Nothing waited, or nothing of what waits was reached: the last candle is the candle of the moment. */
      fold(s, { columns, rows, to }, _, key) {
        const spot = s.spots[key]!;
        const i = rows[to - 1]!;
        spot.entered = false;
        spot.openMs = columns.open_time_ms[i]!;
        spot.close = columns.close[i]!;
        if (!spot.busy) return;
        spot.open = columns.open[i]!;
        spot.high = columns.high[i]!;
        spot.low = columns.low[i]!;
      },
    },
  },
  step(s, tick, c, emit, ctx) {
    const atClose = c.fill === 'close';
    const { candle, order, funding } = tick;
    const x = s.exchange;
    for (let i = 0; i < candle.n; i++) {
      const v = candle.at(i);
      const spot = s.spots[v.key] ?? createSpot(s, ctx.keys.at(v.key));
      spot.openMs = v.open_time_ms;
      spot.close = v.close;
      // Nothing waits: nothing to do. This is the way of nearly every candle.
      if (!spot.busy) {
        spot.entered = false;
        continue;
      }
      spot.open = v.open;
      spot.high = v.high;
      spot.low = v.low;
      onCandle(x, marketOf(x, ctx.keys.at(v.key))!, spot, atClose ? ctx.now : v.open_time_ms * 1000);
    }
    for (let i = 0; i < funding.n; i++) {
      const v = funding.at(i);
      const spot = s.spots[v.key];
      const m = x.markets[v.key];
      if (spot && m) onCandleFunding(x, m, spot, v.rate, v.time_ms, ctx.now);
    }
    if (order.n > 0) {
      const how = { atClose, tick: c.tick };
      for (let i = 0; i < order.n; i++) {
        const v = order.at(i);
        if (v.action !== 'query') onCommand(s, ctx.keys.at(v.key), widen(v), ctx.now, how);
      }
      if (candle.n === 0)
        for (const k of x.live) {
          const spot = s.spots[k];
          if (spot?.entered) afterOrders(x, x.markets[k]!, spot);
        }
    }
    const out = x.outbox;
    for (const e of out)
      if (e.port === 'report') emit.report(narrowReport(e.values));
      else if (e.port === 'account') emit.account(narrowAccount(e.values));
    out.length = 0;
    for (let i = 0; i < order.n; i++) {
      const v = order.at(i);
      if (v.action !== 'query') continue;
      emit.report(standingOnly(x, ctx.keys.at(v.key), v, ctx.now, s.spots[v.key]?.waiting));
    }
  },
});
