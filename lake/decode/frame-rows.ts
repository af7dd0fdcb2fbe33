import { writeBookTicker, writeDepth, writeSnapshot } from './book-rows.ts';
import type { RefusalCode } from './codes.ts';
import type { FileKeys } from './file-keys.ts';
import { Frame } from './frame.ts';
import { writeKline, writeMarkPrice } from './price-rows.ts';
import type { RowStore } from './row-store.ts';
import { ABSENT, BIDS, LAST_UPDATE_ID, NESTED, type Slots, TEXT } from './slots.ts';
import { writeAggTrade, writeLiquidation, writeTrade } from './trade-rows.ts';

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

const S_E = 101; // e
const S_SYMBOL = 115; // s
const S_U = 117; // u
const S_BQ = 66; // B
const S_AQ = 65; // A

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
  /** Symbols of all good frames, wanted or not: the context of snapshots that do not name theirs. */
  readonly symbolsSeen = new Set<number>();
  readonly #slots: Slots;
  readonly #frame: Frame;
  readonly #options: FrameOptions;
  /** By name: 0 unknown yet, 1 wanted, 2 not wanted. */
  #wanted = new Uint8Array(256);
  /** By name: 1 = can be a symbol, 2 = cannot. */
  readonly #isName: number[] = [];
  /** By stream name: the symbol's name, and 1 for a stream of partial books. */
  readonly #streams = new Map<number, { symbol: number; partial: boolean }>();
  #lastStream = -1;
  #lastStreamInfo = { symbol: 0, partial: false };
  #lastSymbol = 0;

  constructor(slots: Slots, store: RowStore, keys: FileKeys, options: FrameOptions) {
    this.#slots = slots;
    this.#options = options;
    // Names are one table per file: the event types take its first numbers.
    for (const type of TYPES) slots.names.of(type);
    this.#frame = new Frame(slots, store, keys, options.ports);
  }
  get fault(): RefusalCode | null {
    return this.#frame.fault;
  }
  get faultText(): string {
    return this.#frame.faultText;
  }

  /**
   * @param stream the combined stream's name, 0 if none
   * @param symbol the symbol that a URL named, 0 if none
   * @returns the port's row was written or filtered (true), or refused (false)
   */
  write(stream: number, symbol: number, t: number, line: number, flags: number): boolean {
    const f = this.#frame;
    f.fault = null;
    const s = this.#slots;
    const kind = s.kind;
    let type = 0;
    if (kind[S_E] === TEXT) {
      type = s.name[S_E]!;
      if (type > TYPES.length || type === 0) {
        const name = s.names.list[type]!;
        if (PASSED_OVER.has(name)) return true;
        return f.refuse('CHM653', `unknown event type "${name}"`);
      }
    } else if (kind[S_E] !== ABSENT) return f.refuse('CHM653', 'the event type is no text');
    else if (kind[LAST_UPDATE_ID] !== ABSENT || kind[BIDS] !== ABSENT) type = SNAPSHOT;
    else if (kind[S_U] !== ABSENT && kind[S_BQ] !== ABSENT && kind[S_AQ] !== ABSENT) type = BOOK_TICKER;
    else return f.refuse('CHM653', 'the frame has no event type');

    const info = stream === 0 ? null : stream === this.#lastStream ? this.#lastStreamInfo : this.#streamInfo(stream);
    const symbolSlot =
      type === KLINE
        ? kind[S_SYMBOL] === TEXT
          ? S_SYMBOL
          : NESTED + S_SYMBOL
        : type === FORCE_ORDER
          ? NESTED + S_SYMBOL
          : S_SYMBOL;
    let name = kind[symbolSlot] === TEXT ? s.name[symbolSlot]! : 0;
    if (type === SNAPSHOT && name === 0) name = symbol !== 0 ? symbol : info === null ? 0 : info.symbol;
    if (name === 0 && type !== SNAPSHOT) {
      if (kind[symbolSlot] !== ABSENT) return f.refuse('CHM655', 'field "s" is no symbol');
      return f.refuse('CHM654', 'field "s" is missing');
    }
    if (name !== 0 && !this.#isSymbol(name)) return f.refuse('CHM655', 'field "s" is no symbol');
    const wanted = name === 0 || this.#options.symbols === undefined || this.#isWanted(name);
    if (wanted && !this.#writeRow(type, name, info?.partial === true, t, line, flags)) return false;
    if (name !== this.#lastSymbol) {
      this.#lastSymbol = name;
      if (name !== 0) this.symbolsSeen.add(name);
    }
    return true;
  }

  /** Letters (also those of other alphabets: there are such symbols), digits and `_ . -`; judged once for each name. */
  #isSymbol(name: number): boolean {
    const known = this.#isName[name];
    if (known !== undefined && known !== 0) return known === 1;
    const is = /^[\p{L}\p{N}_][\p{L}\p{N}_.-]{0,63}$/u.test(this.#slots.names.list[name]!);
    this.#isName[name] = is ? 1 : 2;
    return is;
  }

  #writeRow(type: number, name: number, partial: boolean, t: number, line: number, flags: number): boolean {
    const f = this.#frame;
    switch (type) {
      case TRADE:
        return writeTrade(f, name, t, line, flags);
      case AGG_TRADE:
        return writeAggTrade(f, name, t, line, flags);
      case BOOK_TICKER:
        return writeBookTicker(f, name, t, line, flags);
      case DEPTH:
        return partial ? writeSnapshot(f, name, true, t, line, flags) : writeDepth(f, name, t, line, flags);
      case MARK_PRICE:
        return writeMarkPrice(f, name, t, line, flags);
      case KLINE:
        return writeKline(f, name, t, line, flags);
      case FORCE_ORDER:
        return writeLiquidation(f, name, t, line, flags);
      default:
        return writeSnapshot(f, name, false, t, line, flags);
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
}
