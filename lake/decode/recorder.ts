import { type FileRows, RAW_LIMIT } from './file-rows.ts';
import { MS_MAX, MS_MIN, toMs } from './frame.ts';
import { FrameRows } from './frame-rows.ts';
import { FrameScanner } from './scan-frame.ts';
import { ABSENT, INT, Slots } from './slots.ts';

const US_MIN = MS_MIN * 1000;
const US_MAX = MS_MAX * 1000;

/** How frames are taken apart: `scan` is the normal way, `reference` uses JSON.parse for every line. */
export type Way = 'scan' | 'reference';

/**
 * Decodes recorder lines: `<receive time> <frame>`, time in ns, µs or ms, or in unix seconds followed by a colon; bare
 * frames (placed by their event time); URL lines of connections and REST replies.
 */
export class RecorderDecoder {
  readonly #file: FileRows;
  readonly #slots: Slots;
  readonly #scanner: FrameScanner;
  readonly #rows: FrameRows;
  readonly #scan: boolean;
  /** The receive time of the line at hand. */
  #us = 0;
  #sub = 0;

  constructor(file: FileRows, way: Way = 'scan') {
    this.#file = file;
    this.#slots = new Slots(file.names);
    this.#scanner = new FrameScanner(this.#slots);
    this.#rows = new FrameRows(this.#slots, file.store, file.keys, file.context);
    this.#scan = way === 'scan';
  }
  /** Interned symbols of all frames, wanted or not. */
  get symbolsSeen(): ReadonlySet<number> {
    return this.#rows.symbolsSeen;
  }

  /** One line, without its line break. */
  line(buf: Buffer, start: number, end: number, line: number): void {
    let p = start;
    while (p < end && (buf[p] === 32 || buf[p] === 9 || buf[p] === 13)) p++;
    if (p === end) return;
    const c = buf[p]!;
    if (c >= 48 && c <= 57) {
      p = this.#time(buf, p, end);
      if (p < 0) this.#refuseUntimed(buf, start, end, line);
      else this.#frame(buf, start, p, end, line, 0);
    } else if (c === 123 || c === 91) this.#bare(buf, start, p, end, line);
    else this.#text(buf, start, end, line);
  }

  #refuseUntimed(buf: Buffer, start: number, end: number, line: number): void {
    const known = this.#us !== 0;
    this.#file.refuse(
      line,
      known ? 'CHM652' : 'CHM651',
      known ? 'the receive time is impossible' : 'the line does not begin with a receive time',
      raw(buf, start, end),
    );
  }

  /** Sets the receive time and returns where the frame begins; -1 when there is no (possible) time. */
  #time(buf: Buffer, at: number, end: number): number {
    let p = at;
    let head = 0; // all digits but those below 1 µs
    let n = 0;
    while (p < end && buf[p]! >= 48 && buf[p]! <= 57) {
      if (n < 16) head = head * 10 + (buf[p]! - 48);
      n++;
      p++;
    }
    // 10 digits are seconds, 13 ms, 16 µs, 19 ns: the number of digits left of the µs.
    let missing = n <= 11 ? 6 : n <= 14 ? 3 : 0;
    this.#us = 1;
    this.#sub = 0;
    if (n >= 18) {
      if (n !== 19) return -1;
      this.#sub = (buf[p - 3]! - 48) * 100 + (buf[p - 2]! - 48) * 10 + (buf[p - 1]! - 48);
    } else if (n === 17) return -1;
    if (p < end && buf[p] === 46) {
      p++;
      let below = 100;
      while (p < end && buf[p]! >= 48 && buf[p]! <= 57) {
        if (missing > 0) {
          head = head * 10 + (buf[p]! - 48);
          missing--;
        } else if (below >= 1) {
          this.#sub += (buf[p]! - 48) * below;
          below /= 10;
        }
        p++;
      }
    }
    while (missing > 0) {
      head *= 10;
      missing--;
    }
    if (p < end && buf[p] === 58) p++;
    if (p < end && buf[p] !== 32 && buf[p] !== 9 && buf[p] !== 123) {
      this.#us = 0;
      return -1;
    }
    while (p < end && (buf[p] === 32 || buf[p] === 9)) p++;
    this.#us = head;
    return head >= US_MIN && head < US_MAX ? p : -1;
  }

  #frame(buf: Buffer, start: number, p: number, end: number, line: number, symbol: number): void {
    const file = this.#file;
    const us = this.#us;
    const sub = this.#sub;
    const flags = file.flags(us, sub);
    const t = flags === 0 ? us : file.t;
    const before = file.store.rows;
    const scanned = this.#scan && this.#scanner.scan(buf, p, end);
    const written = scanned && this.#rows.write(this.#scanner.stream, symbol, t, line, flags);
    if (!written) {
      if (scanned && this.#slots.kind[101] !== ABSENT) {
        file.refuse(line, this.#rows.fault!, this.#rows.faultText, raw(buf, start, end), us);
        return;
      }
      // Not taken apart, or no event: perhaps an answer to a subscription.
      if (!this.#reference(buf, start, p, end, line, symbol, t, flags)) return;
    }
    const wrote = file.store.rows > before;
    if (wrote && file.store.key[file.store.n - 1]! < 3 && file.store.key[file.store.n - 1]! >= 0)
      file.orphans.set(file.store.rows - 1, file.orphans.size < 256 ? raw(buf, start, end) : '');
    file.advance(us, sub, flags, wrote);
  }

  /** JSON.parse; false when the line was refused. */
  #reference(
    buf: Buffer,
    start: number,
    p: number,
    end: number,
    line: number,
    symbol: number,
    t: number,
    flags: number,
  ): boolean {
    const file = this.#file;
    const refuse = (code: string, message: string): boolean => {
      file.refuse(line, code, message, raw(buf, start, end), this.#us);
      return false;
    };
    let frame: unknown;
    try {
      frame = JSON.parse(buf.toString('utf8', p, end));
    } catch {
      return refuse(
        'CHM650',
        p >= end ? 'the line ends after its receive time' : 'the frame is no complete JSON value',
      );
    }
    if (typeof frame !== 'object' || frame === null) return refuse('CHM653', 'the frame is no JSON object');
    const outer = frame as Readonly<Record<string, unknown>>;
    let data: unknown = frame;
    let stream = 0;
    if (typeof outer['stream'] === 'string' && typeof outer['data'] === 'object' && outer['data'] !== null) {
      data = outer['data'];
      stream = outer['stream'].length <= 64 ? file.names.of(outer['stream']) : 0;
    } else if (isReply(outer)) return true;
    for (const item of Array.isArray(data) ? (data as unknown[]) : [data]) {
      if (typeof item !== 'object' || item === null || Array.isArray(item))
        return refuse('CHM653', 'the frame holds no event');
      this.#slots.fromObject(item as Readonly<Record<string, unknown>>);
      if (!this.#rows.write(stream, symbol, t, line, flags)) return refuse(this.#rows.fault!, this.#rows.faultText);
    }
    return true;
  }

  /** A frame without a receive time is placed by its event time. */
  #bare(buf: Buffer, start: number, p: number, end: number, line: number): void {
    let time = Number.NaN;
    try {
      let frame = JSON.parse(buf.toString('utf8', p, end)) as Record<string, unknown>;
      if (typeof frame['data'] === 'object' && frame['data'] !== null) frame = frame['data'] as Record<string, unknown>;
      if (Array.isArray(frame)) frame = (frame[0] ?? {}) as Record<string, unknown>;
      this.#slots.fromObject(frame);
      for (const code of [69, 84])
        if (Number.isNaN(time) && this.#slots.kind[code] === INT) time = toMs(this.#slots.val[code]!);
    } catch {
      this.#file.refuse(line, 'CHM650', 'the frame is no complete JSON value', raw(buf, start, end));
      return;
    }
    // Event times of different streams interleave, so a step back of them means nothing here.
    this.#us = Number.isNaN(time) ? this.#file.t : this.#file.at(time * 1000);
    this.#sub = 0;
    if (!(this.#us >= US_MIN && this.#us < US_MAX)) {
      this.#us = Number.isNaN(time) ? 0 : 1;
      this.#refuseUntimed(buf, start, end, line);
    } else this.#frame(buf, start, p, end, line, 0);
  }

  /** `https://…?symbol=X -> <time>: <reply>`, `wss://… <-> <time>`, `configuration: …`. */
  #text(buf: Buffer, start: number, end: number, line: number): void {
    const head = buf.toString('latin1', start, Math.min(end, start + 16_384));
    const at = /^\s*((?:https?|wss?):\/\/\S+)\s+(<?->)\s+(?=\d)/.exec(head);
    if (at === null) {
      if (/^\s*configuration: /.test(head)) return;
      this.#us = 0;
      this.#refuseUntimed(buf, start, end, line);
      return;
    }
    const url = at[1]!;
    this.#file.market ??= marketOfUrl(url);
    if (at[2] === '<->') return;
    const p = this.#time(buf, start + at[0].length, end);
    if (p < 0) {
      this.#refuseUntimed(buf, start, end, line);
      return;
    }
    // Replies that are no market data (exchange rules, account data) pass over in silence.
    if (!/\/depth(\?|$)/.test(url)) return;
    const symbol = /[?&]symbol=([A-Za-z0-9_]+)/.exec(url)?.[1]?.toUpperCase();
    this.#frame(buf, start, p, end, line, symbol === undefined ? 0 : this.#file.names.of(symbol));
  }
}

export function marketOfUrl(url: string): 'spot' | 'usdm' | undefined {
  const host = /^\w+:\/\/([^/:]+)/.exec(url)?.[1] ?? '';
  if (/^(fstream|fapi|testnet\.binancefuture|demo-fapi)/.test(host) || url.includes('/fapi/')) return 'usdm';
  if (/^(dstream|dapi)/.test(host) || url.includes('/dapi/')) return undefined;
  if (/^(stream|api|data-api|data-stream|testnet)/.test(host)) return 'spot';
  return undefined;
}

/** Answers to subscriptions are no events. */
const isReply = (o: Readonly<Record<string, unknown>>): boolean =>
  'id' in o && ('result' in o || 'error' in o) && !['e', 's', 'lastUpdateId', 'bids'].some((name) => name in o);

const raw = (buf: Buffer, start: number, end: number): string =>
  buf.toString('utf8', start, Math.min(end, start + RAW_LIMIT));
