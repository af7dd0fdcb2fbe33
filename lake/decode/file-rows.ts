import { type BadInput, ChimeraError } from '../../graph/schema/index.ts';
import { FileKeys, type Market } from './file-keys.ts';
import { MS_MAX, MS_MIN } from './frame.ts';
import { PORT, RowStore, STEPPED_BACK } from './row-store.ts';
import type { SegmentHome } from './segment-home.ts';
import { Names } from './slots.ts';

/** Bytes of a refused line that its dead letter keeps. */
export const RAW_LIMIT = 4096;
/** Refusals listed by name; further ones are only counted and dead-lettered, so that memory stays bounded. */
export const LISTED_REFUSALS = 100_000;
/** Key of rows without an instrument. */
export const NO_KEY = -1;

/** What reading one file needs to know of the run. */
export interface FileContext {
  readonly file: string;
  readonly home: SegmentHome;
  readonly strict: boolean;
  /** Symbols that are wanted, without their market; undefined = all. */
  readonly symbols: ReadonlySet<string> | undefined;
  readonly ports: ReadonlySet<number> | undefined;
  /** The market, where the caller states it. */
  readonly market: Market | undefined;
}

/** A row that turned out to be unusable after it was decoded. */
export interface LateRefusal {
  code: string;
  message: string;
  raw: string;
}

/** The rows of one file while it is decoded: its clock, its keys, its refused lines. */
export class FileRows {
  readonly context: FileContext;
  readonly names = new Names();
  readonly keys = new FileKeys(this.names);
  readonly store: RowStore;
  readonly refused: BadInput[] = [];
  refusedCount = 0;
  outOfOrder = 0;
  /** Rows whose symbol only the rest of the file or run can tell: row number → raw line. */
  readonly orphans = new Map<number, string>();
  /** Market stated by a URL in the file. */
  market: Market | undefined;
  /** Row numbers turned into dead letters after decoding. */
  readonly late = new Map<number, LateRefusal>();

  /** t_avail of the last row, µs; -1 before the first. */
  t = -1;
  /** Nanoseconds within that µs. */
  #sub = 0;
  #untimed = 0;

  constructor(context: FileContext) {
    this.context = context;
    this.store = new RowStore(context.home);
    this.market = context.market;
  }

  /** t_avail of a row received at `us` (and `sub` ns): never before the last one's. `advance` makes it the last one. */
  at(us: number): number {
    return Math.max(us, this.t);
  }
  /** STEPPED_BACK when a row received then comes after one that was received later. */
  flags(us: number, sub: number): number {
    return us < this.t || (us === this.t && sub < this.#sub) ? STEPPED_BACK : 0;
  }
  /** Called once a line is decoded: `wrote` tells whether it became a row. */
  advance(us: number, sub: number, flags: number, wrote: boolean): void {
    if (flags !== 0) {
      if (wrote) this.outOfOrder++;
      return;
    }
    if (this.#untimed > 0) this.#timeFirstRows(us);
    this.t = us;
    this.#sub = sub;
  }
  /** Refused lines before the file's first time get that time. */
  #timeFirstRows(us: number): void {
    this.store.t.fill(us, 0, Math.min(this.#untimed, this.store.n));
    this.#untimed = 0;
  }

  refuse(line: number, code: string, message: string, raw: string, us = Number.NaN): void {
    if (this.context.strict) throw strictError(this.context.file, line, code, message);
    this.refusedCount++;
    if (this.refused.length < LISTED_REFUSALS) this.refused.push({ file: this.context.file, line, code, message });
    if (us >= MS_MIN * 1000 && us < MS_MAX * 1000 && us > this.t) this.advance(us, 0, 0, true);
    if (this.t < 0) this.#untimed++;
    const b = this.store.begin(PORT.dead_letter, NO_KEY, Math.max(0, this.t), line, 0);
    const r = b.n - 1;
    b.texts[0]![r] = this.context.file;
    b.numbers[1]![r] = line;
    b.texts[2]![r] = code;
    b.texts[3]![r] = message;
    b.texts[4]![r] = raw.length > RAW_LIMIT ? raw.slice(0, RAW_LIMIT) : raw;
  }
}

/** Under `strict` every refusal is fatal. */
export function strictError(file: string, line: number, code: string, message: string): ChimeraError {
  return new ChimeraError('CHM677', `${message} (${code})`, {
    file,
    line,
    help: 'leave out --strict to have refused lines counted and reported instead',
  });
}
