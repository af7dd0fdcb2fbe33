import { ChimeraError } from '../graph/schema/index.ts';
import { DuckDb, firstLine, sqlName, sqlText, storageError } from './duckdb.ts';
import { type FileEntry, type LakeView, readLake, requireLake } from './manifest.ts';
import { borrowAll, giveBack, LocalStorage, type ObjectStorage } from './storage.ts';

export interface SqlResult {
  columns: string[];
  types: string[];
  /** Values as JSON can hold them: integers beyond 2^53, timestamps, decimals as text. */
  rows: unknown[][];
  /** There were more rows than `maxRows`. */
  truncated: boolean;
}
export interface SqlOptions {
  threads?: number;
  memoryMb?: number;
  /** Default 1,000,000. */
  maxRows?: number;
  /** The store, when it is not the folder itself. */
  storage?: ObjectStorage;
}

/**
 * Runs one read-only statement over the lake. Every dataset is a view over exactly the files of the manifest, under
 * its name (`trade`), and under `tier.dataset` (`bronze.trade`); with the partition columns market, symbol and date.
 * The engine can touch nothing outside the folder (elsewhere: nothing but the lake's files). A compaction meanwhile is answered by asking again with its view.
 * Errors: CHM601, 603, 604, 608, 613, 614.
 */
export async function lakeSql(dir: string, query: string, options: SqlOptions = {}): Promise<SqlResult> {
  const storage = options.storage ?? new LocalStorage(dir);
  for (let attempt = 0; ; attempt++) {
    const view = await readLake(storage);
    requireLake(view, dir);
    try {
      return await runOver(storage, view, query, options);
    } catch (e) {
      if (!(e instanceof ChimeraError) || e.code !== 'CHM609' || attempt >= 5) throw e;
    }
  }
}

async function runOver(storage: ObjectStorage, view: LakeView, query: string, o: SqlOptions): Promise<SqlResult> {
  const groups = new Map<string, FileEntry[]>();
  for (const f of view.files) {
    const id = `${f.tier}\n${f.dataset}`;
    const g = groups.get(id);
    if (g) g.push(f);
    else groups.set(id, [f]);
  }
  const needed = [...groups.values()].map((files) => ({ files: neededFiles(storage, files, query) }));
  const names = needed.flatMap((n) => n.files.map((f) => f.path));
  const lent = await borrowAll(storage, names);
  try {
    const paths = new Map(names.map((name, i) => [name, lent[i]!.path]));
    // A lent path ends in the object's name: what is before it may be touched, nothing else.
    const bases = new Set(names.map((name) => paths.get(name)!.slice(0, -name.length - 1)));
    if (storage instanceof LocalStorage) bases.add(storage.root);
    const db = await DuckDb.open({ threads: o.threads ?? 2, memoryMb: o.memoryMb ?? 1024, onlyUnder: [...bases] });
    try {
      const connection = await db.connect();
      await createViews(connection, needed, (f) => paths.get(f.path)!, storage);
      await assertReadOnly(db, connection, query);
      return await collect(connection, query, o.maxRows ?? 1_000_000);
    } finally {
      db.close();
    }
  } finally {
    await giveBack(lent);
  }
}

/**
 * Where files must be brought here first, a dataset whose name does not occur in the statement is represented by one file, so
 * that it can be listed. Statements that are put together by functions may name anything.
 */
function neededFiles(storage: ObjectStorage, files: readonly FileEntry[], query: string): readonly FileEntry[] {
  const { dataset } = files[0]!;
  const named = query.toLowerCase().includes(dataset.toLowerCase()) || !/^\w+$/.test(dataset);
  return storage instanceof LocalStorage || named || /query|execute|sql/i.test(query) ? files : files.slice(0, 1);
}

async function createViews(
  connection: Connection,
  datasets: readonly { files: readonly FileEntry[] }[],
  pathOf: (f: FileEntry) => string,
  storage: ObjectStorage,
): Promise<void> {
  const tiers = [...new Set(datasets.map((d) => d.files[0]!.tier))];
  for (const tier of tiers) await connection.run(`CREATE SCHEMA IF NOT EXISTS ${sqlName(tier)}`);
  const seen = new Set<string>();
  for (const { files } of datasets) {
    const { tier, dataset } = files[0]!;
    const list = files.map((f) => sqlText(pathOf(f))).join(', ');
    const select = `SELECT * FROM read_parquet([${list}], union_by_name = true, hive_partitioning = true,
      hive_types = {market: VARCHAR, symbol: VARCHAR, date: DATE})`;
    try {
      await connection.run(`CREATE VIEW ${sqlName(tier)}.${sqlName(dataset)} AS ${select}`);
    } catch (e) {
      throw storageError(e, storage.url(files[0]!.path), 'read');
    }
    if (!seen.has(dataset))
      await connection.run(`CREATE VIEW ${sqlName(dataset)} AS FROM ${sqlName(tier)}.${sqlName(dataset)}`);
    seen.add(dataset);
  }
}

type Connection = Awaited<ReturnType<DuckDb['connect']>>;

async function assertReadOnly(db: DuckDb, connection: Connection, query: string): Promise<void> {
  const { StatementType } = db.api;
  const allowed: readonly number[] = [StatementType.SELECT, StatementType.EXPLAIN, StatementType.CALL];
  try {
    const statements = await connection.extractStatements(query);
    if (statements.count !== 1) throw notReadOnly(`${statements.count} statements`);
    const prepared = await statements.prepare(0);
    if (!allowed.includes(prepared.statementType) || /^\s*call\b/i.test(query))
      throw notReadOnly(StatementType[prepared.statementType] ?? 'this statement');
    prepared.destroySync();
  } catch (e) {
    throw queryError(e);
  }
}
const notReadOnly = (what: string): ChimeraError =>
  new ChimeraError('CHM614', `only a single SELECT may be run over the lake, not ${what}`, {
    help: 'write one SELECT, WITH, DESCRIBE, SUMMARIZE or EXPLAIN statement; export with the format option',
  });

async function collect(connection: Connection, query: string, maxRows: number): Promise<SqlResult> {
  try {
    const reader = await connection.streamAndReadUntil(query, maxRows + 1);
    const rows = reader.getRowsJson() as unknown[][];
    const types = reader.columnTypes().map(String);
    const integers = types.flatMap((t, c) => (/^U?(BIG|HUGE)INT$/.test(t) ? [c] : []));
    // They come as text because they may exceed 2^53; those that do not are numbers for everyone.
    for (const c of integers)
      for (const r of rows) if (typeof r[c] === 'string' && Number.isSafeInteger(Number(r[c]))) r[c] = Number(r[c]);
    return {
      columns: reader.deduplicatedColumnNames(),
      types,
      rows: rows.slice(0, maxRows),
      truncated: rows.length > maxRows,
    };
  } catch (e) {
    throw queryError(e);
  }
}
function queryError(e: unknown): ChimeraError {
  if (e instanceof ChimeraError) return e;
  const message = e instanceof Error ? e.message : String(e);
  if (/^(IO|Invalid Input) Error/.test(message) || /no files found/i.test(message)) {
    const file = /"([^"]+\.parquet)"/.exec(message)?.[1] ?? /'([^']+\.parquet)'/.exec(message)?.[1];
    if (file) return storageError(e, file, 'read');
  }
  return new ChimeraError('CHM613', firstLine(message), {
    cause: e,
    help: 'tables are the datasets (`chimera lake ls`), columns `DESCRIBE <dataset>`',
  });
}

/** The result as an aligned table, JSON (an array of objects) or CSV (RFC 4180). */
export function formatSql(result: SqlResult, format: 'table' | 'json' | 'csv'): string {
  if (format === 'json')
    return `${JSON.stringify(result.rows.map((r) => Object.fromEntries(result.columns.map((c, i) => [c, r[i]]))))}\n`;
  const text = (v: unknown): string =>
    v === null || v === undefined ? '' : typeof v === 'object' ? JSON.stringify(v) : String(v);
  if (format === 'csv') {
    const cell = (s: string): string => (/[",\r\n]/.test(s) ? `"${s.replaceAll('"', '""')}"` : s);
    return [result.columns, ...result.rows].map((r) => `${r.map((v) => cell(text(v))).join(',')}\n`).join('');
  }
  const cells = [result.columns, ...result.rows.map((r) => r.map(text))];
  const width = result.columns.map((_, c) => Math.max(...cells.map((r) => r[c]!.length)));
  const right = result.types.map((t) => /INT|DOUBLE|FLOAT|DECIMAL/.test(t) && !t.endsWith('[]'));
  const line = (r: string[]): string =>
    r
      .map((v, c) => (right[c] ? v.padStart(width[c]!) : v.padEnd(width[c]!)))
      .join('  ')
      .trimEnd();
  const [head, ...body] = cells.map(line);
  const rule = width.map((w) => '-'.repeat(w)).join('  ');
  const more = result.truncated ? `… more than ${result.rows.length} rows` : `${result.rows.length} rows`;
  return `${[head, rule, ...body, more].join('\n')}\n`;
}
