import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKeys } from '../graph/bus/redis/keys.ts';
import { openRedisBus } from '../graph/bus/redis/open-redis-bus.ts';
import { noRedis, startRedis, type TestRedis } from '../graph/bus/redis/testing/redis-server.ts';
import { type Tap, tapRow } from '../graph/engine/tap.ts';
import { rowsReader } from '../graph/runner/rows-reader.ts';
import type { KeyTable } from '../graph/schema/index.ts';
import { openEmbeddedStore } from '../sinks/store/index.ts';
import { CONTROL_PORTS } from '../sources/control/live-reader.ts';
import { runServices } from '../ui/run/bus/service.ts';
import { type RunJob, runJob } from '../ui/run/run.ts';
import { synthetic, trend } from './testing/play.ts';

const root = mkdtempSync(join(tmpdir(), 'chimera-shared-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const START = 1_704_067_200_000_000;
const command = (offset: number, kind: string, more = {}) => ({
  t: START + offset,
  port: 'control',
  key: -1,
  values: {
    kind,
    reason: 'drill',
    who: 'ana',
    correlation_id: `c${offset}`,
    idempotency_key: `k${offset}`,
    instrument: '',
    subject: '',
    ...more,
  },
});
const S = 1_000_000;

describe.skipIf(noRedis !== undefined)('what pipelines/trend.yaml publishes on a Redis', () => {
  let server: TestRedis;
  let redis: Redis;
  beforeAll(async () => {
    server = await startRedis();
    redis = new Redis(server.url);
  });
  afterAll(async () => {
    redis?.disconnect();
    await server?.close();
  });

  const job = (name: string, more: Partial<RunJob> = {}): RunJob => ({
    pipeline: trend({}, synthetic('', '50s')),
    inputs: [],
    state: join(root, name),
    publish: { url: server.url, prefix: `${name}:` },
    commitInputs: 500,
    readers: {
      control: async (_keys: KeyTable) =>
        rowsReader(CONTROL_PORTS, [command(20 * S, 'config', { subject: 'bundle-7' }), command(42 * S, 'kill_engage')]),
    },
    ...more,
  });
  type Entry = { n: number; entry: Record<string, unknown> & { values: Record<string, unknown> } };
  async function entries(stream: string): Promise<Entry[]> {
    const all = await redis.xrange(stream, '-', '+');
    return all.map(([, f]) => ({ n: Number(f[f.indexOf('n') + 1]), entry: JSON.parse(f[f.indexOf('b') + 1]!) }));
  }
  const STREAMS = ['signals:new', 'cfg:events', 'health:s3', 'health:s4', 'metrics:s4'];
  const KEYS = ['kill_switch', 'risk_budget', 'concurrency'];

  it('is an entry for each signal with the id of its document, notices, health and metrics, and the keys of risk and kill switch [STO.23] [STO.25] [STO.26] [STO.27]', async () => {
    await runJob(job('one', { taps: { 'gate.usage': join(root, 'usage.jsonl') } }));
    const store = openEmbeddedStore(join(root, 'one'));
    const range = { from: 0, to: Number.MAX_SAFE_INTEGER };
    const signals = await store.query('by_time', { collection: 'signals', ...range });
    const positions = await store.query('by_time', { collection: 'positions_snapshots', ...range });
    await store.close();
    const told = await entries('one:{signals:new}');
    expect(told.length).toBeGreaterThan(5);
    expect(told.map((e) => e.entry['id'])).toEqual(signals.map((d) => `signals/${d['_key']}`));
    expect(told.map((e) => e.n)).toEqual(told.map((_, i) => i + 1));
    expect((await entries('one:{cfg:events}')).map((e) => e.entry.values['subject'])).toEqual(['bundle-7']);
    const health = await entries('one:{health:s4}');
    expect(health.at(-1)!.entry).toMatchObject({ schema: 'kill_status', values: { phase: 'flat' } });
    expect((await entries('one:{health:s3}')).length).toBeGreaterThan(0);
    expect((await entries('one:{metrics:s4}')).length).toBeGreaterThan(2);
    expect(JSON.parse((await redis.get('one:{kill_switch}'))!)).toMatchObject({
      v: 1,
      t_us: START + 42 * S,
      values: { engaged: true, reason: 'drill', who: 'ana' },
    });
    // Everything was closed: the budget is whole again.
    expect([await redis.get('one:{risk_budget}'), await redis.get('one:{concurrency}')]).toEqual(['4000', '0']);
    // What the caches hold is what the store would have to be asked for.
    const cached = await redis.hgetall('one:{cache:position}');
    expect(Object.keys(cached).length).toBeGreaterThan(0);
    for (const [instrument, text] of Object.entries(cached)) {
      const last = positions.filter((d) => d['instrument'] === instrument).at(-1)!;
      expect((JSON.parse(text) as { values: { qty: number } }).values.qty).toBe(
        last['qty_after'] ?? last['position_qty'],
      );
    }
  });

  it('falls with each entry and rises with each exit, as the sum over what is open [STO.25] [STO.26]', async () => {
    const rows: { open: number; in_use: number; left: number }[] = [];
    await runJob(
      job('two', {
        watch: ['gate.usage'],
        onTap: (tap) => {
          if (tap.node !== 'gate') return;
          for (let i = 0; i < tap.n; i++) rows.push(usageOf(tap, i));
        },
      }),
    );
    expect(rows.length).toBeGreaterThan(4);
    for (const r of rows) expect(r.in_use + r.left).toBe(4000 * 1e8);
    expect(Math.max(...rows.map((r) => r.open))).toBeGreaterThan(0);
    expect(rows.every((r) => r.open >= 0 && r.open <= 2)).toBe(true);
    expect(rows.at(-1)).toEqual({ open: 0, in_use: 0, left: 4000 * 1e8 });
  });

  /** Lives that die within a commit, until one comes to the end of the run. @returns how many */
  async function livesOf(name: string, between?: () => Promise<void>): Promise<number> {
    for (let lives = 1; lives < 60; lives++) {
      let commits = 0;
      const report = await runJob(
        job(name, {
          onCommit: () => {
            if (++commits === 4) throw new Error('the process dies within a commit');
          },
        }),
      ).catch((e: Error) => {
        if (e.message !== 'the process dies within a commit') throw e;
        return undefined;
      });
      if (report) return lives;
      await between?.();
    }
    throw new Error('it never came to its end');
  }
  async function expectWhole(name: string): Promise<void> {
    for (const stream of STREAMS) {
      const [a, b] = [await entries(`whole:{${stream}}`), await entries(`${name}:{${stream}}`)];
      expect(b, stream).toEqual(a);
      expect(a.length, stream).toBeGreaterThan(0);
    }
    for (const key of KEYS) expect(await redis.get(`${name}:{${key}}`), key).toBe(await redis.get(`whole:{${key}}`));
  }
  it('is there once, whatever is repeated: stopped at any commit and begun again, and published twice over', async () => {
    await runJob(job('whole'));
    // Each life goes on from the last commit; what was appended after it is told again, and kept out.
    expect(await livesOf('cut')).toBeGreaterThan(3);
    await expectWhole('cut');
  });

  it('is there again when Redis forgets what it took last, as one does that dies before it has synced its file', async () => {
    let forgotten = 0;
    const forget = async (): Promise<void> => {
      const ends = await Promise.all(
        STREAMS.map((stream) => redis.xrevrange(`forgets:{${stream}}`, '+', '-', 'COUNT', 1)),
      );
      const newest = Math.max(...ends.flat().map(([id]) => Number.parseInt(id, 10)));
      for (const stream of STREAMS) {
        const of = `forgets:{${stream}}`;
        const last = await redis.xrange(of, String(newest - 1000), '+');
        for (const [id] of last) forgotten += await redis.xdel(of, id);
        const fields = (await redis.xrevrange(of, '+', '-', 'COUNT', 1))[0]?.[1];
        const [source] = await redis.hkeys(sharedKey(stream));
        if (source) await redis.hset(sharedKey(stream), source, fields ? fields[fields.indexOf('n') + 1]! : '0');
      }
      await redis.del(KEYS.map((k) => `forgets:{${k}}`));
    };
    const sharedKey = (stream: string): string => createKeys('forgets:').shared(stream);
    await livesOf('forgets', forget);
    expect(forgotten).toBeGreaterThan(5);
    await expectWhole('forgets');
  });

  it('is the same when the services run apart, joined by that Redis', { timeout: 120_000 }, async () => {
    const pipeline = trend({ interval: '500ms' }, synthetic('', '6s'));
    const publish = (name: string) => ({ url: server.url, prefix: `${name}:` });
    await runJob({ pipeline, inputs: [], state: join(root, 'embedded'), publish: publish('embedded') });
    const bus = await openRedisBus(server.url, { prefix: 'services:' });
    try {
      await runServices({
        ...{ pipeline, bus, inputs: [], state: join(root, 'services'), publish: publish('services') },
        holder: 'test',
      });
    } finally {
      await bus.close();
    }
    let published = 0;
    for (const stream of STREAMS) {
      const told = await entries(`services:{${stream}}`);
      expect(told, stream).toEqual(await entries(`embedded:{${stream}}`));
      published += told.length;
    }
    expect(published).toBeGreaterThan(2);
    for (const key of KEYS)
      expect(await redis.get(`services:{${key}}`), key).toBe(await redis.get(`embedded:{${key}}`));
  });

  it('fills the keys of an emptied Redis again at the next start [STO.27]', async () => {
    const name = 'again';
    await runJob(job(name));
    const before = await redis.get(`${name}:{kill_switch}`);
    await redis.del(`${name}:{kill_switch}`);
    await runJob(job(name));
    expect(await redis.get(`${name}:{kill_switch}`)).toBe(before);
    expect(before).toContain('"engaged":true');
  });

  it('is nothing without an address', async () => {
    const { publish: _, ...silent } = job('silent');
    await runJob(silent);
    expect(await redis.keys('silent:*')).toEqual([]);
  });
});

function usageOf(tap: Tap, i: number): { open: number; in_use: number; left: number } {
  const v = tapRow(tap, i) as Record<string, number>;
  return { open: v['open']!, in_use: v['margin_in_use']!, left: v['margin_left']! };
}
