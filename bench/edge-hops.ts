import type { Redis } from 'ioredis';
import type { Held } from '../graph/bus/bus.ts';
import { openRedisBus } from '../graph/bus/redis/open-redis-bus.ts';
import { isMain } from './child.ts';

/** The other end of a hop, in a process of its own: says when each entry arrived, by the machine's monotonic clock. */
export const SCRIPT = import.meta.url;
const STREAM = 'hop:{bench}';
const BARE = 'bare:{bench}';
const SIZE = 256;

const nowUs = (): number => Number(process.hrtime.bigint()) / 1000;

export interface HopTimes {
  /** From before the write until the reader has it, µs. */
  bus: number[];
  bare: number[];
}

/** Sends entries one at a time, by turns through the bus and bare, with pauses in between. */
export async function sendHops(url: string, held: Held, hops: number): Promise<void> {
  const { Redis } = await import('ioredis');
  const redis = new Redis(url);
  for (let i = 0; i < hops; i++) {
    for (const way of i % 2 === 0 ? ['bus', 'bare'] : ['bare', 'bus']) {
      await new Promise((done) => setTimeout(done, 2));
      const payload = Buffer.alloc(SIZE);
      payload.writeDoubleLE(nowUs());
      if (way === 'bus') await held.append([{ stream: STREAM, prev: i, last: i + 1, payload }]);
      else await redis.xadd(BARE, `${i + 1}-0`, 'p', i, 'b', payload);
    }
  }
  redis.disconnect();
}

async function receiveHops(url: string, hops: number): Promise<HopTimes> {
  const { Redis } = await import('ioredis');
  const bus = await openRedisBus(url);
  const redis = new Redis(url);
  const times: HopTimes = { bus: [], bare: [] };
  const sent = (payload: Uint8Array): number => Buffer.from(payload).readDoubleLE(0);
  const throughBus = async (): Promise<void> => {
    const reader = bus.reader([{ stream: STREAM, after: 0 }]);
    while (times.bus.length < hops) for (const e of await reader.read()) times.bus.push(nowUs() - sent(e.payload));
    await reader.close();
  };
  const bare = async (): Promise<void> => {
    let id = '0-0';
    while (times.bare.length < hops) {
      const reply = await redis.xreadBuffer('BLOCK', 2000, 'STREAMS', BARE, id);
      for (const [, entries] of (reply ?? []) as [Buffer, [Buffer, Buffer[]][]][])
        for (const [at, fields] of entries) {
          times.bare.push(nowUs() - sent(fields[3]!));
          id = at.toString();
        }
    }
  };
  process.send!('ready');
  await Promise.all([throughBus(), bare()]);
  redis.disconnect();
  await bus.close();
  return times;
}

/** Time of one write until its answer, µs: through the bus and as a plain XADD of the same bytes, by turns. */
export async function timeWrites(
  held: Held,
  redis: Redis,
  size: number,
  writes: number,
): Promise<{ bus: number[]; plain: number[] }> {
  const stream = `write${size}:{bench}`;
  const plain = `plain${size}:{bench}`;
  const times = { bus: [] as number[], plain: [] as number[] };
  const payload = Buffer.alloc(size, 'chimera');
  const [from] = await held.positions([stream]);
  for (let i = from!; i < from! + writes; i++) {
    payload.writeDoubleLE(i);
    for (const way of i % 2 === 0 ? (['bus', 'plain'] as const) : (['plain', 'bus'] as const)) {
      const start = performance.now();
      if (way === 'bus') await held.append([{ stream, prev: i, last: i + 1, payload }]);
      else await redis.xadd(plain, `${i + 1}-0`, 'p', i, 'b', payload);
      times[way].push((performance.now() - start) * 1000);
    }
  }
  await redis.xtrim(stream, 'MAXLEN', 1);
  await redis.xtrim(plain, 'MAXLEN', 1);
  return times;
}

/** Time of a checkpoint with `bytes` of state, ms. */
export async function timeCheckpoints(held: Held, bytes: number, times: number): Promise<number[]> {
  const blob = Buffer.alloc(bytes, 'chimera');
  const found: number[] = [];
  const first = ((await held.checkpoints())[0]?.epoch ?? 0) + 1;
  for (let epoch = first; epoch < first + times; epoch++) {
    blob.writeDoubleLE(epoch);
    const start = performance.now();
    await held.commit({ epoch, graph: 'bench', blob }, []);
    found.push(performance.now() - start);
    await new Promise((done) => setTimeout(done, 20));
  }
  return found;
}

if (isMain(import.meta.url)) process.send!(await receiveHops(process.argv[2]!, Number(process.argv[3])));
