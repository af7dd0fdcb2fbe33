import { parseDecimal } from '../../graph/math/index.ts';
import type { KeyInfo } from '../../graph/schema/index.ts';
import { symbolOf } from '../decision/market-order.ts';

/** An order by hand whose end has not been told. Price and quantity in the instrument's decimals. */
export interface HandOrder {
  id: string;
  buy: boolean;
  type: 'market' | 'limit' | 'stop_market' | 'take_profit_market';
  /** Limit or trigger price; of a market order the touch at which it was judged. */
  px: number;
  qty: number;
  cum: number;
  reduce: boolean;
  /** Since when it has not been heard of, engine time; −1 = it has. */
  askedUs: number;
  /** A query is under way. */
  asked: boolean;
}
export interface ManualState {
  /** Running number of the next order. */
  n: number;
  orders: HandOrder[];
  /** What became of the last commands, for who asks by correlation id: why it was not sent, or its client id. */
  answers: { correlation: string; id: string; reason: string }[];
  toldOrders: number;
  toldMargin: number;
}

/** Within Binance's `^[\.A-Z\:/a-z0-9_-]{1,36}$`, and never one of the router's. */
export const handOrderId = (key: string, now: number, n: number): string =>
  `hand-${symbolOf(key)}-${now.toString(36)}-${n.toString(36)}`;

/** `buy limit 0.01 60000 reduce_only`, as source.control lets it in. @returns why it cannot be read exactly */
export function readOrder(words: string, key: KeyInfo): HandOrder | string {
  const [side, type, qty, px] = words.split(' ');
  const order: HandOrder = {
    id: '',
    buy: side === 'buy',
    type: type as HandOrder['type'],
    px: 0,
    qty: 0,
    cum: 0,
    reduce: words.endsWith(' reduce_only'),
    askedUs: -1,
    asked: false,
  };
  try {
    order.qty = parseDecimal(qty ?? '', key.qtyDigits);
    if (order.type !== 'market') order.px = parseDecimal(px ?? '', key.pxDigits);
  } catch {
    return `quantity or price are finer than the instrument’s ${key.qtyDigits} and ${key.pxDigits} decimals`;
  }
  return order;
}
