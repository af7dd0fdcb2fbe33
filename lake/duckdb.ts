import type { DuckDBConnection, DuckDBDataChunk, DuckDBInstance } from '@duckdb/node-api';
import { ChimeraError } from '../graph/schema/index.ts';

type Api = typeof import('@duckdb/node-api');
type Native = typeof import('@duckdb/node-bindings');
export type NativeVector = import('@duckdb/node-bindings').Vector;

let loading: Promise<{ api: Api; native: Native }> | undefined;

/** DuckDB is 50 MB of shared object: loaded when first needed, never at program start. */
export function loadDuckDb(): Promise<{ api: Api; native: Native }> {
  loading ??= (async () => {
    const api = await import('@duckdb/node-api');
    // The bindings below the API, for block copies between typed arrays and vectors: the API itself sets values one by one.
    const native = (await import('@duckdb/node-bindings')).default as unknown as Native;
    return { api, native };
  })();
  return loading;
}

export interface DuckDbOptions {
  threads?: number;
  memoryMb?: number;
  /** Folders that queries may touch; everything else on the machine is then out of reach, and the settings are locked. */
  onlyUnder?: readonly string[];
}

export const settingsOf = (options: DuckDbOptions): Record<string, string> => ({
  threads: String(options.threads ?? 1),
  memory_limit: `${options.memoryMb ?? 512}MiB`,
  // Freed memory goes back to the system also when nothing is being asked.
  allocator_background_threads: 'true',
  autoinstall_known_extensions: 'false',
  autoload_known_extensions: 'false',
  temp_directory: '',
  preserve_insertion_order: 'true',
});

/** An in-memory DuckDB: no extension is ever looked up or downloaded, nothing is spilled to disk. */
export class DuckDb {
  readonly api: Api;
  readonly native: Native;
  readonly #instance: DuckDBInstance;
  readonly #connections = new Set<DuckDBConnection>();
  private constructor(api: Api, native: Native, instance: DuckDBInstance) {
    this.api = api;
    this.native = native;
    this.#instance = instance;
  }

  static async open(options: DuckDbOptions = {}): Promise<DuckDb> {
    const { api, native } = await loadDuckDb();
    const instance = await api.DuckDBInstance.create(':memory:', settingsOf(options));
    const db = new DuckDb(api, native, instance);
    const c = await db.connect();
    await c.run(`SET GLOBAL TimeZone = 'UTC'`);
    if (options.onlyUnder) {
      await c.run(`SET GLOBAL allowed_directories = [${options.onlyUnder.map(sqlText).join(', ')}]`);
      await c.run('SET GLOBAL enable_external_access = false');
      await c.run('SET GLOBAL lock_configuration = true');
    }
    db.release(c);
    return db;
  }

  async connect(): Promise<DuckDBConnection> {
    const c = await this.#instance.connect();
    this.#connections.add(c);
    return c;
  }
  release(c: DuckDBConnection): void {
    if (this.#connections.delete(c)) c.closeSync();
  }
  close(): void {
    for (const c of this.#connections) c.closeSync();
    this.#connections.clear();
    this.#instance.closeSync();
  }

  /** Vector `column` of a chunk, for block copies. */
  vector(chunk: DuckDBDataChunk, column: number): NativeVector {
    return this.native.data_chunk_get_vector(chunk.chunk, column);
  }
}

export const sqlText = (s: string): string => `'${s.replaceAll("'", "''")}'`;
export const sqlName = (s: string): string => `"${s.replaceAll('"', '""')}"`;

/** Turns an error of DuckDB or of the file system into a coded one, by what it says; `file` is what was being worked on. */
export function storageError(cause: unknown, file: string, doing: 'read' | 'write'): ChimeraError {
  if (cause instanceof ChimeraError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  const errno = (cause as { code?: unknown } | null)?.code;
  const at = { file, cause };
  if (errno === 'ENOSPC' || errno === 'EDQUOT' || /no space left|disk quota|ENOSPC/i.test(message))
    return new ChimeraError('CHM605', `no room left on the device while writing ${file}`, {
      ...at,
      help: 'make room and run the same command again; everything committed is intact',
    });
  if (doing === 'read' && (errno === 'ENOENT' || /no files found|no such file/i.test(message)))
    return new ChimeraError('CHM609', `${file} is missing`, {
      ...at,
      help: 'open the lake again if it was compacted meanwhile; otherwise restore the file',
    });
  if (
    doing === 'read' &&
    /magic bytes|footer|parquet|thrift|zstd|snappy|corrupt|too small|invalid input|decompress|deserial|page|out of buffer/i.test(
      message,
    )
  )
    return new ChimeraError('CHM604', `${file} cannot be read: ${firstLine(message)}`, {
      ...at,
      help: 'the file is cut short or altered: restore it, or import its source again',
    });
  return new ChimeraError('CHM606', `cannot ${doing} ${file}: ${firstLine(message)}`, {
    ...at,
    help: 'check that the folder exists, is writable and its device is healthy',
  });
}
export const firstLine = (s: string): string => s.split('\n', 1)[0]!;
