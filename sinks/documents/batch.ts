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
  readonly #services: Readonly<Record<string, string>>;
  /** @param services in-port → service that makes its records */
  constructor(pipeline: string, services: Readonly<Record<string, string>>) {
    this.#prefix = pipeline;
    this.#services = services;
  }

  /** The key of what one input caused: the same in every run and every placement. */
  key(node: string, cause: Cause): string {
    return documentKey(this.#prefix, node, cause.port, cause.source, cause.seq, cause.index);
  }
  inputId(cause: Cause): string {
    return documentId('inputs', documentKey(this.#prefix, cause.source, cause.seq));
  }
  put(collection: Collection, key: string, fields: Fields): string {
    let list = this.#documents.get(collection);
    if (!list) {
      list = new Map();
      this.#documents.set(collection, list);
    }
    list.set(key, { _key: key, ...fields });
    return documentId(collection, key);
  }
  get(collection: Collection, key: string): Document | undefined {
    return this.#documents.get(collection)?.get(key);
  }
  /** Effect → cause. */
  edge(from: string, to: string, kind: string, t: number, instrument: string): void {
    const edge: Edge = { _key: edgeKey(from, kind, to), _from: from, _to: to, kind, t, instrument };
    this.put('lineage', edge._key, edge as unknown as Fields);
  }
  madeBy(id: string, port: string, t: number, instrument: string): void {
    const service = this.#services[port];
    if (service !== undefined) this.edge(id, documentId('services', documentKey(service)), 'made_by', t, instrument);
  }
  *[Symbol.iterator](): Generator<[Collection, Document[]]> {
    for (const [collection, documents] of this.#documents) yield [collection, [...documents.values()]];
  }
}

/**
 * The key of an edge: 96 bits of FNV-1a over effect, kind and cause, in three lanes. Spelled out, the keys of the edges were
 * a third of the store; with 10⁹ edges the odds of any two sharing a key are below 10⁻¹⁰.
 */
export function edgeKey(from: string, kind: string, to: string): string {
  let a = 0x811c9dc5 | 0;
  let b = 0x01000193 | 0;
  let c = 0x9e3779b9 | 0;
  for (const text of [from, kind, to]) {
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      a = Math.imul(a ^ code, 0x01000193);
      b = Math.imul(b ^ code ^ (a >>> 13), 0x2c1b3c6d);
      c = Math.imul(c ^ code ^ (b >>> 11), 0x85ebca6b);
    }
    a = Math.imul(a ^ 0x100, 0x01000193);
    b = Math.imul(b ^ 0x100 ^ (a >>> 13), 0x2c1b3c6d);
    c = Math.imul(c ^ 0x100 ^ (b >>> 11), 0x85ebca6b);
  }
  return [a, b, c].map((x) => (x >>> 0).toString(36).padStart(7, '0')).join('');
}
