import { ChimeraError } from '../../graph/schema/index.ts';
import type { RefusalCode } from './codes.ts';
import { FileKeys, NO_EVIDENCE, SPOT, USDM } from './file-keys.ts';
import { PORT, type PortBuffer, type RowStore } from './row-store.ts';
import {
  ABSENT,
  ASKS,
  BIDS,
  BOOL,
  DEC,
  INEXACT,
  INT,
  LAST_UPDATE_ID,
  LEVELS,
  type Levels,
  NESTED,
  NULL,
  PU,
  type Slots,
  TEXT,
} from './slots.ts';

/** 2009-01-01 and 2100-01-01, ms since the epoch. */
export const MS_MIN = 1_230_768_000_000;
export const MS_MAX = 4_102_444_800_000;

/** Event types that become rows, in the order in which the decoder interns them (from 1). */
const TYPES = ['trade', 'aggTrade', 'bookTicker', 'depthUpdate', 'markPriceUpdate', 'kline', 'forceOrder'] as const;
const TRADE = 1;
const AGG_TRADE = 2;
const BOOK_TICKER = 3;
const DEPTH = 4;
const MARK_PRICE = 5;
const KLINE = 6;
const FORCE_ORDER = 7;
const SNAPSHOT = 8;
/** Market events without a port of their own: passed over in silence, since nothing of a book or price is lost. */
const PASSED_OVER = new Set(
  '24hrTicker 24hrMiniTicker 1hTicker 4hTicker 1dTicker avgPrice continuous_kline indexPriceUpdate compositeIndex contractInfo assetIndexUpdate tradingSession serverShutdown referencePrice'.split(
    ' ',
  ),
);

const c = (letter: string): number => letter.charCodeAt(0);
const S_E = c('e');
const S_EVENT = c('E');
const S_T = c('T');
const S_SYMBOL = c('s');
const S_ID = c('t');
const S_AGG = c('a');
const S_P = c('p');
const S_Q = c('q');
const S_X = c('X');
const S_M = c('m');
const S_BEST = c('M');
const S_F = c('f');
const S_L = c('l');
const S_U = c('u');
const S_FIRST_U = c('U');
const S_B = c('b');
const S_BQ = c('B');
const S_A = c('a');
const S_AQ = c('A');
const S_I = c('i');
const S_SETTLE = c('P');
const S_R = c('r');
const K = NESTED;

export interface FrameOptions {
  /** Decimal symbol names that are wanted; undefined = all. */
  readonly symbols: ReadonlySet<string> | undefined;
  /** Numbers of the wanted ports; undefined = all. */
  readonly ports: ReadonlySet<number> | undefined;
}

/**
 * Turns a frame's slots into a row. Both ways of taking a frame apart end here, so that a frame means the same whichever
 * way it came. A refused frame leaves `fault` and `faultText`, and no row.
 */
export class FrameRows {
  fault: RefusalCode | null = null;
  faultText = '';
  /** Symbol of the last row's frame without a row being written for it (filtered): still context for snapshots. */
  readonly symbolsSeen = new Set<number>();
  readonly keys: FileKeys;
  readonly #slots: Slots;
  readonly #store: RowStore;
  readonly #market: number;
  readonly #buy: number;
  readonly #sell: number;
  readonly #options: FrameOptions;
  /** By name: 0 unknown yet, 1 wanted, 2 not wanted. */
  #wanted = new Uint8Array(256);
  /** By stream name: the symbol's name, and 1 for a stream of partial books. */
  readonly #streams = new Map<number, { symbol: number; partial: boolean }>();
  #lastStream = -1;
  #lastStreamInfo = { symbol: 0, partial: false };
  #lastSymbol = 0;

  constructor(slots: Slots, store: RowStore, keys: FileKeys, options: FrameOptions) {
    this.#slots = slots;
    this.#store = store;
    this.keys = keys;
    this.#options = options;
    // Names are one table per file: the event types take its first numbers.
    for (const type of TYPES) slots.names.of(type);
    this.#market = slots.names.of('MARKET');
    this.#buy = slots.names.of('BUY');
    this.#sell = slots.names.of('SELL');
  }

  /**
   * @param stream the combined stream's name, 0 if none
   * @param symbol the symbol that a URL named, 0 if none
   * @returns the port's row was written or filtered (true), or refused (false)
   */
  write(stream: number, symbol: number, t: number, line: number, flags: number): boolean {
    this.fault = null;
    const s = this.#slots;
    const kind = s.kind;
    let type = 0;
    if (kind[S_E] === TEXT) {
      type = s.name[S_E]!;
      if (type > TYPES.length || type === 0) {
        const name = s.names.list[type]!;
        if (PASSED_OVER.has(name)) return true;
        return this.#refuse('CHM653', `unknown event type "${name}"`);
      }
    } else if (kind[S_E] !== ABSENT) return this.#refuse('CHM653', 'the event type is no text');
    else if (kind[LAST_UPDATE_ID] !== ABSENT || kind[BIDS] !== ABSENT) type = SNAPSHOT;
    else if (kind[S_U] !== ABSENT && kind[S_BQ] !== ABSENT && kind[S_AQ] !== ABSENT) type = BOOK_TICKER;
    else return this.#refuse('CHM653', 'the frame has no event type');

    const info = stream === 0 ? null : stream === this.#lastStream ? this.#lastStreamInfo : this.#streamInfo(stream);
    const symbolSlot =
      type === KLINE
        ? kind[S_SYMBOL] === TEXT
          ? S_SYMBOL
          : K + S_SYMBOL
        : type === FORCE_ORDER
          ? K + S_SYMBOL
          : S_SYMBOL;
    let name = kind[symbolSlot] === TEXT ? s.name[symbolSlot]! : 0;
    if (type === SNAPSHOT && name === 0) name = symbol !== 0 ? symbol : info === null ? 0 : info.symbol;
    if (name === 0 && type !== SNAPSHOT) {
      if (kind[symbolSlot] !== ABSENT) return this.#refuse('CHM655', 'field "s" is no symbol');
      return this.#refuse('CHM654', 'field "s" is missing');
    }
    if (name !== this.#lastSymbol) {
      this.#lastSymbol = name;
      if (name !== 0) this.symbolsSeen.add(name);
    }
    if (name !== 0 && this.#options.symbols !== undefined && !this.#isWanted(name)) return true;
    switch (type) {
      case TRADE:
        return this.#trade(name, t, line, flags);
      case AGG_TRADE:
        return this.#aggTrade(name, t, line, flags);
      case BOOK_TICKER:
        return this.#bookTicker(name, t, line, flags);
      case DEPTH:
        return info?.partial ? this.#snapshot(name, true, t, line, flags) : this.#depth(name, t, line, flags);
      case MARK_PRICE:
        return this.#markPrice(name, t, line, flags);
      case KLINE:
        return this.#kline(name, t, line, flags);
      case FORCE_ORDER:
        return this.#liquidation(name, t, line, flags);
      default:
        return this.#snapshot(name, false, t, line, flags);
    }
  }

  #streamInfo(stream: number): { symbol: number; partial: boolean } {
    let info = this.#streams.get(stream);
    if (info === undefined) {
      const text = this.#slots.names.list[stream]!;
      const at = text.indexOf('@');
      const symbol = at > 0 && text[0] !== '!' ? text.slice(0, at).toUpperCase() : '';
      info = { symbol: this.#slots.names.of(symbol), partial: /@depth\d+(@|$)/.test(text) };
      this.#streams.set(stream, info);
    }
    this.#lastStream = stream;
    this.#lastStreamInfo = info;
    return info;
  }
  #isWanted(name: number): boolean {
    if (name >= this.#wanted.length) {
      const grown = new Uint8Array(Math.max(name + 1, this.#wanted.length * 2));
      grown.set(this.#wanted);
      this.#wanted = grown;
    }
    if (this.#wanted[name] === 0)
      this.#wanted[name] = this.#options.symbols!.has(this.#slots.names.list[name]!) ? 1 : 2;
    return this.#wanted[name] === 1;
  }
  #vote(evidence: number): void {
    this.keys.votes[evidence]!++;
  }
  #skips(port: number): boolean {
    return this.#options.ports !== undefined && !this.#options.ports.has(port);
  }

  #trade(name: number, t: number, line: number, flags: number): boolean {
    const s = this.#slots;
    const evidence = s.kind[S_X] !== ABSENT ? USDM : s.kind[S_BEST] !== ABSENT ? SPOT : NO_EVIDENCE;
    const id = this.#id(S_ID, 't');
    const px = this.#px(S_P, 'p');
    const qty = this.#traded(S_Q, 'q');
    const time = this.#time(S_T, 'T');
    const event = this.#timeOr(S_EVENT, 'E');
    const maker = this.#bool(S_M, 'm');
    const market = this.#onMarket();
    if (this.fault !== null) return false;
    this.#vote(evidence);
    if (this.#skips(PORT.trade)) return true;
    const key = FileKeys.key(name, evidence);
    this.keys.see(key, s.digits[S_P]!, s.digits[S_Q]!, px, qty);
    this.#tradeRow(
      this.#store.begin(PORT.trade, key, t, line, flags),
      id,
      px,
      qty,
      maker,
      time,
      event,
      market,
      0,
      id,
      id,
    );
    return true;
  }
  #aggTrade(name: number, t: number, line: number, flags: number): boolean {
    const s = this.#slots;
    const evidence = s.kind[S_BEST] !== ABSENT ? SPOT : USDM;
    const id = this.#id(S_AGG, 'a');
    const px = this.#px(S_P, 'p');
    const qty = this.#traded(S_Q, 'q');
    const time = this.#time(S_T, 'T');
    const event = this.#timeOr(S_EVENT, 'E');
    const maker = this.#bool(S_M, 'm');
    const first = this.#id(S_F, 'f');
    const last = this.#id(S_L, 'l');
    const market = this.#onMarket();
    if (this.fault !== null) return false;
    this.#vote(evidence);
    if (this.#skips(PORT.trade)) return true;
    const key = FileKeys.key(name, evidence);
    this.keys.see(key, s.digits[S_P]!, s.digits[S_Q]!, px, qty);
    this.#tradeRow(
      this.#store.begin(PORT.trade, key, t, line, flags),
      id,
      px,
      qty,
      maker,
      time,
      event,
      market,
      1,
      first,
      last,
    );
    return true;
  }
  #tradeRow(
    b: PortBuffer,
    id: number,
    px: number,
    qty: number,
    maker: number,
    time: number,
    event: number,
    market: number,
    agg: number,
    first: number,
    last: number,
  ): void {
    const r = b.n - 1;
    const n = b.numbers;
    n[0]![r] = id;
    n[1]![r] = px;
    n[2]![r] = qty;
    n[3]![r] = maker; // the buyer is the maker: the taker sells, which is index 1
    n[4]![r] = time;
    n[5]![r] = event;
    n[6]![r] = market;
    n[7]![r] = agg;
    n[8]![r] = first;
    n[9]![r] = last;
  }
  #onMarket(): number {
    const kind = this.#slots.kind[S_X];
    if (kind === ABSENT) return 1;
    if (kind !== TEXT) this.#wrong(S_X, 'X');
    return this.#slots.name[S_X] === this.#market ? 1 : 0;
  }

  #bookTicker(name: number, t: number, line: number, flags: number): boolean {
    const s = this.#slots;
    const evidence = s.kind[S_E] === ABSENT ? SPOT : USDM;
    const u = this.#id(S_U, 'u');
    const bid = this.#px(S_B, 'b');
    const bidQty = this.#qty(S_BQ, 'B');
    const ask = this.#px(S_A, 'a');
    const askQty = this.#qty(S_AQ, 'A');
    const time = this.#timeOr(S_T, 'T');
    const event = this.#timeOr(S_EVENT, 'E');
    if (this.fault !== null) return false;
    this.#vote(evidence);
    if (this.#skips(PORT.book_ticker)) return true;
    const key = FileKeys.key(name, evidence);
    const d = s.digits;
    this.keys.see(key, max(d[S_B]!, d[S_A]!), max(d[S_BQ]!, d[S_AQ]!), max(bid, ask), max(bidQty, askQty));
    const b = this.#store.begin(PORT.book_ticker, key, t, line, flags);
    const r = b.n - 1;
    const n = b.numbers;
    n[0]![r] = u;
    n[1]![r] = bid;
    n[2]![r] = bidQty;
    n[3]![r] = ask;
    n[4]![r] = askQty;
    n[5]![r] = time;
    n[6]![r] = event;
    return true;
  }

  #depth(name: number, t: number, line: number, flags: number): boolean {
    const s = this.#slots;
    const evidence = s.kind[PU] === ABSENT ? SPOT : USDM;
    const firstU = this.#id(S_FIRST_U, 'U');
    const u = this.#id(S_U, 'u');
    const pu = s.kind[PU] === ABSENT || s.kind[PU] === NULL ? Number.NaN : this.#id(PU, 'pu');
    const time = this.#timeOr(S_T, 'T');
    const event = this.#timeOr(S_EVENT, 'E');
    this.#side(S_B, 'b', s.bids);
    this.#side(S_A, 'a', s.asks);
    if (this.fault === null && firstU > u) this.#refuse('CHM655', 'the first update id "U" is above the last, "u"');
    if (this.fault !== null) return false;
    this.#vote(evidence);
    if (this.#skips(PORT.depth)) return true;
    const key = FileKeys.key(name, evidence);
    this.#seeLevels(key);
    const b = this.#store.begin(PORT.depth, key, t, line, flags);
    const r = b.n - 1;
    const n = b.numbers;
    n[0]![r] = firstU;
    n[1]![r] = u;
    n[2]![r] = pu;
    n[3]![r] = time;
    n[4]![r] = event;
    this.#setLevels(b, r, 5);
    return true;
  }
  #snapshot(name: number, partial: boolean, t: number, line: number, flags: number): boolean {
    const s = this.#slots;
    const time = this.#timeOr(S_T, 'T');
    const event = this.#timeOr(S_EVENT, 'E');
    const evidence = partial || s.kind[S_EVENT] !== ABSENT || s.kind[S_T] !== ABSENT ? USDM : SPOT;
    const u = partial ? this.#id(S_U, 'u') : this.#id(LAST_UPDATE_ID, 'lastUpdateId');
    this.#side(partial ? S_B : BIDS, partial ? 'b' : 'bids', s.bids);
    this.#side(partial ? S_A : ASKS, partial ? 'a' : 'asks', s.asks);
    if (this.fault !== null) return false;
    this.#vote(evidence);
    if (this.#skips(PORT.depth_snapshot)) return true;
    const key = FileKeys.key(name, evidence);
    this.#seeLevels(key);
    const b = this.#store.begin(PORT.depth_snapshot, key, t, line, flags);
    const r = b.n - 1;
    const n = b.numbers;
    n[0]![r] = u;
    n[1]![r] = time;
    n[2]![r] = event;
    this.#setLevels(b, r, 3);
    return true;
  }
  #side(slot: number, field: string, levels: Levels): void {
    if (this.#slots.kind[slot] !== LEVELS) this.#wrong(slot, field);
    else if (levels.inexact) this.#refuse('CHM658', `an amount in "${field}" has too many digits`);
    else if (levels.badPx) this.#refuse('CHM656', `a price in "${field}" is not above zero`);
    else if (levels.badQty) this.#refuse('CHM657', `a quantity in "${field}" is below zero`);
  }
  #seeLevels(key: number): void {
    const b = this.#slots.bids;
    const a = this.#slots.asks;
    this.keys.see(
      key,
      max(b.pxDigits, a.pxDigits),
      max(b.qtyDigits, a.qtyDigits),
      max(b.maxPx, a.maxPx),
      max(b.maxQty, a.maxQty),
    );
  }
  #setLevels(b: PortBuffer, r: number, at: number): void {
    const { bids, asks } = this.#slots;
    b.lists[at]!.set(r, bids.px, 0, bids.n);
    b.lists[at + 1]!.set(r, bids.qty, 0, bids.n);
    b.lists[at + 2]!.set(r, asks.px, 0, asks.n);
    b.lists[at + 3]!.set(r, asks.qty, 0, asks.n);
  }

  #markPrice(name: number, t: number, line: number, flags: number): boolean {
    const mark = this.#px(S_P, 'p');
    const index = this.#moneyOr(S_I, 'i');
    const settle = this.#moneyOr(S_SETTLE, 'P');
    const rate = this.#rateOr(S_R, 'r');
    const next = this.#slots.kind[S_T] === INT && this.#slots.val[S_T] === 0 ? Number.NaN : this.#timeOr(S_T, 'T');
    const event = this.#time(S_EVENT, 'E');
    if (this.fault === null && !fitsMoney(mark, this.#slots.digits[S_P]!))
      this.#refuse('CHM658', 'the mark price needs more than eight decimals or 2^53');
    if (this.fault !== null) return false;
    this.#vote(USDM);
    if (this.#skips(PORT.mark_price)) return true;
    const key = FileKeys.key(name, USDM);
    this.keys.see(key, 0, 0, 0, 0);
    const b = this.#store.begin(PORT.mark_price, key, t, line, flags);
    const r = b.n - 1;
    const n = b.numbers;
    n[0]![r] = mark;
    n[1]![r] = index;
    n[2]![r] = settle;
    n[3]![r] = rate;
    n[4]![r] = next;
    n[5]![r] = event;
    return true;
  }

  #kline(name: number, t: number, line: number, flags: number): boolean {
    const s = this.#slots;
    if (s.kind[S_K] === ABSENT) return this.#refuse('CHM654', 'field "k" is missing');
    const start = this.#time(K + S_ID, 'k.t');
    const end = this.#time(K + S_T, 'k.T');
    const open = this.#px(K + S_O, 'k.o');
    const high = this.#px(K + S_H, 'k.h');
    const low = this.#px(K + S_L, 'k.l');
    const close = this.#px(K + S_C, 'k.c');
    const volume = this.#qty(K + S_V, 'k.v');
    const quote = this.#f64(K + S_Q, 'k.q');
    const trades = this.#id(K + S_N, 'k.n');
    const buy = this.#qty(K + S_BV, 'k.V');
    const buyQuote = this.#f64(K + S_BQUOTE, 'k.Q');
    const first = this.#tradeIdOr(K + S_F, 'k.f');
    const last = this.#tradeIdOr(K + S_LAST, 'k.L');
    const closed = this.#bool(K + S_CLOSED, 'k.x');
    const event = this.#timeOr(S_EVENT, 'E');
    if (s.kind[K + S_I] !== TEXT || s.name[K + S_I] === 0) this.#wrong(K + S_I, 'k.i');
    if (this.fault === null && (high < max(open, close) || low > Math.min(open, close) || high < low))
      this.#refuse('CHM660', 'high and low do not enclose open and close');
    if (this.fault !== null) return false;
    if (this.#skips(PORT.kline)) return true;
    const key = FileKeys.key(name, NO_EVIDENCE);
    const d = s.digits;
    this.keys.see(
      key,
      max(max(d[K + S_O]!, d[K + S_C]!), max(d[K + S_H]!, d[K + S_L]!)),
      max(d[K + S_V]!, d[K + S_BV]!),
      high,
      volume,
    );
    const b = this.#store.begin(PORT.kline, key, t, line, flags);
    const r = b.n - 1;
    const n = b.numbers;
    n[0]![r] = start;
    n[1]![r] = end;
    b.texts[2]![r] = s.names.list[s.name[K + S_I]!]!;
    n[3]![r] = open;
    n[4]![r] = high;
    n[5]![r] = low;
    n[6]![r] = close;
    n[7]![r] = volume;
    n[8]![r] = quote;
    n[9]![r] = trades;
    n[10]![r] = buy;
    n[11]![r] = buyQuote;
    n[12]![r] = first;
    n[13]![r] = last;
    n[14]![r] = closed;
    n[15]![r] = event;
    return true;
  }

  #liquidation(name: number, t: number, line: number, flags: number): boolean {
    const s = this.#slots;
    const o = (code: number): number => K + code;
    if (s.kind[S_O] === ABSENT) return this.#refuse('CHM654', 'field "o" is missing');
    const side =
      s.kind[o(S_SIDE)] !== TEXT ? -1 : s.name[o(S_SIDE)] === this.#buy ? 0 : s.name[o(S_SIDE)] === this.#sell ? 1 : -1;
    if (side < 0) this.#wrong(o(S_SIDE), 'o.S');
    const px = this.#px(o(S_P), 'o.p');
    const avg = s.kind[o(5)] === ABSENT ? px : this.#px(o(5), 'o.ap');
    const qty = this.#traded(o(S_Q), 'o.q');
    const filled = s.kind[o(S_Z)] === ABSENT ? qty : this.#qty(o(S_Z), 'o.z');
    const time = this.#time(o(S_T), 'o.T');
    const event = this.#timeOr(S_EVENT, 'E');
    if (this.fault !== null) return false;
    this.#vote(USDM);
    if (this.#skips(PORT.liquidation)) return true;
    const key = FileKeys.key(name, USDM);
    const d = s.digits;
    this.keys.see(
      key,
      max(d[o(S_P)]!, s.kind[o(5)] === ABSENT ? 0 : d[o(5)]!),
      max(d[o(S_Q)]!, s.kind[o(S_Z)] === ABSENT ? 0 : d[o(S_Z)]!),
      max(px, avg),
      max(qty, filled),
    );
    const b = this.#store.begin(PORT.liquidation, key, t, line, flags);
    const r = b.n - 1;
    const n = b.numbers;
    n[0]![r] = side;
    n[1]![r] = px;
    n[2]![r] = avg;
    n[3]![r] = qty;
    n[4]![r] = filled;
    n[5]![r] = time;
    n[6]![r] = event;
    return true;
  }

  // --- fields: the value, or NaN with `fault` set to the first thing that is wrong

  #refuse(code: RefusalCode, text: string): boolean {
    if (this.fault === null) {
      this.fault = code;
      this.faultText = text;
    }
    return false;
  }
  #wrong(slot: number, field: string): number {
    const kind = this.#slots.kind[slot];
    if (kind === ABSENT || kind === NULL) this.#refuse('CHM654', `field "${field}" is missing`);
    else this.#refuse('CHM655', `field "${field}" is of the wrong type`);
    return Number.NaN;
  }
  #id(slot: number, field: string): number {
    const v = this.#slots.val[slot]!;
    if (this.#slots.kind[slot] !== INT) return this.#wrong(slot, field);
    if (v < 0) this.#refuse('CHM655', `field "${field}" is negative`);
    return v;
  }
  /** Klines without a trade send -1. */
  #tradeIdOr(slot: number, field: string): number {
    if (this.#slots.kind[slot] === ABSENT) return Number.NaN;
    if (this.#slots.kind[slot] !== INT) return this.#wrong(slot, field);
    return this.#slots.val[slot]! < 0 ? Number.NaN : this.#slots.val[slot]!;
  }
  #time(slot: number, field: string): number {
    if (this.#slots.kind[slot] !== INT) return this.#wrong(slot, field);
    const ms = toMs(this.#slots.val[slot]!);
    if (!(ms >= MS_MIN && ms < MS_MAX)) this.#refuse('CHM652', `field "${field}" is no possible time`);
    return ms;
  }
  #timeOr(slot: number, field: string): number {
    const kind = this.#slots.kind[slot];
    return kind === ABSENT || kind === NULL ? Number.NaN : this.#time(slot, field);
  }
  #bool(slot: number, field: string): number {
    return this.#slots.kind[slot] === BOOL ? this.#slots.val[slot]! : this.#wrong(slot, field);
  }
  #px(slot: number, field: string): number {
    const kind = this.#slots.kind[slot];
    const v = this.#slots.val[slot]!;
    if (kind === DEC || kind === INT) {
      if (v > 0) return v;
      this.#refuse('CHM656', `price "${field}" is not above zero`);
    } else if (kind === TEXT) this.#refuse('CHM656', `price "${field}" is no number`);
    else if (kind === INEXACT)
      this.#refuse(
        v > 0 ? 'CHM658' : 'CHM656',
        v > 0 ? `price "${field}" has too many digits` : `price "${field}" is not above zero`,
      );
    else this.#wrong(slot, field);
    return Number.NaN;
  }
  #qty(slot: number, field: string): number {
    const kind = this.#slots.kind[slot];
    const v = this.#slots.val[slot]!;
    if (kind === DEC || kind === INT) {
      if (v >= 0) return v;
      this.#refuse('CHM657', `quantity "${field}" is below zero`);
    } else if (kind === TEXT) this.#refuse('CHM657', `quantity "${field}" is no number`);
    else if (kind === INEXACT) this.#refuse('CHM658', `quantity "${field}" has too many digits`);
    else this.#wrong(slot, field);
    return Number.NaN;
  }
  #traded(slot: number, field: string): number {
    const v = this.#qty(slot, field);
    if (v === 0) this.#refuse('CHM657', `quantity "${field}" is zero`);
    return v;
  }
  #f64(slot: number, field: string): number {
    const kind = this.#slots.kind[slot];
    if (kind === DEC || kind === INT || kind === INEXACT) {
      const v = this.#slots.val[slot]!;
      if (Number.isFinite(v)) return v;
    }
    return this.#wrong(slot, field);
  }
  /** Rates of contracts without funding are empty texts. */
  #rateOr(slot: number, field: string): number {
    const kind = this.#slots.kind[slot];
    if (kind === ABSENT || kind === NULL || (kind === TEXT && this.#slots.val[slot] === 0)) return Number.NaN;
    return this.#f64(slot, field);
  }
  #moneyOr(slot: number, field: string): number {
    const kind = this.#slots.kind[slot];
    if (kind === ABSENT || kind === NULL || (kind === TEXT && this.#slots.val[slot] === 0)) return Number.NaN;
    if ((kind === DEC || kind === INT) && this.#slots.val[slot] === 0) return Number.NaN;
    const v = this.#px(slot, field);
    if (this.fault === null && !fitsMoney(v, this.#slots.digits[slot]!))
      this.#refuse('CHM658', `price "${field}" needs more than eight decimals or 2^53`);
    return v;
  }
}

const S_K = c('k');
const S_O = c('o');
const S_H = c('h');
const S_C = c('c');
const S_V = c('v');
const S_N = c('n');
const S_BV = c('V');
const S_BQUOTE = c('Q');
const S_LAST = c('L');
const S_CLOSED = c('x');
const S_SIDE = c('S');
const S_Z = c('z');

const max = (a: number, b: number): number => Math.max(a, b);
/** Exchange times are ms, or µs where the stream was asked for them. */
export const toMs = (t: number): number => (t >= 1e14 ? Math.floor(t / 1000) : t);
export const fitsMoney = (v: number, digits: number): boolean =>
  digits <= 8 && Math.abs(v) * 1e8 <= Number.MAX_SAFE_INTEGER;

/** For callers that want every refusal to be fatal. */
export function strictError(file: string, line: number, code: string, message: string): ChimeraError {
  return new ChimeraError('CHM677', `${message} (${code})`, {
    file,
    line,
    help: 'leave out --strict to have refused lines counted and reported instead',
  });
}
