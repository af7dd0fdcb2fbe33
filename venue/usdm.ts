import { z } from 'zod';
import { duration } from '../graph/document/duration.ts';
import { type Ctx, defineNode, type Emit, input, output } from '../graph/node.ts';
import {
  AccountUpdate,
  BookLadder,
  type KeyTable,
  MARKET_PORTS,
  MarkPrice,
  OrderCommand,
  OrderReport,
  record,
  TopOfBook,
  VenuePosition,
} from '../graph/schema/index.ts';
import { onBest, onFunding, onLadder, onMark, onTrade, receive, send } from './core/exchange.ts';
import { bpE8, scaled } from './core/money.ts';
import { narrowAccount, narrowReport, widen } from './core/narrow.ts';
import { createExchange, type Exchange, type Market, marketOf, type Rules } from './core/state.ts';
import { buildTiers } from './core/tiers.ts';
import {
  answerQuery,
  copyOf,
  createDesk,
  type KeyedReport,
  nextDue,
  type OrderDesk,
  pass,
  prove,
  sent,
  unknownFaults,
} from './order-desk.ts';
import { standing } from './standing.ts';

const positive = z.number().positive();
const instrument = z.strictObject({
  tick: positive.optional().describe('price step'),
  step: positive.optional().describe('lot: quantity step'),
  min_qty: positive.optional(),
  max_qty: positive.optional(),
  min_px: positive.optional(),
  max_px: positive.optional(),
  min_notional_usdt: z.number().min(0).optional(),
  leverage: z.int().min(1).max(150).optional(),
  tiers: z
    .array(z.strictObject({ floor_usdt: z.number().min(0), mmr_bp: positive, max_leverage: z.int().min(1) }))
    .min(1)
    .optional()
    .describe('notional tiers of the maintenance margin, ascending'),
});
const config = z.strictObject({
  balance_usdt: z.number().min(0).default(10_000).describe('wallet at the start, shared by all instruments'),
  leverage: z.int().min(1).max(150).default(20),
  maker_bp: z.number().default(2).describe('negative = rebate'),
  taker_bp: z.number().min(0).default(5),
  liquidation_fee_bp: z.number().min(0).default(125),
  price_bound_bp: z.number().positive().max(9_999).default(500).describe('farthest from the mark of a fill or limit'),
  order_latency: duration({ max: '1m' }).prefault('0s').describe('from the command to its effect, engine time'),
  response_latency: duration({ max: '1m' }).prefault('0s').describe('from an effect to its report, engine time'),
  mark_interval: duration({ min: '1ms' }).prefault('1s').describe('how often the mid stands in for a missing mark'),
  mark_timeout: duration({ min: '1s' }).prefault('10s').describe('without a mark price for so long, the mid stands in'),
  book_levels: z.int().min(1).max(1000).default(50).describe('best levels of the recorded ladder that are kept'),
  max_open_orders: z.int().min(1).default(200).describe('limit orders per instrument'),
  max_conditional_orders: z.int().min(1).default(200).describe('over all instruments'),
  unknown: unknownFaults,
  instruments: z
    .record(z.string(), instrument)
    .default({})
    .describe('trading rules by instrument (`usdm:BTCUSDT`); default: one unit of its decimals'),
});
type Config = z.output<typeof config>;

function rulesOf(c: Config): Rules {
  return {
    maker: bpE8(c.maker_bp),
    taker: bpE8(c.taker_bp),
    liquidationFee: bpE8(c.liquidation_fee_bp),
    bound: bpE8(c.price_bound_bp),
    orderLatencyUs: c.order_latency,
    responseLatencyUs: c.response_latency,
    markIntervalUs: c.mark_interval,
    markTimeoutUs: c.mark_timeout,
    levels: c.book_levels,
    leverage: c.leverage,
    maxOrders: c.max_open_orders,
    maxStops: c.max_conditional_orders,
    algo: false,
    triggerProtect: 0,
    instruments: c.instruments,
  };
}

/** What the venue needs of a trade. A producer may have more fields. */
const VenueTrade = record('venue_trade', 1, {
  px: MARKET_PORTS.trade.fields.px,
  qty: MARKET_PORTS.trade.fields.qty,
  side: MARKET_PORTS.trade.fields.side,
  on_market: MARKET_PORTS.trade.fields.on_market,
});
const VenueMark = record('venue_mark', 1, {
  mark_px: MarkPrice.fields.mark_px,
  rate: MarkPrice.fields.rate,
  next_funding_ms: MarkPrice.fields.next_funding_ms,
  event_ms: MarkPrice.fields.event_ms,
});
const VenueFunding = record('venue_funding', 1, {
  rate: MARKET_PORTS.funding_rate.fields.rate,
  time_ms: MARKET_PORTS.funding_rate.fields.time_ms,
});

const ports = {
  in: {
    order: input(OrderCommand, { key: 'any', doc: 'commands, in order' }),
    trade: input(VenueTrade, { key: 'any', optional: true, doc: 'recorded trades' }),
    ladder: input(BookLadder, { key: 'any', optional: true, doc: 'recorded book' }),
    best: input(TopOfBook, { key: 'any', optional: true, doc: 'recorded best bid and ask, e.g. book tickers' }),
    mark: input(VenueMark, { key: 'any', optional: true, doc: 'mark price and running funding rate' }),
    funding: input(VenueFunding, { key: 'any', optional: true, doc: 'settled funding rates' }),
  },
  out: {
    report: output(OrderReport, { many: true, keyed: true, doc: 'one record per execution event of an order' }),
    account: output(AccountUpdate, { many: true, keyed: true, doc: 'one record per change of wallet or position' }),
    position: output(VenuePosition, { many: true, keyed: true, doc: 'at each change, and at each mark while open' }),
  },
};

/** Timer tags. */
const ARRIVAL = 1;
const RESPONSE = 2;
const DESK = 3;

interface State extends Exchange {
  desk: OrderDesk;
}

export const usdm = defineNode({
  type: 'venue.usdm',
  version: 3,
  tier: 'gold',
  summary:
    'A simulated USD-M futures exchange: orders are matched against the recorded book and trades, with isolated margin, funding and liquidation.',
  doc: `One account in USDT over all instruments, one-way positions, isolated margin.

**Matching.** The recording is never changed by our orders. What they take of a level is not offered to them again until the
recording shows another quantity at that level. A taker walks the recorded levels, one trade per level. A resting order
starts with the quantity that its level shows ahead of it. Recorded trades at its price serve what is ahead first, then the
order, by their quantity; a trade through its price gives its whole quantity; when the opposite side of the recorded book
reaches its price, it trades up to the recorded quantity. One recorded trade never gives more than its own quantity. When the
level shows less than is ahead, that is what is ahead (cancels are taken to come from behind as long as possible). Where a
level lies beyond the recorded depth, its queue is unknown until it is seen, and only trades through the price fill.
Trades that did not happen on the market (\`on_market\` false) are ignored.

**Best quote and ladder.** The newer counts, by update id; without ids, by arrival. A newer best quote removes better levels.

**Time.** A command takes effect \`order_latency\` after it was sent, against the book of that moment, before any input of the
same time; reports leave \`response_latency\` later. Inputs of one cycle: trade, ladder, best, mark, funding, then orders.

**Mark price.** Where no mark price comes, the mid of the recorded book stands in, at its first change in every
\`mark_interval\`; without a book, the last trade. At each mark: liquidation, then conditional orders on the mark.

**Money.** Integers of 10^-8 USDT in a double-entry ledger that sums to zero after every event. Fees, profit and funding are rounded
once, half away from zero. The taker fee is part of an order's cost, so that a fill cannot overdraw the wallet. Funding is paid
at the first mark price at or after its time, at the rate announced last before it. A liquidation sells into the
recorded book down to the bankruptcy price; the insurance fund takes the rest and the fee, never more than the margin.

**Queries** arrive like other commands and are answered by how the order stands then; of ended orders the last 64 are remembered.

**Open outcomes** (\`unknown\`) are a fault scenario: the order is told \`unknown\`, and what became of it only \`proof_after\` later or
when it is asked for.

**Refusals** carry USD-M's error codes. A refused cancel (−2011) has \`order_id\` 0 and speaks of the cancel, not of the order.
Reduce-only orders execute at most the position; they and close-position stops expire when it is gone.`,
  reference: 'Binance USD-M futures: order, filter, error, margin and liquidation documentation',
  config,
  ports,
  determinism: 'pure',
  check(c) {
    const issues = [];
    for (const [name, i] of Object.entries(c.instruments)) {
      try {
        if (i.tiers) buildTiers(i.tiers);
      } catch (e) {
        issues.push({ code: 'CHM804', path: ['instruments', name, 'tiers'], message: (e as Error).message });
      }
    }
    return issues;
  },
  state: (c): State => ({
    ...createExchange(rulesOf(c), scaled(c.balance_usdt, 8, 'balance_usdt')),
    desk: createDesk(c.unknown, 'venue.usdm'),
  }),
  /** Before version 3 there were no queries. */
  migrate: (old): State => ({ ...(old as Exchange), desk: createDesk(undefined, 'venue.usdm') }),
  step(x, tick, c, emit, ctx) {
    const now = ctx.now;
    const { desk } = x;
    if (ctx.timer === ARRIVAL) receive(x, (k) => ctx.keys.at(k), now);
    const { trade, ladder, best, mark, funding, order } = tick;
    for (let i = 0; i < trade.n; i++) {
      const v = trade.at(i);
      const m = v.on_market ? marketAt(x, v.key, ctx.keys) : null;
      if (m) onTrade(x, m, v.px, v.qty, v.side === 'buy' ? 1 : -1, now);
    }
    for (let i = 0; i < ladder.n; i++) {
      const v = ladder.at(i);
      const m = marketAt(x, v.key, ctx.keys);
      if (m) onLadder(x, m, v, now);
    }
    for (let i = 0; i < best.n; i++) {
      const v = best.at(i);
      const m = marketAt(x, v.key, ctx.keys);
      if (m) onBest(x, m, v, now);
    }
    for (let i = 0; i < mark.n; i++) {
      const v = mark.at(i);
      const m = marketAt(x, v.key, ctx.keys);
      if (m) onMark(x, m, v.mark_px, v.rate, v.next_funding_ms, v.event_ms, now);
    }
    for (let i = 0; i < funding.n; i++) {
      const v = funding.at(i);
      const m = marketAt(x, v.key, ctx.keys);
      if (m) onFunding(x, m, v.rate, v.time_ms, now);
    }
    for (let i = 0; i < order.n; i++) {
      const v = order.at(i);
      if (v.action === 'query') desk.queries.push({ at: now + c.order_latency, key: v.key, command: copyOf(v) });
      else if (sent(desk, c.unknown, v.key, [v], now, c.response_latency)) send(x, ctx.keys.at(v.key), widen(v), now);
    }
    if (x.inbox.length > 0 && (order.n > 0 || ctx.timer === ARRIVAL)) ctx.at(x.inbox[0]!.at, ARRIVAL);
    const busy = order.n > 0 || ctx.timer === DESK || desk.doubts.length + desk.queries.length + desk.out.length > 0;
    if (busy) work(x, c, ctx);
    if (x.outbox.length + desk.out.length > 0) answer(x, emit, ctx);
    if (!busy) return;
    const due = nextDue(desk);
    if (due < Number.POSITIVE_INFINITY) ctx.at(due, DESK);
  },
});

function marketAt(x: Exchange, key: number, keys: KeyTable): Market | null {
  return x.markets[key] ?? marketOf(x, keys.at(key));
}

/** Queries that have arrived, and outcomes whose time has come. */
function work(x: State, c: Config, ctx: Ctx): void {
  const { desk } = x;
  prove(desk, ctx.now);
  while (desk.queries.length > 0 && desk.queries[0]!.at <= ctx.now) {
    const { key, command } = desk.queries.shift()!;
    const under: KeyedReport[] = [];
    for (const e of x.outbox) if (e.port === 'report') under.push(narrowReport(e.values));
    const stands = standing(x, ctx.keys.at(key), command, ctx.now);
    answerQuery(desk, key, command, stands, under, ctx.now, c.response_latency);
  }
}

/** Emits what is due and sets the timer for what is not. */
function answer(x: State, emit: Emit<(typeof ports)['out']>, ctx: Ctx): void {
  const { desk } = x;
  const out = x.outbox;
  let n = 0;
  for (; n < out.length && out[n]!.at <= ctx.now; n++) {
    const e = out[n]!;
    if (e.port === 'report') {
      const r = pass(desk, narrowReport(e.values));
      if (r) emit.report(r);
    } else if (e.port === 'account') emit.account(narrowAccount(e.values));
    else emit.position(e.values);
  }
  if (n === out.length) out.length = 0;
  else {
    out.splice(0, n);
    ctx.at(out[0]!.at, RESPONSE);
  }
  let told = 0;
  for (; told < desk.out.length && desk.out[told]!.at <= ctx.now; told++) emit.report(desk.out[told]!.values);
  desk.out.splice(0, told);
}
