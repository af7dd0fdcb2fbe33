import { AsyncLocalStorage } from 'node:async_hooks';
import { mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import Database from 'libsql';
import { ChimeraError } from '../../graph/schema/index.ts';
import { createTables } from './sqlite-tables.ts';

export interface SqliteOptions {
  /**
   * `normal`: a commit survives the death of the process; after a loss of power the last ones may be missing, which is
   * an older but consistent checkpoint. `full`: fsync at each commit.
   */
  synchronous?: 'normal' | 'full';
  /** How long to wait for another process; default 5,000 ms. */
  busyMs?: number;
  /** Beyond this size the store is full (CHM542), as if the disk were. */
  maxBytes?: number;
}
type Row = unknown[];
interface Statement {
  run(...params: unknown[]): unknown;
  all(...params: unknown[]): unknown[];
  raw(): unknown;
}

/**
 * One connection per file and process, shared by all that open it: so the engine's checkpoint and the documents of all
 * sinks are in one transaction. WAL, so that readers in other processes never wait for the writer.
 */
export class SqliteCore {
  readonly #db: InstanceType<typeof Database>;
  readonly #file: string;
  readonly #statements = new Map<string, Statement>();
  readonly #inside = new AsyncLocalStorage<true>();
  #turn: Promise<unknown> = Promise.resolve();
  #users = 0;

  private constructor(file: string, options: SqliteOptions) {
    this.#file = file;
    try {
      if (file !== MEMORY) mkdirSync(dirname(file), { recursive: true });
      this.#db = new Database(file);
    } catch (cause) {
      throw new ChimeraError('CHM540', `cannot open ${file}`, {
        file,
        cause,
        help: 'check that the folder exists and may be written',
      });
    }
    this.do(() => {
      this.#db.pragma(`busy_timeout = ${options.busyMs ?? 5000}`);
      this.#db.pragma('journal_mode = WAL');
      this.#db.pragma(`wal_autocheckpoint = ${WAL_PAGES}`);
      this.#db.pragma(`synchronous = ${options.synchronous === 'full' ? 'FULL' : 'NORMAL'}`);
      createTables(this);
      if (options.maxBytes !== undefined)
        this.#db.pragma(`max_page_count = ${Math.ceil(options.maxBytes / PAGE_BYTES)}`);
    });
  }

  static open(file: string | undefined, options: SqliteOptions): SqliteCore {
    const path = file === undefined ? MEMORY : resolve(file);
    const core = cores.get(path) ?? new SqliteCore(path, options);
    if (path !== MEMORY) cores.set(path, core);
    core.#users++;
    return core;
  }
  /** The last user's release closes the file. */
  release(): void {
    if (--this.#users > 0) return;
    cores.delete(this.#file);
    this.#statements.clear();
    this.#db.close();
  }

  script(sql: string): void {
    this.do(() => this.#db.exec(sql));
  }
  run(sql: string, ...params: unknown[]): void {
    this.do(() => this.#prepared(sql).run(...params));
  }
  /** Rows as arrays in order of the columns. */
  rows(sql: string, ...params: unknown[]): Row[] {
    return this.do(() => this.#prepared(sql).all(...params) as Row[]);
  }
  row(sql: string, ...params: unknown[]): Row | undefined {
    return this.rows(sql, ...params)[0];
  }

  async transaction<T>(work: () => T | Promise<T>): Promise<T> {
    if (this.#inside.getStore()) return work();
    const turn = this.#turn.then(() => this.#inside.run(true, () => this.#transact(work)));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
  async #transact<T>(work: () => T | Promise<T>): Promise<T> {
    this.script('BEGIN IMMEDIATE');
    try {
      const result = await work();
      this.script('COMMIT');
      return result;
    } catch (e) {
      // A full disk may have rolled back already.
      if (this.#db.inTransaction) this.script('ROLLBACK');
      throw e;
    }
  }

  #prepared(sql: string): Statement {
    let s = this.#statements.get(sql);
    if (!s) {
      s = this.#db.prepare(sql) as Statement;
      if (/^(SELECT|WITH)|RETURNING/.test(sql)) s.raw();
      this.#statements.set(sql, s);
    }
    return s;
  }
  do<T>(work: () => T): T {
    try {
      return work();
    } catch (cause) {
      throw storeError(cause, this.#file);
    }
  }
}

const MEMORY = ':memory:';
/** Pages in the log before they move into the file (16 MB): each move syncs, and a page that changed often moves once. */
const WAL_PAGES = 4000;
/** SQLite's own default. */
const PAGE_BYTES = 4096;
const cores = new Map<string, SqliteCore>();

function storeError(cause: unknown, file: string): ChimeraError {
  if (cause instanceof ChimeraError) return cause;
  const { code = '', message = String(cause) } = cause as { code?: string; message?: string };
  const at = { file, cause };
  if (code.startsWith('SQLITE_FULL') || /disk is full|no space/i.test(message))
    return new ChimeraError('CHM542', `no room left for ${file}`, {
      ...at,
      help: 'make room and run again; everything committed is intact',
    });
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED'))
    return new ChimeraError('CHM545', `${file} is held by another process`, {
      ...at,
      help: 'stop the other run in this folder, or give this one a folder of its own',
    });
  if (code === 'SQLITE_NOTADB' || code.startsWith('SQLITE_CORRUPT'))
    return new ChimeraError('CHM544', `${file} is damaged: ${message}`, {
      ...at,
      help: 'move it aside and run again: documents are rebuilt from the journals',
    });
  if (code.startsWith('SQLITE_CANTOPEN') || code.startsWith('SQLITE_READONLY'))
    return new ChimeraError('CHM540', `cannot write ${file}: ${message}`, { ...at, help: 'check its rights' });
  return new ChimeraError('CHM546', `the store ${file} refused: ${message}`, { ...at, help: 'check the disk' });
}
