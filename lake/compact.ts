import type { DuckDBConnection } from '@duckdb/node-api';
import { recoverIntents } from './committer.ts';
import { DuckDb, sqlText, storageError } from './duckdb.ts';
import {
  type Commit,
  conflict,
  type FileEntry,
  fold,
  type LakeView,
  putCommit,
  readCommits,
  readLake,
  schemaId,
  trashPath,
} from './manifest.ts';
import { copyToParquet, rowGroupRows } from './parquet-copy.ts';
import { dateText, dayOf, fileName } from './partition.ts';
import { borrowAll, giveBack, LocalStorage, type ObjectStorage } from './storage.ts';

export interface CompactOptions {
  /** Now, µs: when files were replaced is measured against it. */
  nowUs: number;
  /** How long replaced files stay in the Hive root for readers of an older view. Default 10 minutes. */
  graceUs?: number;
  /** How long they are kept in `_trash/` after that. Default 1 day. */
  keepUs?: number;
  /** Only days before this one (`YYYY-MM-DD`). Default: the last day of the lake, which may still grow. */
  before?: string;
  /** A partition with fewer files is left alone. Default 2. */
  minFiles?: number;
  /** Rows per new file. Default 4 M. */
  maxRows?: number;
  storage?: ObjectStorage;
  onProgress?: (done: number, total: number) => void;
}
export interface CompactResult {
  partitions: number;
  files_before: number;
  files_after: number;
  bytes_before: number;
  bytes_after: number;
  moved_out: number;
}

const WRITER = '_compaction';
const REPLACED = '_replaced';

/**
 * Joins the small files of closed days, per partition and writer. For each group: the new file reaches its Hive path
 * and the manifest that puts it in the place of the old ones follows in one commit, so that a reader of any view sees
 * each row once. The old files stay where they are for the grace, then move to `_trash/`, where readers of an older
 * view still find them. A crash between any two steps leaves a view that is whole.
 */
export async function compactLake(dir: string, options: CompactOptions): Promise<CompactResult> {
  const storage = options.storage ?? new LocalStorage(dir);
  await recoverIntents(storage, WRITER);
  const view = await readLake(storage);
  let commits: Commit[] = view.commits;
  const before = options.before ?? dateText(dayOf(Math.max(0, ...view.files.map((f) => f.last_t_us))));
  const groups = plan(view.files, before, options);
  const result: CompactResult = {
    partitions: groups.length,
    files_before: 0,
    files_after: 0,
    bytes_before: 0,
    bytes_after: 0,
    moved_out: 0,
  };
  if (groups.length > 0) {
    const db = await DuckDb.open({ memoryMb: 512 });
    try {
      const connection = await db.connect();
      for (let i = 0; i < groups.length; i++) {
        const group = groups[i]!;
        commits = await readCommits(storage, undefined, commits);
        const entry = await joinFiles(storage, connection, { view, commits }, group, options.nowUs);
        result.files_before += group.length;
        result.files_after++;
        result.bytes_before += group.reduce((s, f) => s + f.bytes, 0);
        result.bytes_after += entry.bytes;
        options.onProgress?.(i + 1, groups.length);
      }
    } finally {
      db.close();
    }
  }
  commits = await readCommits(storage, undefined, commits);
  result.moved_out = await moveReplaced(storage, commits, options);
  return result;
}

function plan(files: readonly FileEntry[], before: string, o: CompactOptions): FileEntry[][] {
  const groups = new Map<string, FileEntry[]>();
  for (const f of files) {
    if (f.date >= before) continue;
    const id = [f.path.slice(0, f.path.lastIndexOf('/')), f.source, f.writer, f.schema, f.schema_version].join('\n');
    const g = groups.get(id);
    if (g) g.push(f);
    else groups.set(id, [f]);
  }
  const out: FileEntry[][] = [];
  for (const g of groups.values()) {
    g.sort((a, b) => a.first_seq - b.first_seq);
    // Cut into runs of at most maxRows; a run of one file is what it should be already.
    let run: FileEntry[] = [];
    let rows = 0;
    const close = (): void => {
      if (run.length >= Math.max(2, o.minFiles ?? 2)) out.push(run);
      run = [];
      rows = 0;
    };
    for (const f of g) {
      if (rows + f.rows > (o.maxRows ?? 4_000_000)) close();
      run.push(f);
      rows += f.rows;
    }
    close();
  }
  return out;
}

async function joinFiles(
  storage: ObjectStorage,
  connection: DuckDBConnection,
  { view, commits }: { view: LakeView; commits: readonly Commit[] },
  group: readonly FileEntry[],
  nowUs: number,
): Promise<FileEntry> {
  const first = group[0]!;
  const last = group.at(-1)!;
  const schema = view.schemas.get(schemaId(first.schema, first.schema_version))!;
  const digits = {
    px_digits: Math.max(...group.map((f) => f.px_digits)),
    qty_digits: Math.max(...group.map((f) => f.qty_digits)),
  };
  const folder = first.path.slice(0, first.path.lastIndexOf('/'));
  const n = commits.filter((c) => c.writer === WRITER).length;
  const path = freeName(commits, `${folder}/${fileName(first.first_seq, last.last_seq)}`, first.writer);
  const local = `${await storage.staging(WRITER)}/${n}.parquet`;
  const meta = {
    v: 1,
    tier: first.tier,
    dataset: first.dataset,
    key: first.key,
    ...digits,
    source: first.source,
    writer: first.writer,
    schema,
  };
  const lists = Object.values(schema.fields).some((f) => f.kind === 'list');
  let made: { sha256: string; bytes: number };
  let counted: unknown[];
  const lent = await borrowAll(
    storage,
    group.map((f) => f.path),
  );
  const list = lent.map((b) => sqlText(b.path)).join(', ');
  try {
    // One thread and the kept insertion order: rows come out in the order of the list, which is the order of seq.
    made = await copyToParquet(
      connection,
      `SELECT * FROM read_parquet([${list}], hive_partitioning = false, union_by_name = true)`,
      local,
      { meta, rowGroupRows: rowGroupRows(lists) },
    );
    const check = await connection.runAndReadAll(
      `SELECT count(*)::DOUBLE, min(seq)::DOUBLE, max(seq)::DOUBLE FROM read_parquet(${sqlText(local)})`,
    );
    counted = check.getRows()[0]!;
  } catch (e) {
    throw storageError(e, storage.url(first.path), 'read');
  } finally {
    await giveBack(lent);
  }
  const rows = group.reduce((s, f) => s + f.rows, 0);
  if (counted[0] !== rows || counted[1] !== first.first_seq || counted[2] !== last.last_seq)
    throw storageError(new Error(`corrupt: ${String(counted[0])} rows instead of ${rows}`), storage.url(path), 'read');
  const entry: FileEntry = {
    ...first,
    ...digits,
    path,
    rows,
    bytes: made.bytes,
    sha256: made.sha256,
    last_seq: last.last_seq,
    last_t_us: last.last_t_us,
  };
  const commit: Commit = {
    chimera_manifest: 1,
    writer: WRITER,
    n,
    kind: 'compact',
    through_seq: -1,
    through_t_us: 0,
    keys: [],
    schemas: { [schemaId(schema.name, schema.version)]: schema },
    add: [entry],
    remove: group.map((f) => ({ path: f.path, sha256: f.sha256 })),
  };
  const intent = `_intent/${WRITER}/${n}.json`;
  if (!(await storage.putIfAbsent(intent, Buffer.from(JSON.stringify([path]))))) throw conflict(WRITER, intent);
  await storage.putFile(local, path);
  await putCommit(storage, commit);
  await storage.putIfAbsent(
    `${REPLACED}/${String(n).padStart(8, '0')}.json`,
    Buffer.from(JSON.stringify({ at_us: nowUs })),
  );
  await storage.delete(intent);
  return entry;
}

/** A name that no commit has ever used: writers may count the same seq, and replaced files still lie there. */
function freeName(commits: readonly Commit[], path: string, writer: string): string {
  const used = new Set(commits.flatMap((c) => c.add.map((f) => f.path)));
  let name = path;
  for (let i = 0; used.has(name); i++)
    name = path.replace(/\.parquet$/, `_${encodeURIComponent(writer)}${i === 0 ? '' : `_${i}`}.parquet`);
  return name;
}

/** Moves files that were replaced longer than the grace ago out of the Hive root. Repeating it changes nothing. */
async function moveReplaced(storage: ObjectStorage, commits: readonly Commit[], o: CompactOptions): Promise<number> {
  const compactions = commits.filter((c) => c.kind === 'compact');
  const live = new Set(fold([...commits]).files.map((f) => f.path));
  // What is there is listed once: asking for each file that was ever replaced would grow with the lake's history.
  const tiers = new Set(compactions.flatMap((c) => c.remove.map((r) => r.path.slice(0, r.path.indexOf('/')))));
  const there = new Set<string>();
  for (const folder of [...tiers, '_trash', REPLACED]) for (const name of await storage.list(folder)) there.add(name);
  let moved = 0;
  for (const c of compactions) {
    const mark = `${REPLACED}/${String(c.n).padStart(8, '0')}.json`;
    // A crash between manifest and mark: the grace begins now.
    if (!there.has(mark)) await storage.putIfAbsent(mark, Buffer.from(JSON.stringify({ at_us: o.nowUs })));
    const trash = c.remove.map((r) => trashPath(r.path)).filter((path) => there.has(path));
    const old = c.remove.map((r) => r.path).filter((path) => there.has(path) && !live.has(path));
    if (trash.length + old.length === 0) continue;
    const at = (JSON.parse(Buffer.from(await storage.get(mark)).toString('utf8')) as { at_us: number }).at_us;
    const grace = o.graceUs ?? 600_000_000;
    if (o.nowUs - at < grace) continue;
    const expired = o.nowUs - at >= grace + (o.keepUs ?? 86_400_000_000);
    if (expired) for (const path of trash) await storage.delete(path);
    for (const path of old) {
      await storage.move(path, trashPath(path));
      there.delete(path);
      moved++;
    }
  }
  return moved;
}
