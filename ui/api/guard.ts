import { randomUUID } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { Api } from './api.ts';
import { permissionsOf } from './auth/users.ts';
import type { Permission } from './contract/access.ts';
import { ApiError } from './problem.ts';
import type { Identity, Route, Service } from './route.ts';

/** The id that the caller gave, if it is one, or a new one. */
export function correlationOf(request: FastifyRequest): string {
  const given = request.headers['x-correlation-id'];
  return typeof given === 'string' && /^[\w.:-]{1,100}$/.test(given) ? given : randomUUID();
}

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/**
 * Two things that only a browser can be made to do: to speak to a loopback address under another name (rebinding of names), and to
 * send a command that another page made up. @throws CHM1107
 */
export function checkOrigin(request: FastifyRequest, hosts: readonly string[], tls: boolean): void {
  const host = request.headers.host ?? '';
  const bare = host.replace(/:\d+$/, '');
  if (!LOOPBACK.includes(bare) && !hosts.includes(bare)) throw foreign(`this server is not called ${bare || 'that'}`);
  const reads = request.method === 'GET' || request.method === 'HEAD';
  const { origin, cookie } = request.headers;
  const site = request.headers['sec-fetch-site'];
  if (reads && request.headers.upgrade === undefined) return;
  if (origin !== undefined && origin !== `${tls ? 'https' : 'http'}://${host}`) throw foreign('another origin');
  if (site !== undefined && site !== 'same-origin') throw foreign('another site');
  const browser = origin !== undefined || site !== undefined || cookie !== undefined;
  if (!reads && browser && request.headers['x-chimera'] !== '1') throw foreign('the header X-Chimera is missing');
}
const foreign = (why: string): ApiError => new ApiError('CHM1107', `this request is not the page's own: ${why}`);

/** Who a token speaks for; undefined without one. @throws CHM1101 */
export async function identify(api: Api, request: FastifyRequest): Promise<Identity | undefined> {
  const header = request.headers.authorization;
  if (header === undefined) return undefined;
  const token = /^Bearer ([\w.~+/=-]{1,4096})$/.exec(header)?.[1];
  if (token === undefined) throw new ApiError('CHM1101', 'this token is not accepted');
  return (await identityOf(api, token)).identity;
}
/** @throws CHM1101 */
export async function identityOf(api: Api, token: string): Promise<{ identity: Identity; expiresS: number }> {
  const bearer = await api.tokens.verify(token);
  const { name, expiresS } = bearer;
  if (bearer.kind === 'service')
    return {
      expiresS,
      identity: {
        name,
        kind: 'service',
        roles: ['service'],
        permissions: [...new Set<Permission>(['read', ...bearer.permissions])],
        session: undefined,
      },
    };
  // Roles are what they are now, not what they were when the token was made.
  const user = api.users.get(name);
  if (!user || !api.sessions.alive(bearer.session, name)) throw new ApiError('CHM1101', 'this token is not accepted');
  const { roles } = user;
  return {
    expiresS,
    identity: { name, kind: 'person', roles, permissions: permissionsOf(roles), session: bearer.session },
  };
}

/** @throws CHM1100, CHM1105, CHM1134 */
export function mayCall(route: Route, who: Identity | undefined, face: Service | undefined): void {
  const { rule } = route;
  if (rule === 'open' || rule === 'cookie') return;
  if (!who) throw new ApiError('CHM1100', 'this needs an access token', { help: 'sign in with POST /login' });
  if (face !== undefined && face !== 's12' && who.kind !== 'service')
    throw new ApiError('CHM1134', 'people come in through the gateway', { help: 'ask port 8092' });
  if (rule === 'signed_in') {
    if (who.kind !== 'person') throw new ApiError('CHM1105', 'this is for people');
    return;
  }
  const any: readonly Permission[] = typeof rule === 'string' ? [rule] : rule;
  if (!any.some((p) => who.permissions.includes(p)))
    throw new ApiError('CHM1105', `this needs the permission ${any.join(' or ')}`, {
      help: 'an administrator can give a role that has it',
    });
}
