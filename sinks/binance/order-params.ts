import { formatDecimal } from '../../graph/math/index.ts';
import type { KeyInfo } from '../../graph/schema/index.ts';
import { type Command, isConditional } from './order-state.ts';

/** An instrument of the exchange with the steps of its filters, in units of the key's decimals. */
export interface TradeRules {
  readonly symbol: string;
  readonly key: KeyInfo;
  /** 0 = any price. */
  readonly tick: number;
  /** Of quantities; absent or 0 = any. */
  readonly step?: number;
}

/** On the price step, never to our cost: a buy down, a sell up. */
export function onTick(px: number, tick: number, side: 'buy' | 'sell'): number {
  if (tick <= 0) return px;
  return (side === 'buy' ? Math.floor(px / tick) : Math.ceil(px / tick)) * tick;
}

/**
 * A command as the parameters of `POST /fapi/v1/order`, or of `POST /fapi/v1/algoOrder` for conditional ones. Every amount goes
 * from integer to text directly: `createOrder` of ccxt takes floats and formats them by its own rounding.
 */
export function futuresParams(c: Command, r: TradeRules): Record<string, string> {
  const qty = formatDecimal(c.qty, r.key.qtyDigits);
  const side = c.side === 'buy' ? 'BUY' : 'SELL';
  const px = (v: number): string => formatDecimal(onTick(v, r.tick, c.side), r.key.pxDigits);
  if (isConditional(c.type))
    return {
      algoType: 'CONDITIONAL',
      symbol: r.symbol,
      side,
      type: c.type === 'stop_market' ? 'STOP_MARKET' : 'TAKE_PROFIT_MARKET',
      triggerPrice: px(c.stop_px),
      workingType: c.working === 'mark' ? 'MARK_PRICE' : 'CONTRACT_PRICE',
      // closePosition excludes quantity and reduceOnly.
      ...(c.close_position ? { closePosition: 'true' } : { quantity: qty, reduceOnly: String(c.reduce_only) }),
      clientAlgoId: c.client_id,
      newOrderRespType: 'RESULT',
    };
  return {
    symbol: r.symbol,
    side,
    type: c.type === 'market' ? 'MARKET' : 'LIMIT',
    quantity: qty,
    ...(c.type === 'limit' ? { price: px(c.px), timeInForce: c.tif.toUpperCase() } : {}),
    ...(c.reduce_only ? { reduceOnly: 'true' } : {}),
    newClientOrderId: c.client_id,
    newOrderRespType: 'RESULT',
  };
}

/** A stop and a target that close the same position: Spot takes them as one list, of which one order ends the other. */
export const isPair = (a: Command, b: Command): boolean =>
  a.action === 'place' &&
  b.action === 'place' &&
  a.close_position &&
  b.close_position &&
  a.side === b.side &&
  isConditional(a.type) &&
  isConditional(b.type) &&
  a.type !== b.type;

/** A pair as the parameters of `POST /api/v3/orderList/oco`: the order whose price is higher is `above`. */
export function pairParams(a: Command, b: Command, r: TradeRules, qty: number): Record<string, string> {
  const leg = (c: Command, place: 'above' | 'below'): Record<string, string> => ({
    [`${place}Type`]: c.type === 'stop_market' ? 'STOP_LOSS' : 'TAKE_PROFIT',
    [`${place}StopPrice`]: formatDecimal(onTick(c.stop_px, r.tick, c.side), r.key.pxDigits),
    [`${place}ClientOrderId`]: c.client_id,
  });
  return {
    symbol: r.symbol,
    side: a.side === 'buy' ? 'BUY' : 'SELL',
    quantity: formatDecimal(qty, r.key.qtyDigits),
    ...leg(a, a.stop_px > b.stop_px ? 'above' : 'below'),
    ...leg(b, a.stop_px > b.stop_px ? 'below' : 'above'),
    newOrderRespType: 'RESULT',
  };
}

/**
 * The same for `POST /api/v3/order` of Spot, where stops are orders like others and nothing can be reduce-only: `qty` is what a
 * closing order may sell.
 */
export function spotParams(c: Command, r: TradeRules, qty = c.qty): Record<string, string> {
  const px = (v: number): string => formatDecimal(onTick(v, r.tick, c.side), r.key.pxDigits);
  const postOnly = c.type === 'limit' && c.tif === 'gtx';
  return {
    symbol: r.symbol,
    side: c.side === 'buy' ? 'BUY' : 'SELL',
    type: postOnly
      ? 'LIMIT_MAKER'
      : c.type === 'market'
        ? 'MARKET'
        : c.type === 'limit'
          ? 'LIMIT'
          : c.type === 'stop_market'
            ? 'STOP_LOSS'
            : 'TAKE_PROFIT',
    quantity: formatDecimal(qty, r.key.qtyDigits),
    ...(c.type === 'limit' ? { price: px(c.px) } : {}),
    ...(c.type === 'limit' && !postOnly ? { timeInForce: c.tif.toUpperCase() } : {}),
    ...(isConditional(c.type) ? { stopPrice: px(c.stop_px) } : {}),
    newClientOrderId: c.client_id,
    newOrderRespType: 'RESULT',
  };
}
