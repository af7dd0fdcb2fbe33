import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { ChimeraError } from '../../graph/schema/index.ts';
import { storageError } from '../duckdb.ts';
import {
  checkRecord,
  decodeFileHead,
  FILE_HEAD,
  FLAG_END,
  findRecord,
  type JournalRecord,
  MAX_PAYLOAD,
  RECORD_HEAD,
} from './segment.ts';

export const segmentName = (firstSeq: number): string => `${String(firstSeq).padStart(16, '0')}.journal`;
/** Segment files of a journal, in order. */
export function segments(dir: string): string[] {
  try {
    return readdirSync(dir)
      .filter((n) => /^\d{16}\.journal$/.test(n))
      .sort()
      .map((n) => join(dir, n));
  } catch (e) {
    if ((e as { code?: string }).code === 'ENOENT') return [];
    throw storageError(e, dir, 'read');
  }
}

/** Number of the last record of a finished segment; undefined when it has no end record. */
export function endOf(file: string): number | undefined {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch (e) {
    throw storageError(e, file, 'read');
  }
  try {
    const tail = Buffer.alloc(RECORD_HEAD);
    const at = fstatSync(fd).size - RECORD_HEAD;
    if (at < FILE_HEAD || readSync(fd, tail, 0, RECORD_HEAD, at) < RECORD_HEAD) return undefined;
    const ends = checkRecord(tail, 0, RECORD_HEAD) === RECORD_HEAD && (tail.readUInt16LE(14) & FLAG_END) !== 0;
    return ends ? tail.readDoubleLE(16) : undefined;
  } finally {
    closeSync(fd);
  }
}

export interface SegmentState {
  file: string;
  firstSeq: number;
  lastSeq: number;
  /** Arrival of its first and last record, µs; infinite while there is none. */
  firstT: number;
  lastT: number;
  records: number;
  /** Closed in order; nothing will be appended. */
  closed: boolean;
  /** Bytes up to the end of the last intact record. */
  goodBytes: number;
  /** Bytes after that: what a crash cut off. */
  tornBytes: number;
}

/**
 * Reads the records of one segment in order, in windows of 1 MiB; it may be read while it is being written: `next()`
 * answers undefined when there is no whole record yet, and goes on later. Errors: CHM615 with the byte offset, CHM606.
 */
export class SegmentReader {
  readonly file: string;
  readonly #fd: number;
  #buffer = Buffer.allocUnsafe(1 << 20);
  #at = 0;
  #end = 0;
  /** File offset of the buffer's first byte. */
  #base = 0;
  #started = false;
  readonly #record: JournalRecord = { seq: -1, t: 0, source: 0, payload: new Uint8Array(0) };
  readonly state: SegmentState;

  constructor(file: string) {
    this.file = file;
    try {
      this.#fd = openSync(file, 'r');
    } catch (e) {
      throw storageError(e, file, 'read');
    }
    this.state = {
      file,
      firstSeq: -1,
      lastSeq: -1,
      firstT: Number.POSITIVE_INFINITY,
      lastT: Number.NEGATIVE_INFINITY,
      records: 0,
      closed: false,
      goodBytes: 0,
      tornBytes: 0,
    };
  }

  /** The next record (a reused object), or undefined at the end of what is there. */
  next(): JournalRecord | undefined {
    const s = this.state;
    if (s.closed) return undefined;
    if (!this.#started) {
      if (this.#fill(FILE_HEAD) < FILE_HEAD) return this.#short(FILE_HEAD);
      const first = decodeFileHead(this.#buffer.subarray(this.#at, this.#at + FILE_HEAD));
      if (first === undefined) throw this.#damage('its head is unreadable');
      s.firstSeq = first;
      s.goodBytes = FILE_HEAD;
      this.#at += FILE_HEAD;
      this.#started = true;
    }
    let need = RECORD_HEAD;
    for (;;) {
      if (this.#fill(need) < need) return this.#short(need);
      const size = checkRecord(this.#buffer, this.#at, this.#end);
      if (size > 0) return this.#take(size);
      if (size < 0) return this.#broken();
      need = RECORD_HEAD + this.#buffer.readUInt32LE(this.#at + 8);
    }
  }

  /** The intact records are counted and the state of the end is known; throws CHM615 for damage in between. */
  scan(): SegmentState {
    while (this.next());
    return this.state;
  }
  close(): void {
    closeSync(this.#fd);
  }

  #take(size: number): JournalRecord | undefined {
    const b = this.#buffer;
    const at = this.#at;
    const r = this.#record;
    const s = this.state;
    const seq = b.readDoubleLE(at + 16);
    const t = b.readDoubleLE(at + 24);
    this.#at += size;
    if (b.readUInt16LE(at + 14) & FLAG_END) {
      s.closed = true;
      s.goodBytes += size;
      return undefined;
    }
    if (seq <= s.lastSeq || t < s.lastT) throw this.#damage(`seq ${seq} follows seq ${s.lastSeq}`);
    r.seq = seq;
    r.t = t;
    r.source = b.readUInt16LE(at + 12);
    r.payload = b.subarray(at + RECORD_HEAD, at + size);
    if (s.records === 0) s.firstT = t;
    s.lastSeq = seq;
    s.lastT = t;
    s.records++;
    s.goodBytes += size;
    return r;
  }

  /** Fewer bytes than the next record says it has: the end of the file, or a length that was altered. */
  #short(need: number): undefined {
    const rest = this.#end - this.#at;
    if (rest > 0 && need > rest) this.#assertNothingFollows();
    this.state.tornBytes = rest;
    return undefined;
  }
  #broken(): undefined {
    // All the rest is needed to tell a torn write from damage.
    this.#fill(fstatSync(this.#fd).size - this.state.goodBytes);
    this.#assertNothingFollows();
    this.state.tornBytes = this.#end - this.#at;
    return undefined;
  }
  #assertNothingFollows(): void {
    if (findRecord(this.#buffer.subarray(0, this.#end), this.#at + 1, this.#end) >= 0)
      throw this.#damage('a record does not match its checksum, and intact records follow');
  }
  #damage(why: string): ChimeraError {
    const at = this.state.goodBytes;
    return new ChimeraError('CHM615', `journal ${this.file} is damaged at byte ${at}: ${why}`, {
      file: this.file,
      seq: this.state.lastSeq + 1,
      help: 'restore the segment from a backup; everything before this byte is intact',
    });
  }

  /** Makes up to `bytes` available at `#at`; returns how many there are. */
  #fill(bytes: number): number {
    if (this.#end - this.#at >= bytes) return bytes;
    if (bytes > MAX_PAYLOAD + RECORD_HEAD) bytes = MAX_PAYLOAD + RECORD_HEAD;
    const rest = this.#end - this.#at;
    if (bytes > this.#buffer.length) {
      // An altered length must not make us reserve more than the file can hold.
      const available = fstatSync(this.#fd).size - this.state.goodBytes;
      const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length, Math.min(bytes, available)));
      this.#buffer.copy(grown, 0, this.#at, this.#end);
      this.#buffer = grown;
    } else this.#buffer.copyWithin(0, this.#at, this.#end);
    this.#base += this.#at;
    this.#at = 0;
    this.#end = rest;
    while (this.#end < this.#buffer.length) {
      let n: number;
      try {
        n = readSync(this.#fd, this.#buffer, this.#end, this.#buffer.length - this.#end, this.#base + this.#end);
      } catch (e) {
        throw storageError(e, this.file, 'read');
      }
      if (n === 0) break;
      this.#end += n;
    }
    return Math.min(bytes, this.#end - this.#at);
  }
}

/** All records of a journal in order, from the segment that holds `fromSeq`. The record object is reused. */
export function* readJournal(dir: string, fromSeq = 0): Generator<JournalRecord> {
  const files = segments(dir);
  const starts = files.map((f) => Number(f.slice(-24, -8)));
  let first = 0;
  while (first + 1 < files.length && starts[first + 1]! <= fromSeq) first++;
  for (const file of files.slice(first)) {
    const reader = new SegmentReader(file);
    try {
      for (let r = reader.next(); r; r = reader.next()) if (r.seq >= fromSeq) yield r;
    } finally {
      reader.close();
    }
  }
}

/** Number and arrival time (µs) of the last whole record of a journal; −1 and −Infinity when it holds none. */
export function lastRecordOf(dir: string): { readonly seq: number; readonly t: number } {
  for (const file of segments(dir).reverse()) {
    const reader = new SegmentReader(file);
    const { records, lastSeq, lastT } = reader.scan();
    reader.close();
    if (records > 0) return { seq: lastSeq, t: lastT };
  }
  return { seq: -1, t: Number.NEGATIVE_INFINITY };
}
