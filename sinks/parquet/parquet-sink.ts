import { join } from 'node:path';
import { decode, encode } from '../../graph/codec/index.ts';
import type { CommitMark, Env, InPorts, Sink, Wiring } from '../../graph/node.ts';
import { type BronzeWriter, openBronzeWriter } from '../../lake/bronze-writer.ts';
import { readCommits } from '../../lake/manifest.ts';
import { openStorage } from '../../lake/open-storage.ts';
import type { RollingPolicy } from '../../lake/rolling.ts';
import type { S3Options } from '../../lake/s3/s3-options.ts';
import type { ObjectStorage } from '../../lake/storage.ts';
import { BufferedSink } from '../buffered-sink.ts';
import { RowBuffer, type SavedRows } from '../row-buffer.ts';
import { durableStoreOf } from '../run-store.ts';
import type { RunStore } from '../store/index.ts';
import { datasetSchema, type OrderedRows, rowBlocks } from './row-blocks.ts';

export interface ParquetConfig {
  readonly tier: 'bronze' | 'silver' | 'gold';
  readonly lake?: string | undefined;
  readonly rolling: {
    readonly max_rows?: number | undefined;
    readonly max_mb: number;
    readonly interval?: number | undefined;
    readonly inactivity?: number | undefined;
  };
}

/** Rows of one commit as the store keeps them until they are in a file. */
interface Chunk {
  ports: string[];
  order: Uint8Array;
  causes: string[];
  /** Names and decimals of the keys that rows number. */
  keys: { name: string; pxDigits: number; qtyDigits: number }[];
  rows: SavedRows[];
}
interface Entry {
  /** Number of the first row of the commit, and how many there are. */
  seq0: number;
  rows: number;
}

/** Commits between two looks at how far the files have come. */
const TRIM_EVERY = 16;

/**
 * Hands committed rows to the lake's writer, which decides when they become files. Until then each commit's rows are a
 * chunk in the run's store, in the same transaction as the checkpoint; a resumed run hands them over again.
 */
export class ParquetSink extends BufferedSink {
  readonly #config: ParquetConfig;
  readonly #lake: string | undefined;
  readonly #name: string;
  readonly #store: RunStore | undefined;
  #storage: ObjectStorage | undefined;
  #writer: BronzeWriter | undefined;
  /** Number of the next row. */
  #seq = 0;

  static async open(config: ParquetConfig, env: Env, wiring: Wiring): Promise<Sink<InPorts>> {
    const lake = config.lake ?? (env.dir === undefined ? undefined : join(env.dir, 'lake'));
    return new ParquetSink(config, env, wiring, lake, lake === undefined ? undefined : await durableStoreOf(env));
  }
  private constructor(
    config: ParquetConfig,
    env: Env,
    wiring: Wiring,
    lake: string | undefined,
    store: RunStore | undefined,
  ) {
    super(env, wiring, []);
    this.#config = config;
    this.#lake = lake;
    this.#name = `${env.pipeline}.${env.node}`;
    this.#store = store;
  }

  protected async flush(mark: CommitMark): Promise<void> {
    if (this.#lake === undefined) return;
    this.#writer ??= await this.#begin(this.#lake, mark.epoch);
    const writer = this.#writer;
    await this.#keep(mark.epoch);
    const { order, rows, buffers, causes } = this;
    for (const block of rowBlocks({ order, rows, buffers, causes }, this.#seq)) await writer.write(block);
    this.#seq += this.rows;
    await writer.commit(mark.now);
    if (mark.epoch % TRIM_EVERY === 0) await this.#trim(mark.epoch);
  }
  async #begin(lake: string, epoch: number): Promise<BronzeWriter> {
    const entries = (await this.#store?.loadManifest(this.#name, 0, epoch)) ?? [];
    const s3 = this.env.access?.['s3'] as S3Options | undefined;
    this.#storage ??= await openStorage(lake, { ...(s3 ? { s3 } : {}), bucket: { create: true } });
    const writer = await openBronzeWriter(lake, {
      storage: this.#storage,
      writer: this.#name,
      keys: this.env.keys,
      ports: this.ports.map((name, p) => ({ name, schema: datasetSchema(name, this.buffers[p]!.schema) })),
      source: this.#name,
      tier: this.#config.tier,
      rolling: policy(this.#config.rolling),
      // A run from the beginning writes everything again, over itself.
      resume: entries.length > 0,
    });
    for (const { entry, blob } of entries) {
      const { seq0, rows } = entry as Entry;
      this.#seq = seq0 + rows;
      if (!blob || this.#seq - 1 <= writer.resumedFrom) continue;
      for (const block of rowBlocks(this.#restore(decode(blob) as Chunk, rows), seq0)) await writer.write(block);
    }
    return writer;
  }

  async #keep(epoch: number): Promise<void> {
    if (!this.#store) return;
    const chunk: Chunk = {
      ports: [...this.ports],
      order: this.order.slice(0, this.rows),
      causes: this.causes,
      keys: this.env.keys.list.map(({ name, pxDigits, qtyDigits }) => ({ name, pxDigits, qtyDigits })),
      rows: this.buffers.map((b) => b.save()),
    };
    const entry: Entry = { seq0: this.#seq, rows: this.rows };
    await this.#store.saveManifest(this.#name, epoch, entry, this.rows > 0 ? encode(chunk) : undefined);
  }
  #restore(chunk: Chunk, rows: number): OrderedRows {
    const keys = chunk.keys.map((k) => this.env.keys.declare(k.name, k.pxDigits, k.qtyDigits).index);
    const at = chunk.ports.map((p) => this.ports.indexOf(p));
    const buffers = this.buffers.map((b) => new RowBuffer(b.schema));
    chunk.rows.forEach((saved, p) => {
      saved.key = saved.key.map((k) => (k < 0 ? -1 : keys[k]!));
      buffers[at[p]!]!.load(saved);
    });
    return { order: chunk.order.map((p) => at[p]!), rows, buffers, causes: chunk.causes };
  }
  /** Forgets chunks whose rows are all in files, but for the last two commits, to which a run may go back. */
  async #trim(epoch: number): Promise<void> {
    if (!this.#store) return;
    const commits = await readCommits(this.#storage!, this.#name);
    const through = commits.reduce((t, c) => Math.max(t, c.through_seq), -1);
    const entries = await this.#store.loadManifest(this.#name, 0, epoch - 1);
    const open = entries.find(({ entry }) => {
      const { seq0, rows } = entry as Entry;
      return seq0 + rows - 1 > through;
    });
    await this.#store.keepManifest(this.#name, open?.epoch ?? epoch - 1, epoch + 1);
  }

  /** Ends without turning the rest into files, as if the process had died: a resumed run goes on from the last commit. */
  async abandon(): Promise<void> {
    await this.#writer?.abort();
    this.#writer = undefined;
    await this.#store?.close();
  }
  async close(): Promise<void> {
    await this.#writer?.close();
    this.#writer = undefined;
    await this.#store?.close();
  }
}

function policy(r: ParquetConfig['rolling']): Partial<RollingPolicy> {
  return {
    maxBytes: r.max_mb * 2 ** 20,
    ...(r.max_rows === undefined ? {} : { maxRows: r.max_rows }),
    ...(r.interval === undefined ? {} : { intervalUs: r.interval }),
    ...(r.inactivity === undefined ? {} : { inactivityUs: r.inactivity }),
  };
}
