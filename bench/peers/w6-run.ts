import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { KeyTable } from '../../graph/schema/index.ts';
import { DuckDb, loadDuckDb, sqlText } from '../../lake/duckdb.ts';
import { readLake } from '../../lake/manifest.ts';
import { openLake } from '../../lake/open-lake.ts';
import { lakeSql } from '../../lake/sql.ts';
import { LocalStorage } from '../../lake/storage.ts';
import { isMain, startCost } from '../child.ts';

/**
 * W6, a lake of trades. usage: w6.js sql|duckdb|replay|cached|duckdb-node LAKE [--cache DIR] [--threads 1]; one JSON object.
 *
 * - `sql`: `lakeSql`, which `chimera lake sql` is; `duckdb`: the same statement in the same DuckDB over the same files, by `read_parquet` alone.
 * - `replay`: every value of five columns in JavaScript, through the lake's reader; `cached`: the same from its decoded cache (filled
 *   by a first run that does not count); `duckdb-node`: the same with DuckDB's own node API, chunk by chunk.
 *
 * w6_peers.py asks the same of polars, pyarrow and DuckDB's Python package, over the same files.
 */
const QUERY = (table: string) => `
  SELECT CAST(epoch_us(t_avail_us) // 3600000000 AS BIGINT) AS hour, count(*) AS trades, sum(qty) AS volume, sum(px * qty) AS quote, min(px) AS low,
    max(px) AS high FROM ${table} WHERE side = 'buy' AND qty > 0.25 GROUP BY ALL ORDER BY hour`;
const COLUMNS = ['id', 'px', 'qty', 'side', 'time_ms'];

async function sql(dir: string, threads: number): Promise<unknown> {
  return (await lakeSql(dir, QUERY('bronze.trade'), { threads })).rows;
}
async function duckdb(dir: string, threads: number): Promise<unknown> {
  const db = await DuckDb.open({ threads, memoryMb: 1024 });
  const c = await db.connect();
  const list = (await files(dir)).map(sqlText).join(', ');
  const rows = (await c.runAndReadAll(QUERY(`read_parquet([${list}])`))).getRowsJson();
  db.close();
  // As `lake sql` gives 64-bit integers that fit.
  return rows.map((r) => [Number(r[0]), Number(r[1]), ...r.slice(2)]);
}
async function files(dir: string): Promise<string[]> {
  const view = await readLake(new LocalStorage(dir));
  return view.files
    .filter((f) => f.dataset === 'trade')
    .sort((a, b) => a.first_seq - b.first_seq)
    .map((f) => join(dir, f.path));
}

/** Adds up all values: each of them has been in JavaScript's hands. */
async function replay(dir: string, cache?: string): Promise<{ rows: number; sums: number[] }> {
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
  return { rows, sums: [sums[0]!, sums[1]! / pxScale, sums[2]! / qtyScale, sums[3]!, sums[4]!] };
}
function total(values: Float64Array, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += values[i]!;
  return sum;
}

async function duckdbNode(dir: string, threads: number): Promise<{ rows: number; sums: number[] }> {
  const db = await DuckDb.open({ threads, memoryMb: 1024 });
  const c = await db.connect();
  const list = (await files(dir)).map(sqlText).join(', ');
  const result = await c.stream(`SELECT id, px, qty, side = 'sell', time_ms FROM read_parquet([${list}])`);
  const sums = [0, 0, 0, 0, 0];
  let rows = 0;
  for (;;) {
    const chunk = await result.fetchChunk();
    if (!chunk || chunk.rowCount === 0) break;
    rows += chunk.rowCount;
    chunk.getColumns().forEach((column, k) => {
      let sum = 0;
      for (const v of column) sum += Number(v);
      sums[k]! += sum;
    });
  }
  db.close();
  return { rows, sums };
}

/** What w6_peers.py prints of its result. */
function summary(rows: readonly number[][]): number[] {
  const sum = (c: number) => rows.reduce((s, r) => s + Number(r[c]), 0);
  const round = (x: number, d: number) => Math.round(x * 10 ** d) / 10 ** d;
  const low = Math.min(...rows.map((r) => r[4]!));
  return [rows.length, sum(1), round(sum(2), 3), round(sum(3), 2), low, Math.max(...rows.map((r) => r[5]!))];
}

async function run(way: string, dir: string, threads: number, cache: string): Promise<unknown> {
  switch (way) {
    case 'sql':
      return sql(dir, threads);
    case 'duckdb':
      return duckdb(dir, threads);
    case 'replay':
      return replay(dir);
    case 'cached':
      return replay(dir, cache);
    case 'duckdb-node':
      return duckdbNode(dir, threads);
    default:
      throw new Error(`no such way: ${way}`);
  }
}

if (isMain(import.meta.url)) {
  const { values: v, positionals } = parseArgs({
    allowPositionals: true,
    options: { cache: { type: 'string' }, threads: { type: 'string', default: '1' } },
  });
  const [way = 'sql', dir = 'lake'] = positionals;
  const cache = v.cache ?? join(dir, '..', 'w6-cache');
  mkdirSync(cache, { recursive: true });
  const threads = Number(v.threads);
  const names = await files(dir);
  const hash = createHash('sha256');
  for (const name of names) hash.update(createHash('sha256').update(readFileSync(name)).digest());
  const rows = (await readLake(new LocalStorage(dir))).files.reduce(
    (n, f) => n + (f.dataset === 'trade' ? f.rows : 0),
    0,
  );
  // Fills the cache, or finds it full.
  if (way === 'cached') await replay(dir, cache);
  // The library is loaded before, as Python's packages are.
  await loadDuckDb();
  const stop = startCost();
  const result = await run(way, dir, threads, cache);
  const cost = stop();
  process.stdout.write(
    `${JSON.stringify({
      workload: 'w6',
      engine: way.startsWith('duckdb') ? 'duckdb' : 'chimera',
      way,
      version: process.version,
      input_sha256: hash.digest('hex'),
      rows,
      ...cost,
      rows_per_cpu_s: rows / cost.cpu_s,
      result: Array.isArray(result) ? summary(result as number[][]) : result,
    })}\n`,
  );
}
