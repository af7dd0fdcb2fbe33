import { createHash } from 'node:crypto';
import { ChimeraError } from '../graph/schema/index.ts';
import type { SchemaJson } from './schema.ts';
import { AT_ONCE, type ObjectStorage } from './storage.ts';

/** One Parquet file of the lake. Times are t_avail in µs; digits are the key's decimals in this file. */
export interface FileEntry {
  path: string;
  tier: string;
  dataset: string;
  key: string;
  date: string;
  /** Value of the `source` column. */
  source: string;
  /** The writer whose rows these are; a compaction keeps it. */
  writer: string;
  rows: number;
  bytes: number;
  sha256: string;
  first_seq: number;
  last_seq: number;
  first_t_us: number;
  last_t_us: number;
  px_digits: number;
  qty_digits: number;
  schema: string;
  schema_version: number;
}
/**
 * One commit: immutable, numbered per writer, without any wall-clock time, so that a repeated run writes the same
 * bytes. A reader's view is the union of all `add` less all `remove`, whatever the order in which it lists them.
 */
export interface Commit {
  chimera_manifest: 1;
  writer: string;
  n: number;
  kind: 'append' | 'compact';
  /** Rows of the writer up to and including this seq are in files: where a resumed writer goes on. */
  through_seq: number;
  through_t_us: number;
  /** In the order of the writer's key table, which is the order in which instances run. */
  keys: { name: string; px_digits: number; qty_digits: number }[];
  /** By `name@version`. */
  schemas: Record<string, SchemaJson>;
  add: FileEntry[];
  remove: { path: string; sha256: string }[];
}
/** The folded manifest. `version` names the state exactly. */
export interface LakeView {
  commits: Commit[];
  /** Sorted by path. */
  files: FileEntry[];
  removed: Map<string, string>;
  schemas: Map<string, SchemaJson>;
  keys: Commit['keys'];
  version: string;
}

export const schemaId = (name: string, version: number): string => `${name}@${version}`;
const folder = (writer: string): string => `_manifest/${encodeURIComponent(writer)}`;
export const commitPath = (writer: string, n: number): string => `${folder(writer)}/${String(n).padStart(8, '0')}.json`;

/** The file's text: a line with the hash of the rest, then the commit. */
export function commitBytes(commit: Commit): Uint8Array {
  const body = JSON.stringify(commit, null, 1);
  const sha = createHash('sha256').update(body).digest('hex');
  return Buffer.from(`{"sha256":"${sha}","commit":\n${body}\n}\n`);
}
function parseCommit(bytes: Uint8Array, file: string): Commit {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  const head = /^\{"sha256":"([0-9a-f]{64})","commit":\n/.exec(text);
  const body = head && text.endsWith('\n}\n') ? text.slice(head[0].length, -3) : undefined;
  if (!head || body === undefined || createHash('sha256').update(body).digest('hex') !== head[1])
    throw damaged(file, 'its text does not match its own hash');
  return JSON.parse(body) as Commit;
}
const damaged = (file: string, why: string): ChimeraError =>
  new ChimeraError('CHM601', `manifest ${file} is damaged: ${why}`, {
    file,
    help: 'restore the file from a backup, or import the same input under the same writer name into an empty folder',
  });

/** Puts a commit; 'same' when exactly it was there already; CHM602 when something else was. */
export async function putCommit(storage: ObjectStorage, commit: Commit): Promise<'new' | 'same'> {
  const name = commitPath(commit.writer, commit.n);
  const bytes = commitBytes(commit);
  if (await storage.putIfAbsent(name, bytes)) return 'new';
  if (Buffer.compare(await storage.get(name), bytes) === 0) return 'same';
  throw conflict(commit.writer, name);
}
export const conflict = (writer: string, file: string): ChimeraError =>
  new ChimeraError('CHM602', `writer "${writer}" has committed something else as ${file}`, {
    file,
    help: 'choose another writer name for another input, and let one process write under one name',
  });

/** @param known commits read before: they never change, so that they are not read again */
export async function readCommits(
  storage: ObjectStorage,
  writer?: string,
  known: readonly Commit[] = [],
): Promise<Commit[]> {
  const before = new Map(known.map((c) => [commitPath(c.writer, c.n), c]));
  const names = await storage.list(writer === undefined ? '_manifest' : folder(writer));
  const unread = names.filter((n) => !before.has(n));
  // Some at once: each is a request of its own where the lake is far away.
  for (let i = 0; i < unread.length; i += AT_ONCE) {
    const some = unread.slice(i, i + AT_ONCE);
    const texts = await Promise.all(some.map((n) => storage.get(n)));
    for (const [k, n] of some.entries()) before.set(n, parseCommit(texts[k]!, storage.url(n)));
  }
  const commits: Commit[] = [];
  for (const name of names) {
    const commit = before.get(name)!;
    if (commitPath(commit.writer, commit.n) !== name) throw damaged(storage.url(name), 'it belongs under another name');
    const last = commits.at(-1);
    const expected = last?.writer === commit.writer ? last.n + 1 : 0;
    if (commit.n !== expected)
      throw damaged(storage.url(commitPath(commit.writer, expected)), 'a number is missing from its series');
    commits.push(commit);
  }
  return commits;
}

export async function readLake(storage: ObjectStorage): Promise<LakeView> {
  return fold(await readCommits(storage));
}

export function fold(commits: Commit[]): LakeView {
  const removed = new Map<string, string>();
  for (const c of commits) for (const r of c.remove) removed.set(`${r.path}@${r.sha256}`, r.path);
  const files = new Map<string, FileEntry>();
  const schemas = new Map<string, SchemaJson>();
  const keys = new Map<string, Commit['keys'][number]>();
  for (const c of commits) {
    for (const f of c.add) if (!removed.has(`${f.path}@${f.sha256}`)) files.set(f.path, f);
    for (const [id, s] of Object.entries(c.schemas)) schemas.set(id, s);
    for (const k of c.keys) {
      const known = keys.get(k.name);
      // An instrument that got more decimals meanwhile is read with the most: older amounts are exact in them too.
      if (!known) keys.set(k.name, { ...k });
      else {
        known.px_digits = Math.max(known.px_digits, k.px_digits);
        known.qty_digits = Math.max(known.qty_digits, k.qty_digits);
      }
    }
  }
  const list = [...files.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  return { commits, files: list, removed, schemas, keys: [...keys.values()], version: viewVersion(list) };
}
/** Hash over the sorted content hashes: the same contents have the same version, wherever they lie. */
function viewVersion(files: readonly FileEntry[]): string {
  return contentHash(files.map((f) => f.sha256));
}
export function contentHash(hashes: readonly string[]): string {
  return createHash('sha256')
    .update([...hashes].sort().join('\n'))
    .digest('hex');
}

/** The commit that moved a path out, for readers that still hold an older view. */
export const trashPath = (path: string): string => `_trash/${path}`;

/** CHM603 unless something was ever committed. */
export function requireLake(view: LakeView, dir: string): void {
  if (view.commits.length > 0) return;
  throw new ChimeraError('CHM603', `${dir} is not a lake`, {
    file: dir,
    help: 'give the folder that `chimera lake import --to` wrote, or import into it first',
  });
}
