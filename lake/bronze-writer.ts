import type { DuckDBConnection, DuckDBDataChunk } from '@duckdb/node-api';
import { type Block, type BlockReader, ChimeraError, type KeyTable } from '../graph/schema/index.ts';
import { LakeCommitter } from './committer.ts';
import { DuckDb } from './duckdb.ts';
import { contentHash, type FileEntry } from './manifest.ts';
import { copyToParquet, rowGroupRows } from './parquet-copy.ts';
import { DAY_US, dateText, dayOf, fileName, partitionPath } from './partition.ts';
import { PartitionBuffer } from './partition-buffer.ts';
import { DEFAULT_ROLLING, ROLL_STRIDE, type RollingPolicy, rollReason } from './rolling.ts';
import { schemaToJson, writeSelect } from './schema.ts';
import { LocalStorage, type ObjectStorage } from './storage.ts';

export interface BronzeWriterOptions {
  /** Who writes: names the manifest folder. The same input under the same name gives the same files and bytes. */
  writer: string;
  keys: KeyTable;
  /** The ports that the blocks number; a port's name is its dataset's. */
  ports: BlockReader['ports'];
  /** Value of the `source` column. */
  source: string;
  tier?: 'bronze' | 'silver' | 'gold';
  rolling?: Partial<RollingPolicy>;
  /** Goes on behind the last commit: rows up to its seq are skipped. Otherwise a repeated run writes everything again, over itself. */
  resume?: boolean;
  /** The store, when it is not the folder itself. */
  storage?: ObjectStorage;
}
export interface BronzeResult {
  rows: Record<string, number>;
  files: FileEntry[];
  /** sha256 over the sorted content hashes of all files of this writer. */
  content_sha256: string;
}
export interface BronzeWriter {
  /** Rows up to this seq were committed by an earlier run (`resume`), −1 otherwise. */
  readonly resumedFrom: number;
  /** Takes the block's rows; the block may be reused afterwards. Errors: CHM605–607, CHM611. */
  write(block: Block): Promise<void>;
  /** Makes visible what has been rolled so far; `nowUs` is the engine time at which interval and inactivity are judged. */
  commit(nowUs?: number): Promise<void>;
  /** Rolls and commits the rest. */
  close(): Promise<BronzeResult>;
  /** Forgets what is not committed. */
  abort(): Promise<void>;
}

/** Opens a writer of blocks into the lake at `dir` (with `storage`: only its name): typed Parquet per dataset, instrument and day, visible by commits. */
export async function openBronzeWriter(dir: string, options: BronzeWriterOptions): Promise<BronzeWriter> {
  const storage = options.storage ?? new LocalStorage(dir);
  const committer = await LakeCommitter.open(storage, options.writer, options.resume ?? false);
  const db = await DuckDb.open({ memoryMb: 1024 });
  return new Writer(options, storage, committer, db, await db.connect(), await db.connect());
}

class Writer implements BronzeWriter {
  readonly resumedFrom: number;
  readonly #o: BronzeWriterOptions;
  readonly #storage: ObjectStorage;
  readonly #committer: LakeCommitter;
  readonly #db: DuckDb;
  /** Appends run on one connection while the rolled tables are copied to files on the other. */
  readonly #appending: DuckDBConnection;
  readonly #copying: DuckDBConnection;
  readonly #policy: RollingPolicy;
  readonly #chunks = new Map<string, DuckDBDataChunk>();
  /** [port][key index + 1] → buffer of the day that is being written. */
  #current: (PartitionBuffer | undefined)[][];
  #open: { buffer: PartitionBuffer; day: number; port: number }[] = [];
  #rolling: Promise<void> = Promise.resolve();
  #failed: unknown;
  #tables = 0;
  #inputs = 0;
  #lastSeq: number;
  #lastT: number;
  #day = Number.NaN;
  #closed = false;

  constructor(
    options: BronzeWriterOptions,
    storage: ObjectStorage,
    committer: LakeCommitter,
    db: DuckDb,
    appending: DuckDBConnection,
    copying: DuckDBConnection,
  ) {
    this.#o = options;
    this.#storage = storage;
    this.#committer = committer;
    this.#db = db;
    this.#appending = appending;
    this.#copying = copying;
    this.#policy = { ...DEFAULT_ROLLING, ...options.rolling };
    this.#current = options.ports.map(() => []);
    this.resumedFrom = committer.throughSeq;
    this.#lastSeq = committer.throughSeq;
    this.#lastT = committer.throughT;
  }

  async write(block: Block): Promise<void> {
    if (this.#failed) throw this.#failed;
    let from = 0;
    if (block.seq0 <= this.#lastSeq) {
      if (this.#lastSeq > this.resumedFrom)
        throw this.#disorder(`seq ${block.seq0} comes after ${this.#lastSeq}`, block.seq0);
      from = Math.min(this.resumedFrom - block.seq0 + 1, block.n);
    }
    while (from < block.n) {
      const n = Math.min(block.n - from, ROLL_STRIDE - this.#inputs);
      await this.#route(block, from, from + n);
      from += n;
      this.#inputs += n;
      if (this.#inputs === ROLL_STRIDE) {
        this.#inputs = 0;
        if (this.#due(this.#lastT)) await this.#roll();
      }
    }
  }

  async commit(nowUs?: number): Promise<void> {
    if (this.#failed) throw this.#failed;
    if (this.#due(Math.max(nowUs ?? this.#lastT, this.#lastT))) await this.#roll();
    await this.#settle();
    await this.#committer.publish();
  }

  async close(): Promise<BronzeResult> {
    try {
      if (this.#failed) throw this.#failed;
      await this.#roll();
      await this.#settle();
      await this.#committer.publish();
      await this.#committer.finish();
    } finally {
      this.#dispose();
    }
    const files = this.#committer.files();
    const rows: Record<string, number> = {};
    for (const f of files) rows[f.dataset] = (rows[f.dataset] ?? 0) + f.rows;
    return { rows, files, content_sha256: contentHash(files.map((f) => f.sha256)) };
  }

  async abort(): Promise<void> {
    await this.#rolling.catch(() => undefined);
    this.#dispose();
    await this.#committer.discard();
  }

  /** Distributes inputs [from, to) over the partitions' buffers. */
  async #route(block: Block, from: number, to: number): Promise<void> {
    const { t, port, key } = block;
    const touched: { buffer: PartitionBuffer; port: number }[] = [];
    for (let i = from; i < to; i++) {
      const time = t[i]!;
      if (!(time >= this.#lastT)) throw this.#disorder(`t_avail ${time} comes after ${this.#lastT}`, block.seq0 + i);
      this.#lastT = time;
      // t_avail never decreases, so a new day closes the buffers of the one before for good.
      if (!(dayOf(time) === this.#day)) {
        for (const x of touched) x.buffer.append(block, x.port);
        touched.length = 0;
        this.#day = dayOf(time);
        this.#current = this.#o.ports.map(() => []);
      }
      const p = port[i]!;
      const k = key[i]! + 1;
      const buffer = this.#current[p]![k] ?? (await this.#create(p, k));
      if (buffer.taken === buffer.take.length) buffer.append(block, p);
      if (buffer.taken === 0) touched.push({ buffer, port: p });
      buffer.take[buffer.taken++] = i;
    }
    for (const x of touched) if (x.buffer.taken > 0) x.buffer.append(block, x.port);
    this.#lastSeq = block.seq0 + to - 1;
  }

  async #create(port: number, slot: number): Promise<PartitionBuffer> {
    const { name, schema } = this.#o.ports[port]!;
    const info = slot === 0 ? undefined : this.#o.keys.at(slot - 1);
    const buffer = new PartitionBuffer(this.#db, this.#chunks, `stage${this.#tables++}`, {
      dataset: name,
      schema,
      key: info?.name ?? '',
      digits: { pxDigits: info?.pxDigits ?? 0, qtyDigits: info?.qtyDigits ?? 0 },
    });
    await buffer.open(this.#appending);
    this.#current[port]![slot] = buffer;
    this.#open.push({ buffer, day: this.#day, port });
    return buffer;
  }

  #due(now: number): boolean {
    if (this.#open.length === 0) return false;
    let maxRows = 0;
    let bytes = 0;
    let firstT = Number.POSITIVE_INFINITY;
    let day = Number.POSITIVE_INFINITY;
    for (const o of this.#open) {
      if (o.buffer.rows === 0) continue;
      maxRows = Math.max(maxRows, o.buffer.rows);
      bytes += o.buffer.bytes;
      firstT = Math.min(firstT, o.buffer.firstT);
      day = Math.min(day, o.day);
    }
    const open = { maxRows, bytes, firstT, lastT: this.#lastT, dayEnd: (day + 1) * DAY_US };
    return rollReason(this.#policy, open, now) !== undefined;
  }

  /** Closes all open partitions at this seq; their files are made in the background, one roll at a time. */
  async #roll(): Promise<void> {
    await this.#settle();
    const open = this.#open.filter((o) => o.buffer.rows > 0);
    this.#open = [];
    this.#inputs = 0;
    this.#current = this.#o.ports.map(() => []);
    if (open.length === 0) return;
    for (const o of open) o.buffer.finish();
    const through = { seq: this.#lastSeq, t: this.#lastT };
    this.#rolling = this.#write(open, through);
    this.#rolling.catch((e) => {
      this.#failed ??= e;
    });
  }
  async #settle(): Promise<void> {
    await this.#rolling;
  }

  async #write(open: { buffer: PartitionBuffer; day: number; port: number }[], through: { seq: number; t: number }) {
    const { tier = 'bronze', writer, source } = this.#o;
    const staging = await this.#storage.staging(encodeURIComponent(writer));
    const staged: { local: string; entry: FileEntry }[] = [];
    const paths = new Set<string>();
    for (const { buffer: b, day, port } of open) {
      const schema = this.#o.ports[port]!.schema;
      const folder = partitionPath(tier, b.dataset, b.key, day);
      let path = `${folder}/${fileName(b.firstSeq, b.lastSeq)}`;
      // Two writers may count the same seq in the same partition; the second one's name then says whose it is.
      if (this.#committer.taken(path)) path = path.replace(/\.parquet$/, `_${encodeURIComponent(writer)}.parquet`);
      paths.add(path);
      const local = `${staging}/${this.#committer.nextStaged()}.parquet`;
      const meta = {
        v: 1,
        tier,
        dataset: b.dataset,
        key: b.key,
        px_digits: b.digits.pxDigits,
        qty_digits: b.digits.qtyDigits,
        source,
        writer,
        schema: schemaToJson(schema),
      };
      const { sha256, bytes } = await copyToParquet(
        this.#copying,
        writeSelect(b.table, b.columns, source, b.key),
        local,
        { meta, rowGroupRows: rowGroupRows(b.columns.some((c) => c.transport === 'list')) },
      );
      await this.#copying.run(`DROP TABLE ${b.table}`);
      staged.push({
        local,
        entry: {
          path,
          tier,
          dataset: b.dataset,
          key: b.key,
          date: dateText(day),
          source,
          writer,
          rows: b.rows,
          bytes,
          sha256,
          first_seq: b.firstSeq,
          last_seq: b.lastSeq,
          first_t_us: b.firstT,
          last_t_us: b.lastT,
          px_digits: b.digits.pxDigits,
          qty_digits: b.digits.qtyDigits,
          schema: schema.name,
          schema_version: schema.version,
        },
      });
    }
    const keys = this.#o.keys.list.map((k) => ({ name: k.name, px_digits: k.pxDigits, qty_digits: k.qtyDigits }));
    const schemas = open.map((o) => this.#o.ports[o.port]!.schema);
    this.#committer.stage({ staged, keys, schemas, through });
  }

  #disorder(what: string, seq: number): ChimeraError {
    return new ChimeraError('CHM611', `the rows of source "${this.#o.source}" are out of order: ${what}`, {
      source: this.#o.source,
      seq,
      help: 'seq must increase and t_avail must never decrease within one source',
    });
  }
  #dispose(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#db.close();
  }
}
