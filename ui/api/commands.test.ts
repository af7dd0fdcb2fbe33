import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiDatabase } from './state/api-database.ts';
import { AuditLog } from './state/audit-log.ts';
import { PASSWORD, type TestApi, testApi } from './testing/test-api.ts';

let t: TestApi;
let admin: string;
beforeEach(async () => {
  t = await testApi();
  admin = await t.person('adm', 'administrator');
});
afterEach(() => t.close());
const add = (name: string, key?: string) =>
  t.ask('POST', '/users', {
    token: admin,
    body: { name, roles: ['viewer'], password: PASSWORD },
    ...(key ? { key } : {}),
  });

describe('a command', () => {
  it('is done once however often it arrives under one key, and answered alike, also at once and under /v1', async () => {
    const first = await add('x', 'key-0000001');
    const again = await add('x', 'key-0000001');
    expect([first.status, again.status]).toEqual([201, 201]);
    expect(again.body).toEqual(first.body);
    expect(again.headers['idempotent-replayed']).toBe('true');
    const body = { name: 'y', roles: ['viewer'], password: PASSWORD };
    const twice = await Promise.all(
      ['/users', '/v1/users'].map((path) => t.ask('POST', path, { token: admin, body, key: 'key-0000002' })),
    );
    expect(twice.map((s) => s.status).sort()).toEqual([201, 409]);
    expect(twice.find((s) => s.status === 409)!.body.error.code).toBe('CHM1115');
  });
  it('needs a key, and a key of its own', async () => {
    const body = { name: 'x', roles: ['viewer'], password: PASSWORD };
    const without = await t.ask('POST', '/users', { token: admin, body, key: 'short' });
    expect([without.status, without.body.error.code]).toEqual([400, 'CHM1113']);
    await add('x', 'key-0000003');
    const other = await add('z', 'key-0000003');
    expect([other.status, other.body.error.code]).toEqual([422, 'CHM1114']);
    expect(t.api.users.get('z')).toBeUndefined();
    // Another sender's key is another key.
    const second = await t.person('adm2', 'administrator');
    const theirs = await t.ask('POST', '/users', { token: second, body: { ...body, name: 'z' }, key: 'key-0000003' });
    expect(theirs.status).toBe(201);
  });
  it('that was refused is refused alike; what may be different later is tried again', async () => {
    await add('x', 'key-0000004');
    expect((await add('x', 'key-0000005')).status).toBe(409);
    t.api.users.remove('x');
    expect((await add('x', 'key-0000005')).status).toBe(201);
  });
  it('that is malformed gets a code, a field, and leaves nothing behind [SEC.7]', async () => {
    const bodies: unknown[] = [
      null,
      [],
      'x',
      1,
      {},
      { name: 'x' },
      { name: 'x', roles: [], password: PASSWORD },
      { name: 'x', roles: ['service'], password: PASSWORD },
      { name: '../x', roles: ['viewer'], password: PASSWORD },
      { name: 'x', roles: ['viewer'], password: 'short' },
      { name: 'x', roles: ['viewer'], password: PASSWORD, more: 1 },
      { __proto__: { name: 'x' }, constructor: 1 },
    ];
    for (const body of bodies) {
      const said = await t.ask('POST', '/users', { token: admin, body });
      expect([400, 415], JSON.stringify(body)).toContain(said.status);
      expect(said.body.error.code).toMatch(/^CHM11(10|17)$/);
      expect(said.text).not.toMatch(/at .*\.(ts|js):\d+/);
    }
    const headers = { 'content-type': 'application/json' };
    const response = await t.app.inject({
      method: 'POST',
      url: '/users',
      headers: { ...headers, host: '127.0.0.1', authorization: `Bearer ${admin}` },
      payload: '{"name":',
    });
    expect([response.statusCode, response.json().error.code]).toEqual([400, 'CHM1117']);
    expect(t.api.users.list()).toHaveLength(1);
  });
  it('carries its correlation id into the answer and the audit log [OBS.17]', async () => {
    const said = await t.ask('POST', '/users', {
      token: admin,
      body: { name: 'x', roles: ['viewer'], password: PASSWORD },
      headers: { 'x-correlation-id': 'my-request-1' },
    });
    expect(said.headers['x-correlation-id']).toBe('my-request-1');
    const refused = await t.ask('GET', '/runs/none', { token: admin, headers: { 'x-correlation-id': 'bad id\u0001' } });
    expect(refused.body.correlation_id).toMatch(/^[0-9a-f-]{36}$/);
    expect(t.api.audit.list(1)[0]).toMatchObject({ correlation_id: 'my-request-1', who: 'adm', outcome: 201 });
  });
});

describe('two persons', () => {
  it('are needed for a transfer: who proposed does not approve, and of two approvals one counts [S12.7] [SEC.9]', async () => {
    const body = { from: 'spot', to: 'usdm', asset: 'USDT', amount: '10.5', reason: 'margin' };
    const risk = await t.person('risk', 'risk_manager');
    const operator = await t.person('op', 'operator');
    const said = await t.ask('POST', '/treasury/transfer', { token: admin, body });
    expect(said).toMatchObject({ status: 202, body: { state: 'proposed', by: 'adm' } });
    const { id } = said.body;
    expect((await t.ask('POST', `/transfers/${id}/approve`, { token: admin })).body.error.code).toBe('CHM1106');
    expect((await t.ask('POST', `/transfers/${id}/approve`, { token: operator })).status).toBe(403);
    // Nothing here can carry it out: it stays as it was.
    expect((await t.ask('POST', `/transfers/${id}/approve`, { token: risk })).body.error.code).toBe('CHM1121');
    const twice = await Promise.all([1, 2].map(() => t.ask('POST', `/transfers/${id}/refuse`, { token: risk })));
    expect(twice.map((s) => s.status).sort()).toEqual([200, 409]);
    expect((await t.ask('GET', '/transfers', { token: risk })).body.items).toMatchObject([
      { state: 'refused', decided_by: 'risk' },
    ]);
  });
});

describe('the audit log', () => {
  it('has who did what, before and after, for each command, refused ones included, and no secret [SEC.6]', async () => {
    const viewer = await t.person('eve', 'viewer');
    await add('x');
    await t.ask('PUT', '/users/x', { token: admin, body: { roles: ['operator'], password: 'a very new password' } });
    await t.ask('DELETE', '/users/x', { token: viewer });
    await t.ask('DELETE', '/users/x');
    await t.ask('POST', '/login', { body: { name: 'eve', password: 'guess' } });
    const entries = t.api.audit.list(100).reverse();
    expect(entries.map((e) => [e.who, e.route, e.outcome])).toEqual([
      ['adm', 'POST /users', 201],
      ['adm', 'PUT /users/x', 200],
      ['eve', 'DELETE /users/x', 403],
      ['anonymous@127.0.0.1', 'DELETE /users/x', 401],
      ['unproven:eve', 'session', 401],
    ]);
    expect(entries[1]).toMatchObject({
      before: { name: 'x', roles: ['viewer'] },
      after: { name: 'x', roles: ['operator'], password: 'changed' },
    });
    const text = JSON.stringify(entries);
    for (const secret of [PASSWORD, 'a very new password', 'guess', admin]) expect(text).not.toContain(secret);
    expect(t.api.audit.verify()).toEqual({ ok: true, entries: 5, broken_at: null });
  });
  it('shows every edit, drop, reorder and splice, also when the chain is computed anew', () => {
    const dir = mkdtempSync(join(tmpdir(), 'chimera-audit-'));
    const key = Buffer.alloc(32, 7);
    const fresh = () => {
      const db = new ApiDatabase(undefined);
      const log = new AuditLog(db, key);
      for (let i = 0; i < 20; i++)
        log.append({
          at_ms: i,
          who: `w${i}`,
          what: 'x',
          route: 'POST /x',
          correlation_id: `${i}`,
          before: null,
          after: { i },
          outcome: 200,
        });
      return { db, log };
    };
    const columns = 'at_ms, who, what, route, correlation_id, before, after, outcome, hash';
    const tampering: Record<string, [sql: string[], at: number]> = {
      edit: [["UPDATE audit SET who = 'other' WHERE n = 9"], 9],
      'edit of the outcome': [['UPDATE audit SET outcome = 403 WHERE n = 1'], 1],
      'edit of the last': [["UPDATE audit SET after = '{}' WHERE n = 20"], 20],
      drop: [['DELETE FROM audit WHERE n = 9'], 9],
      'drop, with numbers moved up': [['DELETE FROM audit WHERE n = 9', 'UPDATE audit SET n = n - 1 WHERE n > 9'], 9],
      'cut end': [['DELETE FROM audit WHERE n > 15'], 16],
      'cut end and seal': [
        [
          'DELETE FROM audit WHERE n > 15',
          'UPDATE seals SET entries = 15, hash = (SELECT hash FROM audit WHERE n = 15)',
        ],
        15,
      ],
      reorder: [
        [
          'UPDATE audit SET n = 100 WHERE n = 5',
          'UPDATE audit SET n = 5 WHERE n = 6',
          'UPDATE audit SET n = 6 WHERE n = 100',
        ],
        5,
      ],
      splice: [
        [
          'UPDATE audit SET n = -n WHERE n > 10',
          'UPDATE audit SET n = -n + 1 WHERE n < 0',
          `INSERT INTO audit (n, ${columns}) SELECT 11, ${columns} FROM audit WHERE n = 3`,
        ],
        11,
      ],
      'everything away': [['DELETE FROM audit'], 1],
      'the seal away': [['DELETE FROM seals'], 1],
    };
    for (const [name, [sql, at]] of Object.entries(tampering)) {
      const { db, log } = fresh();
      expect(log.verify().ok).toBe(true);
      for (const s of sql) db.run(s);
      expect(log.verify(), name).toMatchObject({ ok: false, broken_at: at });
      db.close();
    }
    // Who has the file and not the key computes the whole chain anew: the seal does not fit.
    const own = new ApiDatabase(dir);
    new AuditLog(own, key).append({
      at_ms: 1,
      who: 'thief',
      what: 'x',
      route: '',
      correlation_id: '',
      before: null,
      after: null,
      outcome: 200,
    });
    own.close();
    const raw = new Database(join(dir, 'api.sqlite'));
    raw.exec('DELETE FROM audit; DELETE FROM seals');
    raw.close();
    const forged = new ApiDatabase(dir);
    new AuditLog(forged, Buffer.alloc(32, 8)).append({
      at_ms: 1,
      who: 'innocent',
      what: 'x',
      route: '',
      correlation_id: '',
      before: null,
      after: null,
      outcome: 200,
    });
    expect(new AuditLog(forged, key).verify()).toMatchObject({ ok: false });
    forged.close();
  });
});
