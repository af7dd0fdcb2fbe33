import { refuse } from './arango-error.ts';
import { CollectionData, type IndexData, indexedKey } from './collection-data.ts';
import { View } from './view.ts';

const NAME = /^[a-zA-Z][a-zA-Z0-9_-]{0,255}$/;
const INDEX_TYPES = ['persistent', 'ttl', 'inverted', 'geo'];

export interface StreamTransaction {
  readonly id: string;
  readonly view: View;
  readonly reads: ReadonlySet<string>;
  readonly writes: ReadonlySet<string>;
}
export interface Cursor {
  readonly id: string;
  rest: unknown[];
  readonly batchSize: number;
  readonly extra: unknown;
}

/** One database: collections, open transactions and cursors. */
export class DatabaseData {
  readonly name: string;
  readonly collections = new Map<string, CollectionData>();
  /** Number of commits so far. */
  version = 0;
  /** Who is writing a document: `collection/key`. */
  readonly locks = new Map<string, View>();
  readonly open = new Map<string, StreamTransaction>();
  /** How transactions ended, by id. */
  readonly ended = new Map<string, 'committed' | 'aborted'>();
  readonly cursors = new Map<string, Cursor>();
  #ids = 100;
  #revisions = 0;
  constructor(name: string) {
    this.name = name;
  }

  id(): string {
    return String(++this.#ids);
  }
  revision(): string {
    return `_r${(++this.#revisions).toString(36).padStart(7, '0')}`;
  }
  collection(name: string): CollectionData {
    const found = this.collections.get(name);
    if (!found) throw refuse('collectionMissing', `collection or view not found: ${name}`);
    return found;
  }
  create(name: unknown, type: unknown): CollectionData {
    if (typeof name !== 'string' || !NAME.test(name)) throw refuse('illegalName', 'illegal name');
    if (this.collections.has(name)) throw refuse('duplicateName', `duplicate name: ${name}`);
    const created = new CollectionData(this.id(), name, type === 3);
    this.collections.set(name, created);
    return created;
  }
  /** @returns the index and whether it is new. */
  ensureIndex(c: CollectionData, given: Record<string, unknown>): [IndexData, boolean] {
    const { type, fields, name, unique = false, sparse = false, expireAfter } = given;
    if (typeof type !== 'string' || !INDEX_TYPES.includes(type)) throw refuse('badParameter', 'invalid index type');
    const isField = (f: unknown): f is string => typeof f === 'string' && f !== '';
    if (!Array.isArray(fields) || fields.length === 0 || !fields.every(isField))
      throw refuse('badParameter', 'bad parameter: invalid fields of an index');
    if (fields.some((f) => f === '_id')) throw refuse('badParameter', 'index on _id is not allowed');
    if (type === 'ttl' && (fields.length !== 1 || typeof expireAfter !== 'number'))
      throw refuse('badParameter', 'a ttl index needs one field and expireAfter');
    const same = c.indexes.find(
      (i) => i.type === type && i.unique === unique && i.sparse === sparse && i.fields.join() === fields.join(),
    );
    if (same) return [same, false];
    if (typeof name === 'string' && c.indexes.some((i) => i.name === name))
      throw refuse('duplicateName', `duplicate value: index name ${name}`);
    const id = this.id();
    const index: IndexData = {
      id: `${c.name}/${id}`,
      name: typeof name === 'string' ? name : `idx_${id}`,
      ...{ type, fields, unique: unique === true, sparse: sparse === true },
      ...(typeof expireAfter === 'number' ? { expireAfter } : {}),
    };
    if (index.unique) this.#refuseTwice(c, index);
    c.indexes.push(index);
    return [index, true];
  }

  #refuseTwice(c: CollectionData, index: IndexData): void {
    const seen = new Set<string>();
    for (const d of new View(this).scan(c.name)) {
      const key = indexedKey(index, d);
      if (key !== undefined && seen.has(key))
        throw refuse('unique', `unique constraint violated - in index ${index.name} of type persistent`);
      if (key !== undefined) seen.add(key);
    }
  }

  /** Runs work as a transaction of its own. */
  once<T>(work: (view: View) => T): T {
    const view = new View(this);
    try {
      const result = work(view);
      view.commit();
      return result;
    } catch (e) {
      view.abort();
      throw e;
    }
  }
  begin(reads: readonly string[], writes: readonly string[]): StreamTransaction {
    for (const name of [...reads, ...writes]) this.collection(name);
    const t = { id: this.id(), view: new View(this), reads: new Set(reads), writes: new Set(writes) };
    this.open.set(t.id, t);
    return t;
  }
  transaction(id: string): StreamTransaction {
    const t = this.open.get(id);
    if (t) return t;
    const ended = this.ended.get(id);
    throw ended === 'aborted'
      ? refuse('transactionAborted', `transaction '${id}' was aborted`)
      : refuse('transactionMissing', `transaction '${id}' not found`);
  }
  end(id: string, how: 'committed' | 'aborted'): void {
    // The same end again is no error.
    if (this.ended.get(id) === how) return;
    const t = this.transaction(id);
    this.open.delete(id);
    if (how === 'committed') t.view.commit();
    else t.view.abort();
    this.ended.set(id, how);
  }
  /** What a restart of the server leaves nothing of. */
  forgetRunning(): void {
    for (const id of [...this.open.keys()]) this.end(id, 'aborted');
    this.ended.clear();
    this.cursors.clear();
    this.locks.clear();
  }
}
