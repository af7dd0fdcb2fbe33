import type { Tap } from '../../graph/engine/tap.ts';
import { powi } from '../../graph/math/index.ts';
import { type Field, isNumberField, type KeyInfo, type KeyTable, type Schema } from '../../graph/schema/index.ts';
import type { TapFileResult } from '../../graph/tap/file.ts';
import { digitsOf } from '../../graph/tap/format.ts';
import { portColumns, type TableValue } from '../../lake/table-columns.ts';
import { type DatasetWriter, openTableWriter } from '../../lake/table-writer.ts';

/** A tap written to a Parquet or Arrow file. Exact amounts become the doubles of their decimals. The file appears at the end, whole. */
export class TableTap {
  readonly #writer: DatasetWriter;
  readonly #fields: readonly Field[];
  readonly #row: TableValue[];

  constructor(writer: DatasetWriter, schema: Schema) {
    this.#writer = writer;
    this.#fields = Object.values(schema.fields);
    this.#row = new Array<TableValue>(this.#fields.length + 4).fill(null);
  }
  append(tap: Tap, keys: KeyTable): void {
    const row = this.#row;
    for (let i = 0; i < tap.n; i++) {
      const key = tap.key(i) >= 0 ? keys.at(tap.key(i)) : undefined;
      row[0] = tap.cause(i);
      row[1] = tap.seq(i);
      row[2] = tap.time(i);
      row[3] = key?.name ?? null;
      for (let f = 0; f < this.#fields.length; f++) row[f + 4] = inUnits(tap.value(i, f), this.#fields[f]!, key);
      this.#writer.append(row);
    }
  }
  drain(): Promise<void> {
    return this.#writer.drain();
  }
  async close(): Promise<TapFileResult> {
    const { rows, sha256 } = await this.#writer.close();
    return { rows, sha256 };
  }
  abort(): Promise<void> {
    return this.#writer.abort();
  }
}

export const openTableTap = async (path: string, schema: Schema): Promise<TableTap> =>
  new TableTap(await openTableWriter(path, portColumns(schema)), schema);

function inUnits(v: unknown, f: Field, key: KeyInfo | undefined): TableValue {
  const kind = f.kind === 'list' ? f.of : isNumberField(f) ? f.kind : undefined;
  const digits = kind ? digitsOf(kind, key) : 0;
  // A quotient of an exact integer and a power of ten is the double nearest to the decimal.
  const scale = powi(10, digits);
  if (Array.isArray(v)) return digits === 0 ? v : (v as number[]).map((x) => x / scale);
  return typeof v === 'number' && digits > 0 ? v / scale : (v as TableValue);
}
