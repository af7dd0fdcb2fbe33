import type { Checkpoint, ManifestEntry } from '../graph/checkpoint/store.ts';
import type { Env } from '../graph/node.ts';
import { openRunStore, type RunStore, type StoreChoice } from './store/index.ts';

/** A database for a run instead of the embedded store, as the run hands it to its sinks under the name `store`. */
export interface StoreAccess extends StoreChoice {
  /** Stands before the names of checkpoints and manifests, which are the run's own; documents are everybody's. */
  readonly scope: string;
}

/**
 * The store that documents, checkpoints and manifests of a run are in: the engine and all sinks of a process open the same one, and
 * what they write within a commit is one transaction. @throws as `openRunStore`
 */
export async function openStore(dir: string | undefined, access?: StoreAccess): Promise<RunStore> {
  const store = await openRunStore(dir, access);
  return access ? scoped(store, access.scope) : store;
}

const accessOf = (env: Env): StoreAccess | undefined => env.access?.['store'] as StoreAccess | undefined;
/** The store of the run that a sink belongs to; one in memory, for the sink alone, when nothing of the run survives. */
export const openStoreOf = (env: Env): Promise<RunStore> => openStore(env.dir, accessOf(env));
/** The same; undefined when nothing of the run survives. */
export const durableStoreOf = async (env: Env): Promise<RunStore | undefined> =>
  env.dir === undefined && !accessOf(env) ? undefined : openStoreOf(env);

function scoped(inner: RunStore, scope: string): RunStore {
  return {
    upsert: (collection, documents) => inner.upsert(collection, documents),
    get: (collection, key) => inner.get(collection, key),
    count: (collection) => inner.count(collection),
    query: (name, params) => inner.query(name, params),
    transaction: (work) => inner.transaction(work),
    close: () => inner.close(),
    saveCheckpoint: (c) => inner.saveCheckpoint({ ...c, pipeline: scope + c.pipeline }),
    async loadCheckpoint(pipeline, before): Promise<Checkpoint | undefined> {
      const found = await inner.loadCheckpoint(scope + pipeline, before);
      return found && { ...found, pipeline };
    },
    saveManifest: (writer, epoch, entry, blob) => inner.saveManifest(scope + writer, epoch, entry, blob),
    loadManifest: (writer, from, before): Promise<ManifestEntry[]> => inner.loadManifest(scope + writer, from, before),
    keepManifest: (writer, from, before) => inner.keepManifest(scope + writer, from, before),
  };
}
