import { type NativeVector, settingsOf } from './duckdb.ts';
import { chunkTaken } from './free-chunks.ts';

type Native = typeof import('@duckdb/node-bindings');
type Database = import('@duckdb/node-bindings').Database;
type Connection = import('@duckdb/node-bindings').Connection;
type Chunk = import('@duckdb/node-bindings').DataChunk;

/** Types of columns that are read as they lie; all others have to be cast. */
export type FlatType = 'BOOLEAN' | 'BIGINT' | 'DOUBLE' | 'OTHER';
/** `duckdb_type` of the C interface. */
const FLAT_TYPES: Readonly<Record<number, FlatType>> = { 1: 'BOOLEAN', 5: 'BIGINT', 11: 'DOUBLE' };

/**
 * Each file is read once, and then all of this is closed: to keep what was read would only make memory grow with the file, and
 * freed memory is given back at once by whoever frees it.
 */
const ONE_SCAN = { enable_external_file_cache: 'false', allocator_background_threads: 'false' };

/**
 * DuckDB through its bindings alone, for flat columns of numbers. The API above them is more than a hundred modules, and
 * loading these takes as long as reading a million rows.
 */
export class FlatDb {
  readonly #native: Native;
  readonly #database: Database;
  private constructor(native: Native, database: Database) {
    this.#native = native;
    this.#database = database;
  }

  static async open(): Promise<FlatDb> {
    const native = (await import('@duckdb/node-bindings')).default as unknown as Native;
    const config = native.create_config();
    for (const [name, value] of Object.entries({ ...settingsOf({ threads: 1 }), ...ONE_SCAN }))
      native.set_config(config, name, value);
    return new FlatDb(native, await native.open(':memory:', config));
  }
  close(): void {
    this.#native.close_sync(this.#database);
  }

  /** Names and types of the columns that a statement would give. */
  async columns(sql: string): Promise<Map<string, FlatType>> {
    const native = this.#native;
    return this.#connected(async (connection) => {
      const statement = await native.prepare(connection, sql);
      try {
        const n = native.prepared_statement_column_count(statement);
        return new Map(
          Array.from({ length: n }, (_, i): [string, FlatType] => [
            native.prepared_statement_column_name(statement, i),
            FLAT_TYPES[native.prepared_statement_column_type(statement, i)] ?? 'OTHER',
          ]),
        );
      } finally {
        native.destroy_prepare_sync(statement);
      }
    });
  }

  /** Hands over the rows, chunk by chunk and in order; a chunk's columns are valid during the call. */
  async scan(sql: string, take: (chunk: FlatChunk) => void): Promise<void> {
    const native = this.#native;
    await this.#connected(async (connection) => {
      const statement = await native.prepare(connection, sql);
      try {
        const result = await native.execute_prepared_streaming(statement);
        for (;;) {
          const chunk = await native.fetch_chunk(result);
          const n = chunk === null ? 0 : native.data_chunk_get_size(chunk);
          if (chunk === null || n === 0) return;
          chunkTaken();
          take(new FlatChunk(native, chunk, n));
        }
      } finally {
        native.destroy_prepare_sync(statement);
      }
    });
  }

  async #connected<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    const connection = await this.#native.connect(this.#database);
    try {
      return await work(connection);
    } finally {
      this.#native.disconnect_sync(connection);
    }
  }
}

/** Up to 2,048 rows. */
export class FlatChunk {
  readonly n: number;
  readonly #native: Native;
  readonly #chunk: Chunk;
  constructor(native: Native, chunk: Chunk, n: number) {
    this.#native = native;
    this.#chunk = chunk;
    this.n = n;
  }

  /** Doubles as they lie; NaN where there is none. */
  doubles(column: number): Float64Array {
    const { n } = this;
    const vector = this.#vector(column);
    const bytes = this.#native.vector_get_data(vector, n * 8);
    return this.#withoutNulls(vector, new Float64Array(bytes.buffer, bytes.byteOffset, n));
  }
  /** Integers of 64 bits as doubles, rounded beyond 2^53; NaN where there is none. */
  integers(column: number): Float64Array {
    const { n } = this;
    const vector = this.#vector(column);
    const bytes = this.#native.vector_get_data(vector, n * 8);
    const low = new Uint32Array(bytes.buffer, bytes.byteOffset, 2 * n);
    const high = new Int32Array(bytes.buffer, bytes.byteOffset, 2 * n);
    const values = new Float64Array(n);
    for (let i = 0; i < n; i++) values[i] = high[2 * i + 1]! * 4_294_967_296 + low[2 * i]!;
    return this.#withoutNulls(vector, values);
  }
  /** 0 and 1; with nulls doubles, NaN where there is none. */
  booleans(column: number): Uint8Array | Float64Array {
    const { n } = this;
    const vector = this.#vector(column);
    const values: Uint8Array = this.#native.vector_get_data(vector, n);
    return this.#validity(vector) === null
      ? values
      : this.#withoutNulls(vector, Float64Array.from(values.subarray(0, n)));
  }

  #vector(column: number): NativeVector {
    return this.#native.data_chunk_get_vector(this.#chunk, column);
  }
  /** One bit a row; null when all rows have a value. */
  #validity(vector: NativeVector): Uint8Array | null {
    return this.#native.vector_get_validity(vector, ((this.n + 63) >> 6) * 8);
  }
  #withoutNulls(vector: NativeVector, values: Float64Array): Float64Array {
    const valid = this.#validity(vector);
    return valid === null ? values : values.map((v, i) => ((valid[i >> 3]! >> (i & 7)) & 1 ? v : Number.NaN));
  }
}
