import type { Problem, Session } from '../../api/contract/records.ts';
import { ApiError } from './problem.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
export type Query = Readonly<Record<string, string | number | undefined | null>>;
export interface CallOptions {
  readonly query?: Query;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
  /** The same key again has the same effect once. */
  readonly idempotencyKey?: string;
}

/**
 * HTTP to the API of the same origin. The access token lives in this object alone; when it has run out, it is renewed by the
 * refresh cookie without anybody noticing, once, and the call is made again.
 */
export class Client {
  #token: string | undefined;
  #refreshing: Promise<Session> | undefined;
  readonly #base: string;
  /** A session was renewed in the background. */
  onSession: (session: Session) => void = () => {};
  /** The session is over: the refresh cookie was refused. */
  onSignedOut: () => void = () => {};

  constructor(base = '/v1') {
    this.#base = base;
  }

  get token(): string | undefined {
    return this.#token;
  }
  take(session: Session | undefined): void {
    this.#token = session?.access_token;
  }

  get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
    return this.call<T>('GET', path, { ...(query ? { query } : {}), ...(signal ? { signal } : {}) });
  }
  post<T>(path: string, body: unknown = {}, options: CallOptions = {}): Promise<T> {
    return this.call<T>('POST', path, { ...options, body });
  }

  /** @throws ApiError */
  async call<T>(method: Method, path: string, options: CallOptions = {}): Promise<T> {
    const idempotencyKey = options.idempotencyKey ?? uuid();
    const sent = this.#token;
    let response = await this.#send(method, path, { ...options, idempotencyKey });
    if (response.status === 401 && sent !== undefined) {
      if (this.#token === sent) await this.refresh();
      response = await this.#send(method, path, { ...options, idempotencyKey });
    }
    return read<T>(response);
  }

  /** A text, e.g. the HTML report. */
  async text(path: string): Promise<string> {
    let response = await this.#send('GET', path, {});
    if (response.status === 401 && this.#token !== undefined) {
      await this.refresh();
      response = await this.#send('GET', path, {});
    }
    if (!response.ok) await read(response);
    return response.text();
  }

  /** A new access token for the refresh cookie. Tabs take turns: the cookie is good for one use. */
  refresh(): Promise<Session> {
    this.#refreshing ??= turn(async () => {
      const response = await this.#send('POST', '/refresh', { body: {} });
      return read<Session>(response);
    })
      .then(
        (session) => {
          this.take(session);
          this.onSession(session);
          return session;
        },
        (e: unknown) => {
          if (e instanceof ApiError && (e.status === 401 || e.status === 403)) {
            this.take(undefined);
            this.onSignedOut();
          }
          throw e;
        },
      )
      .finally(() => {
        this.#refreshing = undefined;
      });
    return this.#refreshing;
  }

  async #send(method: Method, path: string, options: CallOptions): Promise<Response> {
    const headers: Record<string, string> = { accept: 'application/json' };
    if (this.#token !== undefined) headers['authorization'] = `Bearer ${this.#token}`;
    if (method !== 'GET') {
      headers['x-chimera'] = '1';
      headers['x-correlation-id'] = uuid();
      headers['idempotency-key'] = options.idempotencyKey ?? uuid();
      if (options.body !== undefined) headers['content-type'] = 'application/json';
    }
    try {
      return await fetch(this.#base + path + queryText(options.query), {
        method,
        headers,
        credentials: 'same-origin',
        ...(options.body !== undefined ? { body: JSON.stringify(options.body) } : {}),
        ...(options.signal ? { signal: options.signal } : {}),
      });
    } catch (e) {
      if (options.signal?.aborted) throw e;
      throw new ApiError(0, undefined);
    }
  }
}

async function read<T>(response: Response): Promise<T> {
  if (response.status === 204) return undefined as T;
  const text = await response.text();
  let body: unknown;
  try {
    body = text === '' ? undefined : JSON.parse(text);
  } catch {
    body = undefined;
  }
  if (response.ok) return body as T;
  const wait = Number(response.headers.get('retry-after'));
  throw new ApiError(response.status, isProblem(body) ? body : undefined, wait > 0 ? wait : undefined);
}

const isProblem = (body: unknown): body is Problem =>
  typeof body === 'object' && body !== null && typeof (body as { error?: { code?: unknown } }).error?.code === 'string';

function queryText(query: Query | undefined): string {
  const params = new URLSearchParams();
  for (const [k, v] of Object.entries(query ?? {}))
    if (v !== undefined && v !== null && v !== '') params.set(k, String(v));
  const text = params.toString();
  return text === '' ? '' : `?${text}`;
}

/** `crypto.randomUUID` exists in secure contexts only; a page served over plain HTTP in a private network is none. */
export function uuid(): string {
  if (typeof crypto.randomUUID === 'function') return crypto.randomUUID();
  const b = crypto.getRandomValues(new Uint8Array(16));
  b[6] = (b[6]! & 0x0f) | 0x40;
  b[8] = (b[8]! & 0x3f) | 0x80;
  const hex = Array.from(b, (x) => x.toString(16).padStart(2, '0')).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

async function turn<T>(work: () => Promise<T>): Promise<T> {
  if (typeof navigator.locks?.request !== 'function') return work();
  return (await navigator.locks.request('chimera-refresh', work)) as T;
}
