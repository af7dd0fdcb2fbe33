import type { KeyInfo } from '../../graph/schema/index.ts';
import type { Params } from './params.ts';

/**
 * How the parts of the server meet: `transport` (HTTP, websockets, signatures, limits, faults) knows routes and streams;
 * `feed` (the market as it is played) knows instruments and frames; `usdm` and `spot` (accounts) know orders and money.
 * None of them knows another's insides.
 */
export type MarketName = 'usdm' | 'spot';

/** Two clocks: the wall for signatures, limits, listen keys and pings; the market's for events, matching and funding. */
export interface VenueClock {
  /** ms since the epoch, as a user's computer has it (plus the injected skew). */
  wallMs(): number;
  /** µs since the epoch on the played market; moves at the rate of the run. Never decreases. */
  marketUs(): number;
}

/** An answer in Binance's own error shape: `{"code": -1102, "msg": "…"}`. Thrown by handlers, formatted by the transport. */
export class ApiError extends Error {
  readonly code: number;
  readonly status: number;
  /** Sent as `data` beside code and msg, where it is given (Spot's cancel-replace). */
  readonly data: unknown;
  constructor(code: number, msg: string, status = 400, data?: unknown) {
    super(msg);
    this.name = 'ApiError';
    this.code = code;
    this.status = status;
    this.data = data;
  }
}

/** One call of a REST route, or of its websocket-API method. */
export interface ApiCall {
  /** Query and body together; the query wins. `timestamp`, `recvWindow`, `signature` are gone. */
  readonly params: Params;
  readonly wallMs: number;
  readonly marketUs: number;
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** e.g. `/fapi/v1/order`. */
  readonly path: string;
  /** `none`; `key`: API key header only; `signed`: key, timestamp, signature. */
  readonly security: 'none' | 'key' | 'signed';
  /** Request weight. */
  readonly weight: number | ((params: Params) => number);
  /** How many it counts on the order limits; absent = 0. */
  readonly orders?: number | ((params: Params) => number);
  /** Name in the websocket API (`order.place`), where it has one. */
  readonly ws?: string;
  /** Returns what is sent as JSON. Throws ApiError. A promise settles when the answer is to leave (order latency). */
  handle(call: ApiCall): unknown | Promise<unknown>;
}

/** An instrument that the feed plays, with the rules of its market as exchangeInfo states them. */
export interface Listed {
  readonly market: MarketName;
  readonly key: KeyInfo;
  /** `BTCUSDT`. */
  readonly symbol: string;
  readonly base: string;
  readonly quote: string;
  /** Decimal texts, as in exchangeInfo's filters. */
  readonly tick: string;
  readonly step: string;
  readonly minQty: string;
  readonly maxQty: string;
  readonly minPx: string;
  readonly maxPx: string;
  readonly minNotional: string;
}

/** What the market is now. Exact amounts are integers in the key's decimals; `mark` and `index` are × 10^8. */
export interface MarketView {
  readonly listed: Listed;
  /** 0 = none yet. */
  readonly lastPx: number;
  readonly markPx: number;
  readonly indexPx: number;
  readonly fundingRate: number;
  readonly nextFundingMs: number;
  /** Best first; 0 when the side is empty. */
  bestPx(side: 1 | -1): number;
}

/** The market's events in order of market time, as an account takes them. Times µs. */
export interface MarketListener {
  onTrade(key: KeyInfo, px: number, qty: number, taker: 1 | -1, nowUs: number): void;
  /** The whole recorded book, best level last (`BookLadder`); buffers hold until the call returns. */
  onLadder(key: KeyInfo, ladder: Ladder, nowUs: number): void;
  onBest(key: KeyInfo, best: Best, nowUs: number): void;
  /** `mark` × 10^8; `rate` and `nextMs` NaN where unknown. */
  onMark(key: KeyInfo, mark: number, rate: number, nextMs: number, eventMs: number, nowUs: number): void;
}
export interface Ladder {
  readonly u: number;
  readonly bid_px: Levels;
  readonly bid_qty: Levels;
  readonly ask_px: Levels;
  readonly ask_qty: Levels;
}
export interface Levels {
  readonly data: Float64Array;
  readonly start: number;
  readonly end: number;
  readonly length: number;
}
export interface Best {
  readonly u: number;
  readonly bid_px: number;
  readonly bid_qty: number;
  readonly ask_px: number;
  readonly ask_qty: number;
}

/** The market that is played: recorder files, a lake, or the synthetic market. */
export interface Feed {
  readonly listed: readonly Listed[];
  view(market: MarketName, symbol: string): MarketView | undefined;
  /** Routes of public market data of both markets (exchangeInfo, depth, trades, klines, tickers, premiumIndex, time …). */
  readonly routes: (market: MarketName) => readonly Route[];
  /** Market time of the next event, µs; Infinity at the end. */
  nextUs(): number;
  /** Plays everything up to and including `marketUs`: listeners first, then frames to `publish`. */
  advance(marketUs: number): void;
  /** Whether a stream of that name exists (`btcusdt@depth@100ms`), and in which category a USD-M connection finds it. */
  stream(market: MarketName, name: string): { readonly category: 'public' | 'market' } | undefined;
  close(): Promise<void>;
}
export interface FeedSinks {
  readonly listener: Readonly<Record<MarketName, MarketListener>>;
  /** One frame of a stream, already JSON; `event` is the raw object's text without the combined wrapper. */
  publish(market: MarketName, stream: string, event: string): void;
}

/** The account of one market: matching, money, and its private routes. */
export interface AccountEngine {
  readonly market: MarketName;
  readonly listener: MarketListener;
  readonly routes: readonly Route[];
  /** Market time at which it wants to be advanced (orders on their way, answers due); Infinity = nothing waits. */
  nextUs(): number;
  advance(marketUs: number): void;
  /** Set by the server: takes each event of the user data stream in Binance's JSON shape, in order. */
  onUserEvent: (event: object) => void;
  /** Wallet of one asset in units of 10^-8, for transfers between the two markets. Throws ApiError when it is short. */
  withdraw(asset: string, amount: number, marketUs: number): void;
  deposit(asset: string, amount: number, marketUs: number): void;
  /** Called by faults: liquidates or deleverages what is open on the symbol as if the market had done it. */
  force?(kind: 'liquidation' | 'adl', symbol: string, marketUs: number): void;
}
