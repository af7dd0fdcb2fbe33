import type { WebSocket } from 'ws';
import { z } from 'zod';
import type { Api } from '../api.ts';
import type { Alert, Row } from '../contract/records.ts';
import type { FromPage, ToPage } from '../contract/socket.ts';
import { identityOf } from '../guard.ts';
import type { LiveRun, RunHandle } from '../ports.ts';
import { ApiError, refusalOf } from '../problem.ts';
import { type Identity, id } from '../route.ts';

const key = z.string().max(200);
const what = z.enum(['stats', 'trading', 'alerts']);
const message = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('hello'), token: z.string().max(4096) }),
  z.strictObject({ kind: z.literal('token'), token: z.string().max(4096) }),
  z.strictObject({
    kind: z.literal('watch'),
    run: id,
    what,
    every_ms: z.number().int().min(50).max(60_000).optional(),
  }),
  z.strictObject({ kind: z.literal('unwatch'), run: id, what }),
  z.strictObject({
    kind: z.literal('tap'),
    id: key,
    run: id,
    node: key,
    port: key,
    key: key.optional(),
    filter: z.string().max(2000).optional(),
    per_s: z.number().min(0.1).max(500).optional(),
  }),
  z.strictObject({ kind: z.literal('untap'), id: key }),
]);

const HELLO_MS = 5000;
const EVERY_MS = 250;
const MOST_TAPS = 64;
const PER_S = 20;
/** Rows of a tap that wait for a slow reader. */
const ROWS_WAITING = 500;
/** A reader with more than this under way is slow: nothing is sent until it has read. */
const HIGH_WATER_BYTES = 256 * 1024;
const TURN_MS = 50;
/** A reader that takes nothing for so long is gone. */
const STUCK_MS = 60_000;

interface Tap {
  readonly close: () => void;
  readonly rows: Row[];
  left_out: number;
}
interface Watch {
  readonly everyMs: number;
  next: number;
  /** Something is new since the last message. */
  stale: boolean;
  readonly close: () => void;
}

/**
 * One page. What is to be said waits here, in a fixed amount of memory: newest figures by run and kind, and a bounded list of rows
 * per tap. It is sent when the socket has room, so that a slow page gets fewer and newer messages, and the run never waits.
 */
export class PageSocket {
  readonly #api: Api;
  readonly #ws: WebSocket;
  readonly #taps = new Map<string, Tap>();
  readonly #watches = new Map<string, Watch>();
  readonly #news: ToPage[] = [];
  readonly #turn: NodeJS.Timeout;
  #who: Identity | undefined;
  #expires: NodeJS.Timeout | undefined;
  #stuckSince: number | undefined;
  #offAlerts: (() => void) | undefined;

  constructor(api: Api, ws: WebSocket) {
    this.#api = api;
    this.#ws = ws;
    const late = setTimeout(() => this.close(4401, 'no token came'), HELLO_MS);
    this.#expires = late;
    this.#turn = setInterval(() => this.#flush(), TURN_MS);
    this.#turn.unref();
    let before = Promise.resolve();
    ws.on('message', (data, binary) => {
      if (binary) return this.close(1003, 'JSON texts only');
      // One after the other: a watch that follows a hello finds it done.
      before = before.then(() => this.#take(String(data)));
    });
    ws.on('close', () => this.#end());
    ws.on('error', () => this.#end());
  }
  close(code: number, why: string): void {
    this.#end();
    this.#ws.close(code, why);
  }

  async #take(text: string): Promise<void> {
    let said: FromPage;
    try {
      const parsed = message.safeParse(JSON.parse(text));
      if (!parsed.success) return this.#refuse('message', new ApiError('CHM1110', parsed.error.issues[0]!.message));
      said = parsed.data as FromPage;
    } catch {
      return this.#refuse('message', new ApiError('CHM1117', 'this is no JSON'));
    }
    try {
      if (said.kind === 'hello' || said.kind === 'token') return await this.#identify(said);
      if (!this.#who) return this.close(4401, 'say hello first');
      this.#command(said);
    } catch (e) {
      this.#refuse('id' in said ? said.id : said.kind, e);
    }
  }
  async #identify(said: FromPage & { kind: 'hello' | 'token' }): Promise<void> {
    try {
      const { identity, expiresS } = await identityOf(this.#api, said.token);
      if (this.#who && this.#who.name !== identity.name) return this.close(4403, 'another person');
      if (!identity.permissions.includes('read')) return this.close(4403, 'not allowed');
      this.#who = identity;
      clearTimeout(this.#expires);
      // What was allowed by a token ends with it.
      this.#expires = setTimeout(() => this.close(4401, 'the token has run out'), expiresS * 1000 + 1000);
      this.#expires.unref();
      if (said.kind === 'hello')
        this.#say({ kind: 'welcome', server: this.#api.version, expires_s: Math.floor(expiresS) });
    } catch {
      this.close(4401, 'this token is not accepted');
    }
  }
  #command(said: Exclude<FromPage, { kind: 'hello' | 'token' }>): void {
    if (said.kind === 'untap') {
      this.#taps.get(said.id)?.close();
      this.#taps.delete(said.id);
      return;
    }
    if (said.kind === 'unwatch') {
      this.#unwatch(`${said.run}/${said.what}`);
      return;
    }
    if (said.kind === 'watch' && said.what === 'alerts') {
      this.#offAlerts ??= this.#api.alerts.onAlert((run, alert) => this.#alert(run, alert));
      return;
    }
    const run = this.#api.runs.get(said.run);
    const live = run?.live();
    if (!run || !live) throw new ApiError('CHM1121', `run ${said.run} is not going on here`);
    if (said.kind === 'tap') this.#tap(said, live);
    else this.#watch(said, run, live);
  }

  #watch(said: FromPage & { kind: 'watch' }, run: RunHandle, live: LiveRun): void {
    const name = `${said.run}/${said.what}`;
    this.#unwatch(name);
    const everyMs = said.every_ms ?? EVERY_MS;
    const unwatch = said.what === 'stats' ? live.watch() : () => undefined;
    let kill = JSON.stringify(live.trading()?.kill);
    const off = live.onChange((what) => {
      if (what === said.what) watch.stale = true;
      if (what === 'trading' && said.what === 'trading') {
        const now = live.trading()?.kill;
        // Of the kill switch every state is told, however slow the page is.
        if (now && JSON.stringify(now) !== kill) {
          kill = JSON.stringify(now);
          this.#news.push({ kind: 'kill', run: run.id, kill: now });
        }
      }
      if (what === 'graph') this.#news.push({ kind: 'graph', run: run.id, hash: run.graph()?.hash ?? '' });
      if (this.#news.length > ROWS_WAITING) this.#news.shift();
    });
    const watch: Watch = {
      everyMs,
      next: 0,
      stale: true,
      close: () => {
        off();
        unwatch();
      },
    };
    this.#watches.set(name, watch);
  }
  #unwatch(name: string): void {
    this.#watches.get(name)?.close();
    this.#watches.delete(name);
  }
  #tap(said: FromPage & { kind: 'tap' }, live: LiveRun): void {
    if (!this.#who?.permissions.includes('research'))
      throw new ApiError('CHM1105', 'this needs the permission research');
    if (!this.#taps.has(said.id) && this.#taps.size >= MOST_TAPS)
      throw new ApiError('CHM1137', `a page has at most ${MOST_TAPS} taps`);
    this.#taps.get(said.id)?.close();
    const { node, port, key, filter } = said;
    const rows: Row[] = [];
    const close = live.tap({ node, port, key, filter, per_s: said.per_s ?? PER_S }, (more) => {
      rows.push(...more.rows);
      tap.left_out += more.left_out;
      // The newest stay.
      const over = rows.length - ROWS_WAITING;
      if (over <= 0) return;
      rows.splice(0, over);
      tap.left_out += over;
      this.#api.metrics.conflated.inc({ what: 'rows' }, over);
    });
    const tap: Tap = { close, rows, left_out: 0 };
    this.#taps.set(said.id, tap);
  }
  #alert(run: string, alert: Alert): void {
    this.#news.push({ kind: 'alert', run, alert });
    if (this.#news.length > ROWS_WAITING) this.#news.shift();
  }

  /** Says what is new, if the page has read what it was told before. */
  #flush(): void {
    if (this.#ws.readyState !== this.#ws.OPEN || !this.#who) return;
    const now = performance.now();
    if (this.#ws.bufferedAmount > HIGH_WATER_BYTES) {
      this.#stuckSince ??= now;
      const due = [...this.#watches.values()].filter((w) => w.stale && w.next <= now);
      for (const w of due) {
        this.#api.metrics.conflated.inc({ what: 'figures' });
        w.next = now + w.everyMs;
      }
      if (now - this.#stuckSince > STUCK_MS) {
        this.#end();
        this.#ws.terminate();
      }
      return;
    }
    this.#stuckSince = undefined;
    for (const m of this.#news.splice(0)) this.#say(m);
    for (const [name, w] of this.#watches) {
      if (!w.stale || w.next > now) continue;
      w.stale = false;
      w.next = now + w.everyMs;
      this.#tell(name);
    }
    for (const [id, tap] of this.#taps) {
      if (tap.rows.length === 0 && tap.left_out === 0) continue;
      this.#say({ kind: 'rows', id, rows: tap.rows.splice(0), left_out: tap.left_out });
      tap.left_out = 0;
    }
  }
  #tell(name: string): void {
    const at = name.lastIndexOf('/');
    const run = name.slice(0, at);
    const live = this.#api.runs.get(run)?.live();
    if (!live) return;
    if (name.slice(at + 1) === 'stats') {
      const stats = live.stats();
      if (stats) this.#say({ kind: 'stats', stats });
      return;
    }
    const trading = live.trading();
    if (!trading) return;
    this.#say({ kind: 'trading', run, trading });
    for (const p of trading.prices ?? []) this.#say({ kind: 'price', run, ...p });
  }
  #say(m: ToPage): void {
    this.#ws.send(JSON.stringify(m));
  }
  #refuse(of: string, e: unknown): void {
    const { problem, fault } = refusalOf(e, '');
    if (fault) this.#api.log.error({ err: e }, 'a fault of the API');
    this.#say({ kind: 'refused', of, code: problem.error.code, message: problem.error.message });
  }
  #end(): void {
    clearInterval(this.#turn);
    clearTimeout(this.#expires);
    this.#offAlerts?.();
    for (const w of this.#watches.values()) w.close();
    for (const t of this.#taps.values()) t.close();
    this.#watches.clear();
    this.#taps.clear();
  }
}
