import { join } from 'node:path';
import { SqliteStore } from './sqlite-store.ts';

/**
 * The store of a run's folder: documents, checkpoints and manifest entries in `store.sqlite`. Everyone in the process
 * who opens the same folder shares one connection and one transaction. Without a folder: in memory, for the caller alone.
 */
export const openEmbeddedStore = (dir: string | undefined): SqliteStore =>
  new SqliteStore(dir === undefined ? undefined : join(dir, 'store.sqlite'));
