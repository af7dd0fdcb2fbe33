import type { Block, BlockReader, KeyTable } from '../../graph/schema/index.ts';
import { type BronzeWriter, openBronzeWriter } from '../../lake/bronze-writer.ts';
import { openStorage } from '../../lake/open-storage.ts';
import type { S3Options } from '../../lake/s3/s3-options.ts';
import type { ObjectStorage } from '../../lake/storage.ts';

/** What the sources of a run without a state folder deliver, written to a lake block by block. */
export class Captures {
  readonly #lake: string;
  readonly #storage: ObjectStorage;
  readonly #keys: KeyTable;
  readonly #writers = new Map<string, BronzeWriter>();
  /** Last input in the lake, by source. */
  readonly #last = new Map<string, number>();

  static async open(lake: string, keys: KeyTable, s3?: S3Options): Promise<Captures> {
    return new Captures(lake, keys, await openStorage(lake, { ...(s3 ? { s3 } : {}), bucket: { create: true } }));
  }
  private constructor(lake: string, keys: KeyTable, storage: ObjectStorage) {
    this.#lake = lake;
    this.#storage = storage;
    this.#keys = keys;
  }
  async write(source: string, block: Block, { ports }: BlockReader): Promise<void> {
    let writer = this.#writers.get(source);
    writer ??= await openBronzeWriter(this.#lake, {
      writer: `capture-${source}`,
      keys: this.#keys,
      ports,
      source,
      storage: this.#storage,
    });
    this.#writers.set(source, writer);
    // After a failed cycle a source delivers again what is in the lake already.
    const from = Math.max(0, (this.#last.get(source) ?? -1) + 1 - block.seq0);
    if (from >= block.n) return;
    this.#last.set(source, block.seq0 + block.n - 1);
    await writer.write(from === 0 ? block : behind(block, from));
  }
  async close(): Promise<void> {
    for (const [source, writer] of this.#writers) {
      await writer.close();
      this.#writers.delete(source);
    }
  }
  /** After a failure; nothing to do when they are closed. */
  async abort(): Promise<void> {
    for (const writer of this.#writers.values()) await writer.abort();
    this.#writers.clear();
  }
}

const behind = (b: Block, from: number): Block => ({
  ...b,
  n: b.n - from,
  seq0: b.seq0 + from,
  t: b.t.subarray(from, b.n),
  port: b.port.subarray(from, b.n),
  key: b.key.subarray(from, b.n),
  row: b.row.subarray(from, b.n),
});
