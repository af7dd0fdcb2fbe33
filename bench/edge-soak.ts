import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Redis } from 'ioredis';
import { startRedis } from '../graph/bus/redis/testing/redis-server.ts';
import { isMain } from './child.ts';
import { forked, said } from './edge.ts';
import { type Half, type HalfResult, SCRIPT } from './edge-parts.ts';

/**
 * `node dist/bench/edge-soak.js --minutes 30 --rate 20000`: a cut edge at a steady rate, two processes and a Redis of its own. Prints
 * the memory of all three, the length of the streams and the lag of the reader over time, and how fast each of them grows behind the
 * first third. Lag counts what the reader's last two commits have not covered, so a second or two of the rate is none.
 */
interface Sample {
  readonly s: number;
  readonly from_mb: number;
  readonly to_mb: number;
  readonly redis_mb: number;
  readonly entries: number;
  readonly lag: number;
}
const PREFIX = 'soak:';

async function sample(redis: Redis, startMs: number, pids: readonly [number, number]): Promise<Sample> {
  let entries = 0;
  let lag = 0;
  for (const at of await redis.keys('at:*')) {
    const stream = at.slice(at.indexOf('}:') + 2);
    entries += await redis.xlen(stream);
    if (stream.includes('frontier:')) continue;
    const needs = await redis.hvals(at.replace(/^at:/, 'need:'));
    const last = Number((await redis.get(at))!.split('-')[0]);
    lag += last - Math.min(...needs.map(Number), last);
  }
  const used = /used_memory:(\d+)/.exec(await redis.info('memory'))![1];
  const [from_mb, to_mb] = pids.map(rssMb) as [number, number];
  return { s: (performance.now() - startMs) / 1000, from_mb, to_mb, redis_mb: Number(used) / 2 ** 20, entries, lag };
}
const rssMb = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

/** Least-squares slope over time, per minute. */
export function slopePerMinute(samples: readonly Sample[], of: keyof Sample): number {
  const n = samples.length;
  const meanS = samples.reduce((sum, x) => sum + x.s, 0) / n;
  const mean = samples.reduce((sum, x) => sum + x[of], 0) / n;
  const cov = samples.reduce((sum, x) => sum + (x.s - meanS) * (x[of] - mean), 0);
  const variance = samples.reduce((sum, x) => sum + (x.s - meanS) * (x.s - meanS), 0);
  return (cov / variance) * 60;
}

if (isMain(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '30' },
      rate: { type: 'string', default: '20000' },
      every: { type: 'string', default: '10' },
    },
  });
  const minutes = Number(values.minutes);
  const rate = Number(values.rate);
  const server = await startRedis();
  const redis = new (await import('ioredis')).Redis(server.url);
  try {
    const arg = (half: Half['half']): string[] => [JSON.stringify({ edge: 'trades', half, url: server.url, data: '' })];
    const children = await Promise.all([forked(SCRIPT, arg('from')), forked(SCRIPT, arg('to'))]);
    const pids = children.map((c) => c.pid!) as [number, number];
    const events = Math.round(minutes * 60 * rate);
    const startMs = performance.now();
    for (const c of children) c.send({ prefix: PREFIX, events, rate });
    const samples: Sample[] = [];
    const timer = setInterval(
      () =>
        void sample(redis, startMs, pids).then((s) => {
          samples.push(s);
          const shown = Object.entries(s).map(([name, v]) => `${name} ${v.toFixed(name.endsWith('mb') ? 1 : 0)}`);
          process.stdout.write(`${shown.join('  ')}\n`);
        }),
      Number(values.every) * 1000,
    );
    const [from, to] = (await Promise.all(children.map((c) => said<HalfResult>(c)))) as [HalfResult, HalfResult];
    clearInterval(timer);
    const seconds = (to.endUs - from.startUs) / 1e6;
    process.stdout.write(`${to.seen} of ${events} events in ${seconds.toFixed(1)} s, ${to.restarts} restarts\n`);
    const settled = samples.slice(Math.floor(samples.length / 3));
    for (const of of ['from_mb', 'to_mb', 'redis_mb', 'entries', 'lag'] as const)
      process.stdout.write(`${of} grows by ${slopePerMinute(settled, of).toFixed(2)} a minute\n`);
    for (const c of children) {
      c.send('end');
      await once(c, 'exit');
    }
    process.exitCode = to.seen === events ? 0 : 1;
  } finally {
    redis.disconnect();
    await server.close();
  }
}
