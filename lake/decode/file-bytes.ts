import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import yauzl from 'yauzl';
import { ChimeraError } from '../../graph/schema/index.ts';

const CHUNK = 512 * 1024;
/** Bytes of content that are looked at to find out what a file is. */
export const HEAD_BYTES = 128 * 1024;
const LONGEST_LINE = 64 * 2 ** 20;

export type Container = 'plain' | 'gzip' | 'zip' | 'parquet';

/** What a file is packed as, by its first bytes. */
export async function containerOf(path: string): Promise<Container> {
  const magic = Buffer.alloc(4);
  let n = 0;
  try {
    const file = await open(path, 'r');
    try {
      n = (await file.read(magic, 0, 4, 0)).bytesRead;
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw new ChimeraError('CHM670', `cannot read input ${path}`, { file: path, help: 'check the path', cause });
  }
  if (n >= 2 && magic[0] === 0x1f && magic[1] === 0x8b) return 'gzip';
  const text = magic.toString('latin1', 0, n);
  return text === 'PK\x03\x04' || text === 'PK\x05\x06' ? 'zip' : text === 'PAR1' ? 'parquet' : 'plain';
}

/**
 * Feeds the file's (unpacked) bytes to `onChunk` in order. Resolves to null at a clean end, else to what is wrong with
 * the rest: everything before the damage has then been fed.
 */
export async function feedBytes(
  path: string,
  container: Container,
  onChunk: (chunk: Buffer) => void,
): Promise<string | null> {
  if (container === 'zip') {
    const { stream, close } = await openZipEntry(path);
    try {
      return await feed(stream, [], onChunk);
    } finally {
      close();
    }
  }
  const file = createReadStream(path, { highWaterMark: CHUNK });
  if (container !== 'gzip') return feed(file, [], onChunk);
  // Truncated data must still come out up to its end, so the decompressor flushes what it has before it complains.
  const gunzip = createGunzip({ chunkSize: CHUNK });
  file.on('error', (e) => gunzip.destroy(e));
  file.pipe(gunzip);
  return feed(gunzip, [file], onChunk);
}

/** Flowing mode, decoding inside the handler: bounded memory, and data before an error is never lost. */
function feed(stream: Readable, others: readonly Readable[], onChunk: (chunk: Buffer) => void): Promise<string | null> {
  return new Promise((resolve, reject) => {
    let failed = false;
    stream.on('data', (chunk: Buffer) => {
      if (failed) return;
      try {
        onChunk(chunk);
      } catch (e) {
        failed = true;
        for (const s of [...others, stream]) s.destroy();
        reject(e);
      }
    });
    stream.on('end', () => resolve(null));
    stream.on('error', (e) => {
      for (const s of others) s.destroy();
      resolve(e.message);
    });
  });
}

function openZipEntry(path: string): Promise<{ stream: Readable; close: () => void }> {
  const unusable = (message: string, cause?: unknown): ChimeraError =>
    new ChimeraError('CHM673', message, { file: path, help: 'fetch the archive again', cause });
  return new Promise((resolve, reject) => {
    yauzl.open(path, { lazyEntries: true, autoClose: false }, (error, zip) => {
      if (error) return reject(unusable('the zip file cannot be read', error));
      const files: yauzl.Entry[] = [];
      zip.on('error', (e) => reject(unusable('the zip file is damaged', e)));
      zip.on('entry', (entry: yauzl.Entry) => {
        if (!entry.fileName.endsWith('/')) files.push(entry);
        zip.readEntry();
      });
      zip.on('end', () => {
        if (files.length !== 1) {
          zip.close();
          return reject(unusable(`the zip file holds ${files.length} files instead of one`));
        }
        zip.openReadStream(files[0]!, (e, stream) => {
          if (e) return reject(unusable('the zip file is damaged', e));
          resolve({ stream, close: () => zip.close() });
        });
      });
      zip.readEntry();
    });
  });
}

/** Compares the file with the `.CHECKSUM` beside it, if there is one. */
export async function verifyChecksum(path: string): Promise<void> {
  const beside = `${path}.CHECKSUM`;
  if (!existsSync(beside)) return;
  const stated = /^([0-9a-f]{64})\b/i.exec(readFileSync(beside, 'latin1').trim())?.[1]?.toLowerCase();
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK })) hash.update(chunk as Buffer);
  const found = hash.digest('hex');
  if (stated !== found)
    throw new ChimeraError('CHM672', `${basename(path)} has not the SHA-256 that ${basename(beside)} states`, {
      file: path,
      help: 'the archive is damaged or was republished: fetch both files again',
    });
}

export type OnLine = (buf: Buffer, start: number, end: number, line: number) => void;

/** Cuts chunks into lines. */
export class LineSplitter {
  line = 0;
  /** The unfinished line at the end of what was pushed. */
  rest: Buffer = Buffer.alloc(0);
  readonly #onLine: OnLine;
  readonly #onTooLong: (line: number) => void;
  #skipping = false;

  constructor(onLine: OnLine, onTooLong: (line: number) => void) {
    this.#onLine = onLine;
    this.#onTooLong = onTooLong;
  }
  push(chunk: Buffer): void {
    const buf = this.rest.length > 0 ? Buffer.concat([this.rest, chunk]) : chunk;
    // A chunk may belong to the stream's pool only until the next one: the rest is copied.
    let p = 0;
    let nl = buf.indexOf(10, this.rest.length);
    while (nl >= 0) {
      this.line++;
      if (this.#skipping) this.#skipping = false;
      else this.#onLine(buf, p, nl, this.line);
      p = nl + 1;
      nl = buf.indexOf(10, p);
    }
    this.rest = p < buf.length ? Buffer.from(buf.subarray(p)) : Buffer.alloc(0);
    if (this.rest.length > LONGEST_LINE) {
      if (!this.#skipping) this.#onTooLong(this.line + 1);
      this.#skipping = true;
      this.rest = Buffer.alloc(0);
    }
  }
  /** The last line, when the file does not end with a line break. */
  end(): void {
    if (this.rest.length > 0 && !this.#skipping) this.#onLine(this.rest, 0, this.rest.length, ++this.line);
    this.rest = Buffer.alloc(0);
  }
}
