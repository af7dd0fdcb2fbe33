import { z } from 'zod';
import { duration } from '../../graph/document/duration.ts';
import { type Ctx, defineNode, type Emit, input, output } from '../../graph/node.ts';
import { ControlCommand, OrderCommand, OrderReport, TopOfBook, type Values } from '../../graph/schema/index.ts';
import { filterOf, filters, notionalOf } from '../position/filters.ts';
import { Position, RiskUsage } from '../position/records.ts';
import { type HandOrder, handOrderId, type ManualState, readOrder } from './hand-order.ts';
import { ManualOutcome, ManualReserve, RiskHalt } from './records.ts';

const config = z.strictObject({
  leverage: z.int().min(1).max(125).default(20),
  collar_bp: z
    .number()
    .positive()
    .max(5000)
    .default(500)
    .describe('a limit price further than this from the other side of the book is taken for a slip of the finger'),
  ack_timeout: duration({ min: '10ms', max: '10m' })
    .prefault('3s')
    .describe('an order that was not heard of for so long, or that is UNKNOWN, is asked for'),
  filters,
});
type Config = z.output<typeof config>;
const out = {
  order: output(OrderCommand, { many: true, doc: 'to the last gate' }),
  outcome: output(ManualOutcome, { many: true, doc: 'what became of each command' }),
  reserved: output(ManualReserve, { doc: 'when it is another; feed it back to position.gate' }),
};
type Out = Emit<typeof out>;
const ASK = 1;
/** Answers that are kept for who asks for them. */
const ANSWERS = 32;

export const manualOrders = defineNode({
  type: 'governance.manual_orders',
  version: 1,
  tier: 'gold',
  summary:
    'Orders and cancels by people: commands of source.control as orders under the same limits as those of the strategy.',
  doc: `**\`order_place\`** carries the order in words: side, type, quantity, price, \`reduce_only\`. It is refused, and \`outcome\` says why, when
quantity or price are no multiples of the instrument's steps, when it is below the minimum notional, when its limit price lies beyond
\`collar_bp\`, or when it adds risk and the kill switch is engaged, new risk is paused, all places are taken or the margin budget does not
cover it. Nothing is rounded. What passes goes to \`governance.last_gate\` under a client id that follows from instrument, engine time and a
running number: a replay gives the same.
**Limits.** What an open order may yet need is told on \`reserved\`, so that \`position.gate\` counts it: an entry of the strategy and an order
by hand cannot take the same place.
**\`order_cancel\`** sends a cancel for any client id of the instrument; an order that has ended stays as it was.
**Afterwards** a fill is one of the account: positions book it, and the router protects what is held with its guardian stop. An order that
nobody hears of is asked for; it is never sent again.`,
  config,
  ports: {
    in: {
      command: input(ControlCommand, { key: 'none' }),
      report: input(OrderReport, { many: true }),
      refused: input(OrderReport, { many: true, optional: true, doc: 'from governance.last_gate, as feedback' }),
      book: input(TopOfBook, { passive: true }),
      position: input(Position, { passive: true }),
      usage: input(RiskUsage, { key: 'none', passive: true, doc: 'from position.gate' }),
      kill: input(RiskHalt, { key: 'none', passive: true }),
    },
    out,
  },
  determinism: 'pure',
  state: (): ManualState => ({ n: 0, orders: [], answers: [], toldOrders: 0, toldMargin: 0 }),
  step(s, tick, c, emit, ctx) {
    for (let i = 0; i < tick.report.n; i++) heard(s, tick.report.at(i), ctx);
    for (let i = 0; i < tick.refused.n; i++) heard(s, tick.refused.at(i), ctx);
    if (ctx.timer === ASK) ask(s, c, emit, ctx);
    const v = tick.command;
    if (v.ticked && v.instrument === ctx.key.name) {
      if (v.kind === 'order_place') {
        const order = readOrder(v.subject, ctx.key);
        const why = typeof order === 'string' ? order : refusal(s, order, tick, c, ctx);
        if (typeof order === 'string' || why !== '') answer(s, v, '', why, emit);
        else {
          order.id = handOrderId(ctx.key.name, ctx.now, s.n++);
          order.askedUs = ctx.now;
          s.orders.push(order);
          emit.order(command(order, 'place'));
          answer(s, v, order.id, '', emit);
        }
      } else if (v.kind === 'order_cancel') {
        emit.order(command({ ...NO_ORDER, id: v.subject }, 'cancel'));
        answer(s, v, v.subject, '', emit);
      }
    }
    tell(s, c, emit, ctx);
  },
});

interface Views {
  readonly book: Readonly<Values<typeof TopOfBook>> & { readonly seen: boolean };
  readonly position: Readonly<Values<typeof Position>> & { readonly seen: boolean };
  readonly usage: Readonly<Values<typeof RiskUsage>> & { readonly seen: boolean };
  readonly kill: Readonly<Values<typeof RiskHalt>> & { readonly seen: boolean };
}

/** Why an order does not leave; empty = it does. */
function refusal(s: ManualState, o: HandOrder, { book, position, usage, kill }: Views, c: Config, ctx: Ctx): string {
  const f = filterOf(c.filters, ctx.key);
  if (o.qty === 0 || o.qty % f.step !== 0) return 'the quantity is no multiple of the instrument’s step';
  if (o.type !== 'market' && (o.px === 0 || o.px % f.tick !== 0))
    return 'the price is no multiple of the instrument’s tick';
  if (!book.seen || book.bid_px <= 0 || book.ask_px <= 0) return 'there is no book to judge it by';
  const touch = o.buy ? book.ask_px : book.bid_px;
  if (o.type === 'market') o.px = touch;
  const beyond = o.buy ? o.px - touch : touch - o.px;
  if (o.type === 'limit' && beyond * 10_000 > touch * c.collar_bp)
    return `the limit price is more than ${c.collar_bp} bp beyond the book`;
  if (notionalOf(o.px, o.qty, ctx.key) < f.minNotional && !o.reduce)
    return 'it is worth less than the minimum notional';
  if (o.reduce) {
    const held = position.seen ? position.qty : 0;
    return held === 0 || held > 0 === o.buy ? 'there is no position that it would reduce' : '';
  }
  if (!kill.seen) return 'the state of the kill switch is not known: it counts as engaged';
  if (kill.engaged) return `the kill switch is engaged: ${kill.reason}`;
  if (kill.paused) return `new risk is paused: ${kill.reason}`;
  if (!usage.seen) return 'the account’s limits are not known yet';
  const own = s.orders.length > 0 || (position.seen && position.qty !== 0);
  if (!own && usage.open >= usage.max_positions) return `${usage.open} of ${usage.max_positions} positions are taken`;
  if (marginOf(o, c, ctx) > usage.margin_left) return 'the margin budget does not cover it';
  return '';
}
const marginOf = (o: HandOrder, c: Config, ctx: Ctx): number =>
  o.reduce ? 0 : notionalOf(o.px, o.qty - o.cum, ctx.key, c.leverage);

const NOT_CANCELLED = -2011;
const NO_SUCH_ORDER = -2013;
const ENDED: ReadonlySet<string> = new Set(['filled', 'canceled', 'rejected', 'expired']);

function heard(s: ManualState, r: Readonly<Values<typeof OrderReport>>, ctx: Ctx): void {
  if (s.orders.length === 0) return;
  const o = s.orders.find((x) => x.id === r.client_id);
  if (!o || (r.exec === 'rejected' && r.code === NOT_CANCELLED)) return;
  // Asked for and not known there: proof only once it had been said that nobody can tell.
  const proof = r.exec === 'rejected' && (r.code !== NO_SUCH_ORDER || o.asked);
  if (proof || (r.exec !== 'rejected' && r.exec !== 'unknown' && ENDED.has(r.status))) {
    s.orders = s.orders.filter((x) => x !== o);
    return;
  }
  o.cum = Math.max(o.cum, r.cum_qty);
  o.askedUs = r.exec === 'unknown' ? ctx.now : -1;
  if (r.exec !== 'unknown') o.asked = false;
}

/** Orders of which nothing was heard, or nobody can tell. */
function ask(s: ManualState, c: Config, emit: Out, ctx: Ctx): void {
  for (const o of s.orders) {
    if (o.askedUs < 0 || ctx.now < o.askedUs + c.ack_timeout) continue;
    o.askedUs = ctx.now;
    o.asked = true;
    emit.order(command(o, 'query'));
  }
}

/** What is reserved, if it is another, and when to look again. */
function tell(s: ManualState, c: Config, emit: Out, ctx: Ctx): void {
  let orders = 0;
  let margin = 0;
  let next = Number.POSITIVE_INFINITY;
  for (const o of s.orders) {
    if (!o.reduce) orders++;
    margin += marginOf(o, c, ctx);
    if (o.askedUs >= 0) next = Math.min(next, o.askedUs + c.ack_timeout);
  }
  if (next < Number.POSITIVE_INFINITY) ctx.at(next, ASK);
  if (orders === s.toldOrders && margin === s.toldMargin) return;
  s.toldOrders = orders;
  s.toldMargin = margin;
  emit.reserved({ orders, margin });
}

function answer(
  s: ManualState,
  v: Readonly<Values<typeof ControlCommand>>,
  client_id: string,
  reason: string,
  emit: Out,
): void {
  const { who, correlation_id } = v;
  const kind = v.kind === 'order_place' ? 'order_place' : 'order_cancel';
  s.answers.push({ correlation: correlation_id, id: client_id, reason });
  if (s.answers.length > ANSWERS) s.answers.shift();
  emit.outcome({ kind, sent: reason === '', client_id, reason, who, correlation_id });
}

const NO_ORDER: HandOrder = {
  id: '',
  buy: true,
  type: 'limit',
  px: 0,
  qty: 0,
  cum: 0,
  reduce: false,
  askedUs: -1,
  asked: false,
};
function command(o: HandOrder, action: 'place' | 'cancel' | 'query'): Values<typeof OrderCommand> {
  const placed = action === 'place';
  return {
    action,
    client_id: o.id,
    side: o.buy ? 'buy' : 'sell',
    type: o.type,
    tif: 'gtc',
    qty: placed ? o.qty : 0,
    px: placed && o.type === 'limit' ? o.px : Number.NaN,
    stop_px: placed && o.type !== 'limit' && o.type !== 'market' ? o.px : Number.NaN,
    working: 'last',
    reduce_only: placed && o.reduce,
    close_position: false,
    intent_id: '',
    origin: 'operator',
  };
}
