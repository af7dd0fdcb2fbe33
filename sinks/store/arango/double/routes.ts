import { compile } from './aql/run.ts';
import type { OverwriteMode } from './aql/scope.ts';
import { isObject, type ObjectValue, own, type Value } from './aql/values.ts';
import { ArangoDoubleError, refuse } from './arango-error.ts';
import type { CollectionData, IndexData } from './collection-data.ts';
import type { Cursor, DatabaseData } from './database-data.ts';
import type { View } from './view.ts';

export interface Call {
  readonly db: DatabaseData;
  readonly method: string;
  /** Path behind `/_api/`, in parts. */
  readonly path: readonly string[];
  readonly search: URLSearchParams;
  readonly body: Value;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** @throws 403 unless the user may write in this database. */
  mayWrite(): void;
}
export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Record<string, string>;
}
const ok = (body: object, status = 200): Answer => ({ status, body: { error: false, code: status, ...body } });

/** Where the work happens: the transaction that the request names, or one of its own. */
function within<T>(c: Call, writes: boolean, collection: string, work: (view: View) => T): T {
  if (writes) c.mayWrite();
  c.db.collection(collection);
  const id = c.headers['x-arango-trx-id'];
  if (id === undefined) return c.db.once(work);
  const t = c.db.transaction(id);
  refuseUnregistered(t, writes ? [] : [collection], writes ? [collection] : []);
  return work(t.view);
}
/** Collections to read from may join a transaction later, those to write to may not. */
function refuseUnregistered(t: { writes: ReadonlySet<string> }, _: readonly string[], writes: readonly string[]): void {
  for (const name of writes)
    if (!t.writes.has(name))
      throw refuse('unregisteredCollection', `unregistered collection used in transaction: ${name} [write]`);
}

export function collectionRoutes(c: Call): Answer {
  const [, name, what] = c.path;
  const shown = (x: CollectionData) => ({
    ...{ id: x.id, name: x.name, type: x.edges ? 3 : 2, status: 3, statusString: 'loaded', isSystem: false },
    globallyUniqueId: `h${x.id}`,
  });
  if (name === undefined) {
    if (c.method === 'GET') return ok({ result: [...c.db.collections.values()].map(shown) });
    if (c.method !== 'POST') throw methodNotAllowed();
    c.mayWrite();
    return ok(shown(c.db.create(own(c.body, 'name'), own(c.body, 'type'))));
  }
  const collection = c.db.collection(name);
  if (c.method === 'GET' && what === undefined) return ok(shown(collection));
  if (c.method === 'GET' && what === 'properties')
    return ok({ ...shown(collection), waitForSync: false, keyOptions: { allowUserKeys: true, type: 'traditional' } });
  if (c.method === 'GET' && what === 'count')
    return ok({ ...shown(collection), count: within(c, false, name, (v) => v.scan(name).length) });
  if (c.method === 'PUT' && what === 'truncate') {
    c.mayWrite();
    collection.truncate();
    return ok(shown(collection));
  }
  if (c.method === 'DELETE' && what === undefined) {
    c.mayWrite();
    c.db.collections.delete(name);
    return ok({ id: collection.id });
  }
  throw unknownPath(c);
}

export function indexRoutes(c: Call): Answer {
  const collection = c.db.collection(c.search.get('collection') ?? '');
  const shown = (i: IndexData) => ({ ...i, deduplicate: true, estimates: true });
  if (c.method === 'GET') {
    const primary = { id: `${collection.name}/0`, name: 'primary', type: 'primary', fields: ['_key'], unique: true };
    const edge = { id: `${collection.name}/1`, name: 'edge', type: 'edge', fields: ['_from', '_to'], unique: false };
    return ok({ indexes: [primary, ...(collection.edges ? [edge] : []), ...collection.indexes.map(shown)] });
  }
  if (c.method !== 'POST') throw methodNotAllowed();
  c.mayWrite();
  if (!isObject(c.body)) throw refuse('badParameter', 'bad parameter');
  const [index, isNew] = c.db.ensureIndex(collection, c.body);
  return ok({ ...shown(index), isNewlyCreated: isNew }, isNew ? 201 : 200);
}

export function documentRoutes(c: Call): Answer {
  const [, collection, key] = c.path;
  if (collection === undefined) throw unknownPath(c);
  const flag = (name: string): boolean => c.search.get(name) === 'true';
  const meta = (d: ObjectValue) => ({ _id: d['_id'], _key: d['_key'], _rev: d['_rev'] });
  const shown = (change: { old: ObjectValue | null; new: ObjectValue | null }): object => ({
    ...meta((change.new ?? change.old)!),
    ...(change.old && change.new !== change.old ? { _oldRev: change.old['_rev'] } : {}),
    ...(flag('returnNew') && change.new ? { new: change.new } : {}),
    ...(flag('returnOld') && change.old ? { old: change.old } : {}),
  });
  const one = (view: View, given: Value, at: string | undefined): object => {
    if (!isObject(given) && c.method !== 'DELETE') throw refuse('documentTypeInvalid', 'invalid document type');
    const document = (isObject(given) ? given : {}) as ObjectValue;
    const name = at ?? own(document, '_key');
    if (c.method === 'POST') return shown(view.insert(collection, document, modeOf(c.search)));
    if (typeof name !== 'string') throw refuse('keyBad', 'illegal document key');
    refuseOtherRevision(c, view.get(collection, name), document);
    if (c.method === 'PUT') return shown(view.replace(collection, name, document));
    if (c.method === 'DELETE') return shown({ old: view.remove(collection, name), new: null });
    const o = {
      keepNull: c.search.get('keepNull') !== 'false',
      mergeObjects: c.search.get('mergeObjects') !== 'false',
    };
    return shown(view.update(collection, name, document, o));
  };
  if (c.method === 'GET') {
    if (key === undefined) throw unknownPath(c);
    const d = within(c, false, collection, (v) => v.get(collection, key));
    if (!d) throw refuse('documentMissing', 'document not found');
    return { status: 200, body: d, headers: { etag: `"${String(d['_rev'])}"` } };
  }
  if (!['POST', 'PUT', 'PATCH', 'DELETE'].includes(c.method)) throw methodNotAllowed();
  if (c.method === 'POST' && key !== undefined) throw unknownPath(c);
  const status = c.method === 'DELETE' ? 200 : flag('waitForSync') ? 201 : 202;
  if (key !== undefined || !Array.isArray(c.body)) {
    const body = within(c, true, collection, (v) => one(v, c.body, key));
    return { status, body: flag('silent') ? {} : body };
  }
  const many = c.body;
  // One that is refused does not undo the others.
  const failed = new Map<number, number>();
  const results = within(c, true, collection, (v) =>
    many.map((d) => {
      try {
        return one(v, d, isObject(d) ? undefined : String(d));
      } catch (e) {
        if (!(e instanceof ArangoDoubleError)) throw e;
        failed.set(e.errorNum, (failed.get(e.errorNum) ?? 0) + 1);
        return { error: true, errorNum: e.errorNum, errorMessage: e.message };
      }
    }),
  );
  const codes = JSON.stringify(Object.fromEntries(failed));
  const headers: Record<string, string> = failed.size > 0 ? { 'x-arango-error-codes': codes } : {};
  if (!flag('silent')) return { status, body: results, headers };
  return { status, body: failed.size > 0 ? results.filter((r) => 'error' in r) : {}, headers };
}
function modeOf(search: URLSearchParams): OverwriteMode {
  const mode = search.get('overwriteMode') ?? (search.get('overwrite') === 'true' ? 'replace' : 'conflict');
  if (!['conflict', 'ignore', 'replace', 'update'].includes(mode))
    throw refuse('badParameter', `invalid overwriteMode ${mode}`);
  return mode as OverwriteMode;
}
/** `If-Match`, or `_rev` in the document with `ignoreRevs=false`. */
function refuseOtherRevision(c: Call, stored: ObjectValue | undefined, given: ObjectValue): void {
  const wanted = c.headers['if-match']?.replaceAll('"', '');
  const inDocument = c.search.get('ignoreRevs') === 'false' ? own(given, '_rev') : null;
  for (const rev of [wanted ?? null, inDocument])
    if (stored && rev !== null && rev !== stored['_rev'])
      throw refuse('preconditionFailed', 'conflict, _rev values do not match');
}

const DEFAULT_BATCH = 1000;
export function cursorRoutes(c: Call): Answer {
  const [, id, batch] = c.path;
  if (id !== undefined) {
    const cursor = c.db.cursors.get(id);
    if (!cursor || batch !== undefined) throw refuse('cursorMissing', 'cursor not found');
    if (c.method === 'DELETE') {
      c.db.cursors.delete(id);
      return ok({ id }, 202);
    }
    if (c.method !== 'POST' && c.method !== 'PUT') throw methodNotAllowed();
    return ok(nextBatch(c.db, cursor));
  }
  if (c.method !== 'POST') throw methodNotAllowed();
  const text = own(c.body, 'query');
  if (typeof text !== 'string') throw refuse('queryEmpty', 'query is empty');
  const size = own(c.body, 'batchSize') ?? DEFAULT_BATCH;
  if (typeof size !== 'number' || size < 1 || !Number.isInteger(size))
    throw refuse('badParameter', 'invalid batchSize');
  const rows = runQuery(c, text, own(c.body, 'bindVars'));
  const extra = { warnings: [], stats: { writesExecuted: 0, fullCount: rows.length } };
  const count = own(c.body, 'count') === true ? { count: rows.length } : {};
  const cursor: Cursor = { id: c.db.id(), rest: rows, batchSize: size, extra };
  c.db.cursors.set(cursor.id, cursor);
  return ok({ ...nextBatch(c.db, cursor), ...count, cached: false }, 201);
}
function nextBatch(db: DatabaseData, cursor: Cursor): object {
  const result = cursor.rest.slice(0, cursor.batchSize);
  cursor.rest = cursor.rest.slice(cursor.batchSize);
  const hasMore = cursor.rest.length > 0;
  if (!hasMore) db.cursors.delete(cursor.id);
  return { result, hasMore, extra: cursor.extra, ...(hasMore ? { id: cursor.id } : {}) };
}
function runQuery(c: Call, text: string, bindVars: Value): Value[] {
  const run = (view: View, writes: ReadonlySet<string> | undefined): Value[] => {
    const compiled = compile(text, bindVars, view);
    if (compiled.writes.size > 0) c.mayWrite();
    if (writes) refuseUnregistered({ writes }, [...compiled.reads], [...compiled.writes]);
    return compiled.run();
  };
  const id = c.headers['x-arango-trx-id'];
  if (id === undefined) return c.db.once((view) => run(view, undefined));
  const t = c.db.transaction(id);
  return run(t.view, t.writes);
}

export function transactionRoutes(c: Call): Answer {
  const [, id] = c.path;
  const shown = (name: string, status: string) => ok({ result: { id: name, status } });
  if (id === 'begin' && c.method === 'POST') {
    const collections = own(c.body, 'collections');
    if (!isObject(collections)) throw refuse('badParameter', "missing/invalid attribute 'collections'");
    const listed = (name: string): string[] => [own(collections, name) ?? []].flat() as string[];
    const writes = [...listed('write'), ...listed('exclusive')];
    if (writes.length > 0) c.mayWrite();
    const t = c.db.begin(listed('read'), writes);
    return ok({ result: { id: t.id, status: 'running' } }, 201);
  }
  if (id === undefined && c.method === 'GET')
    return ok({ transactions: [...c.db.open.keys()].map((x) => ({ id: x, state: 'running' })) });
  if (id === undefined) throw methodNotAllowed();
  if (c.method === 'GET') return shown(id, c.db.ended.get(id) ?? (c.db.transaction(id) && 'running'));
  if (c.method === 'PUT') {
    c.db.end(id, 'committed');
    return shown(id, 'committed');
  }
  if (c.method === 'DELETE') {
    c.db.end(id, 'aborted');
    return shown(id, 'aborted');
  }
  throw methodNotAllowed();
}

export const unknownPath = (c: { method: string; path: readonly string[] }) =>
  refuse('unknownPath', `unknown path '/_api/${c.path.join('/')}'`);
export const methodNotAllowed = () => refuse('methodNotAllowed', 'method not supported');
