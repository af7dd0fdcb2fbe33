import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { startRedis } from '../../graph/bus/redis/testing/redis-server.ts';
import { isMain } from '../child.ts';
import { runEdge } from '../edge.ts';

/**
 * W7, a hop, with a Redis of its own on loopback. usage: w7-run.js hop|limit [--events N]; one JSON object.
 *
 * `hop`: trades over a cut edge, exactly once: of events that have arrived, in order, each once, with sender and receiver in two
 * processes; a round of a quarter warms up before. `limit`: what redis-benchmark writes, `XADD` of one event an entry, 50 clients,
 * 64 commands in flight: what a well-written client without batches gets at the most, and without reading anything back.
 */
/** A trade as it lies in a batch: nine numbers and flags. */
const EVENT_BYTES = 64;

interface Moved {
  wall_s: number;
  result?: number[];
}

function redisBenchmark(url: string, entries: number): Moved & { version: string } {
  const { port } = new URL(url);
  const shape = ['-h', '127.0.0.1', '-p', port, '-n', String(entries), '-c', '50', '-P', '64', '--csv'];
  const entry = ['MAXLEN', '~', '10000', '*', 'b', 'x'.repeat(EVENT_BYTES)];
  const run = (args: string[]) => spawnSync('redis-benchmark', args, { encoding: 'utf8' });
  const r = run([...shape, 'XADD', 'limit', ...entry]);
  const line = (r.stdout ?? '').trim().split('\n').at(-1) ?? '';
  const perSecond = Number(/","?([\d.]+)"/.exec(line)?.[1]);
  if (!(perSecond > 0)) throw new Error(`redis-benchmark: ${r.error?.message ?? r.stderr ?? line}`);
  const version = /[\d.]+/.exec(run(['--version']).stdout)?.[0] ?? '';
  return { version, wall_s: entries / perSecond };
}

async function hop(url: string, events: number): Promise<Moved> {
  const [run] = await runEdge({ edge: 'trades', url, data: '' }, { events, rounds: 1 });
  const { from, to } = run!;
  if (from.restarts + to.restarts > 0) throw new Error(`${from.restarts + to.restarts} restarts on the way`);
  if (from.cycles !== events) throw new Error(`${from.cycles} of ${events} events were sent`);
  return { wall_s: events / run!.events_per_s, result: [to.seen] };
}

if (isMain(import.meta.url)) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { events: { type: 'string', default: '1000000' } },
  });
  const events = Number(values.events);
  const redis = await startRedis();
  try {
    const moved = positionals[0] === 'limit' ? redisBenchmark(redis.url, events) : await hop(redis.url, events);
    process.stdout.write(`${JSON.stringify({ rows: events, ...moved })}\n`);
  } finally {
    await redis.close();
  }
}
