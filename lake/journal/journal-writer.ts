import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { ChimeraError } from '../../graph/schema/index.ts';
import { storageError } from '../duckdb.ts';
import { SegmentReader, type SegmentState, segmentName, segments } from './journal-reader.ts';
import { encodeFileHead, encodeRecord, FILE_HEAD, FLAG_END, MAX_PAYLOAD, RECORD_HEAD } from './segment.ts';
import { SEGMENT_POLICY, type SegmentPolicy } from './segment-policy.ts';

/** The file calls that the journal makes; tests put a failing device in their place. */
export interface JournalFiles {
  write(fd: number, buffer: Uint8Array, offset: number, length: number, position: number): number;
  fdatasync(fd: number): void;
}
export interface JournalOptions {
  /** Wall clock in ms, for the 100 ms between syncs only; it never enters a record. */
  clock: () => number;
  /** Default 100. */
  syncMs?: number;
  /** When a new segment begins. */
  policy?: Partial<SegmentPolicy>;
  /** A segment has got its end and is durable. */
  onFinished?: (segment: FinishedSegment) => void;
  files?: JournalFiles;
}
/** A segment to which nothing will be appended. */
export interface FinishedSegment {
  readonly file: string;
  /** Its last record. */
  readonly lastSeq: number;
  readonly bytes: number;
}
/** What opening found of an earlier run. */
export interface JournalRecovery {
  lastSeq: number;
  lastT: number;
  /** A record that a crash cut off, removed: CHM616. */
  torn: { file: string; at: number; bytes: number; code: 'CHM616' } | undefined;
}

type Settings = Required<Omit<JournalOptions, 'policy'>> & { readonly policy: SegmentPolicy };

const REAL: JournalFiles = {
  write: (fd, b, offset, length, position) => writeSync(fd, b, offset, length, position),
  fdatasync: fdatasyncSync,
};

/**
 * The journal of live sources: `append` collects a batch, `flush` makes it one write(2) — before any operator sees
 * it —, `sync` one fdatasync, before an order leaves. Flush and `tick` also sync when the last one is 100 ms old.
 * All calls are synchronous on purpose: nothing may run between a record's write and its delivery.
 */
export class JournalWriter {
  readonly dir: string;
  readonly recovery: JournalRecovery;
  readonly #o: Settings;
  #fd = -1;
  #file = '';
  #size = 0;
  /** Arrival of the first record in the file, µs; infinite while there is none. */
  #firstT = Number.POSITIVE_INFINITY;
  #batch = Buffer.allocUnsafe(1 << 16);
  #length = 0;
  #lastSeq: number;
  #lastT: number;
  /** Last record in the file. */
  #written = -1;
  #durable: number;
  #lastSync: number;

  private constructor(dir: string, o: Settings, recovery: JournalRecovery) {
    this.dir = dir;
    this.#o = o;
    this.recovery = recovery;
    this.#lastSeq = recovery.lastSeq;
    this.#lastT = recovery.lastT;
    this.#written = recovery.lastSeq;
    this.#durable = recovery.lastSeq;
    this.#lastSync = o.clock();
  }

  /** Opens or creates the journal in `dir`; cuts a torn end and says so. Errors: CHM605, 606, 615. */
  static open(dir: string, options: JournalOptions): JournalWriter {
    const o: Settings = {
      syncMs: 100,
      files: REAL,
      onFinished: () => {},
      ...options,
      policy: { ...SEGMENT_POLICY, ...options.policy },
    };
    try {
      mkdirSync(dir, { recursive: true });
    } catch (e) {
      throw storageError(e, dir, 'write');
    }
    const recovery: JournalRecovery = { lastSeq: -1, lastT: Number.NEGATIVE_INFINITY, torn: undefined };
    const files = segments(dir);
    // Only the last segment with records can have a torn end; an empty one before it is what a crash at rotation leaves.
    for (let i = files.length - 1; i >= 0; i--) {
      const reader = new SegmentReader(files[i]!);
      const s = reader.scan();
      reader.close();
      const at = s.goodBytes;
      if (s.tornBytes > 0) recovery.torn ??= { file: s.file, at, bytes: s.tornBytes, code: 'CHM616' };
      if (s.goodBytes < FILE_HEAD) {
        unlinkSync(s.file);
        continue;
      }
      if (s.records > 0) {
        recovery.lastSeq = s.lastSeq;
        recovery.lastT = s.lastT;
      } else if (s.firstSeq > 0) recovery.lastSeq = s.firstSeq - 1;
      const writer = new JournalWriter(dir, o, recovery);
      if (!s.closed) writer.#reopen(s);
      return writer;
    }
    return new JournalWriter(dir, o, recovery);
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }
  /** Bytes of the segment that is being written. */
  get openBytes(): number {
    return this.#fd < 0 ? 0 : this.#size;
  }
  /** Last seq that survives a power cut. */
  get durableSeq(): number {
    return this.#durable;
  }

  /** Adds a record to the batch; `payload` is copied. */
  append(seq: number, t: number, source: number, payload: Uint8Array): void {
    if (!(seq > this.#lastSeq) || !(t >= this.#lastT))
      throw new ChimeraError('CHM611', `seq ${seq} at ${t} µs follows seq ${this.#lastSeq} at ${this.#lastT} µs`, {
        file: this.dir,
        seq,
        help: 'seq must increase and t_avail must never decrease within one journal',
      });
    if (payload.length > MAX_PAYLOAD)
      throw new ChimeraError('CHM606', `a record of ${payload.length} bytes is larger than a journal takes`, { seq });
    this.#room(RECORD_HEAD + payload.length);
    this.#length = encodeRecord(this.#batch, this.#length, seq, t, source, 0, payload);
    this.#lastSeq = seq;
    this.#lastT = t;
  }

  /**
   * Writes the batch. After an error nothing of it is in the file (what a full disk took is cut off again) and the
   * batch is kept: the next flush tries it again.
   */
  flush(): void {
    if (this.#length > 0) {
      if (this.#fd < 0) this.#create(this.#batch.readDoubleLE(16));
      this.#write(this.#batch, this.#length);
      this.#firstT = Math.min(this.#firstT, this.#batch.readDoubleLE(24));
      this.#length = 0;
      this.#written = this.#lastSeq;
      const { bytes, intervalUs } = this.#o.policy;
      if (this.#size >= bytes || this.#lastT - this.#firstT >= intervalUs) this.#rotate();
    }
    this.tick();
  }
  /** To be called from a timer, so that the last batch before a silence is synced in time as well. */
  tick(): void {
    if (this.#durable < this.#written && this.#o.clock() - this.#lastSync >= this.#o.syncMs) this.sync();
  }
  /** Everything flushed is durable when this returns. */
  sync(): void {
    if (this.#fd >= 0 && this.#durable < this.#written) {
      try {
        this.#o.files.fdatasync(this.#fd);
      } catch (e) {
        throw storageError(e, this.#file, 'write');
      }
    }
    this.#durable = this.#written;
    this.#lastSync = this.#o.clock();
  }
  /** Ends the current segment, so that it can be sealed; the next record begins a new one. */
  rotate(): void {
    this.flush();
    this.#rotate();
  }
  close(): void {
    this.flush();
    this.#rotate();
  }

  #rotate(): void {
    if (this.#fd < 0) return;
    const end = Buffer.alloc(RECORD_HEAD);
    encodeRecord(end, 0, this.#written, 0, 0, FLAG_END, new Uint8Array(0));
    this.#write(end, end.length);
    this.sync();
    closeSync(this.#fd);
    this.#fd = -1;
    this.#o.onFinished({ file: this.#file, lastSeq: this.#written, bytes: this.#size });
  }
  #create(firstSeq: number): void {
    this.#file = join(this.dir, segmentName(firstSeq));
    try {
      this.#fd = openSync(this.#file, 'wx');
      const folder = openSync(this.dir, 'r');
      fsyncSync(folder);
      closeSync(folder);
    } catch (e) {
      throw storageError(e, this.#file, 'write');
    }
    this.#size = 0;
    this.#firstT = Number.POSITIVE_INFINITY;
    try {
      this.#write(encodeFileHead(firstSeq), FILE_HEAD);
    } catch (e) {
      closeSync(this.#fd);
      this.#fd = -1;
      unlinkSync(this.#file);
      throw e;
    }
  }
  #reopen({ file, goodBytes, firstT }: SegmentState): void {
    this.#file = file;
    this.#firstT = firstT;
    try {
      this.#fd = openSync(file, 'r+');
      ftruncateSync(this.#fd, goodBytes);
      fsyncSync(this.#fd);
    } catch (e) {
      throw storageError(e, file, 'write');
    }
    this.#size = goodBytes;
  }
  #write(b: Uint8Array, length: number): void {
    let done = 0;
    try {
      // write(2) may take less than it is given; the position makes a repetition harmless.
      while (done < length) done += this.#o.files.write(this.#fd, b, done, length - done, this.#size + done);
    } catch (e) {
      try {
        ftruncateSync(this.#fd, this.#size);
      } catch {
        // The record is torn then, which the next opening repairs.
      }
      throw storageError(e, this.#file, 'write');
    }
    this.#size += length;
  }
  #room(bytes: number): void {
    if (this.#length + bytes <= this.#batch.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#batch.length * 2, this.#length + bytes));
    this.#batch.copy(grown, 0, 0, this.#length);
    this.#batch = grown;
  }
}
