import type { Checkpoint, CheckpointStore } from '../checkpoint/store.ts';
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
  /** How many changes of the graph lie before it. */
  readonly reloads: number;
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
      return { commit: commitOf(c), damaged };
    } catch (e) {
      damaged.push({ epoch: c.epoch, message: e instanceof Error ? e.message : String(e) });
      before = c.epoch;
    }
  }
}

/** What a checkpoint holds. @throws CHM711 to CHM714 when it is damaged */
export function commitOf({ epoch, offsets, blob }: Checkpoint): Commit {
  const held = decode(blob) as Omit<Commit, 'epoch' | 'offsets' | 'reloads'> & { reloads?: number };
  const { snapshot, events, ended, until, reloads = 0 } = held;
  return { epoch, offsets: { ...offsets }, snapshot, events, ended, until, reloads };
}
