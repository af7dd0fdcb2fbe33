import type { CsvLayout } from './csv-layout.ts';
import { intervalName, intervalOf, splitRow } from './csv-layout.ts';
import { CsvRow } from './csv-row.ts';
import { CANDLE_PX_DIGITS, FileKeys, FREE_QTY_DIGITS, NO_EVIDENCE } from './file-keys.ts';
import { type FileRows, RAW_LIMIT } from './file-rows.ts';
import { fitsMoney } from './frame.ts';
import { PORT } from './row-store.ts';

/** Reference prices are told apart by name, because their files look alike. */
export type ReferencePrice = 'mark' | 'index' | 'premium';
export interface CsvContext {
  /** Symbol from the file's name: the rows do not carry it. */
  readonly symbol: string;
  readonly reference: ReferencePrice | undefined;
  /** The first lines, for the width of candles. */
  readonly head: readonly string[];
}

/** Decodes CSV archives and candle files. Their own times are their t_avail; a candle is known when it has closed. */
export class CsvDecoder {
  readonly #file: FileRows;
  readonly #layout: CsvLayout;
  readonly #context: CsvContext;
  readonly #row: CsvRow;
  readonly #interval: number;
  readonly #key: number;
  #wanted: boolean;
  readonly #reference: ReferencePrice | undefined;
  #first = true;
  /** Rows of `metrics` files lie unsorted: they are collected and written in order of time. */
  readonly #unsorted: { ms: number; values: Float64Array; line: number; key: number }[] = [];

  constructor(file: FileRows, layout: CsvLayout, context: CsvContext) {
    this.#file = file;
    this.#layout = layout;
    this.#row = new CsvRow(layout);
    this.#context = context;
    const rows = context.head.slice(layout.header ? 1 : 0).map(splitRow);
    this.#interval =
      layout.kind === 'candles' || layout.kind === 'reference'
        ? intervalOf(rows.map((r) => toMsAny(Number(r[layout.at[0]!]))).filter((v) => v > 0))
        : 0;
    const times = rows.map((r) => Number(r[layout.at[timeRole(layout.kind)]!]));
    file.market ??= layout.market ?? (times.some((v) => v >= 1e14 && v < 1e17) ? 'spot' : 'usdm');
    this.#reference = this.#referenceKind(rows);
    const name =
      this.#reference === 'index' || this.#reference === 'premium'
        ? `${context.symbol}@${this.#reference}`
        : context.symbol;
    this.#key = FileKeys.key(file.names.of(name), NO_EVIDENCE);
    this.#wanted = file.context.symbols === undefined || file.context.symbols.has(name);
  }

  /** Klines of mark, index and premium have no volume and no trade; a premium is signed. */
  #referenceKind(rows: readonly (readonly string[])[]): ReferencePrice | undefined {
    const { kind, at } = this.#layout;
    if (kind !== 'reference' && kind !== 'klines') return undefined;
    const full = rows.filter((r) => r.length >= this.#layout.columns);
    if (full.length === 0) return undefined;
    if (full.some((r) => Number(r[at[3]!]) <= 0)) return 'premium';
    if (
      kind === 'klines' &&
      full.some((r) => Number(r[at[5]!]) !== 0 || Number(r[at[7]!]) !== 0 || r[at[9]!] === undefined)
    )
      return undefined;
    // A traded symbol can be idle for the head of a file, but then it has no trade either.
    if (kind === 'klines' && full.every((r) => Number(r[at[8]!]) === 0)) return this.#context.reference;
    return this.#context.reference ?? 'mark';
  }

  line(buf: Buffer, start: number, end: number, line: number): void {
    if (this.#first) {
      this.#first = false;
      if (this.#layout.header) return;
    }
    let stop = end;
    while (stop > start && buf[stop - 1]! <= 32) stop--;
    if (stop === start || !this.#wanted) return;
    const n = this.#row.cut(buf, start, stop);
    if (n !== this.#layout.columns) {
      this.#refuse(line, 'CHM661', `${n} columns instead of ${this.#layout.columns}`, buf, start, end);
      return;
    }
    const us = this.#decode(line);
    const row = this.#row;
    if (row.bad) this.#refuse(line, row.code, row.message, buf, start, end, us);
  }
  end(): void {
    this.#unsorted.sort((a, b) => a.ms - b.ms);
    for (const { ms, values, line, key } of this.#unsorted) {
      const b = this.#begin(PORT.market_metrics, ms * 1000, line, key);
      if (b === null) continue;
      this.#file.keys.see(key, 0, 0, 0, 0);
      for (let i = 0; i < values.length; i++) b.numbers[i]![b.n - 1] = values[i]!;
    }
  }

  #refuse(line: number, code: string, message: string, buf: Buffer, start: number, end: number, us = Number.NaN): void {
    this.#file.refuse(line, code, message, buf.toString('utf8', start, Math.min(end, start + RAW_LIMIT)), us);
  }

  /** Adds the row's envelope; null when its port is not wanted. */
  #begin(port: number, us: number, line: number, key = this.#key) {
    const file = this.#file;
    if (file.context.ports !== undefined && !file.context.ports.has(port)) return null;
    const flags = file.flags(us, 0);
    const b = file.store.begin(port, key, flags === 0 ? us : file.t, line, flags);
    file.advance(us, 0, flags, true);
    return b;
  }

  /** Decodes the row at hand; returns its t_avail in µs. */
  #decode(line: number): number {
    switch (this.#layout.kind) {
      case 'trades':
        return this.#trade(line, false);
      case 'agg_trades':
        return this.#trade(line, true);
      case 'book_ticker':
        return this.#bookTicker(line);
      case 'klines':
        return this.#reference === undefined ? this.#kline(line) : this.#referenceKline(line, this.#reference);
      case 'candles':
        return this.#candle(line);
      case 'reference':
        return this.#referenceKline(line, this.#reference ?? 'mark');
      case 'book_depth':
        return this.#bookDepth(line);
      case 'metrics':
        return this.#metrics(line);
      default:
        return this.#funding(line);
    }
  }

  #trade(line: number, agg: boolean): number {
    const row = this.#row;
    const id = row.int(0);
    const px = row.px(1);
    const qty = row.qty(2);
    const first = agg ? row.int(3) : id;
    const last = agg ? row.int(4) : id;
    const us = row.us(agg ? 5 : 3);
    const maker = row.bool(agg ? 6 : 4);
    if (qty === 0) row.fail('CHM657', 'the quantity of a trade is zero');
    if (row.bad) return us;
    const b = this.#begin(PORT.trade, us, line);
    if (b === null) return us;
    this.#file.keys.see(this.#key, row.digits[1]!, row.digits[2]!, px, qty);
    const r = b.n - 1;
    const n = b.numbers;
    n[0]![r] = id;
    n[1]![r] = px;
    n[2]![r] = qty;
    n[3]![r] = maker;
    n[4]![r] = Math.floor(us / 1000);
    n[5]![r] = Number.NaN;
    n[6]![r] = 1;
    n[7]![r] = agg ? 1 : 0;
    n[8]![r] = first;
    n[9]![r] = last;
    return us;
  }

  #bookTicker(line: number): number {
    const row = this.#row;
    const u = row.int(0);
    const bid = row.px(1);
    const bidQty = row.qty(2);
    const ask = row.px(3);
    const askQty = row.qty(4);
    const us = row.us(5);
    const event = !row.has(6) ? Number.NaN : Math.floor(row.us(6) / 1000);
    if (row.bad) return us;
    const b = this.#begin(PORT.book_ticker, us, line);
    if (b === null) return us;
    const d = row.digits;
    this.#file.keys.see(
      this.#key,
      Math.max(d[1]!, d[3]!),
      Math.max(d[2]!, d[4]!),
      Math.max(bid, ask),
      Math.max(bidQty, askQty),
    );
    const r = b.n - 1;
    const n = b.numbers;
    n[0]![r] = u;
    n[1]![r] = bid;
    n[2]![r] = bidQty;
    n[3]![r] = ask;
    n[4]![r] = askQty;
    n[5]![r] = Math.floor(us / 1000);
    n[6]![r] = event;
    return us;
  }

  #ohlc(signed: boolean): void {
    const row = this.#row;
    const open = signed ? row.number(1) : row.px(1);
    const high = signed ? row.number(2) : row.px(2);
    const low = signed ? row.number(3) : row.px(3);
    const close = signed ? row.number(4) : row.px(4);
    if (!row.bad && (high < Math.max(open, close) || low > Math.min(open, close) || high < low))
      row.fail('CHM660', 'high and low do not enclose open and close');
    this.#values[1] = open;
    this.#values[2] = high;
    this.#values[3] = low;
    this.#values[4] = close;
  }
  readonly #values = new Float64Array(16);
  #pxDigits(): number {
    const row = this.#row;
    const d = row.digits;
    return Math.max(d[1]!, d[2]!, d[3]!, d[4]!);
  }

  #candle(line: number): number {
    const row = this.#row;
    const open = row.us(0);
    this.#ohlc(false);
    const volume = row.qty(5);
    const us = open + this.#interval * 1000;
    if (row.bad) return us;
    const b = this.#begin(PORT.candle, us, line);
    if (b === null) return us;
    this.#file.keys.see(
      this.#key,
      Math.max(this.#pxDigits(), CANDLE_PX_DIGITS),
      Math.max(row.digits[5]!, FREE_QTY_DIGITS),
      this.#values[2]!,
      volume,
    );
    const r = b.n - 1;
    b.numbers[0]![r] = Math.floor(open / 1000);
    for (let i = 1; i < 5; i++) b.numbers[i]![r] = this.#values[i]!;
    b.numbers[5]![r] = volume;
    return us;
  }

  #kline(line: number): number {
    const row = this.#row;
    const open = row.us(0);
    this.#ohlc(false);
    const volume = row.qty(5);
    const close = row.us(6);
    const quote = row.number(7);
    const trades = row.int(8);
    const buy = row.qty(9);
    const buyQuote = row.number(10);
    const openMs = Math.floor(open / 1000);
    const closeMs = Math.floor(close / 1000);
    const us = (closeMs + 1) * 1000;
    if (!row.bad && closeMs < openMs) row.fail('CHM652', 'the candle closes before it opens');
    if (row.bad) return us;
    const b = this.#begin(PORT.kline, us, line);
    if (b === null) return us;
    this.#file.keys.see(
      this.#key,
      this.#pxDigits(),
      Math.max(row.digits[5]!, row.digits[9]!),
      this.#values[2]!,
      volume,
    );
    const r = b.n - 1;
    const n = b.numbers;
    n[0]![r] = openMs;
    n[1]![r] = closeMs;
    b.texts[2]![r] = intervalName(closeMs + 1 - openMs);
    for (let i = 1; i < 5; i++) n[i + 2]![r] = this.#values[i]!;
    n[7]![r] = volume;
    n[8]![r] = quote;
    n[9]![r] = trades;
    n[10]![r] = buy;
    n[11]![r] = buyQuote;
    n[12]![r] = Number.NaN;
    n[13]![r] = Number.NaN;
    n[14]![r] = 1;
    n[15]![r] = Number.NaN;
    return us;
  }

  /** The close of a mark candle is the mark price at that time; index and premium are klines of their own key. */
  #referenceKline(line: number, kind: ReferencePrice): number {
    const row = this.#row;
    const open = row.us(0);
    this.#ohlc(kind === 'premium');
    const openMs = Math.floor(open / 1000);
    const full = this.#layout.kind === 'klines';
    const closeMs = full ? Math.floor(row.us(6) / 1000) : openMs + this.#interval - 1;
    const us = (closeMs + 1) * 1000;
    if (kind === 'mark' && !row.bad && !fitsMoney(this.#values[4]!, row.digits[4]!))
      row.fail('CHM658', 'the mark price needs more than eight decimals or 2^53');
    if (row.bad) return us;
    const b = this.#begin(kind === 'mark' ? PORT.mark_price : PORT.kline, us, line);
    if (b === null) return us;
    const r = b.n - 1;
    const n = b.numbers;
    if (kind === 'mark') {
      this.#file.keys.see(this.#key, 0, 0, 0, 0);
      n[0]![r] = this.#values[4]!;
      for (let i = 1; i < 5; i++) n[i]![r] = Number.NaN;
      n[5]![r] = closeMs + 1;
      return us;
    }
    this.#file.keys.see(this.#key, this.#pxDigits(), 0, Math.abs(this.#values[2]!), 0);
    n[0]![r] = openMs;
    n[1]![r] = closeMs;
    b.texts[2]![r] = intervalName(closeMs + 1 - openMs);
    for (let i = 1; i < 5; i++) n[i + 2]![r] = this.#values[i]!;
    for (let i = 7; i < 12; i++) n[i]![r] = 0;
    n[12]![r] = Number.NaN;
    n[13]![r] = Number.NaN;
    n[14]![r] = 1;
    n[15]![r] = Number.NaN;
    return us;
  }

  #bookDepth(line: number): number {
    const row = this.#row;
    const ms = row.textTime(0);
    const percentage = row.number(1);
    const depth = row.number(2);
    const notional = row.number(3);
    if (row.bad) return ms * 1000;
    const b = this.#begin(PORT.depth_band, ms * 1000, line);
    if (b === null) return ms * 1000;
    this.#file.keys.see(this.#key, 0, 0, 0, 0);
    const r = b.n - 1;
    b.numbers[0]![r] = ms;
    b.numbers[1]![r] = percentage;
    b.numbers[2]![r] = depth;
    b.numbers[3]![r] = notional;
    return ms * 1000;
  }

  #metrics(line: number): number {
    const row = this.#row;
    const ms = row.textTime(0);
    const values = new Float64Array(7);
    values[0] = ms;
    for (let i = 1; i < 7; i++) values[i] = row.blank(i) ? Number.NaN : row.number(i);
    if (row.bad) return ms * 1000;
    const symbol = row.text(7);
    const key = symbol === '' ? this.#key : FileKeys.key(this.#file.names.of(symbol), NO_EVIDENCE);
    this.#unsorted.push({ ms, values, line, key });
    return ms * 1000;
  }

  #funding(line: number): number {
    const row = this.#row;
    const us = row.us(0);
    const rate = row.number(1);
    const hours = !row.has(2) || row.blank(2) ? Number.NaN : row.number(2);
    if (row.bad) return us;
    const b = this.#begin(PORT.funding_rate, us, line);
    if (b === null) return us;
    this.#file.keys.see(this.#key, 0, 0, 0, 0);
    const r = b.n - 1;
    b.numbers[0]![r] = rate;
    b.numbers[1]![r] = hours;
    b.numbers[2]![r] = Math.floor(us / 1000);
    return us;
  }
}

const timeRole = (kind: CsvLayout['kind']): number =>
  kind === 'trades' ? 3 : kind === 'agg_trades' || kind === 'book_ticker' ? 5 : 0;
const toMsAny = (t: number): number => (t >= 1e14 ? Math.floor(t / 1000) : t);

/** `BTCUSDT-1m-2025-05-25.csv.gz` → BTCUSDT; any other name is the symbol as it stands, without its extensions. */
export function symbolOfPath(path: string): string {
  const stem = stemOf(path);
  const archive =
    /^([A-Za-z0-9_]+)-(aggTrades|trades|bookTicker|bookDepth|metrics|fundingRate|mark\w*|index\w*|premium\w*|\d+(?:s|m|h|d|w|mo))(?:-|$)/.exec(
      stem,
    );
  return archive?.[1] ?? stem;
}
export const stemOf = (path: string): string =>
  (path.split(/[\\/]/).pop() ?? path).replace(/(\.(gz|csv|zip|parquet|pq|txt))+$/i, '');

export function referenceOfPath(path: string): ReferencePrice | undefined {
  const found = /(mark|index|premium)(?:Price|Index)?(?:Klines)?(?=[\\/-])/i.exec(
    path.split(/[\\/]/).slice(-4).join('/'),
  );
  return found === null ? undefined : (found[1]!.toLowerCase() as ReferencePrice);
}
