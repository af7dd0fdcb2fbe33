import { ChimeraError } from '../../graph/schema/index.ts';
import { sqlName, sqlText } from '../duckdb.ts';
import type { FlatDb, FlatType } from '../flat-db.ts';
import { intervalOf } from './csv-layout.ts';
import { digitsOf } from './decimal.ts';
import { CANDLE_PX_DIGITS, FileKeys, FREE_QTY_DIGITS, NO_EVIDENCE } from './file-keys.ts';
import type { FileRows } from './file-rows.ts';
import { MS_MAX, MS_MIN } from './frame.ts';
import { PORT, SEGMENT_ROWS, type Values } from './row-store.ts';
import { arrivals, copyRows, digitsOver, isOrdered, maxOf, maxOver, soundCandles } from './sound-columns.ts';

/** Columns of the Parquet files that are decoded here; `us` and `ms` mark how their time is given. */
const LAYOUTS = {
  candles: ['open_time_ms', 'open', 'high', 'low', 'close', 'volume'],
  candles_plain: ['open_time', 'open', 'high', 'low', 'close', 'volume'],
  ticks: ['ts_us', 'is_trade', 'bid', 'bid_qty', 'ask', 'ask_qty', 'price', 'qty', 'is_buy'],
  trades: ['ts_us', 'trade_id', 'price', 'qty', 'is_buyer_maker'],
} as const;
type Layout = keyof typeof LAYOUTS;

export interface ParquetFile {
  db: FlatDb;
  columns: string[];
  types: ReadonlyMap<string, FlatType>;
  /** null: none of ours; perhaps the lake's. */
  layout: Layout | null;
  isLake: boolean;
}

/** Reads the file's columns. Errors: CHM675. */
export async function openParquetFile(path: string, db: FlatDb): Promise<ParquetFile> {
  try {
    const types = await db.columns(`SELECT * FROM ${readParquet(path)}`);
    const columns = [...types.keys()];
    const layout =
      (Object.keys(LAYOUTS) as Layout[]).find((l) => LAYOUTS[l].every((name) => columns.includes(name))) ?? null;
    return { db, columns, types, layout, isLake: columns.includes('seq') && columns.includes('t_avail_us') };
  } catch (cause) {
    throw unreadable(path, cause);
  }
}
const readParquet = (path: string): string => `read_parquet(${sqlText(path)}, hive_partitioning = false)`;
const unreadable = (path: string, cause: unknown): ChimeraError =>
  new ChimeraError('CHM675', `${path} is no readable Parquet file`, {
    file: path,
    help: 'the file is damaged or its footer was never written: write or fetch it again',
    cause,
  });

/** Decodes a candle, tick or trade file into rows. Rows that cannot be are refused; a damaged file is CHM675. */
export async function decodeParquet(path: string, parquet: ParquetFile, file: FileRows, symbol: string): Promise<void> {
  const layout = parquet.layout!;
  const names = LAYOUTS[layout];
  const key = FileKeys.key(file.names.of(symbol), NO_EVIDENCE);
  file.market ??= 'usdm';
  if (file.context.symbols !== undefined && !file.context.symbols.has(symbol)) return;
  const rows = new ParquetRows(file, key);
  const { db, types } = parquet;
  const select = names.map((n) => asStored(n, types.get(n)!));
  let line = 0;
  try {
    // Known from the footer.
    await db.scan(`SELECT count(*) FROM ${readParquet(path)}`, (chunk) =>
      file.context.home.expect(chunk.integers(0)[0]!),
    );
    await db.scan(`SELECT ${select.join(', ')} FROM ${readParquet(path)}`, (chunk) => {
      const columns = names.map((name, i) => {
        const type = types.get(name);
        return type === 'BOOLEAN' ? chunk.booleans(i) : type === 'BIGINT' ? chunk.integers(i) : chunk.doubles(i);
      });
      if (layout === 'ticks') rows.ticks(columns, chunk.n, line);
      else if (layout === 'trades') rows.trades(columns, chunk.n, line);
      else rows.candles(columns, chunk.n, line);
      line += chunk.n;
    });
  } catch (cause) {
    throw cause instanceof ChimeraError ? cause : unreadable(path, cause);
  }
}

/** As it lies in the file where that can be read as it lies: a cast of every value costs DuckDB as much as decoding it. */
function asStored(name: string, type: FlatType): string {
  if (type !== 'OTHER') return sqlName(name);
  const value = name.startsWith('is_') ? `CAST(${sqlName(name)} AS TINYINT)` : sqlName(name);
  return `CAST(${value} AS DOUBLE)`;
}

class ParquetRows {
  readonly #file: FileRows;
  readonly #key: number;
  #pxDigits = 0;
  #qtyDigits = 0;
  #interval = 0;
  #trades = 0;
  #quotes = 0;
  #problem = '';
  #message = '';
  readonly #ports = new Uint8Array(SEGMENT_ROWS);
  /** Of the candles at hand: open time in ms, and arrival in µs. */
  readonly #ms = new Float64Array(SEGMENT_ROWS);
  readonly #us = new Float64Array(SEGMENT_ROWS);

  constructor(file: FileRows, key: number) {
    this.#file = file;
    this.#key = key;
  }

  candles(columns: readonly Values[], n: number, line: number): void {
    const t = columns[0]!;
    if (this.#interval === 0)
      this.#interval = intervalOf(
        Array.from(t.subarray(0, Math.min(n, 1024)), (v) => (v >= 1e14 ? Math.floor(v / 1000) : v)),
      );
    if (this.#candlesAreSound(columns, n)) this.#addCandles(columns, n, line);
    else this.#candlesOneByOne(columns, n, line);
  }

  /** Whether no candle of a chunk is to be refused and no time steps back. If so their decimals are noted, and `#ms` and `#us` filled. */
  #candlesAreSound(columns: readonly Values[], n: number): boolean {
    const { ports, t: after } = { ports: this.#file.context.ports, t: this.#file.t };
    if ((ports !== undefined && !ports.has(PORT.candle)) || n > SEGMENT_ROWS) return false;
    const [t, , high, , , volume] = columns as [Values, Values, Values, Values, Values, Values];
    const us = this.#us;
    if (!arrivals(t, n, this.#interval, this.#ms, us)) return false;
    if (!isOrdered(us, n, after)) return false;
    const digits = soundCandles(columns, n, this.#pxDigits, this.#qtyDigits);
    if (digits === undefined) return false;
    [this.#pxDigits, this.#qtyDigits] = digits;
    const px = Math.max(this.#pxDigits, CANDLE_PX_DIGITS);
    const qty = Math.max(this.#qtyDigits, FREE_QTY_DIGITS);
    this.#file.keys.seeMany(this.#key, n, px, qty, maxOf(high, n), maxOf(volume, n));
    return true;
  }
  /** Candles that are sound, column by column. */
  #addCandles(columns: readonly Values[], n: number, line: number): void {
    const { store } = this.#file;
    const [ms, us] = [this.#ms, this.#us];
    this.#file.advance(us[0]!, 0, 0, true);
    this.#ports.fill(PORT.candle, 0, n);
    for (let from = 0; from < n; ) {
      const count = Math.min(store.room, n - from);
      const to = store.buffer(PORT.candle);
      store.beginMany(this.#ports, us, from, count, this.#key, line + from + 1);
      copyRows(ms, from, to.numbers[0]!, to.n, count);
      for (let i = 1; i < columns.length; i++) copyRows(columns[i]!, from, to.numbers[i]!, to.n, count);
      to.n += count;
      from += count;
    }
    this.#file.advance(us[n - 1]!, 0, 0, true);
  }

  /** The reference for the two above, and the way of chunks in which something is amiss. */
  #candlesOneByOne([t, open, high, low, close, volume]: readonly Values[], n: number, line: number): void {
    for (let i = 0; i < n; i++) {
      const o = this.#px(open![i]!);
      const h = this.#px(high![i]!);
      const l = this.#px(low![i]!);
      const cl = this.#px(close![i]!);
      const v = this.#qty(volume![i]!);
      const ms = t![i]! >= 1e14 ? Math.floor(t![i]! / 1000) : t![i]!;
      const us = this.#time((ms + this.#interval) * 1000);
      if (this.#problem === '' && (h < o || h < cl || l > o || l > cl || h < l))
        this.#fail('CHM660', 'high and low do not enclose open and close');
      const b = this.#begin(PORT.candle, us, line + i + 1, h, v);
      if (b === null) continue;
      const r = b.n - 1;
      const to = b.numbers;
      to[0]![r] = ms;
      to[1]![r] = o;
      to[2]![r] = h;
      to[3]![r] = l;
      to[4]![r] = cl;
      to[5]![r] = v;
    }
  }

  /** A row is a trade or a quote; trades and quotes are numbered from 1, as the files have no ids. */
  ticks(columns: readonly Values[], n: number, line: number): void {
    if (this.#areSound(columns, n)) this.#addTicks(columns, n, line);
    else this.#ticksOneByOne(columns, n, line);
  }

  /** Whether no row of a chunk is to be refused and no time steps back. If so their decimals are noted. */
  #areSound([t, isTrade, bid, bidQty, ask, askQty, price, qty]: readonly Values[], n: number): boolean {
    const { ports } = this.#file.context;
    if (ports !== undefined && !(ports.has(PORT.trade) && ports.has(PORT.book_ticker))) return false;
    if (!isOrdered(t!, n, this.#file.t)) return false;
    const quotes = { flags: isTrade!, flagged: false, n };
    const trades = { flags: isTrade!, flagged: true, n };
    const { MIN_VALUE } = Number;
    let px = digitsOver(bid!, quotes, MIN_VALUE, this.#pxDigits);
    px = digitsOver(ask!, quotes, MIN_VALUE, px);
    px = digitsOver(price!, trades, MIN_VALUE, px);
    let lot = digitsOver(bidQty!, quotes, 0, this.#qtyDigits);
    lot = digitsOver(askQty!, quotes, 0, lot);
    lot = digitsOver(qty!, trades, MIN_VALUE, lot);
    if (px < 0 || lot < 0) return false;
    this.#pxDigits = px;
    this.#qtyDigits = lot;
    const maxPx = Math.max(maxOver(bid!, quotes), maxOver(ask!, quotes), maxOver(price!, trades));
    const maxQty = Math.max(maxOver(bidQty!, quotes), maxOver(askQty!, quotes), maxOver(qty!, trades));
    this.#file.keys.seeMany(this.#key, n, px, Math.max(lot, FREE_QTY_DIGITS), maxPx, maxQty);
    return true;
  }

  /** Rows that are sound, column by column. */
  #addTicks(columns: readonly Values[], n: number, line: number): void {
    const [t, isTrade, bid, bidQty, ask, askQty, price, qty, isBuy] = columns as [Values, ...Values[]];
    const { store } = this.#file;
    const { trade, book_ticker } = PORT;
    // Refused rows at the beginning of the file get its first time.
    this.#file.advance(t[0]!, 0, 0, true);
    for (let i = 0; i < n; i++) this.#ports[i] = isTrade![i] === 1 ? trade : book_ticker;
    for (let from = 0; from < n; ) {
      const count = Math.min(store.room, n - from);
      const to = from + count;
      const trades = store.buffer(trade);
      const quotes = store.buffer(book_ticker);
      store.beginMany(this.#ports, t, from, count, this.#key, line + from + 1);
      const [qId, qBid, qBidQty, qAsk, qAskQty, qMs, qTx] = quotes.numbers as Float64Array[];
      const [tId, tPx, tQty, tSide, tMs, tTx, tMarket, tOther, tFirst, tLast] = trades.numbers as Float64Array[];
      let q = quotes.n;
      let r = trades.n;
      for (let i = from; i < to; i++) {
        const ms = Math.floor(t[i]! / 1000);
        if (isTrade![i] !== 1) {
          qId![q] = ++this.#quotes;
          qBid![q] = bid![i]!;
          qBidQty![q] = bidQty![i]!;
          qAsk![q] = ask![i]!;
          qAskQty![q] = askQty![i]!;
          qMs![q] = ms;
          qTx![q++] = Number.NaN;
          continue;
        }
        const id = ++this.#trades;
        tId![r] = id;
        tPx![r] = price![i]!;
        tQty![r] = qty![i]!;
        tSide![r] = isBuy![i] === 1 ? 0 : 1;
        tMs![r] = ms;
        tTx![r] = Number.NaN;
        tMarket![r] = 1;
        tOther![r] = 0;
        tFirst![r] = id;
        tLast![r++] = id;
      }
      quotes.n = q;
      trades.n = r;
      from = to;
    }
    this.#file.advance(t[n - 1]!, 0, 0, true);
  }

  /** The reference for the two above, and the way of chunks in which something is amiss. */
  #ticksOneByOne(
    [t, isTrade, bid, bidQty, ask, askQty, price, qty, isBuy]: readonly Values[],
    n: number,
    line: number,
  ): void {
    for (let i = 0; i < n; i++) {
      const us = this.#time(t![i]!);
      if (isTrade![i] === 1) {
        this.#trade(us, line + i + 1, ++this.#trades, price![i]!, qty![i]!, isBuy![i] === 1 ? 0 : 1);
        continue;
      }
      const bp = this.#px(bid![i]!);
      const bq = this.#qty(bidQty![i]!);
      const ap = this.#px(ask![i]!);
      const aq = this.#qty(askQty![i]!);
      const b = this.#begin(PORT.book_ticker, us, line + i + 1, Math.max(bp, ap), Math.max(bq, aq));
      if (b === null) continue;
      const r = b.n - 1;
      const to = b.numbers;
      to[0]![r] = ++this.#quotes;
      to[1]![r] = bp;
      to[2]![r] = bq;
      to[3]![r] = ap;
      to[4]![r] = aq;
      to[5]![r] = Math.floor(us / 1000);
      to[6]![r] = Number.NaN;
    }
  }

  trades([t, id, price, qty, maker]: readonly Values[], n: number, line: number): void {
    for (let i = 0; i < n; i++) {
      if (!Number.isSafeInteger(id![i]!)) this.#fail('CHM655', 'the trade id is no whole number');
      this.#trade(this.#time(t![i]!), line + i + 1, id![i]!, price![i]!, qty![i]!, maker![i]!);
    }
  }

  #trade(us: number, line: number, id: number, price: number, quantity: number, side: number): void {
    const px = this.#px(price);
    const qty = this.#qty(quantity);
    if (qty === 0) this.#fail('CHM657', 'the quantity of a trade is zero');
    const b = this.#begin(PORT.trade, us, line, px, qty);
    if (b === null) return;
    const r = b.n - 1;
    const to = b.numbers;
    to[0]![r] = id;
    to[1]![r] = px;
    to[2]![r] = qty;
    to[3]![r] = side;
    to[4]![r] = Math.floor(us / 1000);
    to[5]![r] = Number.NaN;
    to[6]![r] = 1;
    to[7]![r] = 0;
    to[8]![r] = id;
    to[9]![r] = id;
  }

  /** Adds the row's envelope; null when the row is refused or its port not wanted. */
  #begin(port: number, us: number, line: number, maxPx: number, maxQty: number) {
    const file = this.#file;
    if (this.#problem !== '') {
      file.refuse(line, this.#problem, this.#message, '', us);
      this.#problem = '';
      return null;
    }
    if (file.context.ports !== undefined && !file.context.ports.has(port)) return null;
    const px = port === PORT.candle ? Math.max(this.#pxDigits, CANDLE_PX_DIGITS) : this.#pxDigits;
    file.keys.see(this.#key, px, Math.max(this.#qtyDigits, FREE_QTY_DIGITS), maxPx, maxQty);
    const flags = file.flags(us, 0);
    const b = file.store.begin(port, this.#key, flags === 0 ? us : file.t, line, flags);
    file.advance(us, 0, flags, true);
    return b;
  }
  #fail(code: string, message: string): void {
    if (this.#problem !== '') return;
    this.#problem = code;
    this.#message = message;
  }
  #time(us: number): number {
    if (!(Number.isSafeInteger(us) && us >= MS_MIN * 1000 && us < MS_MAX * 1000))
      this.#fail('CHM652', 'the time is impossible');
    return us;
  }
  #px(v: number): number {
    if (!(v > 0)) this.#fail('CHM656', 'a price is not above zero');
    else {
      const d = digitsOf(v, this.#pxDigits);
      if (d < 0) this.#fail('CHM658', 'a price has too many digits');
      else this.#pxDigits = d;
    }
    return v;
  }
  #qty(v: number): number {
    if (!(v >= 0)) this.#fail('CHM657', 'a quantity is no number or below zero');
    else {
      const d = digitsOf(v, this.#qtyDigits);
      if (d < 0) this.#fail('CHM658', 'a quantity has too many digits');
      else this.#qtyDigits = d;
    }
    return v;
  }
}
