import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { startRedis } from '../../graph/bus/redis/testing/redis-server.ts';
import { isMain } from '../child.ts';
import { runEdge } from '../edge.ts';
import { median } from '../stats.ts';

/**
 * W7, a hop: trades over a cut edge, exactly once, and what redis-benchmark writes into the same Redis. usage: w7.js [--events N] [--rounds N];
 * one JSON object. The two take turns.
 *
 * The limit is `XADD` of one event an entry, 50 clients, 64 commands in flight: what a well-written client without batches gets at the
 * most, and without reading anything back. Chimera's figure is of events that have arrived, in order, each once, with sender and
 * receiver on the same two cores. Wall time on both sides, because three processes share the work.
 *
 * bytewax is left out: its connectors are files, standard streams and Kafka, none for Redis.
 */
/** A trade as it lies in a batch: nine numbers and flags. */
const EVENT_BYTES = 64;

interface Written {
  per_s: number;
}
function redisBenchmark(url: string, entries: number, bytes: number): Written {
  const { port } = new URL(url);
  const args = [
    '-h',
    '127.0.0.1',
    '-p',
    port,
    '-n',
    String(entries),
    '-c',
    '50',
    '-P',
    '64',
    '-d',
    String(bytes),
    '--csv',
  ];
  const r = spawnSync(
    'redis-benchmark',
    [...args, 'XADD', `limit:{${bytes}}`, 'MAXLEN', '~', '10000', '*', 'b', '__data__'.repeat(Math.ceil(bytes / 8))],
    {
      encoding: 'utf8',
    },
  );
  const line = (r.stdout ?? '').trim().split('\n').at(-1) ?? '';
  const per_s = Number(/","?([\d.]+)"/.exec(line)?.[1]);
  if (!(per_s > 0)) throw new Error(`redis-benchmark: ${r.error?.message ?? r.stderr ?? line}`);
  return { per_s };
}

if (isMain(import.meta.url)) {
  const { values: v } = parseArgs({
    options: { events: { type: 'string', default: '400000' }, rounds: { type: 'string', default: '5' } },
  });
  const [events, rounds] = [Number(v.events), Number(v.rounds)];
  const { Redis } = await import('ioredis');
  const redis = await startRedis();
  const admin = new Redis(redis.url);
  try {
    const hop: number[] = [];
    const limit: number[] = [];
    let arrived = true;
    for (let i = 0; i < rounds; i++) {
      limit.push(redisBenchmark(redis.url, events, EVENT_BYTES).per_s);
      // Streams have the same names each time.
      await admin.flushall();
      const [run] = await runEdge({ edge: 'trades', url: redis.url, data: '' }, { events, rounds: 1 });
      hop.push(run!.events_per_s);
      arrived &&= run!.to.seen === run!.from.cycles && run!.from.restarts + run!.to.restarts === 0;
    }
    const ratios = hop.map((h, i) => h / limit[i]!);
    process.stdout.write(
      `${JSON.stringify({
        workload: 'w7',
        engine: 'chimera',
        version: process.version,
        events,
        each_arrived_once: arrived,
        events_per_s: median(hop),
        redis_benchmark_per_s: median(limit),
        of_limit: median(ratios),
        of_limit_min: Math.min(...ratios),
        of_limit_max: Math.max(...ratios),
      })}\n`,
    );
    process.exitCode = arrived ? 0 : 1;
  } finally {
    admin.disconnect();
    await redis.close();
  }
}
