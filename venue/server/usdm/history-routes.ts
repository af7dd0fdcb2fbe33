import { type ApiCall, ApiError, type Route } from '../contract.ts';
import { type Desk, isForgotten, isOpen, type OrderRecord } from './desk.ts';
import type { UsdmEngine } from './engine.ts';
import { incomeJson } from './incomes.ts';
import { orderJson, pxText, qtyText, tradeJson } from './json.ts';
import { sent } from './order-params.ts';
import { pageOf } from './page.ts';

/** What was: orders, trades, amendments, incomes, forced orders. Ages count in market time. */
export function historyRoutes(e: UsdmEngine): Route[] {
  const get = (path: string, weight: Route['weight'], handle: (c: ApiCall) => unknown): Route => ({
    method: 'GET',
    path: `/fapi/v1/${path}`,
    security: 'signed',
    weight,
    handle: (c) => {
      e.advance(c.marketUs);
      return handle(c);
    },
  });
  return [
    get(
      'openOrders',
      (p) => (sent(p, 'symbol') ? 1 : 40),
      (c) => {
        const desks = sent(c.params, 'symbol') ? [e.desk(c)] : e.desks;
        return desks.flatMap((d) => openOf(d)).map((o) => orderJson(o));
      },
    ),
    get('allOrders', 5, (c) => {
      const d = e.desk(c);
      const page = pageOf(c.params, 'orderId', 1000);
      return page
        .take(
          visible(e, d),
          (o) => o.orderId,
          (o) => o.timeMs,
        )
        .map((o) => orderJson(o));
    }),
    get('userTrades', 5, (c) => {
      const d = e.desk(c);
      const id = c.params.int('orderId', 1);
      if (sent(c.params, 'fromId') && (sent(c.params, 'startTime') || sent(c.params, 'endTime')))
        throw new ApiError(-1128, 'Combination of optional parameters invalid.');
      const page = pageOf(c.params, 'fromId', 1000);
      const list = id === undefined ? d.trades : d.trades.filter((t) => t.orderId === id);
      return page
        .take(
          list,
          (t) => t.id,
          (t) => t.timeMs,
        )
        .map((t) => tradeJson(d, t));
    }),
    get('orderAmendment', 1, (c) => amendments(e, c)),
    get('income', 30, (c) => {
      const { params } = c;
      const [symbol, type] = [params.get('symbol'), params.get('incomeType')];
      const limit = Math.min(params.int('limit', 1) ?? 100, 1000);
      const page = params.int('page', 1);
      const list = e.incomes.list.filter((i) => (!symbol || i.symbol === symbol) && (!type || i.type === type));
      const within = pageOf(params, '', Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER).take(
        list,
        (i) => i.tranId,
        (i) => i.timeMs,
      );
      const from = page === undefined ? 0 : (page - 1) * limit;
      const first = page !== undefined || sent(params, 'startTime');
      return (first ? within.slice(from, from + limit) : within.slice(-limit)).map(incomeJson);
    }),
    get(
      'forceOrders',
      (p) => (sent(p, 'symbol') ? 20 : 50),
      (c) => {
        const desks = sent(c.params, 'symbol') ? [e.desk(c)] : e.desks;
        const kind = c.params.oneOf(
          'autoCloseType',
          ['LIQUIDATION', 'ADL'],
          -1130,
          "Data sent for parameter 'autoCloseType' is not valid.",
        );
        const list = desks
          .flatMap((d) => [...d.orders.values()].filter((o) => forcedAs(o) !== undefined))
          .filter((o) => kind === undefined || forcedAs(o) === kind)
          .sort((a, b) => a.timeMs - b.timeMs);
        const page = pageOf(c.params, '', 100, 50);
        return page
          .take(
            list,
            (o) => o.orderId,
            (o) => o.timeMs,
          )
          .map((o) => orderJson(o));
      },
    ),
  ];
}

function forcedAs(o: OrderRecord): 'LIQUIDATION' | 'ADL' | undefined {
  if (o.origType !== 'LIQUIDATION') return undefined;
  return o.clientId === 'adl_autoclose' ? 'ADL' : 'LIQUIDATION';
}
export function openOf(d: Desk): OrderRecord[] {
  const { buys, sells } = d.market;
  const ids = [...buys, ...sells].map((o) => o.orderId).sort((a, b) => a - b);
  return ids.map((id) => d.orders.get(id)).filter((o): o is OrderRecord => o !== undefined && isOpen(o));
}
const visible = (e: UsdmEngine, d: Desk): OrderRecord[] =>
  [...d.orders.values()].filter((o) => !isForgotten(o, e.nowMs));

function amendments(e: UsdmEngine, c: ApiCall): object[] {
  const d = e.desk(c);
  const id = c.params.int('orderId', 1);
  const clientId = c.params.get('origClientOrderId');
  const limit = Math.min(c.params.int('limit', 1) ?? 50, 100);
  return d.amendments
    .filter((a) => (id === undefined || a.order.orderId === id) && (!clientId || a.order.clientId === clientId))
    .filter((a) => a.timeMs >= (c.params.int('startTime') ?? 0) && a.timeMs <= (c.params.int('endTime') ?? e.nowMs))
    .slice(-limit)
    .reverse()
    .map((a) => ({
      amendmentId: a.id,
      symbol: d.symbol,
      pair: d.symbol,
      orderId: a.order.orderId,
      clientOrderId: a.order.clientId,
      time: a.timeMs,
      amendment: {
        price: { before: pxText(d, a.before.px), after: pxText(d, a.after.px) },
        origQty: { before: qtyText(d, a.before.qty), after: qtyText(d, a.after.qty) },
        count: a.count,
      },
      priceMatch: a.order.priceMatch,
    }));
}
