import { ten } from '../../core/money.ts';
import type { Command, OrderType, SelfTrade, TimeInForce } from '../../core/state.ts';
import { type ApiCall, ApiError } from '../contract.ts';
import { mandatory, Params } from '../params.ts';
import { optional, parse } from './decimal.ts';
import type { Desk } from './desk.ts';
import { priceOf } from './price-match.ts';

/** What a request says beyond the core's command, in the words of the API. */
export interface Placement {
  readonly closePosition: boolean;
  readonly working: 'CONTRACT_PRICE' | 'MARK_PRICE';
  readonly protect: boolean;
  readonly stp: string;
  readonly priceMatch: string;
  readonly goodTillDate: number;
  readonly activationPx: number;
  readonly callback: number;
}
export interface Request {
  readonly command: Command;
  readonly placement: Placement;
  readonly respType: 'ACK' | 'RESULT';
}

const CONDITIONAL: ReadonlyMap<string, OrderType> = new Map(
  Object.entries<OrderType>({
    STOP: 'stop',
    STOP_MARKET: 'stop_market',
    TAKE_PROFIT: 'take_profit',
    TAKE_PROFIT_MARKET: 'take_profit_market',
    TRAILING_STOP_MARKET: 'trailing_stop_market',
  }),
);
const STP: ReadonlyMap<string, SelfTrade> = new Map(
  Object.entries<SelfTrade>({
    NONE: 'none',
    EXPIRE_MAKER: 'expire_maker',
    EXPIRE_TAKER: 'expire_taker',
    EXPIRE_BOTH: 'expire_both',
  }),
);
const TIF: ReadonlyMap<string, TimeInForce> = new Map(
  Object.entries<TimeInForce>({ GTC: 'gtc', IOC: 'ioc', FOK: 'fok', GTX: 'gtx', GTD: 'gtd' }),
);
/** A GTD order lives at least this long. */
const SHORTEST_GTD_MS = 600_000;
const LATEST_GTD_MS = 253_402_300_799_000;

export const EMPTY: Command = {
  action: 'place',
  client_id: '',
  side: 'buy',
  type: 'limit',
  tif: 'gtc',
  qty: 0,
  px: Number.NaN,
  stop_px: Number.NaN,
  working: 'last',
  reduce_only: false,
  close_position: false,
  intent_id: '',
  origin: 'operator',
  order_id: 0,
  quote: 0,
  activation_px: Number.NaN,
  callback: 0,
  protect: false,
  stp: 'expire_maker',
  good_till_ms: 0,
};

/** Parameters of a new plain order. @throws −1102, −1106, −1111, −1115, −1116, −1117, −1136, −4061, −4120, −5037, −5039, −5040 */
export function orderRequest(d: Desk, p: Params, call: Times, freshId: () => string): Request {
  const side = sideOf(p);
  const type = p.text('type');
  if (CONDITIONAL.get(type))
    throw new ApiError(
      -4120,
      'Order type not supported for this endpoint. Please use the Algo Order API endpoints instead.',
    );
  if (type !== 'LIMIT' && type !== 'MARKET') throw new ApiError(-1116, 'Invalid orderType.');
  positionSide(p);
  const limit = type === 'LIMIT';
  if (p.bool('closePosition') === true)
    throw new ApiError(-4136, 'Target strategy invalid for orderType and closePosition.');
  for (const name of ['stopPrice', 'activationPrice', 'activatePrice', 'callbackRate'])
    if (sent(p, name)) throw unwanted(name);
  const tif = tifOf(p, limit);
  const priceMatch = matchOf(p, limit);
  return {
    command: {
      ...EMPTY,
      client_id: sent(p, 'newClientOrderId') ? p.text('newClientOrderId') : freshId(),
      side,
      type: limit ? 'limit' : 'market',
      tif,
      qty: parse('quantity', p.text('quantity'), d.key.qtyDigits),
      px: limitPrice(d, p, limit, side, priceMatch),
      reduce_only: p.bool('reduceOnly') === true,
      stp: stpOf(p),
      good_till_ms: goodTill(p, tif, call),
    },
    placement: placementOf(p, priceMatch),
    respType: respOf(p),
  };
}

/** Parameters of a conditional order of the Algo service. @throws as `orderRequest`, and −4137, −4138 */
export function algoRequest(d: Desk, p: Params, call: Times, freshId: () => string): Request {
  const side = sideOf(p);
  if (p.text('algoType') !== 'CONDITIONAL')
    throw new ApiError(-1130, "Data sent for parameter 'algoType' is not valid.");
  const type = CONDITIONAL.get(p.text('type'));
  if (!type) throw new ApiError(-1116, 'Invalid orderType.');
  positionSide(p);
  const limit = type === 'stop' || type === 'take_profit';
  const trailing = type === 'trailing_stop_market';
  const close = p.bool('closePosition') === true;
  if (close && sent(p, 'quantity')) throw new ApiError(-4137, 'Quantity must be zero with closePosition equals true.');
  if (close && p.bool('reduceOnly') === true)
    throw new ApiError(-4138, 'Reduce only must be true with closePosition equals true.');
  const tif = p.get('timeInForce') === 'GTE_GTC' ? 'gte_gtc' : tifOf(p, false);
  const priceMatch = matchOf(p, limit);
  if (trailing && !sent(p, 'callbackRate')) throw mandatory('callbackRate');
  const trigger = trailing ? Number.NaN : price(d, 'triggerPrice', p.text('triggerPrice'));
  const activation = trailing
    ? optional(p, sent(p, 'activatePrice') ? 'activatePrice' : 'activationPrice', d.key.pxDigits)
    : Number.NaN;
  // Per cent with one decimal: 1 = 1 %.
  const callback = trailing ? parse('callbackRate', p.text('callbackRate'), 6) : 0;
  const working = workingOf(p);
  return {
    command: {
      ...EMPTY,
      client_id: sent(p, 'clientAlgoId') ? p.text('clientAlgoId') : freshId(),
      side,
      type,
      tif,
      qty: close ? 0 : parse('quantity', p.text('quantity'), d.key.qtyDigits),
      px: limitPrice(d, p, limit, side, priceMatch),
      stop_px: trigger,
      working: working === 'MARK_PRICE' ? 'mark' : 'last',
      reduce_only: p.bool('reduceOnly') === true,
      close_position: close,
      activation_px: activation,
      callback,
      protect: p.bool('priceProtect') === true,
      stp: stpOf(p),
      good_till_ms: goodTill(p, tif, call),
    },
    placement: { ...placementOf(p, priceMatch), closePosition: close, activationPx: activation, callback },
    respType: respOf(p),
  };
}

/** What a parser needs of the call: both clocks and how fast the market's runs. */
export type Times = Pick<ApiCall, 'wallMs' | 'marketUs'> & { readonly rate: number };

export const sent = (p: Params, name: string): boolean => (p.get(name) ?? '') !== '';
const unwanted = (name: string): ApiError => new ApiError(-1106, `Parameter '${name}' sent when not required.`);

export function sideOf(p: Params): 'buy' | 'sell' {
  const side = p.text('side');
  if (side !== 'BUY' && side !== 'SELL') throw new ApiError(-1117, 'Invalid side.');
  return side === 'BUY' ? 'buy' : 'sell';
}
function positionSide(p: Params): void {
  const v = p.get('positionSide');
  if (v === undefined || v === '' || v === 'BOTH') return;
  if (v !== 'LONG' && v !== 'SHORT') throw new ApiError(-4060, 'Invalid position side.');
  throw new ApiError(-4061, "Order's position side does not match user's setting.");
}
function tifOf(p: Params, must: boolean): TimeInForce {
  if (!sent(p, 'timeInForce')) {
    if (must) throw mandatory('timeInForce');
    return 'gtc';
  }
  if (p.get('type') === 'MARKET') throw unwanted('timeInForce');
  const tif = TIF.get(p.text('timeInForce'));
  if (!tif) throw new ApiError(-1115, 'Invalid timeInForce.');
  return tif;
}
function goodTill(p: Params, tif: TimeInForce, call: Times): number {
  if (tif !== 'gtd') return 0;
  const until = Number(p.int('goodTillDate') ?? Number.NaN);
  if (Number.isNaN(until)) throw mandatory('goodTillDate');
  if (until < call.wallMs + SHORTEST_GTD_MS || until > LATEST_GTD_MS)
    throw new ApiError(
      -5040,
      'The goodTillDate timestamp must be greater than the current time plus 600 seconds and smaller than 253402300799000.',
    );
  // The client counts on its own clock, the order lives on the market's.
  return Math.floor(call.marketUs / 1000 + (until - call.wallMs) * call.rate);
}
function stpOf(p: Params): SelfTrade {
  if (!sent(p, 'selfTradePreventionMode')) return 'expire_maker';
  const mode = STP.get(p.text('selfTradePreventionMode'));
  if (!mode) throw new ApiError(-5039, 'Invalid self trade prevention mode.');
  return mode;
}
function workingOf(p: Params): Placement['working'] {
  const w = p.get('workingType') || 'CONTRACT_PRICE';
  if (w !== 'CONTRACT_PRICE' && w !== 'MARK_PRICE') throw new ApiError(-4044, 'Invalid working type.');
  return w;
}
const MATCHES = ['OPPONENT', 'OPPONENT_5', 'OPPONENT_10', 'OPPONENT_20', 'QUEUE', 'QUEUE_5', 'QUEUE_10', 'QUEUE_20'];
function matchOf(p: Params, limit: boolean): string {
  const v = p.get('priceMatch') || 'NONE';
  if (v === 'NONE') return v;
  if (!MATCHES.includes(v)) throw new ApiError(-5037, 'Invalid price match.');
  if (!limit) throw new ApiError(-5038, 'Price match only supports order type: LIMIT, STOP AND TAKE_PROFIT.');
  if (sent(p, 'price')) throw unwanted('price');
  return v;
}
function limitPrice(d: Desk, p: Params, limit: boolean, side: 'buy' | 'sell', priceMatch: string): number {
  if (!limit) {
    if (sent(p, 'price') && Number(p.get('price')) !== 0) throw unwanted('price');
    return Number.NaN;
  }
  if (priceMatch !== 'NONE') return priceOf(d.market, side === 'buy' ? 1 : -1, priceMatch);
  return price(d, 'price', p.text('price'));
}
/**
 * A price as an integer of the instrument's decimals. exchangeInfo states as many decimals as the tick is written with, which may be
 * more than it needs (0.10): what is within them and no tick is −4014. @throws as `parse`
 */
function price(d: Desk, name: string, text: string): number {
  const { tick } = d.listed;
  const stated = Math.max(d.key.pxDigits, tick.includes('.') ? tick.length - tick.indexOf('.') - 1 : 0);
  const value = parse(name, text, stated);
  const unit = ten(stated - d.key.pxDigits);
  if (value % unit !== 0) throw new ApiError(-4014, 'Price not increased by tick size.');
  return value / unit;
}
function placementOf(p: Params, priceMatch: string): Placement {
  return {
    closePosition: false,
    working: workingOf(p),
    protect: p.bool('priceProtect') === true,
    stp: p.get('selfTradePreventionMode') || 'EXPIRE_MAKER',
    priceMatch,
    goodTillDate: p.get('timeInForce') === 'GTD' ? (p.int('goodTillDate') ?? 0) : 0,
    activationPx: Number.NaN,
    callback: 0,
  };
}
export function respOf(p: Params): 'ACK' | 'RESULT' {
  const v = p.get('newOrderRespType') || 'ACK';
  if (v === 'FULL') return 'RESULT';
  if (v !== 'ACK' && v !== 'RESULT') throw new ApiError(-1136, 'Invalid newOrderRespType.');
  return v;
}

/** The items of a batch: a JSON list of objects. @throws −1102, −4082 */
export function batchItems(p: Params, name: string, most: number): Params[] {
  let list: unknown;
  try {
    list = JSON.parse(p.text(name));
  } catch (e) {
    if (e instanceof ApiError) throw e;
    throw mandatory(name);
  }
  if (!Array.isArray(list)) throw mandatory(name);
  if (list.length === 0 || list.length > most) throw new ApiError(-4082, `Invalid number of batch place orders.`);
  return list.map((item: unknown) => {
    const values: Record<string, string> = {};
    if (typeof item === 'object' && item !== null)
      for (const [k, v] of Object.entries(item)) if (v !== null && typeof v !== 'object') values[k] = String(v);
    return new Params(values);
  });
}
