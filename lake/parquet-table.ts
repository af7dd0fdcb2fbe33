import { rename, rm } from 'node:fs/promises';
import type { DuckDBAppender, DuckDBConnection, DuckDBDataChunk } from '@duckdb/node-api';
import { ChimeraError } from '../graph/schema/index.ts';
import { DuckDb, sqlName, sqlText, storageError } from './duckdb.ts';
import { hashFile } from './storage.ts';
import { ColumnStage, isNumeric, STAGE_ROWS, type TableColumn, type TableValue } from './table-columns.ts';
import type { DatasetWriter, TableResult } from './table-writer.ts';

/** Rows held in memory; beyond that they go to part files, which the end joins in order. */
const PART_ROWS = 524_288;

export class ParquetTableWriter implements DatasetWriter {
  readonly columns: readonly TableColumn[];
  readonly #path: string;
  readonly #metadata: Readonly<Record<string, string>>;
  readonly #db: DuckDb;
  readonly #connection: DuckDBConnection;
  readonly #stages: ColumnStage[];
  readonly #chunk: DuckDBDataChunk;
  readonly #entries = new Uint32Array(STAGE_ROWS * 4);
  #appender: DuckDBAppender | undefined;
  #staged = 0;
  #inTable = 0;
  #rows = 0;
  #parts: string[] = [];

  private constructor(
    path: string,
    columns: readonly TableColumn[],
    metadata: Readonly<Record<string, string>>,
    db: DuckDb,
    connection: DuckDBConnection,
  ) {
    this.#path = path;
    this.columns = columns;
    this.#metadata = metadata;
    this.#db = db;
    this.#connection = connection;
    this.#stages = columns.map((c) => new ColumnStage(c));
    const { DOUBLE, LIST, VARCHAR, DuckDBDataChunk } = db.api;
    this.#chunk = DuckDBDataChunk.create(
      columns.map((c) => (c.kind === 'text' ? VARCHAR : c.kind === 'list' ? LIST(DOUBLE) : DOUBLE)),
    );
  }
  static async open(
    path: string,
    columns: readonly TableColumn[],
    metadata: Readonly<Record<string, string>>,
  ): Promise<ParquetTableWriter> {
    const db = await DuckDb.open({ memoryMb: 768 });
    const w = new ParquetTableWriter(path, columns, metadata, db, await db.connect());
    await w.#begin();
    return w;
  }

  append(values: readonly TableValue[]): void {
    if (this.#staged === STAGE_ROWS) this.#flush();
    for (let c = 0; c < this.#stages.length; c++) this.#stages[c]!.set(this.#staged, values[c]);
    this.#staged++;
    this.#rows++;
  }
  async drain(): Promise<void> {
    if (this.#inTable >= PART_ROWS) await this.#part();
  }
  async close(): Promise<TableResult> {
    const temp = `${this.#path}.tmp`;
    try {
      if (this.#staged > 0) this.#flush();
      if (this.#parts.length === 0) {
        this.#endTable();
        await this.#copy(this.#select(), temp);
      } else {
        if (this.#inTable > 0) await this.#part();
        const list = this.#parts.map(sqlText).join(', ');
        await this.#copy(`SELECT * FROM read_parquet([${list}])`, temp);
      }
      await rename(temp, this.#path);
    } catch (e) {
      await rm(temp, { force: true });
      throw storageError(e, this.#path, 'write');
    } finally {
      await this.#dispose();
    }
    return { rows: this.#rows, ...(await hashFile(this.#path)) };
  }
  async abort(): Promise<void> {
    this.#endTable();
    await this.#dispose();
  }

  async #begin(): Promise<void> {
    const types = this.columns.map((c) => (c.kind === 'text' ? 'VARCHAR' : c.kind === 'list' ? 'DOUBLE[]' : 'DOUBLE'));
    await this.#connection.run(`CREATE OR REPLACE TABLE stage (${types.map((t, i) => `c${i} ${t}`).join(', ')})`);
    this.#appender = await this.#connection.createAppender('stage');
  }
  #endTable(): void {
    this.#appender?.flushSync();
    this.#appender?.closeSync();
    this.#appender = undefined;
  }
  async #part(): Promise<void> {
    this.#endTable();
    const part = `${this.#path}.${this.#parts.length}.part`;
    this.#parts.push(part);
    await this.#copy(this.#select(), part);
    this.#inTable = 0;
    await this.#begin();
  }
  #select(): string {
    const columns = this.columns.map((c, i) => `${expression(c, `c${i}`)} AS ${sqlName(c.name)}`);
    return `SELECT ${columns.join(', ')} FROM stage`;
  }
  async #copy(select: string, path: string): Promise<void> {
    const meta = Object.entries(this.#metadata).map(([k, v]) => `${sqlName(k)}: ${sqlText(v)}`);
    const kv = meta.length > 0 ? `, KV_METADATA {${meta.join(', ')}}` : '';
    try {
      await this.#connection.run(
        `COPY (${select}) TO ${sqlText(path)} (FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION V1${kv})`,
      );
    } catch (e) {
      throw storageError(e, path, 'write');
    }
  }
  #flush(): void {
    const { native } = this.#db;
    const n = this.#staged;
    const chunk = this.#chunk;
    chunk.reset();
    chunk.rowCount = n;
    this.#stages.forEach((s, c) => {
      const vector = this.#db.vector(chunk, c);
      if (isNumeric(s.column.kind)) {
        native.copy_data_to_vector(vector, 0, s.numbers.buffer, 0, n * 8);
      } else if (s.column.kind === 'text') {
        let nulls: Uint32Array<ArrayBuffer> | undefined;
        for (let i = 0; i < n; i++) {
          const text = s.texts[i];
          if (typeof text === 'string') native.vector_assign_string_element(vector, i, text);
          else {
            nulls ??= new Uint32Array(STAGE_ROWS / 32).fill(0xffffffff);
            nulls[i >> 5]! &= ~(1 << (i & 31));
          }
        }
        if (nulls) {
          native.vector_ensure_validity_writable(vector);
          native.copy_data_to_vector_validity(vector, 0, nulls.buffer, 0, nulls.byteLength);
        }
      } else {
        const size = s.offsets[n]!;
        native.list_vector_reserve(vector, size);
        native.list_vector_set_size(vector, size);
        if (size > 0) native.copy_data_to_vector(native.list_vector_get_child(vector), 0, s.values.buffer, 0, size * 8);
        for (let i = 0; i < n; i++) {
          this.#entries[i * 4] = s.offsets[i]!;
          this.#entries[i * 4 + 2] = s.offsets[i + 1]! - s.offsets[i]!;
        }
        native.copy_data_to_vector(vector, 0, this.#entries.buffer, 0, n * 16);
      }
    });
    if (!this.#appender) throw new ChimeraError('CHM606', `${this.#path} is closed`, { file: this.#path });
    this.#appender.appendDataChunk(chunk);
    this.#inTable += n;
    this.#staged = 0;
  }
  async #dispose(): Promise<void> {
    this.#db.close();
    for (const p of this.#parts) await rm(p, { force: true });
    this.#parts = [];
  }
}

function expression(c: TableColumn, from: string): string {
  const value = {
    f64: from,
    int: `${from}::BIGINT`,
    ms: `${from}::BIGINT`,
    us: `${from}::BIGINT`,
    bool: `${from} = 1`,
    timestamp_us: `make_timestamp(${from}::BIGINT)::TIMESTAMPTZ`,
    text: from,
    list: from,
  }[c.kind];
  return isNumeric(c.kind) ? `CASE WHEN isnan(${from}) THEN NULL ELSE ${value} END` : value;
}
