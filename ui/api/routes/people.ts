import { z } from 'zod';
import type { Api } from '../api.ts';
import { MAX_PASSWORD, MIN_PASSWORD } from '../auth/password.ts';
import { IDLE_MS, type Opened } from '../auth/sessions.ts';
import { ACCESS_S } from '../auth/tokens.ts';
import { permissionsOf } from '../auth/users.ts';
import { ROLES } from '../contract/access.ts';
import type { Me, Session, User } from '../contract/records.ts';
import { ApiError } from '../problem.ts';
import { type Call, name, nothing, type Route, route } from '../route.ts';

export const COOKIE = 'chimera_refresh';
const password = z.string().min(MIN_PASSWORD).max(MAX_PASSWORD);
const roles = z
  .array(z.enum(ROLES).exclude(['service']))
  .min(1)
  .max(ROLES.length);
const params = z.strictObject({ name });

export const people: readonly Route[] = [
  route({
    method: 'GET',
    path: '/setup',
    service: 's12',
    rule: 'open',
    summary: 'whether the first administrator is still to be made',
    handle: ({ api }) => ({ needed: api.setup.needed }),
  }),
  route({
    method: 'POST',
    path: '/setup',
    service: 's12',
    rule: 'open',
    summary: 'make the first administrator with the one-time code',
    body: z.strictObject({ code: z.string().min(1).max(64), name, password }),
    repeat: 'free',
    perMinute: 10,
    codes: ['CHM1108'],
    handle: async ({ api, body, request, reply, correlation }) => {
      const refused = new ApiError('CHM1108', 'this one-time code is not accepted', {
        help: 'the program prints it when it starts and there is no user yet',
      });
      const taken = api.setup.take(body.code);
      said(api, request.ip, 'set up', taken ? 200 : 403, correlation);
      if (!taken) throw refused;
      try {
        await api.users.add(body.name, ['administrator'], body.password);
      } catch (e) {
        api.setup.giveBack();
        throw e;
      }
      said(api, body.name, 'made the first administrator', 200, correlation, body.name);
      return signIn(api, reply, api.sessions.open(body.name));
    },
  }),
  route({
    method: 'POST',
    path: '/login',
    service: 's12',
    rule: 'open',
    summary: 'sign in with name and password',
    body: z.strictObject({ name, password: z.string().min(1).max(MAX_PASSWORD) }),
    repeat: 'free',
    perMinute: 30,
    codes: ['CHM1102', 'CHM1103'],
    handle: async ({ api, body, reply, correlation }) => {
      const who = await api.users.check(body.name, body.password).catch((e: unknown) => {
        said(
          api,
          `unproven:${body.name}`,
          'failed to sign in',
          e instanceof ApiError && e.code === 'CHM1103' ? 429 : 401,
          correlation,
        );
        throw e;
      });
      said(api, who.name, 'signed in', 200, correlation);
      return signIn(api, reply, api.sessions.open(who.name));
    },
  }),
  route({
    method: 'POST',
    path: '/refresh',
    service: 's12',
    rule: 'cookie',
    summary: 'renew the session: a new access token, and a new cookie',
    body: nothing,
    repeat: 'free',
    perMinute: 120,
    codes: ['CHM1104'],
    handle: async ({ api, request, reply }) => {
      const held = cookieOf(request.cookies[COOKIE], request.headers['x-chimera']);
      let opened: Opened;
      try {
        opened = api.sessions.renew(held);
      } catch (e) {
        // A cookie that is of no use any more is taken away; that of a race was replaced already.
        if (e instanceof ApiError && e.code === 'CHM1104') reply.clearCookie(COOKIE, { path: '/' });
        throw e;
      }
      if (!api.users.get(opened.user)) throw new ApiError('CHM1104', 'this session has ended');
      return signIn(api, reply, opened);
    },
  }),
  route({
    method: 'POST',
    path: '/logout',
    service: 's12',
    rule: 'cookie',
    summary: 'end the session',
    body: nothing,
    repeat: 'free',
    status: 204,
    handle: ({ api, request, reply }) => {
      const held = cookieOf(request.cookies[COOKIE], request.headers['x-chimera']);
      if (api.sessions.knows(held)) api.sessions.end(held.split('.')[0]!);
      reply.clearCookie(COOKIE, { path: '/' });
    },
  }),
  route({
    method: 'GET',
    path: '/me',
    service: 's12',
    rule: 'signed_in',
    summary: 'who I am and what I may do',
    handle: ({ api, who }) => me(api.users.get(who.name)!),
  }),
  route({
    method: 'PUT',
    path: '/me/password',
    service: 's12',
    rule: 'signed_in',
    summary: 'change my password; my other sessions end',
    body: z.strictObject({ old: z.string().min(1).max(MAX_PASSWORD), new: password }),
    status: 204,
    perMinute: 10,
    codes: ['CHM1102', 'CHM1103'],
    handle: async ({ api, body, who, changed }) => {
      await api.users.check(who.name, body.old);
      await api.users.change(who.name, { password: body.new });
      api.sessions.endAll(who.name, who.session);
      changed(null, { name: who.name, password: 'changed' });
    },
  }),
  route({
    method: 'GET',
    path: '/users',
    service: 's12',
    rule: 'users.manage',
    summary: 'users and their roles',
    handle: ({ api }) => ({ items: api.users.list(), next: null }),
  }),
  route({
    method: 'POST',
    path: '/users',
    service: 's12',
    rule: 'users.manage',
    summary: 'add a user',
    body: z.strictObject({ name, roles, password }),
    status: 201,
    handle: async ({ api, body, changed }) => {
      const user = await api.users.add(body.name, body.roles, body.password);
      changed(null, shown(user));
      return user;
    },
  }),
  route({
    method: 'PUT',
    path: '/users/:name',
    service: 's12',
    rule: 'users.manage',
    summary: 'change the roles or the password of a user; their sessions end',
    params,
    body: z.strictObject({ name: name.optional(), roles: roles.optional(), password: password.optional() }),
    codes: ['CHM1112', 'CHM1135'],
    handle: async ({ api, params, body, changed }) => {
      const before = api.users.get(params.name);
      const after = await api.users.change(params.name, body);
      api.users.unlock(params.name);
      if (body.password !== undefined) api.sessions.endAll(params.name);
      changed(before && shown(before), {
        ...shown(after),
        ...(body.password === undefined ? {} : { password: 'changed' }),
      });
      return api.users.get(params.name);
    },
  }),
  route({
    method: 'DELETE',
    path: '/users/:name',
    service: 's12',
    rule: 'users.manage',
    summary: 'remove a user; their sessions end',
    params,
    status: 204,
    codes: ['CHM1112', 'CHM1135'],
    handle: ({ api, params, changed }) => {
      const before = api.users.remove(params.name);
      api.sessions.endAll(params.name);
      changed(shown(before), null);
    },
  }),
];

/** The cookie is sent by the browser whoever asks: only the page itself can add the header. */
function cookieOf(cookie: string | undefined, header: string | string[] | undefined): string {
  if (header !== '1')
    throw new ApiError('CHM1107', 'this request is not the page’s own: the header X-Chimera is missing');
  if (!cookie) throw new ApiError('CHM1104', 'there is no session', { help: 'sign in' });
  return cookie;
}

async function signIn(api: Api, reply: Call['reply'], opened: Opened): Promise<Session> {
  reply.setCookie(COOKIE, opened.refresh, {
    httpOnly: true,
    sameSite: 'strict',
    secure: api.secure,
    path: '/',
    maxAge: IDLE_MS / 1000,
  });
  return {
    access_token: await api.tokens.person(opened.user, opened.session),
    expires_s: ACCESS_S,
    me: me(api.users.get(opened.user)!),
  };
}

function said(api: Api, who: string, what: string, outcome: number, correlation: string, after: unknown = null): void {
  const at_ms = api.now();
  api.audit.append({ at_ms, who, what, route: 'session', correlation_id: correlation, before: null, after, outcome });
}

const me = (u: User): Me => ({ name: u.name, roles: u.roles, permissions: permissionsOf(u.roles) });
const shown = (u: User) => ({ name: u.name, roles: u.roles });
