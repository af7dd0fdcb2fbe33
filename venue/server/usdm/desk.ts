import type { KeyInfo } from '../../../graph/schema/index.ts';
import type { Instrument } from '../../core/instrument.ts';
import { mulDiv, ten } from '../../core/money.ts';
import type { Market, OrderType } from '../../core/state.ts';
import type { Listed } from '../contract.ts';

/** An order as its owner sees it; amounts in the instrument's integers. It outlives the core's order. */
export interface OrderRecord {
  readonly desk: Desk;
  readonly orderId: number;
  clientId: string;
  readonly side: 'BUY' | 'SELL';
  readonly type: string;
  /** What it was before it was triggered. */
  readonly origType: string;
  readonly tif: string;
  px: number;
  qty: number;
  cum: number;
  /** Price × quantity, in decimals of both together. */
  cumQuote: number;
  readonly stopPx: number;
  status: string;
  readonly reduceOnly: boolean;
  readonly closePosition: boolean;
  readonly working: string;
  readonly protect: boolean;
  readonly stp: string;
  readonly priceMatch: string;
  readonly goodTillDate: number;
  readonly timeMs: number;
  updateMs: number;
  realised: number;
  amendments: number;
}
/** A conditional order of the Algo service. */
export interface AlgoRecord extends Omit<OrderRecord, 'orderId' | 'cum' | 'cumQuote' | 'realised' | 'amendments'> {
  readonly algoId: number;
  readonly activationPx: number;
  readonly callback: number;
  /** Of the order that it became; 0 = none yet. */
  orderId: number;
  order: OrderRecord | undefined;
  triggerMs: number;
  /** Why it was refused when it was triggered. */
  refusal: string;
}
export interface TradeRecord {
  readonly id: number;
  readonly orderId: number;
  readonly side: 'BUY' | 'SELL';
  readonly px: number;
  readonly qty: number;
  readonly fee: number;
  readonly realised: number;
  readonly maker: boolean;
  readonly timeMs: number;
}
export interface Amendment {
  readonly id: number;
  readonly order: OrderRecord;
  readonly timeMs: number;
  readonly before: { px: number; qty: number };
  readonly after: { px: number; qty: number };
  readonly count: number;
}
export interface MarginChange {
  readonly amount: number;
  readonly timeMs: number;
  readonly type: 1 | 2;
}

/** What the account keeps of one symbol beside the core's market. */
export interface Desk {
  readonly symbol: string;
  readonly listed: Listed;
  readonly key: KeyInfo;
  readonly market: Market;
  readonly instrument: Instrument;
  /** By order id; insertion is in order of id. */
  readonly orders: Map<number, OrderRecord>;
  /** The newest order of each client id. */
  readonly byClientId: Map<string, OrderRecord>;
  readonly trades: TradeRecord[];
  readonly amendments: Amendment[];
  readonly marginChanges: MarginChange[];
  /** Profits realised on the symbol so far (before fees), and fees paid for what is open. */
  realised: number;
  openFees: number;
  /** Position as of the last account event. */
  qty: number;
  /** Position as last told, to tell changes from repeats. */
  told: string;
  updateMs: number;
  /** A margin call was sent for this position. */
  called: boolean;
  /** When its countdown cancels all orders, µs of market time; Infinity = none. */
  countdownUs: number;
}

export const createDesk = (listed: Listed, market: Market): Desk => ({
  symbol: listed.symbol,
  listed,
  key: listed.key,
  market,
  instrument: market.instrument,
  orders: new Map(),
  byClientId: new Map(),
  trades: [],
  amendments: [],
  marginChanges: [],
  realised: 0,
  openFees: 0,
  qty: 0,
  told: '',
  updateMs: 0,
  called: false,
  countdownUs: Number.POSITIVE_INFINITY,
});

const NAMES: Readonly<Record<OrderType, string>> = {
  market: 'MARKET',
  limit: 'LIMIT',
  stop_market: 'STOP_MARKET',
  take_profit_market: 'TAKE_PROFIT_MARKET',
  stop: 'STOP',
  take_profit: 'TAKE_PROFIT',
  trailing_stop_market: 'TRAILING_STOP_MARKET',
  liquidation: 'LIQUIDATION',
  adl: 'LIQUIDATION',
};
export const typeName = (t: OrderType): string => NAMES[t];

/** Decimals of an average price. */
export const avgDigits = (d: Desk): number => Math.max(5, d.key.pxDigits);
/** Average price of what traded, × 10^avgDigits. */
export function averageOf(o: OrderRecord): number {
  return o.cum === 0 ? 0 : mulDiv(o.cumQuote, ten(avgDigits(o.desk) - o.desk.key.pxDigits), o.cum);
}
export const isOpen = (o: { readonly status: string }): boolean =>
  o.status === 'NEW' || o.status === 'PARTIALLY_FILLED';

const DAY = 86_400_000;
/** Cancelled and expired orders without a trade are forgotten after 3 days, all after 90 (market time). */
export function isForgotten(o: OrderRecord, nowMs: number): boolean {
  if (isOpen(o)) return false;
  const age = nowMs - o.timeMs;
  return age > 90 * DAY || (o.cum === 0 && age > 3 * DAY);
}
