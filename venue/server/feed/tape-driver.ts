import { PORT, type Segment } from '../../../lake/decode/row-store.ts';
import type { MarketName } from '../contract.ts';
import type { DepthBook } from './depth-book.ts';
import type { Driver } from './driver.ts';
import type { Hub } from './hub.ts';
import { listed } from './instrument.ts';
import { LineText } from './line-text.ts';
import { bookOf } from './row-values.ts';
import type { Holds, RawFrame, SymbolFeed } from './symbol-feed.ts';
import { AGGREGATES, fileOf, lineOf, type Tape } from './tape.ts';

/** How far ahead a snapshot may lie that answers for a book which is not in sync yet, µs. */
const LOOK_AHEAD_US = 30_000_000;
const PORTS = 16;

/** The text of the row at hand, cut out of its line only when somebody wants it. */
class LineFrame implements RawFrame {
  isOne = false;
  stream = '';
  buf: Buffer = Buffer.alloc(0);
  start = 0;
  end = 0;
  #text = '';
  set(line: LineText, buf: Buffer): void {
    this.isOne = line.kind === 'object';
    this.stream = line.stream;
    this.buf = buf;
    this.start = line.start;
    this.end = line.end;
    this.#text = '';
  }
  text(): string {
    if (this.#text === '') this.#text = this.buf.toString('utf8', this.start, this.end);
    return this.#text;
  }
}

/** Plays recorded rows. Those that were received as frames keep their text; others are written anew. */
export class TapeDriver implements Driver {
  readonly symbols: Driver['symbols'];
  feeds: (SymbolFeed | undefined)[] = [];
  readonly #tape: Tape;
  readonly #hub: Hub;
  readonly #marketOf: readonly MarketName[];
  #segment = -1;
  #rows: Segment | null = null;
  #i = 0;
  #next = Number.POSITIVE_INFINITY;
  /** Rows of the tape before the loaded segment. */
  #before = 0;
  readonly #rowOf = new Int32Array(PORTS);
  readonly #line = new LineText();
  readonly #frame = new LineFrame();
  #frameAt = -1;

  constructor(tape: Tape, hub: Hub) {
    this.#tape = tape;
    this.#hub = hub;
    const streams = new Set(tape.texts.flatMap((t) => [...t.streams]));
    const played = tape.keys.list.filter((key) => tape.rows(key.index) > 0);
    this.symbols = played.map((key) => {
      const l = listed(key);
      const count = (port: number): boolean => tape.count(key.index, port) > 0;
      const holds: Holds = {
        trades: count(PORT.trade),
        aggregates: count(AGGREGATES),
        tickers: count(PORT.book_ticker),
        diffs: count(PORT.depth),
        streams,
      };
      return { listed: l, holds };
    });
    this.#marketOf = tape.keys.list.map((key) => (key.name.startsWith('spot:') ? 'spot' : 'usdm'));
    this.#load();
  }
  nextUs(): number {
    return this.#next;
  }

  #load(): void {
    this.#before += this.#rows?.n ?? 0;
    this.#segment++;
    this.#i = 0;
    this.#rowOf.fill(0);
    this.#rows = this.#segment < this.#tape.segments.length ? this.#tape.load(this.#segment) : null;
    this.#next = this.#rows === null ? Number.POSITIVE_INFINITY : this.#rows.t[0]!;
  }

  play(limitUs: number): void {
    const hub = this.#hub;
    while (this.#next <= limitUs && this.#next < hub.dueUs) {
      const s = this.#rows!;
      const i = this.#i;
      const port = s.port[i]!;
      const key = s.key[i]!;
      const row = this.#rowOf[port]!++;
      const us = s.t[i]!;
      hub.nowUs = us;
      const raw = s.line[i]! < 0 ? null : this.#text(s.line[i]!, key);
      const feed = this.feeds[key];
      if (feed !== undefined) feed.play(port, s.ports[port]!.columns, row, us, raw);
      this.#i = i + 1;
      if (this.#i === s.n) this.#load();
      else this.#next = s.t[this.#i]!;
    }
  }

  /** The frame on a row's line; null when the line is none (CSV, a REST reply). */
  #text(place: number, key: number): RawFrame | null {
    const f = this.#frame;
    if (place === this.#frameAt) return this.#line.kind === 'none' ? null : f;
    this.#frameAt = place;
    const text = this.#tape.texts[fileOf(place)]!;
    const line = lineOf(place);
    while (text.line < line - 1 && text.next()) this.#skipped(text, key);
    if (text.line < line) text.next();
    this.#line.find(text.buf, text.start, text.end);
    if (this.#line.kind === 'none') return null;
    f.set(this.#line, text.buf);
    // An array of events is a stream of its own; its events go to their symbols' streams one by one.
    if (this.#line.kind === 'array' && f.stream !== '') this.#hub.publish(this.#marketOf[key]!, f.stream, f.text());
    return f;
  }
  /** Frames that became no row (24 h tickers and such) are passed on as they are. */
  #skipped(text: Tape['texts'][number], key: number): void {
    this.#line.find(text.buf, text.start, text.end);
    const { kind, stream } = this.#line;
    if (kind === 'none' || !PASSED_ON.test(stream)) return;
    this.#frame.set(this.#line, text.buf);
    const market = this.#marketOf[key]!;
    if (this.#names(market).has(stream.slice(0, Math.max(0, stream.indexOf('@')))) || stream.startsWith('!'))
      this.#hub.publish(market, stream, this.#frame.text());
  }
  #lower: Partial<Record<MarketName, Set<string>>> = {};
  #names(market: MarketName): Set<string> {
    this.#lower[market] ??= new Set(
      this.symbols.filter((s) => s.listed.market === market).map((s) => s.listed.symbol.toLowerCase()),
    );
    return this.#lower[market];
  }

  lookAhead(s: SymbolFeed): DepthBook | undefined {
    const place = this.#tape.snapshotFrom(s.listed.key.index, this.#before + this.#i);
    if (place === undefined || place.t > this.#hub.nowUs + LOOK_AHEAD_US) return undefined;
    // The segment at hand may be the one that is asked for; any other is loaded beside it.
    const segment = place.segment === this.#segment ? this.#rows! : this.#tape.load(place.segment);
    return bookOf(segment.ports[PORT.depth_snapshot]!.columns, place.row, place.t);
  }
  close(): void {
    this.#next = Number.POSITIVE_INFINITY;
    this.#tape.close();
  }
}
const PASSED_ON = /@(ticker|miniTicker|avgPrice)(@arr)?$/;
