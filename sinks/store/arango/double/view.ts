import { randomUUID } from 'node:crypto';
import type { Change, DataAccess, OverwriteMode, UpdateOptions } from './aql/scope.ts';
import { isObject, type ObjectValue, own } from './aql/values.ts';
import { refuse } from './arango-error.ts';
import { type CollectionData, indexedKey } from './collection-data.ts';
import type { DatabaseData } from './database-data.ts';

const KEY = /^[a-zA-Z0-9_:.@()+,=;$!*'%-]{1,254}$/;
const ID = /^[a-zA-Z_][a-zA-Z0-9_-]{0,255}\/[a-zA-Z0-9_:.@()+,=;$!*'%-]{1,254}$/;
const SYSTEM = new Set(['_key', '_id', '_rev', '_from', '_to', '']);

/**
 * What one transaction sees: the documents as they were when it began, and its own writes. A document that another one
 * has written since, or is writing, cannot be written (1200).
 */
export class View implements DataAccess {
  readonly #db: DatabaseData;
  readonly version: number;
  readonly #writes = new Map<string, Map<string, ObjectValue | null>>();
  /** Locks that it holds: `collection/key`. */
  readonly #claims = new Set<string>();
  constructor(db: DatabaseData) {
    this.#db = db;
    this.version = db.version;
  }

  has(collection: string): boolean {
    return this.#db.collections.has(collection);
  }
  isEdges(collection: string): boolean {
    return this.#of(collection).edges;
  }
  #of(collection: string): CollectionData {
    const found = this.#db.collections.get(collection);
    if (!found) throw refuse('collectionMissing', `collection or view not found: ${collection}`);
    return found;
  }
  get(collection: string, key: string): ObjectValue | undefined {
    const own = this.#writes.get(collection)?.get(key);
    return own === undefined ? this.#of(collection).at(key, this.version) : (own ?? undefined);
  }
  scan(collection: string): ObjectValue[] {
    return this.#documents(collection, this.#of(collection).keys());
  }
  edges(collection: string, end: '_from' | '_to', id: string): ObjectValue[] {
    const found = this.#documents(collection, this.#of(collection).keysByEnd(end, id));
    return found.filter((e) => own(e, end) === id);
  }
  /** Of these keys, and of what was written here. */
  #documents(collection: string, keys: readonly string[]): ObjectValue[] {
    const found: ObjectValue[] = [];
    const writes = this.#writes.get(collection);
    for (const d of writes?.values() ?? []) if (d) found.push(d);
    const stored = this.#of(collection);
    for (const key of keys) {
      if (writes?.has(key)) continue;
      const d = stored.at(key, this.version);
      if (d) found.push(d);
    }
    return found;
  }

  insert(collection: string, given: ObjectValue, mode: OverwriteMode): Change {
    const key = given['_key'] === undefined ? randomUUID() : given['_key'];
    if (typeof key !== 'string' || !KEY.test(key)) throw refuse('keyBad', 'illegal document key');
    const old = this.get(collection, key);
    if (!old) return { old: null, new: this.#write(collection, key, given) };
    if (mode === 'ignore') return { old, new: old };
    if (mode === 'replace') return this.replace(collection, key, given);
    if (mode === 'update') return this.update(collection, key, given, { keepNull: true, mergeObjects: true });
    throw refuse(
      'unique',
      `unique constraint violated - in index primary of type primary over '_key'; conflicting key: ${key}`,
    );
  }
  replace(collection: string, key: string, given: ObjectValue): Change {
    const old = this.#existing(collection, key);
    return { old, new: this.#write(collection, key, given) };
  }
  update(collection: string, key: string, changes: ObjectValue, o: UpdateOptions): Change {
    const old = this.#existing(collection, key);
    return { old, new: this.#write(collection, key, merged(old, changes, o, true)) };
  }
  remove(collection: string, key: string): ObjectValue {
    const old = this.#existing(collection, key);
    this.#claim(collection, key);
    this.#note(collection, key, null);
    return old;
  }
  #existing(collection: string, key: string): ObjectValue {
    const old = this.get(collection, key);
    if (!old) throw refuse('documentMissing', `document not found: ${collection}/${key}`);
    return old;
  }

  #write(collection: string, key: string, given: ObjectValue): ObjectValue {
    const data = this.#of(collection);
    const document: ObjectValue = Object.create(null) as ObjectValue;
    document['_key'] = key;
    document['_id'] = `${collection}/${key}`;
    document['_rev'] = this.#db.revision();
    if (data.edges)
      for (const end of ['_from', '_to']) {
        const id = own(given, end);
        if (typeof id !== 'string' || !ID.test(id))
          throw refuse('edgeInvalid', `edge attribute missing or invalid: ${end}`);
        document[end] = id;
      }
    for (const name in given) if (!SYSTEM.has(name)) document[name] = given[name]!;
    const plain = Object.setPrototypeOf(document, Object.prototype) as ObjectValue;
    this.#claim(collection, key);
    this.#refuseTwice(data, key, plain);
    this.#note(collection, key, plain);
    return plain;
  }
  #claim(collection: string, key: string): void {
    const id = `${collection}/${key}`;
    const holder = this.#db.locks.get(id);
    if ((holder && holder !== this) || this.#of(collection).versionOf(key) > this.version)
      throw refuse('conflict', `conflict, _key: ${key} - write-write conflict`);
    this.#db.locks.set(id, this);
    this.#claims.add(id);
  }
  #refuseTwice(data: CollectionData, key: string, d: ObjectValue): void {
    for (const index of data.indexes) {
      if (!index.unique || index.type !== 'persistent') continue;
      const wanted = indexedKey(index, d);
      if (wanted === undefined) continue;
      for (const other of this.scan(data.name))
        if (other['_key'] !== key && indexedKey(index, other) === wanted)
          throw refuse(
            'unique',
            `unique constraint violated - in index ${index.name} of type persistent over '${index.fields.join(', ')}'; conflicting key: ${String(other['_key'])}`,
          );
    }
  }
  #note(collection: string, key: string, d: ObjectValue | null): void {
    let writes = this.#writes.get(collection);
    if (!writes) {
      writes = new Map();
      this.#writes.set(collection, writes);
    }
    writes.set(key, d);
  }

  /** Makes everything visible at once. */
  commit(): void {
    const version = ++this.#db.version;
    for (const [collection, writes] of this.#writes)
      for (const [key, d] of writes) this.#of(collection).write(key, d, version, this.#db.open.size > 0);
    this.abort();
  }
  abort(): void {
    for (const id of this.#claims) if (this.#db.locks.get(id) === this) this.#db.locks.delete(id);
    this.#claims.clear();
    this.#writes.clear();
  }
}

function merged(old: ObjectValue, changes: ObjectValue, o: UpdateOptions, top: boolean): ObjectValue {
  const result: ObjectValue = { ...old };
  for (const [name, v] of Object.entries(changes)) {
    if (top && (name === '_key' || name === '_id' || name === '_rev')) continue;
    const before = own(result, name);
    if (v === null && !o.keepNull) delete result[name];
    else result[name] = o.mergeObjects && isObject(v) && isObject(before) ? merged(before, v, o, false) : v;
  }
  return result;
}
