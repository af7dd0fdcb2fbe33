import type {
  AccountUpdate,
  KeyInfo,
  OrderCommand,
  OrderReport,
  Values,
  VenuePosition,
} from '../../graph/schema/index.ts';
import { type Book, createBook } from './book.ts';
import { createInstrument, type Instrument, type InstrumentRules } from './instrument.ts';
import { ACCOUNT, createLedger, type Ledger, post } from './ledger.ts';
import type { Position } from './position.ts';

/** Which rules of money hold: one exchange is an account of one market. */
export type Kind = 'usdm' | 'spot';

/**
 * What an order is. Spot's names map onto these: STOP_LOSS = stop_market, STOP_LOSS_LIMIT = stop, TAKE_PROFIT =
 * take_profit_market, TAKE_PROFIT_LIMIT = take_profit, LIMIT_MAKER = limit with gtx.
 */
export type OrderType =
  | 'market'
  | 'limit'
  | 'stop_market'
  | 'take_profit_market'
  | 'stop'
  | 'take_profit'
  | 'trailing_stop_market'
  | 'liquidation'
  | 'adl';
/** `gte_gtc`: of a conditional order that lives as long as the position is open. */
export type TimeInForce = 'gtc' | 'ioc' | 'fok' | 'gtx' | 'gtd' | 'gte_gtc';
/** What happens when an order meets another of the same account; `off`: own orders do not see one another. */
export type SelfTrade = 'off' | 'none' | 'expire_maker' | 'expire_taker' | 'expire_both';

/** A command as the core takes it; `graph`'s OrderCommand is its narrow form (see narrow.ts). */
export interface Command extends Omit<Values<typeof OrderCommand>, 'action' | 'type' | 'tif'> {
  action: 'place' | 'cancel' | 'cancel_all' | 'amend';
  type: OrderType;
  tif: TimeInForce;
  /** Of a cancel or an amendment: the order's id; 0 = by client id. */
  order_id: number;
  /** Spot market orders: the quote amount to spend or to get (× 10^8); 0 = by quantity. */
  quote: number;
  /** Trailing stops: from which price on they trail (NaN = from the start), and by how much (rate × 10^8). */
  activation_px: number;
  callback: number;
  /** A conditional order is not triggered while last and mark price are too far apart. */
  protect: boolean;
  stp: SelfTrade;
  /** GTD: until when (ms); 0 otherwise. */
  good_till_ms: number;
}

/** What a report says; `graph`'s OrderReport is its narrow form. */
export interface Report extends Omit<Values<typeof OrderReport>, 'exec' | 'status' | 'type' | 'tif' | 'base_fee'> {
  exec: Exclude<Values<typeof OrderReport>['exec'], 'unknown' | 'status'> | 'amended';
  status: OrderStatus;
  type: OrderType;
  tif: TimeInForce;
  key: number;
  /** Id of a conditional order in its own sequence, 0 for others and where the account has no such sequence. */
  algo_id: number;
}
export type OrderStatus = Values<typeof OrderReport>['status'] | 'expired_in_match';
export interface Account extends Omit<Values<typeof AccountUpdate>, 'reason'> {
  reason: Values<typeof AccountUpdate>['reason'] | 'adl';
  key: number;
}
export type PositionRecord = Values<typeof VenuePosition> & { key: number };

/** An order that the venue has accepted and that is not at its end. */
export interface Order {
  clientId: string;
  /** 0: a conditional order of an account with algo orders, before it is triggered. */
  orderId: number;
  /** Id of a conditional order where those have a sequence of their own; else 0. */
  algoId: number;
  /** 1 buys, −1 sells. */
  side: number;
  type: OrderType;
  tif: TimeInForce;
  /** NaN: none. */
  px: number;
  stopPx: number;
  working: Command['working'];
  qty: number;
  /** Spot: quote amount of a market order by amount; 0 = by quantity. */
  quote: number;
  cum: number;
  cumQuote: number;
  reduceOnly: boolean;
  closePosition: boolean;
  protect: boolean;
  stp: SelfTrade;
  /** GTD: when it expires (ms); 0 = never. */
  goodTillMs: number;
  /** Trailing stops: trail from this price on, by this rate (× 10^8); `extreme` is the best price since then, × 10^8. */
  activationPx: number;
  callback: number;
  extreme: number;
  /** A conditional order whose price has come: it is a plain order now, and no longer among `stops` after the event. */
  triggered: boolean;
  amendments: number;
  /** Recorded quantity before ours at our price; Infinity until the level has been seen. */
  ahead: number;
  /** Its id in a live limit book; −1 = it is not in one. */
  liveId: number;
  /** Price that initial margin is reserved at. */
  reservePx: number;
  /** Spot: what this order still locks of the asset it gives, × 10^8. */
  locked: number;
  /** Spot: its order list; 0 = none. */
  list: number;
  status: OrderStatus;
}

/** Waits for a price before it does anything. */
export const isConditional = (o: { readonly type: OrderType }): boolean =>
  o.type !== 'market' && o.type !== 'limit' && !isClosing(o.type);
/** Has a limit price, at once or once it is triggered. */
export const isLimit = (o: { readonly type: OrderType }): boolean =>
  o.type === 'limit' || o.type === 'stop' || o.type === 'take_profit';
/** Triggered by a price that moves against the position it would close. */
export const isStop = (o: { readonly type: OrderType }): boolean => o.type === 'stop_market' || o.type === 'stop';
/** The venue's own orders. */
export const isClosing = (type: OrderType): boolean => type === 'liquidation' || type === 'adl';
/** At its end: filled, cancelled, expired or refused. */
export const isDone = (o: Order): boolean => o.status !== 'new' && o.status !== 'partially_filled';

/** The venue's state of one instrument. */
export interface Market {
  instrument: Instrument;
  /** Its isolated margin is ledger account FIRST_ISOLATED + slot. */
  slot: number;
  book: Book;
  /** Orders trade in a live limit book instead of the recorded one (see liquidity.ts). */
  live: boolean;
  /** Resting limit orders, best price first, then in order of arrival. */
  buys: Order[];
  sells: Order[];
  /** Untriggered conditional orders in order of arrival. */
  stops: Order[];
  /** Last trade price; 0 = none yet. */
  last: number;
  /** Mark price, USDT × 10^8; 0 = none yet. */
  mark: number;
  /** Engine time from which the mid is taken as mark because no mark price came. */
  nextMarkUs: number;
  /** Next funding (ms) and the rate (× 10^8) that will hold; 0 = unknown. */
  fundingMs: number;
  fundingRate: number;
  fundedMs: number;
  position: Position;
  /** Whether its margin is the whole free wallet instead of an isolated one. */
  cross: boolean;
  /** Initial margin reserved by open orders. */
  reserved: number;
  /** Mark prices below (long) or above (short) which the liquidation rule is evaluated exactly. */
  guardLow: number;
  guardHigh: number;
  nextOrderId: number;
  nextTradeId: number;
}

export interface Rules {
  /** Rates × 10^8. */
  maker: number;
  taker: number;
  liquidationFee: number;
  /** Farthest from the mark that a market order fills and a limit order may be placed. */
  bound: number;
  orderLatencyUs: number;
  responseLatencyUs: number;
  markIntervalUs: number;
  markTimeoutUs: number;
  levels: number;
  leverage: number;
  maxOrders: number;
  maxStops: number;
  /** Conditional orders have ids of their own, and an order id only once they are triggered. */
  algo: boolean;
  /** Large positions are liquidated tier by tier, as long as that is enough. Absent: whole. */
  partialLiquidation?: boolean;
  /** `protect`: how far last and mark price may be apart at a trigger, rate × 10^8. */
  triggerProtect: number;
  instruments: Readonly<Record<string, InstrumentRules>>;
}

/** Something the venue says, due at engine time `at`. */
export type Out =
  | { at: number; port: 'report'; values: Report }
  | { at: number; port: 'account'; values: Account }
  | { at: number; port: 'position'; values: PositionRecord };

/** Balances of a spot account by asset, in units of 10^-8; parallel lists. Owned by core/spot. */
export interface Assets {
  names: string[];
  free: number[];
  locked: number[];
  /** What the rest of the world has of each asset, seen from the account: free + locked + outside = 0. */
  outside: number[];
}

/** One account over all its instruments: plain data, so that a checkpoint carries it. */
export interface Exchange {
  kind: Kind;
  rules: Rules;
  /** Money of a USD-M account; empty on Spot. */
  ledger: Ledger;
  /** Money of a Spot account; empty on USD-M. */
  assets: Assets;
  /** By key index; null = not seen, or not an instrument of this venue. */
  markets: (Market | null)[];
  /** Key indices in order of first appearance. */
  live: number[];
  /** Commands on their way to the venue, in order of arrival. */
  inbox: { at: number; key: number; command: Command }[];
  /** Answers on their way back, in order. */
  outbox: Out[];
  /** The ledger or an open order changed since the last check. */
  touched: boolean;
  nextAlgoId: number;
  /** When the next GTD order expires (ms); Infinity = there is none. */
  goodTillMs: number;
}

export function createExchange(rules: Rules, deposit: number, kind: Kind = 'usdm'): Exchange {
  const ledger = createLedger();
  if (deposit !== 0) post(ledger, ACCOUNT.deposits, ACCOUNT.wallet, deposit);
  return {
    kind,
    rules,
    ledger,
    assets: { names: [], free: [], locked: [], outside: [] },
    markets: [],
    live: [],
    inbox: [],
    outbox: [],
    touched: false,
    nextAlgoId: 1,
    goodTillMs: Number.POSITIVE_INFINITY,
  };
}

/** The market of a key, made at its first event; null for an instrument of the other kind. */
export function marketOf(x: Exchange, key: KeyInfo): Market | null {
  const known = x.markets[key.index];
  if (known !== undefined && known !== null) return known;
  if (key.name.startsWith('spot:') !== (x.kind === 'spot')) return null;
  while (x.markets.length <= key.index) x.markets.push(null);
  const m = createMarket(x, key);
  x.markets[key.index] = m;
  x.live.push(key.index);
  return m;
}

function createMarket(x: Exchange, key: KeyInfo): Market {
  const slot = x.live.length;
  const { name } = key;
  const bare = name.slice(name.indexOf(':') + 1);
  return {
    instrument: createInstrument(key, x.rules.leverage, x.rules.instruments[name] ?? x.rules.instruments[bare] ?? {}),
    slot,
    book: createBook(x.rules.levels),
    live: false,
    buys: [],
    sells: [],
    stops: [],
    last: 0,
    mark: 0,
    nextMarkUs: 0,
    fundingMs: 0,
    fundingRate: 0,
    fundedMs: 0,
    position: { qty: 0, cost: 0 },
    cross: false,
    reserved: 0,
    guardLow: 0,
    guardHigh: Number.POSITIVE_INFINITY,
    nextOrderId: 1,
    nextTradeId: 1,
  };
}
