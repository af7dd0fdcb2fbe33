import { decimal, money } from './decimal.ts';
import { type AlgoRecord, averageOf, avgDigits, type Desk, type OrderRecord, type TradeRecord } from './desk.ts';

/** Answers of the REST and websocket API, in Binance's field order. Prices and quantities are decimal texts. */

export const pxText = (d: Desk, px: number): string => decimal(Number.isNaN(px) ? 0 : px, d.key.pxDigits);
export const qtyText = (d: Desk, qty: number): string => decimal(qty, d.key.qtyDigits);

/** Answer to a new, amended, cancelled or queried order. `ack`: as it was accepted, whatever it did since. */
export function orderJson(o: OrderRecord, ack = false): Record<string, unknown> {
  const d = o.desk;
  const quote = decimal(ack ? 0 : o.cumQuote, d.key.pxDigits + d.key.qtyDigits);
  return {
    orderId: o.orderId,
    symbol: d.symbol,
    status: ack ? 'NEW' : o.status,
    clientOrderId: o.clientId,
    price: pxText(d, o.px),
    avgPrice: decimal(ack ? 0 : averageOf(o), avgDigits(d)),
    origQty: qtyText(d, o.qty),
    executedQty: qtyText(d, ack ? 0 : o.cum),
    cumQty: qtyText(d, ack ? 0 : o.cum),
    cumQuote: quote,
    timeInForce: o.tif,
    type: o.type,
    reduceOnly: o.reduceOnly,
    closePosition: o.closePosition,
    side: o.side,
    positionSide: 'BOTH',
    stopPrice: pxText(d, o.stopPx),
    workingType: o.working,
    priceProtect: o.protect,
    origType: o.origType,
    priceMatch: o.priceMatch,
    selfTradePreventionMode: o.stp,
    goodTillDate: o.goodTillDate,
    time: o.timeMs,
    updateTime: ack ? o.timeMs : o.updateMs,
  };
}

export function algoJson(a: AlgoRecord): Record<string, unknown> {
  const d = a.desk;
  return {
    algoId: a.algoId,
    clientAlgoId: a.clientId,
    algoType: 'CONDITIONAL',
    orderType: a.origType,
    symbol: d.symbol,
    side: a.side,
    positionSide: 'BOTH',
    timeInForce: a.tif,
    quantity: qtyText(d, a.qty),
    algoStatus: a.status,
    actualOrderId: a.orderId === 0 ? '' : String(a.orderId),
    actualPrice: a.order ? decimal(averageOf(a.order), avgDigits(d)) : '0.00000',
    triggerPrice: pxText(d, a.stopPx),
    price: pxText(d, a.px),
    icebergQuantity: null,
    tpTriggerPrice: '0.000',
    tpPrice: '0.000',
    slTriggerPrice: '0.000',
    slPrice: '0.000',
    tpOrderType: '',
    selfTradePreventionMode: a.stp,
    workingType: a.working,
    priceMatch: a.priceMatch,
    closePosition: a.closePosition,
    priceProtect: a.protect,
    reduceOnly: a.reduceOnly,
    activatePrice: Number.isNaN(a.activationPx) ? '' : pxText(d, a.activationPx),
    callbackRate: a.callback === 0 ? '' : callbackText(a.callback),
    createTime: a.timeMs,
    updateTime: a.updateMs,
    triggerTime: a.triggerMs,
    goodTillDate: a.goodTillDate,
  };
}
/** A rate × 10^8 as per cent. */
export const callbackText = (rate: number): string => decimal(rate, 6).replace(/\.?0+$/, '');

export function tradeJson(d: Desk, t: TradeRecord): Record<string, unknown> {
  return {
    buyer: t.side === 'BUY',
    commission: money(t.fee),
    commissionAsset: 'USDT',
    id: t.id,
    maker: t.maker,
    orderId: t.orderId,
    price: pxText(d, t.px),
    qty: qtyText(d, t.qty),
    quoteQty: decimal(t.px * t.qty, d.key.pxDigits + d.key.qtyDigits),
    realizedPnl: money(t.realised),
    side: t.side,
    positionSide: 'BOTH',
    symbol: d.symbol,
    time: t.timeMs,
  };
}
