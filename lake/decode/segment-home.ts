import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChimeraError } from '../../graph/schema/index.ts';
import type { Segment } from './row-store.ts';
import { Arena, bytesOf, keep, lay, type Spilled, SpillWriter, sizeOf } from './spilled.ts';

/** Decoded rows of all inputs of a run that stay in memory; the rest goes to a temporary file. */
export const MEMORY_BUDGET = 32 * 2 ** 20;

/** Where sealed segments live: in memory up to a budget, then in an unlinked temporary file. */
export class SegmentHome {
  readonly #budget: number;
  readonly #kept: (Segment | Spilled)[] = [];
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
    const bytes = bytesOf(segment);
    if (this.#inMemory + bytes <= this.#budget) {
      this.#inMemory += bytes;
      this.#kept.push(keep(segment));
    } else {
      this.#kept.push(this.#write(segment));
    }
    return this.#kept.length - 1;
  }

  /** @param arena where to read it into: it is then valid until the next one is read into that */
  load(id: number, arena = new Arena()): Segment {
    const kept = this.#kept[id]!;
    return 'at' in kept ? this.#read(kept, arena) : kept;
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
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
