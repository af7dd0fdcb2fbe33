import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type Api, openApiState } from '../api.ts';
import type { Role } from '../contract/access.ts';
import type { Stats, Trading } from '../contract/records.ts';
import type { FromPage, ToPage } from '../contract/socket.ts';
import type { LiveRun, RunHandle, TapRows } from '../ports.ts';
import { RunRegistry } from '../runs/run-registry.ts';
import { type Served, serveApi } from '../serve-api.ts';

const NONE = { filtered: 0, late: 0, dead_lettered: 0, dropped: 0 };

/** A run whose figures the test moves: large ones, so that a slow reader is soon full. */
class MovedRun {
  n = 0;
  watchers = 0;
  readonly taps = new Set<(rows: TapRows) => void>();
  readonly #listeners = new Set<(what: 'stats' | 'trading' | 'graph' | 'ended') => void>();
  readonly #padding = 'x'.repeat(1_000_000);
  move(): void {
    this.n++;
    for (const l of this.#listeners) {
      l('stats');
      l('trading');
    }
  }
  rows(count: number): void {
    const rows = Array.from({ length: count }, (_, i) => ({
      source: 's',
      seq: i,
      at_us: i,
      key: null,
      values: { text: 'y'.repeat(2000) },
    }));
    for (const take of this.taps) take({ rows, left_out: 0 });
  }
  readonly handle = {
    id: 'r',
    run: () => ({ id: 'r', figures: {} }),
    graph: () => undefined,
    live: (): LiveRun => ({
      stats: () =>
        ({ run: 'r', at_us: 1, events: this.n, nodes: {}, counters: NONE, padding: this.#padding }) as unknown as Stats,
      trading: () =>
        ({
          at_us: this.n,
          wallets: [],
          positions: [],
          orders: [],
          reconciler: {},
          kill: { state: 'released' },
        }) as unknown as Trading,
      tap: (request, take) => {
        if (request.node === 'nowhere') throw Object.assign(new Error('x'), {});
        this.taps.add(take);
        return () => void this.taps.delete(take);
      },
      watch: () => {
        this.watchers++;
        return () => void this.watchers--;
      },
      onChange: (l) => {
        this.#listeners.add(l);
        return () => void this.#listeners.delete(l);
      },
    }),
  } as unknown as RunHandle;
}

let api: Api;
let served: Served;
const run = new MovedRun();
beforeAll(async () => {
  const runs = new RunRegistry(undefined);
  runs.add(run.handle);
  api = openApiState({ dir: undefined, runs, version: '1.2.3', log: pino({ level: 'silent' }) });
  served = await serveApi(api, { port: 0 });
});
afterAll(async () => {
  await served.close();
  api.close();
});

async function token(name: string, ...roles: Role[]): Promise<string> {
  if (!api.users.get(name)) await api.users.add(name, roles, 'correct horse battery');
  return api.tokens.person(name, api.sessions.open(name).session);
}
class Page {
  readonly ws: WebSocket;
  readonly heard: ToPage[] = [];
  constructor(origin?: string) {
    this.ws = new WebSocket(`ws://127.0.0.1:${served.port}/v1/live`, origin === undefined ? {} : { origin });
    this.ws.on('message', (d) => this.heard.push(JSON.parse(String(d)) as ToPage));
    this.ws.on('error', () => undefined);
  }
  say(m: FromPage): void {
    this.ws.send(JSON.stringify(m));
  }
  async hears(kind: ToPage['kind'], more: (m: ToPage) => boolean = () => true): Promise<ToPage> {
    for (let i = 0; i < 400; i++) {
      const found = this.heard.find((m) => m.kind === kind && more(m));
      if (found) return found;
      await new Promise((done) => setTimeout(done, 25));
    }
    throw new Error(`heard no ${kind}: ${JSON.stringify(this.heard).slice(0, 300)}`);
  }
  async opened(as: string): Promise<this> {
    // It may have opened while the token was made.
    if (this.ws.readyState !== WebSocket.OPEN) await once(this.ws, 'open');
    this.say({ kind: 'hello', token: as });
    await this.hears('welcome');
    return this;
  }
  async closed(): Promise<number> {
    const [code] = (await once(this.ws, 'close')) as [number];
    return code;
  }
}

describe('the websocket of a page', () => {
  it('takes a token in the first message, and nothing before it', async () => {
    const without = new Page();
    await once(without.ws, 'open');
    without.say({ kind: 'watch', run: 'r', what: 'stats' });
    expect(await without.closed()).toBe(4401);
    const wrong = new Page();
    await once(wrong.ws, 'open');
    wrong.say({ kind: 'hello', token: 'nonsense' });
    expect(await wrong.closed()).toBe(4401);
    const page = await new Page().opened(await token('ann', 'viewer'));
    expect(await page.hears('welcome')).toMatchObject({ server: '1.2.3' });
    // A new token of another person does not change who it is.
    page.say({ kind: 'token', token: await token('eve', 'viewer') });
    expect(await page.closed()).toBe(4403);
  });
  it('is for the page’s own origin', async () => {
    const foreign = new Page('https://evil.example');
    const [, response] = (await once(foreign.ws, 'unexpected-response')) as [unknown, { statusCode: number }];
    expect(response.statusCode).toBe(403);
    foreign.ws.terminate();
    const own = await new Page(`http://127.0.0.1:${served.port}`).opened(await token('ann', 'viewer'));
    own.ws.close();
  });
  it('needs the right to research for a tap, and refuses what it does not understand', async () => {
    const viewer = await new Page().opened(await token('ann', 'viewer'));
    viewer.say({ kind: 'tap', id: 't', run: 'r', node: 'a', port: 'b' });
    expect(await viewer.hears('refused')).toMatchObject({ of: 't', code: 'CHM1105' });
    viewer.ws.send('{"kind":"watch"}');
    expect(await viewer.hears('refused', (m) => 'code' in m && m.code === 'CHM1110')).toBeTruthy();
    viewer.ws.send('not json');
    expect(await viewer.hears('refused', (m) => 'code' in m && m.code === 'CHM1117')).toBeTruthy();
    viewer.say({ kind: 'watch', run: 'none', what: 'stats' });
    expect(await viewer.hears('refused', (m) => 'code' in m && m.code === 'CHM1121')).toBeTruthy();
    viewer.ws.close();
  });
  it('tells figures while they are watched, rows of taps, and leaves nothing behind when it goes', async () => {
    const page = await new Page().opened(await token('res', 'researcher'));
    page.say({ kind: 'watch', run: 'r', what: 'stats', every_ms: 50 });
    page.say({ kind: 'tap', id: 't', run: 'r', node: 'a', port: 'b', per_s: 100 });
    await page.hears('stats');
    run.rows(3);
    expect(await page.hears('rows')).toMatchObject({ id: 't', left_out: 0 });
    expect([run.watchers, run.taps.size]).toEqual([1, 1]);
    page.ws.close();
    await once(page.ws, 'close');
    for (let i = 0; i < 100 && run.taps.size > 0; i++) await new Promise((done) => setTimeout(done, 10));
    expect([run.watchers, run.taps.size]).toEqual([0, 0]);
  });

  it('a reader that does not read is told less, and that is counted; others are told everything [S12.3]', async () => {
    const slow = await rawReader(await token('res', 'researcher'));
    const fast = await new Page().opened(await token('res2', 'researcher'));
    fast.say({ kind: 'watch', run: 'r', what: 'stats', every_ms: 50 });
    fast.say({ kind: 'tap', id: 't', run: 'r', node: 'a', port: 'b', per_s: 100 });
    await fast.hears('stats');
    slow.say({ kind: 'watch', run: 'r', what: 'stats', every_ms: 50 });
    slow.say({ kind: 'tap', id: 't', run: 'r', node: 'a', port: 'b', per_s: 100 });
    for (let i = 0; i < 200 && run.taps.size < 2; i++) await new Promise((done) => setTimeout(done, 10));
    slow.pause();
    for (let i = 0; i < 80; i++) {
      run.move();
      run.rows(100);
      await new Promise((done) => setTimeout(done, 55));
    }
    const metrics = await api.metrics.registry.metrics();
    const left = Number(/chimera_page_conflated_total\{what="figures"\} (\d+)/.exec(metrics)?.[1] ?? 0);
    const rows = Number(/chimera_page_conflated_total\{what="rows"\} (\d+)/.exec(metrics)?.[1] ?? 0);
    expect(left).toBeGreaterThan(5);
    expect(rows).toBeGreaterThan(100);
    const told = fast.heard.filter((m) => m.kind === 'stats').length;
    expect(told).toBeGreaterThan(30);
    const got = fast.heard.reduce((n, m) => n + (m.kind === 'rows' ? m.rows.length + m.left_out : 0), 0);
    expect(got).toBeGreaterThan(7000);
    // When it reads again it gets the newest, and how much it missed.
    const text = await slow.resume(`"events":${run.n}`);
    // What waited for it lies in the buffers of the two sockets; 80 × 1.2 MB were told in the meantime.
    expect(text.length).toBeLessThan(48e6);
    slow.close();
    fast.ws.close();
  }, 60_000);
});

/** A websocket whose socket the test can leave unread. */
async function rawReader(as: string) {
  const socket: Socket = connect(served.port, '127.0.0.1');
  const ws = new WebSocket(`ws://127.0.0.1:${served.port}/v1/live`, { createConnection: () => socket } as never);
  let text = '';
  ws.on('message', (d) => {
    text += String(d);
  });
  ws.on('error', () => undefined);
  await once(ws, 'open');
  ws.send(JSON.stringify({ kind: 'hello', token: as }));
  return {
    say: (m: FromPage) => ws.send(JSON.stringify(m)),
    pause: () => {
      text = '';
      ws.pause();
      socket.pause();
    },
    resume: async (until: string) => {
      ws.resume();
      for (let i = 0; i < 400 && !text.includes(until); i++) await new Promise((done) => setTimeout(done, 25));
      if (!text.includes(until)) throw new Error('the newest did not come');
      return text;
    },
    close: () => ws.close(),
  };
}
