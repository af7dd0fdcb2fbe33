import { createHash, type Hash } from 'node:crypto';
import { closeSync, createReadStream, fsyncSync, ftruncateSync, openSync, statSync, writeSync } from 'node:fs';
import type { Tap } from '../engine/tap.ts';
import { ChimeraError, type KeyTable } from '../schema/index.ts';
import { RowFormatter, type TapFormat } from './format.ts';

export interface TapFileResult {
  rows: number;
  /** Of the file's content. */
  sha256: string;
}
/** How far a file had come at a commit. */
export interface TapMark {
  bytes: number;
  rows: number;
}
const START: TapMark = { bytes: 0, rows: 0 };

/** A tap written to a text file: appended at commits, cut back to its last commit when a run resumes. */
export class TapFile {
  readonly path: string;
  readonly #fd: number;
  readonly #format: TapFormat;
  readonly #hash: Hash;
  #formatter: RowFormatter | undefined;
  /** Whose rows the formatter writes: another graph's tap of the port has other causes, and may have other fields. */
  #tap: Tap | undefined;
  #mark: TapMark;

  private constructor(path: string, format: TapFormat, fd: number, hash: Hash, mark: TapMark) {
    this.path = path;
    this.#format = format;
    this.#fd = fd;
    this.#hash = hash;
    this.#mark = mark;
  }
  /**
   * Opens a file for a new run, or with the mark of the last commit of an interrupted one.
   * @throws CHM743 when it cannot be written, CHM744 when it is shorter than the mark says
   */
  static async open(path: string, format: TapFormat, mark: TapMark = START): Promise<TapFile> {
    const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    if (size < mark.bytes)
      throw new ChimeraError('CHM744', `${path} is shorter than its last commit: ${size} of ${mark.bytes} bytes`, {
        file: path,
        help: 'start the run anew in an empty folder',
      });
    const hash = createHash('sha256');
    if (mark.bytes > 0)
      for await (const chunk of createReadStream(path, { end: mark.bytes - 1 })) hash.update(chunk as Buffer);
    try {
      const fd = openSync(path, 'a');
      ftruncateSync(fd, mark.bytes);
      return new TapFile(path, format, fd, hash, { ...mark });
    } catch (e) {
      throw new ChimeraError('CHM743', `cannot write ${path}`, {
        file: path,
        cause: e,
        help: 'does the folder exist, and may you write there?',
      });
    }
  }

  /** Appends all rows of the tap. */
  append(tap: Tap, keys: KeyTable): void {
    if (this.#tap !== tap) {
      const before = this.#formatter;
      this.#formatter = new RowFormatter(tap.schema, this.#format, { causes: tap.clock.causes, keys });
      this.#tap = tap;
      const header = this.#format === 'csv' && Buffer.from(this.#formatter.header);
      if (header && (this.#mark.bytes === 0 || (before && !header.equals(before.header)))) this.#write(header);
    }
    if (tap.n === 0) return;
    const columns = tap.columns();
    this.#write(this.#formatter!.format(columns, 0, columns.n));
    this.#mark.rows += tap.n;
  }
  /** What a commit records. */
  get mark(): TapMark {
    return { ...this.#mark };
  }
  sync(): void {
    fsyncSync(this.#fd);
  }
  close(): TapFileResult {
    closeSync(this.#fd);
    return { rows: this.#mark.rows, sha256: this.#hash.digest('hex') };
  }

  #write(bytes: Uint8Array): void {
    let at = 0;
    try {
      while (at < bytes.length) at += writeSync(this.#fd, bytes, at);
    } catch (e) {
      const full = (e as NodeJS.ErrnoException).code === 'ENOSPC';
      throw new ChimeraError('CHM743', full ? `no room left for ${this.path}` : `cannot write ${this.path}`, {
        file: this.path,
        cause: e,
        help: full ? 'make room and run again' : 'is the device healthy, and may you still write there?',
      });
    }
    this.#hash.update(bytes);
    this.#mark.bytes += bytes.length;
  }
}
