import { ChimeraError } from '../graph/schema/index.ts';
import { DuckDb, sqlText } from './duckdb.ts';
import { type FileEntry, readLake, requireLake, schemaId } from './manifest.ts';
import { RowStream } from './row-stream.ts';
import { schemaFromJson } from './schema.ts';
import { type Borrowed, hashFile, LocalStorage, type ObjectStorage } from './storage.ts';

export interface DatasetSummary {
  tier: string;
  dataset: string;
  keys: string[];
  sources: string[];
  files: number;
  rows: number;
  bytes: number;
  first_us: number;
  last_us: number;
  dates: number;
  schema: string;
}
export interface LakeSummary {
  version: string;
  commits: number;
  datasets: DatasetSummary[];
}

/** What the lake holds, from its manifest alone. */
export async function listLake(dir: string, storage: ObjectStorage = new LocalStorage(dir)): Promise<LakeSummary> {
  const view = await readLake(storage);
  requireLake(view, dir);
  const groups = new Map<string, FileEntry[]>();
  for (const f of view.files) {
    const id = `${f.tier}/${f.dataset}`;
    const g = groups.get(id);
    if (g) g.push(f);
    else groups.set(id, [f]);
  }
  const unique = (files: FileEntry[], of: (f: FileEntry) => string): string[] => [...new Set(files.map(of))].sort();
  const datasets = [...groups.values()].map((files): DatasetSummary => {
    const total = (of: (f: FileEntry) => number): number => files.reduce((s, f) => s + of(f), 0);
    return {
      tier: files[0]!.tier,
      dataset: files[0]!.dataset,
      keys: unique(files, (f) => f.key),
      sources: unique(files, (f) => f.source),
      files: files.length,
      rows: total((f) => f.rows),
      bytes: total((f) => f.bytes),
      first_us: files.reduce((m, f) => Math.min(m, f.first_t_us), Number.POSITIVE_INFINITY),
      last_us: files.reduce((m, f) => Math.max(m, f.last_t_us), Number.NEGATIVE_INFINITY),
      dates: new Set(files.map((f) => f.date)).size,
      schema: unique(files, (f) => schemaId(f.schema, f.schema_version)).join(', '),
    };
  });
  return { version: view.version, commits: view.commits.length, datasets };
}

export interface VerifyResult {
  ok: boolean;
  files: number;
  rows: number;
  bytes: number;
  version: string;
  problems: { code: string; file: string; message: string }[];
  /** Parquet files in the Hive folders that no commit knows and no compaction replaced. */
  orphans: string[];
}

/**
 * Checks everything that the manifest claims: every file is there, has its hash, is readable to its last row, holds
 * its rows in order and within its range, and no two files of one writer overlap. All problems are reported at once.
 */
export async function verifyLake(
  dir: string,
  options: { storage?: ObjectStorage; onProgress?: (done: number, total: number) => void } = {},
): Promise<VerifyResult> {
  const storage = options.storage ?? new LocalStorage(dir);
  const view = await readLake(storage);
  requireLake(view, dir);
  const problems: VerifyResult['problems'] = [];
  const report = (e: unknown, file: string): void => {
    if (!(e instanceof ChimeraError)) throw e;
    problems.push({ code: e.code, file, message: e.message });
  };
  const db = await DuckDb.open({ memoryMb: 256 });
  try {
    let done = 0;
    for (const f of view.files) {
      let lent: Borrowed | undefined;
      try {
        lent = await storage.borrow(f.path, { fresh: true });
        const { sha256, bytes } = await hashFile(lent.path);
        if (sha256 !== f.sha256 || bytes !== f.bytes)
          problems.push({
            code: 'CHM608',
            file: f.path,
            message: `${bytes} bytes with hash ${sha256.slice(0, 12)}… instead of ${f.bytes} with ${f.sha256.slice(0, 12)}…`,
          });
        const schema = schemaFromJson(view.schemas.get(schemaId(f.schema, f.schema_version))!);
        await verifyRows(db, lent.path, f, schema);
      } catch (e) {
        report(e, f.path);
      } finally {
        await lent?.release();
      }
      options.onProgress?.(++done, view.files.length);
    }
  } finally {
    db.close();
  }
  problems.push(...overlaps(view.files));
  const known = new Set([...view.files.map((f) => f.path), ...view.removed.values()]);
  const tiers = [...new Set(['bronze', 'silver', 'gold', ...view.files.map((f) => f.tier)])];
  const orphans: string[] = [];
  for (const tier of tiers) orphans.push(...(await storage.list(tier)).filter((p) => !known.has(p)));
  return {
    ok: problems.length === 0 && orphans.length === 0,
    files: view.files.length,
    rows: view.files.reduce((s, f) => s + f.rows, 0),
    bytes: view.files.reduce((s, f) => s + f.bytes, 0),
    version: view.version,
    problems,
    orphans,
  };
}

async function verifyRows(db: DuckDb, path: string, f: FileEntry, schema: ReturnType<typeof schemaFromJson>) {
  const stream = new RowStream(db, [{ path, rows: f.rows }], {
    schema,
    digits: { pxDigits: f.px_digits, qtyDigits: f.qty_digits },
    where: '',
  });
  let first: number[] | undefined;
  let last: number[] = [];
  try {
    while (await stream.next()) {
      first ??= [stream.seq[0]!, stream.t[0]!];
      last = [stream.seq[stream.n - 1]!, stream.t[stream.n - 1]!];
    }
  } finally {
    await stream.close();
  }
  const found = [...(first ?? []), ...last].join(' ');
  const claimed = [f.first_seq, f.first_t_us, f.last_seq, f.last_t_us].join(' ');
  if (found !== claimed)
    throw new ChimeraError('CHM608', `the range of its rows is not the one in the manifest (${found}, not ${claimed})`);
  const connection = await db.connect();
  try {
    const r = await connection.runAndReadAll(
      `SELECT count(*)::DOUBLE FROM read_parquet(${sqlText(path)}, hive_partitioning = false)
       WHERE source IS DISTINCT FROM ${sqlText(f.source)} OR coalesce(key, '') <> ${sqlText(f.key)}`,
    );
    if (r.getRows()[0]![0] !== 0) throw new ChimeraError('CHM608', 'its source or key is not the one in the manifest');
  } finally {
    db.release(connection);
  }
}

function overlaps(files: readonly FileEntry[]): VerifyResult['problems'] {
  const groups = new Map<string, FileEntry[]>();
  for (const f of files) {
    const id = [f.tier, f.dataset, f.key, f.source, f.writer].join('\n');
    const g = groups.get(id);
    if (g) g.push(f);
    else groups.set(id, [f]);
  }
  const out: VerifyResult['problems'] = [];
  for (const g of groups.values()) {
    g.sort((a, b) => a.first_seq - b.first_seq);
    for (let i = 1; i < g.length; i++)
      if (g[i]!.first_seq <= g[i - 1]!.last_seq)
        out.push({ code: 'CHM612', file: g[i]!.path, message: `overlaps ${g[i - 1]!.path}` });
  }
  return out;
}
