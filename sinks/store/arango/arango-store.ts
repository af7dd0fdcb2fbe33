import { isDeepStrictEqual } from 'node:util';
import type { Checkpoint, CheckpointStore, ManifestEntry } from '../../../graph/checkpoint/store.ts';
import { ChimeraError } from '../../../graph/schema/index.ts';
import { COLLECTIONS, type Collection, type CollectionSpec, collectionOf } from '../collections.ts';
import { documentKey, KEY_SHAPE } from '../document-key.ts';
import type { Document, DocumentStore, Queries, QueryName } from '../document-store.ts';
import {
  BY_KEY,
  BY_KEYS,
  COUNT,
  FORGET_CHECKPOINTS,
  INSERT,
  KEEP_MANIFEST,
  LOAD_CHECKPOINT,
  LOAD_MANIFEST,
  SAVE_CHECKPOINT,
  SAVE_MANIFEST,
  UPSERT,
} from './aql.ts';
import type { ArangoCore } from './arango-core.ts';
import type { Bindings } from './client.ts';
import { ARANGO_QUERIES, type Stored } from './queries.ts';
import { originalOf, storedText } from './stored-form.ts';
import type { Transaction } from './transaction.ts';

/** Checkpoints of a pipeline that are kept: the newest, and one in case it is damaged. */
const KEPT = 2;

/**
 * Documents, checkpoints and manifest entries in one database of ArangoDB.
 *
 * What is atomic: everything written within one `transaction`, over all collections, checkpoint and manifest included:
 * it becomes visible at once or never, whatever fails and however often it is sent. One `upsert` is a transaction too.
 * This holds on a single server and in a database that lies on one server of a cluster, which is how the store makes it.
 * What is not: files, and a checkpoint that lies in another store. A run whose checkpoint is elsewhere may find documents
 * of a commit that its checkpoint does not know; it writes them once more, under the same keys.
 */
export class ArangoStore implements DocumentStore, CheckpointStore {
  readonly #core: ArangoCore;
  #open = true;
  constructor(core: ArangoCore) {
    this.#core = core;
  }
  /** Version of the server. */
  get version(): string {
    return this.#core.version;
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
    const first = await this.#core.numbers(documents.length);
    // The same key twice: the last content, the first place.
    const texts = new Map<string, string>();
    const expires = this.#core.expires(collection);
    const places = new Map<string, number>();
    for (const d of documents) {
      const n = places.get(d._key) ?? first + places.size;
      places.set(d._key, n);
      texts.set(d._key, storedText(collection, spec, d, n, expires));
    }
    await this.#core.transaction(() => {
      const t = this.#core.current!;
      for (const [key, text] of texts) t.written.set(`${collection}/${key}`, text);
      if (spec.immutable) this.#addOnce(t, collection, texts);
      else
        for (const batch of batches([...texts.values()], this.#core.batch.documents, this.#core.batch.bytes)) {
          const body = bodyOf(UPSERT, collection, batch);
          t.add({ atomic: true, send: (s) => s.execute(body) });
        }
    });
  }
  /** Inserts what is new; what is there must be the same. */
  #addOnce(t: Transaction, collection: Collection, texts: ReadonlyMap<string, string>): void {
    const keys = [...texts.keys()];
    t.add({
      atomic: false,
      send: async (s) => {
        const known = new Map<string, Document>();
        for (const d of await s.rows<Stored>(BY_KEYS, { '@collection': collection, keys })) {
          const original = originalOf(d);
          known.set(original._key, original);
        }
        const missing: string[] = [];
        for (const [key, text] of texts) {
          const there = known.get(key);
          if (!there) missing.push(text);
          else if (!isDeepStrictEqual(there, originalOf(JSON.parse(text) as Stored)))
            throw new ChimeraError('CHM541', `${collection}/${key} exists with another content`, {
              help: 'give the new content its own name: bundles are named by their content hash',
            });
        }
        if (missing.length > 0) await s.execute(bodyOf(INSERT, collection, missing));
      },
    });
  }

  async get(collection: Collection, key: string): Promise<Document | undefined> {
    declared(collection);
    if (!KEY_SHAPE.test(key)) return undefined;
    const own = this.#core.current?.written.get(`${collection}/${key}`);
    if (own !== undefined) return originalOf(JSON.parse(own) as Stored);
    const [found] = await this.#core.stored<Stored>('get', BY_KEY, { '@collection': collection, key });
    return found && originalOf(found);
  }
  async count(collection: Collection): Promise<number> {
    declared(collection);
    return (await this.#core.read<number>('count', COUNT, { '@collection': collection }))[0]!;
  }
  async query<N extends QueryName>(name: N, params: Queries[N]['params']): Promise<Queries[N]['row'][]> {
    if ('collection' in params) declared(params.collection);
    if ('collections' in params) params.collections?.forEach(declared);
    return ARANGO_QUERIES[name]((query, bindings) => this.#core.read(name, query, bindings), params);
  }

  async saveCheckpoint({ pipeline, epoch, graph, now, offsets, blob }: Checkpoint): Promise<void> {
    const checkpoint = {
      _key: documentKey(pipeline, epoch),
      ...{ pipeline, epoch, graph, now, offsets, blob: base64(blob) },
    };
    await this.#write(SAVE_CHECKPOINT, { checkpoint });
    await this.#write(FORGET_CHECKPOINTS, { pipeline, epoch, count: KEPT });
  }
  async loadCheckpoint(pipeline: string, before = Number.MAX_SAFE_INTEGER): Promise<Checkpoint | undefined> {
    const [c] = await this.#core.read<StoredCheckpoint>('load the checkpoint', LOAD_CHECKPOINT, { pipeline, before });
    if (!c) return undefined;
    const { epoch, graph, now, offsets, blob } = c;
    return { pipeline, epoch, graph, now, offsets, blob: bytes(blob) };
  }
  async saveManifest(writer: string, epoch: number, entry: unknown, blob?: Uint8Array): Promise<void> {
    const manifest = {
      _key: documentKey(writer, epoch),
      // As text: the writer's own names may be any.
      ...{ writer, epoch, entry: JSON.stringify(entry), blob: blob ? base64(blob) : null },
    };
    await this.#write(SAVE_MANIFEST, { manifest });
  }
  async loadManifest(writer: string, from = 0, before = Number.MAX_SAFE_INTEGER): Promise<ManifestEntry[]> {
    const bindings = { writer, from, before };
    const found = await this.#core.read<StoredManifest>('load the manifest', LOAD_MANIFEST, bindings);
    return found.map(({ epoch, entry, blob }) => ({
      epoch,
      entry: JSON.parse(entry) as unknown,
      blob: blob === null ? undefined : bytes(blob),
    }));
  }
  keepManifest(writer: string, from: number, before: number): Promise<void> {
    return this.#write(KEEP_MANIFEST, { writer, from, before });
  }
  #write(query: string, bindVars: Bindings): Promise<void> {
    const body = JSON.stringify({ query, bindVars });
    return this.#core.transaction(() => {
      this.#core.current!.add({ atomic: true, send: (s) => s.execute(body) });
    });
  }
}

interface StoredCheckpoint {
  readonly epoch: number;
  readonly graph: string;
  readonly now: number;
  readonly offsets: Record<string, number>;
  readonly blob: string;
}
interface StoredManifest {
  readonly epoch: number;
  readonly entry: string;
  readonly blob: string | null;
}
const base64 = (blob: Uint8Array): string =>
  Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength).toString('base64');
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));

/** Documents are text already: taking them apart to write them once more would double the cost. */
const bodyOf = (query: string, collection: Collection, texts: readonly string[]): string =>
  `{"query":${JSON.stringify(query)},"bindVars":{"@collection":"${collection}","documents":[${texts.join(',')}]}}`;

/** Runs of at most so many texts and characters; one that is larger is alone. */
function* batches(texts: readonly string[], count: number, size: number): Generator<readonly string[]> {
  let from = 0;
  let total = 0;
  for (let i = 0; i < texts.length; i++) {
    const length = texts[i]!.length;
    if (i > from && (i - from >= count || total + length > size)) {
      yield texts.slice(from, i);
      from = i;
      total = 0;
    }
    total += length;
  }
  yield texts.slice(from);
}

function declared(collection: string): CollectionSpec {
  const spec = collectionOf(collection);
  if (!spec)
    throw new ChimeraError('CHM543', `collection ${collection} is not declared`, {
      help: `declared are ${Object.keys(COLLECTIONS).join(', ')}`,
    });
  return spec;
}
