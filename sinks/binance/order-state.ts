import type { OrderCommand, OrderReport, Values } from '../../graph/schema/index.ts';

export type Command = Values<typeof OrderCommand>;
export type Report = Values<typeof OrderReport>;
export type Status = Report['status'];

/** A command as it was written down before anything was sent. */
export interface Intent {
  /** Cause and place: the same command of a run that went back has the same. */
  readonly id: string;
  /** Key index of the instrument. */
  readonly key: number;
  readonly command: Command;
  /** When it was decided, ms of the wall clock. */
  readonly madeMs: number;
}

/** What the exchange says an order is, by REST or by stream. Amounts in the instrument's decimals. */
export interface OrderView {
  readonly clientId: string;
  readonly orderId: string;
  readonly conditional: boolean;
  readonly status: Status;
  readonly side: 'buy' | 'sell';
  readonly type: Report['type'];
  readonly tif: Report['tif'];
  /** NaN = none. */
  readonly px: number;
  readonly stopPx: number;
  /** 0 = the whole position, when it comes to it. */
  readonly qty: number;
  readonly cum: number;
  readonly reduceOnly: boolean;
  /** A conditional order has become an order; its id, '' when not known yet. */
  readonly triggered: boolean;
  readonly childId: string;
  readonly code: number;
  readonly reason: string;
  readonly timeMs: number;
}
/** One trade of our account. */
export interface Fill {
  readonly orderId: string;
  readonly tradeId: number;
  readonly px: number;
  readonly qty: number;
  readonly fee: number;
  readonly pnl: number;
  readonly maker: boolean;
  readonly timeMs: number;
  /** Spot: the commission that was taken in the traded asset × 10^8; absent = none. */
  readonly baseFee?: number;
  /** The commission was taken in an asset whose value is not known here: `fee` is 0. */
  readonly unvalued?: true;
}
/** What a trade's report is of. */
export interface TradeOf {
  readonly fill: Fill;
  /** Of an order that this gateway placed, in this run or an earlier one. */
  readonly own: boolean;
}

/** What became of a request. */
export type PlaceOutcome =
  /** `partner`: the other order of a pair, which was sent with it. */
  | { readonly kind: 'accepted'; readonly view: OrderView | undefined; readonly partner?: OrderView }
  /** Not executed, and the same again would be refused too. */
  | { readonly kind: 'refused'; readonly code: number; readonly reason: string }
  /** Not executed, for want of capacity or of a right clock: may be sent again after `waitMs`. */
  | { readonly kind: 'turned_away'; readonly code: number; readonly reason: string; readonly waitMs: number }
  /** The id stands at the exchange already. */
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'unknown'; readonly reason: string };
export type CancelOutcome =
  | { readonly kind: 'accepted'; readonly view: OrderView | undefined }
  /** −2011: no such order is open. */
  | { readonly kind: 'not_open' }
  | { readonly kind: 'turned_away'; readonly waitMs: number }
  | { readonly kind: 'unknown'; readonly reason: string };
export type QueryOutcome =
  | { readonly kind: 'found'; readonly view: OrderView }
  | { readonly kind: 'not_found' }
  | { readonly kind: 'failed'; readonly reason: string };

/** What REST says of one instrument, read after the moment at which its stream was put on hold. */
export interface Picture {
  /** Open orders, and those that were asked for one by one. */
  readonly views: readonly OrderView[];
  /** Client ids that were asked for and that the exchange does not know. */
  readonly missing: readonly string[];
  readonly fills: readonly Fill[];
  /** When reading it began. */
  readonly askedMs: number;
}

/** sending: the answer is out; unknown: it did not come; open: the exchange has it; ended: nothing more will happen. */
export type Phase = 'queued' | 'sending' | 'unknown' | 'open' | 'ended';

export interface LedgerOrder {
  readonly symbol: string;
  readonly key: number;
  readonly clientId: string;
  /** Undefined: placed by somebody else, or by the exchange. */
  intent: Intent | undefined;
  conditional: boolean;
  phase: Phase;
  /** A request about it is out. */
  busy: boolean;
  /** How it stands must be asked. */
  asks: boolean;
  orderId: string;
  childId: string;
  side: 'buy' | 'sell';
  type: Report['type'];
  tif: Report['tif'];
  px: number;
  stopPx: number;
  qty: number;
  reduceOnly: boolean;
  /** Reported so far. */
  cum: number;
  cumQuote: number;
  acked: boolean;
  triggered: boolean;
  /** How the exchange says it stands; reported when all fills up to `goal.cum` have been. */
  goal: { cum: number; status: Status; reason: string; code: number; timeMs: number; sinceMs: number } | undefined;
  /** When the last request to place it was signed, ms. */
  sentAtMs: number;
  /** When the exchange last said that it has it, ms. */
  seenMs: number;
  attempts: number;
  /** Queries since it is unknown, and when that began. */
  queries: number;
  /** Answers that it does not exist, since it could no longer be accepted, and when the last of them was asked for, ms. */
  absences: number;
  absentMs: number;
  unknownSinceMs: number;
  /** The last answer that proved that it was not executed. */
  lastRefusal: { code: number; reason: string } | undefined;
  /** Cancels that wait for their answer, the commands they came with. */
  cancels: Command[];
  /** Queries of the graph that wait for theirs. */
  questions: Command[];
  /** How it ended; undefined while it has not. */
  fate: { readonly status: Status; readonly code: number; readonly reason: string } | undefined;
  /** The other order of a pair of which one cancels the other (Spot): both are sent as one list. */
  partner: LedgerOrder | undefined;
  /** Of a pair: it goes out with its partner. */
  follows: boolean;
  /** To be cancelled as soon as it is known to stand (a cancel, or a cancel_all that it was under way during). */
  cancelWanted: boolean;
  cancelTries: number;
  /** Placed before this run: its fills up to the watermark were reported then. */
  restored: boolean;
  /** Those fills have been counted. */
  history: boolean;
  /** Its fills were reported under the name of the order that it became. */
  elsewhere: boolean;
  endedMs: number;
}

export const isTerminal = (s: Status): boolean => s !== 'new' && s !== 'partially_filled';
export const isConditional = (type: string): boolean => type === 'stop_market' || type === 'take_profit_market';

export function newOrder(symbol: string, key: number, clientId: string): LedgerOrder {
  return {
    symbol,
    key,
    clientId,
    intent: undefined,
    conditional: false,
    phase: 'open',
    busy: false,
    asks: false,
    orderId: '',
    childId: '',
    side: 'buy',
    type: 'limit',
    tif: 'gtc',
    px: Number.NaN,
    stopPx: Number.NaN,
    qty: 0,
    reduceOnly: false,
    cum: 0,
    cumQuote: 0,
    acked: false,
    triggered: false,
    goal: undefined,
    sentAtMs: 0,
    seenMs: 0,
    attempts: 0,
    queries: 0,
    absences: 0,
    absentMs: 0,
    unknownSinceMs: 0,
    lastRefusal: undefined,
    cancels: [],
    questions: [],
    fate: undefined,
    partner: undefined,
    follows: false,
    cancelWanted: false,
    cancelTries: 0,
    restored: false,
    history: false,
    elsewhere: false,
    endedMs: 0,
  };
}

/** An order as its command wants it. @param algo stops go to a service of their own (USD-M) */
export function orderOf(symbol: string, intent: Intent, algo = true): LedgerOrder {
  const c = intent.command;
  const o = newOrder(symbol, intent.key, c.client_id);
  o.intent = intent;
  o.phase = 'queued';
  o.conditional = algo && isConditional(c.type);
  o.side = c.side;
  o.type = c.type;
  o.tif = c.tif;
  o.px = c.px;
  o.stopPx = c.stop_px;
  o.qty = c.qty;
  o.reduceOnly = c.reduce_only;
  return o;
}

/** A view of a port is not to be kept. */
export function copyOf(c: Readonly<Command>): Command {
  return {
    action: c.action,
    client_id: c.client_id,
    side: c.side,
    type: c.type,
    tif: c.tif,
    qty: c.qty,
    px: c.px,
    stop_px: c.stop_px,
    working: c.working,
    reduce_only: c.reduce_only,
    close_position: c.close_position,
    intent_id: c.intent_id,
    origin: c.origin,
  };
}
