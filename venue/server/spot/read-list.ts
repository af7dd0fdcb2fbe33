import { isStopLoss } from '../../core/spot/place.ts';
import { type ListRequest, stopFirst } from '../../core/spot/place-list.ts';
import { isContingent, type SpotMarket, type SpotRequest, type SpotType } from '../../core/spot/state.ts';
import { ApiError } from '../contract.ts';
import { Params } from '../params.ts';
import { type Names, prefixed, readClientId, readOrder, readSide, readType } from './read.ts';

/** Reads order lists: which leg stands above the market and which below, and what may stand there. */

const unsupported = new ApiError(-1158, 'Order type not supported in OCO.');

/** @throws −1158, −1165 … −1168, −1196 … −1199 */
function checkLegs(side: number, above: SpotType, below: SpotType): void {
  for (const t of [above, below]) if (t === 'LIMIT' || t === 'MARKET') throw unsupported;
  const limit = (t: SpotType): boolean => t === 'LIMIT_MAKER';
  if (limit(above) && limit(below)) throw new ApiError(-1168, 'At least one OCO order must be contingent.');
  if (side > 0) {
    if (limit(above)) throw new ApiError(-1165, 'A limit order in a buy OCO must be below.');
    if (isStopLoss(below)) throw new ApiError(-1196, 'A stop loss order in a buy OCO must be above.');
    if (!isStopLoss(above)) throw new ApiError(-1198, 'A take profit order in a buy OCO must be below.');
    return;
  }
  if (limit(below)) throw new ApiError(-1166, 'A limit order in a sell OCO must be above.');
  if (isStopLoss(above)) throw new ApiError(-1197, 'A stop loss order in a sell OCO must be below.');
  if (!isStopLoss(below)) throw new ApiError(-1199, 'A take profit order in a sell OCO must be above.');
}

function readPair(p: Params, m: SpotMarket, next: () => string, names: [Names, Names]): [SpotRequest, SpotRequest] {
  const [above, below] = names;
  checkLegs(readSide(p, above.side), readType(p, above.type), readType(p, below.type));
  return stopFirst(readOrder(p, m, next, above), readOrder(p, m, next, below));
}

export function readOco(p: Params, m: SpotMarket, next: () => string): ListRequest {
  const clientId = readClientId(p, 'listClientOrderId', next);
  const names: [Names, Names] = [prefixed('above', 'side', 'quantity'), prefixed('below', 'side', 'quantity')];
  return { kind: 'OCO', clientId, orders: readPair(p, m, next, names) };
}

/** The former form of an OCO: `price` of a LIMIT_MAKER and `stopPrice`, with `stopLimitPrice` for a STOP_LOSS_LIMIT. */
export function readOldOco(p: Params, m: SpotMarket, next: () => string): ListRequest {
  const side = readSide(p, 'side');
  const [limit, stop] = side > 0 ? ['below', 'above'] : ['above', 'below'];
  const values: Record<string, string> = {};
  for (const name of p.names()) values[name] = p.get(name)!;
  const stopLimit = p.get('stopLimitPrice') !== undefined;
  const given = (to: string, from: string): void => {
    const v = p.get(from);
    if (v !== undefined) values[to] = v;
  };
  values[`${limit}Type`] = 'LIMIT_MAKER';
  values[`${limit}Price`] = p.text('price');
  values[`${stop}Type`] = stopLimit ? 'STOP_LOSS_LIMIT' : 'STOP_LOSS';
  values[`${stop}StopPrice`] = p.text('stopPrice');
  given(`${stop}Price`, 'stopLimitPrice');
  given(`${stop}TimeInForce`, 'stopLimitTimeInForce');
  given(`${limit}ClientOrderId`, 'limitClientOrderId');
  given(`${stop}ClientOrderId`, 'stopClientOrderId');
  return readOco(new Params(values), m, next);
}

/** LIMIT or LIMIT_MAKER. */
function readWorking(p: Params, m: SpotMarket, next: () => string): SpotRequest {
  const names = prefixed('working');
  const kind = readType(p, names.type);
  if (kind === 'MARKET' || isContingent(kind)) throw new ApiError(-1116, 'Invalid orderType.');
  return readOrder(p, m, next, names);
}

export function readOto(p: Params, m: SpotMarket, next: () => string): ListRequest {
  const clientId = readClientId(p, 'listClientOrderId', next);
  return { kind: 'OTO', clientId, orders: [readWorking(p, m, next), readOrder(p, m, next, prefixed('pending'))] };
}

export function readOtoco(p: Params, m: SpotMarket, next: () => string): ListRequest {
  const clientId = readClientId(p, 'listClientOrderId', next);
  const names: [Names, Names] = [
    prefixed('pendingAbove', 'pendingSide', 'pendingQuantity'),
    prefixed('pendingBelow', 'pendingSide', 'pendingQuantity'),
  ];
  return { kind: 'OTOCO', clientId, orders: [readWorking(p, m, next), ...readPair(p, m, next, names)] };
}
