import { balance, FIRST_ISOLATED, walletBalance } from '../../core/ledger.ts';
import { maintenanceOf } from '../../core/margin.ts';
import { mulDiv, ten } from '../../core/money.ts';
import { unrealised } from '../../core/position.ts';
import { openNotional } from '../../core/resting.ts';
import type { Account, Exchange, Report } from '../../core/state.ts';
import { decimal, money, moneyOr0, short } from './decimal.ts';
import { type AlgoRecord, averageOf, avgDigits, type Desk, type OrderRecord } from './desk.ts';
import { callbackText, qtyText } from './json.ts';

/** Events of the user data stream, in Binance's fields and their order. `E` and `T` are market time (ms). */

/** Why an order expired (`er`). Source: USD-M user data stream, ORDER_TRADE_UPDATE. */
const EXPIRY: Readonly<Record<string, string>> = {
  'self-trade prevention': '1',
  'not filled at once': '2',
  'no liquidity within the price bound': '9',
  'no recorded book': '4',
  'position closed': '6',
  'no position to close': '6',
  'good till date': '3',
};

const zeroOr = (text: string, value: number): string => (value === 0 || Number.isNaN(value) ? '0' : text);

export function orderTradeUpdate(o: OrderRecord, r: Report, bids: number, asks: number): object {
  const d = o.desk;
  const px = (v: number): string => zeroOr(decimal(v, d.key.pxDigits), v);
  const qty = (v: number): string => zeroOr(decimal(v, d.key.qtyDigits), v);
  const average = averageOf(o);
  const trade = r.exec === 'trade';
  return {
    e: 'ORDER_TRADE_UPDATE',
    T: r.time_ms,
    E: r.time_ms,
    o: {
      s: d.symbol,
      c: o.clientId,
      S: o.side,
      o: o.type,
      f: o.tif,
      q: qty(o.qty),
      p: px(o.px),
      ap: zeroOr(short(average, avgDigits(d)), average),
      sp: px(o.stopPx),
      x: executionOf(r),
      X: o.status,
      i: o.orderId,
      l: qty(r.last_qty),
      z: qty(o.cum),
      L: px(r.last_px),
      n: moneyOr0(r.fee),
      N: 'USDT',
      T: r.time_ms,
      t: r.trade_id,
      b: short(bids, 8),
      a: short(asks, 8),
      m: r.maker,
      R: o.reduceOnly,
      wt: o.working,
      ot: o.origType,
      ps: 'BOTH',
      cp: o.closePosition,
      rp: trade ? moneyOr0(r.realized_pnl) : '0',
      pP: o.protect,
      si: 0,
      ss: 0,
      V: o.stp,
      pm: o.priceMatch,
      gtd: o.goodTillDate,
      er: r.exec === 'expired' ? (EXPIRY[r.reason] ?? '0') : '0',
    },
  };
}
function executionOf(r: Report): string {
  if (r.exec === 'new') return 'NEW';
  if (r.exec === 'amended') return 'AMENDMENT';
  if (r.exec === 'canceled') return 'CANCELED';
  if (r.exec === 'trade') return r.type === 'liquidation' || r.type === 'adl' ? 'CALCULATED' : 'TRADE';
  return 'EXPIRED';
}

/** The quick note of a trade, ahead of the full event. */
export function tradeLite(o: OrderRecord, r: Report): object {
  const d = o.desk;
  return {
    e: 'TRADE_LITE',
    E: r.time_ms,
    T: r.time_ms,
    s: d.symbol,
    q: qtyText(d, o.qty),
    p: decimal(Number.isNaN(o.px) ? 0 : o.px, d.key.pxDigits),
    m: r.maker,
    c: o.clientId,
    S: o.side,
    L: decimal(r.last_px, d.key.pxDigits),
    l: qtyText(d, r.last_qty),
    t: r.trade_id,
    i: o.orderId,
  };
}

const REASON: Readonly<Record<Account['reason'], string>> = {
  order: 'ORDER',
  adl: 'ORDER',
  funding: 'FUNDING_FEE',
  liquidation: 'INSURANCE_CLEAR',
  margin: 'MARGIN_TRANSFER',
  deposit: 'DEPOSIT',
};

/** A change of balance and position, as it stood right after it. Cross funding changes no position: balance only. */
export function accountUpdate(x: Exchange, d: Desk, a: Account): object {
  let others = 0;
  for (const k of x.live) if (k !== d.key.index) others += balance(x.ledger, FIRST_ISOLATED + x.markets[k]!.slot);
  const m = a.reason === 'liquidation' && a.fee === 0 ? 'ORDER' : REASON[a.reason];
  return {
    e: 'ACCOUNT_UPDATE',
    T: a.time_ms,
    E: a.time_ms,
    a: {
      B: [{ a: 'USDT', wb: money(a.wallet), cw: money(a.wallet - others - a.isolated_wallet), bc: '0' }],
      P: m === 'FUNDING_FEE' && d.market.cross ? [] : [positionOf(d, a)],
      m,
    },
  };
}
function positionOf(d: Desk, a: Account): object {
  const i = d.instrument;
  const qty = a.position_qty;
  const cost = i.down === 1 ? a.entry_quote * i.up : mulDiv(a.entry_quote, 1, i.down);
  const profit = qty === 0 || Number.isNaN(a.mark_px) ? 0 : mulDiv(qty, a.mark_px, i.qtyScale) - cost;
  return {
    s: d.symbol,
    pa: short(qty, d.key.qtyDigits),
    ep: short(entryPrice(d, qty, cost), 8),
    cr: moneyOr0(d.realised),
    up: moneyOr0(profit),
    mt: d.market.cross ? 'cross' : 'isolated',
    iw: moneyOr0(a.isolated_wallet),
    ps: 'BOTH',
    ma: 'USDT',
    bep: short(breakEven(d, qty, cost), 8),
  };
}
/** Price at which the position was entered, and at which closing it also earns the fees of its opening; × 10^8. */
export function entryPrice(d: Desk, qty: number, cost: number): number {
  return qty === 0 ? 0 : mulDiv(cost, d.instrument.qtyScale * Math.sign(qty), Math.abs(qty));
}
export function breakEven(d: Desk, qty: number, cost: number): number {
  return qty === 0 ? 0 : mulDiv(cost + d.openFees, d.instrument.qtyScale * Math.sign(qty), Math.abs(qty));
}

/** The wallet changed by a transfer. */
export function balanceChange(x: Exchange, change: number, reason: string, ms: number): object {
  return {
    e: 'ACCOUNT_UPDATE',
    T: ms,
    E: ms,
    a: {
      B: [{ a: 'USDT', wb: money(walletBalance(x.ledger)), cw: money(balance(x.ledger, 0)), bc: money(change) }],
      P: [],
      m: reason,
    },
  };
}
export function marginTypeChange(x: Exchange, d: Desk, ms: number): object {
  const a: Account = {
    reason: 'margin',
    wallet: walletBalance(x.ledger),
    position_qty: 0,
    entry_quote: 0,
    isolated_wallet: 0,
    funding: 0,
    fee: 0,
    realized_pnl: 0,
    mark_px: Number.NaN,
    time_ms: ms,
    key: d.key.index,
  };
  return { e: 'ACCOUNT_UPDATE', T: ms, E: ms, a: { B: [], P: [positionOf(d, a)], m: 'MARGIN_TYPE_CHANGE' } };
}
export const leverageChange = (d: Desk, ms: number): object => ({
  e: 'ACCOUNT_CONFIG_UPDATE',
  T: ms,
  E: ms,
  ac: { s: d.symbol, l: d.instrument.leverage },
});

/** `status` and `order id` as they are at the moment of the event. */
export function algoUpdate(a: AlgoRecord, ms: number): object {
  const d = a.desk;
  const { order } = a;
  const px = (v: number): string => zeroOr(decimal(v, d.key.pxDigits), v);
  return {
    e: 'ALGO_UPDATE',
    T: ms,
    E: ms,
    o: {
      caid: a.clientId,
      aid: a.algoId,
      at: 'CONDITIONAL',
      o: a.origType,
      s: d.symbol,
      S: a.side,
      ps: 'BOTH',
      f: a.tif,
      q: zeroOr(qtyText(d, a.qty), a.qty),
      X: a.status,
      ai: a.orderId === 0 ? '' : String(a.orderId),
      ap: order ? decimal(averageOf(order), avgDigits(d)) : '0.00000',
      aq: order ? qtyText(d, order.cum) : '0',
      act: a.order ? a.order.type : '0',
      tp: px(a.stopPx),
      p: px(a.px),
      V: a.stp,
      wt: a.working,
      pm: a.priceMatch,
      cp: a.closePosition,
      pP: a.protect,
      R: a.reduceOnly,
      tt: a.triggerMs,
      gtd: a.goodTillDate,
      rm: a.refusal,
      ...(a.callback === 0 ? {} : { AP: px(a.activationPx), cr: callbackText(a.callback) }),
    },
  };
}

/** Positions that are near their liquidation. */
export function marginCall(x: Exchange, d: Desk, ms: number): object {
  const { position, cross, mark } = d.market;
  return {
    e: 'MARGIN_CALL',
    E: ms,
    ...(cross ? { cw: money(balance(x.ledger, 0)) } : {}),
    p: [
      {
        s: d.symbol,
        ps: 'BOTH',
        pa: short(position.qty, d.key.qtyDigits),
        mt: cross ? 'CROSSED' : 'ISOLATED',
        iw: moneyOr0(balance(x.ledger, FIRST_ISOLATED + d.market.slot)),
        mp: short(mark, 8),
        up: money(unrealised(d.instrument, position, mark)),
        mm: money(maintenanceOf(d.market)),
      },
    ],
  };
}
/** Notional of the open orders of a side. */
export const sideNotional = (d: Desk, side: 1 | -1): number => openNotional(d.market, side);
export const roundTo = (value: number, from: number, to: number): number =>
  from <= to ? value * ten(to - from) : mulDiv(value, 1, ten(from - to));
