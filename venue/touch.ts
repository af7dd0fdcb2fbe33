import { z } from 'zod';
import { defineNode, input, output } from '../graph/node.ts';
import { AccountUpdate, MARKET_PORTS, OrderCommand, OrderReport, record, TopOfBook } from '../graph/schema/index.ts';
import { bpE8, scaled } from './core/money.ts';
import { narrowAccount, narrowReport, widen } from './core/narrow.ts';
import { feesOnly } from './core/rules.ts';
import { createExchange, type Exchange, marketOf } from './core/state.ts';
import { touchCommand, touchTrade } from './core/touch.ts';
import { standingOnly } from './standing.ts';

const { px, qty, side, on_market } = MARKET_PORTS.trade.fields;
const VenueTrade = record('venue_trade', 1, { px, qty, side, on_market });
const { bid_px, bid_qty, ask_px, ask_qty } = TopOfBook.fields;
const VenueTouch = record('venue_touch', 1, { bid_px, bid_qty, ask_px, ask_qty });

export const touch = defineNode({
  type: 'venue.touch',
  version: 3,
  tier: 'gold',
  summary: 'A plain fill model on top of book and trades: queue ahead at placement, no latency, whole fills.',
  doc: `For backtests on best bid, best ask and trades alone. One account over all instruments, no margin.

- A limit order at the best price of its side has that level's quantity ahead; inside the spread nothing; behind the best price an
  unknown quantity.
- It is filled whole, as maker, when a trade of the other side prints beyond its price, or at its price after the quantity ahead has
  traded (the trade that goes past that quantity fills it). Cancels ahead do not count.
- Market orders, and limits that cross, are filled whole at the touch as taker. Post-only orders that would cross are refused
  (−5022), conditional orders always (−4120). IOC and FOK that do not cross expire.
- Orders of a cycle meet the quote of that cycle.`,
  config: z.strictObject({
    balance_usdt: z.number().default(100_000),
    maker_bp: z.number().default(2),
    taker_bp: z.number().default(5),
  }),
  ports: {
    in: {
      best: input(VenueTouch, { key: 'any', doc: 'best bid and ask' }),
      trade: input(VenueTrade, { key: 'any' }),
      order: input(OrderCommand, { key: 'any', doc: 'commands, in order' }),
    },
    out: {
      report: output(OrderReport, { many: true, keyed: true, doc: 'one record per execution event of an order' }),
      account: output(AccountUpdate, { many: true, keyed: true, doc: 'one record per change of wallet or position' }),
    },
  },
  determinism: 'pure',
  /** The records of its ports have grown; the state is what it was. */
  migrate: (old): Exchange => old as Exchange,
  state: (c): Exchange =>
    createExchange(feesOnly(bpE8(c.maker_bp), bpE8(c.taker_bp)), scaled(c.balance_usdt, 8, 'balance_usdt')),
  step(x, tick, _c, emit, ctx) {
    const { best, trade, order } = tick;
    for (let i = 0; i < trade.n; i++) {
      const v = trade.at(i);
      const m = x.markets[v.key];
      if (m && v.on_market && (m.buys.length > 0 || m.sells.length > 0))
        touchTrade(x, m, v.px, v.qty, v.side === 'buy' ? 1 : -1, ctx.now);
    }
    for (let i = 0; i < best.n; i++) {
      const v = best.at(i);
      const m = x.markets[v.key] ?? marketOf(x, ctx.keys.at(v.key));
      if (!m) continue;
      const b = m.book;
      b.over = true;
      b.bestBidPx = v.bid_px;
      b.bestBidQty = v.bid_qty;
      b.bestAskPx = v.ask_px;
      b.bestAskQty = v.ask_qty;
    }
    for (let i = 0; i < order.n; i++) {
      const v = order.at(i);
      if (v.action !== 'query') touchCommand(x, ctx.keys.at(v.key), widen(v), ctx.now);
    }
    const out = x.outbox;
    for (const e of out)
      if (e.port === 'report') emit.report(narrowReport(e.values));
      else if (e.port === 'account') emit.account(narrowAccount(e.values));
    out.length = 0;
    for (let i = 0; i < order.n; i++) {
      const v = order.at(i);
      if (v.action === 'query') emit.report(standingOnly(x, ctx.keys.at(v.key), v, ctx.now));
    }
  },
});
