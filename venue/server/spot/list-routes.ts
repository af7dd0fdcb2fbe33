import { cancelList } from '../../core/spot/lists.ts';
import { type ListRequest, placeList } from '../../core/spot/place-list.ts';
import type { OrderList, SpotMarket } from '../../core/spot/state.ts';
import { type ApiCall, ApiError, type Route } from '../contract.ts';
import type { Params } from '../params.ts';
import { accepted, type Desk } from './desk.ts';
import { canceledListJson, listJson, placedJson } from './order-json.ts';
import { fillsOf } from './order-routes.ts';
import { between } from './query.ts';
import { either, readClientId, readResponse } from './read.ts';
import { readOco, readOldOco, readOto, readOtoco } from './read-list.ts';

type Reader = (p: Params, m: SpotMarket, next: () => string) => ListRequest;
const KINDS: readonly (readonly [string, string, number, Reader])[] = [
  ['/api/v3/orderList/oco', 'orderList.place.oco', 2, readOco],
  ['/api/v3/orderList/oto', 'orderList.place.oto', 2, readOto],
  ['/api/v3/orderList/otoco', 'orderList.place.otoco', 3, readOtoco],
  ['/api/v3/order/oco', 'orderList.place', 2, readOldOco],
];

/** Order lists: placing, cancelling, querying. */
export function listRoutes(d: Desk): Route[] {
  const query = { method: 'GET', security: 'signed' } as const;
  return [
    ...KINDS.map(
      ([path, ws, orders, read]): Route => ({
        method: 'POST',
        path,
        ws,
        orders,
        security: 'signed',
        weight: 1,
        handle: (call) => place(d, call, read),
      }),
    ),
    {
      method: 'DELETE',
      path: '/api/v3/orderList',
      ws: 'orderList.cancel',
      security: 'signed',
      weight: 1,
      handle(call) {
        const p = call.params;
        const m = d.market(p);
        const find = readListTarget(p, 'listClientOrderId');
        const newId = readClientId(p, 'newClientOrderId', d.nextId);
        return d.order(call, m, (now) => {
          const l = find(d.x.openLists);
          if (!l || l.market !== m.instrument.key) throw new ApiError(-2011, 'Unknown order sent.');
          cancelList(d.x, l, newId, now);
          return canceledListJson(m, l, newId, Math.floor(now / 1000));
        });
      },
    },
    {
      ...query,
      path: '/api/v3/orderList',
      ws: 'orderList.status',
      weight: 4,
      handle({ params }) {
        const l = readListTarget(params, 'origClientOrderId')(d.x.lists);
        if (!l) throw new ApiError(-2018, 'Order list does not exist.');
        return json(d, l);
      },
    },
    {
      ...query,
      path: '/api/v3/openOrderList',
      ws: 'openOrderLists.status',
      weight: 6,
      handle: () => d.x.openLists.map((l) => json(d, l)),
    },
    {
      ...query,
      path: '/api/v3/allOrderList',
      ws: 'allOrderLists',
      weight: 20,
      handle: ({ params }) =>
        between(
          params,
          d.x.lists,
          (l) => l.id,
          (l) => l.timeMs,
          'fromId',
        ).map((l) => json(d, l)),
    },
  ];
}
function json(d: Desk, l: OrderList): object {
  return listJson(d.x.markets[l.market] as SpotMarket, l);
}

function place(d: Desk, call: ApiCall, read: Reader): unknown {
  const m = d.market(call.params);
  const r = read(call.params, m, d.nextId);
  const type = readResponse(call.params, 'RESULT');
  return d.order(call, m, (now) => {
    const from = m.nextTradeId;
    const l = accepted(placeList(d.x, m, r, now));
    const ms = Math.floor(now / 1000);
    const orderReports = l.orders.map((o) => placedJson(m, o, type, fillsOf(m, o, from), ms));
    return { ...listJson(m, l), orderReports };
  });
}

/** By id, and then by client id, which has to fit. @throws −1102 when neither is sent */
function readListTarget(p: Params, clientName: string): (lists: readonly OrderList[]) => OrderList | undefined {
  const id = p.int('orderListId');
  const client = p.get(clientName);
  if (id === undefined && (client === undefined || client === '')) throw either('orderListId', clientName);
  return (lists) => {
    const l = lists.findLast((c) => (id !== undefined ? c.id === id : c.clientId === client));
    return l && client !== undefined && l.clientId !== client ? undefined : l;
  };
}
