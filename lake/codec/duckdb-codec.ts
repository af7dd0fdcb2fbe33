import type { Column } from '../../graph/schema/index.ts';
import { DuckDb, sqlText, storageError } from '../duckdb.ts';
import { ParquetTableWriter } from '../parquet-table.ts';
import { RowStream } from '../row-stream.ts';
import { lakeColumns, schemaFromJson } from '../schema.ts';
import { portColumns } from '../table-columns.ts';
import { type Codec, metaOf, type PortTable, parseMeta, storedRow } from './codec.ts';

/** Parquet through DuckDB: zstd; the fast one, and the lake's own. */
export const duckdbCodec: Codec = {
  name: 'duckdb',
  extension: '.parquet',
  async write(path, table) {
    const layout = lakeColumns(table.schema);
    const w = await ParquetTableWriter.open(path, portColumns(table.schema), {
      chimera: JSON.stringify(metaOf(table)),
    });
    try {
      for (let i = 0; i < table.n; i++) w.append(storedRow(table, layout, i));
    } catch (e) {
      await w.abort();
      throw e;
    }
    await w.close();
  },
  async read(path) {
    const db = await DuckDb.open({ memoryMb: 256 });
    try {
      const connection = await db.connect();
      const found = await connection
        .runAndReadAll(`SELECT decode(value) FROM parquet_kv_metadata(${sqlText(path)}) WHERE decode(key) = 'chimera'`)
        .catch((e) => {
          throw storageError(e, path, 'read');
        });
      const meta = parseMeta(found.getRows()[0]?.[0], path);
      const schema = schemaFromJson(meta.schema);
      const digits = { pxDigits: meta.px_digits, qtyDigits: meta.qty_digits };
      const stream = new RowStream(db, [{ path }], { schema, digits, where: '' });
      const parts: { n: number; seq: Float64Array; t: Float64Array; columns: Column[] }[] = [];
      while (await stream.next()) {
        const { n } = stream;
        const columns = stream.columns.map((c) =>
          c instanceof Float64Array || Array.isArray(c)
            ? c.slice(0, n)
            : { values: c.values.slice(0, c.offsets[n]!), offsets: c.offsets.slice(0, n + 1) },
        );
        parts.push({ n, seq: stream.seq.slice(0, n), t: stream.t.slice(0, n), columns });
      }
      await stream.close();
      return {
        schema,
        key: meta.key,
        source: meta.source,
        ...digits,
        n: parts.reduce((s, p) => s + p.n, 0),
        seq: joined(parts.map((p) => p.seq)),
        t: joined(parts.map((p) => p.t)),
        columns: stream.columns.map((_, c) =>
          joinColumns(
            parts.map((p) => p.columns[c]!),
            stream.columns[c]!,
          ),
        ),
      } satisfies PortTable;
    } finally {
      db.close();
    }
  },
};

function joined(parts: readonly Float64Array[]): Float64Array {
  const out = new Float64Array(parts.reduce((s, p) => s + p.length, 0));
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}
function joinColumns(parts: readonly Column[], like: Column): Column {
  if (like instanceof Float64Array) return joined(parts as Float64Array[]);
  if (Array.isArray(like)) return (parts as string[][]).flat();
  const lists = parts as { values: Float64Array; offsets: Int32Array }[];
  const rows = lists.reduce((s, p) => s + p.offsets.length - 1, 0);
  const offsets = new Int32Array(rows + 1);
  let row = 0;
  let base = 0;
  for (const p of lists) {
    for (let i = 1; i < p.offsets.length; i++) offsets[++row] = base + p.offsets[i]!;
    base = offsets[row]!;
  }
  return { values: joined(lists.map((p) => p.values)), offsets };
}
