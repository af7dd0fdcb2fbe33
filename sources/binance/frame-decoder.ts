import type { KeyInfo } from '../../graph/schema/index.ts';
import { FileKeys } from '../../lake/decode/file-keys.ts';
import { FrameRows } from '../../lake/decode/frame-rows.ts';
import { PORT, type PortBuffer, RowStore } from '../../lake/decode/row-store.ts';
import { FrameScanner } from '../../lake/decode/scan-frame.ts';
import { SegmentHome } from '../../lake/decode/segment-home.ts';
import { Names, Slots, TEXT } from '../../lake/decode/slots.ts';
import { fitToRules } from './fit-to-rules.ts';

const S_E = 101; // e

/** How a row's amounts stand to the decimals of its instrument. */
const FITS = 0;
const UNKNOWN = 1;
const LARGE = 2;
const FINE = 3;

/** What a websocket message is. */
export type MessageKind = 'event' | 'reply' | 'shutdown' | 'refused';
export interface DecodedRows {
  /** Row `r` of `rows`, of port `port`; valid during the call. */
  row(port: number, symbol: number, rows: PortBuffer, r: number): void;
  refused(code: string, message: string, raw: string): void;
  /** A row's amounts were finer than the instrument's rules allow and were made to fit; `row` follows. */
  coarsened(key: KeyInfo, message: string, raw: string): void;
  /** An answer to a request of ours, or an error. */
  reply(message: Readonly<Record<string, unknown>>): void;
}

/**
 * From the text of a message to typed rows, by the same scan that reads recordings: prices and quantities are taken from the
 * text exactly. Messages that the scan does not know go through JSON.parse.
 */
export class FrameDecoder {
  readonly #names = new Names();
  readonly #slots = new Slots(this.#names);
  readonly #scanner = new FrameScanner(this.#slots);
  readonly #keys = new FileKeys(this.#names);
  readonly #store = new RowStore(new SegmentHome(0));
  readonly #rows: FrameRows;
  readonly #out: DecodedRows;
  readonly #keyOf: (KeyInfo | undefined)[] = [];
  readonly #shutdown: number;
  #buffer = Buffer.allocUnsafe(1 << 20);

  /**
   * @param instruments by symbol, e.g. `BTCUSDT`: rows of others are refused
   * @param ports that are wanted
   */
  constructor(instruments: readonly { symbol: string; key: KeyInfo }[], ports: ReadonlySet<number>, out: DecodedRows) {
    this.#rows = new FrameRows(this.#slots, this.#store, this.#keys, {
      symbols: new Set(instruments.map((i) => i.symbol)),
      ports,
    });
    this.#out = out;
    for (const { symbol, key } of instruments) this.#keyOf[this.#names.of(symbol)] = key;
    this.#shutdown = this.#names.of('serverShutdown');
  }
  /** The number by which `row` names a symbol. */
  symbol(name: string): number {
    return this.#names.of(name);
  }

  text(data: string): MessageKind {
    // A character takes at most three bytes.
    if (data.length * 3 > this.#buffer.length) this.#buffer = Buffer.allocUnsafe(data.length * 6);
    const end = this.#buffer.write(data, 0, 'utf8');
    if (this.#scanner.scan(this.#buffer, 0, end)) {
      const slots = this.#slots;
      if (slots.kind[S_E] === TEXT && slots.name[S_E] === this.#shutdown) return 'shutdown';
      if (this.#rows.write(this.#scanner.stream, 0, 0, 0, 0)) return this.#deliver(data);
      // No event by its fields: perhaps an answer to a subscription.
      if (slots.kind[S_E] === TEXT) return this.#refuse(data);
    }
    return this.#parse(data);
  }

  /** A message, or what REST gave in the form of one, as an object. @param symbol of a depth snapshot */
  object(event: Readonly<Record<string, unknown>>, symbol = 0): boolean {
    this.#slots.fromObject(event);
    if (this.#rows.write(0, symbol, 0, 0, 0)) return this.#deliver('') === 'event';
    this.#refuse(JSON.stringify(event));
    return false;
  }

  #parse(data: string): MessageKind {
    let message: unknown;
    try {
      message = JSON.parse(data);
    } catch {
      this.#out.refused('CHM650', 'the message is no complete JSON value', data);
      return 'refused';
    }
    if (typeof message !== 'object' || message === null) {
      this.#out.refused('CHM653', 'the message is no JSON object', data);
      return 'refused';
    }
    const outer = message as Readonly<Record<string, unknown>>;
    if ('id' in outer || 'error' in outer) {
      this.#out.reply(outer);
      return 'reply';
    }
    let inner: unknown = message;
    let stream = 0;
    if (typeof outer['stream'] === 'string' && 'data' in outer) {
      inner = outer['data'];
      stream = this.#names.of(outer['stream'].slice(0, 64));
    }
    let kind: MessageKind = 'event';
    for (const item of Array.isArray(inner) ? (inner as unknown[]) : [inner]) {
      if (typeof item !== 'object' || item === null) {
        this.#out.refused('CHM653', 'the message holds no event', data);
        return 'refused';
      }
      this.#slots.fromObject(item as Readonly<Record<string, unknown>>);
      if ((item as { e?: unknown }).e === 'serverShutdown') kind = 'shutdown';
      else if (!this.#rows.write(stream, 0, 0, 0, 0)) return this.#refuse(data);
      else if (this.#deliver(data) === 'refused') kind = 'refused';
    }
    return kind;
  }

  #refuse(data: string): MessageKind {
    this.#clear();
    this.#out.refused(this.#rows.fault ?? 'CHM653', this.#rows.faultText, data);
    return 'refused';
  }

  /** Hands on the rows of the message at hand, or refuses it when its amounts do not fit the instrument's decimals. */
  #deliver(data: string): MessageKind {
    const store = this.#store;
    let kind: MessageKind = 'event';
    for (let i = 0; i < store.n; i++) {
      const fileKey = store.key[i]!;
      const symbol = (fileKey - (fileKey % 3)) / 3;
      const key = this.#keyOf[symbol];
      const port = store.port[i]!;
      const rows = store.ports[port]!;
      let r = 0;
      for (let j = 0; j < i; j++) if (store.port[j] === port) r++;
      const unfit = key === undefined ? UNKNOWN : this.#unfit(fileKey, port, key);
      if (unfit === UNKNOWN || unfit === LARGE) {
        const why = key === undefined ? 'nobody asked for this instrument' : `an amount of ${key.name} is beyond 2^53`;
        this.#out.refused(key === undefined ? 'CHM653' : 'CHM658', why, data);
        kind = 'refused';
        continue;
      }
      if (unfit === FINE) this.#out.coarsened(key!, fitToRules(rows, port, r, key!), data);
      this.#out.row(port, symbol, rows, r);
    }
    this.#clear();
    return kind;
  }
  #unfit(fileKey: number, port: number, key: KeyInfo): typeof FITS | typeof LARGE | typeof FINE {
    const k = this.#keys;
    const px = k.pxDigits[fileKey]!;
    const qty = k.qtyDigits[fileKey]!;
    const maxPx = k.maxPx[fileKey]! * key.pxScale;
    const maxQty = k.maxQty[fileKey]! * key.qtyScale;
    k.pxDigits[fileKey] = 0;
    k.qtyDigits[fileKey] = 0;
    k.maxPx[fileKey] = 0;
    k.maxQty[fileKey] = 0;
    if (maxPx > Number.MAX_SAFE_INTEGER || maxQty > Number.MAX_SAFE_INTEGER) return LARGE;
    // The average price of a liquidation is a quotient: the ring rounds it.
    if (qty > key.qtyDigits || (px > key.pxDigits && port !== PORT.liquidation)) return FINE;
    return FITS;
  }
  #clear(): void {
    const store = this.#store;
    for (let i = 0; i < store.n; i++) store.ports[store.port[i]!]!.n = 0;
    store.n = 0;
  }
}
