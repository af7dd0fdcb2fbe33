import type { Checkpoint, CheckpointStore, ManifestEntry } from './store.ts';

/** Checkpoints for the length of a process: for tests that stop and resume a run. Keeps no manifest. */
export class MemoryStore implements CheckpointStore {
  #saved: Checkpoint | undefined;
  async transaction<T>(work: () => T | Promise<T>): Promise<T> {
    return work();
  }
  async saveCheckpoint(checkpoint: Checkpoint): Promise<void> {
    this.#saved = checkpoint;
  }
  async loadCheckpoint(): Promise<Checkpoint | undefined> {
    return this.#saved;
  }
  async saveManifest(): Promise<void> {}
  async loadManifest(): Promise<ManifestEntry[]> {
    return [];
  }
  async keepManifest(): Promise<void> {}
  async close(): Promise<void> {}
}
