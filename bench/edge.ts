import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openRedisBus } from '../graph/bus/redis/open-redis-bus.ts';
import { startRedis } from '../graph/bus/redis/testing/redis-server.ts';
import { isMain } from './child.ts';
import { SCRIPT as HOPS, type HopTimes, sendHops, timeCheckpoints, timeWrites } from './edge-hops.ts';
import { type Half, type HalfResult, SCRIPT as PARTS, type Round } from './edge-parts.ts';
import { RECORDING } from './replay.ts';
import { type Figure, figure, histogram, median, table } from './stats.ts';

/** Forks a script and waits until it says that it is ready. */
export async function forked(script: string, args: readonly string[]): Promise<ChildProcess> {
  const child = fork(fileURLToPath(script), args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  await said(child);
  return child;
}
export async function said<T>(child: ChildProcess): Promise<T> {
  const ended = new AbortController();
  try {
    return await Promise.race([
      once(child, 'message', { signal: ended.signal }).then(([m]) => m as T),
      once(child, 'exit', { signal: ended.signal }).then(([code]): never => {
        throw new Error(`a process ended with ${code}`);
      }),
    ]);
  } finally {
    ended.abort();
  }
}

export interface EdgeRun {
  events_per_s: number;
  from: HalfResult;
  to: HalfResult;
}
/** The two halves of an edge in two processes, `rounds` times; the first round only warms up. */
export async function runEdge(
  half: Omit<Half, 'half'>,
  { events, rounds, rate = 0 }: { events: number; rounds: number; rate?: number },
): Promise<EdgeRun[]> {
  const arg = (h: Half['half']): string[] => [JSON.stringify({ ...half, half: h } satisfies Half)];
  const [from, to] = await Promise.all([forked(PARTS, arg('from')), forked(PARTS, arg('to'))]);
  const runs: EdgeRun[] = [];
  for (let i = 0; i <= rounds; i++) {
    const round: Round = { prefix: `${half.edge}${i}:`, events: i === 0 ? Math.ceil(events / 4) : events, rate };
    from.send(round);
    to.send(round);
    const [f, t] = await Promise.all([said<HalfResult>(from), said<HalfResult>(to)]);
    if (i === 0) continue;
    runs.push({ events_per_s: (f.cycles / (t.endUs - f.startUs)) * 1e6, from: f, to: t });
  }
  for (const child of [from, to]) {
    child.send('end');
    await once(child, 'exit');
  }
  return runs;
}

const STRETCHES = 5;
export interface EdgeReport {
  figures: Figure[];
  checks: { name: string; ok: boolean; found: string }[];
}
export async function benchEdge({ quick, data }: { quick: boolean; data: string }): Promise<EdgeReport> {
  const figures: Figure[] = [];
  const checks: EdgeReport['checks'] = [];
  const redis = await startRedis();
  try {
    const { url } = redis;
    const scale = quick
      ? { events: 400_000, rounds: 3, hops: 400, writes: 300 }
      : { events: 2_000_000, rounds: 7, hops: 3000, writes: 1500 };
    await benchHops(url, scale, figures);
    const recording = join(data, RECORDING);
    for (const edge of ['trades', 'trend'] as const) {
      if (edge === 'trend' && !existsSync(recording)) continue;
      const events = edge === 'trend' ? scale.events / 4 : scale.events;
      const runs = await runEdge({ edge, url, data: recording }, { events, rounds: scale.rounds });
      const goal = edge === 'trades' ? { at_least: 400_000 } : undefined;
      const what = edge === 'trades' ? 'trades over a cut edge' : 'trend.yaml, s1.0 → s2.1';
      const n = runs[0]!.from.cycles;
      figures.push(
        figure(
          `${what}, exactly once`,
          'events/s',
          runs.map((r) => r.events_per_s),
          goal,
        ),
      );
      for (const half of ['from', 'to'] as const)
        figures.push(
          figure(
            `${what}: CPU of the ${half === 'from' ? 'sender' : 'receiver'}`,
            'µs/event',
            runs.map((r) => (r[half].cpu_s / n) * 1e6),
          ),
        );
      const whole = runs.every(
        (r) =>
          r.from.restarts + r.to.restarts === 0 &&
          (edge === 'trend' || (r.to.seen === n && r.to.sum === runs[0]!.to.sum)),
      );
      checks.push({
        name: `${what}: each record arrives once`,
        ok: whole,
        found: `${n} sent, ${runs.map((r) => `${r.to.seen} (${r.to.sum})`).join(', ')}`,
      });
    }
  } finally {
    await redis.close();
  }
  return { figures, checks };
}

export async function benchHops(
  url: string,
  scale: { hops: number; writes: number },
  figures: Figure[],
): Promise<void> {
  const { Redis } = await import('ioredis');
  const bus = await openRedisBus(url, { prefix: '' });
  const redis = new Redis(url);
  const held = await bus.acquire('part:{bench}', { tags: [], holder: 'bench', ttlMs: 20_000 });
  const other = await forked(HOPS, [url, String(scale.hops)]);
  const receiving = said<HopTimes>(other);
  await sendHops(url, held, scale.hops);
  const times = await receiving;
  // Both ways of a stretch met the same machine: ratios are taken by stretch.
  const stretches = (of: readonly number[]): number[][] => {
    const length = Math.floor(of.length / STRETCHES);
    return Array.from({ length: STRETCHES }, (_, i) => of.slice(i * length, (i + 1) * length));
  };
  const [hops, bare] = [stretches(times.bus.slice(50)).map(histogram), stretches(times.bare.slice(50)).map(histogram)];
  for (const p of ['p50', 'p99'] as const) {
    const ratios = hops.map((h, i) => h[p] / bare[i]![p]);
    figures.push(
      figure(
        `idle hop through the bus, ${p}`,
        'µs',
        hops.map((h) => h[p]),
      ),
    );
    figures.push(
      figure(
        `idle hop, bare XADD → XREAD, ${p}`,
        'µs',
        bare.map((h) => h[p]),
      ),
    );
    figures.push(figure(`idle hop, bus to bare, ${p}`, '×', ratios, { at_most: 1.5 }));
  }
  for (const size of [1024, 8192, 25_600]) {
    await timeWrites(held, redis, size, 100);
    const w = await timeWrites(held, redis, size, scale.writes);
    const [bus, plain] = [stretches(w.bus).map(median), stretches(w.plain).map(median)];
    const over = bus.map((x, i) => (x / plain[i]! - 1) * 100);
    figures.push(figure(`append of ${size} bytes`, 'µs', bus));
    figures.push(figure(`plain XADD of ${size} bytes`, 'µs', plain));
    figures.push(figure(`append over plain XADD, ${size} bytes`, '%', over, { at_most: 40 }));
  }
  const checkpoints = await timeCheckpoints(held, 10_000_000, 12);
  figures.push(figure('checkpoint of 10 MB', 'ms', checkpoints.slice(2), { at_most: 50 }));
  redis.disconnect();
  await held.release();
  await bus.close();
}

if (isMain(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      data: { type: 'string', default: process.env['CHIMERA_DATA'] ?? '../shared/data' },
    },
  });
  const report = await benchEdge(values);
  const machine = { cpu: cpus()[0]?.model ?? '', cores: cpus().length, node: process.version };
  if (values.json) process.stdout.write(`${JSON.stringify({ machine, ...report })}\n`);
  else process.stdout.write(`${table(report.figures)}\n`);
  for (const c of report.checks) if (!c.ok) process.stderr.write(`FAILED ${c.name}: ${c.found}\n`);
  process.exitCode = report.checks.every((c) => c.ok) ? 0 : 1;
}
