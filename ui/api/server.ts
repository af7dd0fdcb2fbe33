import cookie from '@fastify/cookie';
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { Api } from './api.ts';
import { checkOrigin, correlationOf, identify, mayCall } from './guard.ts';
import { openApi } from './open-api.ts';
import { ApiError, refusalOf } from './problem.ts';
import { type Call, type Identity, isKept, type Route, SERVICES, type Service } from './route.ts';
import { digestOf } from './state/answers.ts';
import { routes } from './table.ts';

declare module 'fastify' {
  interface FastifyRequest {
    correlation: string;
    started: number;
    /** The service that is being asked. */
    face: Service;
  }
}

export interface ServerOptions {
  /** Only the routes of this service, for service identities. Default: the gateway with the routes of all. */
  readonly face?: Service;
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Names under which the server may be addressed, besides the loopback's. */
  readonly hosts?: readonly string[];
  readonly perMinute?: number;
  /** Without the lower limits of single routes: for tests that ask a lot. */
  readonly oneLimit?: boolean;
}

const NOBODY: Identity = { name: '', kind: 'person', roles: [], permissions: [], session: undefined };
const BODY_BYTES = 2 * 1_048_576;

/** A server with the routes of the table: checked, guarded, kept, audited. Not yet listening. */
export async function buildServer(api: Api, options: ServerOptions = {}): Promise<FastifyInstance> {
  const { face, tls } = options;
  const app = Fastify({
    logger: false,
    bodyLimit: BODY_BYTES,
    forceCloseConnections: true,
    // A proxy's word for who asks would let anyone be anyone.
    trustProxy: false,
    requestTimeout: 30_000,
    ...(tls ? { https: tls } : {}),
  }) as unknown as FastifyInstance;
  app.decorateRequest('correlation', '');
  app.decorateRequest('started', 0);
  app.decorateRequest('face', face ?? 's12');
  await app.register(cookie);
  await app.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: CSP },
    crossOriginEmbedderPolicy: false,
    hsts: tls ? { maxAge: 31_536_000 } : false,
    referrerPolicy: { policy: 'no-referrer' },
  });
  await app.register(rateLimit, {
    global: true,
    max: options.perMinute ?? 1200,
    timeWindow: 60_000,
    errorResponseBuilder: (_, { ttl }) =>
      new ApiError('CHM1116', 'too many requests', { retryAfterS: Math.ceil(ttl / 1000) }),
  });

  app.setErrorHandler((e, request, reply) => refuse(api, e, request, reply));
  app.setNotFoundHandler((request, reply) =>
    refuse(api, new ApiError('CHM1111', 'there is nothing at this address'), request, reply),
  );
  app.addHook('onRequest', async (request, reply) => {
    request.started = performance.now();
    request.correlation = correlationOf(request);
    reply.header('x-correlation-id', request.correlation);
    reply.header('cache-control', 'no-store');
    checkOrigin(request, options.hosts ?? [], tls !== undefined);
  });
  app.addHook('onResponse', async (request, reply) => {
    const at = request.routeOptions.url ?? 'unknown';
    api.metrics.seen(request.method, at, reply.statusCode, performance.now() - request.started);
  });
  // An empty body with a JSON header is no body: browsers send that.
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_, text, done) => {
    if (text === '') return done(null, undefined);
    try {
      done(null, JSON.parse(text as string));
    } catch {
      done(new ApiError('CHM1117', 'the body is no JSON'), undefined);
    }
  });

  const served = routes.filter((r) => face === undefined || r.service === face || OF_EVERY_FACE.has(r.path));
  const document = openApi(served);
  for (const route of served)
    for (const prefix of ['', '/v1'])
      app.route({
        method: route.method,
        url: prefix + route.path,
        ...(route.perMinute === undefined || options.oneLimit
          ? {}
          : { config: { rateLimit: { max: route.perMinute, timeWindow: 60_000 } } }),
        handler: (request, reply) => answer(api, route, request, reply, face),
      });
  for (const prefix of ['', '/v1']) app.get(`${prefix}/openapi.json`, () => document);
  return app;
}

/** What each face has for itself. */
const OF_EVERY_FACE = new Set(['/health', '/ready', '/metrics']);

/** No script and no style but the page's own files; nothing from elsewhere; nobody frames it. */
const CSP = {
  defaultSrc: ["'none'"],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'", "'unsafe-inline'"],
  imgSrc: ["'self'", 'data:', 'blob:'],
  fontSrc: ["'self'"],
  connectSrc: ["'self'"],
  workerSrc: ["'self'", 'blob:'],
  manifestSrc: ["'self'"],
  baseUri: ["'none'"],
  formAction: ["'none'"],
  frameAncestors: ["'none'"],
};

async function answer(
  api: Api,
  route: Route,
  request: FastifyRequest,
  reply: FastifyReply,
  face: Service | undefined,
): Promise<unknown> {
  const audit: { before: unknown; after: unknown } = { before: null, after: null };
  let who = NOBODY;
  try {
    const identity = await identify(api, request);
    if (identity) who = identity;
    // Who fails here is told so before anything else of the request is looked at.
    mayCall(route, identity, face);
    const call: Call = {
      api,
      params: parsed(route.params, request.params, 'the address'),
      query: parsed(route.query, request.query, 'the query'),
      body: parsed(route.body, request.body, 'the body'),
      who,
      correlation: request.correlation,
      request,
      reply,
      changed: (before, after) => {
        audit.before = before;
        audit.after = after;
      },
    };
    const result = isKept(route) ? await once(route, call) : await run(route, call);
    if (route.method !== 'GET' && route.repeat !== 'free') record(api, route, request, who, audit, reply.statusCode);
    return result;
  } catch (e) {
    const refusal = refusalOf(e, request.correlation);
    if (route.method !== 'GET' && route.repeat !== 'free') record(api, route, request, who, audit, refusal.status);
    throw e;
  }
}

/** Runs a route and says what goes back: a value becomes JSON, text and buffers go as they are. */
async function run(route: Route, call: Call): Promise<unknown> {
  const result = await route.handle(call as Call<never, never, never>);
  const { reply } = call;
  if (reply.statusCode === 200 && route.status !== undefined) reply.code(route.status);
  if (route.type) reply.type(route.type);
  if (result === undefined) {
    if (reply.statusCode === 200) reply.code(204);
    return reply.send();
  }
  return reply.send(result);
}

/** The same for a command: done once per key, and answered alike ever after. */
async function once(route: Route, call: Call): Promise<unknown> {
  const { request, reply, api, who } = call;
  const key = request.headers['idempotency-key'];
  if (typeof key !== 'string' || key.length < 8 || key.length > 128 || !/^[\x21-\x7e]+$/.test(key))
    throw new ApiError('CHM1113', 'this command needs an Idempotency-Key of 8 to 128 characters', {
      field: 'Idempotency-Key',
      help: 'make up a new one for each command, for example a UUID',
    });
  const id = digestOf(who.kind, who.name, key);
  const asked = digestOf(
    route.method,
    route.path,
    JSON.stringify(call.params ?? null),
    JSON.stringify(call.query ?? null),
    JSON.stringify(call.body ?? null),
  );
  const send = (status: number, body: string) => {
    reply.code(status);
    return body === '' ? reply.send() : reply.type('application/json; charset=utf-8').send(body);
  };
  const known = api.answers.begin(id, asked);
  if (known) {
    reply.header('idempotent-replayed', 'true');
    return send(known.status, known.body);
  }
  let status: number;
  let body: string;
  try {
    const result = await route.handle(call as Call<never, never, never>);
    status = reply.statusCode !== 200 ? reply.statusCode : (route.status ?? (result === undefined ? 204 : 200));
    body = result === undefined ? '' : JSON.stringify(result);
  } catch (e) {
    const refusal = refusalOf(e, request.correlation);
    // A refusal is an answer; a fault, and what may be different the next time, is tried again.
    if (refusal.status >= 500 || refusal.status === 429 || refusal.status === 409) api.answers.drop(id);
    else api.answers.keep(id, asked, { status: refusal.status, body: JSON.stringify(refusal.problem) });
    throw e;
  }
  api.answers.keep(id, asked, { status, body });
  return send(status, body);
}

function parsed(schema: z.ZodType | undefined, value: unknown, what: string): unknown {
  if (!schema) return undefined;
  const result = schema.safeParse(value ?? (what === 'the body' ? undefined : {}));
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const field = issue.path.join('.');
  throw new ApiError('CHM1110', `${what} is not valid: ${field ? `${field}: ` : ''}${issue.message}`, {
    ...(field ? { field } : {}),
    help: '/openapi.json has the form of each request',
  });
}

function record(
  api: Api,
  route: Route,
  request: FastifyRequest,
  who: Identity,
  audit: { before: unknown; after: unknown },
  outcome: number,
): void {
  api.audit.append({
    at_ms: api.now(),
    who: who.name === '' ? `anonymous@${request.ip}` : who.kind === 'service' ? `service:${who.name}` : who.name,
    what: route.summary,
    route: `${route.method} ${new URL(request.url, 'http://x').pathname}`.slice(0, 300),
    correlation_id: request.correlation,
    before: audit.before,
    after: audit.after,
    outcome,
  });
}

function refuse(api: Api, e: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const refusal = refusalOf(e, request.correlation);
  if (refusal.fault) api.log.error({ err: e, correlation: request.correlation }, 'a fault of the API');
  if (refusal.retryAfterS !== undefined) reply.header('retry-after', String(refusal.retryAfterS));
  if (refusal.status === 401) reply.header('www-authenticate', 'Bearer');
  return reply.code(refusal.status).type('application/json; charset=utf-8').send(refusal.problem);
}

export const portOf = (service: Service): number => SERVICES[service].port;
