import { mkdtempSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { signingKey } from './auth/signing-key.ts';
import { PASSWORD, type Said, type TestApi, testApi } from './testing/test-api.ts';

let t: TestApi;
beforeEach(async () => {
  t = await testApi();
});
afterEach(() => t.close());

const page = { 'x-chimera': '1' };
const cookieOf = (s: Said): string => String(s.headers['set-cookie']).split(';')[0]!;
const login = (name: string, password = PASSWORD) =>
  t.ask('POST', '/v1/login', { body: { name, password }, headers: page });
const renew = (cookie: string) => t.ask('POST', '/v1/refresh', { headers: { ...page, cookie } });

describe('the first administrator', () => {
  it('is made with the one-time code, once', async () => {
    expect((await t.ask('GET', '/setup')).body).toEqual({ needed: true });
    const code = t.api.setup.code!;
    const body = { name: 'root', password: PASSWORD };
    expect((await t.ask('POST', '/setup', { body: { ...body, code: 'AAAA-BBBB-CCCC-DDDD' } })).body.error.code).toBe(
      'CHM1108',
    );
    const made = await t.ask('POST', '/setup', { body: { ...body, code } });
    expect(made.body.me).toMatchObject({ name: 'root', roles: ['administrator'] });
    expect((await t.ask('GET', '/me', { token: made.body.access_token })).body.name).toBe('root');
    expect((await t.ask('POST', '/setup', { body: { ...body, name: 'other', code } })).status).toBe(403);
    expect((await t.ask('GET', '/setup')).body).toEqual({ needed: false });
    expect(t.api.setup.code).toBeUndefined();
  });
  it('cannot be made by guessing: after twenty tries the code itself is void', async () => {
    const code = t.api.setup.code!;
    const body = { name: 'root', password: PASSWORD };
    for (let i = 0; i < 20; i++) await t.ask('POST', '/setup', { body: { ...body, code: 'AAAABBBBCCCCDDDD' } });
    expect((await t.ask('POST', '/setup', { body: { ...body, code } })).status).toBe(403);
  });
});

describe('a session', () => {
  it('gives a short token in the body and the refresh token in a cookie that no script can read', async () => {
    await t.person('ann', 'viewer');
    const s = await login('ann');
    expect(s.body).toMatchObject({ expires_s: 300, me: { name: 'ann', permissions: ['read'] } });
    const cookie = String(s.headers['set-cookie']);
    for (const part of ['HttpOnly', 'SameSite=Strict', 'Path=/']) expect(cookie).toContain(part);
    expect(s.text).not.toContain(cookieOf(s).split('=')[1]!);
  });
  it('is renewed with another cookie each time; one that was used ends it for the thief and for the owner', async () => {
    await t.person('ann', 'viewer');
    const first = cookieOf(await login('ann'));
    const second = cookieOf(await renew(first));
    expect(second).not.toBe(first);
    t.advance(10_000);
    const third = await renew(second);
    expect(third.status).toBe(200);
    t.advance(10_000);
    // The first one comes again: it was copied.
    expect((await renew(first)).body.error.code).toBe('CHM1104');
    expect((await renew(cookieOf(third))).status).toBe(401);
    expect((await t.ask('GET', '/me', { token: third.body.access_token })).status).toBe(401);
  });
  it('survives two tabs that renew it at once: the later one is told to come again', async () => {
    await t.person('ann', 'viewer');
    const first = cookieOf(await login('ann'));
    const second = await renew(first);
    const late = await renew(first);
    expect([late.status, late.body.error.code, late.headers['retry-after']]).toEqual([409, 'CHM1118', '1']);
    expect((await renew(cookieOf(second))).status).toBe(200);
  });
  it('ends with logout, when it is not renewed for half a day, and after a week in any case', async () => {
    await t.person('ann', 'viewer');
    const out = await login('ann');
    expect((await t.ask('POST', '/logout', { headers: { ...page, cookie: cookieOf(out) } })).status).toBe(204);
    expect((await t.ask('GET', '/me', { token: out.body.access_token })).status).toBe(401);
    let cookie = cookieOf(await login('ann'));
    for (let day = 0; day < 14; day++) {
      t.advance(11 * 3600_000);
      cookie = cookieOf(await renew(cookie));
    }
    t.advance(15 * 3600_000);
    expect((await renew(cookie)).status).toBe(401);
    const idle = cookieOf(await login('ann'));
    t.advance(13 * 3600_000);
    expect((await renew(idle)).status).toBe(401);
  });
  it('of a changed password ends, but for the one that changed it', async () => {
    await t.person('ann', 'viewer');
    const here = await login('ann');
    const there = await login('ann');
    const body = { old: PASSWORD, new: 'another long password' };
    expect((await t.ask('PUT', '/me/password', { token: here.body.access_token, body })).status).toBe(204);
    expect((await t.ask('GET', '/me', { token: here.body.access_token })).status).toBe(200);
    expect((await t.ask('GET', '/me', { token: there.body.access_token })).status).toBe(401);
    expect((await login('ann')).status).toBe(401);
    expect((await login('ann', body.new)).status).toBe(200);
  });
});

describe('guessing passwords', () => {
  it('locks the name, longer each time, also for the right password, and says how long', async () => {
    await t.person('ann', 'viewer');
    for (let i = 0; i < 5; i++) expect((await login('ann', 'wrong')).body.error.code).toBe('CHM1102');
    const locked = await login('ann');
    expect([locked.status, locked.body.error.code]).toEqual([429, 'CHM1103']);
    expect(Number(locked.headers['retry-after'])).toBeLessThanOrEqual(30);
    t.advance(31_000);
    for (let i = 0; i < 5; i++) await login('ann', 'wrong');
    expect(Number((await login('ann')).headers['retry-after'])).toBeGreaterThan(30);
    t.advance(61_000);
    expect((await login('ann')).status).toBe(200);
    expect((await login('ann', 'wrong')).status).toBe(401);
  });
  it('many at once do not slip through', async () => {
    await t.person('ann', 'viewer');
    const said = await Promise.all(Array.from({ length: 30 }, () => login('ann', 'wrong')));
    expect(said.filter((s) => s.status === 401).length).toBeLessThanOrEqual(5);
  });
  it('does not tell whether a name exists', async () => {
    await t.person('ann', 'viewer');
    const [known, unknown] = [await login('ann', 'wrong'), await login('nobody', 'wrong')];
    expect({ ...known.body, correlation_id: '' }).toEqual({ ...unknown.body, correlation_id: '' });
    for (let i = 0; i < 5; i++) await login('nobody', 'wrong');
    expect((await login('nobody', 'wrong')).status).toBe(429);
  });
  it('is limited by address as well, with Retry-After [SEC.8]', async () => {
    const own = await testApi({ server: { oneLimit: false } });
    const said: Said[] = [];
    for (let i = 0; i < 32; i++)
      said.push(await own.ask('POST', '/login', { body: { name: `n${i}`, password: 'wrong' } }));
    expect(said.at(-1)).toMatchObject({ status: 429, body: { error: { code: 'CHM1116' } } });
    expect(Number(said.at(-1)!.headers['retry-after'])).toBeGreaterThan(0);
    await own.close();
  }, 30_000);
});

describe('a browser that was made to', () => {
  it('sends no command: without the page’s own header, from another origin or site, and by another name, it is refused', async () => {
    const token = await t.person('adm', 'administrator');
    const body = { name: 'x', roles: ['viewer'], password: PASSWORD };
    const cases: Record<string, string>[] = [
      { cookie: 'chimera_refresh=x' },
      { origin: 'http://127.0.0.1' },
      { origin: 'https://evil.example', ...page },
      { 'sec-fetch-site': 'cross-site', ...page },
      { 'sec-fetch-site': 'same-site', ...page },
      { host: 'evil.example', ...page },
      { host: '127.0.0.1.evil.example:8092', ...page },
    ];
    for (const headers of cases) {
      const said = await t.ask('POST', '/users', { token, body, headers });
      expect([said.status, said.body.error.code], JSON.stringify(headers)).toEqual([403, 'CHM1107']);
    }
    expect(t.api.users.get('x')).toBeUndefined();
    const own = { origin: 'http://127.0.0.1', 'sec-fetch-site': 'same-origin', ...page };
    expect((await t.ask('POST', '/users', { token, body, headers: own })).status).toBe(201);
    expect((await t.ask('GET', '/runs', { token, headers: { host: 'evil.example' } })).status).toBe(403);
  });
  it('cannot renew or end a session without the page’s own header', async () => {
    await t.person('ann', 'viewer');
    const cookie = cookieOf(await login('ann'));
    for (const path of ['/refresh', '/logout'])
      expect((await t.ask('POST', path, { headers: { cookie } })).body.error.code).toBe('CHM1107');
    expect((await renew(cookie)).status).toBe(200);
  });
  it('runs no script that is not the page’s own file', async () => {
    const csp = String((await t.ask('GET', '/health')).headers['content-security-policy']);
    expect(csp).toContain("script-src 'self'");
    expect(csp).toContain("default-src 'none'");
    expect(csp).toContain("frame-ancestors 'none'");
    expect(/script-src[^;]*unsafe/.test(csp)).toBe(false);
  });
});

describe('the signing key', () => {
  it('is made once, for its owner only, and refused when others may read it', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'chimera-key-'));
    const key = signingKey(dir);
    const file = join(dir, 'signing-key.pem');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(signingKey(dir).auditKey).toEqual(key.auditKey);
    const { chmodSync } = await import('node:fs');
    chmodSync(file, 0o644);
    expect(() => signingKey(dir)).toThrow(/may be read by others/);
  });
});
