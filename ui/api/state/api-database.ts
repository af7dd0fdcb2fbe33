import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';

type Value = string | number | null | Uint8Array;
interface Statement {
  run(...params: Value[]): { changes: number };
  all(...params: Value[]): Record<string, Value>[];
  get(...params: Value[]): Record<string, Value> | undefined;
}

const TABLES = `
CREATE TABLE IF NOT EXISTS users (
  name TEXT PRIMARY KEY, password TEXT NOT NULL, roles TEXT NOT NULL, created_ms INTEGER NOT NULL,
  last_login_ms INTEGER
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS failures (
  name TEXT PRIMARY KEY, failures INTEGER NOT NULL, locked_until_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sessions (
  id TEXT PRIMARY KEY, user TEXT NOT NULL, created_ms INTEGER NOT NULL, rotated_ms INTEGER NOT NULL,
  secret TEXT NOT NULL, previous TEXT NOT NULL, revoked INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sessions_user ON sessions (user);
CREATE TABLE IF NOT EXISTS answers (
  id TEXT PRIMARY KEY, request TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL, at_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS answers_at ON answers (at_ms);
CREATE TABLE IF NOT EXISTS audit (
  n INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL, route TEXT NOT NULL,
  correlation_id TEXT NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL, outcome INTEGER NOT NULL, hash TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS seals (id INTEGER PRIMARY KEY CHECK (id = 1), entries INTEGER NOT NULL, hash TEXT NOT NULL, seal TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS records (
  kind TEXT NOT NULL, id TEXT NOT NULL, at_ms INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS records_at ON records (kind, at_ms);
`;

/**
 * The API's own file: users, sessions, answers to commands, audit log, proposals. One process writes it. Without a folder it is in
 * memory.
 */
export class ApiDatabase {
  readonly #db: InstanceType<typeof Database>;
  readonly #statements = new Map<string, Statement>();

  constructor(dir: string | undefined) {
    if (dir !== undefined) mkdirSync(dir, { recursive: true, mode: 0o700 });
    const file = dir === undefined ? ':memory:' : join(dir, 'api.sqlite');
    this.#db = new Database(file);
    this.#db.pragma('busy_timeout = 5000');
    if (dir !== undefined) {
      this.#db.pragma('journal_mode = WAL');
      chmodSync(file, 0o600);
    }
    this.#db.pragma('synchronous = FULL');
    this.#db.exec(TABLES);
  }
  run(sql: string, ...params: Value[]): number {
    return this.#statement(sql).run(...params).changes;
  }
  all<T>(sql: string, ...params: Value[]): T[] {
    return this.#statement(sql).all(...params) as T[];
  }
  get<T>(sql: string, ...params: Value[]): T | undefined {
    return this.#statement(sql).get(...params) as T | undefined;
  }
  /** Synchronous work: nothing else of this process comes in between. */
  transaction<T>(work: () => T): T {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#db.exec('COMMIT');
      return result;
    } catch (e) {
      if (this.#db.inTransaction) this.#db.exec('ROLLBACK');
      throw e;
    }
  }
  close(): void {
    this.#statements.clear();
    this.#db.close();
  }
  #statement(sql: string): Statement {
    let s = this.#statements.get(sql);
    if (!s) {
      s = this.#db.prepare(sql) as unknown as Statement;
      this.#statements.set(sql, s);
    }
    return s;
  }
}

/** Small documents of one kind by id, newest first: proposals, alerts, transfers. */
export class Records<T> {
  readonly #db: ApiDatabase;
  readonly #kind: string;
  constructor(db: ApiDatabase, kind: string) {
    this.#db = db;
    this.#kind = kind;
  }
  put(id: string, atMs: number, body: T): void {
    this.#db.run(
      'INSERT INTO records VALUES (?, ?, ?, ?) ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body',
      this.#kind,
      id,
      atMs,
      JSON.stringify(body),
    );
  }
  get(id: string): T | undefined {
    const row = this.#db.get<{ body: string }>('SELECT body FROM records WHERE kind = ? AND id = ?', this.#kind, id);
    return row && (JSON.parse(row.body) as T);
  }
  list(limit = 200, beforeMs = Number.MAX_SAFE_INTEGER): T[] {
    return this.#db
      .all<{ body: string }>(
        'SELECT body FROM records WHERE kind = ? AND at_ms < ? ORDER BY at_ms DESC, id DESC LIMIT ?',
        this.#kind,
        beforeMs,
        limit,
      )
      .map((r) => JSON.parse(r.body) as T);
  }
}
