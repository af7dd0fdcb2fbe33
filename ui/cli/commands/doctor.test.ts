import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { openRedisBus } from '../../../graph/bus/redis/open-redis-bus.ts';
import { startCluster } from '../../../graph/bus/redis/testing/redis-cluster.ts';
import { noRedis, type RedisServerOptions, startRedis } from '../../../graph/bus/redis/testing/redis-server.ts';
import { FaultProxy } from '../../../lake/s3/testing/fault-proxy.ts';
import { onMinio } from '../../../lake/s3/testing/minio-suite.ts';
import { ArangoDouble } from '../../../sinks/store/arango/double/arango-double.ts';
import { serveMetrics } from '../../metrics/serve-metrics.ts';
import { snapshot } from '../../metrics/testing/snapshots.ts';
import { chimera } from '../testing/said.ts';
import { infoChecks, parseInfo } from './doctor/redis-info.ts';

const dir = mkdtempSync(join(tmpdir(), 'chimera-doctor-'));
const at = (name: string) => join(dir, name);
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

interface Found {
  status: string;
  code: string | null;
  found: string;
  help: string;
}
/** Findings by name, without those on the machine itself. */
async function doctor(args: readonly string[], env: Record<string, string> = {}): Promise<Record<string, Found>> {
  const { out, code } = await chimera(['doctor', '--dir', dir, ...args, '--json'], env);
  const { ok, checks } = JSON.parse(out) as { ok: boolean; checks: (Found & { name: string; ok: boolean })[] };
  expect(code).toBe(ok ? 0 : 1);
  expect(ok).toBe(checks.every((c) => c.status !== 'fail'));
  for (const c of checks) {
    // Whatever is not well has a code and says what to do.
    expect(c.ok).toBe(c.status !== 'fail');
    if (c.status === 'ok') expect([c.code, c.help]).toEqual([null, '']);
    else expect([c.name, c.code, c.help.length > 10]).toEqual([c.name, expect.stringMatching(/^CHM\d{3}$/), true]);
  }
  const names = ['node', 'build', 'memory', 'disk', 'write', 'node types', 'duckdb', 'libsql'];
  return Object.fromEntries(checks.filter((c) => !names.includes(c.name)).map((c) => [c.name, c]));
}
const well = (found: string | RegExp) => ({
  status: 'ok',
  found: typeof found === 'string' ? found : expect.stringMatching(found),
});

describe.skipIf(noRedis)(`doctor --bus, with a real Redis${noRedis ? ` (${noRedis})` : ''}`, () => {
  async function redis(options: RedisServerOptions = {}) {
    const server = await startRedis({ fsync: 'always', ...options });
    closing.push(() => server.close());
    return server;
  }
  const full = { settings: { maxmemory: '64mb' } };

  it('finds everything that a bus needs', async () => {
    const { url, port } = await redis(full);
    const checks = await doctor(['--bus', url]);
    expect(checks).toMatchObject({
      'bus reachable': well(`127.0.0.1:${port} answers`),
      'bus version': well(/^Redis \d+\.\d+\.\d+, RESP3$/),
      'bus eviction': well('noeviction'),
      'bus persistence': well('append-only file, synced always'),
      'bus memory': well(/ of 64 MiB$/),
      'bus write': well('accepts writes'),
      'bus dead letters': well('none'),
    });
    expect((await doctor(['--bus', `${url}?protocol=2`]))['bus version']!.found).toMatch(/RESP2$/);
  });
  it('warns of what may lose or stop something, and lets it pass', async () => {
    const { url } = await redis({ fsync: 'everysec' });
    const checks = await doctor(['--bus', url]);
    expect(checks['bus persistence']).toMatchObject({ status: 'warn', code: 'CHM983' });
    expect(checks['bus memory']).toMatchObject({ status: 'warn', code: 'CHM984' });
    const none = await redis({ settings: { appendonly: 'no', maxmemory: '64mb' } });
    expect((await doctor(['--bus', none.url]))['bus persistence']).toMatchObject({
      status: 'warn',
      code: 'CHM983',
      found: 'no append-only file',
    });
  });
  it('names the states of the bus by their codes: evicting, full, read-only, gone', async () => {
    const evicting = await redis({ settings: { maxmemory: '64mb', 'maxmemory-policy': 'allkeys-lru' } });
    expect((await doctor(['--bus', evicting.url]))['bus eviction']).toMatchObject({ status: 'fail', code: 'CHM520' });

    const server = await redis({ settings: { maxmemory: '1kb' } });
    const memory = await doctor(['--bus', server.url]);
    expect(memory['bus memory']).toMatchObject({ status: 'fail', code: 'CHM525' });
    expect(memory['bus write']).toMatchObject({ status: 'fail', code: 'CHM525' });

    const primary = await redis(full);
    const replica = await redis({ settings: { replicaof: `127.0.0.1 ${primary.port}`, maxmemory: '64mb' } });
    const readOnly = await doctor(['--bus', replica.url]);
    expect(readOnly['bus role']).toMatchObject({ status: 'fail', code: 'CHM526' });
    expect(readOnly['bus write']).toMatchObject({ status: 'fail', code: 'CHM526' });

    await server.stop();
    expect(await doctor(['--bus', server.url])).toMatchObject({
      'bus reachable': { status: 'fail', code: 'CHM524' },
    });
  });
  it('does not wait for a server that says nothing', async () => {
    const server = await redis();
    server.pause();
    expect((await doctor(['--bus', server.url]))['bus reachable']).toMatchObject({ status: 'fail', code: 'CHM524' });
    server.resume();
  });
  it('takes the password from the environment or a file, and never shows it', async () => {
    const { port } = await redis({ settings: { requirepass: 'hunter2', maxmemory: '64mb' } });
    const url = `redis://127.0.0.1:${port}/0`;
    expect((await doctor(['--bus', url]))['bus reachable']).toMatchObject({ status: 'fail', code: 'CHM520' });
    const wrong = await chimera(['doctor', '--bus', `redis://:wrong1@127.0.0.1:${port}/0`, '--json']);
    expect(wrong.code).toBe(1);
    expect(wrong.out).not.toContain('wrong1');
    expect((await doctor(['--bus', url], { CHIMERA_BUS_PASSWORD: 'hunter2' }))['bus write']!.status).toBe('ok');
    const file = at('password');
    writeFileSync(file, 'hunter2\n', { mode: 0o600 });
    const { out, err, code } = await chimera(['doctor', '--dir', dir, '--bus', url], {
      CHIMERA_BUS_PASSWORD_FILE: file,
    });
    expect(out).toContain('accepts writes');
    expect(code).toBeLessThanOrEqual(1);
    expect(out + err).not.toContain('hunter2');
  });
  it('counts dead letters', async () => {
    const { url } = await redis(full);
    const bus = await openRedisBus(url, { prefix: 'p:' });
    await bus.connection.client.xadd(bus.keys.deadLetters('s3', 'cfg:events'), '*', 'reason', 'failed');
    await bus.close();
    expect((await doctor(['--bus', url]))['bus dead letters']).toMatchObject(well('none'));
    expect((await doctor(['--bus', url, '--prefix', 'p']))['bus dead letters']).toMatchObject({
      status: 'warn',
      code: 'CHM987',
      found: '1, in 1 places',
    });
  });
  it('looks at every primary of a Cluster, and finds slots that nobody serves', async () => {
    const cluster = await startCluster(3, { fsync: 'always', ...full });
    closing.push(() => cluster.close());
    const checks = await doctor(['--bus', cluster.url]);
    const [first, , third] = cluster.masters;
    expect(checks[`bus 127.0.0.1:${first!.port} cluster`]).toMatchObject(
      well(/^3 primaries, 16384 of 16384 slots served, state ok$/),
    );
    for (const m of cluster.masters)
      expect(checks[`bus 127.0.0.1:${m.port} write`]).toMatchObject(well('accepts writes'));
    const single = await doctor(['--bus', first!.url]);
    expect(single['bus kind']).toMatchObject({ status: 'fail', code: 'CHM520' });
    await third!.kill();
    await expect
      .poll(async () => (await doctor(['--bus', cluster.url]))[`bus 127.0.0.1:${first!.port} cluster`], {
        timeout: 20_000,
      })
      .toMatchObject({ status: 'fail', code: 'CHM528' });
  });
});

describe('what a Redis server says of itself', () => {
  const info = (more: Record<string, string>) =>
    parseInfo(
      Object.entries({
        redis_version: '7.0.15',
        maxmemory_policy: 'noeviction',
        aof_enabled: '1',
        aof_last_write_status: 'ok',
        used_memory: '1000',
        maxmemory: '100000',
        role: 'master',
        ...more,
      })
        .map(([k, v]) => `${k}:${v}`)
        .join('\r\n'),
    );
  const of = (more: Record<string, string>, name: string) =>
    infoChecks('bus', info(more), new Map([['appendfsync', 'always']]), 3).find((c) => c.name === `bus ${name}`);

  it('is held against the oldest version', () => {
    for (const [version, status] of [
      ['5.0.14', 'fail'],
      ['6.0.20', 'fail'],
      ['6.2.0', 'ok'],
      ['7.0.15', 'ok'],
      ['8.2.3', 'ok'],
    ])
      expect([version, of({ redis_version: version! }, 'version')!.status]).toEqual([version, status]);
  });
  it('tells a disk that is full from one that is well', () => {
    expect(of({ aof_last_write_status: 'err' }, 'persistence')).toMatchObject({ status: 'fail', code: 'CHM527' });
    expect(of({}, 'persistence')!.status).toBe('ok');
  });
  it('warns before memory ends', () => {
    expect(of({ used_memory: '80001' }, 'memory')).toMatchObject({ status: 'warn', code: 'CHM984' });
    expect(of({ used_memory: '80000' }, 'memory')!.status).toBe('ok');
    expect(of({ used_memory: '100000' }, 'memory')).toMatchObject({ status: 'fail', code: 'CHM525' });
  });
});

describe('doctor --store', () => {
  const users = { chimera: { password: 'hunter2', rights: { _system: 'rw', '*': 'rw' } } } as const;
  async function double(more: Parameters<typeof ArangoDouble.start>[0] = {}) {
    const arango = await ArangoDouble.start({ users, ...more });
    closing.push(() => arango.stop());
    const address = `arango:${arango.url.replace('//', '//chimera@')}/chimera`;
    return { arango, address };
  }
  it('says which server answers, and what refuses', async () => {
    const { arango, address } = await double();
    const password = { CHIMERA_ARANGO_PASSWORD: 'hunter2' };
    expect((await doctor(['--store', address], password))['store arango']).toMatchObject({
      status: 'warn',
      found: expect.stringContaining('not there yet'),
    });
    await fetch(`${arango.url}/_db/_system/_api/database`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from('chimera:hunter2').toString('base64')}` },
      body: JSON.stringify({ name: 'chimera' }),
    });
    expect((await doctor(['--store', address], password))['store arango']).toMatchObject(well(/^ArangoDB 3\.\d+/));
    expect((await doctor(['--store', address]))['store arango']).toMatchObject({ status: 'fail', code: 'CHM856' });
    const away = (await doctor(['--store', 'arango:http://chimera@127.0.0.1:1/x'], password))['store arango'];
    expect(away).toMatchObject({ status: 'fail', code: 'CHM855' });
    const inAddress = await chimera(['doctor', '--store', 'arango:http://u:hunter2@127.0.0.1:1/x', '--json']);
    expect(inAddress.out).toContain('CHM854');
    expect(inAddress.out + inAddress.err).not.toContain('hunter2');
    expect((await doctor(['--store', 'state']))['store arango']).toMatchObject({ status: 'fail', code: 'CHM854' });
  });
});

onMinio('doctor --lake, with a real MinIO', (suite) => {
  const envOf = (endpoint = suite.server.access.endpoint) => ({
    CHIMERA_S3_ENDPOINT: endpoint,
    CHIMERA_S3_ACCESS_KEY: suite.server.access.accessKey,
    CHIMERA_S3_SECRET_KEY: suite.server.access.secretKey,
  });
  it('finds the bucket, and that a second put is refused; nothing is left behind', async () => {
    const storage = await suite.storage();
    const address = `s3://${storage.bucket}/${storage.prefix}`;
    const before = await storage.list('');
    expect(await doctor(['--lake', address], envOf())).toMatchObject({
      'lake bucket': { status: 'ok' },
      'lake put-if-absent': well('a second put is refused'),
    });
    expect(await storage.list('')).toEqual(before);
  });
  it('names what is missing: bucket, keys, server', async () => {
    const missing = `s3://${suite.bucket()}/lake`;
    expect((await doctor(['--lake', missing], envOf()))['lake bucket']).toMatchObject({
      status: 'fail',
      code: 'CHM642',
    });
    expect((await doctor(['--lake', missing]))['lake bucket']).toMatchObject({ status: 'fail', code: 'CHM644' });
    const wrong = { ...envOf(), CHIMERA_S3_SECRET_KEY: 'wrong-secret-key' };
    const refused = await chimera(['doctor', '--lake', missing, '--json'], wrong);
    expect(refused.out).toMatch(/CHM64[12]/);
    expect(refused.out + refused.err).not.toContain('wrong-secret-key');
    const away = await doctor(['--lake', missing], envOf('http://127.0.0.1:1'));
    expect(away['lake bucket']).toMatchObject({ status: 'fail', code: 'CHM640' });
  });
  it('refuses a store that lets a second put pass', async () => {
    const storage = await suite.storage();
    const proxy = await FaultProxy.start(suite.server.endpoint);
    closing.push(() => proxy.stop());
    // A store that does not know If-None-Match behaves as if each put were the first.
    proxy.decide = (r) => (r.method === 'PUT' ? { status: 200, headers: { etag: '"x"' } } : 'pass');
    const address = `s3://${storage.bucket}/${storage.prefix}`;
    expect((await doctor(['--lake', address], envOf(proxy.endpoint)))['lake put-if-absent']).toMatchObject({
      status: 'fail',
      code: 'CHM645',
    });
  });
});

describe('doctor, on this machine', () => {
  it('tries the state folder and makes it, as a run would', async () => {
    expect(await doctor(['--state', at('new/state')])).toMatchObject({
      'state write': { status: 'ok' },
      'state disk': { status: 'ok' },
    });
    writeFileSync(at('file'), '');
    expect((await doctor(['--state', at('file/state')]))['state write']).toMatchObject({
      status: 'fail',
      code: 'CHM982',
    });
  });
  it('looks at a lake in a folder: whether it is one, and whether there is room', async () => {
    mkdirSync(at('empty'), { recursive: true });
    const checks = await doctor(['--lake', at('empty')]);
    expect(checks['lake']).toMatchObject({ status: 'fail', code: 'CHM603' });
    expect(checks['lake write']).toMatchObject({ status: 'ok' });
  });
  it('reads recordings to their end, and says what had to be refused', async () => {
    writeFileSync(
      at('ABC.csv'),
      `open_time,open,high,low,close,volume\n${Array.from({ length: 5 }, (_, i) => `${1_700_000_000_000 + i * 60_000},1,2,1,2,3\n`).join('')}`,
    );
    writeFileSync(at('junk'), 'this is no recording\n'.repeat(20));
    const checks = await doctor(['--input', at('ABC.csv'), '--input', at('junk'), '--input', at('gone.gz')]);
    expect(checks[`input ${at('ABC.csv')}`]).toMatchObject(well('5 events of 1 instrument'));
    expect(checks[`input ${at('junk')}`]).toMatchObject({ status: 'fail' });
    expect(checks[`input ${at('gone.gz')}`]).toMatchObject({ status: 'fail', code: 'CHM670' });
  });
  it('asks running services how they are, and brings their codes along', async () => {
    let part = snapshot();
    const service = await serveMetrics({ port: 0, snapshots: () => [part], ready: () => true });
    closing.push(() => service.close());
    const name = `service 127.0.0.1:${service.port}`;
    const ask = async () => (await doctor(['--health', service.url]))[name];
    expect(await ask()).toMatchObject(well('GREEN: s2.1'));
    part = snapshot({ state: { code: 'CHM523', since: Date.now() } });
    expect(await ask()).toMatchObject({ status: 'warn', code: 'CHM523' });
    part = snapshot({ state: { code: 'CHM525', since: Date.now() - 60_000 } });
    expect(await ask()).toMatchObject({ status: 'fail', code: 'CHM525' });
    part = snapshot({ lagUs: 61e6 });
    expect(await ask()).toMatchObject({ status: 'fail', code: 'CHM986', found: 'RED: s2.1 behind by 61 s' });
    await service.close();
    expect(await ask()).toMatchObject({ status: 'fail', code: 'CHM986', found: 'does not answer' });
  });
  it('is not misled by another server', async () => {
    const other: Server = createServer((_, response) => void response.end('hello'));
    await new Promise<void>((ready) => other.listen(0, '127.0.0.1', ready));
    closing.push(() => other.close());
    const { port } = other.address() as AddressInfo;
    const checks = await doctor(['--health', `http://127.0.0.1:${port}`, '--redis', `redis://127.0.0.1:${port}`]);
    expect(checks[`service 127.0.0.1:${port}`]!.found).toBe('what answers is no service of Chimera');
    expect(checks['redis']).toMatchObject({ status: 'fail', code: 'CHM524' });
  });
  it('prints a table for people: what is well, what to look at, what to do', async () => {
    const { out, code } = await chimera(['doctor', '--dir', dir, '--redis', 'redis://127.0.0.1:1']);
    expect(code).toBe(1);
    expect(out).toMatch(/^ok {4}node /m);
    expect(out).toMatch(/^FAIL {2}redis /m);
    expect(out).toContain('CHM524 redis: start a Redis there');
    expect(out.trimEnd().endsWith('something is missing')).toBe(true);
  });
});
