import { type Field, isNumberField, type Schema, Vec } from '../graph/schema/index.ts';
import type { RowColumns } from '../graph/tap/format.ts';

/** A record as a sink sees it: the fields, and the index of its key (-1: none). */
export type KeyedRecord = { readonly key: number } & Readonly<Record<string, unknown>>;
export type BufferColumn = Float64Array | unknown[];

const FIRST = 256;

/**
 * Rows of one port between two commits, as columns: numbers in typed arrays, so that buffering a row allocates nothing
 * but its texts and lists. Records are the producers' own slots, so everything is copied.
 */
export class RowBuffer implements RowColumns {
  readonly schema: Schema;
  n = 0;
  cause = new Float64Array(FIRST);
  seq = new Float64Array(FIRST);
  t = new Float64Array(FIRST);
  key = new Float64Array(FIRST);
  /** oneOf and texts as strings, booleans as such, lists as number arrays. */
  columns: BufferColumn[];
  readonly #store: Store;

  constructor(schema: Schema) {
    this.schema = schema;
    const fields = Object.entries(schema.fields);
    this.#store = storeOf(schema);
    this.columns = fields.map(([, f]) => emptyColumn(f));
  }
  push(cause: number, seq: number, t: number, r: KeyedRecord): void {
    const i = this.n;
    if (i === this.t.length) this.#grow();
    this.cause[i] = cause;
    this.seq[i] = seq;
    this.t[i] = t;
    this.key[i] = r.key;
    this.#store(this.columns, i, r, listOf);
    this.n = i + 1;
  }
  clear(): void {
    this.n = 0;
    for (const c of this.columns) if (!(c instanceof Float64Array)) c.length = 0;
  }
  /** The rows as plain data that the state codec takes. */
  save(): SavedRows {
    const cut = (a: Float64Array) => a.slice(0, this.n);
    return {
      cause: cut(this.cause),
      seq: cut(this.seq),
      t: cut(this.t),
      key: cut(this.key),
      columns: this.columns.map((c) => (c instanceof Float64Array ? cut(c) : c.slice(0, this.n))),
    };
  }
  load(saved: SavedRows): void {
    this.n = saved.t.length;
    this.cause = saved.cause;
    this.seq = saved.seq;
    this.t = saved.t;
    this.key = saved.key;
    this.columns = saved.columns;
  }

  #grow(): void {
    const wider = (a: Float64Array) => {
      const b = new Float64Array(Math.max(FIRST, 2 * a.length));
      b.set(a);
      return b;
    };
    this.cause = wider(this.cause);
    this.seq = wider(this.seq);
    this.t = wider(this.t);
    this.key = wider(this.key);
    this.columns = this.columns.map((c) => (c instanceof Float64Array ? wider(c) : c));
  }
}

export interface SavedRows {
  cause: Float64Array<ArrayBuffer>;
  seq: Float64Array<ArrayBuffer>;
  t: Float64Array<ArrayBuffer>;
  key: Float64Array<ArrayBuffer>;
  columns: BufferColumn[];
}

type Store = (columns: readonly BufferColumn[], i: number, r: KeyedRecord, listOf: (v: unknown) => number[]) => void;
const stores = new WeakMap<Schema, Store>();
/** Copies one record into row i. Generated once per schema, so that each field is one property read and one store. */
function storeOf(schema: Schema): Store {
  let store = stores.get(schema);
  if (!store) {
    const copies = Object.entries(schema.fields).map(([name, f], c) => {
      const value = `r[${JSON.stringify(name)}]`;
      return `columns[${c}][i] = ${f.kind === 'list' ? `listOf(${value})` : value};`;
    });
    store = new Function('columns', 'i', 'r', 'listOf', copies.join('\n')) as Store;
    stores.set(schema, store);
  }
  return store;
}

const emptyColumn = (f: Field): BufferColumn => (isNumberField(f) ? new Float64Array(FIRST) : []);
const listOf = (v: unknown): number[] => (v instanceof Vec ? v.toArray() : Array.from(v as ArrayLike<number>));
