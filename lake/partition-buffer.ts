import type { DuckDBAppender, DuckDBConnection, DuckDBDataChunk } from '@duckdb/node-api';
import { type Block, ChimeraError, LARGE_BLOCK_ROWS, type ListColumn, type Schema } from '../graph/schema/index.ts';
import type { DuckDb } from './duckdb.ts';
import { type Digits, type LakeColumn, lakeColumns, scaleOf, stagingTable } from './schema.ts';

/** Rows of a DuckDB vector. */
export const CHUNK_ROWS = 2048;

/**
 * The open rows of one partition: columns of up to 2,048 rows in typed arrays, then a table of an in-memory DuckDB.
 * Values are checked here: what is in the table can be read back bit for bit.
 */
export class PartitionBuffer {
  readonly table: string;
  readonly columns: readonly LakeColumn[];
  readonly dataset: string;
  readonly key: string;
  readonly digits: Digits;
  rows = 0;
  bytes = 0;
  firstSeq = -1;
  lastSeq = -1;
  firstT = 0;
  lastT = 0;
  /** Inputs of the running block that belong here, filled by the writer. */
  readonly take = new Int32Array(LARGE_BLOCK_ROWS);
  taken = 0;
  readonly #db: DuckDb;
  readonly #chunks: Map<string, DuckDBDataChunk>;
  /** Rows that the arrays hold now: most keys of a wide market are quiet, so they start small. */
  #capacity = 64;
  #seq = new Float64Array(64);
  #t = new Float64Array(64);
  readonly #numbers: (Float64Array | undefined)[];
  readonly #texts: (string[] | undefined)[];
  readonly #lists: (ListStage | undefined)[];
  readonly #scales: number[];
  #n = 0;
  #appender: DuckDBAppender | undefined;

  constructor(
    db: DuckDb,
    chunks: Map<string, DuckDBDataChunk>,
    table: string,
    what: { dataset: string; schema: Schema; key: string; digits: Digits },
  ) {
    this.#db = db;
    this.#chunks = chunks;
    this.table = table;
    this.dataset = what.dataset;
    this.key = what.key;
    this.digits = what.digits;
    const digits = what.digits;
    this.columns = lakeColumns(what.schema);
    this.#numbers = this.columns.map((c) => (c.transport === 'number' ? new Float64Array(this.#capacity) : undefined));
    this.#texts = this.columns.map((c) => (c.transport === 'text' ? [] : undefined));
    this.#lists = this.columns.map((c) => (c.transport === 'list' ? new ListStage() : undefined));
    this.#scales = this.columns.map((c) => scaleOf(c, digits));
  }

  async open(connection: DuckDBConnection): Promise<void> {
    await connection.run(stagingTable(this.table, this.columns));
    this.#appender = await connection.createAppender(this.table);
  }

  /** Takes the inputs listed in `take[0..taken)` of the block, rows of port `port`. */
  append(block: Block, port: number): void {
    let from = 0;
    while (from < this.taken) {
      if (this.#n === CHUNK_ROWS) this.#flush();
      if (this.#n === this.#capacity) this.#grow();
      const count = Math.min(this.taken - from, this.#capacity - this.#n);
      this.#gather(block, port, from, count);
      from += count;
    }
    const first = this.take[0]!;
    const last = this.take[this.taken - 1]!;
    if (this.rows === 0) {
      this.firstSeq = block.seq0 + first;
      this.firstT = block.t[first]!;
    }
    this.lastSeq = block.seq0 + last;
    this.lastT = block.t[last]!;
    this.rows += this.taken;
    this.taken = 0;
  }

  /** Everything into the table; the buffer is then done. */
  finish(): void {
    if (this.#n > 0) this.#flush();
    this.#appender?.flushSync();
    this.#appender?.closeSync();
    this.#appender = undefined;
  }

  #grow(): void {
    this.#capacity = Math.min(this.#capacity * 2, CHUNK_ROWS);
    this.#seq = grown(this.#seq, this.#capacity);
    this.#t = grown(this.#t, this.#capacity);
    for (let c = 0; c < this.#numbers.length; c++) {
      const a = this.#numbers[c];
      if (a) this.#numbers[c] = grown(a, this.#capacity);
    }
  }

  #gather(block: Block, port: number, from: number, count: number): void {
    const at = this.#n;
    const take = this.take;
    const row = block.row;
    for (let i = 0; i < count; i++) {
      const input = take[from + i]!;
      this.#seq[at + i] = block.seq0 + input;
      this.#t[at + i] = block.t[input]!;
    }
    const columns = block.ports[port]!.columns;
    let bytes = 16 * count;
    for (let c = 0; c < this.columns.length; c++) {
      const source = columns[c]!;
      const to = this.#numbers[c];
      if (to) {
        const values = source as Float64Array;
        for (let i = 0; i < count; i++) to[at + i] = values[row[take[from + i]!]!]!;
        this.#encode(to, at, count, this.columns[c]!, this.#scales[c]!, block.seq0 + take[from]!);
        bytes += 8 * count;
        continue;
      }
      const texts = this.#texts[c];
      if (texts) {
        const values = source as string[];
        for (let i = 0; i < count; i++) {
          const s = values[row[take[from + i]!]!]!;
          texts[at + i] = s;
          bytes += 16 + s.length;
        }
        continue;
      }
      const stage = this.#lists[c]!;
      const start = stage.size;
      for (let i = 0; i < count; i++) stage.push(source as ListColumn, row[take[from + i]!]!, at + i);
      this.#encode(
        stage.values,
        start,
        stage.size - start,
        this.columns[c]!,
        this.#scales[c]!,
        block.seq0 + take[from]!,
      );
      bytes += 16 * count + 8 * (stage.size - start);
    }
    this.bytes += bytes;
    this.#n += count;
  }

  /** In memory form → stored form, in place; every value is proven to come back as it was. */
  #encode(a: Float64Array, at: number, n: number, c: LakeColumn, scale: number, seq: number): void {
    const end = at + n;
    if (scale === 0) {
      const values = c.field.kind === 'bool' ? 2 : c.field.kind === 'oneOf' ? c.field.values.length : 0;
      if (values > 0) {
        for (let i = at; i < end; i++) {
          const x = a[i]!;
          if (!(x >= 0 && x < values) || x !== Math.floor(x)) throw this.#unstorable(c, x, seq);
        }
      } else {
        for (let i = at; i < end; i++) {
          const x = a[i]!;
          if (x - x !== 0 && !(c.nullable && Number.isNaN(x))) throw this.#unstorable(c, x, seq);
        }
      }
      return;
    }
    for (let i = at; i < end; i++) {
      const x = a[i]!;
      // + 0 makes −0 an ordinary 0: integers have no negative zero.
      const d = x / scale + 0;
      if (!(Math.round(d * scale) === x && x <= MAX && x >= -MAX) && !(c.nullable && Number.isNaN(x)))
        throw this.#unstorable(c, x, seq);
      a[i] = d;
    }
  }
  #unstorable(c: LakeColumn, x: number, seq: number): ChimeraError {
    return new ChimeraError('CHM607', `${this.dataset}.${c.name} of ${this.key || 'no instrument'} cannot hold ${x}`, {
      source: this.dataset,
      seq,
      field: c.name,
      help: 'amounts are integers of at most 15 digits in the instrument’s decimals; the row is within 2,048 of this seq',
    });
  }

  /** One chunk for all buffers of a layout: it is filled and appended in one go. */
  #chunk(): DuckDBDataChunk {
    const layout = this.columns.map((c) => c.transport).join();
    let chunk = this.#chunks.get(layout);
    if (!chunk) {
      const { DOUBLE, LIST, VARCHAR, DuckDBDataChunk } = this.#db.api;
      const type = { number: DOUBLE, text: VARCHAR, list: LIST(DOUBLE) };
      chunk = DuckDBDataChunk.create([DOUBLE, DOUBLE, ...this.columns.map((c) => type[c.transport])]);
      this.#chunks.set(layout, chunk);
    }
    return chunk;
  }

  #flush(): void {
    const native = this.#db.native;
    const chunk = this.#chunk();
    const n = this.#n;
    chunk.reset();
    chunk.rowCount = n;
    const put = (column: number, a: Float64Array): void =>
      native.copy_data_to_vector(this.#db.vector(chunk, column), 0, a.buffer as ArrayBuffer, a.byteOffset, n * 8);
    put(0, this.#seq);
    put(1, this.#t);
    for (let c = 0; c < this.columns.length; c++) {
      const numbers = this.#numbers[c];
      if (numbers) {
        put(c + 2, numbers);
        continue;
      }
      const vector = this.#db.vector(chunk, c + 2);
      const texts = this.#texts[c];
      if (texts) {
        for (let i = 0; i < n; i++) native.vector_assign_string_element(vector, i, texts[i]!);
        continue;
      }
      const stage = this.#lists[c]!;
      native.list_vector_reserve(vector, stage.size);
      native.list_vector_set_size(vector, stage.size);
      if (stage.size > 0)
        native.copy_data_to_vector(
          native.list_vector_get_child(vector),
          0,
          stage.values.buffer as ArrayBuffer,
          0,
          stage.size * 8,
        );
      native.copy_data_to_vector(vector, 0, stage.entries.buffer as ArrayBuffer, 0, n * 16);
      stage.size = 0;
    }
    this.#appender!.appendDataChunk(chunk);
    this.#n = 0;
  }
}
const MAX = Number.MAX_SAFE_INTEGER;
function grown(a: Float64Array, capacity: number): Float64Array<ArrayBuffer> {
  const b = new Float64Array(capacity);
  b.set(a);
  return b;
}

/** List elements of up to 2,048 rows, as DuckDB lays them out: (offset, length) pairs of 64 bits and one flat child. */
class ListStage {
  values = new Float64Array(1024);
  /** 4 words a row: offset low and high, length low and high. Both stay below 2^32, so the high words stay 0. */
  readonly entries = new Uint32Array(CHUNK_ROWS * 4);
  size = 0;
  push(from: ListColumn, row: number, at: number): void {
    const start = from.offsets[row]!;
    const n = from.offsets[row + 1]! - start;
    if (this.size + n > this.values.length)
      this.values = grown(this.values, Math.max(this.values.length * 2, this.size + n));
    this.entries[at * 4] = this.size;
    this.entries[at * 4 + 2] = n;
    const values = this.values;
    const source = from.values;
    for (let i = 0; i < n; i++) values[this.size + i] = source[start + i]!;
    this.size += n;
  }
}
