import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from 'arangojs';
import { ChimeraError } from '../../../graph/schema/index.ts';
import type { ArangoAddress } from './address.ts';
import { ArangoFault, faultOf, NUM } from './fault.ts';
import { RETRY, type RetryNote, type RetryPolicy, retried } from './retry.ts';

export interface ClientOptions {
  /** Asked once per connection; its result is neither kept in messages nor logged. None: the empty password. */
  readonly passwordFrom?: () => string | Promise<string>;
  /** How long one request may take, to the last byte of its answer; default 30,000. */
  readonly timeoutMs?: number;
  readonly retry?: Partial<RetryPolicy>;
  /** How to wait between tries; tests give one that does not. */
  readonly wait?: (ms: number) => Promise<void>;
  /** Told of every repeated request. */
  readonly log?: (note: RetryNote) => void;
}
export type Bindings = Readonly<Record<string, unknown>>;
interface Request {
  readonly method?: string;
  readonly path: string;
  /** An object, or JSON as text. */
  readonly body?: unknown;
  readonly transaction?: string | undefined;
  /** Instead of the store's own database. */
  readonly database?: string;
}
interface CursorAnswer {
  readonly result: unknown[];
  readonly hasMore: boolean;
  readonly id?: string;
}
/** Oldest server that has everything the queries use. */
const OLDEST = [3, 11] as const;
const BATCH_ROWS = 1000;
/** Requests at a time. */
const POOL = 4;

/** One database on one server: sends requests with a deadline, reads failures, and repeats what may succeed. */
export class ArangoClient {
  readonly address: ArangoAddress;
  readonly #options: ClientOptions;
  readonly #policy: RetryPolicy;
  #db: Database | undefined;
  #password: string | undefined;
  constructor(address: ArangoAddress, options: ClientOptions) {
    this.address = address;
    this.#options = options;
    this.#policy = { ...RETRY, ...options.retry };
  }
  get where(): string {
    return `${this.address.url} ${this.address.database}`;
  }

  retried<T>(what: string, work: () => Promise<T>): Promise<T> {
    const { wait = (ms: number) => sleep(ms), log = () => {} } = this.#options;
    return retried(what, work, this.#policy, wait, log);
  }

  /** One try. @throws ArangoFault */
  async send<T>(request: Request): Promise<T> {
    try {
      const db = await this.#connection();
      const { database = this.address.database } = request;
      const answer = this.#request<T>(database === db.name ? db : db.database(database), request);
      return await this.#inTime(answer);
    } catch (e) {
      throw faultOf(e, this.where);
    }
  }
  #request<T>(db: Database, { method = 'GET', path, body, transaction }: Request): Promise<T> {
    const headers: Record<string, string> = {};
    if (typeof body === 'string') headers['content-type'] = 'application/json';
    if (transaction !== undefined) headers['x-arango-trx-id'] = transaction;
    // The search part must not be escaped with the path.
    const [pathname = '', search] = path.split('?');
    return db.request<T>({
      method,
      pathname,
      headers,
      ...(search === undefined ? {} : { search: new URLSearchParams(search) }),
      ...(body === undefined ? {} : { body }),
      timeout: this.#timeoutMs,
    });
  }
  /** The library's own deadline ends with the head of the answer. */
  async #inTime<T>(answer: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        // What hangs keeps its place in the pool: leave it behind.
        this.#db?.close();
        this.#db = undefined;
        reject(new Error(`no complete answer within ${this.#timeoutMs} ms`));
      }, this.#timeoutMs + 100);
    });
    try {
      return await Promise.race([answer, late]);
    } finally {
      clearTimeout(timer);
      answer.catch(() => {});
    }
  }
  get #timeoutMs(): number {
    return this.#options.timeoutMs ?? 30_000;
  }
  async #connection(): Promise<Database> {
    if (this.#db) return this.#db;
    const [{ Database }, password] = await Promise.all([import('arangojs'), this.#secret()]);
    this.#db ??= new Database({
      url: this.address.url,
      databaseName: this.address.database,
      auth: { username: this.address.user, password },
      maxRetries: false,
      poolSize: POOL,
    });
    return this.#db;
  }
  async #secret(): Promise<string> {
    this.#password ??= (await this.#options.passwordFrom?.()) ?? '';
    return this.#password;
  }

  /** All rows of a query; one try. Values go in as bindings only. @throws ArangoFault */
  async rows<T>(query: string, bindVars: Bindings, transaction?: string): Promise<T[]> {
    const first = await this.send<CursorAnswer>({
      method: 'POST',
      path: '/_api/cursor',
      body: { query, bindVars, batchSize: BATCH_ROWS },
      transaction,
    });
    const rows = first.result as T[];
    for (let at = first; at.hasMore; ) {
      at = await this.send<CursorAnswer>({ method: 'POST', path: `/_api/cursor/${first.id}`, transaction });
      for (const row of at.result) rows.push(row as T);
    }
    return rows;
  }
  /** A query without rows whose body is made already; one try. @throws ArangoFault */
  async execute(body: string, transaction?: string): Promise<void> {
    await this.send({ method: 'POST', path: '/_api/cursor', body, transaction });
  }

  /** The server's version. @throws CHM855, CHM856, CHM857, CHM860, CHM864; a missing database is a fault 1228 */
  async version(): Promise<string> {
    try {
      return await this.#version(this.address.database);
    } catch (e) {
      if (e instanceof ArangoFault && e.error.code === 'CHM857') throw await this.#whyRefused(e);
      throw e;
    }
  }
  async #version(database: string): Promise<string> {
    const answer = await this.send<{ server?: unknown; version?: unknown } | undefined>({
      path: '/_api/version',
      database,
    });
    const refuse = (code: string, what: string, help: string): ArangoFault =>
      new ArangoFault('refused', 0, new ChimeraError(code, `${this.where}: ${what}`, { help }));
    if (answer?.server !== 'arango' || typeof answer.version !== 'string')
      throw refuse('CHM864', 'what answers is not ArangoDB', 'check host and port');
    const [major = 0, minor = 0] = answer.version.split('.').map(Number);
    if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]))
      throw refuse('CHM860', `the server is ${answer.version}`, `use ArangoDB ${OLDEST.join('.')} or newer`);
    return answer.version;
  }
  /** The server answers a wrong password and a missing right alike; only its log-in tells them apart. */
  async #whyRefused(e: ArangoFault): Promise<ArangoFault> {
    try {
      const body = { username: this.address.user, password: await this.#secret() };
      await this.send({ method: 'POST', path: '/_open/auth', body, database: '_system' });
      return e;
    } catch (refused) {
      if (!(refused instanceof ArangoFault) || refused.error.code !== 'CHM857') return e;
      const message = `${this.where}: user or password of ${this.address.user} is wrong`;
      const help = 'check the user in the address and the password in the environment or its file';
      return new ArangoFault('refused', NUM.forbidden, new ChimeraError('CHM856', message, { help }));
    }
  }
  close(): void {
    this.#db?.close();
    this.#db = undefined;
  }
}
