import { Drive, type DriveOptions } from '../../../graph/testing/drive.ts';
import { router } from '../router.ts';

export type Row = Record<string, unknown>;
export const MS = 1000;
export const S = 1_000_000;
export const NONE = Number.NaN;
export const book = (bid: number, ask: number) => ({ u: 1, bid_px: bid, bid_qty: 500, ask_px: ask, ask_qty: 700 });
export const enter = (more: Row = {}): Row => ({
  id: 'i1',
  action: 'enter',
  side: 'buy',
  qty: 6,
  ref_px: 10010,
  margin: 1,
  stop_px: NONE,
  target_px: NONE,
  urgent: false,
  rule: 'r',
  reason: 'enter',
  ...more,
});
export const exit = (more: Row = {}): Row => enter({ id: 'x1', action: 'exit', side: 'sell', ...more });

/** A venue by hand: it answers what the test tells it to. */
export class Desk {
  readonly d: Drive<typeof router.ports.in, never>;
  now = 0;
  #trade = 100;
  constructor(config: Record<string, unknown> = {}, options: DriveOptions = {}) {
    this.d = new Drive(router as never, config, options);
    this.send(0, { book: book(10000, 10010) });
  }
  send(now: number, ticks: Record<string, Row | Row[]>): Row[] {
    this.now = now;
    return this.commands(this.d.send(now, ticks));
  }
  advance(now: number): Row[] {
    this.now = now;
    return this.commands(this.d.advance(now));
  }
  commands(out: { port: string; values: Row }[]): Row[] {
    return out.filter((e) => e.port === 'order').map((e) => e.values);
  }
  report(now: number, order: Row, exec: string, more: Row = {}): Row[] {
    return this.send(now, { report: [report(order, exec, more)] });
  }
  fill(now: number, order: Row, cum: number, qty: number, more: Row = {}): Row[] {
    return this.report(now, order, 'trade', {
      status: cum === order['qty'] ? 'filled' : 'partially_filled',
      cum_qty: cum,
      last_qty: qty,
      last_px: 10000,
      trade_id: this.#trade++,
      ...more,
    });
  }
  all(port: string): Row[] {
    return this.d.on(port as never);
  }
  get outcomes(): Row[] {
    return this.all('outcome');
  }
  get closers(): Row[] {
    return this.all('order').filter(
      (o) => o['action'] === 'place' && o['origin'] === 'guardian' && o['close_position'],
    );
  }
}
export const report = (order: Row, exec: string, more: Row = {}): Row => ({
  client_id: order['client_id'],
  order_id: 1,
  exec,
  status: exec,
  code: 0,
  reason: '',
  side: order['side'],
  type: order['type'],
  tif: order['tif'],
  px: order['px'],
  stop_px: NONE,
  qty: order['qty'],
  reduce_only: order['reduce_only'],
  last_px: NONE,
  last_qty: 0,
  cum_qty: 0,
  cum_quote: 0,
  fee: 0,
  realized_pnl: 0,
  maker: order['type'] === 'limit',
  trade_id: 0,
  time_ms: 0,
  base_fee: NONE,
  ...more,
});
/** Opens a long of 6 with one maker fill; returns the guardian. */
export function opened(config: Record<string, unknown> = {}, intent: Row = {}): { v: Desk; guardian: Row } {
  const v = new Desk(config);
  const [o] = v.send(1 * S, { intent: [enter(intent)] });
  v.report(1 * S + 5 * MS, o!, 'new');
  const guardian = v.fill(2 * S, o!, 6, 6)[0]!;
  v.report(2 * S + 5 * MS, guardian, 'new');
  return { v, guardian };
}
