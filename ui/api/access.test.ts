import { createHmac } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signingKey } from './auth/signing-key.ts';
import { Tokens } from './auth/tokens.ts';
import { permissionsOf } from './auth/users.ts';
import { PERMISSIONS, type Permission, ROLES, type Role } from './contract/access.ts';
import { mayCall } from './guard.ts';
import { type Route, route } from './route.ts';
import { routes } from './table.ts';
import { type TestApi, testApi } from './testing/test-api.ts';

let t: TestApi;
const tokens: Partial<Record<Role, string>> = {};
const bad: Record<string, string> = {};
beforeAll(async () => {
  const dir = mkdtempSync(join(tmpdir(), 'chimera-api-'));
  t = await testApi({ dir });
  const { privateKey } = signingKey(dir);
  for (const role of ROLES) {
    if (role === 'service') tokens.service = await t.service('s6');
    else tokens[role] = await t.person(`a_${role}`, role);
  }
  const admin = await t.person('boss', 'administrator');
  const [head, payload, signature] = admin.split('.') as [string, string, string];
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
  const b64 = (x: object) => Buffer.from(JSON.stringify(x)).toString('base64url');
  const past = new Tokens(signingKey(undefined), () => Date.now());
  bad['expired'] = await new SignJWT({ ...claims, exp: Math.floor(Date.now() / 1000) - 1, iat: 1 })
    .setProtectedHeader({ alg: 'EdDSA' })
    .sign(privateKey);
  bad['signed by another key'] = await past.person('boss', claims.sid);
  bad['of another audience'] = await new SignJWT({ ...claims, aud: 'elsewhere' })
    .setProtectedHeader({ alg: 'EdDSA' })
    .sign(privateKey);
  bad['without algorithm'] = `${b64({ alg: 'none', typ: 'JWT' })}.${payload}.`;
  bad['with a changed payload'] = `${head}.${b64({ ...claims, sub: 'a_administrator' })}.${signature}`;
  bad['with a changed signature'] = `${head}.${payload}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`;
  const hs = `${b64({ alg: 'HS256', typ: 'JWT' })}.${payload}`;
  const publicPem = signingKey(dir).publicKey.export({ type: 'spki', format: 'pem' });
  bad['with the public key as secret'] = `${hs}.${createHmac('sha256', publicPem).update(hs).digest('base64url')}`;
  bad['of a session that was ended'] = await ended();
  bad['of a user that was removed'] = await removed();
  bad['that is none'] = 'not-a-token';
});
afterAll(() => t.close());

async function ended(): Promise<string> {
  const token = await t.person('gone', 'administrator');
  t.api.sessions.endAll('gone');
  return token;
}
async function removed(): Promise<string> {
  const token = await t.person('fired', 'administrator');
  t.api.users.remove('fired');
  return token;
}

const guarded = routes.filter((r) => r.rule !== 'open' && r.rule !== 'cookie');
const pathOf = (r: Route): string => r.path.replace(':service', 's2').replace(/:(\w+)/g, '1');
const allowed = (r: Route, role: Role): boolean => {
  if (r.rule === 'signed_in') return role !== 'service';
  const any = (typeof r.rule === 'string' ? [r.rule] : r.rule) as Permission[];
  return any.some((p) => permissionsOf([role]).includes(p));
};

describe('who may what', () => {
  it('every route has a rule, and only routes without which nobody could come in have none to pass [S12.6]', () => {
    const known = [...PERMISSIONS, 'signed_in', 'open', 'cookie'] as string[];
    for (const r of routes) {
      const rules = typeof r.rule === 'string' ? [r.rule] : r.rule;
      expect(rules.length, `${r.method} ${r.path}`).toBeGreaterThan(0);
      for (const rule of rules) expect(known, `${r.method} ${r.path}`).toContain(rule);
    }
    expect(routes.filter((r) => r.rule === 'open' || r.rule === 'cookie').map((r) => `${r.method} ${r.path}`)).toEqual([
      'GET /health',
      'GET /ready',
      'GET /metrics',
      'GET /services/:service/health',
      'GET /services/:service/ready',
      'GET /setup',
      'POST /setup',
      'POST /login',
      'POST /refresh',
      'POST /logout',
    ]);
    const changing = routes.filter((r) => r.method !== 'GET' && r.rule === 'read').map((r) => r.path);
    expect(changing).toEqual(['/config/lint', '/config/diff']);
  });

  it('each role gets what the table declares on every route, under both addresses, and 403 on every other [S12.6]', async () => {
    let checked = 0;
    for (const r of guarded)
      for (const role of ROLES)
        for (const prefix of ['', '/v1']) {
          // The body is not valid: who may is told so, who may not does not get that far.
          const said = await t.ask(r.method, prefix + pathOf(r), {
            token: tokens[role],
            ...(r.body ? { body: [] } : {}),
          });
          const where = `${role} ${r.method} ${prefix}${r.path}: ${said.text.slice(0, 200)}`;
          if (allowed(r, role)) expect([401, 403], where).not.toContain(said.status);
          else expect([said.status, said.body.error.code], where).toEqual([403, 'CHM1105']);
          expect(said.status, where).not.toBe(500);
          checked++;
        }
    expect(checked).toBe(guarded.length * ROLES.length * 2);
  }, 120_000);

  it('no route is open without a token, nor with one that is not to be believed [SEC.1]', async () => {
    for (const r of guarded) {
      const path = pathOf(r);
      const without = await t.ask(r.method, path, r.body ? { body: [] } : {});
      expect([without.status, without.body.error.code], `${r.method} ${r.path}`).toEqual([401, 'CHM1100']);
      for (const [name, token] of Object.entries(bad)) {
        const said = await t.ask(r.method, path, { token, ...(r.body ? { body: [] } : {}) });
        expect([said.status, said.body.error.code], `${name}: ${r.method} ${r.path}`).toEqual([401, 'CHM1101']);
      }
    }
  }, 120_000);

  it('a token that ran out is refused, on the second', async () => {
    const own = await testApi();
    const token = await own.person('late', 'viewer');
    expect((await own.ask('GET', '/runs', { token })).status).toBe(200);
    own.advance(299_000);
    expect((await own.ask('GET', '/runs', { token })).status).toBe(200);
    own.advance(2000);
    expect((await own.ask('GET', '/runs', { token })).status).toBe(401);
    await own.close();
  });

  it('roles count as they are now, not as they were when the token was made', async () => {
    const token = await t.person('changed', 'administrator');
    expect((await t.ask('GET', '/users', { token })).status).toBe(200);
    await t.api.users.change('changed', { roles: ['viewer'] });
    expect((await t.ask('GET', '/users', { token })).status).toBe(403);
  });

  it('a route without a rule would not be let through by accident', () => {
    const forgotten = route({ ...routes[10]!, rule: undefined as never, handle: () => 1 });
    const who = { name: 'x', kind: 'person', roles: [], permissions: [], session: '' } as const;
    expect(() => mayCall(forgotten, who, undefined)).toThrow();
  });

  it('the faces of single services take service identities only [SEC.3]', async () => {
    const face = await testApi({ server: { face: 's4' } });
    const person = await face.person('op', 'administrator');
    const service = await face.service('s12', 'orders.write');
    const said = await face.ask('GET', '/orders', { token: person });
    expect([said.status, said.body.error.code]).toEqual([401, 'CHM1134']);
    expect((await face.ask('GET', '/orders', { token: service })).body.error.code).toBe('CHM1121');
    expect((await face.ask('GET', '/users', { token: service })).status).toBe(404);
    expect((await face.ask('GET', '/health')).body).toMatchObject({ service: 's4', name: 'Order Router' });
    await face.close();
  });
});
