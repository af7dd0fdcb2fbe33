import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isObject, own, type Value } from './aql/values.ts';
import { ArangoDoubleError, refuse } from './arango-error.ts';
import { DatabaseData } from './database-data.ts';
import { type Fault, Faults } from './faults.ts';
import {
  type Answer,
  collectionRoutes,
  cursorRoutes,
  documentRoutes,
  indexRoutes,
  methodNotAllowed,
  transactionRoutes,
  unknownPath,
} from './routes.ts';

export interface DoubleUser {
  readonly password: string;
  /** Database → right; `*` for all others. */
  readonly rights: Readonly<Record<string, 'rw' | 'ro' | 'none'>>;
}
export interface DoubleOptions {
  readonly version?: string;
  readonly users?: Readonly<Record<string, DoubleUser>>;
  /** Port to listen on; any free one by default. */
  readonly port?: number;
}
interface Request {
  readonly method: string;
  readonly database: string;
  /** Path behind the database, in parts: `['_api', 'cursor']`. */
  readonly path: readonly string[];
  readonly search: URLSearchParams;
  readonly body: Value;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly user: string;
}
const ROOT: DoubleUser = { password: '', rights: { '*': 'rw' } };
const NAME = /^[a-zA-Z][a-zA-Z0-9_-]{0,63}$/;

/**
 * A small server that speaks ArangoDB's HTTP API as far as the driver uses it, on loopback: it keeps documents, parses
 * and runs AQL, isolates transactions, and refuses what the real one refuses. For tests; nothing is on disk.
 */
export class ArangoDouble {
  readonly faults = new Faults();
  /** Requests so far, as `POST /_api/cursor`. */
  readonly requests: string[] = [];
  version: string;
  /** Refuses writes as a server in read-only mode does. */
  readOnly = false;
  readonly #users: Readonly<Record<string, DoubleUser>>;
  readonly #secret = randomBytes(16);
  #databases = new Map<string, DatabaseData>();
  #server: Server;
  #port: number;

  private constructor(options: DoubleOptions) {
    this.version = options.version ?? '3.12.4';
    this.#users = options.users ?? { root: ROOT };
    this.#port = options.port ?? 0;
    this.#server = this.#make();
    this.#databases.set('_system', new DatabaseData('_system'));
  }
  static async start(options: DoubleOptions = {}): Promise<ArangoDouble> {
    const double = new ArangoDouble(options);
    await double.listen();
    return double;
  }
  #make(): Server {
    return createServer({ keepAliveTimeout: 60_000 }, (q, s) => void this.#serve(q, s));
  }
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }
  database(name: string): DatabaseData | undefined {
    return this.#databases.get(name);
  }
  /** Goes away without a word, as a killed process does. */
  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((done) => this.#server.close(() => done()));
  }
  /** Comes back at the same address, without transactions and cursors, and without data if told so. */
  async listen(data: 'kept' | 'lost' = 'kept'): Promise<void> {
    if (data === 'lost') this.#databases = new Map([['_system', new DatabaseData('_system')]]);
    for (const db of this.#databases.values()) db.forgetRunning();
    this.#server = this.#make();
    await new Promise<void>((done) => this.#server.listen(this.#port, '127.0.0.1', done));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async #serve(q: IncomingMessage, s: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of q) chunks.push(chunk as Buffer);
    } catch {
      return;
    }
    const url = new URL(q.url ?? '/', 'http://double');
    const parts = url.pathname.split('/').slice(1).map(decodeURIComponent);
    const [database, path] = parts[0] === '_db' ? [parts[1] ?? '', parts.slice(2)] : ['_system', parts];
    const line = `${q.method} /${path.join('/')}`;
    this.requests.push(line);
    const fault = this.faults.next(line, q.headers['x-arango-trx-id'] !== undefined);
    if (fault?.kind === 'cut before') {
      q.socket.destroy();
      return;
    }
    if (fault?.kind === 'state') {
      const { status = 503, errorNum = status, message = 'service unavailable' } = fault;
      send(s, { status, body: errorBody(status, errorNum, message) });
      return;
    }
    const answer = this.#answer(q, Buffer.concat(chunks), { database, path, search: url.searchParams });
    if (fault?.kind === 'slow') setTimeout(() => send(s, answer), fault.ms);
    else if (fault) misbehave(fault, s, answer);
    else send(s, answer);
  }
  #answer(
    q: IncomingMessage,
    body: Buffer,
    where: { database: string; path: readonly string[]; search: URLSearchParams },
  ): Answer {
    try {
      const headers = q.headers as Record<string, string | undefined>;
      const parsed = bodyOf(body);
      if (where.path.join('/') === '_open/auth') return this.#logIn(parsed);
      const user = this.#userOf(headers['authorization']);
      return this.#route({ ...where, method: q.method ?? '', body: parsed, headers, user });
    } catch (e) {
      if (e instanceof ArangoDoubleError) return { status: e.status, body: errorBody(e.status, e.errorNum, e.message) };
      return { status: 500, body: errorBody(500, 4, `internal error: ${String(e)}`) };
    }
  }

  #route(r: Request): Answer {
    const [api, what] = r.path;
    const db = this.#databases.get(r.database);
    if (this.#rightOn(r.user, r.database) === 'none') throw notAuthorized();
    if (!db) throw refuse('databaseMissing', 'database not found');
    const call = {
      db,
      ...{ method: r.method, path: r.path.slice(1), search: r.search, body: r.body, headers: r.headers },
      mayWrite: () => this.#mayWrite(r),
    };
    if (api !== '_api') throw unknownPath(call);
    if (what === 'version')
      return { status: 200, body: { server: 'arango', license: 'community', version: this.version } };
    if (what === 'database') return this.#databaseRoutes(r);
    if (what === 'collection') return collectionRoutes(call);
    if (what === 'index') return indexRoutes(call);
    if (what === 'document') return documentRoutes(call);
    if (what === 'cursor') return cursorRoutes(call);
    if (what === 'transaction') return transactionRoutes(call);
    throw unknownPath(call);
  }
  #mayWrite(r: Request): void {
    if (this.readOnly) throw refuse('readOnly', 'read only');
    if (this.#rightOn(r.user, r.database) !== 'rw') throw refuse('forbidden', 'forbidden');
  }
  #databaseRoutes(r: Request): Answer {
    const name = r.path[2];
    const ok = (result: unknown, status = 200): Answer => ({ status, body: { error: false, code: status, result } });
    if (r.method === 'GET' && name === 'current')
      return ok({ name: r.database, id: '1', path: '', isSystem: r.database === '_system' });
    if (r.method === 'GET' && name === 'user')
      return ok([...this.#databases.keys()].filter((d) => this.#rightOn(r.user, d) !== 'none'));
    if (r.database !== '_system') throw refuse('useSystemDatabase', 'operation only allowed in system database');
    if (r.method === 'GET' && name === undefined) return ok([...this.#databases.keys()]);
    if (r.method === 'POST' && name === undefined) {
      this.#mayWrite(r);
      const wanted = own(r.body, 'name');
      if (typeof wanted !== 'string' || !NAME.test(wanted))
        throw refuse('databaseNameInvalid', 'database name invalid');
      if (this.#databases.has(wanted)) throw refuse('duplicateName', 'duplicate database name');
      this.#databases.set(wanted, new DatabaseData(wanted));
      return ok(true, 201);
    }
    if (r.method === 'DELETE' && name !== undefined) {
      this.#mayWrite(r);
      if (!this.#databases.delete(name)) throw refuse('databaseMissing', 'database not found');
      return ok(true);
    }
    throw methodNotAllowed();
  }

  #rightOn(user: string, database: string): 'rw' | 'ro' | 'none' {
    const { rights } = this.#users[user]!;
    return rights[database] ?? rights['*'] ?? 'none';
  }
  #userOf(authorization: string | undefined): string {
    const [scheme, value = ''] = (authorization ?? '').split(' ');
    if (scheme?.toLowerCase() === 'basic') {
      const [name = '', ...password] = Buffer.from(value, 'base64').toString('latin1').split(':');
      if (this.#isPassword(name, password.join(':'))) return name;
    }
    if (scheme?.toLowerCase() === 'bearer') {
      const [head = '', claims = '', signature = ''] = value.split('.');
      const expected = Buffer.from(this.#sign(`${head}.${claims}`));
      const given = Buffer.from(signature);
      if (given.length === expected.length && timingSafeEqual(given, expected)) {
        const { preferred_username: name } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as {
          preferred_username: string;
        };
        if (this.#users[name]) return name;
      }
    }
    throw notAuthorized();
  }
  #isPassword(name: string, password: string): boolean {
    const known = Object.hasOwn(this.#users, name) ? this.#users[name] : undefined;
    return known !== undefined && known.password === password;
  }
  #logIn(body: Value): Answer {
    const [name, password] = [own(body, 'username'), own(body, 'password')];
    if (typeof name !== 'string' || typeof password !== 'string') throw refuse('badParameter', 'bad parameter');
    if (!this.#isPassword(name, password)) throw new ArangoDoubleError(401, 401, 'Wrong credentials');
    const part = (o: object): string => Buffer.from(JSON.stringify(o)).toString('base64url');
    const head = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ iss: 'arangodb', preferred_username: name })}`;
    return { status: 200, body: { jwt: `${head}.${this.#sign(head)}` } };
  }
  #sign(text: string): string {
    return createHmac('sha256', this.#secret).update(text).digest('base64url');
  }
}

const notAuthorized = () => refuse('unauthorized', 'not authorized to execute this request');
const errorBody = (code: number, errorNum: number, errorMessage: string): object => ({
  ...{ error: true, code, errorNum, errorMessage },
});
function bodyOf(body: Buffer): Value {
  if (body.length === 0) return null;
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString('utf8'));
  } catch {
    throw refuse('illegalDocument', 'VPackError error: Expecting digit');
  }
  if (!isObject(parsed as Value) && !Array.isArray(parsed)) throw refuse('badParameter', 'expecting JSON');
  return parsed as Value;
}
function send(s: ServerResponse, { status, body, headers = {} }: Answer): void {
  const text = JSON.stringify(body);
  s.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    ...headers,
  });
  s.end(text);
}
function misbehave(fault: Fault, s: ServerResponse, { status, body }: Answer): void {
  if (fault.kind === 'silent') return;
  const text = JSON.stringify(body);
  s.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) + 1 });
  s.write(text.slice(0, Math.ceil(text.length / 2)), () => {
    if (fault.kind === 'cut within') s.socket?.destroy();
  });
}
