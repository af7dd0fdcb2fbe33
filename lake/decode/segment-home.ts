import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChimeraError } from '../../graph/schema/index.ts';
import type { Segment } from './row-store.ts';
import { Arena, bytesOf, keep, lay, type Spilled, SpillWriter, sizeOf } from './spilled.ts';

/** Decoded rows of all inputs of a run that stay in memory, packed: a year of minutes does. The rest goes to a temporary file. */
export const MEMORY_BUDGET = 24 * 2 ** 20;

/** In memory, packed. */
interface Packed {
  readonly shape: Spilled;
  readonly packed: Uint8Array;
}

/** In a file of the cache. */
interface Filed {
  readonly shape: Spilled;
  readonly fd: number;
}

/** Where sealed segments live: in memory up to a budget, then in an unlinked temporary file; or in a file that was there before. */
export class SegmentHome {
  readonly #budget: number;
  readonly #kept: (Segment | Spilled | Packed | Filed)[] = [];
  /** Files that were handed over. */
  readonly #files: number[] = [];
  #inMemory = 0;
  #fd = -1;
  #size = 0;
  #writer: SpillWriter | undefined;

  constructor(budget: number = MEMORY_BUDGET) {
    this.#budget = budget;
  }

  get spilledBytes(): number {
    return this.#size;
  }

  /** The segment's arrays may be used again afterwards. */
  add(segment: Segment): number {
    this.#kept.push(hasTexts(segment) ? this.#whole(segment) : this.#packed(segment));
    return this.#kept.length - 1;
  }

  /** @param arena where to read it into: it is then valid until the next one is read into that */
  load(id: number, arena = new Arena()): Segment {
    const kept = this.#kept[id]!;
    if ('at' in kept) return read(this.#fd, kept, arena);
    if ('fd' in kept) return read(kept.fd, kept.shape, arena);
    if (!('packed' in kept)) return kept;
    const buffer = arena.take(sizeOf(kept.shape));
    new Uint8Array(buffer).set(kept.packed);
    return lay(kept.shape, buffer);
  }

  /** A segment as it can be written elsewhere; the bytes are valid until the next call. */
  stored(id: number): { shape: Spilled; bytes: Uint8Array } {
    const kept = this.#kept[id]!;
    if ('packed' in kept) return { shape: kept.shape, bytes: kept.packed };
    this.#writer ??= new SpillWriter();
    const { spilled, bytes } = this.#writer.write(this.load(id), 0);
    return { shape: spilled, bytes };
  }
  /** A segment that `stored` gave, from `shape.at` on in a file that `keepOpen` was told of. */
  adopt(fd: number, shape: Spilled): number {
    this.#kept.push({ shape, fd });
    return this.#kept.length - 1;
  }
  /** The file is closed together with everything else. */
  keepOpen(fd: number): void {
    this.#files.push(fd);
  }

  /** Texts are kept as they are: to write and parse them would cost more than they take. */
  #whole(segment: Segment): Segment | Spilled {
    const bytes = bytesOf(segment);
    if (this.#inMemory + bytes > this.#budget) return this.#write(segment);
    this.#inMemory += bytes;
    return keep(segment);
  }
  #packed(segment: Segment): Packed | Spilled {
    // Once something is in the file the rest goes there too: what is packed smaller may still fit, but not for long.
    if (this.#size > 0) return this.#write(segment);
    this.#writer ??= new SpillWriter();
    const { spilled: shape, bytes } = this.#writer.write(segment, 0);
    if (this.#inMemory + bytes.length > this.#budget) return this.#write(segment);
    this.#inMemory += bytes.length;
    return { shape, packed: bytes.slice() };
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    for (const fd of this.#files) closeSync(fd);
    this.#files.length = 0;
    this.#fd = -1;
    this.#kept.length = 0;
    this.#inMemory = 0;
  }

  #open(): number {
    // Unlinked at once: the space is given back even when the process is killed.
    const dir = mkdtempSync(join(tmpdir(), 'chimera-decode-'));
    try {
      return openSync(join(dir, 'rows'), 'wx+');
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  }

  #write(s: Segment): Spilled {
    this.#writer ??= new SpillWriter();
    const { spilled, bytes } = this.#writer.write(s, this.#size);
    try {
      if (this.#fd < 0) this.#fd = this.#open();
      for (let done = 0; done < bytes.length; )
        done += writeSync(this.#fd, bytes, done, bytes.length - done, spilled.at + done);
    } catch (cause) {
      throw new ChimeraError('CHM676', `cannot write decoded rows to a temporary file in ${tmpdir()}`, {
        help: 'free space there, set TMPDIR to another folder, or pass fewer inputs at once',
        cause,
      });
    }
    this.#size += bytes.length;
    return spilled;
  }
}

function read(fd: number, s: Spilled, arena: Arena): Segment {
  const buffer = arena.take(sizeOf(s));
  readFully(fd, new Uint8Array(buffer, 0, s.bytes), s.at);
  return lay(s, buffer);
}
function readFully(fd: number, bytes: Uint8Array, at: number): void {
  for (let done = 0; done < bytes.length; ) {
    const got = readSync(fd, bytes, done, bytes.length - done, at + done);
    if (got === 0) throw new ChimeraError('CHM676', 'the file of decoded rows was cut short while it was read', {});
    done += got;
  }
}

const hasTexts = (s: Segment): boolean => s.ports.some((p) => p?.columns.some((c) => Array.isArray(c)));
