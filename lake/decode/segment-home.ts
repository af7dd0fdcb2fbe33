import { tmpdir } from 'node:os';
import { deserialize, serialize } from 'node:v8';
import { ChimeraError } from '../../graph/schema/index.ts';
import { buffersLetGo } from '../free-chunks.ts';
import { TemporaryFile } from '../temporary-file.ts';
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

/** A file of packed segments. */
export interface RowsFile {
  /** Fills `into` from byte `at` on. @returns false when there is not that much */
  read(into: Uint8Array, at: number): boolean;
  close(): void;
}
/** In a file: first its shape, which would be some kilobytes in memory, then what it is the shape of. */
export interface InFile {
  readonly at: number;
  readonly shapeBytes: number;
}
interface Filed extends InFile {
  readonly file: RowsFile;
}

/** Packed segments lie in few large buffers: the system takes those back when they are let go, small ones it keeps for the next. */
const FIRST_SLAB_BYTES = 2 ** 20;
const SLAB_BYTES = 4 * 2 ** 20;

/**
 * Where sealed segments live: in memory up to a budget; beyond it packed ones are in an unlinked temporary file, all of them. Segments
 * that were packed before stay in the file where they are.
 */
export class SegmentHome {
  readonly #budget: number;
  readonly #kept: (Segment | Filed | Packed)[] = [];
  /** Files that were handed over. */
  readonly #adopted: RowsFile[] = [];
  #inMemory = 0;
  #file: TemporaryFile | undefined;
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
    return this.#file?.size ?? 0;
  }

  /** The segment's arrays may be used again afterwards. */
  add(segment: Segment): number {
    this.#kept.push(hasTexts(segment) ? this.#whole(segment) : this.#packed(segment));
    return this.#kept.length - 1;
  }

  /** @param arena where to read it into: it is then valid until the next one is read into that */
  load(id: number, arena = new Arena()): Segment {
    const kept = this.#kept[id]!;
    if ('file' in kept) return read(kept, arena);
    if (!('packed' in kept)) return kept;
    const buffer = arena.take(sizeOf(kept.shape));
    new Uint8Array(buffer).set(kept.packed);
    return lay(kept.shape, buffer);
  }

  /** A segment as it can be written elsewhere: its shape, then its bytes, which are valid until the next call. */
  stored(id: number): [Uint8Array, Uint8Array] {
    const kept = this.#kept[id]!;
    if ('packed' in kept) return [serialize(kept.shape), kept.packed];
    this.#writer ??= new SpillWriter();
    const { spilled, bytes } = this.#writer.write(this.load(id), 0);
    return [serialize(spilled), bytes];
  }
  /** Segments that `stored` gave, in a file that from now on is closed here. @returns the id of the first */
  adopt(file: RowsFile, segments: readonly InFile[]): number {
    this.#adopted.push(file);
    const first = this.#kept.length;
    for (const { at, shapeBytes } of segments) this.#kept.push({ at, shapeBytes, file });
    return first;
  }

  /** Texts are kept as they are: to write and parse them would cost more than they take. */
  #whole(segment: Segment): Segment | Filed {
    const bytes = bytesOf(segment);
    if (this.#inMemory + bytes > this.#budget) return this.#write(segment);
    this.#inMemory += bytes;
    return keep(segment);
  }
  #packed(segment: Segment): Packed | Filed {
    // Once something is in the file the rest goes there too: what is packed smaller may still fit, but not for long.
    if (this.#file) return this.#write(segment);
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
      this.#kept[id] = this.#append(shape, packed);
      this.#inMemory -= packed.length;
    }
    this.#slab = new Uint8Array(0);
    this.#slabAt = 0;
    buffersLetGo();
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
    for (const file of this.#adopted) file.close();
    this.#adopted.length = 0;
    this.#kept.length = 0;
    this.#slab = new Uint8Array(0);
    this.#inMemory = 0;
  }

  #write(s: Segment): Filed {
    this.#writer ??= new SpillWriter();
    const { spilled, bytes } = this.#writer.write(s, 0);
    return this.#append(spilled, bytes);
  }
  #append(shape: Spilled, bytes: Uint8Array): Filed {
    const head = serialize(shape);
    try {
      this.#file ??= new TemporaryFile('chimera-decode-');
      const at = this.#file.size;
      this.#file.append(head);
      this.#file.append(bytes);
      return { at, shapeBytes: head.length, file: this.#file };
    } catch (cause) {
      throw new ChimeraError('CHM676', `cannot write decoded rows to a temporary file in ${tmpdir()}`, {
        help: 'free space there, set TMPDIR to another folder, or pass fewer inputs at once',
        cause,
      });
    }
  }
}

function read({ file, at, shapeBytes }: Filed, arena: Arena): Segment {
  const head = Buffer.alloc(shapeBytes);
  if (file.read(head, at)) {
    const shape = deserialize(head) as Spilled;
    const buffer = arena.take(sizeOf(shape));
    if (file.read(new Uint8Array(buffer, 0, shape.bytes), at + shapeBytes)) return lay(shape, buffer);
  }
  throw new ChimeraError('CHM676', 'the file of decoded rows was cut short while it was read', {});
}

const hasTexts = (s: Segment): boolean => s.ports.some((p) => p?.columns.some((c) => Array.isArray(c)));
