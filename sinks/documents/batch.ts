import { type Collection, type Document, documentId, documentKey, type Edge } from '../store/index.ts';
import type { Fields } from './row-fields.ts';

/** The input that caused a row, the in-port it came through, and its place among those of the same cause and port. */
export interface Cause {
  readonly source: string;
  readonly seq: number;
  readonly port: string;
  readonly index: number;
}

/** Documents of one commit, by collection and key, in order of creation. */
export class Batch {
  readonly #documents = new Map<Collection, Map<string, Document>>();
  readonly #prefix: string;
  constructor(pipeline: string) {
    this.#prefix = pipeline;
  }

  /** The key of what one input caused: the same in every run and every placement. */
  key(node: string, cause: Cause): string {
    return documentKey(this.#prefix, node, cause.port, cause.source, cause.seq, cause.index);
  }
  put(collection: Collection, key: string, fields: Fields): string {
    this.#list(collection).set(key, { _key: key, ...fields });
    return documentId(collection, key);
  }
  #list(collection: Collection): Map<string, Document> {
    let list = this.#documents.get(collection);
    if (!list) {
      list = new Map();
      this.#documents.set(collection, list);
    }
    return list;
  }
  /** Effect → cause, between documents: input and services are stated by the document itself. */
  edge(from: string, to: string, kind: string, t: number, instrument: string): void {
    const edge: Edge = { _key: edgeKey(from, kind, to, t), _from: from, _to: to, kind, t, instrument };
    this.#list('lineage').set(edge._key, edge);
  }
  *[Symbol.iterator](): Generator<[Collection, Document[]]> {
    for (const [collection, documents] of this.#documents) yield [collection, [...documents.values()]];
  }
}

/**
 * The key of an edge: its time, and 64 bits of FNV-1a over effect, kind and cause, in two lanes. Only edges of one
 * microsecond could share it by chance; and edges that come together lie together in the index of keys, which a store
 * otherwise touches all over.
 */
export function edgeKey(from: string, kind: string, to: string, t: number): string {
  let a = 0x811c9dc5 | 0;
  let b = 0x01000193 | 0;
  for (const text of [from, kind, to]) {
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      a = Math.imul(a ^ code, 0x01000193);
      b = Math.imul(b ^ code ^ (a >>> 13), 0x2c1b3c6d);
    }
    a = Math.imul(a ^ 0x100, 0x01000193);
    b = Math.imul(b ^ 0x100 ^ (a >>> 13), 0x2c1b3c6d);
  }
  return t.toString(36).padStart(10, '0') + word(a) + word(b);
}
const word = (x: number): string => (x >>> 0).toString(36).padStart(7, '0');
