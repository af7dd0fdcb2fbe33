import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { ApiError } from '../contract.ts';
import { type Gate, Silence } from './gate.ts';
import { LimitError, suffix } from './limits.ts';
import { readRequest } from './request-text.ts';
import type { Security } from './security.ts';

const BODY_BYTES = 262_144;
const JSON_TYPE = 'application/json;charset=UTF-8';

/** What the venue answers beside Binance's endpoints, under `/chimera/`. */
export type Control = (method: string, path: string, body: string) => object | undefined;

/** The HTTP face of one market. */
export function createRest(gate: Gate, security: Security, control: Control): FastifyInstance {
  const app = Fastify({
    logger: false,
    bodyLimit: BODY_BYTES,
    forceCloseConnections: true,
    return503OnClosing: false,
    exposeHeadRoutes: false,
    keepAliveTimeout: 75_000,
    requestTimeout: 30_000,
    // Query and body are read by ourselves: the signature is over their exact text.
    routerOptions: { querystringParser: () => ({}), ignoreDuplicateSlashes: false, maxParamLength: 8192 },
    clientErrorHandler: (error, socket) => {
      const large = (error as NodeJS.ErrnoException).code === 'HPE_HEADER_OVERFLOW';
      const status = large ? '431 Request Header Fields Too Large' : '400 Bad Request';
      const body = json(-1100, large ? 'Request header is too large.' : 'Malformed request.');
      if (socket.writable)
        socket.write(
          `HTTP/1.1 ${status}\r\nContent-Type: ${JSON_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
        );
      socket.destroy();
    },
    frameworkErrors: (_error, _request, reply: FastifyReply) => {
      void reply.code(400).type(JSON_TYPE).send(json(-1100, 'Illegal characters found in the path.'));
    },
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body));
  app.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) => {
    const status = error.statusCode ?? 500;
    const text =
      status === 413
        ? json(-1101, 'Request body is too large.')
        : status < 500
          ? json(-1100, 'Malformed request.')
          : json(-1000, 'An unknown error occurred while processing the request.');
    return reply.code(status).type(JSON_TYPE).send(text);
  });
  const serve = (request: FastifyRequest, reply: FastifyReply) => answer(gate, security, control, request, reply);
  app.all('*', serve);
  // Methods that the router does not know, and what it cannot route.
  app.setNotFoundHandler(serve);
  return app;
}

async function answer(
  gate: Gate,
  security: Security,
  control: Control,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const { raw } = reply;
  const method = request.method;
  const url = request.raw.url ?? '/';
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const body = typeof request.body === 'string' ? request.body : '';
  const ip = request.raw.socket.remoteAddress ?? '';
  let status = 200;
  let text: string;
  try {
    const own = path.startsWith('/chimera/') ? control(method, path, body) : undefined;
    if (own !== undefined) text = JSON.stringify(own);
    else {
      const route = gate.route(method, path);
      if (!route) {
        gate.admit(ip, 1);
        throw noRoute(gate, method, path);
      }
      const { values, payload, signature } = readRequest(mark < 0 ? '' : url.slice(mark + 1), body);
      let result = gate.call(route, values, ip, () => {
        if (route.security === 'none') return;
        const key = request.headers['x-mbx-apikey'];
        security.checkKey(typeof key === 'string' ? key : undefined);
        if (route.security === 'signed') security.checkSigned(values, [payload], signature, gate.wallMs());
      });
      if (result instanceof Promise) result = (await result) as unknown;
      text = JSON.stringify(result ?? {});
      if (route.orders !== undefined)
        for (const { limit, count } of gate.limits.orderCounts(gate.wallMs()))
          raw.setHeader(`X-MBX-ORDER-COUNT-${suffix(limit)}`, count);
    }
  } catch (e) {
    if (e instanceof Silence) {
      // The line stays open and nothing is ever said on it.
      reply.hijack();
      return undefined;
    }
    const error =
      e instanceof ApiError ? e : new ApiError(-1000, 'An unknown error occurred while processing the request.', 500);
    status = error.status;
    text = JSON.stringify({
      code: error.code,
      msg: error.message,
      ...(error.data === undefined ? {} : { data: error.data }),
    });
    if (e instanceof LimitError) raw.setHeader('Retry-After', e.retryAfterS);
  }
  // Set on the raw response, which keeps the spelling.
  raw.setHeader('X-MBX-USED-WEIGHT-1M', gate.limits.used(ip, gate.wallMs()));
  return reply.code(status).type(JSON_TYPE).send(text);
}

const json = (code: number, msg: string): string => JSON.stringify({ code, msg });

/** USD-M answers an unknown path with −5000; Spot with a bare 404, which gets the common error shape here. */
function noRoute(gate: Gate, method: string, path: string): ApiError {
  if (gate.market === 'usdm')
    return new ApiError(-5000, `Path ${path.slice(0, 200)}, Method ${method} is invalid`, 404);
  return new ApiError(-1020, 'This operation is not supported.', 404);
}
