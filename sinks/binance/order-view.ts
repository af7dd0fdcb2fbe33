import { mulDivRound, parseDecimal } from '../../graph/math/index.ts';
import type { KeyInfo } from '../../graph/schema/index.ts';
import type { AlgoEvent, OrderEvent } from '../../sources/binance/user/user-event.ts';
import { type Fill, isConditional, type OrderView, type Report, type Status } from './order-state.ts';
import type { StreamNews } from './symbol-orders.ts';

/** From Binance's words, by stream and by REST, to what the ledger reads: integers in the instrument's decimals. */

export type Row = Readonly<Record<string, unknown>>;

const STATUS: Readonly<Record<string, Status>> = {
  NEW: 'new',
  PENDING_NEW: 'new',
  PENDING_CANCEL: 'new',
  PARTIALLY_FILLED: 'partially_filled',
  FILLED: 'filled',
  CANCELED: 'canceled',
  CANCELLED: 'canceled',
  REJECTED: 'rejected',
  EXPIRED: 'expired',
  EXPIRED_IN_MATCH: 'expired',
};
const TYPE: Readonly<Record<string, Report['type']>> = {
  MARKET: 'market',
  LIMIT: 'limit',
  LIMIT_MAKER: 'limit',
  STOP: 'stop_market',
  STOP_MARKET: 'stop_market',
  STOP_LOSS: 'stop_market',
  STOP_LOSS_LIMIT: 'stop_market',
  TRAILING_STOP_MARKET: 'stop_market',
  TAKE_PROFIT: 'take_profit_market',
  TAKE_PROFIT_MARKET: 'take_profit_market',
  TAKE_PROFIT_LIMIT: 'take_profit_market',
  LIQUIDATION: 'liquidation',
};
/** Orders of the exchange itself: liquidation and automatic deleveraging. */
const SYSTEM = /^(autoclose-|adl_autoclose)/;

const typeOf = (type: string, clientId: string): Report['type'] =>
  SYSTEM.test(clientId) ? 'liquidation' : (TYPE[type] ?? 'limit');
const tifOf = (tif: string, type: string): Report['tif'] =>
  type === 'LIMIT_MAKER' || tif === 'GTX' || tif === 'RPI'
    ? 'gtx'
    : tif === 'IOC'
      ? 'ioc'
      : tif === 'FOK'
        ? 'fok'
        : 'gtc';

/** '' and 0 are no price. */
const price = (text: string, key: KeyInfo): number => {
  const v = text === '' ? 0 : parseDecimal(text, key.pxDigits);
  return v === 0 ? Number.NaN : v;
};
const quantity = (text: string, key: KeyInfo): number => (text === '' ? 0 : parseDecimal(text, key.qtyDigits));
const money = (text: string): number => (text === '' ? 0 : parseDecimal(text, 8));

/**
 * A commission in the quote asset × 10^8. Taken in the traded asset (Spot buys) it is valued at the trade's price, half away
 * from zero; in any other asset (BNB) its value is not known here and counts as 0.
 */
export function feeOf(fee: string, asset: string, symbol: string, px: number, key: KeyInfo): number {
  if (fee === '' || asset === '' || symbol.endsWith(asset)) return money(fee);
  return symbol.startsWith(asset) ? mulDivRound(money(fee), px, key.pxScale) : 0;
}
/** Where the commission went, as far as the quote asset does not say it. */
function feeIn(fee: string, asset: string, symbol: string): { baseFee?: number; unvalued?: true } {
  if (asset === '' || symbol.endsWith(asset) || money(fee) === 0) return {};
  return symbol.startsWith(asset) ? { baseFee: money(fee) } : { unvalued: true };
}
/** A Spot stop keeps its id when it triggers, and works from then on. */
const works = (type: Report['type'], working: boolean): boolean => working && isConditional(type);

export function viewOfEvent(e: OrderEvent, key: KeyInfo): OrderView {
  return {
    clientId: e.clientId,
    orderId: e.orderId,
    conditional: false,
    status: STATUS[e.status] ?? 'new',
    side: e.side,
    type: typeOf(e.originalType, e.clientId),
    tif: tifOf(e.tif, e.type),
    px: price(e.px, key),
    stopPx: price(e.stopPx, key),
    qty: quantity(e.qty, key),
    cum: quantity(e.cumQty, key),
    reduceOnly: e.reduceOnly,
    triggered: works(typeOf(e.originalType, e.clientId), e.working === true),
    childId: '',
    code: e.exec === 'REJECTED' ? -2010 : 0,
    reason: e.reason,
    timeMs: e.timeMs,
  };
}
export function newsOfOrder(e: OrderEvent, key: KeyInfo): StreamNews {
  const view = viewOfEvent(e, key);
  const mayBeChild = view.type === 'stop_market' || view.type === 'take_profit_market' || e.type === 'MARKET';
  const lastQty = quantity(e.lastQty, key);
  if ((e.exec === 'TRADE' || e.exec === 'CALCULATED') && lastQty > 0) {
    const px = parseDecimal(e.lastPx, key.pxDigits);
    const fill: Fill = {
      orderId: e.orderId,
      tradeId: e.tradeId,
      px,
      qty: lastQty,
      fee: feeOf(e.fee, e.feeAsset, e.symbol, px, key),
      pnl: money(e.realized),
      maker: e.maker,
      timeMs: e.timeMs,
      ...feeIn(e.fee, e.feeAsset, e.symbol),
    };
    return { what: 'trade', view, fill, mayBeChild };
  }
  return { what: e.exec === 'AMENDMENT' ? 'amended' : 'stands', view, mayBeChild };
}

export function newsOfAlgo(e: AlgoEvent, key: KeyInfo): StreamNews {
  const view = algoView(
    {
      clientAlgoId: e.clientId,
      algoId: e.algoId,
      algoStatus: e.status,
      side: e.side.toUpperCase(),
      orderType: e.type,
      timeInForce: e.tif,
      price: e.px,
      triggerPrice: e.stopPx,
      quantity: e.qty,
      reduceOnly: e.reduceOnly,
      actualOrderId: e.childId,
      reason: e.reason,
      updateTime: e.timeMs,
    },
    key,
  );
  // After the trigger it is the child's story; how that ended is asked for.
  const over = e.status === 'FINISHED' || (view.childId !== '' && (e.status === 'CANCELED' || e.status === 'EXPIRED'));
  return { what: over ? 'asks' : 'stands', view, mayBeChild: false };
}

/** An order as REST has it, of USD-M or Spot. */
export function orderView(r: Row, key: KeyInfo): OrderView {
  const clientId = text(r['origClientOrderId']) || text(r['clientOrderId']);
  const type = text(r['origType']) || text(r['type']);
  return {
    clientId,
    orderId: text(r['orderId']),
    conditional: false,
    status: STATUS[text(r['status'])] ?? 'new',
    side: r['side'] === 'SELL' ? 'sell' : 'buy',
    type: typeOf(type, clientId),
    tif: tifOf(text(r['timeInForce']), text(r['type'])),
    px: price(text(r['price']), key),
    stopPx: price(text(r['stopPrice']), key),
    qty: quantity(text(r['origQty']), key),
    cum: quantity(text(r['executedQty']), key),
    reduceOnly: flag(r['reduceOnly']),
    // −1 while it waits for its price.
    triggered: works(typeOf(type, clientId), Number(r['workingTime'] ?? -1) > 0),
    childId: '',
    code: 0,
    reason: '',
    timeMs: Number(r['updateTime'] ?? r['transactTime'] ?? r['time'] ?? 0),
  };
}
/** A conditional order as REST has it; what became of its child is another request (`mergeChild`). */
export function algoView(r: Row, key: KeyInfo): OrderView {
  const status = text(r['algoStatus']);
  const child = text(r['actualOrderId']);
  const reason = text(r['reason']) || text(r['rejectReason']);
  return {
    clientId: text(r['clientAlgoId']),
    orderId: text(r['algoId']),
    conditional: true,
    status: STATUS[status] ?? 'new',
    side: r['side'] === 'SELL' ? 'sell' : 'buy',
    type: typeOf(text(r['orderType']), ''),
    tif: tifOf(text(r['timeInForce']), ''),
    px: price(text(r['price']), key),
    stopPx: price(text(r['triggerPrice']), key),
    qty: quantity(text(r['quantity']), key),
    cum: 0,
    reduceOnly: flag(r['reduceOnly']),
    triggered: status === 'TRIGGERED' || status === 'FINISHED' || (child !== '' && child !== '0'),
    childId: child === '0' ? '' : child,
    code: status === 'REJECTED' ? algoCode(reason) : 0,
    reason,
    timeMs: Number(r['updateTime'] ?? r['createTime'] ?? 0),
  };
}
/** A triggered order as a whole: the conditional order's name, the child's fate. */
export const mergeChild = (algo: OrderView, child: OrderView): OrderView => ({
  ...algo,
  status: child.status,
  qty: child.qty,
  cum: child.cum,
  triggered: true,
  childId: child.orderId,
  timeMs: child.timeMs,
});

/** The Algo service gives words where the order endpoint gives a code. */
const algoCode = (reason: string): number =>
  /reduce/i.test(reason) ? -2022 : /margin|insufficient/i.test(reason) ? -2019 : -2010;

/** A row of `userTrades` or `myTrades`. */
export function fillView(r: Row, symbol: string, key: KeyInfo): Fill {
  const px = parseDecimal(text(r['price']), key.pxDigits);
  return {
    orderId: text(r['orderId']),
    tradeId: Number(r['id']),
    px,
    qty: quantity(text(r['qty']), key),
    fee: feeOf(text(r['commission']), text(r['commissionAsset']), symbol, px, key),
    pnl: money(text(r['realizedPnl'])),
    maker: flag(r['maker']) || flag(r['isMaker']),
    timeMs: Number(r['time']),
    ...feeIn(text(r['commission']), text(r['commissionAsset']), symbol),
  };
}

const text = (x: unknown): string => (typeof x === 'string' ? x : typeof x === 'number' ? String(x) : '');
const flag = (x: unknown): boolean => x === true || x === 'true';
