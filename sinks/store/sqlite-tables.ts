import { COLLECTIONS, type CollectionSpec } from './collections.ts';
import type { Document } from './document-store.ts';
import type { SqliteCore } from './sqlite-core.ts';

/**
 * One table per collection: a row number in order of insertion, the key, the indexed fields as columns, and the whole
 * document as JSON. Full text has an index table beside it with the same row numbers. An edge that is nothing but its
 * columns has no JSON: there are many of them, and all of it would be said twice.
 */
export const columnsOf = (spec: CollectionSpec): string[] =>
  [...new Set([...spec.indexes.flat(), ...(spec.kind === 'edge' ? EDGE : [])])].filter((c) => c !== '_key');
const EDGE = ['_from', '_to', 'kind', 't', 'instrument'];
/** What the column `doc` of such an edge holds. */
export const BARE = '';

/** SQL for the JSON of a document of the collection. */
export const jsonOf = (spec: CollectionSpec): string =>
  spec.kind === 'document'
    ? 'doc'
    : `CASE doc WHEN '${BARE}' THEN json_object(${['_key', ...EDGE].map((c) => `'${c}', ${c}`).join(', ')}) ELSE doc END`;

/** Whether the columns say all of it, each in a form that comes back as it was. */
export function isBare(d: Document): boolean {
  let fields = 0;
  for (const _ in d) fields++;
  return (
    fields === EDGE.length + 1 &&
    Number.isSafeInteger(d['t']) &&
    !Object.is(d['t'], -0) &&
    EDGE.every((c) => c === 't' || typeof d[c] === 'string')
  );
}
export const searchTable = (collection: string): string => `${collection}_words`;

export function createTables(core: SqliteCore): void {
  for (const [name, spec] of Object.entries<CollectionSpec>(COLLECTIONS)) createCollection(core, name, spec);
  core.script(`
    CREATE TABLE IF NOT EXISTS checkpoints (
      pipeline TEXT NOT NULL, epoch INTEGER NOT NULL, graph TEXT NOT NULL, now INTEGER NOT NULL,
      offsets TEXT NOT NULL, blob BLOB NOT NULL, PRIMARY KEY (pipeline, epoch)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS manifests (
      writer TEXT NOT NULL, epoch INTEGER NOT NULL, entry TEXT NOT NULL, blob BLOB,
      PRIMARY KEY (writer, epoch)) WITHOUT ROWID;
  `);
}

function createCollection(core: SqliteCore, name: string, spec: CollectionSpec): void {
  const columns = columnsOf(spec);
  core.script(`CREATE TABLE IF NOT EXISTS ${name} (
    id INTEGER PRIMARY KEY, _key TEXT NOT NULL UNIQUE, ${columns.map((c) => `${c},`).join(' ')} doc TEXT NOT NULL)`);
  // A field that became searchable later gets its column filled from the documents.
  const existing = new Set(core.rows('SELECT name FROM pragma_table_info(?)', name).map((r) => r[0]));
  for (const c of columns)
    if (!existing.has(c))
      core.script(`ALTER TABLE ${name} ADD COLUMN ${c}; UPDATE ${name} SET ${c} = json_extract(doc, '$.${c}')`);
  for (const index of spec.indexes)
    core.script(`CREATE INDEX IF NOT EXISTS ${name}_by_${index.join('_')} ON ${name} (${index.join(', ')})`);
  if (spec.fullText.length > 0)
    core.script(`CREATE VIRTUAL TABLE IF NOT EXISTS ${searchTable(name)} USING fts5(
      body, content='', contentless_delete=1, tokenize='unicode61 remove_diacritics 2')`);
}

/** Text as the index sees it: each Han, Hiragana or Katakana character is a word, because these scripts do not space theirs. */
export const searchable = (text: string): string =>
  text.replace(/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/gu, ' $& ');
