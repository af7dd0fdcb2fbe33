import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import type { RedisBus } from '../../../graph/bus/redis/open-redis-bus.ts';
import type { Cut } from '../../../graph/cut/cut.ts';
import { ChimeraError } from '../../../graph/schema/index.ts';

/**
 * Makes the bus ready for a run of the pipeline: what an earlier run left there is removed, unless this state folder belongs to
 * that very run, which then goes on.
 * @returns whether a run goes on
 * @throws CHM927 when the earlier run is still going on
 */
export async function claimRun(bus: RedisBus, cut: Cut, state: string): Promise<boolean> {
  const { client } = bus.connection;
  const { name } = cut.plan.pipeline;
  const key = bus.keys.stream(`run:{${name}}`);
  mkdirSync(state, { recursive: true });
  const path = join(state, 'run-id');
  const own = existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined;
  const there = await client.get(key);
  if (own !== undefined && own === there) return true;
  const left = await keysOf(bus, cut);
  const held = left.find((k) => k.endsWith(':lease'));
  if (held !== undefined)
    throw new ChimeraError('CHM927', `pipeline ${name} is being run on this bus: ${held}`, {
      help: 'stop that run, wait some seconds if it was killed, or give this one a --prefix of its own',
    });
  for (const k of left) await client.unlink(k);
  const id = own ?? randomUUID();
  if (own === undefined) writeFileSync(path, `${id}\n`);
  await client.set(key, id);
  return own !== undefined;
}

/** All keys of a pipeline's parts and streams. */
async function keysOf(bus: RedisBus, cut: Cut): Promise<string[]> {
  const { client } = bus.connection;
  const { name } = cut.plan.pipeline;
  const families = cut.parts.flatMap((p) => p.families.map((f) => f.name));
  const prefix = bus.keys.stream('');
  const escaped = prefix.replace(/[*?[\]\\]/g, '\\$&');
  const wanted = (key: string): boolean => {
    const k = key.slice(prefix.length);
    return (
      k.startsWith(`dlq:part:${name}:`) ||
      k.includes(`{${name}:`) ||
      families.some((f) => k.startsWith(`${f}:{`) || k.includes(`}:${f}:{`))
    );
  };
  const nodes: Redis[] = 'nodes' in client ? client.nodes('master') : [client];
  const found = new Set<string>();
  for (const node of nodes) {
    let cursor = '0';
    do {
      const [next, keys] = await node.scan(cursor, 'MATCH', `${escaped}*`, 'COUNT', 1000);
      for (const k of keys) if (wanted(k)) found.add(k);
      cursor = next;
    } while (cursor !== '0');
  }
  return [...found];
}
