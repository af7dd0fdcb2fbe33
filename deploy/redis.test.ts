import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { freePort, isFree } from '../graph/bus/redis/testing/redis-server.ts';
import { chimera } from '../ui/cli/testing/said.ts';

const here = import.meta.dirname;
const dir = mkdtempSync(join(tmpdir(), 'chimera-deploy-'));
const children: ChildProcess[] = [];
const onPath = (name: string): boolean =>
  (process.env['PATH'] ?? '').split(delimiter).some((p) => existsSync(join(p, name)));
const missing = ['redis-server', 'redis-cli', 'sh'].filter((n) => !onPath(n));

afterEach(async () => {
  for (const c of children.splice(0)) {
    if (c.exitCode !== null || c.signalCode !== null) continue;
    const ended = once(c, 'exit');
    c.kill('SIGKILL');
    await ended;
  }
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('deploy/make-secrets.sh', () => {
  it('makes each secret once, random, in a folder that nobody else may enter', () => {
    const to = join(dir, 'secrets');
    const make = (): string => execFileSync(join(here, 'make-secrets.sh'), [to], { encoding: 'utf8' });
    expect(make().match(/^made /gm)).toHaveLength(5);
    const of = (name: string): string => readFileSync(join(to, name), 'utf8');
    const first = of('redis_password');
    expect(first).toMatch(/^[0-9a-f]{48}$/);
    expect(of('minio_password')).not.toBe(first);
    expect(statSync(to).mode & 0o777).toBe(0o700);
    expect(make()).toBe('');
    expect(of('redis_password')).toBe(first);
  });
});

describe.skipIf(missing.length > 0)(`deploy/redis${missing.length > 0 ? ` (no ${missing.join(', ')})` : ''}`, () => {
  const password = 'hunter2';
  /** Runs the start script as the container does, with folders and ports of this machine. */
  async function start(port: number, ...lines: string[]): Promise<void> {
    const data = mkdtempSync(join(dir, 'data-'));
    const conf = join(data, 'redis.conf');
    writeFileSync(conf, readFileSync(join(here, 'redis/redis.conf'), 'utf8').replace('dir /data', `dir ${data}`));
    writeFileSync(join(data, 'password'), `${password}\n`);
    const child = spawn(join(here, 'redis/start.sh'), [`port ${port}`, 'bind 127.0.0.1', ...lines], {
      env: { ...process.env, REDIS_CONF: conf, REDIS_PASSWORD_FILE: join(data, 'password') },
      stdio: 'ignore',
    });
    children.push(child);
    while (!(await answers(port))) {
      if (child.exitCode !== null) throw new Error(`the script ended with ${child.exitCode}`);
      await new Promise((r) => setTimeout(r, 10));
    }
    // The password stands in no command line.
    expect(readFileSync(`/proc/${child.pid}/cmdline`, 'utf8')).not.toContain(password);
    expect(readFileSync(`/proc/${child.pid}/cmdline`, 'utf8')).toContain('redis-server');
  }
  const answers = (port: number): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
  async function doctor(bus: string): Promise<{ name: string; status: string; code: string | null }[]> {
    const { out } = await chimera(['doctor', '--dir', dir, '--bus', bus, '--json'], { CHIMERA_BUS_PASSWORD: password });
    const { checks } = JSON.parse(out) as { checks: { name: string; status: string; code: string | null }[] };
    return checks.filter((c) => c.name.startsWith('bus'));
  }

  it('starts a Redis that the doctor finds nothing wrong with, and that wants the password', async () => {
    const port = await freePort();
    await start(port);
    const checks = await doctor(`redis://127.0.0.1:${port}/0`);
    expect(checks.length).toBeGreaterThan(5);
    expect(checks.filter((c) => c.status !== 'ok')).toEqual([]);
    const { out } = await chimera(['doctor', '--bus', `redis://127.0.0.1:${port}/0`, '--json']);
    expect(out).toContain('CHM520');
  });
  it('joins three nodes to a Cluster, once', async () => {
    const ports: number[] = [];
    while (ports.length < 3) {
      const port = 12_000 + Math.floor(Math.random() * 20_000);
      // The bus between nodes listens 10,000 ports higher.
      if (!ports.includes(port) && (await isFree(port)) && (await isFree(port + 10_000))) ports.push(port);
    }
    for (const port of ports) await start(port, 'cluster-enabled yes', 'cluster-node-timeout 5000');
    const file = join(dir, 'cluster-password');
    writeFileSync(file, `${password}\n`);
    const makeCluster = (): string =>
      execFileSync(
        join(here, 'redis/make-cluster.sh'),
        ports.map((p) => `127.0.0.1:${p}`),
        {
          encoding: 'utf8',
          env: { ...process.env, REDIS_PASSWORD_FILE: file },
          stdio: ['ignore', 'pipe', 'pipe'],
        },
      );
    expect(makeCluster()).toContain('All 16384 slots covered');
    const bus = `redis+cluster://${ports.map((p) => `127.0.0.1:${p}`).join(',')}`;
    await expect
      .poll(async () => (await doctor(bus)).filter((c) => c.status !== 'ok'), { timeout: 20_000 })
      .toEqual([]);
    expect(makeCluster()).toContain('is there');
  });
});
