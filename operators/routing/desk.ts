import { type Ctx, type Emit, output } from '../../graph/node.ts';
import {
  OrderCommand,
  type OrderReport,
  type RecordView,
  type Scalar,
  type TopOfBook,
  type Values,
} from '../../graph/schema/index.ts';
import { orderId } from '../decision/market-order.ts';
import type { Filter } from '../position/filters.ts';
import type { RouterConfig } from './config.ts';
import { ExecutionStep, OrderDoubt, OrderLife, RouteOutcome, RouterAlert } from './records.ts';
import type { Parent, RouterState } from './state.ts';

export const routerOut = {
  order: output(OrderCommand, { many: true, doc: 'to the venue' }),
  life: output(OrderLife, { many: true, doc: 'place, route, fill, report of every order' }),
  outcome: output(RouteOutcome, { many: true, doc: 'the end of every intent; feed it back to position.gate' }),
  doubt: output(OrderDoubt, { doc: 'UNKNOWN orders, when there are more or fewer; feed it back to position.gate' }),
  alert: output(RouterAlert, { many: true, doc: 'what a person should look at' }),
  step: output(ExecutionStep, { many: true, doc: 'state, action and reward of every step of execution' }),
};
export type Command = Values<typeof OrderCommand>;
export type Report = Readonly<Values<typeof OrderReport>>;
export type Life = Values<typeof OrderLife>;

/** What the parts of the router work with during one step. */
export interface Desk {
  readonly s: RouterState;
  readonly c: RouterConfig;
  readonly filter: Filter;
  /** Stops hold the asset, nothing is short, and commissions are taken in the asset. */
  readonly spot: boolean;
  readonly book: RecordView<typeof TopOfBook>;
  readonly micro: Readonly<
    Record<'depth_5bp' | 'realized_vol_1m' | 'tick_imbalance' | 'time_to_funding', RecordView<typeof Scalar>>
  >;
  readonly emit: Emit<typeof routerOut>;
  readonly ctx: Ctx;
}

/** Tags of the router's timers. */
export const WORK = 1;
export const GUARD = 2;
export const DOUBT = 3;
export const FLATTEN = 4;

/**
 * A new client order id: instrument, engine time, running number. The same journal gives the same ids, and engine time
 * keeps them apart from those of an earlier run. Within Binance's `^[\.A-Z\:/a-z0-9_-]{1,36}$`.
 */
export const clientId = (d: Desk): string => orderId(d.ctx.key.name, d.ctx.now, d.s.orders++);

export const hasBook = (d: Desk): boolean => d.book.seen && d.book.bid_px > 0 && d.book.ask_px > 0;

/** Sends a command to the venue, and says so in the order's life. */
export function command(
  d: Desk,
  cmd: Command,
  event: string,
  more: { left?: number; attempt?: number; reason?: string } = {},
): void {
  d.emit.order(cmd);
  life(d, {
    stage: 'route',
    event,
    intent_id: cmd.intent_id,
    client_id: cmd.client_id,
    origin: cmd.origin,
    side: cmd.side,
    qty: cmd.qty,
    px: Number.isNaN(cmd.px) ? cmd.stop_px : cmd.px,
    cum_qty: 0,
    left: more.left ?? 0,
    attempt: more.attempt ?? 0,
    code: 0,
    reason: more.reason ?? '',
  });
}

type LifeRow = Omit<Life, 'bid_px' | 'bid_qty' | 'ask_px' | 'ask_qty'>;
/** One row of an order's life, with the last book before it. */
export function life(d: Desk, row: LifeRow): void {
  const b = hasBook(d);
  d.emit.life({
    ...row,
    bid_px: b ? d.book.bid_px : Number.NaN,
    bid_qty: b ? d.book.bid_qty : Number.NaN,
    ask_px: b ? d.book.ask_px : Number.NaN,
    ask_qty: b ? d.book.ask_qty : Number.NaN,
  });
}

/** What the venue said of an order. */
export function reported(d: Desk, r: Report, intent: string, origin: Command['origin'], left: number): void {
  life(d, {
    stage: r.exec === 'trade' ? 'fill' : 'report',
    event: r.exec,
    intent_id: intent,
    client_id: r.client_id,
    origin,
    side: r.side,
    qty: r.exec === 'trade' ? r.last_qty : r.qty,
    px: r.exec === 'trade' ? r.last_px : r.px,
    cum_qty: r.cum_qty,
    left,
    attempt: 0,
    code: r.code,
    reason: r.reason,
  });
}

const orNaN = (x: RecordView<typeof Scalar>): number => (x.seen ? x.value : Number.NaN);

/** One row of the execution data set. `result` on the last one of an intent. */
export function executionStep(
  d: Desk,
  p: Parent,
  action: Values<typeof ExecutionStep>['action'],
  result?: { slippage: number; fee: number },
): void {
  const b = hasBook(d);
  const { bid_px: bid, ask_px: ask } = d.book;
  d.emit.step({
    intent_id: p.id,
    step: p.steps++,
    action,
    spread_bp: b ? ((ask - bid) / ((ask + bid) / 2)) * 1e4 : Number.NaN,
    best_bid_qty: b ? d.book.bid_qty / d.ctx.key.qtyScale : Number.NaN,
    best_ask_qty: b ? d.book.ask_qty / d.ctx.key.qtyScale : Number.NaN,
    depth_5bp_agg: orNaN(d.micro.depth_5bp),
    realized_vol_1m: orNaN(d.micro.realized_vol_1m),
    tick_imbalance: orNaN(d.micro.tick_imbalance),
    time_to_next_funding: orNaN(d.micro.time_to_funding),
    left: (p.qty - p.filled) / p.qty,
    probability: 1,
    done: result !== undefined,
    slippage_bp: result ? result.slippage : Number.NaN,
    fee_bp: result ? result.fee : Number.NaN,
    reward: result ? -(result.slippage + result.fee) : Number.NaN,
  });
}
