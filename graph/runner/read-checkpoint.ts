import type { CheckpointStore } from '../checkpoint/store.ts';
import { decode } from '../codec/index.ts';
import type { Snapshot } from '../engine/snapshot.ts';

/** The state of a run at a commit. */
export interface Commit {
  readonly epoch: number;
  readonly offsets: Readonly<Record<string, number>>;
  readonly snapshot: Snapshot;
  readonly events: number;
  /** The input was over and every node's `end` has run. */
  readonly ended: boolean;
  /** Live: engine time up to which timers had fired; null otherwise. */
  readonly until: number | null;
}
export interface StoredCommit {
  /** Where the run goes on; undefined = it begins. */
  commit: Commit | undefined;
  /** Newer ones that could not be read. */
  damaged: { epoch: number; message: string }[];
}

/**
 * The newest readable checkpoint of a pipeline: a damaged one (its checksum says so) is passed over for the one before.
 * Whoever opens files for a run that resumes goes by the same epoch.
 */
export async function readCheckpoint(store: CheckpointStore | undefined, pipeline: string): Promise<StoredCommit> {
  const damaged: StoredCommit['damaged'] = [];
  for (let before: number | undefined; ; ) {
    const c = await store?.loadCheckpoint(pipeline, before);
    if (!c) return { commit: undefined, damaged };
    try {
      const { snapshot, events, ended, until } = decode(c.blob) as Omit<Commit, 'epoch' | 'offsets'>;
      return { commit: { epoch: c.epoch, offsets: { ...c.offsets }, snapshot, events, ended, until }, damaged };
    } catch (e) {
      damaged.push({ epoch: c.epoch, message: e instanceof Error ? e.message : String(e) });
      before = c.epoch;
    }
  }
}
