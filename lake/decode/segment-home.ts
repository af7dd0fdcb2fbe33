import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChimeraError } from '../../graph/schema/index.ts';
import { buffersLetGo } from '../free-chunks.ts';
import type { Segment } from './row-store.ts';
import { Arena, bytesOf, keep, lay, type Spilled, SpillWriter, sizeOf } from './spilled.ts';

/**
 * Decoded rows of all inputs of a run that stay in memory, packed: a year of minutes does. What is longer goes to a temporary file
 * as a whole, so that memory is free for the run.
 */
export const MEMORY_BUDGET = 24 * 2 ** 20;

/** In memory, packed. */
interface Packed {
  readonly shape: Spilled;
  readonly packed: Uint8Array;
}

/** Packed segments lie in few large buffers: the system takes those back when they are let go, small ones it keeps for the next. */
const FIRST_SLAB_BYTES = 2 ** 20;
const SLAB_BYTES = 4 * 2 ** 20;

/** Where sealed segments live: in memory up to a budget; beyond it packed ones are in an unlinked temporary file, all of them. */
export class SegmentHome {
  readonly #budget: number;
  readonly #kept: (Segment | Spilled | Packed)[] = [];
  #inMemory = 0;
  #fd = -1;
  #size = 0;
  #writer: SpillWriter | undefined;
  #slab = new Uint8Array(0);
  #slabAt = 0;
  /** Rows that were announced, and all that came packed. */
  #expected = 0;
  #rows = 0;

  constructor(budget: number = MEMORY_BUDGET) {
    this.#budget = budget;
  }

  /** So many more rows are to come; what will not fit goes to the file from the first row on. */
  expect(rows: number): void {
    this.#expected += rows;
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
    if ('at' in kept) return this.#read(kept, arena);
    if (!('packed' in kept)) return kept;
    const buffer = arena.take(sizeOf(kept.shape));
    new Uint8Array(buffer).set(kept.packed);
    return lay(kept.shape, buffer);
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
    this.#rows += segment.n;
    const later = ((this.#expected - this.#rows) * bytes.length) / segment.n;
    if (this.#inMemory + bytes.length + Math.max(0, later) > this.#budget) {
      this.#emptyMemory();
      return this.#write(segment);
    }
    this.#inMemory += bytes.length;
    return { shape, packed: this.#copy(bytes) };
  }
  #copy(bytes: Uint8Array): Uint8Array {
    if (this.#slabAt + bytes.length > this.#slab.length) {
      this.#slab = new Uint8Array(Math.max(bytes.length, this.#inMemory < SLAB_BYTES ? FIRST_SLAB_BYTES : SLAB_BYTES));
      this.#slabAt = 0;
    }
    const copy = this.#slab.subarray(this.#slabAt, this.#slabAt + bytes.length);
    copy.set(bytes);
    this.#slabAt += bytes.length;
    return copy;
  }
  /** What waited in memory goes to the file. */
  #emptyMemory(): void {
    if (this.#slab.length === 0) return;
    for (const [id, kept] of this.#kept.entries()) {
      if (!('packed' in kept)) continue;
      const { shape, packed } = kept;
      this.#kept[id] = { ...shape, at: this.#size };
      this.#append(packed);
      this.#inMemory -= packed.length;
    }
    this.#slab = new Uint8Array(0);
    this.#slabAt = 0;
    buffersLetGo();
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
    this.#kept.length = 0;
    this.#slab = new Uint8Array(0);
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
    this.#append(bytes);
    return spilled;
  }
  #append(bytes: Uint8Array): void {
    try {
      if (this.#fd < 0) this.#fd = this.#open();
      for (let done = 0; done < bytes.length; )
        done += writeSync(this.#fd, bytes, done, bytes.length - done, this.#size + done);
    } catch (cause) {
      throw new ChimeraError('CHM676', `cannot write decoded rows to a temporary file in ${tmpdir()}`, {
        help: 'free space there, set TMPDIR to another folder, or pass fewer inputs at once',
        cause,
      });
    }
    this.#size += bytes.length;
  }

  #read(s: Spilled, arena: Arena): Segment {
    const buffer = arena.take(sizeOf(s));
    const bytes = new Uint8Array(buffer, 0, s.bytes);
    for (let done = 0; done < s.bytes; ) {
      const got = readSync(this.#fd, bytes, done, s.bytes - done, s.at + done);
      if (got === 0) throw new ChimeraError('CHM676', 'the temporary file of decoded rows was cut short', {});
      done += got;
    }
    return lay(s, buffer);
  }
}

const hasTexts = (s: Segment): boolean => s.ports.some((p) => p?.columns.some((c) => Array.isArray(c)));
