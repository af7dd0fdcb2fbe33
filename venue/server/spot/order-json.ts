import { amount8, fixed8 } from '../../core/spot/decimal.ts';
import type { Amendment, OrderList, SpotMarket, SpotOrder, SpotTrade } from '../../core/spot/state.ts';
import { contingencyOf, listIdOf, listStatusOf, priceOf, sideOf, statusOf } from '../../core/spot/tell.ts';
import type { ResponseType } from './read.ts';

/** Orders, lists and trades as Spot's REST answers write them. */

const head = (m: SpotMarket, o: SpotOrder): Record<string, unknown> => ({
  symbol: m.rules.symbol,
  orderId: o.orderId,
  orderListId: listIdOf(o),
  clientOrderId: o.clientId,
});
const amounts = (m: SpotMarket, o: SpotOrder): Record<string, unknown> => ({
  price: priceOf(o.px, m.digits.px),
  origQty: fixed8(o.qty, m.digits.qty),
  executedQty: fixed8(o.cum, m.digits.qty),
  origQuoteOrderQty: amount8(o.quote),
  cummulativeQuoteQty: amount8(o.cumMoney),
  status: statusOf(o),
  timeInForce: o.request.tif,
  type: o.request.kind,
  side: sideOf(o),
});
/** Fields that only some orders have. */
function conditional(m: SpotMarket, o: SpotOrder, to: Record<string, unknown>): Record<string, unknown> {
  const r = o.request;
  if (!Number.isNaN(o.stopPx)) to['stopPrice'] = fixed8(o.stopPx, m.digits.px);
  if (r.trailingDelta > 0) {
    to['trailingDelta'] = r.trailingDelta;
    to['trailingTime'] = o.trailingMs;
  }
  if (r.strategyId >= 0) to['strategyId'] = r.strategyId;
  if (r.strategyType >= 0) to['strategyType'] = r.strategyType;
  if (o.preventedMatchId >= 0) {
    to['preventedMatchId'] = o.preventedMatchId;
    to['preventedQuantity'] = fixed8(o.prevented, m.digits.qty);
  }
  if (o.expiry !== '') to['expiryReason'] = o.expiry;
  return to;
}

/** The answer to a new order. `timeMs`: of the transaction. */
export function placedJson(
  m: SpotMarket,
  o: SpotOrder,
  type: ResponseType,
  fills: SpotTrade[],
  timeMs: number,
): object {
  const ack = { ...head(m, o), transactTime: timeMs };
  if (type === 'ACK') return ack;
  const result = conditional(m, o, { ...ack, ...amounts(m, o) });
  result['workingTime'] = o.workingMs;
  if (type === 'FULL') result['fills'] = fills.map((t) => fillJson(m, t));
  result['selfTradePreventionMode'] = o.request.stp;
  return result;
}
const fillJson = (m: SpotMarket, t: SpotTrade): object => ({
  price: fixed8(t.px, m.digits.px),
  qty: fixed8(t.qty, m.digits.qty),
  commission: amount8(t.fee),
  commissionAsset: t.buyer ? m.rules.base : m.rules.quote,
  tradeId: t.id,
});

/** The answer to a cancel: `clientOrderId` is the cancel's own. */
export function canceledJson(m: SpotMarket, o: SpotOrder, newId: string, timeMs: number): object {
  const j = {
    symbol: m.rules.symbol,
    origClientOrderId: o.clientId,
    orderId: o.orderId,
    orderListId: listIdOf(o),
    clientOrderId: newId,
    transactTime: timeMs,
    ...amounts(m, o),
  };
  return { ...conditional(m, o, j), selfTradePreventionMode: o.request.stp };
}

/** An order as queries answer it. */
export function orderJson(m: SpotMarket, o: SpotOrder): object {
  const j = {
    ...head(m, o),
    ...amounts(m, o),
    stopPrice: priceOf(o.stopPx, m.digits.px),
    icebergQty: '0.00000000',
    time: o.createdMs,
    updateTime: o.updatedMs,
    isWorking: o.workingMs >= 0,
    workingTime: o.workingMs,
  };
  return { ...conditional(m, o, j), selfTradePreventionMode: o.request.stp };
}

export function tradeJson(m: SpotMarket, t: SpotTrade): object {
  return {
    symbol: m.rules.symbol,
    id: t.id,
    orderId: t.orderId,
    orderListId: t.list === 0 ? -1 : t.list,
    price: fixed8(t.px, m.digits.px),
    qty: fixed8(t.qty, m.digits.qty),
    quoteQty: amount8(t.quote),
    commission: amount8(t.fee),
    commissionAsset: t.buyer ? m.rules.base : m.rules.quote,
    time: t.timeMs,
    isBuyer: t.buyer,
    isMaker: t.maker,
    isBestMatch: true,
  };
}

export function listJson(m: SpotMarket, l: OrderList): Record<string, unknown> {
  const { symbol } = m.rules;
  const status = listStatusOf(l);
  return {
    orderListId: l.id,
    contingencyType: contingencyOf(l),
    listStatusType: status.type,
    listOrderStatus: status.order,
    listClientOrderId: l.clientId,
    transactionTime: l.timeMs,
    symbol,
    orders: l.orders.map((o) => ({ symbol, orderId: o.orderId, clientOrderId: o.clientId })),
  };
}
export function canceledListJson(m: SpotMarket, l: OrderList, newId: string, timeMs: number): object {
  return { ...listJson(m, l), orderReports: l.orders.map((o) => canceledJson(m, o, newId, timeMs)) };
}

export function amendmentJson(m: SpotMarket, a: Amendment): object {
  return {
    symbol: m.rules.symbol,
    orderId: a.orderId,
    executionId: a.executionId,
    origClientOrderId: a.origClientId,
    newClientOrderId: a.newClientId,
    origQty: fixed8(a.origQty, m.digits.qty),
    newQty: fixed8(a.newQty, m.digits.qty),
    time: a.timeMs,
  };
}
/** The answer to an amendment. */
export function amendedJson(m: SpotMarket, o: SpotOrder, a: Amendment, list: OrderList | undefined): object {
  const answer: Record<string, unknown> = {
    transactTime: a.timeMs,
    executionId: a.executionId,
    amendedOrder: {
      symbol: m.rules.symbol,
      orderId: o.orderId,
      orderListId: listIdOf(o),
      origClientOrderId: a.origClientId,
      clientOrderId: o.clientId,
      price: priceOf(o.px, m.digits.px),
      qty: fixed8(o.qty, m.digits.qty),
      executedQty: fixed8(o.cum, m.digits.qty),
      preventedQty: fixed8(o.prevented, m.digits.qty),
      quoteOrderQty: amount8(o.quote),
      cumulativeQuoteQty: amount8(o.cumMoney),
      status: statusOf(o),
      timeInForce: o.request.tif,
      type: o.request.kind,
      side: sideOf(o),
      workingTime: o.workingMs,
      selfTradePreventionMode: o.request.stp,
    },
  };
  if (list) {
    const { transactionTime: _time, listStatusType: _type, ...status } = listJson(m, list);
    answer['listStatus'] = status;
  }
  return answer;
}
