import { openOrders } from '../../core/spot/cancel.ts';
import { amount8, fixed8 } from '../../core/spot/decimal.ts';
import { findOpen } from '../../core/spot/place.ts';
import type { SpotMarket, SpotOrder } from '../../core/spot/state.ts';
import { LIMITS } from '../../core/spot/state.ts';
import { ApiError, type Route } from '../contract.ts';
import type { Params } from '../params.ts';
import type { Desk } from './desk.ts';
import { amendmentJson, orderJson, tradeJson } from './order-json.ts';
import { commissionOf, NO_DISCOUNT, readTarget } from './order-routes.ts';
import { between } from './query.ts';

/** Queries: orders, trades, the account and its limits. */
export function accountRoutes(d: Desk): Route[] {
  const get = { method: 'GET', security: 'signed' } as const;
  return [
    {
      ...get,
      path: '/api/v3/order',
      ws: 'order.status',
      weight: 4,
      handle({ params }) {
        const m = d.market(params);
        return orderJson(m, findOrder(d, m, params));
      },
    },
    {
      ...get,
      path: '/api/v3/openOrders',
      ws: 'openOrders.status',
      weight: (p) => (p.get('symbol') === undefined ? 80 : 6),
      handle({ params }) {
        const markets = params.get('symbol') === undefined ? [...d.bySymbol.values()] : [d.market(params)];
        return markets.flatMap((m) => openOrders(d.x, m).map((o) => orderJson(m, o)));
      },
    },
    {
      ...get,
      path: '/api/v3/allOrders',
      ws: 'allOrders',
      weight: 20,
      handle({ params }) {
        const m = d.market(params);
        const rows = between(
          params,
          m.orders,
          (o) => o.orderId,
          (o) => o.createdMs,
          'orderId',
        );
        return rows.map((o) => orderJson(m, o));
      },
    },
    {
      ...get,
      path: '/api/v3/myTrades',
      ws: 'myTrades',
      weight: (p) => (p.get('orderId') === undefined ? 20 : 5),
      handle({ params }) {
        const m = d.market(params);
        const orderId = params.int('orderId');
        const trades = orderId === undefined ? m.trades : m.trades.filter((t) => t.orderId === orderId);
        const rows = between(
          params,
          trades,
          (t) => t.id,
          (t) => t.timeMs,
          'fromId',
        );
        return rows.map((t) => tradeJson(m, t));
      },
    },
    { ...get, path: '/api/v3/account', ws: 'account.status', weight: 20, handle: ({ params }) => account(d, params) },
    {
      ...get,
      path: '/api/v3/account/commission',
      ws: 'account.commission',
      weight: 20,
      handle: ({ params }) => commission(d, d.market(params)),
    },
    {
      ...get,
      path: '/api/v3/order/amendments',
      ws: 'order.amendments',
      weight: 4,
      handle({ params }) {
        const m = d.market(params);
        params.text('orderId');
        const orderId = params.int('orderId');
        const from = params.int('fromExecutionId') ?? 0;
        const limit = params.int('limit', 1, 1000) ?? 500;
        return m.amendments
          .filter((a) => a.orderId === orderId && a.executionId >= from)
          .slice(0, limit)
          .map((a) => amendmentJson(m, a));
      },
    },
    {
      ...get,
      path: '/api/v3/myPreventedMatches',
      ws: 'myPreventedMatches',
      weight: (p) => (p.get('orderId') === undefined ? 2 : 20),
      handle: ({ params }) => preventedMatches(d.market(params), params),
    },
    {
      ...get,
      path: '/api/v3/myAllocations',
      ws: 'myAllocations',
      weight: 20,
      handle({ params }) {
        d.market(params);
        return [];
      },
    },
    {
      ...get,
      path: '/api/v3/myFilters',
      ws: 'myFilters',
      weight: 40,
      handle({ params }) {
        d.market(params);
        return {
          exchangeFilters: [],
          symbolFilters: [{ filterType: 'MAX_NUM_ORDER_LISTS', maxNumOrderLists: LIMITS.lists }],
          assetFilters: [],
        };
      },
    },
  ];
}

/** @throws −2013, −2039 */
function findOrder(d: Desk, m: SpotMarket, p: Params): SpotOrder {
  const { orderId, clientId } = readTarget(p, 'orderId', 'origClientOrderId');
  // An id may have been used more than once: the open order goes first, then the newest.
  const o =
    orderId > 0
      ? m.orders[orderId - m.firstId]
      : (findOpen(d.x, m, (c) => c.clientId === clientId) ?? m.orders.findLast((c) => c.clientId === clientId));
  if (!o) throw new ApiError(-2013, 'Order does not exist.');
  if (clientId !== undefined && clientId !== '' && o.clientId !== clientId)
    throw new ApiError(-2039, 'Client order ID is not correct for this order ID.');
  return o;
}

function account(d: Desk, p: Params): object {
  const a = d.x.assets;
  const rates = commissionOf(d);
  const points = (rate: number): number => Math.round(rate / 1e4);
  const all = p.bool('omitZeroBalances') !== true;
  return {
    makerCommission: points(d.x.rules.maker),
    takerCommission: points(d.x.rules.taker),
    buyerCommission: 0,
    sellerCommission: 0,
    commissionRates: { ...rates, buyer: '0.00000000', seller: '0.00000000' },
    canTrade: true,
    canWithdraw: true,
    canDeposit: true,
    brokered: false,
    requireSelfTradePrevention: false,
    preventSor: false,
    updateTime: d.x.updatedMs,
    accountType: 'SPOT',
    balances: a.names
      .map((asset, i) => ({ asset, free: amount8(a.free[i]!), locked: amount8(a.locked[i]!) }))
      .filter((_b, i) => all || a.free[i] !== 0 || a.locked[i] !== 0),
    permissions: ['SPOT'],
    uid: ACCOUNT_ID,
  };
}
const ACCOUNT_ID = 354_937_868;

function commission(d: Desk, m: SpotMarket): object {
  const none = { maker: '0.00000000', taker: '0.00000000', buyer: '0.00000000', seller: '0.00000000' };
  return {
    symbol: m.rules.symbol,
    standardCommission: { ...none, ...commissionOf(d) },
    specialCommission: none,
    taxCommission: none,
    discount: NO_DISCOUNT,
  };
}

function preventedMatches(m: SpotMarket, p: Params): object[] {
  const id = p.int('preventedMatchId');
  const orderId = p.int('orderId');
  const from = p.int('fromPreventedMatchId') ?? 0;
  if (id === undefined && orderId === undefined)
    throw new ApiError(-1102, "Param 'preventedMatchId' or 'orderId' must be sent, but both were empty/null!");
  return m.prevented
    .filter((v) => (id === undefined ? v.makerOrderId === orderId || v.takerOrderId === orderId : v.id === id))
    .filter((v) => v.id >= from)
    .slice(0, p.int('limit', 1, 1000) ?? 500)
    .map((v) => ({
      symbol: m.rules.symbol,
      preventedMatchId: v.id,
      takerOrderId: v.takerOrderId,
      makerSymbol: m.rules.symbol,
      makerOrderId: v.makerOrderId,
      tradeGroupId: 1,
      selfTradePreventionMode: v.mode,
      price: fixed8(v.px, m.digits.px),
      makerPreventedQuantity: fixed8(v.makerQty, m.digits.qty),
      transactTime: v.timeMs,
    }));
}
