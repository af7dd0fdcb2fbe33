import type { DuckDBConnection, DuckDBDataChunk, DuckDBResult } from '@duckdb/node-api';
import { ChimeraError, type Schema } from '../graph/schema/index.ts';
import { type DuckDb, sqlText, storageError } from './duckdb.ts';
import { CHUNK_ROWS } from './partition-buffer.ts';
import { type Digits, type LakeColumn, lakeColumns, readSelect, scaleOf } from './schema.ts';
import type { Borrowed } from './storage.ts';

/** One file of a stream: where it is (it may have been moved since the view was taken), and what it must hold. */
export interface StreamFile {
  /** How messages call it; also the file itself, unless it is borrowed. */
  path: string;
  rows?: number;
  /** Brings it to this machine. */
  borrow?: () => Promise<Borrowed>;
  /** Tried when it is gone: a compaction moved the file after our view was taken. */
  fallback?: () => Promise<Borrowed>;
}
export interface RowStreamOptions {
  schema: Schema;
  /** Decimals of the integers to make; at least those of every file. */
  digits: Digits;
  /** Condition over `t_avail_us`, `seq`, `key`, or ''. */
  where: string;
  /** Several rows may have one seq, as in the recording of a port that can carry many values per input. */
  repeatedSeq?: boolean;
}

/** Elements of a list column of the current chunk: row i is values[offsets[i] .. offsets[i + 1]). */
export interface ListChunk {
  values: Float64Array;
  offsets: Int32Array;
}

/**
 * The rows of some Parquet files, one after the other, as chunks of up to 2,048 rows in typed arrays that are reused:
 * `seq`, `t`, and one column per field in memory form (exact integers, NaN for no value, indices of `oneOf`). The next
 * chunk is being decoded by DuckDB while this one is consumed.
 */
export class RowStream {
  n = 0;
  readonly seq = new Float64Array(CHUNK_ROWS);
  readonly t = new Float64Array(CHUNK_ROWS);
  readonly columns: (Float64Array | string[] | ListChunk)[];
  readonly #layout: LakeColumn[];
  readonly #scales: number[];
  readonly #db: DuckDb;
  readonly #files: readonly StreamFile[];
  readonly #o: RowStreamOptions;
  #next = 0;
  #file: StreamFile | undefined;
  #lent: Borrowed | undefined;
  #connection: DuckDBConnection | undefined;
  #result: DuckDBResult | undefined;
  #pending: Promise<DuckDBDataChunk | null> | undefined;
  #rows = 0;
  #lastSeq = -1;
  #lastT = Number.NEGATIVE_INFINITY;

  constructor(db: DuckDb, files: readonly StreamFile[], options: RowStreamOptions) {
    this.#db = db;
    this.#files = files;
    this.#o = options;
    this.#layout = lakeColumns(options.schema);
    this.#scales = this.#layout.map((c) => scaleOf(c, options.digits));
    this.columns = this.#layout.map((c) =>
      c.transport === 'number'
        ? new Float64Array(CHUNK_ROWS)
        : c.transport === 'text'
          ? []
          : { values: new Float64Array(0), offsets: new Int32Array(CHUNK_ROWS + 1) },
    );
  }

  /** Loads the next chunk; false at the end of the last file. */
  async next(): Promise<boolean> {
    for (;;) {
      if (!this.#result && !(await this.#open())) return false;
      let chunk: DuckDBDataChunk | null;
      try {
        chunk = await this.#pending!;
      } catch (e) {
        this.#pending = undefined;
        throw storageError(e, this.#file!.path, 'read');
      }
      if (!chunk || chunk.rowCount === 0) {
        this.#finishFile();
        await this.#giveBack();
        continue;
      }
      this.#load(chunk);
      this.#pending = this.#result!.fetchChunk();
      // Handled when it is awaited; without this a failure in between would count as unhandled.
      this.#pending.catch(() => undefined);
      return true;
    }
  }

  async close(): Promise<void> {
    await this.#pending?.catch(() => undefined);
    this.#pending = undefined;
    this.#result = undefined;
    if (this.#connection) this.#db.release(this.#connection);
    this.#connection = undefined;
    this.#next = this.#files.length;
    await this.#giveBack();
  }
  async #giveBack(): Promise<void> {
    const lent = this.#lent;
    this.#lent = undefined;
    await lent?.release();
  }

  async #open(): Promise<boolean> {
    const file = this.#files[this.#next++];
    if (!file) {
      await this.close();
      return false;
    }
    this.#connection ??= await this.#db.connect();
    this.#rows = 0;
    try {
      await this.#query(file, file.borrow);
    } catch (e) {
      const coded = storageError(e, file.path, 'read');
      if (coded.code !== 'CHM609' || file.fallback === undefined) throw coded;
      await this.#giveBack();
      try {
        await this.#query(file, file.fallback);
      } catch (e2) {
        const again = storageError(e2, file.path, 'read');
        throw again.code === 'CHM609' ? coded : again;
      }
    }
    return true;
  }
  async #query(file: StreamFile, borrow: StreamFile['borrow']): Promise<void> {
    const connection = this.#connection!;
    this.#lent = await borrow?.();
    const from = `read_parquet(${sqlText(this.#lent?.path ?? file.path)}, hive_partitioning = false)`;
    const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${from}`);
    const present = new Map(described.getRows().map((r) => [String(r[0]), String(r[1])]));
    for (const lead of ['seq', 't_avail_us'])
      if (!present.has(lead))
        throw new ChimeraError('CHM610', `${file.path} has no column "${lead}"`, {
          file: file.path,
          field: lead,
          help: 'only files in the lake’s own layout are read in place; import others with `chimera lake import`',
        });
    const select = readSelect(this.#layout, present, file.path);
    this.#file = file;
    this.#result = await connection.stream(
      `SELECT ${select.join(', ')} FROM ${from}${this.#o.where ? ` WHERE ${this.#o.where}` : ''}`,
    );
    this.#pending = this.#result.fetchChunk();
    this.#pending.catch(() => undefined);
  }
  #finishFile(): void {
    const file = this.#file!;
    this.#result = undefined;
    this.#pending = undefined;
    if (this.#o.where === '' && file.rows !== undefined && file.rows !== this.#rows)
      throw new ChimeraError('CHM608', `${file.path} has ${this.#rows} rows, its manifest says ${file.rows}`, {
        file: file.path,
        help: 'the file was changed after it was written: restore it, or import its source again',
      });
  }

  /** Copies a DuckDB chunk (whose memory lives only as long as the chunk) into our arrays and restores the integers. */
  #load(chunk: DuckDBDataChunk): void {
    const n = chunk.rowCount;
    const { native } = this.#db;
    const doubles = (vector: Parameters<typeof native.vector_get_data>[0], count: number): Float64Array => {
      const bytes = native.vector_get_data(vector, count * 8);
      return new Float64Array(bytes.buffer, bytes.byteOffset, count);
    };
    this.seq.set(doubles(this.#db.vector(chunk, 0), n));
    this.t.set(doubles(this.#db.vector(chunk, 1), n));
    for (let c = 0; c < this.#layout.length; c++) {
      const layout = this.#layout[c]!;
      const to = this.columns[c]!;
      if (to instanceof Float64Array) {
        to.set(doubles(this.#db.vector(chunk, c + 2), n));
        this.#decode(to, n, layout, this.#scales[c]!);
      } else if (Array.isArray(to)) {
        const vector = chunk.getColumnVector(c + 2);
        for (let i = 0; i < n; i++) to[i] = vector.getItem(i) as string;
      } else {
        this.#loadList(chunk, c + 2, n, to);
        this.#decode(to.values, to.offsets[n]!, layout, this.#scales[c]!);
      }
    }
    this.n = n;
    this.#rows += n;
    this.#checkOrder(n);
  }

  #loadList(chunk: DuckDBDataChunk, column: number, n: number, to: ListChunk): void {
    const { native } = this.#db;
    const vector = this.#db.vector(chunk, column);
    const raw = native.vector_get_data(vector, n * 16);
    // (offset, length) pairs of 64 bits; both are below 2^32, so the low words are the numbers.
    const entries = new Uint32Array(raw.buffer, raw.byteOffset, n * 4);
    const size = native.list_vector_get_size(vector);
    const offsets = to.offsets;
    let total = 0;
    let flat = true;
    for (let i = 0; i < n; i++) {
      const length = entries[i * 4 + 2]!;
      if (length > 0 && entries[i * 4] !== total) flat = false;
      offsets[i] = total;
      total += length;
    }
    offsets[n] = total;
    if (total > to.values.length) to.values = new Float64Array(Math.max(total, to.values.length * 2));
    if (total === 0) return;
    const bytes = native.vector_get_data(native.list_vector_get_child(vector), size * 8);
    const child = new Float64Array(bytes.buffer, bytes.byteOffset, size);
    if (flat) to.values.set(total === size ? child : child.subarray(0, total));
    else
      for (let i = 0; i < n; i++) {
        const start = entries[i * 4]!;
        to.values.set(child.subarray(start, start + entries[i * 4 + 2]!), offsets[i]!);
      }
  }

  /** Stored form → memory form, in place; what is not exactly a value of its kind is an error, never a rounded guess. */
  #decode(a: Float64Array, n: number, c: LakeColumn, scale: number): void {
    if (scale === 0) {
      if (c.field.kind !== 'oneOf') return;
      for (let i = 0; i < n; i++) if (a[i]! < 0) throw this.#unfit(c, 'a value that the field does not declare');
      return;
    }
    if (scale === 1) return;
    for (let i = 0; i < n; i++) {
      const d = a[i]!;
      const x = d * scale;
      const r = Math.round(x);
      // Up to 2^51 the product is within 0.25 of its integer; a fraction beyond that, or at all for small ones, is foreign.
      const e = x - r;
      if ((e > 1e-3 || e < -1e-3) && r / scale !== d) throw this.#unfit(c, `${d}, which has more than its decimals`);
      a[i] = r;
    }
  }
  #unfit(c: LakeColumn, what: string): ChimeraError {
    return new ChimeraError('CHM619', `${this.#file!.path}: column "${c.name}" holds ${what}`, {
      file: this.#file!.path,
      field: c.name,
      help: 'the file was altered or written by another program: import it instead of reading it in place',
    });
  }
  #checkOrder(n: number): void {
    let seq = this.#lastSeq;
    let t = this.#lastT;
    const repeated = this.#o.repeatedSeq === true;
    for (let i = 0; i < n; i++) {
      const s = this.seq[i]!;
      const x = this.t[i]!;
      if (!((s > seq || (repeated && s === seq)) && x >= t))
        throw new ChimeraError('CHM611', `${this.#file!.path}: seq ${s} at ${x} µs follows seq ${seq} at ${t} µs`, {
          file: this.#file!.path,
          seq: s,
          help: 'the file is damaged or overlaps its predecessor; `chimera lake verify` names every such file',
        });
      seq = s;
      t = x;
    }
    this.#lastSeq = seq;
    this.#lastT = t;
  }
}
