import { examine } from '../../core/place.ts';
import type { Command } from '../../core/state.ts';
import { type ApiCall, ApiError, type Route } from '../contract.ts';
import type { Params } from '../params.ts';
import { parse } from './decimal.ts';
import { type Desk, isForgotten, isOpen, type OrderRecord } from './desk.ts';
import { refused, type UsdmEngine } from './engine.ts';
import { orderJson } from './json.ts';
import { batchItems, EMPTY, orderRequest, sent, sideOf, type Times } from './order-params.ts';
import { priceOf } from './price-match.ts';

/** Plain orders: place, test, amend, cancel, query, one by one and in batches. */
export function orderRoutes(e: UsdmEngine): Route[] {
  const route = (method: Route['method'], path: string, handle: Route['handle'], more: Partial<Route> = {}): Route => ({
    method,
    path: `/fapi/v1/${path}`,
    security: 'signed',
    weight: 1,
    handle,
    ...more,
  });
  return [
    route('POST', 'order', (c) => e.act(c, () => place(e, c, c.params)), { weight: 0, orders: 1, ws: 'order.place' }),
    route('POST', 'order/test', (c) => test(e, c)),
    route('PUT', 'order', (c) => e.act(c, () => amend(e, c.params)), { weight: 0, orders: 1, ws: 'order.modify' }),
    route('DELETE', 'order', (c) => e.act(c, () => cancel(e, c.params)), { ws: 'order.cancel' }),
    route('GET', 'order', (c) => orderJson(found(e, c, -2013, 'Order does not exist.')), { ws: 'order.status' }),
    route('GET', 'openOrder', (c) => {
      const o = found(e, c, -2013, 'Order does not exist.');
      if (!isOpen(o)) throw new ApiError(-2013, 'Order does not exist.');
      return orderJson(o);
    }),
    route('POST', 'batchOrders', (c) => batch(e, c, 5, (p) => place(e, c, p)), {
      weight: 5,
      orders: (p) => count(p),
    }),
    route('PUT', 'batchOrders', (c) => batch(e, c, 5, (p) => amend(e, p)), { weight: 5, orders: (p) => count(p) }),
    route('DELETE', 'batchOrders', (c) => e.act(c, () => cancelBatch(e, c))),
    route('DELETE', 'allOpenOrders', (c) =>
      e.act(c, () => {
        const d = e.desk(c);
        e.command(d, { ...EMPTY, action: 'cancel_all' });
        return { code: 200, msg: 'The operation of cancel all open order is done.' };
      }),
    ),
    route('POST', 'countdownCancelAll', (c) => countdown(e, c), { weight: 10 }),
  ];
}
const count = (p: Params): number => {
  try {
    return batchItems(p, 'batchOrders', 1000).length;
  } catch {
    return 1;
  }
};

export const timesOf = (e: UsdmEngine, c: ApiCall): Times => ({
  wallMs: c.wallMs,
  marketUs: e.nowUs,
  rate: e.options.rate ?? 1,
});

function place(e: UsdmEngine, c: ApiCall, p: Params): object {
  const d = e.deskOf(p.text('symbol'));
  const r = orderRequest(d, p, timesOf(e, c), () => e.freshId());
  const o = e.command(d, r.command, r.placement) as OrderRecord;
  return orderJson(o, r.respType === 'ACK');
}
function test(e: UsdmEngine, c: ApiCall): object {
  e.advance(c.marketUs);
  const d = e.desk(c);
  const r = orderRequest(d, c.params, timesOf(e, c), () => e.freshId());
  const o = examine(e.exchange, d.market, r.command);
  if (typeof o === 'string') throw refused(o);
  return {};
}

/** Which order a request means. @throws −1102 when neither id is there */
function target(p: Params): { id: number; clientId: string } {
  const id = sent(p, 'orderId') ? (p.int('orderId', 1) ?? 0) : 0;
  const clientId = p.get('origClientOrderId') ?? '';
  if (id === 0 && clientId === '')
    throw new ApiError(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!");
  return { id, clientId };
}
export function lookUp(d: Desk, id: number, clientId: string, nowMs: number): OrderRecord | undefined {
  const o = id > 0 ? d.orders.get(id) : d.byClientId.get(clientId);
  return o && !isForgotten(o, nowMs) ? o : undefined;
}
function found(e: UsdmEngine, c: ApiCall, code: number, msg: string): OrderRecord {
  e.advance(c.marketUs);
  const d = e.desk(c);
  const { id, clientId } = target(c.params);
  const o = lookUp(d, id, clientId, e.nowMs);
  if (!o) throw new ApiError(code, msg);
  return o;
}

function cancel(e: UsdmEngine, p: Params): object {
  const d = e.deskOf(p.text('symbol'));
  const { id, clientId } = target(p);
  const o = id > 0 ? d.orders.get(id) : d.byClientId.get(clientId);
  e.command(d, { ...EMPTY, action: 'cancel', order_id: id, client_id: clientId });
  if (!o) throw new ApiError(-2011, 'Unknown order sent.');
  return orderJson(o);
}

function amend(e: UsdmEngine, p: Params): object {
  const d = e.deskOf(p.text('symbol'));
  const { id, clientId } = target(p);
  const side = sideOf(p);
  const o = lookUp(d, id, clientId, e.nowMs);
  if (!o || !isOpen(o)) throw new ApiError(-2013, 'Order does not exist.');
  const qty = parse('quantity', p.text('quantity'), d.key.qtyDigits);
  const match = p.get('priceMatch') || 'NONE';
  const px =
    match === 'NONE'
      ? parse('price', p.text('price'), d.key.pxDigits)
      : priceOf(d.market, side === 'buy' ? 1 : -1, match);
  const c: Command = { ...EMPTY, action: 'amend', order_id: o.orderId, side, qty, px };
  e.command(d, c);
  return orderJson(o);
}

/** Each item of a batch has its own answer; a bad one does not stop the others. */
function batch(e: UsdmEngine, c: ApiCall, most: number, one: (p: Params) => object): unknown {
  const items = batchItems(c.params, 'batchOrders', most);
  return e.act(c, () => items.map((p) => attempt(() => one(p))));
}
function attempt(run: () => object): object {
  try {
    return run();
  } catch (error) {
    if (error instanceof ApiError) return { code: error.code, msg: error.message };
    throw error;
  }
}

function cancelBatch(e: UsdmEngine, c: ApiCall): object[] {
  const d = e.desk(c);
  const ids = listOf(c.params, ['orderIdList', 'orderidlist']);
  const names = listOf(c.params, ['origClientOrderIdList', 'origclientorderidlist']);
  if (ids.length + names.length === 0)
    throw new ApiError(-1102, "Param 'origClientOrderIdList' or 'orderIdList' must be sent, but both were empty/null!");
  if (ids.length > 10 || names.length > 10) throw new ApiError(-4082, 'Invalid number of batch place orders.');
  const one = (id: number, clientId: string): object =>
    attempt(() => {
      const o = id > 0 ? d.orders.get(id) : d.byClientId.get(clientId);
      e.command(d, { ...EMPTY, action: 'cancel', order_id: id, client_id: clientId });
      if (!o) throw new ApiError(-2011, 'Unknown order sent.');
      return orderJson(o);
    });
  return ids.length > 0 ? ids.map((id) => one(Number(id), '')) : names.map((n) => one(0, String(n)));
}
function listOf(p: Params, names: readonly string[]): (string | number)[] {
  const name = names.find((n) => sent(p, n));
  if (name === undefined) return [];
  let list: unknown;
  try {
    list = JSON.parse(p.text(name));
  } catch {
    list = undefined;
  }
  const ok = Array.isArray(list) && list.every((v) => typeof v === 'string' || Number.isSafeInteger(v));
  if (!ok) throw new ApiError(-1102, `Mandatory parameter '${name}' was not sent, was empty/null, or malformed.`);
  return list as (string | number)[];
}

/** Cancels the symbol's orders unless it is called again in time; 0 switches it off. The client's seconds are wall seconds. */
function countdown(e: UsdmEngine, c: ApiCall): object {
  e.advance(c.marketUs);
  const d = e.desk(c);
  c.params.text('countdownTime');
  const ms = c.params.int('countdownTime', 0, 86_400_000 * 365) ?? 0;
  d.countdownUs = ms === 0 ? Number.POSITIVE_INFINITY : e.nowUs + ms * 1000 * (e.options.rate ?? 1);
  return { symbol: d.symbol, countdownTime: String(ms) };
}
