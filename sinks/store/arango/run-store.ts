import type { CheckpointStore } from '../../../graph/checkpoint/store.ts';
import type { DocumentStore } from '../document-store.ts';
import { openEmbeddedStore } from '../embedded-store.ts';
import { type ArangoOptions, openArangoStore } from './open.ts';

/** What a run needs: documents, checkpoints and manifest entries, in one transaction per commit. */
export type RunStore = DocumentStore & CheckpointStore;
/** A store on a server instead of the embedded one. */
export interface StoreChoice {
  /** `arango:http://user@host:8529/database` */
  readonly address: string;
  readonly options?: ArangoOptions;
}

/**
 * The store of a run: the one that was chosen, or the embedded one of its folder. The engine and all sinks of a process
 * that open the same one share its transaction. @throws as `openArangoStore` and `openEmbeddedStore`
 */
export const openRunStore = async (dir: string | undefined, choice?: StoreChoice): Promise<RunStore> =>
  choice
    ? openArangoStore(choice.address, { ...choice.options, ...(dir === undefined ? {} : { dir }) })
    : openEmbeddedStore(dir);
