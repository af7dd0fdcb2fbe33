import { z } from 'zod';
import { duration } from '../graph/document/duration.ts';
import { type Ctx, defineNode, input, output } from '../graph/node.ts';
import {
  AccountUpdate,
  BookLadder,
  type KeyTable,
  MARKET_PORTS,
  OrderCommand,
  OrderReport,
  record,
  TopOfBook,
  VenuePosition,
} from '../graph/schema/index.ts';
import { bpE8, scaled } from './core/money.ts';
import { onBest, onLadder, onTrade, transfer } from './core/spot/exchange.ts';
import { createSpotExchange, type SpotExchange, type SpotMarket, spotRules } from './core/spot/state.ts';
import {
  answerQuery,
  type Command,
  copyOf,
  createDesk,
  nextDue,
  type OrderDesk,
  pass,
  prove,
  sent,
  unknownFaults,
} from './order-desk.ts';
import { act, isPair, list, QUOTE, refused, takeEvents, trim } from './spot-orders.ts';
import { positionOf, type SpotBooks, type SpotRow } from './spot-report.ts';
import { standing } from './standing.ts';

const positive = z.number().positive();
const config = z.strictObject({
  balance_usdt: z.number().min(0).default(10_000).describe('USDT at the start, shared by all instruments'),
  maker_bp: z.number().min(0).default(10),
  taker_bp: z.number().min(0).default(10),
  order_latency: duration({ max: '1m' }).prefault('0s').describe('from the command to its effect, engine time'),
  response_latency: duration({ max: '1m' }).prefault('0s').describe('from an effect to its report, engine time'),
  value_interval: duration({ min: '1ms' }).prefault('1s').describe('how often a position is valued at the last trade'),
  book_levels: z.int().min(1).max(1000).default(50).describe('best levels of the recorded ladder that are kept'),
  unknown: unknownFaults,
  instruments: z
    .record(
      z.string(),
      z.strictObject({
        tick: positive.optional().describe('price step'),
        step: positive.optional().describe('lot: quantity step'),
        min_notional_usdt: z.number().min(0).optional(),
      }),
    )
    .default({})
    .describe('trading rules by instrument (`spot:BTCUSDT`); default: one unit of its decimals, and 5 USDT'),
});
export type SpotConfig = z.output<typeof config>;

const VenueTrade = record('venue_trade', 1, {
  px: MARKET_PORTS.trade.fields.px,
  qty: MARKET_PORTS.trade.fields.qty,
  side: MARKET_PORTS.trade.fields.side,
  on_market: MARKET_PORTS.trade.fields.on_market,
});
const ports = {
  in: {
    order: input(OrderCommand, { key: 'any', doc: 'commands, in order' }),
    trade: input(VenueTrade, { key: 'any', optional: true, doc: 'recorded trades' }),
    ladder: input(BookLadder, { key: 'any', optional: true, doc: 'recorded book' }),
    best: input(TopOfBook, { key: 'any', optional: true, doc: 'recorded best bid and ask, e.g. book tickers' }),
  },
  out: {
    report: output(OrderReport, { many: true, keyed: true, doc: 'one record per execution event of an order' }),
    account: output(AccountUpdate, { many: true, keyed: true, doc: 'one record per trade' }),
    position: output(VenuePosition, {
      many: true,
      keyed: true,
      doc: 'at each trade of ours, and while something is held',
    }),
  },
};

export interface SpotState extends SpotBooks {
  x: SpotExchange;
  desk: OrderDesk;
  /** Sends on their way to the venue, in order: one order, or a pair. */
  inbox: { at: number; key: number; orders: Command[] }[];
  /** Answers on their way back, in order. */
  out: ({ at: number } & SpotRow)[];
}

/** Timer tags. */
const ARRIVAL = 1;
const RESPONSE = 2;
const DESK = 3;

export const spot = defineNode({
  type: 'venue.spot',
  version: 1,
  tier: 'gold',
  summary:
    'A simulated Spot exchange: orders are matched against the recorded book and trades, and what is bought is held net of its commission.',
  doc: `Has the ports and the matching of \`venue.usdm\`, and the money of Spot: one account in USDT over all instruments quoted in it.

**Orders.** \`gtx\` is a LIMIT_MAKER; \`stop_market\` a STOP_LOSS and \`take_profit_market\` a TAKE_PROFIT, both triggered by the last
trade. A stop and a take-profit with \`close_position\` that are sent in one cycle are one OCO list: they hold the asset once, and
one ends the other.
**Money.** A commission is taken from what is received: a purchase is smaller by it (\`base_fee\`), and \`fee\` is its value at the
price of the trade. A position is what is held in whole steps; \`entry_quote\` is the price paid for just that (average cost).
**Closing.** Spot knows no \`reduceOnly\`: a sell with \`reduce_only\` or \`close_position\` sells at most what is free, in whole steps. With
nothing held, and for a buy, it is refused with −2022; when all is in other sell orders with −2010.
**Queries and open outcomes** as in \`venue.usdm\`. **Refusals** carry Spot's error codes.`,
  reference: 'Binance Spot: REST and error documentation',
  config,
  ports,
  determinism: 'pure',
  state: (c): SpotState => {
    const x = createSpotExchange(spotRules(bpE8(c.maker_bp), bpE8(c.taker_bp), c.book_levels));
    const wallet = scaled(c.balance_usdt, 8, 'balance_usdt');
    transfer(x, QUOTE, wallet, 0);
    x.events.length = 0;
    return { x, desk: createDesk(c.unknown, 'venue.spot'), inbox: [], out: [], wallet, held: [] };
  },
  step(s, tick, c, emit, ctx) {
    const { x, desk } = s;
    const { now } = ctx;
    const { trade, ladder, best, order } = tick;
    if (ctx.timer === ARRIVAL) receive(s, c, ctx);
    for (let i = 0; i < trade.n; i++) {
      const v = trade.at(i);
      const m = v.on_market ? marketAt(s, c, ctx.keys, v.key) : null;
      if (!m) continue;
      onTrade(x, m, v.px, v.qty, v.side === 'buy' ? 1 : -1, now);
      value(s, c, m, ctx);
    }
    for (let i = 0; i < ladder.n; i++) {
      const v = ladder.at(i);
      const m = marketAt(s, c, ctx.keys, v.key);
      if (m) onLadder(x, m, v, now);
    }
    for (let i = 0; i < best.n; i++) {
      const v = best.at(i);
      const m = marketAt(s, c, ctx.keys, v.key);
      if (m) onBest(x, m, v, now);
    }
    for (let i = 0; i < order.n; i++) {
      const v = order.at(i);
      if (v.action === 'query') {
        desk.queries.push({ at: now + c.order_latency, key: v.key, command: copyOf(v) });
        continue;
      }
      const orders = [copyOf(v)];
      const next = i + 1 < order.n ? order.at(i + 1) : undefined;
      if (next?.key === v.key && isPair(orders[0]!, next)) {
        orders.push(copyOf(next));
        i++;
      }
      if (!sent(desk, c.unknown, v.key, orders, now, c.response_latency)) continue;
      s.inbox.push({ at: now + c.order_latency, key: v.key, orders });
    }
    if (order.n > 0 && c.order_latency === 0) receive(s, c, ctx);
    if (s.inbox.length > 0 && (order.n > 0 || ctx.timer === ARRIVAL)) ctx.at(s.inbox[0]!.at, ARRIVAL);
    if (x.events.length > 0) takeEvents(s, c, ctx);
    const busy = order.n > 0 || ctx.timer === DESK || desk.doubts.length + desk.queries.length + desk.out.length > 0;
    if (busy) work(s, c, ctx);
    while (s.out.length > 0 && s.out[0]!.at <= now) {
      const e = s.out.shift()!;
      if (e.port === 'report') {
        const r = pass(desk, e.values);
        if (r) emit.report(r);
      } else if (e.port === 'account') emit.account(e.values);
      else emit.position(e.values);
    }
    if (s.out.length > 0) ctx.at(s.out[0]!.at, RESPONSE);
    while (desk.out.length > 0 && desk.out[0]!.at <= now) emit.report(desk.out.shift()!.values);
    if (!busy) return;
    const due = nextDue(desk);
    if (due < Number.POSITIVE_INFINITY) ctx.at(due, DESK);
  },
});

function marketAt(s: SpotState, c: SpotConfig, keys: KeyTable, index: number): SpotMarket | null {
  return (s.x.markets[index] as SpotMarket | null | undefined) ?? list(s, c, keys.at(index));
}

/** Commands whose time has come take effect. */
function receive(s: SpotState, c: SpotConfig, ctx: Ctx): void {
  while (s.inbox.length > 0 && s.inbox[0]!.at <= ctx.now) {
    const { key, orders } = s.inbox.shift()!;
    const m = marketAt(s, c, ctx.keys, key);
    if (m) act(s, m, ctx.keys.at(key), orders, ctx.now, c.response_latency);
    else for (const o of orders) refused(s, key, o, -1121, 'Invalid symbol.', ctx.now, c.response_latency);
    if (s.x.events.length > 0) takeEvents(s, c, ctx);
    if (m) trim(s.x, m);
  }
}
/** Queries that have arrived, and outcomes whose time has come. */
function work(s: SpotState, c: SpotConfig, ctx: Ctx): void {
  const { desk } = s;
  prove(desk, ctx.now);
  while (desk.queries.length > 0 && desk.queries[0]!.at <= ctx.now) {
    const { key, command } = desk.queries.shift()!;
    const under = s.out.flatMap((e) => (e.port === 'report' ? [e.values] : []));
    const stands = standing(s.x, ctx.keys.at(key), command, ctx.now);
    answerQuery(desk, key, command, stands, under, ctx.now, c.response_latency);
  }
}
/** What is held is valued by the last trade, now and then. */
function value(s: SpotState, c: SpotConfig, m: SpotMarket, ctx: Ctx): void {
  const key = m.instrument.key;
  const held = s.held[key];
  if (!held || held.base === 0 || ctx.now < held.toldUs + c.value_interval) return;
  held.toldUs = ctx.now;
  const values = positionOf(s.x, m, ctx.keys.at(key), s, Math.floor(ctx.now / 1000));
  s.out.push({ at: ctx.now + c.response_latency, port: 'position', values });
}
