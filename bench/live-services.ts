import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { startRedis } from '../graph/bus/redis/testing/redis-server.ts';
import { nextFloat, seedRandom } from '../graph/math/index.ts';
import { createPlan } from '../graph/plan/plan.ts';
import { readJournal } from '../lake/journal/journal-reader.ts';
import { DirectAccount, type ExchangeAddress, type Row } from '../sinks/binance/testing/direct-account.ts';
import { loadFile } from '../ui/cli/load-document.ts';
import { compareTaps } from '../ui/run/compare-taps.ts';
import { replayLive } from '../ui/run/live.ts';
import type { RunReport } from '../ui/run/run.ts';
import { portsOf } from '../ui/run/taps.ts';
import { servicesOf } from './bus-crash.ts';
import { isMain } from './child.ts';

/**
 * `node dist/bench/live-services.js --runs 5 --kills 8 --seconds 40`: the trend pipeline trades on a local venue, its services as
 * processes joined by Redis, while random services get SIGKILL. What every port said must be what an embedded replay of the captured
 * inputs says, and the venue must know the same orders, trades and positions. Exit code 1 when anything differs.
 */
export interface LiveServicesOptions {
  readonly seconds: number;
  readonly runs: number;
  readonly kills: number;
  readonly seed: number;
  /** In one process, to compare with. */
  readonly embedded?: boolean;
  /** All services in one process. */
  readonly together?: boolean;
  readonly onRun?: (run: LiveServicesRun) => void;
}
export interface LiveServicesRun {
  readonly seed: number;
  readonly kills: Readonly<Record<string, number>>;
  readonly wrong: readonly string[];
  readonly inputs: number;
  readonly ports: number;
  readonly orders: number;
  readonly trades: number;
  /** Trades that were told again behind a kill. */
  readonly again: number;
  /** From the arrival of the frame (or the timer) that led to a command until the gateway handed it over, ms. */
  readonly hops?: RunReport['hops'];
  readonly order_ms?: { readonly n: number; readonly p50: number; readonly p99: number };
  readonly s: number;
}

const CHIMERA = resolve(import.meta.dirname, '../../bin/chimera.js');
const SETTINGS = ['preset=recording', 'interval=1s'];

export async function benchLiveServices(o: LiveServicesOptions): Promise<readonly LiveServicesRun[]> {
  const runs: LiveServicesRun[] = [];
  for (let i = 0; i < o.runs; i++) {
    const run = await oneRun(o, o.seed + i);
    runs.push(run);
    o.onRun?.(run);
  }
  return runs;
}

async function oneRun(o: LiveServicesOptions, seed: number): Promise<LiveServicesRun> {
  const begun = performance.now();
  const dir = mkdtempSync(join(tmpdir(), 'chimera-live-'));
  const at = (name: string): string => join(dir, name);
  const random = seedRandom(seed);
  const kills: Record<string, number> = {};
  const wrong: string[] = [];
  const redis = await startRedis({ fsync: 'everysec' });
  const venue = start(['venue', '--until-stdin-ends', '--seed', String(seed), '--limits', 'none']);
  let run: ChildProcess | undefined;
  const result = (more: Partial<LiveServicesRun> = {}): LiveServicesRun => ({
    ...{ seed, kills, wrong, inputs: 0, ports: 0, orders: 0, trades: 0, again: 0 },
    ...more,
    s: (performance.now() - begun) / 1000,
  });
  try {
    const ready = await firstLine(venue);
    writeFileSync(at('venue.json'), ready, { mode: 0o600 });
    const direct = new DirectAccount(JSON.parse(ready) as ExchangeAddress);
    const commitMs = 200 + Math.floor(nextFloat(random) * 800);
    run = start([
      ...['run', 'pipelines/trend.yaml', '--profile', 'paper', ...SETTINGS.flatMap((s) => ['--set', s])],
      ...(o.embedded
        ? []
        : [
            '--bus',
            redis.url,
            ...(o.together ? [] : ['--all']),
            '--until-stdin-ends',
            '--commit-ms',
            String(commitMs),
          ]),
      ...['--for', String(o.seconds), '--connect', at('venue.json')],
      ...['--state', at('state'), '--capture', at('lake'), '--tap-all', at('live'), '--json'],
    ]);
    const ended = finished(run);
    let over = false;
    ended.then(
      () => (over = true),
      () => (over = true),
    );
    // Time to start and to trade, and to come back behind the last kill.
    const [from, to] = [8_000, o.seconds * 1000 - 6_000];
    const moments = Array.from({ length: o.kills }, () => from + nextFloat(random) * (to - from)).sort((a, b) => a - b);
    for (const moment of moments) {
      await pause(moment - (performance.now() - begun));
      if (over) break;
      const services = servicesOf(run.pid!);
      const victim = services[Math.floor(nextFloat(random) * services.length)];
      if (!victim) continue;
      process.kill(victim.pid, 'SIGKILL');
      kills[victim.name] = (kills[victim.name] ?? 0) + 1;
    }
    const report = JSON.parse(await ended) as Pick<RunReport, 'until_us' | 'hops'>;
    const { pipeline } = loadFile('pipelines/trend.yaml', { profile: 'paper', set: SETTINGS });
    if (!pipeline) throw new Error('the pipeline does not load');
    const replay = await replayLive(
      { pipeline, state: at('state'), capture: at('lake'), final: false },
      report.until_us,
      { tapAll: at('replay') },
    );
    const ports = portsOf(createPlan(pipeline));
    const first = await compareTaps(at('live'), at('replay'), ports);
    if (first) wrong.push(`differs: ${JSON.stringify(first)}`);
    if (report.until_us === null) wrong.push('the services did not end together');
    const figures = await compareVenue(direct, at('live'), report.until_us ?? 0, wrong);
    const order_ms = handedOver(at('state'));
    const hops = report.hops ?? [];
    return result({ inputs: replay.events_in, ports: ports.length, ...figures, order_ms, hops });
  } catch (e) {
    wrong.push(String(e));
    return result();
  } finally {
    run?.kill('SIGKILL');
    venue.kill('SIGKILL');
    await redis.close();
    if (wrong.length === 0) rmSync(dir, { recursive: true, force: true });
    else console.error(`kept: ${dir}`);
  }
}

/** Time before the stop in which what the venue did need not have been heard, ms. */
const TAIL_MS = 3_000;

/** What the venue has, against what the graph was told and asked for. */
async function compareVenue(direct: DirectAccount, taps: string, untilUs: number, wrong: string[]) {
  const reports = rowsOf(join(taps, 'venue.report.csv'));
  const commands = rowsOf(join(taps, 'orders.order.csv'));
  const positions = rowsOf(join(taps, 'venue.position.csv'));
  let orders = 0;
  let trades = 0;
  let again = 0;
  for (const symbol of ['BTCUSDT', 'ETHUSDT']) {
    const ask = (path: string) => direct.ask(path, { symbol, limit: 1000 }) as Promise<Row[]>;
    const own = (rows: Record<string, string>[]) => rows.filter((r) => r['key'] === `usdm:${symbol}`);
    const done = await ask('/fapi/v1/userTrades');
    // A gateway that died between a report and its note of it tells it again, in the same words: who reads it knows the trade by its id.
    const byId = new Map<string, Record<string, string>>();
    for (const r of own(reports)) {
      if (r['exec'] !== 'trade') continue;
      const before = byId.get(r['trade_id']!);
      if (before) again++;
      if (before && before['last_qty'] !== r['last_qty'])
        wrong.push(`${symbol}: trade ${r['trade_id']} was told in two ways`);
      byId.set(r['trade_id']!, r);
    }
    const told = [...byId.values()];
    const ids = [...byId.keys()];
    const known = new Map(done.map((t) => [String(t['id']), t]));
    for (const id of ids) if (!known.has(id)) wrong.push(`${symbol}: trade ${id} was told and is not the venue's`);
    const late = untilUs / 1000 - TAIL_MS;
    for (const t of done)
      if (!ids.includes(String(t['id'])) && Number(t['time']) < late)
        wrong.push(`${symbol}: trade ${t['id']} was never told`);
    const placed = await ask('/fapi/v1/allOrders');
    const names = placed.map((p) => String(p['clientOrderId']));
    if (new Set(names).size !== names.length) wrong.push(`${symbol}: an order is there twice`);
    const lastReport = new Map(own(reports).map((r) => [r['client_id']!, r]));
    for (const c of own(commands)) {
      const { client_id: id, action, t_avail_us: t } = c as Record<string, string>;
      if (Number(t) / 1000 > late) continue;
      const last = lastReport.get(id!);
      if (action === 'place' && !last) wrong.push(`${symbol}: nothing was heard of order ${id}`);
      if (last?.['exec'] === 'unknown') wrong.push(`${symbol}: order ${id} is UNKNOWN`);
    }
    const signed = (side: unknown, qty: unknown): number =>
      (String(side).toLowerCase() === 'buy' ? 1 : -1) * Number(qty);
    const net = (list: readonly number[]): number => Math.round(list.reduce((a, b) => a + b, 0) * 1e6) / 1e6;
    const byTrades = net(told.map((r) => signed(r['side'], r['last_qty'])));
    const position = Number(own(positions).at(-1)?.['qty'] ?? 0);
    if (told.length > 0 && byTrades !== position)
      wrong.push(`${symbol}: trades told make ${byTrades}, the position told is ${position}`);
    if (told.length === done.length) {
      const there = (await ask('/fapi/v3/positionRisk')) as Row[];
      const amount = Number(there[0]?.['positionAmt'] ?? 0);
      if (amount !== byTrades) wrong.push(`${symbol}: the venue has ${amount}, told were ${byTrades}`);
    }
    orders += placed.length;
    trades += told.length;
  }
  if (trades === 0) wrong.push('nothing was traded');
  return { orders, trades, again };
}
/** The gateway's log says of each command when it was written down, just before it left, and when its cycle began. */
function handedOver(state: string): { n: number; p50: number; p99: number } {
  const times: number[] = [];
  for (const r of readJournal(join(state, 'orders', 'venue', 'intents'))) {
    const w = JSON.parse(Buffer.from(r.payload).toString()) as { k: string; madeMs: number };
    if (w.k === 'intent') times.push(r.t / 1000 - w.madeMs);
  }
  times.sort((a, b) => a - b);
  const at = (q: number): number => Math.round((times[Math.floor(q * (times.length - 1))] ?? Number.NaN) * 100) / 100;
  return { n: times.length, p50: at(0.5), p99: at(0.99) };
}
function rowsOf(file: string): Record<string, string>[] {
  const [head, ...lines] = readFileSync(file, 'utf8').trim().split('\n');
  const names = head!.split(',');
  return lines.map((line) => {
    const cells = line.match(/("([^"]|"")*"|[^,]*)(,|$)/g) ?? [];
    return Object.fromEntries(names.map((n, i) => [n, (cells[i] ?? '').replace(/,$/, '')]));
  });
}

function start(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [CHIMERA, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
}
const firstLine = (child: ChildProcess): Promise<string> =>
  new Promise((done, failed) => {
    createInterface({ input: child.stdout! }).once('line', done);
    child.once('close', () => failed(new Error('the venue did not start')));
  });
async function finished(child: ChildProcess): Promise<string> {
  let out = '';
  let err = '';
  child.stdout!.on('data', (d: Buffer) => {
    out += d.toString();
  });
  child.stderr!.on('data', (d: Buffer) => {
    err = (err + d.toString()).slice(-4000);
  });
  const code = await new Promise<number | null>((done) => child.once('close', done));
  if (code !== 0) throw new Error(`exit code ${code}: ${err}`);
  return out;
}
const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, Math.max(0, ms)));

if (isMain(import.meta.url)) {
  const { values: v } = parseArgs({
    options: {
      seconds: { type: 'string', default: '40' },
      runs: { type: 'string', default: '5' },
      kills: { type: 'string', default: '8' },
      seed: { type: 'string', default: '1' },
      embedded: { type: 'boolean', default: false },
      together: { type: 'boolean', default: false },
    },
  });
  const runs = await benchLiveServices({
    seconds: Number(v.seconds),
    runs: Number(v.runs),
    kills: Number(v.kills),
    seed: Number(v.seed),
    embedded: v.embedded,
    together: v.together,
    onRun: (r) => {
      const all = Object.values(r.kills).reduce((a, b) => a + b, 0);
      const verdict = r.wrong.length === 0 ? 'identical' : r.wrong.slice(0, 5).join('\n  ');
      console.error(
        `seed ${r.seed}: ${all} kills ${JSON.stringify(r.kills)}, ${r.inputs} inputs, ${r.ports} ports, ${r.orders} orders, ${r.trades} trades (${r.again} told again), ${r.s.toFixed(0)} s, frame to order ${JSON.stringify(r.order_ms)} ms: ${verdict}`,
      );
    },
  });
  const ok = runs.every((r) => r.wrong.length === 0);
  console.log(JSON.stringify({ ok, runs }));
  process.exitCode = ok ? 0 : 1;
}
