import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nextFloat, nextInt, type RandomState, seedRandom } from '../graph/math/index.ts';
import type { Command } from '../sinks/binance/order-state.ts';
import { DirectAccount } from '../sinks/binance/testing/direct-account.ts';
import type { Brought, GatewayDriver } from '../sinks/binance/testing/gateway-driver.ts';
import { loadScenario, type RunningVenue, startVenue } from '../venue/server/index.ts';
import { countOutcomes, isOver, Reasons, wrongWith } from './order-fault-check.ts';

/** What a send of an order meets; each one meets one of them, with equal chances. */
const PLACE_FAULTS = {
  '5xx after it was accepted': { kind: 'unknown' },
  '-1007 after it was accepted': { kind: 'unknown', answer: '-1007' },
  '-1006 after it was accepted': { kind: 'unknown', answer: '-1006' },
  '5xx before it was accepted': { kind: 'unavailable' },
  '-1008 before it was accepted': { kind: 'unavailable', answer: '-1008' },
  'no answer, accepted': { kind: 'timeout' },
  'no answer, not accepted': { kind: 'timeout', accepted: false },
  'answer after the time-out': { kind: 'slow', ms: 500 },
  '-1021': { kind: 'timestamp' },
  // The answer comes, and what is to be reported does not come as it should: see `spoilReports`.
  'accepted, its reports spoiled': { kind: 'slow', ms: 10 },
} as const;
const CANCEL_FAULTS = {
  '5xx after it was done': { kind: 'unknown' },
  '5xx before it was done': { kind: 'unavailable' },
  'no answer, done': { kind: 'timeout' },
  'no answer, not done': { kind: 'timeout', accepted: false },
  'answer after the time-out': { kind: 'slow', ms: 500 },
  '-2011, done': { kind: 'not_found', accepted: true },
  '-2011, not done': { kind: 'not_found' },
  '-1021': { kind: 'timestamp' },
  'its reports spoiled': { kind: 'slow', ms: 10 },
} as const;
/** Some of the queries fail, or are answered from a list that is behind. */
const QUERY_FAULTS = {
  '-2013, there or not': { kind: 'not_found', probability: 0.15 },
  '5xx': { kind: 'unavailable', probability: 0.1 },
  'no answer': { kind: 'timeout', probability: 0.05 },
} as const;
const REPORT_FAULTS = {
  late: { kind: 'late_report', ms: 250, probability: 0.08 },
  twice: { kind: 'duplicate_report', probability: 0.1 },
} as const;
const SPOILED = ['stream cut', 'reports twice', 'reports late'] as const;

const CONFIG = { timeout: '250ms', recv_window: '200ms', grace: '1s', settle: '100ms', sweep: '1s' };
const MARKET_RATE = 5;

/** Names of the faults of a scenario, in its order: the venue counts them by place. */
interface Plan {
  readonly names: readonly string[];
  readonly faults: readonly object[];
}
/** One of them hits at every occasion: the first with probability 1/n, the next with 1/(n − 1) of the rest, the last with 1. */
function oneOf(what: string, route: string, faults: Readonly<Record<string, object>>): [string, object][] {
  const all = Object.entries(faults);
  return all.map(([name, f], i) => [`${what}: ${name}`, { ...f, probability: 1 / (all.length - i), match: { route } }]);
}
function planOf(): Plan {
  const list: [string, object][] = [
    ...oneOf('order', 'POST /fapi/v1/*rder', PLACE_FAULTS),
    ...oneOf('cancel', 'DELETE */*rder', CANCEL_FAULTS),
    ...oneOf('cancel all', 'DELETE */*penOrders', {
      '5xx after it was done': CANCEL_FAULTS['5xx after it was done'],
      'no answer, not done': CANCEL_FAULTS['no answer, not done'],
      'its reports spoiled': CANCEL_FAULTS['its reports spoiled'],
    }),
    ...Object.entries(QUERY_FAULTS).map(([name, f]): [string, object] => [
      `query: ${name}`,
      { ...f, match: { route: 'GET */*rder' } },
    ]),
    ...Object.entries(REPORT_FAULTS).map(([name, f]): [string, object] => [`report: ${name}`, f]),
  ];
  return { names: list.map(([name]) => name), faults: list.map(([, f]) => f) };
}
const scenarioOf = (seed: number, faults: readonly object[]) =>
  loadScenario(JSON.stringify({ chimera_faults: 1, seed, faults }), `run ${seed}`);

export interface FaultResult {
  readonly seed: number;
  readonly wrong: readonly string[];
  readonly reasons: Reasons;
  readonly ms: number;
}

/** One seeded session of a trader, the gateway over unmodified ccxt, and the venue's server, with a fault at every send. */
export async function orderFaultSession(seed: number): Promise<FaultResult> {
  const begun = performance.now();
  const s = new Session(seed);
  try {
    await s.start();
    await s.trade();
    await s.settle();
    return { seed, wrong: await s.check(), reasons: s.reasons, ms: performance.now() - begun };
  } catch (e) {
    return { seed, wrong: [`${(e as Error).message}`], reasons: s.reasons, ms: performance.now() - begun };
  } finally {
    await s.close();
  }
}

class Session {
  readonly reasons = new Reasons();
  readonly #seed: number;
  readonly #r: RandomState;
  /** Of its own: which reports are spoiled depends on when requests arrive. */
  readonly #spoil: RandomState;
  readonly #plan = planOf();
  readonly #dir = mkdtempSync(join(tmpdir(), 'chimera-faults-'));
  readonly #times = new Map<number, number>();
  readonly #lives: Brought[][] = [];
  readonly #placed: Command[] = [];
  #venue!: RunningVenue;
  #direct!: DirectAccount;
  #d!: GatewayDriver;
  /** Inputs since the last commit, with what they made the run command: a run that starts again makes the same. */
  #sent: [seq: number, command: Partial<Command>][] = [];
  #seq = 0;

  constructor(seed: number) {
    this.#seed = seed;
    this.#r = seedRandom(seed, 'orders under fault through ccxt');
    this.#spoil = seedRandom(seed, 'spoiled reports');
  }
  /** In two of three runs what was not accepted may be sent again, and is waited for before everything is cancelled. */
  get #patient(): boolean {
    return this.#seed % 3 !== 2;
  }
  #chance(p: number): boolean {
    return nextFloat(this.#r) < p;
  }

  async start(): Promise<void> {
    this.#venue = await startVenue({
      seed: this.#seed,
      symbols: ['BTCUSDT'],
      limits: 'none',
      rate: MARKET_RATE,
      agentRate: 40,
      allowFaultControl: true,
      faults: scenarioOf(this.#seed, this.#plan.faults),
      log: (event) => this.#onLog(event as { what?: string; kind?: string; at?: string }),
    });
    this.#direct = new DirectAccount(this.#venue.ready);
    await this.#open();
  }
  async #open(): Promise<void> {
    const max_age = this.#patient ? '30s' : '3s';
    for (let tries = 1; ; tries++) {
      try {
        this.#d = await this.#direct.gateway(this.#dir, this.#times, { ...CONFIG, max_age });
        break;
      } catch (e) {
        // On a busy machine its first questions may take longer than its time-out: it does not start, and is started again.
        if (tries === 5) throw e;
        this.reasons.count('start given up, and tried again');
      }
    }
    this.#lives.push(this.#d.rows);
    countOutcomes(this.#d.run.courier.ledger, this.reasons);
  }
  /** A request whose answer is good: what happens to its reports is decided as it arrives, before it is served. */
  #onLog(event: { what?: string; kind?: string; at?: string }): void {
    const { what, kind, at = '' } = event;
    if (what !== 'fault' || kind !== 'slow' || !/^(POST|DELETE)/.test(at)) return;
    const how = SPOILED[nextInt(this.#spoil, SPOILED.length)]!;
    this.reasons.count(`spoiled: ${how}`);
    const faults =
      how === 'stream cut'
        ? [{ kind: 'disconnect', at: '1us', target: 'user' }]
        : how === 'reports twice'
          ? [{ kind: 'duplicate_report', probability: 1, times: 3 }]
          : [{ kind: 'late_report', ms: 300, probability: 1, times: 3 }];
    this.#venue.server.injector.add(scenarioOf(this.#seed, faults).faults, this.#seed);
  }

  #command(c: Partial<Command>): void {
    if (c.action === undefined) this.#placed.push(c as Command);
    const seq = this.#seq++;
    this.#sent.push([seq, c]);
    this.#d.send([c], seq);
  }
  async #pause(ms: number): Promise<void> {
    const until = performance.now() + nextInt(this.#r, ms);
    await this.#d.until(() => performance.now() >= until);
  }
  async #commit(): Promise<void> {
    await this.#d.commit();
    this.#sent = [];
  }

  /** A handful of orders of each kind, cancels of those that may rest, and in two of three runs the end of the process. */
  async trade(): Promise<void> {
    const n = 5 + nextInt(this.#r, 4);
    const crashAt = this.#seed % 3 === 0 ? -1 : nextInt(this.#r, n);
    for (let i = 0; i < n; i++) {
      const id = `r${this.#seed}-${i}`;
      const { order, rests } = await this.#order(i);
      this.#command({ client_id: id, ...order });
      if (i === crashAt) await this.#crash();
      else await this.#pause(60);
      if (rests && this.#chance(0.8)) {
        if (this.#chance(0.5)) await this.#pause(200);
        this.#command({ action: 'cancel', client_id: id });
      }
      if (this.#chance(0.2)) await this.#commit();
    }
    if (this.#chance(0.3)) this.#command({ action: 'cancel', client_id: `nobody-${this.#seed}` });
  }
  async #order(i: number): Promise<{ order: Partial<Command>; rests: boolean }> {
    const { pxScale } = this.#d.keys.at(0);
    const bid = await this.#direct.bid();
    const px = (factor: number): number => Math.round(bid * factor * pxScale);
    const side = this.#chance(0.5) ? ('buy' as const) : ('sell' as const);
    const qty = 2 + nextInt(this.#r, 6);
    const away = side === 'buy' ? 0.98 : 1.02;
    // The first opens a position, so that those that only reduce one have something to do.
    switch (i === 0 ? 0 : nextInt(this.#r, 8)) {
      case 0:
        return { order: { side, qty: i === 0 ? 10 : qty }, rests: false };
      case 1:
        return { order: { side, qty, type: 'limit', px: px(away) }, rests: true };
      case 2:
        return { order: { side, qty, type: 'limit', tif: 'gtx', px: px(side === 'buy' ? 1 : 1.00001) }, rests: true };
      case 3:
        return { order: { side, qty, type: 'stop_market', stop_px: px(2 - away), working: 'mark' }, rests: true };
      case 4:
        return {
          // Near enough to trigger at times.
          order: { side: 'sell', qty, type: 'stop_market', stop_px: px(0.9999), working: 'last' },
          rests: true,
        };
      case 5:
        return {
          order: { side: 'sell', type: 'take_profit_market', stop_px: px(1.02), close_position: true },
          rests: true,
        };
      case 6:
        return { order: { side, qty, reduce_only: true }, rests: false };
      default:
        return { order: { side, qty, type: 'limit', px: px(away), reduce_only: true }, rests: true };
    }
  }
  /** The process ends, and starts again with the state folder that it left; what it had made since its last commit, it makes again. */
  async #crash(): Promise<void> {
    const d = this.#d;
    if (this.#chance(0.5)) {
      // Written down, and not sent: the send waits for its turn, which does not come.
      d.run.flush();
      this.reasons.count('crash: between write-ahead and send');
    } else {
      d.round();
      await this.#pause(150);
      if (this.#chance(0.3)) await this.#commit();
      this.reasons.count('crash: after a send');
    }
    await d.close();
    await this.#open();
    for (const [seq, c] of this.#sent) this.#d.send([c], seq);
    this.#d.round();
    for (const { orders } of this.#d.run.courier.ledger.symbols.values())
      this.reasons.count('UNKNOWN: written down by an earlier life', orders.filter((o) => o.restored).length);
    this.reasons.count('commands recognised as sent before', this.#d.run.counts.repeated);
    if (this.#d.run.counts.commands > 0 || this.#d.run.counts.repeated !== this.#sent.length)
      throw new Error(`${this.#d.run.counts.commands} commands were sent anew after the crash`);
  }

  get #unresolved(): string[] {
    const ids = this.#placed.map((c) => c.client_id);
    return ids.filter((id) => !this.#lives.some((life) => life.some((row) => isOver(row, id))));
  }
  /** Whatever rests is cancelled; the storm ends when everything is resolved. */
  async settle(): Promise<void> {
    const { ledger } = this.#d.run.courier;
    const known = (): boolean =>
      [...ledger.symbols.values()].every((s) => s.orders.every((o) => o.phase === 'open' || o.phase === 'ended'));
    if (this.#patient) await this.#d.until(known, 60_000);
    this.#command({ action: 'cancel_all', client_id: '' });
    const quiet = (): boolean =>
      ledger.unknown === 0 && ![...ledger.symbols.values()].some((s) => s.held !== undefined);
    await this.#d
      .until(() => this.#unresolved.length === 0 && quiet(), 60_000)
      .catch(() => {
        throw new Error(`not resolved within a minute: ${this.#unresolved.join(' ')} ${this.#d.state()}`);
      });
    const counts = this.#venue.server.injector.counts();
    for (const [i, name] of this.#plan.names.entries()) this.reasons.count(name, counts[i]!.fired);
    for (const what of ['order', 'cancel', 'cancel all']) {
      const own = this.#plan.names.flatMap((name, i) => (name.startsWith(`${what}: `) ? [counts[i]!] : []));
      this.reasons.count(`${what}s received`, own[0]!.seen);
      const hit = own.reduce((n, c) => n + c.fired, 0);
      if (hit !== own[0]!.seen) throw new Error(`${own[0]!.seen} ${what}s were received, ${hit} met a fault`);
    }
    this.#venue.server.injector.clear();
  }
  async check(): Promise<string[]> {
    await this.#commit();
    const wrong = await wrongWith(this.#d, this.#lives, this.#placed, this.#direct, this.reasons);
    this.reasons.count('lives of the gateway', this.#lives.length);
    this.reasons.count('connections of the user stream', this.#d.run.stream.connections);
    return wrong;
  }
  async close(): Promise<void> {
    await this.#d?.close().catch(() => {});
    await this.#venue?.close();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
