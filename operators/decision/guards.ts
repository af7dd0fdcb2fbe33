import { z } from 'zod';
import { duration } from '../../graph/document/duration.ts';
import { defineNode, type Emit, input, output } from '../../graph/node.ts';
import { BookState, bool, EngineLag, f64, int, ms, record, Scalar } from '../../graph/schema/index.ts';
import { DailyLoss, GuardState } from './records.ts';

/** What is needed of a book, a trade and a mark price; producers have more. */
const Book = record('book_update', 1, { u: int() });
const Print = record('print', 1, { on_market: bool() });
const Funding = record('funding', 1, {
  rate: f64({ nullable: true }),
  next_funding_ms: ms({ nullable: true }),
  event_ms: ms(),
});

/** Reasons, in the order of the bits of `mask`. */
export const REASONS = [
  'book_stale',
  'trades_stale',
  'book_state',
  'spread',
  'depth',
  'engine_lag',
  'daily_loss',
  'funding_long',
  'funding_short',
] as const;
const BOOK = 1;
const TRADES = 2;
const STATE = 4;
const SPREAD = 8;
const DEPTH = 16;
const LAG = 32;
const LOSS = 64;
const FUNDING_LONG = 128;
const FUNDING_SHORT = 256;
const BOTH = BOOK | TRADES | STATE | SPREAD | DEPTH | LAG | LOSS;

const out = { state: output(GuardState, { doc: 'at the first event, and at each change' }) };
interface State {
  mask: number;
  told: number;
  bookUs: number;
  tradeUs: number;
}
const BOOK_TIMER = 1;
const TRADE_TIMER = 2;

export const guards = defineNode({
  type: 'decision.guards',
  version: 1,
  tier: 'gold',
  summary:
    'L0: blocks new risk while data is stale, the spread wide, the book thin, the engine behind, or the day lost.',
  doc: `| reason | blocks while |
|---|---|
| \`book_stale\` | there was no book update yet, or none for \`book_max_age\` |
| \`trades_stale\` | no trade on the market for \`trade_max_age\` (only when \`trade\` is connected) |
| \`book_state\` | the book is not \`live\` |
| \`spread\` | the spread is above \`max_spread_bp\` |
| \`depth\` | the depth is below \`min_depth\` |
| \`engine_lag\` | the engine is further behind its clock than \`max_lag\` |
| \`daily_loss\` | the day's loss limit is reached |
| \`funding_long\`, \`funding_short\` | funding that this side would pay is nearer than \`funding_window\` (one side only; \`use_funding_gate\`) |

Ages are kept by engine timers: a reason appears exactly when the age is reached, whatever the load. Exits do not ask.`,
  config: z.strictObject({
    book_max_age: duration({ min: '1ms' }).prefault('2s'),
    trade_max_age: duration({ min: '1ms' }).prefault('1m'),
    max_spread_bp: z.number().positive().default(5),
    min_depth: z.number().min(0).default(0).describe('in the unit of the connected depth'),
    max_lag: duration({ min: '1ms' }).prefault('500ms'),
    use_funding_gate: z.boolean().default(false),
    funding_window: duration().prefault('5m'),
    funding_min_rate: z.number().min(0).default(0).describe('rates up to this are not adverse'),
  }),
  ports: {
    in: {
      book: input(Book),
      trade: input(Print, { optional: true }),
      state: input(BookState, { optional: true }),
      spread: input(Scalar, { optional: true, doc: 'bp' }),
      depth: input(Scalar, { optional: true }),
      lag: input(EngineLag, { key: 'none', optional: true }),
      loss: input(DailyLoss, { key: 'none', optional: true }),
      mark: input(Funding, { optional: true }),
    },
    out,
  },
  determinism: 'pure',
  state: (): State => ({ mask: BOOK, told: -1, bookUs: -1, tradeUs: -1 }),
  step(s, tick, c, emit, ctx) {
    let mask = s.mask;
    if (tick.book.ticked) {
      // One timer runs behind the updates instead of one being set by each of them.
      if ((mask & BOOK) !== 0) ctx.at(ctx.now + c.book_max_age, BOOK_TIMER);
      s.bookUs = ctx.now;
      mask &= ~BOOK;
    }
    if (tick.trade.ticked && tick.trade.on_market) {
      if (s.tradeUs < 0 || (mask & TRADES) !== 0) ctx.at(ctx.now + c.trade_max_age, TRADE_TIMER);
      s.tradeUs = ctx.now;
      mask &= ~TRADES;
    }
    if (ctx.timer === BOOK_TIMER) {
      if (ctx.now < s.bookUs + c.book_max_age) ctx.at(s.bookUs + c.book_max_age, BOOK_TIMER);
      else mask |= BOOK;
    } else if (ctx.timer === TRADE_TIMER) {
      if (ctx.now < s.tradeUs + c.trade_max_age) ctx.at(s.tradeUs + c.trade_max_age, TRADE_TIMER);
      else mask |= TRADES;
    }
    if (tick.state.ticked) mask = tick.state.state === 'live' ? mask & ~STATE : mask | STATE;
    if (tick.spread.ticked) mask = tick.spread.value > c.max_spread_bp ? mask | SPREAD : mask & ~SPREAD;
    if (tick.depth.ticked) mask = tick.depth.value < c.min_depth ? mask | DEPTH : mask & ~DEPTH;
    if (tick.lag.ticked) mask = tick.lag.lag_us > c.max_lag ? mask | LAG : mask & ~LAG;
    if (tick.loss.ticked) mask = tick.loss.blocked ? mask | LOSS : mask & ~LOSS;
    if (c.use_funding_gate && tick.mark.ticked) {
      mask &= ~(FUNDING_LONG | FUNDING_SHORT);
      // Both times are the exchange's own: the distance does not depend on our clock.
      const left = (tick.mark.next_funding_ms - tick.mark.event_ms) * 1000;
      if (left >= 0 && left <= c.funding_window) {
        if (tick.mark.rate > c.funding_min_rate) mask |= FUNDING_LONG;
        else if (tick.mark.rate < -c.funding_min_rate) mask |= FUNDING_SHORT;
      }
    }
    s.mask = mask;
    if (mask !== s.told) tell(s, mask, emit);
  },
});

function tell(s: State, mask: number, emit: Emit<typeof out>): void {
  s.told = mask;
  const blocked = (mask & BOTH) !== 0;
  emit.state({
    blocked,
    block_long: blocked || (mask & FUNDING_LONG) !== 0,
    block_short: blocked || (mask & FUNDING_SHORT) !== 0,
    mask,
    reasons: REASONS.filter((_, i) => (mask & (1 << i)) !== 0).join(','),
  });
}
