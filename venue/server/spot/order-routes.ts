import { amend, cancelAll, cancelTarget, type Restriction, type Target } from '../../core/spot/cancel.ts';
import { examineForm, placeOrder, refuseOrder } from '../../core/spot/place.ts';
import type { SpotMarket, SpotOrder, SpotRequest, SpotTrade } from '../../core/spot/state.ts';
import { type ApiCall, ApiError, type Route } from '../contract.ts';
import type { Params } from '../params.ts';
import { needDecimal } from './decimal.ts';
import { accepted, type Desk, Refused, refusal } from './desk.ts';
import { amendedJson, canceledJson, canceledListJson, placedJson } from './order-json.ts';
import { either, type ResponseType, readClientId, readOrder, readResponse, usualResponse } from './read.ts';

/** Placing, cancelling, replacing and amending single orders. Weights of the exchange's documentation. */
export function orderRoutes(d: Desk): Route[] {
  return [
    {
      method: 'POST',
      path: '/api/v3/order',
      ws: 'order.place',
      security: 'signed',
      weight: 1,
      orders: 1,
      handle(call) {
        const m = d.market(call.params);
        const r = readOrder(call.params, m, d.nextId);
        const type = readResponse(call.params, usualResponse(r.kind));
        return d.order(call, m, (now) => place(d, m, r, type, now));
      },
    },
    {
      method: 'POST',
      path: '/api/v3/order/test',
      ws: 'order.test',
      security: 'signed',
      weight: (p) => (p.get('computeCommissionRates') === 'true' ? 20 : 1),
      handle: (call) => test(d, call),
    },
    {
      method: 'DELETE',
      path: '/api/v3/order',
      ws: 'order.cancel',
      security: 'signed',
      weight: 1,
      handle(call) {
        const p = call.params;
        const m = d.market(p);
        const target = readTarget(p, 'orderId', 'origClientOrderId');
        const only = readRestriction(p);
        const newId = readClientId(p, 'newClientOrderId', d.nextId);
        return d.order(call, m, (now) => cancel(d, m, target, only, newId, now));
      },
    },
    {
      method: 'DELETE',
      path: '/api/v3/openOrders',
      ws: 'openOrders.cancelAll',
      security: 'signed',
      weight: 1,
      handle(call) {
        const m = d.market(call.params);
        const newId = d.nextId();
        return d.order(call, m, (now) => {
          const ms = Math.floor(now / 1000);
          return accepted(cancelAll(d.x, m, newId, now)).map(({ order, list }) =>
            list ? canceledListJson(m, list, newId, ms) : canceledJson(m, order, newId, ms),
          );
        });
      },
    },
    {
      method: 'POST',
      path: '/api/v3/order/cancelReplace',
      ws: 'order.cancelReplace',
      security: 'signed',
      weight: 1,
      orders: 1,
      handle: (call) => cancelReplace(d, call),
    },
    {
      method: 'PUT',
      path: '/api/v3/order/amend/keepPriority',
      ws: 'order.amend.keepPriority',
      security: 'signed',
      weight: 4,
      handle(call) {
        const p = call.params;
        const m = d.market(p);
        const target = readTarget(p, 'orderId', 'origClientOrderId');
        const qty = needDecimal(p, 'newQty', m.digits.qty);
        const newId = readClientId(p, 'newClientOrderId', d.nextId);
        return d.order(call, m, (now) => {
          const { order, amendment, list } = accepted(amend(d.x, m, target, qty, newId, now));
          return amendedJson(m, order, amendment, list);
        });
      },
    },
  ];
}

function place(d: Desk, m: SpotMarket, r: SpotRequest, type: ResponseType, now: number): object {
  const from = m.nextTradeId;
  const o = accepted(placeOrder(d.x, m, r, now));
  return placedJson(m, o, type, fillsOf(m, o, from), Math.floor(now / 1000));
}

/** Trades of an order from an id on: they are the newest. */
export function fillsOf(m: SpotMarket, o: SpotOrder, from: number): SpotTrade[] {
  const fills: SpotTrade[] = [];
  for (let i = m.trades.length - 1; i >= 0 && m.trades[i]!.id >= from; i--)
    if (m.trades[i]!.orderId === o.orderId) fills.push(m.trades[i]!);
  return fills.reverse();
}

function cancel(d: Desk, m: SpotMarket, t: Target, only: Restriction, newId: string, now: number): object {
  const { order, list } = accepted(cancelTarget(d.x, m, t, only, newId, now));
  const ms = Math.floor(now / 1000);
  return list ? canceledListJson(m, list, newId, ms) : canceledJson(m, order, newId, ms);
}

function test(d: Desk, call: ApiCall): object {
  const { params: p, marketUs } = call;
  const m = d.market(p);
  const r = readOrder(p, m, d.nextId);
  readResponse(p, 'ACK');
  const why = examineForm(d.x, m, r, marketUs);
  if (why) throw refusal(why);
  if (p.bool('computeCommissionRates') !== true) return {};
  const rates = commissionOf(d);
  const none = { maker: '0.00000000', taker: '0.00000000' };
  return {
    standardCommissionForOrder: rates,
    specialCommissionForOrder: none,
    taxCommissionForOrder: none,
    discount: NO_DISCOUNT,
  };
}
export const NO_DISCOUNT = {
  enabledForAccount: false,
  enabledForSymbol: false,
  discountAsset: 'BNB',
  discount: '0.25000000',
};
export const commissionOf = (d: Desk): { maker: string; taker: string } => ({
  maker: rateText(d.x.rules.maker),
  taker: rateText(d.x.rules.taker),
});
const rateText = (rate: number): string => (rate / 1e8).toFixed(8);

/** @throws −1102 when neither is sent */
export function readTarget(p: Params, id: string, clientId: string): Target {
  const text = p.get(id);
  if (text !== undefined && !/^[0-9]{1,20}$/.test(text))
    throw new ApiError(-1100, `Illegal characters found in parameter '${id}'; legal range is '^[0-9]{1,20}$'.`);
  const orderId = Number(text ?? 0);
  const client = p.get(clientId);
  if (orderId === 0 && (client === undefined || client === '')) throw either(clientId, id);
  return { orderId, clientId: client };
}
function readRestriction(p: Params): Restriction {
  return p.oneOf(
    'cancelRestrictions',
    ['ONLY_NEW', 'ONLY_PARTIALLY_FILLED'],
    -1145,
    'Invalid cancelRestrictions',
  ) as Restriction;
}

/** Cancel, then place: what happens when one of them fails is up to the mode. */
function cancelReplace(d: Desk, call: ApiCall): unknown {
  const p = call.params;
  const m = d.market(p);
  p.text('cancelReplaceMode');
  const mode = p.oneOf('cancelReplaceMode', ['STOP_ON_FAILURE', 'ALLOW_FAILURE'], -1130, INVALID_MODE);
  const target = readTarget(p, 'cancelOrderId', 'cancelOrigClientOrderId');
  const only = readRestriction(p);
  const cancelId = readClientId(p, 'cancelNewClientOrderId', d.nextId);
  const r = readOrder(p, m, d.nextId);
  const type = readResponse(p, usualResponse(r.kind));
  return d.order(call, m, (now) => {
    // Filters come before both.
    const why = examineForm(d.x, m, r, now);
    if (why && why !== 'maxOrders' && why !== 'maxAlgo') throw refusal(why);
    const canceled = attempt(() => cancel(d, m, target, only, cancelId, now));
    if (canceled.error && mode === 'STOP_ON_FAILURE') throw replaceError(canceled, undefined);
    const placed = attempt(() => place(d, m, r, type, now));
    if (!canceled.error && placed.error instanceof Refused) refuseOrder(d.x, m, r, placed.error.why, now);
    if (canceled.error || placed.error) throw replaceError(canceled, placed);
    return {
      cancelResult: 'SUCCESS',
      newOrderResult: 'SUCCESS',
      cancelResponse: canceled.answer,
      newOrderResponse: placed.answer,
    };
  });
}
interface Attempt {
  answer: object;
  error: ApiError | undefined;
}
function attempt(work: () => object): Attempt {
  try {
    return { answer: work(), error: undefined };
  } catch (e) {
    if (!(e instanceof ApiError)) throw e;
    return { answer: { code: e.code, msg: e.message }, error: e };
  }
}
function replaceError(canceled: Attempt, placed: Attempt | undefined): ApiError {
  const data = {
    cancelResult: canceled.error ? 'FAILURE' : 'SUCCESS',
    newOrderResult: placed === undefined ? 'NOT_ATTEMPTED' : placed.error ? 'FAILURE' : 'SUCCESS',
    cancelResponse: canceled.answer,
    newOrderResponse: placed?.answer ?? null,
  };
  const failed = canceled.error && (placed === undefined || placed.error);
  return failed
    ? new ApiError(-2022, 'Order cancel-replace failed.', 400, data)
    : new ApiError(-2021, 'Order cancel-replace partially failed.', 409, data);
}
const INVALID_MODE = "Data sent for parameter 'cancelReplaceMode' is not valid.";
