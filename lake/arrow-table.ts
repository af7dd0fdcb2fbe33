import { createWriteStream, type WriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import type * as Arrow from 'apache-arrow';
import { storageError } from './duckdb.ts';
import { hashFile } from './storage.ts';
import { ColumnStage, STAGE_ROWS, type TableColumn, type TableValue } from './table-columns.ts';
import type { DatasetWriter, TableResult } from './table-writer.ts';

type ArrowModule = typeof Arrow;

/** Arrow IPC file, one record batch per 2,048 rows, streamed to disk. */
export class ArrowTableWriter implements DatasetWriter {
  readonly columns: readonly TableColumn[];
  readonly #path: string;
  readonly #temp: string;
  readonly #arrow: ArrowModule;
  readonly #schema: Arrow.Schema;
  readonly #stages: ColumnStage[];
  readonly #writer: Arrow.RecordBatchFileWriter;
  readonly #out: WriteStream;
  #failed: unknown;
  #staged = 0;
  #rows = 0;

  private constructor(
    arrow: ArrowModule,
    path: string,
    columns: readonly TableColumn[],
    metadata: Readonly<Record<string, string>>,
  ) {
    this.#arrow = arrow;
    this.#path = path;
    this.#temp = `${path}.tmp`;
    this.columns = columns;
    this.#stages = columns.map((c) => new ColumnStage(c));
    this.#schema = arrowSchema(arrow, columns, metadata);
    this.#writer = new arrow.RecordBatchFileWriter();
    this.#out = createWriteStream(this.#temp);
    this.#out.on('error', (e) => {
      this.#failed ??= e;
    });
    this.#writer.toNodeStream().pipe(this.#out);
    this.#writer.reset(undefined, this.#schema);
  }
  static async open(
    path: string,
    columns: readonly TableColumn[],
    metadata: Readonly<Record<string, string>>,
  ): Promise<ArrowTableWriter> {
    return new ArrowTableWriter(await import('apache-arrow'), path, columns, metadata);
  }

  append(values: readonly TableValue[]): void {
    if (this.#staged === STAGE_ROWS) this.#flush();
    for (let c = 0; c < this.#stages.length; c++) this.#stages[c]!.set(this.#staged, values[c]);
    this.#staged++;
    this.#rows++;
  }
  async drain(): Promise<void> {
    if (this.#failed) throw storageError(this.#failed, this.#path, 'write');
    if (this.#out.writableNeedDrain)
      await new Promise<void>((resolve) => {
        this.#out.once('drain', resolve);
        this.#out.once('close', resolve);
      });
  }
  async close(): Promise<TableResult> {
    try {
      if (this.#staged > 0) this.#flush();
      this.#writer.close();
      await finished(this.#out);
      if (this.#failed) throw this.#failed;
      await rename(this.#temp, this.#path);
    } catch (e) {
      await rm(this.#temp, { force: true });
      throw storageError(this.#failed ?? e, this.#path, 'write');
    }
    return { rows: this.#rows, ...(await hashFile(this.#path)) };
  }
  async abort(): Promise<void> {
    // Not the writer's own abort, which rejects a promise of its stream that nobody can reach.
    this.#writer.close();
    this.#out.destroy();
    await finished(this.#out).catch(() => undefined);
    await rm(this.#temp, { force: true });
  }

  #flush(): void {
    const { RecordBatch, Struct, makeData } = this.#arrow;
    const n = this.#staged;
    const children = this.#stages.map((s) => columnData(this.#arrow, s, n));
    const type = new Struct(this.#schema.fields);
    this.#writer.write(new RecordBatch(this.#schema, makeData({ type, length: n, nullCount: 0, children })));
    this.#staged = 0;
  }
}

function arrowSchema(
  a: ArrowModule,
  columns: readonly TableColumn[],
  metadata: Readonly<Record<string, string>>,
): Arrow.Schema {
  const type = (c: TableColumn): Arrow.DataType => {
    switch (c.kind) {
      case 'f64':
        return new a.Float64();
      case 'bool':
        return new a.Bool();
      case 'text':
        return new a.Utf8();
      case 'timestamp_us':
        return new a.TimestampMicrosecond('UTC');
      case 'list':
        return new a.List(new a.Field('item', new a.Float64(), false));
      default:
        return new a.Int64();
    }
  };
  const fields = columns.map((c) => new a.Field(c.name, type(c), c.kind !== 'list'));
  return new a.Schema(fields, new Map(Object.entries(metadata)));
}

/** The stage's first `n` rows as Arrow data of their own: the stage is reused at once. */
function columnData(a: ArrowModule, s: ColumnStage, n: number): Arrow.Data {
  const { kind } = s.column;
  if (kind === 'list') {
    const size = s.offsets[n]!;
    const child = a.makeData({ type: new a.Float64(), length: size, nullCount: 0, data: s.values.slice(0, size) });
    const type = new a.List(new a.Field('item', new a.Float64(), false));
    return a.makeData({ type, length: n, nullCount: 0, valueOffsets: s.offsets.slice(0, n + 1), child });
  }
  const bitmap = new Uint8Array((n + 7) >> 3);
  let nullCount = 0;
  for (let i = 0; i < n; i++) {
    const valid = kind === 'text' ? s.texts[i] !== null : !Number.isNaN(s.numbers[i]);
    if (valid) bitmap[i >> 3]! |= 1 << (i & 7);
    else nullCount++;
  }
  const common = { length: n, nullCount, nullBitmap: nullCount > 0 ? bitmap : null };
  if (kind === 'text') {
    const offsets = new Int32Array(n + 1);
    for (let i = 0; i < n; i++) offsets[i + 1] = offsets[i]! + Buffer.byteLength(s.texts[i] ?? '');
    const data = Buffer.allocUnsafe(offsets[n]!);
    for (let i = 0; i < n; i++) data.write(s.texts[i] ?? '', offsets[i]!);
    return a.makeData({ type: new a.Utf8(), ...common, valueOffsets: offsets, data });
  }
  if (kind === 'f64') return a.makeData({ type: new a.Float64(), ...common, data: s.numbers.slice(0, n) });
  if (kind === 'bool') {
    const bits = new Uint8Array((n + 7) >> 3);
    for (let i = 0; i < n; i++) if (s.numbers[i] === 1) bits[i >> 3]! |= 1 << (i & 7);
    return a.makeData({ type: new a.Bool(), ...common, data: bits });
  }
  const data = int64Of(s.numbers, n);
  if (kind === 'timestamp_us') return a.makeData({ type: new a.TimestampMicrosecond('UTC'), ...common, data });
  return a.makeData({ type: new a.Int64(), ...common, data });
}

const TWO32 = 4_294_967_296;
/** Doubles that are integers as 64-bit ones, by their halves: a BigInt per value would cost ten times as much. */
function int64Of(from: Float64Array, n: number): BigInt64Array {
  const words = new Int32Array(n * 2);
  for (let i = 0; i < n; i++) {
    const x = from[i]!;
    if (Number.isNaN(x)) continue;
    const high = Math.floor(x / TWO32);
    words[i * 2] = x - high * TWO32;
    words[i * 2 + 1] = high;
  }
  return new BigInt64Array(words.buffer);
}
/** The way back, exact up to 2^53. */
export function doublesOf(from: BigInt64Array): Float64Array {
  const words = new Int32Array(from.buffer, from.byteOffset, from.length * 2);
  const out = new Float64Array(from.length);
  for (let i = 0; i < out.length; i++) out[i] = words[i * 2 + 1]! * TWO32 + (words[i * 2]! >>> 0);
  return out;
}
