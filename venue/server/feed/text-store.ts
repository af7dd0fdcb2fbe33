import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChimeraError } from '../../../graph/schema/index.ts';
import { containerOf, feedBytes } from '../../../lake/decode/file-bytes.ts';
import { LineText } from './line-text.ts';

/** Unpacked text of one file that stays in memory; more goes to a temporary file. */
const MEMORY = 48 * 2 ** 20;
const WINDOW = 1 << 20;

/**
 * The lines of a recording, unpacked once, to be read again in order without waiting. Memory is bounded: long texts lie
 * in an unlinked temporary file and are read through a window.
 */
export class TextStore {
  /** Stream names that occur in the file. */
  readonly streams = new Set<string>();
  readonly #memory: number;
  #chunks: Buffer[] = [];
  #kept = 0;
  #fd = -1;
  #size = 0;
  // The window on the text.
  #buf: Buffer = Buffer.alloc(0);
  #at = 0;
  #len = 0;
  #next = 0;
  #ended = false;
  /** Number of the line at the cursor, from 1; 0 before the first. */
  line = 0;
  /** The cursor's line is bytes [start, end) of `buf`. */
  start = 0;
  end = 0;

  private constructor(memory: number) {
    this.#memory = memory;
  }
  /** @throws CHM670 (not readable), CHM676 (no room for the temporary file) */
  static async load(path: string, memory: number = MEMORY): Promise<TextStore> {
    const s = new TextStore(memory);
    await feedBytes(path, await containerOf(path), (chunk) => s.#add(chunk));
    s.#rewind();
    const text = new LineText();
    while (s.next()) {
      text.find(s.buf, s.start, s.end);
      if (text.stream !== '') s.streams.add(text.stream);
    }
    s.#rewind();
    return s;
  }
  get buf(): Buffer {
    return this.#buf;
  }

  #add(chunk: Buffer): void {
    this.#size += chunk.length;
    if (this.#fd < 0 && this.#kept + chunk.length <= this.#memory) {
      this.#chunks.push(Buffer.from(chunk));
      this.#kept += chunk.length;
      return;
    }
    try {
      if (this.#fd < 0) {
        this.#fd = openUnlinked();
        for (const c of this.#chunks) writeAll(this.#fd, c);
        this.#chunks = [];
      }
      writeAll(this.#fd, chunk);
    } catch (cause) {
      throw new ChimeraError('CHM676', `cannot write the text of a recording to a temporary file in ${tmpdir()}`, {
        help: 'free space there, set TMPDIR to another folder, or pass fewer inputs at once',
        cause,
      });
    }
  }
  #rewind(): void {
    if (this.#fd < 0 && this.#chunks.length !== 1) this.#chunks = [Buffer.concat(this.#chunks)];
    this.#buf = this.#fd < 0 ? this.#chunks[0]! : Buffer.alloc(WINDOW);
    this.#at = 0;
    this.#len = this.#fd < 0 ? this.#buf.length : 0;
    this.#next = 0;
    this.#ended = this.#fd < 0;
    this.line = 0;
  }

  /** Moves the cursor to the next line; false at the end. */
  next(): boolean {
    let from = this.#next;
    let nl = from < this.#len ? this.#buf.indexOf(10, from) : -1;
    while (nl < 0 || nl >= this.#len) {
      if (this.#ended) {
        if (from >= this.#len) return false;
        nl = this.#len;
        break;
      }
      this.#refill(from);
      from = 0;
      nl = this.#len > 0 ? this.#buf.indexOf(10, 0) : -1;
    }
    this.start = from;
    this.end = nl;
    this.#next = nl + 1;
    this.line++;
    return true;
  }
  /** Keeps what is unread from `from` on and reads more behind it. */
  #refill(from: number): void {
    const rest = this.#len - from;
    if (rest > this.#buf.length / 2) {
      const larger = Buffer.alloc(this.#buf.length * 2);
      this.#buf.copy(larger, 0, from, this.#len);
      this.#buf = larger;
    } else this.#buf.copy(this.#buf, 0, from, this.#len);
    const got = readSync(this.#fd, this.#buf, rest, this.#buf.length - rest, this.#at);
    this.#at += got;
    this.#len = rest + got;
    if (this.#at >= this.#size || got === 0) this.#ended = true;
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
    this.#chunks = [];
    this.#buf = Buffer.alloc(0);
    this.#len = 0;
    this.#ended = true;
  }
}

/** Unlinked at once: the space is given back even when the process is killed. */
function openUnlinked(): number {
  const dir = mkdtempSync(join(tmpdir(), 'chimera-venue-'));
  try {
    return openSync(join(dir, 'text'), 'wx+');
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
function writeAll(fd: number, chunk: Buffer): void {
  for (let done = 0; done < chunk.length; ) done += writeSync(fd, chunk, done, chunk.length - done);
}
