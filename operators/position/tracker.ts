import { z } from 'zod';
import { duration } from '../../graph/document/duration.ts';
import { type Ctx, defineNode, type Emit, input, output } from '../../graph/node.ts';
import {
  AccountUpdate,
  type KeyInfo,
  money,
  OrderReport,
  record,
  TopOfBook,
  type Values,
} from '../../graph/schema/index.ts';
import { filterOf, filters } from './filters.ts';
import { takeCommission } from './net-quantity.ts';
import { Position, PositionChange } from './records.ts';
import { isNewTrade, noTrades, type SeenTrades } from './seen-trades.ts';

/** What is needed of a mark price; a producer has more. */
const Mark = record('mark', 1, { mark_px: money() });

const config = z.strictObject({
  leverage: z.int().min(1).max(125).default(20).describe('for ROE'),
  revalue_every: duration({ min: '1ms', max: '1h' })
    .prefault('1s')
    .describe('at the mid of the book while a position is open and there is no mark price'),
  filters,
});
const out = {
  position: output(Position, { doc: 'at each change, and at each mark price while a position is open' }),
  change: output(PositionChange, { many: true, doc: 'one record per change, with cause, before and after' }),
};

interface State {
  qty: number;
  /** Spot: what commissions in the asset have taken beyond whole steps (net-quantity.ts). */
  dust: number;
  /** Signed Σ price × quantity of what is open. */
  cost: number;
  openedUs: number;
  adds: number;
  realized: number;
  fees: number;
  funding: number;
  seen: SeenTrades;
  /** USDT × 10⁸; 0 = none yet. */
  mark: number;
  marked: boolean;
}
const REVALUE = 1;

export const tracker = defineNode({
  type: 'position.tracker',
  version: 3,
  tier: 'gold',
  summary:
    'The position of each instrument as the fold of its fills and funding: quantity, cost, result, ROE on the mark price.',
  doc: `Quantity and cost are integer sums: adding adds price × quantity, reducing takes out the proportional part of the cost
(rounded half away from zero), and what exceeds the position opens the other way. Fees, realised result and funding are
booked as the venue reports them. A commission that was taken in the asset itself (Spot, \`base_fee\`) makes the purchase
smaller: what is held counts in whole steps of \`filters\`, at the price that was paid for it; the value of the
commission is in \`fee\`. ROE = unrealised result / (cost / leverage), at the mark price; without one, at the mid
of the book every \`revalue_every\`.`,
  config,
  ports: {
    in: {
      report: input(OrderReport, { many: true }),
      account: input(AccountUpdate, { many: true, optional: true, doc: 'for funding' }),
      mark: input(Mark, { optional: true }),
      book: input(TopOfBook, { optional: true, passive: true, doc: 'stands in for the mark price' }),
    },
    out,
  },
  determinism: 'pure',
  state: (): State => ({
    qty: 0,
    dust: 0,
    cost: 0,
    openedUs: Number.NaN,
    adds: 0,
    realized: 0,
    fees: 0,
    funding: 0,
    seen: noTrades(),
    mark: 0,
    marked: false,
  }),
  /** Before version 3 commissions in the asset were not known. */
  migrate: (old): State => ({ ...(old as State), dust: 0 }),
  step(s, tick, c, emit, ctx) {
    let changed = false;
    for (let i = 0; i < tick.report.n; i++) {
      const r = tick.report.at(i);
      if (r.exec === 'trade' && isNewTrade(s.seen, r.trade_id)) {
        onFill(s, r, c, emit, ctx);
        changed = true;
      }
    }
    for (let i = 0; i < tick.account.n; i++) {
      const a = tick.account.at(i);
      if (a.reason === 'funding' && a.funding !== 0) {
        s.funding += a.funding;
        tell(s, emit, 'funding', {
          before: s.qty,
          px: Number.NaN,
          client: '',
          trade: 0,
          realized: 0,
          fee: 0,
          funding: a.funding,
          time: a.time_ms,
        });
        changed = true;
      }
    }
    if (tick.mark.ticked) {
      s.mark = tick.mark.mark_px;
      s.marked = true;
      if (s.qty !== 0) changed = true;
    } else if (!s.marked && (changed || ctx.timer === REVALUE) && tick.book.seen) {
      s.mark = Math.round(((tick.book.bid_px + tick.book.ask_px) / 2 / ctx.key.pxScale) * 1e8);
      changed = true;
    }
    if (!changed) return;
    if (s.qty !== 0 && !s.marked) ctx.after(c.revalue_every, REVALUE);
    else ctx.cancel(REVALUE);
    value(s, c.leverage, emit, ctx);
  },
});

type Report = Readonly<Values<typeof OrderReport>>;
type Cause = Values<typeof PositionChange>['cause'];

function onFill(s: State, r: Report, c: z.output<typeof config>, emit: Emit<typeof out>, ctx: Ctx): void {
  const before = s.qty;
  const delta = r.side === 'buy' ? r.last_qty : -r.last_qty;
  const against = before !== 0 && before > 0 !== delta > 0;
  const closed = against ? Math.min(Math.abs(before), Math.abs(delta)) : 0;
  if (closed > 0) s.cost -= shareOf(s.cost, closed, Math.abs(before));
  const opened = Math.abs(delta) - closed;
  if (opened > 0) s.cost += (delta > 0 ? opened : -opened) * r.last_px;
  s.qty = before + delta;
  if (r.base_fee > 0 && delta > 0) {
    const { less, dust } = takeCommission(s.dust, r.base_fee, filterOf(c.filters, ctx.key), ctx.key);
    const lost = Math.min(less, Math.max(0, s.qty));
    s.dust = dust;
    s.qty -= lost;
    s.cost -= lost * r.last_px;
  }
  const flips = closed > 0 && opened > 0;
  if (before === 0 || flips) {
    s.openedUs = ctx.now;
    s.adds = 0;
  } else if (opened > 0) s.adds++;
  if (s.qty === 0) s.openedUs = Number.NaN;
  s.realized += r.realized_pnl;
  s.fees += r.fee;
  const cause: Cause =
    r.type === 'liquidation'
      ? 'liquidation'
      : flips
        ? 'flip'
        : before === 0
          ? 'open'
          : opened > 0
            ? 'add'
            : s.qty === 0
              ? 'close'
              : 'reduce';
  tell(s, emit, cause, {
    before,
    px: r.last_px,
    client: r.client_id,
    trade: r.trade_id,
    realized: r.realized_pnl,
    fee: r.fee,
    funding: 0,
    time: r.time_ms,
  });
}

/** cost × part / whole, rounded half away from zero; exact whatever the size. */
function shareOf(cost: number, part: number, whole: number): number {
  if (part === whole) return cost;
  const n = BigInt(Math.abs(cost)) * BigInt(part) * 2n + BigInt(whole);
  return Math.sign(cost) * Number(n / (2n * BigInt(whole)));
}

function tell(
  s: State,
  emit: Emit<typeof out>,
  cause: Cause,
  d: {
    before: number;
    px: number;
    client: string;
    trade: number;
    realized: number;
    fee: number;
    funding: number;
    time: number;
  },
): void {
  emit.change({
    cause,
    client_id: d.client,
    trade_id: d.trade,
    qty_before: d.before,
    qty_after: s.qty,
    entry_quote: s.cost,
    px: d.px,
    realized: d.realized,
    fee: d.fee,
    funding: d.funding,
    realized_total: s.realized,
    fee_total: s.fees,
    funding_total: s.funding,
    time_ms: d.time,
  });
}

function value(s: State, leverage: number, emit: Emit<typeof out>, ctx: Ctx): void {
  const k: KeyInfo = ctx.key;
  const mark = s.mark / 1e8;
  const qty = s.qty / k.qtyScale;
  const cost = s.cost / (k.pxScale * k.qtyScale);
  const pnl = s.qty === 0 || s.mark === 0 ? 0 : qty * mark - cost;
  emit.position({
    side: s.qty === 0 ? 'flat' : s.qty > 0 ? 'long' : 'short',
    entry_px: s.qty === 0 ? 0 : cost / qty,
    mark_px: mark,
    pnl,
    roe: s.qty === 0 ? 0 : pnl / (Math.abs(cost) / leverage),
    age_s: s.qty === 0 ? 0 : (ctx.now - s.openedUs) / 1e6,
    adds: s.qty === 0 ? 0 : s.adds,
    qty: s.qty,
    entry_quote: s.cost,
    opened_us: s.openedUs,
  });
}
