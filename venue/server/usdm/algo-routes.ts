import { type ApiCall, ApiError, type Route } from '../contract.ts';
import type { Params } from '../params.ts';
import type { AlgoRecord } from './desk.ts';
import { refused, type UsdmEngine } from './engine.ts';
import { algoJson } from './json.ts';
import { algoRequest, EMPTY, sent } from './order-params.ts';
import { timesOf } from './order-routes.ts';
import { type Page, pageOf } from './page.ts';

/** The Algo service: conditional orders, with ids of their own. They cannot be amended. */
export function algoRoutes(e: UsdmEngine): Route[] {
  const route = (method: Route['method'], path: string, handle: Route['handle'], more: Partial<Route> = {}): Route => ({
    method,
    path: `/fapi/v1/${path}`,
    security: 'signed',
    weight: 1,
    handle,
    ...more,
  });
  return [
    route('POST', 'algoOrder', (c) => e.act(c, () => place(e, c)), { weight: 0, orders: 1, ws: 'algoOrder.place' }),
    route('DELETE', 'algoOrder', (c) => e.act(c, () => cancel(e, c.params)), { ws: 'algoOrder.cancel' }),
    route('GET', 'algoOrder', (c) => {
      e.advance(c.marketUs);
      const a = find(e, c.params);
      if (!a) throw refused('noSuchOrder');
      return algoJson(a);
    }),
    route('GET', 'openAlgoOrders', (c) => openOrders(e, c), { weight: (p) => (sent(p, 'symbol') ? 1 : 40) }),
    route('GET', 'allAlgoOrders', (c) => allOrders(e, c), { weight: 5 }),
    route('DELETE', 'algoOpenOrders', (c) =>
      e.act(c, () => {
        e.command(e.desk(c), { ...EMPTY, action: 'cancel_all', type: 'stop_market' });
        return { code: 200, msg: 'The operation of cancel all open order is done.' };
      }),
    ),
  ];
}

function place(e: UsdmEngine, c: ApiCall): object {
  const d = e.desk(c);
  const r = algoRequest(d, c.params, timesOf(e, c), () => e.freshId());
  return placed(e.command(d, r.command, r.placement) as AlgoRecord);
}
/** The answer to a placement has less than that to a query. */
function placed(a: AlgoRecord): object {
  const { actualOrderId: _1, actualPrice: _2, ...rest } = algoJson(a);
  return rest;
}

function find(e: UsdmEngine, p: Params): AlgoRecord | undefined {
  if (sent(p, 'algoId')) return e.algos.get(p.int('algoId', 1) ?? 0);
  if (sent(p, 'clientAlgoId')) return e.algos.byClientId(p.text('clientAlgoId'));
  throw new ApiError(-1102, "Param 'clientAlgoId' or 'algoId' must be sent, but both were empty/null!");
}

function cancel(e: UsdmEngine, p: Params): object {
  const a = find(e, p);
  if (a?.status !== 'NEW') throw refused('unknownOrder');
  e.command(a.desk, { ...EMPTY, action: 'cancel', type: 'stop_market', order_id: a.algoId });
  return { algoId: a.algoId, clientAlgoId: a.clientId, code: '200', msg: 'success' };
}

function openOrders(e: UsdmEngine, c: ApiCall): object[] {
  e.advance(c.marketUs);
  const d = sent(c.params, 'symbol') ? e.desk(c) : undefined;
  const id = c.params.int('algoId', 1);
  const list: object[] = [];
  for (const a of e.algos.records.values())
    if (a.status === 'NEW' && (!d || a.desk === d) && (id === undefined || a.algoId === id)) list.push(algoJson(a));
  return list;
}

function allOrders(e: UsdmEngine, c: ApiCall): object[] {
  e.advance(c.marketUs);
  const d = e.desk(c);
  const page: Page = pageOf(c.params, 'algoId', 1000);
  const list = [...e.algos.records.values()].filter((a) => a.desk === d);
  return page
    .take(
      list,
      (a) => a.algoId,
      (a) => a.timeMs,
    )
    .map(algoJson);
}
