import { type BlockReader, ChimeraError, type KeyTable, MARKET_PORTS, type Schema } from '../graph/schema/index.ts';
import { DuckDb, sqlName, sqlText, storageError } from './duckdb.ts';
import { type MergeInput, MergeReader } from './merge-reader.ts';
import { rangeCondition } from './open-lake.ts';
import { RowStream } from './row-stream.ts';
import { lakeColumns, type SchemaJson, schemaFromJson } from './schema.ts';

export interface OpenParquetOptions {
  /** Dataset of files that do not say; otherwise found from their columns. */
  dataset?: string;
  /** Ports of the reader in order; default: all market ports, then others found. */
  ports?: BlockReader['ports'];
  fromUs?: number;
  toUs?: number;
  memoryMb?: number;
}

interface Found {
  path: string;
  dataset: string;
  schema: Schema;
  keys: { name: string; pxDigits: number; qtyDigits: number }[];
  own: boolean;
}

/**
 * Opens single Parquet files in the lake's layout (lake files, or taps), merged by (t_avail, position, row) and
 * numbered from 0. What a file holds is read from its metadata, or else from its columns; decimals that are not
 * declared are taken from the values. Errors: CHM604, 609, 610, 611, 619.
 */
export async function openParquet(
  paths: readonly string[],
  options: OpenParquetOptions,
  keys: KeyTable,
): Promise<BlockReader> {
  const db = await DuckDb.open({ memoryMb: options.memoryMb ?? 256 });
  try {
    const found: Found[] = [];
    for (const path of paths) found.push(await inspect(db, path, options.dataset));
    declareKeys(found, keys);
    const ports = options.ports ?? defaultPorts(found);
    const inputs: MergeInput[] = [];
    found.forEach((f, position) => {
      const port = ports.findIndex((p) => p.name === f.dataset);
      if (port < 0) return;
      for (const k of f.keys) {
        const info = k.name === '' ? undefined : keys.find(k.name)!;
        const where = [rangeCondition(options.fromUs, options.toUs)];
        if (f.keys.length > 1) where.push(k.name === '' ? 'key IS NULL' : `key = ${sqlText(k.name)}`);
        inputs.push({
          port,
          key: info?.index ?? -1,
          rank: position,
          firstT: Number.NEGATIVE_INFINITY,
          firstSeq: -1,
          open: () =>
            new RowStream(db, [{ path: f.path }], {
              schema: ports[port]!.schema,
              digits: { pxDigits: info?.pxDigits ?? 0, qtyDigits: info?.qtyDigits ?? 0 },
              where: where.filter((w) => w !== '').join(' AND '),
              repeatedSeq: !f.own,
            }),
        });
      }
    });
    return new MergeReader(ports, inputs, false, () => db.close());
  } catch (e) {
    db.close();
    throw e;
  }
}

function defaultPorts(found: readonly Found[]): BlockReader['ports'] {
  const ports = Object.entries(MARKET_PORTS).map(([name, schema]) => ({ name, schema: schema as Schema }));
  for (const f of found)
    if (!ports.some((p) => p.name === f.dataset)) ports.push({ name: f.dataset, schema: f.schema });
  return ports;
}

/** The most decimals that any file has for a key, so that all of its amounts are exact in them. */
function declareKeys(found: readonly Found[], keys: KeyTable): void {
  const all = new Map<string, { pxDigits: number; qtyDigits: number }>();
  for (const k of found.flatMap((f) => f.keys)) {
    const known = all.get(k.name);
    if (!known) all.set(k.name, { pxDigits: k.pxDigits, qtyDigits: k.qtyDigits });
    else {
      known.pxDigits = Math.max(known.pxDigits, k.pxDigits);
      known.qtyDigits = Math.max(known.qtyDigits, k.qtyDigits);
    }
  }
  for (const [name, d] of all) {
    const known = keys.find(name);
    if (name !== '' && (!known || known.pxDigits < d.pxDigits || known.qtyDigits < d.qtyDigits))
      keys.declare(name, d.pxDigits, d.qtyDigits);
  }
}

async function inspect(db: DuckDb, path: string, dataset: string | undefined): Promise<Found> {
  const connection = await db.connect();
  const rows = async (sql: string): Promise<unknown[][]> => (await connection.runAndReadAll(sql)).getRows();
  try {
    const from = `read_parquet(${sqlText(path)}, hive_partitioning = false)`;
    const meta = await rows(
      `SELECT decode(value) FROM parquet_kv_metadata(${sqlText(path)}) WHERE decode(key) = 'chimera'`,
    );
    const own = meta[0] && (JSON.parse(String(meta[0][0])) as OwnMeta);
    if (own?.v === 1 && own.schema)
      return {
        path,
        dataset: own.dataset,
        schema: own.dataset in MARKET_PORTS ? market(own.dataset, own.schema, path) : schemaFromJson(own.schema),
        keys: [{ name: own.key, pxDigits: own.px_digits, qtyDigits: own.qty_digits }],
        own: true,
      };
    const columns = new Set((await rows(`DESCRIBE SELECT * FROM ${from}`)).map((r) => String(r[0])));
    for (const lead of ['seq', 't_avail_us', 'key'])
      if (!columns.has(lead))
        throw new ChimeraError('CHM610', `${path} has no column "${lead}"`, {
          file: path,
          field: lead,
          help: 'only files in the lake’s own layout are read in place: source, seq, t_avail_us, key, then the fields',
        });
    const name = dataset ?? guessDataset(columns, path);
    const schema = (MARKET_PORTS as Record<string, Schema>)[name];
    if (!schema)
      throw new ChimeraError('CHM610', `there is no dataset "${name}"`, { file: path, help: 'name a market port' });
    const keys = [];
    for (const [k] of await rows(`SELECT DISTINCT key FROM ${from} ORDER BY key`)) {
      const where = k === null ? 'key IS NULL' : `key = ${sqlText(String(k))}`;
      const digits = { px: 0, qty: 0 };
      for (const c of lakeColumns(schema)) {
        if ((c.kind !== 'px' && c.kind !== 'qty') || !columns.has(c.name)) continue;
        const value = c.transport === 'list' ? `unnest(${sqlName(c.name)})` : sqlName(c.name);
        digits[c.kind] = Math.max(
          digits[c.kind],
          await decimals(rows, `SELECT ${value} AS x FROM ${from} WHERE ${where}`),
        );
      }
      keys.push({ name: k === null ? '' : String(k), pxDigits: digits.px, qtyDigits: digits.qty });
    }
    return { path, dataset: name, schema, keys, own: false };
  } catch (e) {
    throw storageError(e, path, 'read');
  } finally {
    db.release(connection);
  }
}
interface OwnMeta {
  v: number;
  dataset: string;
  key: string;
  px_digits: number;
  qty_digits: number;
  schema: SchemaJson;
}

function market(dataset: string, schema: SchemaJson, path: string): Schema {
  const own = (MARKET_PORTS as Record<string, Schema>)[dataset]!;
  if (own.version !== schema.version)
    throw new ChimeraError('CHM610', `${path} holds ${dataset}@${schema.version}, not @${own.version}`, {
      file: path,
      help: 'import its source again with this version',
    });
  return own;
}

/** The market port whose fields are all there; of several the one with most fields. */
function guessDataset(columns: ReadonlySet<string>, path: string): string {
  let best: string | undefined;
  let most = 0;
  for (const [name, schema] of Object.entries(MARKET_PORTS)) {
    const fields = Object.keys(schema.fields);
    if (fields.length <= most || !fields.every((f) => columns.has(f))) continue;
    best = name;
    most = fields.length;
  }
  if (best) return best;
  throw new ChimeraError('CHM610', `the columns of ${path} are those of no market dataset`, {
    file: path,
    help: 'its columns after source, seq, t_avail_us and key must be the fields of one market port, e.g. trade',
  });
}

/** Fewest decimals in which every x is exact; values beyond 12 decimals are no prices of ours. */
async function decimals(rows: (sql: string) => Promise<unknown[][]>, values: string): Promise<number> {
  for (let d = 0; d <= 12; d++) {
    const scale = `1e${d}::DOUBLE`;
    const [row] = await rows(
      `SELECT coalesce(bool_and(x IS NULL OR round(x * ${scale}) / ${scale} = x), true) FROM (${values})`,
    );
    if (row![0] === true) return d;
  }
  throw new ChimeraError('CHM619', 'a price or quantity has more than 12 decimals', {
    help: 'the file was altered or written by another program: import it instead of reading it in place',
  });
}
