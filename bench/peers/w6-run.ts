import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { DuckDBConnection } from '@duckdb/node-api';
import { KeyTable } from '../../graph/schema/index.ts';
import { loadDuckDb, sqlText } from '../../lake/duckdb.ts';
import { readLake } from '../../lake/manifest.ts';
import { openLake } from '../../lake/open-lake.ts';
import { lakeSql } from '../../lake/sql.ts';
import { LocalStorage } from '../../lake/storage.ts';
import { isMain, startCost } from '../child.ts';

/**
 * W6, a lake of trades. usage: w6-run.js sql|duckdb|replay|cached|node-columns|node-vectors LAKE [--cache DIR] [--threads 1]; one JSON object.
 *
 * - `sql`: `lakeSql`, which `chimera lake sql` is; `duckdb`: the same statement in the same DuckDB over the same files, by `read_parquet` alone.
 * - `replay`: every value of five columns in JavaScript, through the lake's reader; `cached`: the same from its decoded cache, which a
 *   run before has filled; `node-columns`: the same with DuckDB's own node API, `getColumns` of each chunk; `node-vectors`: value by
 *   value from its vectors, 64-bit integers cast to doubles by the statement, the fastest way found.
 *
 * w6_peers.py asks the same of polars, pyarrow and DuckDB's Python package, over the same files.
 */
const QUERY = (table: string) => `
  SELECT CAST(epoch_us(t_avail_us) // 3600000000 AS BIGINT) AS hour, count(*) AS trades, sum(qty) AS volume, sum(px * qty) AS quote, min(px) AS low,
    max(px) AS high FROM ${table} WHERE side = 'buy' AND qty > 0.25 GROUP BY ALL ORDER BY hour`;
const COLUMNS = ['id', 'px', 'qty', 'side', 'time_ms'];

async function sql(dir: string, threads: number): Promise<number[]> {
  return summary((await lakeSql(dir, QUERY('bronze.trade'), { threads })).rows as number[][]);
}
async function duckdb(dir: string, threads: number): Promise<number[]> {
  const c = await plainDuckDb(threads);
  const rows = (await c.runAndReadAll(QUERY(await parquetOf(dir)))).getRowsJson();
  return summary(rows as number[][]);
}
/** As its users open it. */
async function plainDuckDb(threads: number): Promise<DuckDBConnection> {
  const { api } = await loadDuckDb();
  return (await api.DuckDBInstance.create(':memory:', { threads: String(threads) })).connect();
}
const parquetOf = async (dir: string): Promise<string> =>
  `read_parquet([${(await files(dir)).map(sqlText).join(', ')}])`;
async function files(dir: string): Promise<string[]> {
  const view = await readLake(new LocalStorage(dir));
  return view.files
    .filter((f) => f.dataset === 'trade')
    .sort((a, b) => a.first_seq - b.first_seq)
    .map((f) => join(dir, f.path));
}

/** Adds up all values: each of them has been in JavaScript's hands. */
async function replay(dir: string, cache?: string): Promise<number[]> {
  const keys = new KeyTable();
  const reader = await openLake(dir, { datasets: ['trade'], ...(cache ? { cache: { dir: cache } } : {}) }, keys);
  const names = Object.keys(reader.ports[0]!.schema.fields);
  const wanted = COLUMNS.map((n) => names.indexOf(n));
  const sums = COLUMNS.map(() => 0);
  let rows = 0;
  for (let b = await reader.read(); b !== null; b = await reader.read()) {
    const port = b.ports[0]!;
    wanted.forEach((f, c) => {
      sums[c]! += total(port.columns[f] as Float64Array, port.n);
    });
    rows += b.n;
  }
  await reader.close();
  // Amounts are integers in the decimals of their instrument here.
  const { pxScale, qtyScale } = keys.at(0);
  return [rows, sums[0]!, sums[1]! / pxScale, sums[2]! / qtyScale, sums[3]!, sums[4]!];
}
function total(values: Float64Array, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += values[i]!;
  return sum;
}

async function duckdbNode(dir: string, threads: number, by: 'columns' | 'vectors'): Promise<number[]> {
  const c = await plainDuckDb(threads);
  const whole = (name: string) => (by === 'vectors' ? `${name}::DOUBLE` : name);
  const result = await c.stream(
    `SELECT ${whole('id')}, px, qty, side = 'sell', ${whole('time_ms')} FROM ${await parquetOf(dir)}`,
  );
  const sums = [0, 0, 0, 0, 0];
  let rows = 0;
  for (;;) {
    const chunk = await result.fetchChunk();
    if (!chunk || chunk.rowCount === 0) break;
    rows += chunk.rowCount;
    if (by === 'columns')
      chunk.getColumns().forEach((column, k) => {
        let sum = 0;
        for (const v of column) sum += Number(v);
        sums[k]! += sum;
      });
    else
      for (let k = 0; k < sums.length; k++) {
        const vector = chunk.getColumnVector(k);
        let sum = 0;
        for (let i = 0; i < vector.itemCount; i++) sum += Number(vector.getItem(i));
        sums[k]! += sum;
      }
  }
  return [rows, ...sums];
}

/** What w6_peers.py prints of its result. */
function summary(rows: readonly number[][]): number[] {
  const sum = (c: number) => rows.reduce((s, r) => s + Number(r[c]), 0);
  const round = (x: number, d: number) => Math.round(x * 10 ** d) / 10 ** d;
  const low = Math.min(...rows.map((r) => r[4]!));
  return [rows.length, sum(1), round(sum(2), 3), round(sum(3), 2), low, Math.max(...rows.map((r) => r[5]!))];
}

function run(way: string, dir: string, threads: number, cache: string): Promise<number[]> {
  switch (way) {
    case 'sql':
      return sql(dir, threads);
    case 'duckdb':
      return duckdb(dir, threads);
    case 'replay':
      return replay(dir);
    case 'cached':
      return replay(dir, cache);
    case 'node-columns':
      return duckdbNode(dir, threads, 'columns');
    case 'node-vectors':
      return duckdbNode(dir, threads, 'vectors');
    default:
      throw new Error(`no such way: ${way}`);
  }
}
const rowsOf = async (dir: string): Promise<number> =>
  (await readLake(new LocalStorage(dir))).files.reduce((n, f) => n + (f.dataset === 'trade' ? f.rows : 0), 0);

if (isMain(import.meta.url)) {
  const { values: v, positionals } = parseArgs({
    allowPositionals: true,
    options: { cache: { type: 'string' }, threads: { type: 'string', default: '1' } },
  });
  const [way = 'sql', dir = 'lake'] = positionals;
  const cache = v.cache ?? join(dir, '..', 'w6-cache');
  mkdirSync(cache, { recursive: true });
  // The library is loaded before, as Python's packages are.
  const { api } = await loadDuckDb();
  const rows = await rowsOf(dir);
  const stop = startCost();
  const result = await run(way, dir, Number(v.threads), cache);
  const { cpu_s, wall_s } = stop();
  const peer = way === 'duckdb' || way.startsWith('node-');
  process.stdout.write(
    `${JSON.stringify({ ...(peer ? { version: api.version() } : {}), rows, cpu_s, wall_s, result })}\n`,
  );
}
