import { readFile } from 'node:fs/promises';
import type * as Arrow from 'apache-arrow';
import { ArrowTableWriter, doublesOf } from '../arrow-table.ts';
import { storageError } from '../duckdb.ts';
import { lakeColumns, schemaFromJson } from '../schema.ts';
import { portColumns } from '../table-columns.ts';
import { type Codec, metaOf, parseMeta, storedRow, TableBuilder } from './codec.ts';

/** Arrow IPC file: the form between processes, workers and the web page. */
export const arrowCodec: Codec = {
  name: 'arrow',
  extension: '.arrow',
  async write(path, table) {
    const layout = lakeColumns(table.schema);
    const w = await ArrowTableWriter.open(path, portColumns(table.schema), { chimera: JSON.stringify(metaOf(table)) });
    try {
      for (let i = 0; i < table.n; i++) {
        w.append(storedRow(table, layout, i));
        if (i % 8192 === 8191) await w.drain();
      }
    } catch (e) {
      await w.abort();
      throw e;
    }
    await w.close();
  },
  async read(path) {
    const { tableFromIPC } = await import('apache-arrow');
    let table: Arrow.Table;
    try {
      table = tableFromIPC(await readFile(path));
    } catch (e) {
      throw storageError(
        (e as { code?: string }).code ? e : new Error(`corrupt Arrow file: ${String(e)}`),
        path,
        'read',
      );
    }
    const meta = parseMeta(table.schema.metadata.get('chimera'), path);
    const builder = new TableBuilder(schemaFromJson(meta.schema), meta, path);
    for (const batch of table.batches) {
      const columns = ['seq', 't_avail_us', ...builder.layout.map((c) => c.name)].map((name) => values(batch, name));
      for (let i = 0; i < batch.numRows; i++) {
        const [seq, t, ...rest] = columns.map((c) => c(i));
        builder.add(seq as number, t as number, rest);
      }
    }
    return builder.finish();
  },
};

/** Access to a column's values as numbers, texts, flags or arrays; null where there is none. */
function values(batch: Arrow.RecordBatch, name: string): (i: number) => unknown {
  const vector = batch.getChild(name);
  if (!vector) throw storageError(new Error(`corrupt Arrow file: no column ${name}`), name, 'read');
  const data = vector.data[0]!;
  if (data.values instanceof BigInt64Array) {
    const doubles = doublesOf(data.values);
    return (i) => (data.getValid(i) ? doubles[i]! : null);
  }
  return (i) => vector.get(i) as unknown;
}
