/** Where a run can start again: everything up to these offsets is in the blob and in the sinks. */
export interface Checkpoint {
  readonly pipeline: string;
  /** Hash of the graph that wrote it. */
  readonly graph: string;
  /** Running number of the commit, ≥ 1. */
  readonly epoch: number;
  /** Engine time, µs. */
  readonly now: number;
  /** Last input of each source. */
  readonly offsets: Readonly<Record<string, number>>;
  /** The engine's snapshot, as the state codec writes it. */
  readonly blob: Uint8Array;
}

/** What a writer of files made visible with a commit. */
export interface ManifestEntry {
  readonly epoch: number;
  /** Plain JSON, the writer's own. */
  readonly entry: unknown;
  /** Rows that are committed but not yet in a file, or other state of the writer. */
  readonly blob: Uint8Array | undefined;
}

/**
 * Durable checkpoints. A commit of the engine is one `transaction` around the commits of all sinks and
 * `saveCheckpoint`: either all of it is there after a crash, or nothing of it.
 */
export interface CheckpointStore {
  /**
   * Runs the work as one transaction and commits, or rolls back and throws what the work threw. Sinks that share the
   * store join it by writing from within the work, also across awaits. Transactions of others wait for their turn.
   */
  transaction<T>(work: () => T | Promise<T>): Promise<T>;
  /** Saves it, and forgets those of later epochs and all but the newest two of its pipeline. */
  saveCheckpoint(checkpoint: Checkpoint): Promise<void>;
  /** The newest checkpoint of the pipeline, or the newest before an epoch when that one turned out to be damaged. */
  loadCheckpoint(pipeline: string, before?: number): Promise<Checkpoint | undefined>;
  /** Records what a writer of files did with this epoch; the same epoch again replaces it. */
  saveManifest(writer: string, epoch: number, entry: unknown, blob?: Uint8Array): Promise<void>;
  /** Entries of a writer with from ≤ epoch < before, in order of epochs. */
  loadManifest(writer: string, from?: number, before?: number): Promise<ManifestEntry[]>;
  /** Forgets the writer's entries outside of from ≤ epoch < before: superseded ones, and those whose commit never was. */
  keepManifest(writer: string, from: number, before: number): Promise<void>;
  close(): Promise<void>;
}
