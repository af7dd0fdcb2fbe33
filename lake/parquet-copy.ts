import { lstat, rm } from 'node:fs/promises';
import type { DuckDBConnection } from '@duckdb/node-api';
import { sqlText, storageError } from './duckdb.ts';
import { hashFile } from './storage.ts';

export interface CopyOptions {
  /** Key-value metadata of the footer, under the name `chimera`. */
  meta: unknown;
  rowGroupRows: number;
}

/**
 * COPY … TO a Parquet file: zstd, format version 1 encodings (which every reader knows). With one thread and the
 * insertion order kept, the same rows give the same bytes. A file that could not be finished is removed.
 */
export async function copyToParquet(
  connection: DuckDBConnection,
  select: string,
  path: string,
  options: CopyOptions,
): Promise<{ sha256: string; bytes: number }> {
  const sql = `COPY (${select}) TO ${sqlText(path)} (FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION V1, ROW_GROUP_SIZE ${
    options.rowGroupRows
  }, KV_METADATA {chimera: ${sqlText(JSON.stringify(options.meta))}})`;
  try {
    await connection.run(sql);
  } catch (e) {
    await removeUnfinished(path);
    throw storageError(e, path, 'write');
  }
  return hashFile(path);
}

/** Only ever a regular file: a caller may have named a device or a pipe. */
async function removeUnfinished(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isFile()) await rm(path, { force: true });
}

/** Rows of a row group: lists make rows large, and a reader holds about one group of each file it merges. */
export const rowGroupRows = (hasLists: boolean): number => (hasLists ? 8192 : 61_440);
