import type { Command, Fill, LedgerOrder, Report, Status } from './order-state.ts';

interface How {
  readonly timeMs: number;
  readonly status?: Status | undefined;
  readonly code?: number;
  readonly reason?: string;
  readonly fill?: Fill;
}
const idNumber = (id: string): number => {
  const n = Number(id);
  return Number.isSafeInteger(n) ? n : 0;
};

/** One execution event of an order. */
export function orderReport(o: LedgerOrder, exec: Report['exec'], how: How): Report {
  const f = how.fill;
  return {
    client_id: o.clientId,
    order_id: idNumber(o.triggered && o.childId !== '' ? o.childId : o.orderId),
    exec,
    status: how.status ?? (o.cum > 0 ? 'partially_filled' : 'new'),
    code: how.code ?? 0,
    reason: how.reason ?? '',
    side: o.side,
    type: o.type,
    tif: o.tif,
    px: o.px,
    stop_px: o.stopPx,
    qty: o.qty,
    reduce_only: o.reduceOnly,
    last_px: f ? f.px : Number.NaN,
    last_qty: f ? f.qty : 0,
    cum_qty: o.cum,
    cum_quote: o.cumQuote,
    fee: f ? f.fee : 0,
    realized_pnl: f ? f.pnl : 0,
    maker: f ? f.maker : false,
    trade_id: f ? f.tradeId : 0,
    time_ms: how.timeMs,
    base_fee: f?.baseFee ?? Number.NaN,
  };
}

/** A command that was not taken, in the words of the exchange: no order id, the fields as they were commanded. */
export function refusedCommand(c: Command, code: number, reason: string, timeMs: number): Report {
  return {
    client_id: c.client_id,
    order_id: 0,
    exec: 'rejected',
    status: 'rejected',
    code,
    reason,
    side: c.side,
    type: c.type,
    tif: c.tif,
    px: c.px,
    stop_px: c.stop_px,
    qty: c.qty,
    reduce_only: c.reduce_only,
    last_px: Number.NaN,
    last_qty: 0,
    cum_qty: 0,
    cum_quote: 0,
    fee: 0,
    realized_pnl: 0,
    maker: false,
    trade_id: 0,
    time_ms: timeMs,
    base_fee: Number.NaN,
  };
}
