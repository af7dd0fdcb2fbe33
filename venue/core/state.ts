import type { AccountUpdate, KeyInfo, OrderCommand, OrderReport, Values } from '../../graph/schema/index.ts';
import { type Book, createBook } from './book.ts';
import { createInstrument, type Instrument, type InstrumentRules } from './instrument.ts';
import { ACCOUNT, createLedger, type Ledger, post } from './ledger.ts';
import type { Position } from './position.ts';
import type { VenuePosition } from './schema.ts';

export type Command = Values<typeof OrderCommand>;
export type Report = Values<typeof OrderReport> & { key: number };
export type Account = Values<typeof AccountUpdate> & { key: number };
export type PositionRecord = Values<typeof VenuePosition> & { key: number };

/** An order that the venue has accepted and that is not at its end. */
export interface Order {
  clientId: string;
  orderId: number;
  /** 1 buys, −1 sells. */
  side: number;
  type: Report['type'];
  tif: Command['tif'];
  /** NaN: none. */
  px: number;
  stopPx: number;
  working: Command['working'];
  qty: number;
  cum: number;
  cumQuote: number;
  reduceOnly: boolean;
  closePosition: boolean;
  /** Recorded quantity before ours at our price; Infinity until the level has been seen. */
  ahead: number;
  /** Price that initial margin is reserved at. */
  reservePx: number;
  status: Report['status'];
}

/** At its end: filled, cancelled, expired or refused. */
export const isDone = (o: Order): boolean => o.status !== 'new' && o.status !== 'partially_filled';

/** The venue's state of one instrument. */
export interface Market {
  instrument: Instrument;
  /** Its isolated margin is ledger account FIRST_ISOLATED + slot. */
  slot: number;
  book: Book;
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
  instruments: Readonly<Record<string, InstrumentRules>>;
}

/** Something the venue says, due at engine time `at`. */
export type Out =
  | { at: number; port: 'report'; values: Report }
  | { at: number; port: 'account'; values: Account }
  | { at: number; port: 'position'; values: PositionRecord };

/** One account over all its instruments: plain data, so that a checkpoint carries it. */
export interface Exchange {
  rules: Rules;
  ledger: Ledger;
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
}

export function createExchange(rules: Rules, deposit: number): Exchange {
  const ledger = createLedger();
  post(ledger, ACCOUNT.deposits, ACCOUNT.wallet, deposit);
  return { rules, ledger, markets: [], live: [], inbox: [], outbox: [], touched: false };
}

/** The market of a key, made at its first event. Spot instruments have none. */
export function marketOf(x: Exchange, key: KeyInfo): Market | null {
  const known = x.markets[key.index];
  if (known !== undefined && known !== null) return known;
  if (key.name.startsWith('spot:')) return null;
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
    reserved: 0,
    guardLow: 0,
    guardHigh: Number.POSITIVE_INFINITY,
    nextOrderId: 1,
    nextTradeId: 1,
  };
}
