import { ApiError, type Route } from '../contract.ts';
import { Connection, type ConnectionOptions } from './connection.ts';
import { type Gate, Silence } from './gate.ts';
import { LimitError } from './limits.ts';
import type { Security } from './security.ts';
import type { SpotUsers } from './user-streams.ts';

export interface ApiOptions extends ConnectionOptions {
  readonly gate: Gate;
  readonly security: Security;
  /** Spot only. */
  readonly users: SpotUsers | undefined;
  /** Whether answers carry `rateLimits`. */
  readonly rateLimits: boolean;
}

type Id = string | number | null;
interface Request {
  id: Id;
  method: string;
  values: Record<string, string>;
  rateLimits: boolean;
}

const MINUTE_LIMIT = { rateLimitType: 'REQUEST_WEIGHT', interval: 'MINUTE', intervalNum: 1 } as const;

/** A connection of the websocket API: calls of routes, a session, and on Spot the user stream. */
export class ApiConnection extends Connection {
  readonly kind = 'api';
  readonly #o: ApiOptions;
  /** Since when the session is authenticated, ms; 0 = it is not. */
  #since = 0;
  readonly #connectedMs: number;
  #nextSubscription = 0;

  constructor(o: ApiOptions) {
    super(o);
    this.#o = o;
    this.#connectedMs = o.wallMs;
    this.ws.on('message', (data, binary) => this.#message(binary ? '' : String(data)));
    this.ws.on('ping', () => this.admit(o.gate.wallMs()));
    this.ws.on('pong', () => this.pong(o.gate.wallMs()));
  }
  closed(): void {
    this.#o.users?.detach(this);
  }
  notice(wallMs: number): void {
    this.sendText(`{"event":{"e":"serverShutdown","E":${Math.floor(wallMs)}}}`);
  }

  #message(text: string): void {
    if (!this.open || !this.admit(this.#o.gate.wallMs())) return;
    const request: Request = { id: null, method: '', values: Object.create(null), rateLimits: this.#o.rateLimits };
    try {
      read(text, request);
      const result = this.#answer(request);
      if (result instanceof Promise)
        result.then(
          (r) => this.#succeed(request, r),
          (e: unknown) => this.#fail(request, e),
        );
      else this.#succeed(request, result);
    } catch (e) {
      this.#fail(request, e);
    }
  }
  #succeed(request: Request, result: unknown): void {
    this.#send(request, { id: request.id, status: 200, result: result ?? {} });
  }
  #fail(request: Request, e: unknown): void {
    if (e instanceof Silence) return;
    const error =
      e instanceof ApiError ? e : new ApiError(-1000, 'An unknown error occurred while processing the request.', 500);
    const now = this.#now();
    const data = e instanceof LimitError ? { serverTime: now, retryAfter: now + e.retryAfterS * 1000 } : error.data;
    this.#send(request, {
      id: request.id,
      status: error.status,
      error: { code: error.code, msg: error.message, ...(data === undefined ? {} : { data }) },
    });
  }
  #send(request: Request, answer: object): void {
    this.sendText(JSON.stringify(request.rateLimits ? { ...answer, rateLimits: this.#rateLimits() } : answer));
  }
  #rateLimits(): object[] {
    const { limits } = this.#o.gate;
    const now = this.#o.gate.wallMs();
    return [{ ...MINUTE_LIMIT, limit: limits.of.weight, count: limits.used(this.ip, now) }, ...limits.orderRows(now)];
  }
  #now(): number {
    return Math.floor(this.#o.gate.wallMs());
  }

  #answer(request: Request): unknown {
    const { gate } = this.#o;
    const route = OWN[request.method] ?? gate.method(request.method);
    if (!route || (route === OWN[request.method] && this.market !== 'spot' && request.method.startsWith('userData'))) {
      gate.admit(this.ip, 2);
      throw new ApiError(-1020, `Method '${request.method.slice(0, 60)}' is not supported.`);
    }
    const check = (r: Route): void => this.#check(r, request.values);
    if (!Object.hasOwn(OWN, request.method)) return gate.call(route, request.values, this.ip, check);
    const apiKey = request.values['apiKey'];
    return gate.call({ ...route, handle: () => this.#session(request, apiKey) }, request.values, this.ip, check);
  }

  #check(route: Route, values: Record<string, string>): void {
    if (route.security === 'none') return;
    const { security, gate } = this.#o;
    const { apiKey, signature } = values;
    if (apiKey === undefined && signature === undefined && this.#since > 0) {
      if (route.security === 'signed') security.checkTime(values, gate.wallMs());
      return;
    }
    security.checkKey(apiKey);
    if (route.security !== 'signed') return;
    delete values['signature'];
    const names = Object.keys(values).sort();
    // As the text stands, or percent-encoded.
    const plain = names.map((n) => `${n}=${values[n]}`).join('&');
    const encoded = names.map((n) => `${encodeURIComponent(n)}=${encodeURIComponent(values[n]!)}`).join('&');
    security.checkSigned(values, plain === encoded ? [plain] : [plain, encoded], signature, gate.wallMs());
  }

  #session(request: Request, apiKey: string | undefined): unknown {
    switch (request.method) {
      case 'session.logon':
        this.#since = this.#now();
        return this.#status(apiKey ?? '');
      case 'session.logout':
        this.#since = 0;
        return this.#status(null);
      case 'session.status':
        return this.#status(this.#since > 0 ? 'authenticated' : null);
      case 'session.subscriptions': {
        const id = this.#o.users?.subscription(this);
        return id === undefined ? [] : [{ subscriptionId: id }];
      }
      case 'userDataStream.subscribe':
      case 'userDataStream.subscribe.signature': {
        const users = this.#o.users!;
        if (request.method === 'userDataStream.subscribe' && this.#since === 0)
          throw new ApiError(-2014, 'API-key format invalid.', 401);
        if (users.subscription(this) !== undefined)
          throw new ApiError(-2035, 'User Data Stream subscription already active.');
        const subscriptionId = this.#nextSubscription++;
        users.subscribe(this, subscriptionId);
        return { subscriptionId };
      }
      default: {
        const users = this.#o.users!;
        const id = users.subscription(this);
        const wanted = request.values['subscriptionId'];
        if (id === undefined || (wanted !== undefined && wanted !== String(id)))
          throw new ApiError(-2036, 'User Data Stream subscription not active.');
        users.detach(this);
        // Behind the answer.
        queueMicrotask(() =>
          setImmediate(() =>
            this.sendText(`{"subscriptionId":${id},"event":{"e":"eventStreamTerminated","E":${this.#now()}}}`),
          ),
        );
        return {};
      }
    }
  }
  #status(apiKey: string | null): object {
    return {
      apiKey,
      authorizedSince: this.#since > 0 ? this.#since : null,
      connectedSince: Math.floor(this.#connectedMs),
      returnRateLimits: this.#o.rateLimits,
      serverTime: this.#now(),
      userDataStream: this.#o.users?.subscription(this) !== undefined,
    };
  }
}

const own = (security: Route['security']): Route => ({
  method: 'GET',
  path: '/ws-api',
  security,
  weight: 2,
  handle: () => ({}),
});
/** Methods that are about the connection itself. */
const OWN: Readonly<Record<string, Route>> = Object.assign(Object.create(null) as Record<string, Route>, {
  'session.logon': own('signed'),
  'session.logout': own('none'),
  'session.status': own('none'),
  'session.subscriptions': own('none'),
  'userDataStream.subscribe': own('none'),
  'userDataStream.subscribe.signature': own('signed'),
  'userDataStream.unsubscribe': own('none'),
});

/** @throws ApiError −1135 */
function read(text: string, into: Request): void {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ApiError(-1135, 'Invalid JSON Request.');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ApiError(-1135, 'Invalid JSON Request.');
  const { id, method, params } = value as Record<string, unknown>;
  if (id !== undefined && id !== null) {
    if (!Number.isSafeInteger(id) && !(typeof id === 'string' && id.length <= 64))
      throw new ApiError(-1135, "Invalid JSON Request; JSON sent for parameter 'id' is not valid.");
    into.id = id as Id;
  }
  if (typeof method !== 'string')
    throw new ApiError(-1135, "Invalid JSON Request; JSON sent for parameter 'method' is not valid.");
  into.method = method;
  if (params === undefined || params === null) return;
  if (typeof params !== 'object' || Array.isArray(params))
    throw new ApiError(-1135, "Invalid JSON Request; JSON sent for parameter 'params' is not valid.");
  for (const [name, v] of Object.entries(params as Record<string, unknown>)) {
    if (name === 'returnRateLimits') {
      into.rateLimits = v !== false && v !== 'false';
      // It is signed like any other parameter.
    }
    if (v === undefined) continue;
    into.values[name] = typeof v === 'string' ? v : typeof v === 'object' ? JSON.stringify(v) : String(v);
  }
}
