import { toQuote } from './instrument.ts';
import { balance, FIRST_ISOLATED, walletBalance } from './ledger.ts';
import { marginBehind } from './margin.ts';
import { mulDiv } from './money.ts';
import { unrealised } from './position.ts';
import { REJECT, type Reject } from './reject.ts';
import type { Account, Command, Exchange, Market, Order, Report } from './state.ts';
import { liquidationPrice } from './tiers.ts';

const msOf = (nowUs: number): number => Math.floor(nowUs / 1000);

function push(x: Exchange, now: number, port: 'report', values: Report): void {
  x.outbox.push({ at: now + x.rules.responseLatencyUs, port, values });
}

/** An execution event of an order that is not a trade. */
export function tell(
  x: Exchange,
  m: Market,
  o: Order,
  exec: Report['exec'],
  now: number,
  why: Reject | undefined = undefined,
  reason = '',
): void {
  push(x, now, 'report', {
    client_id: o.clientId,
    order_id: o.orderId,
    exec,
    status: o.status,
    code: why ? REJECT[why][0] : 0,
    reason: why ? REJECT[why][1] : reason,
    side: o.side > 0 ? 'buy' : 'sell',
    type: o.type,
    tif: o.tif,
    px: o.px,
    stop_px: o.stopPx,
    qty: o.qty,
    reduce_only: o.reduceOnly,
    last_px: Number.NaN,
    last_qty: 0,
    cum_qty: o.cum,
    cum_quote: o.cumQuote,
    fee: 0,
    realized_pnl: 0,
    maker: false,
    trade_id: 0,
    time_ms: msOf(now),
    key: m.instrument.key,
    algo_id: o.algoId,
  });
}

/** One trade of an order. */
export function tellTrade(
  x: Exchange,
  m: Market,
  o: Order,
  px: number,
  qty: number,
  fee: number,
  pnl: number,
  maker: boolean,
  now: number,
  reason = '',
): void {
  push(x, now, 'report', {
    client_id: o.clientId,
    order_id: o.orderId,
    exec: 'trade',
    status: o.status,
    code: 0,
    reason,
    side: o.side > 0 ? 'buy' : 'sell',
    type: o.type,
    tif: o.tif,
    px: o.px,
    stop_px: o.stopPx,
    qty: o.qty,
    reduce_only: o.reduceOnly,
    last_px: px,
    last_qty: qty,
    cum_qty: o.cum,
    cum_quote: o.cumQuote,
    fee,
    realized_pnl: pnl,
    maker,
    trade_id: m.nextTradeId++,
    time_ms: msOf(now),
    key: m.instrument.key,
    algo_id: o.algoId,
  });
}

/**
 * A command that was refused: `order_id` 0. A refused cancel (−2011) speaks of the cancel, not of an order: whatever
 * became of the order with that id was reported before.
 */
export function refuse(x: Exchange, key: number, c: Command, why: Reject, now: number): void {
  push(x, now, 'report', {
    client_id: c.client_id,
    order_id: 0,
    exec: 'rejected',
    status: 'rejected',
    code: REJECT[why][0],
    reason: REJECT[why][1],
    side: c.side,
    type: c.type,
    tif: c.tif,
    px: Number.isInteger(c.px) ? c.px : Number.NaN,
    stop_px: Number.isInteger(c.stop_px) ? c.stop_px : Number.NaN,
    qty: Number.isInteger(c.qty) ? c.qty : 0,
    reduce_only: c.reduce_only,
    last_px: Number.NaN,
    last_qty: 0,
    cum_qty: 0,
    cum_quote: 0,
    fee: 0,
    realized_pnl: 0,
    maker: false,
    trade_id: 0,
    time_ms: msOf(now),
    key,
    algo_id: 0,
  });
}

/** A change of wallet and position, and the position as it stands after it. */
export function tellAccount(
  x: Exchange,
  m: Market,
  reason: Account['reason'],
  fee: number,
  pnl: number,
  funding: number,
  now: number,
): void {
  const { position: p, instrument: i } = m;
  x.outbox.push({
    at: now + x.rules.responseLatencyUs,
    port: 'account',
    values: {
      reason,
      wallet: walletBalance(x.ledger),
      position_qty: p.qty,
      entry_quote: toQuote(i, p.cost),
      isolated_wallet: balance(x.ledger, FIRST_ISOLATED + m.slot),
      funding,
      fee,
      realized_pnl: pnl,
      mark_px: m.mark > 0 ? m.mark : Number.NaN,
      time_ms: msOf(now),
      key: i.key,
    },
  });
  tellPosition(x, m, now);
}

export function tellPosition(x: Exchange, m: Market, now: number): void {
  const { position: p, instrument: i } = m;
  const wallet = walletBalance(x.ledger);
  const isolated = balance(x.ledger, FIRST_ISOLATED + m.slot);
  const pnl = unrealised(i, p, m.mark);
  const equity = wallet + openProfit(x);
  const size = Math.abs(p.qty);
  const lp =
    p.qty === 0 || i.leverage === 0
      ? Number.NaN
      : liquidationPrice(i.tiers, p.qty, i.qtyScale, p.cost, marginBehind(x, m, true));
  x.outbox.push({
    at: now + x.rules.responseLatencyUs,
    port: 'position',
    values: {
      qty: p.qty,
      entry_px: size === 0 ? Number.NaN : mulDiv(Math.abs(p.cost), i.qtyScale, size),
      mark_px: m.mark > 0 ? m.mark : Number.NaN,
      unrealized_pnl: pnl,
      isolated_wallet: isolated,
      liquidation_px: lp,
      wallet,
      equity,
      share: equity > 0 ? (isolated + pnl) / equity : 0,
      time_ms: msOf(now),
      key: i.key,
    },
  });
}

/** Unrealised profit of all positions. */
export function openProfit(x: Exchange): number {
  let sum = 0;
  for (const k of x.live) {
    const m = x.markets[k]!;
    if (m.position.qty !== 0) sum += unrealised(m.instrument, m.position, m.mark);
  }
  return sum;
}
