import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { Alert } from '../contract/records.ts';
import { Webhook } from '../notify/webhook.ts';
import { LiveProgram } from '../testing/live-program.ts';

interface Got {
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly body: Readonly<Record<string, string>>;
}
/** A receiver over HTTP: answers as it is told, and keeps what it was sent. */
async function receiver(answer: (n: number) => number): Promise<{ url: string; got: Got[]; server: Server }> {
  const got: Got[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (d: Buffer) => {
      text += d.toString();
    });
    request.on('end', () => {
      got.push({ headers: request.headers, text, body: JSON.parse(text) });
      const status = answer(got.length);
      if (status === 0) request.socket.destroy();
      else response.writeHead(status).end();
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook/t0ken`, got, server };
}
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
const until = async (holds: () => boolean, what = (): string => '', ms = 30_000) => {
  const late = performance.now() + ms;
  while (!holds()) {
    if (performance.now() > late) throw new Error(`it did not come to it: ${what()}`);
    await new Promise((done) => setTimeout(done, 20));
  }
};
const alert = (n: number, more: Partial<Alert> = {}): Alert => ({
  id: `run/A${n}@${n}`,
  name: `A${n}`,
  level: 'ERROR',
  state: 'firing',
  since_ms: n,
  cause: 'x',
  what_to_do: 'y',
  acknowledged_by: null,
  ...more,
});
/** A board whose alerts the test raises. */
function board() {
  let listen: (run: string, a: Alert) => void = () => undefined;
  return {
    onAlert: (l: typeof listen) => {
      listen = l;
      return () => {
        listen = () => undefined;
      };
    },
    raise: (a: Alert) => listen('run', a),
  };
}

describe('alerts over a webhook', () => {
  const logged: string[] = [];
  const log = {
    warn: (...a: unknown[]) => logged.push(JSON.stringify(a)),
    error: (...a: unknown[]) => logged.push(JSON.stringify(a)),
  };
  const open = (url: string, b: ReturnType<typeof board>, more: object = {}) => {
    const hook = new Webhook({ url, pauseMs: 5, ...more }, b, log as never);
    closing.push(() => hook.close());
    return hook;
  };
  it('are sent again until they are taken, in order, each under the id that it had', async () => {
    // A broken connection, two refusals that may pass, then it works.
    const r = await receiver((n) => [0, 503, 429][n - 1] ?? 204);
    closing.push(() => r.server.close());
    const b = board();
    const hook = open(r.url, b);
    for (const n of [1, 2, 3]) b.raise(alert(n));
    b.raise(alert(1, { state: 'resolved' }));
    // Who acknowledged is no news for outside, and what is below the level is not told.
    b.raise(alert(2, { state: 'acknowledged' }));
    b.raise(alert(9, { level: 'INFO' }));
    await until(() => hook.counts.sent === 4);
    expect(r.got.map((g) => `${g.body['name']} ${g.body['state']}`)).toEqual([
      ...Array.from({ length: 4 }, () => 'A1 firing'),
      'A2 firing',
      'A3 firing',
      'A1 resolved',
    ]);
    expect(new Set(r.got.slice(0, 4).map((g) => g.headers['x-chimera-delivery'])).size).toBe(1);
    expect(hook.counts).toEqual({ sent: 4, failed: 0, dropped: 0 });
  });
  it('are given up when they are refused for good, and the oldest when too many wait; nothing shows the address', async () => {
    const r = await receiver(() => 403);
    closing.push(() => r.server.close());
    const b = board();
    const hook = open(r.url, b);
    for (let n = 1; n <= 300; n++) b.raise(alert(n));
    await until(() => hook.counts.failed + hook.counts.dropped === 300);
    expect(hook.counts.dropped).toBeGreaterThan(50);
    // Each once: 403 is not asked again.
    expect(r.got).toHaveLength(hook.counts.failed);
    expect(logged.join()).toContain('answered 403');
    expect(logged.join()).not.toContain('t0ken');
  });
  it('go to https addresses, and to this machine', () => {
    const b = board();
    for (const url of ['http://example.com/x', 'ftp://127.0.0.1/', 'nothing', 'file:///etc/passwd'])
      expect(() => new Webhook({ url }, b, log as never), url).toThrow(expect.objectContaining({ code: 'CHM1142' }));
    open('https://example.com/x', b);
  });
});

describe('a run that the program started', () => {
  const home = mkdtempSync(join(tmpdir(), 'chimera-webhook-'));
  afterAll(() => rmSync(home, { recursive: true, force: true }));
  it('tells of its kill switch when it is engaged and when it is released: once each, signed, with reason and what to do', async () => {
    const r = await receiver((n) => (n === 1 ? 503 : 200));
    closing.push(() => r.server.close());
    const file = (name: string, text: string): string => {
      const path = join(home, name);
      writeFileSync(path, `${text}\n`, { mode: 0o600 });
      return path;
    };
    const env = {
      CHIMERA_WEBHOOK_URL_FILE: file('url', r.url),
      CHIMERA_WEBHOOK_SECRET_FILE: file('secret', 's3cret'),
    };
    const program = await LiveProgram.startWith(env, 'start', '--seconds', '600', '--dir', join(home, 'run'));
    closing.push(() => program.close());
    await program.until('/runs/run/trading', 'ada', (s) => (s.body.prices ?? []).length > 0, 90_000);
    const kill = async (action: string) => {
      const prepared = await program.ask('POST', '/kill-switch/prepare', { as: 'ada', body: { action, run: 'run' } });
      const body = { action, reason: 'drill', confirm: prepared.body.confirm, run: 'run' };
      expect((await program.ask('POST', '/kill-switch', { as: 'ada', body })).status).toBe(200);
    };
    const of = (state: string) =>
      r.got.filter((g) => g.body['name'] === 'ChimeraKillSwitch' && g.body['state'] === state);
    await kill('engage');
    await until(() => of('firing').length >= 1);
    await kill('release');
    await until(
      () => of('resolved').length >= 1,
      () => JSON.stringify(r.got.map((g) => g.body)),
    );
    const [first] = of('firing');
    expect(first!.body).toMatchObject({ level: 'FATAL', run: 'run', cause: expect.stringContaining('drill') });
    expect(first!.body['what_to_do']).toBeTruthy();
    for (const g of r.got)
      expect(g.headers['x-chimera-signature']).toBe(
        `sha256=${createHmac('sha256', 's3cret').update(g.text).digest('hex')}`,
      );
    // The refused one came again under its id; no other came twice.
    const ids = r.got.slice(1).map((g) => g.headers['x-chimera-delivery']);
    expect(new Set(ids).size).toBe(ids.length);
    expect(r.got[0]!.headers['x-chimera-delivery']).toBe(ids[0]);
    expect((await program.end()).stderr).not.toContain('t0ken');
  }, 180_000);
});
