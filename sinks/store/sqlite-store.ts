import type { Checkpoint, CheckpointStore, ManifestEntry } from '../../graph/checkpoint/store.ts';
import { ChimeraError } from '../../graph/schema/index.ts';
import { COLLECTIONS, type Collection, type CollectionSpec, collectionOf } from './collections.ts';
import { KEY_SHAPE } from './document-key.ts';
import type { Document, DocumentStore, Queries, QueryName } from './document-store.ts';
import { SqliteCore, type SqliteOptions } from './sqlite-core.ts';
import { SQLITE_QUERIES } from './sqlite-queries.ts';
import { BARE, columnsOf, isBare, jsonOf, searchable, searchTable } from './sqlite-tables.ts';

/** Checkpoints of a pipeline that are kept: the newest, and one in case it is damaged. */
const KEPT = 2;
/** Documents per statement: they travel as one JSON array, which costs less than a call for each. */
const BATCH = 500;

/**
 * The embedded store: documents, checkpoints and manifest entries in one SQLite file. Opening the same file again in
 * the same process gives another handle on the same connection, and with it on the same transaction.
 */
export class SqliteStore implements DocumentStore, CheckpointStore {
  readonly #core: SqliteCore;
  #open = true;
  /** @param file path; undefined = in memory, for this handle alone. @throws CHM540, CHM544 */
  constructor(file: string | undefined, options: SqliteOptions = {}) {
    this.#core = SqliteCore.open(file, options);
  }

  transaction<T>(work: () => T | Promise<T>): Promise<T> {
    return this.#core.transaction(work);
  }
  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    this.#core.release();
  }

  async upsert(collection: Collection, documents: readonly Document[]): Promise<void> {
    const spec = declared(collection);
    if (documents.length === 0) return;
    await this.#core.transaction(() => {
      for (let i = 0; i < documents.length; i += BATCH) {
        const batch = documents.slice(i, i + BATCH);
        const texts = batch.map((d) => text(collection, spec, d));
        if (spec.immutable) for (const [j, d] of batch.entries()) refuseChange(this.#core, collection, d, texts[j]!);
        writers[collection](this.#core, batch, texts);
      }
    });
  }
  async get(collection: Collection, key: string): Promise<Document | undefined> {
    const spec = declared(collection);
    const row = this.#core.row(`SELECT ${jsonOf(spec)} FROM ${collection} WHERE _key = ?`, key);
    return row && (JSON.parse(row[0] as string) as Document);
  }
  async count(collection: Collection): Promise<number> {
    declared(collection);
    return this.#core.row(`SELECT count(*) FROM ${collection}`)![0] as number;
  }
  async query<N extends QueryName>(name: N, params: Queries[N]['params']): Promise<Queries[N]['row'][]> {
    if ('collection' in params) declared(params.collection);
    if ('collections' in params) params.collections?.forEach(declared);
    return SQLITE_QUERIES[name](this.#core, params);
  }

  async saveCheckpoint(c: Checkpoint): Promise<void> {
    await this.#core.transaction(() => {
      this.#core.run(
        'INSERT OR REPLACE INTO checkpoints (pipeline, epoch, graph, now, offsets, blob) VALUES (?, ?, ?, ?, ?, ?)',
        c.pipeline,
        c.epoch,
        c.graph,
        c.now,
        JSON.stringify(c.offsets),
        c.blob,
      );
      this.#core.run(
        `DELETE FROM checkpoints WHERE pipeline = ? AND (epoch > ? OR epoch NOT IN (
           SELECT epoch FROM checkpoints WHERE pipeline = ? AND epoch <= ? ORDER BY epoch DESC LIMIT ${KEPT}))`,
        c.pipeline,
        c.epoch,
        c.pipeline,
        c.epoch,
      );
    });
  }
  async loadCheckpoint(pipeline: string, before = Number.MAX_SAFE_INTEGER): Promise<Checkpoint | undefined> {
    const row = this.#core.row(
      `SELECT epoch, graph, now, offsets, blob FROM checkpoints
       WHERE pipeline = ? AND epoch < ? ORDER BY epoch DESC LIMIT 1`,
      pipeline,
      before,
    ) as [number, string, number, string, Uint8Array | ArrayBuffer] | undefined;
    if (!row) return undefined;
    const [epoch, graph, now, offsets, blob] = row;
    return {
      pipeline,
      epoch,
      graph,
      now,
      offsets: JSON.parse(offsets) as Record<string, number>,
      blob: new Uint8Array(blob),
    };
  }

  async saveManifest(writer: string, epoch: number, entry: unknown, blob?: Uint8Array): Promise<void> {
    this.#core.run(
      'INSERT OR REPLACE INTO manifests (writer, epoch, entry, blob) VALUES (?, ?, ?, ?)',
      writer,
      epoch,
      JSON.stringify(entry),
      blob ?? null,
    );
  }
  async loadManifest(writer: string, from = 0, before = Number.MAX_SAFE_INTEGER): Promise<ManifestEntry[]> {
    const sql = 'SELECT epoch, entry, blob FROM manifests WHERE writer = ? AND epoch >= ? AND epoch < ? ORDER BY epoch';
    return (this.#core.rows(sql, writer, from, before) as [number, string, ArrayBuffer | null][]).map(
      ([epoch, entry, blob]) => ({
        epoch,
        entry: JSON.parse(entry) as unknown,
        blob: blob === null ? undefined : new Uint8Array(blob),
      }),
    );
  }
  async keepManifest(writer: string, from: number, before: number): Promise<void> {
    this.#core.run('DELETE FROM manifests WHERE writer = ? AND (epoch < ? OR epoch >= ?)', writer, from, before);
  }
}

type Writer = (core: SqliteCore, batch: readonly Document[], texts: readonly string[]) => void;
const writers = Object.fromEntries(
  Object.entries<CollectionSpec>(COLLECTIONS).map(([name, spec]) => [name, writer(name, spec)]),
) as Record<Collection, Writer>;

function writer(name: string, spec: CollectionSpec): Writer {
  const columns = columnsOf(spec);
  const all = ['_key', 'doc', ...columns];
  const update = all.slice(1).map((c) => `${c} = excluded.${c}`);
  const changed = (spec.kind === 'edge' ? all.slice(1) : ['doc']).map((c) => `${c} IS NOT excluded.${c}`);
  const insert = `INSERT INTO ${name} (${all.join(', ')})
    SELECT ${all.map((_, i) => `value ->> ${i}`).join(', ')} FROM json_each(?) WHERE true
    ON CONFLICT (_key) DO UPDATE SET ${update.join(', ')} WHERE ${changed.join(' OR ')}`;
  const index = `INSERT OR REPLACE INTO ${searchTable(name)} (rowid, body)
    SELECT d.id, w.value ->> 1 FROM json_each(?) w JOIN ${name} d ON d._key = w.value ->> 0`;
  return (core, batch, texts) => {
    const rows = batch.map((d, i) => [d._key, texts[i], ...columns.map((c) => scalar(d[c]))]);
    core.run(insert, JSON.stringify(rows));
    if (spec.fullText.length > 0) core.run(index, JSON.stringify(batch.map((d) => [d._key, wordsOf(d, spec)])));
  };
}
function wordsOf(d: Document, spec: CollectionSpec): string {
  const words = spec.fullText.map((f) => d[f]).filter((v) => v !== undefined && v !== null && v !== '');
  return searchable(words.map((v) => (typeof v === 'string' ? v : JSON.stringify(v))).join('\n'));
}
function refuseChange(core: SqliteCore, collection: string, d: Document, text: string): void {
  const known = core.row(`SELECT doc FROM ${collection} WHERE _key = ?`, d._key);
  if (known && known[0] !== text)
    throw new ChimeraError('CHM541', `${collection}/${d._key} exists with another content`, {
      help: 'give the new content its own name: bundles are named by their content hash',
    });
}
/** What a column can hold; a list or object is searched by its text. */
const scalar = (v: Document[string]): string | number | null =>
  v === undefined || v === null
    ? null
    : typeof v === 'string' || typeof v === 'number'
      ? v
      : typeof v === 'boolean'
        ? Number(v)
        : JSON.stringify(v);

function declared(collection: string): CollectionSpec {
  const spec = collectionOf(collection);
  if (!spec)
    throw new ChimeraError('CHM543', `collection ${collection} is not declared`, {
      help: `declared are ${Object.keys(COLLECTIONS).join(', ')}`,
    });
  return spec;
}
function text(collection: string, spec: CollectionSpec, d: Document): string {
  if (typeof d._key !== 'string' || !KEY_SHAPE.test(d._key))
    throw new ChimeraError('CHM547', `a document of ${collection} has the key ${JSON.stringify(d._key)}`, {
      help: 'make keys with documentKey()',
    });
  const bad = badNumber(d);
  if (bad !== undefined)
    throw new ChimeraError('CHM547', `${collection}/${d._key} has a number that JSON has not, in ${bad}`, {
      field: bad,
      help: 'leave the field out, or set it to null',
    });
  return spec.kind === 'edge' && isBare(d) ? BARE : JSON.stringify(d);
}
/** Field of a NaN or infinity, which JSON.stringify would silently make null. */
function badNumber(v: object): string | undefined {
  for (const field in v) {
    const x = (v as Record<string, unknown>)[field];
    if (typeof x === 'number' ? !Number.isFinite(x) : typeof x === 'object' && x !== null && badNumber(x) !== undefined)
      return field;
  }
  return undefined;
}
