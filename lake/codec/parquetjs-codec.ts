import { rename, rm } from 'node:fs/promises';
import { storageError } from '../duckdb.ts';
import { lakeColumns, schemaFromJson } from '../schema.ts';
import { portColumns, type TableColumn } from '../table-columns.ts';
import { type Codec, metaOf, parseMeta, storedRow, TableBuilder } from './codec.ts';

type Definition = import('parquetjs').ParquetSchema['schema'];

/** Parquet in pure JavaScript, Snappy: for small files where no native code may be loaded. It knows no zstd. */
export const parquetjsCodec: Codec = {
  name: 'parquetjs',
  extension: '.parquet',
  async write(path, table) {
    const { ParquetSchema, ParquetWriter } = await import('parquetjs');
    const columns = portColumns(table.schema);
    const layout = lakeColumns(table.schema);
    const definition: Definition = {};
    for (const c of columns) definition[c.name] = { ...typeOf(c), compression: 'SNAPPY' };
    const temp = `${path}.tmp`;
    try {
      const w = await ParquetWriter.openFile(new ParquetSchema(definition), temp, { rowGroupSize: 8192 });
      w.setMetadata('chimera', JSON.stringify(metaOf(table)));
      for (let i = 0; i < table.n; i++) {
        const row: Record<string, unknown> = {};
        const values = storedRow(table, layout, i);
        columns.forEach((c, k) => {
          const v = values[k];
          if (v === null || v === undefined) return;
          if (c.kind === 'timestamp_us') row[c.name] = BigInt(v as number);
          else if (c.kind === 'list') row[c.name] = Array.from(v as ArrayLike<number>);
          else row[c.name] = v;
        });
        await w.appendRow(row);
      }
      await w.close();
      await rename(temp, path);
    } catch (e) {
      await rm(temp, { force: true });
      throw storageError(e, path, 'write');
    }
  },
  async read(path) {
    const { ParquetReader } = await import('parquetjs');
    try {
      const reader = await ParquetReader.openFile(path);
      try {
        const meta = parseMeta(reader.getMetadata()['chimera'], path);
        const builder = new TableBuilder(schemaFromJson(meta.schema), meta, path);
        // Its own decoding of TIMESTAMP_MICROS goes through Date, which has no microseconds: read the plain integer.
        const time = reader.getSchema().fields['t_avail_us'];
        if (time) delete time.originalType;
        const cursor = reader.getCursor();
        for (let row = await cursor.next(); row; row = await cursor.next()) {
          const r = row as Record<string, unknown>;
          builder.add(
            Number(r['seq']),
            Number(r['t_avail_us']),
            builder.layout.map((c) => r[c.name] ?? (c.transport === 'list' ? [] : null)),
          );
        }
        return builder.finish();
      } finally {
        await reader.close();
      }
    } catch (e) {
      const known = (e as { code?: unknown }).code !== undefined;
      throw storageError(known ? e : new Error(`corrupt Parquet file: ${String(e)}`), path, 'read');
    }
  },
};

function typeOf(c: TableColumn): Definition[string] {
  switch (c.kind) {
    case 'text':
      return { type: 'UTF8', optional: true };
    case 'bool':
      return { type: 'BOOLEAN', optional: true };
    case 'list':
      return { type: 'DOUBLE', repeated: true };
    case 'timestamp_us':
      return { type: 'TIMESTAMP_MICROS', optional: true };
    case 'f64':
      return { type: 'DOUBLE', optional: true };
    default:
      return { type: 'INT64', optional: true };
  }
}
