import type { FastifyInstance } from 'fastify';
import pino from 'pino';
import { type Api, openApiState } from '../api.ts';
import type { BusView } from '../bus-view.ts';
import type { Permission, Role } from '../contract/access.ts';
import type { RunHandle } from '../ports.ts';
import { RunRegistry } from '../runs/run-registry.ts';
import { buildServer, type ServerOptions } from '../server.ts';

export interface TestApi {
  readonly api: Api;
  readonly app: FastifyInstance;
  readonly runs: RunRegistry;
  /** Moves the clock of tokens, sessions and locks. */
  advance(ms: number): void;
  /** A user with these roles, and a token of theirs. */
  person(name: string, ...roles: Role[]): Promise<string>;
  service(name: string, ...permissions: Permission[]): Promise<string>;
  /** A request with a token; commands get a fresh idempotency key unless one is given. */
  ask(method: string, path: string, options?: Ask): Promise<Said>;
  close(): Promise<void>;
}
export interface Ask {
  readonly token?: string | undefined;
  readonly body?: unknown;
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
}
export interface Said {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every form.
  readonly body: any;
  readonly text: string;
  readonly headers: Readonly<Record<string, unknown>>;
}
export const PASSWORD = 'correct horse battery';

/** The API in process with state in memory (or in `dir`) and a clock that the test moves. */
export async function testApi(
  options: { dir?: string; home?: string; runs?: readonly RunHandle[]; bus?: BusView; server?: ServerOptions } = {},
): Promise<TestApi> {
  let offset = 0;
  const runs = new RunRegistry(options.home);
  for (const r of options.runs ?? []) runs.add(r);
  const api = openApiState({
    dir: options.dir,
    runs,
    version: '0.0.0',
    log: pino({ level: 'silent' }),
    now: () => Date.now() + offset,
    ...(options.bus ? { bus: options.bus } : {}),
  });
  const app = await buildServer(api, { perMinute: 1e6, oneLimit: true, ...options.server });
  let n = 0;
  return {
    api,
    app,
    runs,
    advance: (ms) => {
      offset += ms;
    },
    person: async (name, ...roles) => {
      if (!api.users.get(name)) await api.users.add(name, roles, PASSWORD);
      return api.tokens.person(name, api.sessions.open(name).session);
    },
    service: (name, ...permissions) => api.tokens.service(name, permissions, 60),
    ask: async (method, path, { token, body, key, headers = {} } = {}) => {
      const response = await app.inject({
        method: method as 'GET',
        url: path,
        headers: {
          host: '127.0.0.1',
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(method === 'GET' ? {} : { 'idempotency-key': key ?? `test-key-${n++}` }),
          ...headers,
        },
        ...(body === undefined ? {} : { payload: body as object }),
      });
      let parsed: unknown = null;
      try {
        parsed = response.payload === '' ? null : JSON.parse(response.payload);
      } catch {
        // Text.
      }
      return { status: response.statusCode, body: parsed, text: response.payload, headers: response.headers };
    },
    close: async () => {
      await app.close();
      api.close();
    },
  };
}
