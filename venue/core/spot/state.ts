import type { KeyInfo } from '../../../graph/schema/index.ts';
import { ten } from '../money.ts';
import { feesOnly } from '../rules.ts';
import { createExchange, type Exchange, type Market, marketOf, type Order, type Rules } from '../state.ts';
import { assetIndex, createAssets, type SpotAssets } from './assets.ts';

export type SpotType =
  | 'LIMIT'
  | 'MARKET'
  | 'LIMIT_MAKER'
  | 'STOP_LOSS'
  | 'STOP_LOSS_LIMIT'
  | 'TAKE_PROFIT'
  | 'TAKE_PROFIT_LIMIT';
export const SPOT_TYPES: readonly SpotType[] = [
  'LIMIT',
  'LIMIT_MAKER',
  'MARKET',
  'STOP_LOSS',
  'STOP_LOSS_LIMIT',
  'TAKE_PROFIT',
  'TAKE_PROFIT_LIMIT',
];
export type SpotTif = 'GTC' | 'IOC' | 'FOK';
export type SelfTradeMode = 'NONE' | 'EXPIRE_MAKER' | 'EXPIRE_TAKER' | 'EXPIRE_BOTH';
/** Waits for its price (STOP_LOSS, TAKE_PROFIT and their limit forms). */
export const isContingent = (t: SpotType): boolean => t !== 'LIMIT' && t !== 'MARKET' && t !== 'LIMIT_MAKER';
/** Carries a limit price. */
export const hasPrice = (t: SpotType): boolean => t !== 'MARKET' && t !== 'STOP_LOSS' && t !== 'TAKE_PROFIT';

/** What a client asks for. Prices and quantities in the instrument's decimals; a value off that grid is not an integer. */
export interface SpotRequest {
  clientId: string;
  side: 1 | -1;
  kind: SpotType;
  tif: SpotTif;
  /** 0 = by quote amount. */
  qty: number;
  /** Quote amount of a market order × 10^8; 0 = by quantity. */
  quote: number;
  /** NaN = none. */
  px: number;
  stopPx: number;
  /** Basis points; 0 = no trailing stop. */
  trailingDelta: number;
  stp: SelfTradeMode;
  /** −1 = not sent. */
  strategyId: number;
  strategyType: number;
}

/** An order of a Spot account: what matching knows of it, and what Binance tells of it. Times in ms. */
export interface SpotOrder extends Order {
  request: SpotRequest;
  createdMs: number;
  updatedMs: number;
  /** When it came on the book; −1 = it did not yet. */
  workingMs: number;
  /** A leg of an order list whose working order is not filled yet. */
  pending: boolean;
  /** A contingent order whose price has not come. */
  waiting: boolean;
  /** Trailing: since when the best price is followed; −1 = not yet. */
  trailingMs: number;
  /** Best price since then, × 10^pxDigits. */
  bestPx: number;
  /** Traded quote amount × 10^8. */
  cumMoney: number;
  /** `eR`; empty = did not expire. */
  expiry: string;
  /** Quantity that self-trade prevention took, and under which match; −1 = none. */
  prevented: number;
  preventedMatchId: number;
}

export interface SpotTrade {
  id: number;
  orderId: number;
  list: number;
  px: number;
  qty: number;
  /** × 10^8, as the fee. */
  quote: number;
  fee: number;
  buyer: boolean;
  maker: boolean;
  timeMs: number;
}
export interface Amendment {
  orderId: number;
  executionId: number;
  origClientId: string;
  newClientId: string;
  origQty: number;
  newQty: number;
  timeMs: number;
}
/** Two own orders that self-trade prevention kept from trading with one another. */
export interface PreventedMatch {
  id: number;
  takerOrderId: number;
  makerOrderId: number;
  mode: SelfTradeMode;
  px: number;
  makerQty: number;
  timeMs: number;
}

export interface OrderList {
  id: number;
  clientId: string;
  market: number;
  kind: 'OCO' | 'OTO' | 'OTOCO';
  orders: SpotOrder[];
  /**
   * `working`: only the first order is placed, the others are pending. `pair`: two orders of which one ends the other.
   * `single`: the pending order of an OTO is placed.
   */
  phase: 'working' | 'pair' | 'single';
  /** What a pair locks together while neither leg has begun to trade: the larger of both needs. */
  locked: number;
  done: boolean;
  timeMs: number;
}

/** Trading rules in the instrument's own integers, and what the server knows beside. */
export interface SpotRules {
  base: string;
  quote: string;
  symbol: string;
  tick: number;
  step: number;
  minQty: number;
  maxQty: number;
  minPx: number;
  maxPx: number;
  minNotional: number;
  maxNotional: number;
}
/** Limits of an account and multipliers of PERCENT_PRICE_BY_SIDE, as exchangeInfo states them. */
export const LIMITS = {
  orders: 200,
  algoOrders: 5,
  lists: 20,
  amends: 10,
  minTrailing: 10,
  maxTrailing: 2000,
  up: 5,
  down: 0.2,
  averageMinutes: 5,
} as const;

/** One instrument of a Spot account. */
export interface SpotMarket extends Market {
  digits: { px: number; qty: number };
  rules: SpotRules;
  base: number;
  quote: number;
  /** quantity × this = base × 10^8. */
  baseUnit: number;
  /** All orders in order of their ids, finished ones too; ids are `firstId + index`. */
  orders: SpotOrder[];
  firstId: number;
  trades: SpotTrade[];
  amendments: Amendment[];
  prevented: PreventedMatch[];
  /** Traded price × quantity and quantity of the last minutes, for the average price; a ring by minute. */
  minutes: { minute: number; value: number; qty: number }[];
}

export interface SpotExchange extends Exchange {
  assets: SpotAssets;
  /** All order lists, oldest first, and those of them that are not done. */
  lists: OrderList[];
  openLists: OrderList[];
  nextListId: number;
  nextExecutionId: number;
  /** Event time of the account's last change (ms). */
  updatedMs: number;
  /** Time of the event in work (µs), for what matching ends by itself. */
  now: number;
  /** The order that takes liquidity right now, for self-trade prevention. */
  taker: SpotOrder | null;
  /** Lists that came to their end in this event and were not told yet. */
  finished: OrderList[];
  /** Lists whose working order is filled: their other legs are placed once matching is through. */
  activations: OrderList[];
  /** User events in Binance's JSON, oldest first; the server takes them. */
  events: object[];
}

/** How many orders, trades and lists are remembered: up to twice as many, then the oldest go. */
export const HISTORY = 10_000;

/** Fees as rates × 10^8, `levels` of the book that are kept; latencies are the server's. */
export function spotRules(maker: number, taker: number, levels: number): Rules {
  return { ...feesOnly(maker, taker), levels, maxOrders: LIMITS.orders, maxStops: LIMITS.algoOrders };
}

export function createSpotExchange(rules: Rules): SpotExchange {
  return {
    ...createExchange(rules, 0, 'spot'),
    assets: createAssets(),
    lists: [],
    openLists: [],
    nextListId: 1,
    nextExecutionId: 1,
    updatedMs: 0,
    now: 0,
    taker: null,
    finished: [],
    activations: [],
    events: [],
  };
}

/** Orders are counted per instrument, far from one another and from those of the futures account. */
export const firstOrderId = (slot: number): number => (slot + 1) * 1_000_000_000 + 1;

/** Lists an instrument. The key's name begins with `spot:`. */
export function listSpot(x: SpotExchange, key: KeyInfo, rules: SpotRules): SpotMarket {
  const plain = marketOf(x, key)!;
  const firstId = firstOrderId(plain.slot);
  const m: SpotMarket = {
    ...plain,
    digits: { px: key.pxDigits, qty: key.qtyDigits },
    rules,
    base: assetIndex(x.assets, rules.base),
    quote: assetIndex(x.assets, rules.quote),
    baseUnit: ten(8 - key.qtyDigits),
    orders: [],
    firstId,
    nextOrderId: firstId,
    trades: [],
    amendments: [],
    prevented: [],
    minutes: [],
  };
  x.markets[key.index] = m;
  return m;
}
export const spotMarket = (x: Exchange, index: number): SpotMarket => x.markets[index] as SpotMarket;
