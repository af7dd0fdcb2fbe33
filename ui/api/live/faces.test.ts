import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  freePort,
  isFree,
  noRedis,
  startRedis,
  type TestRedis,
} from '../../../graph/bus/redis/testing/redis-server.ts';
import { chimera } from '../../cli/commands/parity.ts';
import { SERVICE_IDS, SERVICES } from '../route.ts';

const PASSWORD = 'correct horse battery';
const started: ChildProcess[] = [];
const [program, ...own] = chimera();
function start(...args: string[]): ChildProcess {
  const child = spawn(program!, [...own, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout!.resume();
  child.stderr!.resume();
  started.push(child);
  return child;
}
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((done) => child.once('close', () => done()));
  child.kill('SIGINT');
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await ended;
  clearTimeout(timer);
}
const dir = mkdtempSync(join(tmpdir(), 'chimera-faces-'));
afterAll(async () => {
  for (const c of started.splice(0)) await end(c);
  rmSync(dir, { recursive: true, force: true });
});
// biome-ignore lint/suspicious/noExplicitAny: answers of every form.
type Body = any;
async function get(url: string, token?: string): Promise<{ status: number; body: Body; text: string }> {
  const answer = await fetch(url, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } });
  const text = await answer.text();
  return {
    status: answer.status,
    text,
    body: /json/.test(answer.headers.get('content-type') ?? '') ? JSON.parse(text) : null,
  };
}
async function until<T>(what: () => Promise<T>, holds: (x: T) => boolean, ms = 60_000): Promise<T> {
  const late = performance.now() + ms;
  for (;;) {
    const x = await what().catch(() => undefined);
    if (x !== undefined && holds(x)) return x;
    if (performance.now() > late) throw new Error(`it did not come to it: ${JSON.stringify(x)?.slice(0, 4000)}`);
    await new Promise((done) => setTimeout(done, 200));
  }
}
/** What `chimera serve` prints, and the first administrator's token. */
async function serve(...args: string[]): Promise<{ url: string; token: string }> {
  const child = start('serve', '--json', ...args);
  let printed = '';
  child.stdout!.on('data', (d: Buffer) => {
    printed += d.toString();
  });
  const { url, setup_code } = await until(
    async () => JSON.parse(printed) as { url: string; setup_code: string },
    () => true,
  );
  const answer = await fetch(`${url}setup`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ code: setup_code, name: 'ada', password: PASSWORD }),
  });
  return { url, token: ((await answer.json()) as { access_token: string }).access_token };
}

const PORTS = SERVICE_IDS.map((s) => SERVICES[s].port);
const taken = (await Promise.all(PORTS.map(async (p) => ((await isFree(p)) ? [] : [p])))).flat();

describe.skipIf(taken.length > 0)(
  `the faces of the twelve services at their own ports${taken.length > 0 ? ` (taken: ${taken.join(', ')})` : ''}`,
  () => {
    let token: string;
    beforeAll(async () => {
      ({ token } = await serve('--faces', '--home', join(dir, 'faces')));
    }, 60_000);

    for (const s of SERVICE_IDS) {
      const { name, port } = SERVICES[s];
      it(`${name} answers at ${port}: health by its name, readiness, metrics [${s.toUpperCase()}.1]`, async () => {
        const at = `http://127.0.0.1:${port}`;
        const health = await get(`${at}/health`);
        expect(health).toMatchObject({ status: 200, body: { service: s, name, status: 'OK' } });
        expect((await get(`${at}/ready`)).body).toMatchObject({ service: s, name });
        const metrics = await get(`${at}/metrics`);
        expect(metrics.text).toMatch(/^# HELP chimera_/m);
        if (s === 's12') expect((await get(`${at}/`)).text).toContain('<div id="root"');
      });
    }
    it('tell health and readiness in one form, whichever is asked', async () => {
      const forms = new Set<string>();
      for (const port of PORTS)
        for (const path of ['health', 'ready', 'v1/health'])
          forms.add(
            Object.keys((await get(`http://127.0.0.1:${port}/${path}`)).body)
              .sort()
              .join(),
          );
      expect([...forms]).toEqual(['checks,name,ready,service,status,version']);
    });
    it('are one colour together, through the gateway', async () => {
      const { body } = await get('http://127.0.0.1:8092/system', token);
      expect(body.status).toBe('GREEN');
      expect(body.services.map((s: { service: string }) => s.service)).toEqual(SERVICE_IDS);
    });
  },
);

describe.skipIf(noRedis)(`services that are processes of their own${noRedis ? ` (${noRedis})` : ''}`, () => {
  let redis: TestRedis;
  let gateway: { url: string; token: string };
  const services = ['s1', 's2', 's3', 's4', 's6'] as const;
  const at: Record<string, { url: string; child: ChildProcess }> = {};
  beforeAll(async () => {
    redis = await startRedis();
    // Services one by one share a venue that runs already.
    const venue = start('venue', '--seed', '3', '--rate', '1');
    let printed = '';
    venue.stdout!.on('data', (d: Buffer) => {
      printed += d.toString();
    });
    const ready = join(dir, 'venue.json');
    await until(
      async () => printed,
      (x) => x.includes('\n'),
    );
    writeFileSync(ready, printed.slice(0, printed.indexOf('\n')), { mode: 0o600 });
    for (const s of services) {
      const port = await freePort();
      const child = start(
        ...[
          'run',
          'pipelines/trend.yaml',
          '--profile',
          'paper',
          '--connect',
          ready,
          '--bus',
          redis.url,
          '--prefix',
          'faces',
        ],
        ...['--service', s, '--metrics', String(port), '--state', join(dir, s)],
      );
      at[s] = { url: `http://127.0.0.1:${port}`, child };
    }
    gateway = await serve(
      ...['--home', join(dir, 'bus'), '--port', '0', '--bus', redis.url, '--prefix', 'faces'],
      ...services.flatMap((s) => ['--peer', `${s}=${at[s]!.url}`]),
    );
  }, 120_000);
  afterAll(async () => {
    for (const c of started.splice(0)) await end(c);
    await redis?.close();
  });
  const api = (path: string) => get(gateway.url + path, gateway.token);
  const service = ({ body }: { body: Body }, name: string): Body =>
    body.services.find((x: { service: string }) => x.service === name);

  it('each serve health, readiness and metrics, and count in the colour of the whole', async () => {
    for (const s of services) {
      await until(
        () => get(`${at[s]!.url}/ready`),
        (r) => r.status === 200,
        90_000,
      );
      expect((await get(`${at[s]!.url}/health`)).body.status).toMatch(/GREEN|YELLOW/);
      expect((await get(`${at[s]!.url}/metrics`)).text).toContain(`service="${s}"`);
    }
    // The gateway asks them every two seconds: what it says may be from before they were ready.
    const answer = await until(
      () => api('system'),
      (r) => r.body.status === 'GREEN' && services.every((s) => service(r, s).ready),
    );
    for (const s of services)
      expect(service(answer, s)).toMatchObject({
        status: 'OK',
        checks: { [`process ${at[s]!.url}`]: { status: 'OK', detail: 'GREEN' } },
      });
  });
  it('have streams with lengths, readers, how far these are behind, and marks of what was trimmed', async () => {
    const { body } = await until(
      () => api('streams'),
      (r) =>
        r.body.items.some(
          (x: { first_id: string | null }) => x.first_id !== null && Number(x.first_id?.split('-')[0]) > 1,
        ),
    );
    const items = body.items as {
      name: string;
      length: number;
      last_id: string;
      readers: { part: string; lag: number }[];
    }[];
    const market = items.filter((x) => x.name.includes('mkt:{usdm:'));
    expect(market.map((x) => x.name.replace(/.*mkt/, 'mkt')).sort()).toEqual([
      'mkt:{usdm:BTCUSDT}',
      'mkt:{usdm:ETHUSDT}',
    ]);
    for (const m of market) {
      expect(m.last_id).toMatch(/^\d+-\d+$/);
      expect(m.readers.length).toBeGreaterThan(0);
      for (const r of m.readers) expect(r.lag).toBeGreaterThanOrEqual(0);
    }
    expect(items.every((x) => Number.isInteger(x.length) && x.length >= 0)).toBe(true);
  });
  it('turn the whole RED when a critical one is gone, and it recovers when that one is back', async () => {
    const { child, url } = at['s3']!;
    child.kill('SIGSTOP');
    const gone = await until(
      () => api('system'),
      (r) => r.body.status === 'RED' && service(r, 's3').status === 'ERROR' && !service(r, 's3').ready,
    );
    const s3 = service(gone, 's3');
    expect(s3).toMatchObject({ status: 'ERROR', ready: false });
    expect(s3.checks[`process ${url}`].detail).toContain('does not answer');
    child.kill('SIGCONT');
    await until(
      () => api('system'),
      (r) => r.body.status === 'GREEN' || r.body.status === 'ORANGE',
    );
  }, 120_000);
});
