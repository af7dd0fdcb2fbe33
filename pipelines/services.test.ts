import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BusState } from '../graph/bus/bus.ts';
import { openRedisBus } from '../graph/bus/redis/open-redis-bus.ts';
import { startCluster } from '../graph/bus/redis/testing/redis-cluster.ts';
import { noRedis, startRedis, type TestRedis } from '../graph/bus/redis/testing/redis-server.ts';
import { runServices, type ServiceJob } from '../ui/run/bus/service.ts';
import { runJob } from '../ui/run/run.ts';
import { synthetic, trend } from './testing/play.ts';

const dir = mkdtempSync(join(tmpdir(), 'chimera-services-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Trades within seconds: bars of a second, and rules that always want something. */
const pipeline = trend({ interval: '1s' }, synthetic('', '12s'));
let n = 0;
const folder = (): string => join(dir, `${n++}`);

const filesOf = (of: string): Record<string, string> =>
  Object.fromEntries(readdirSync(of).map((f) => [f, readFileSync(join(of, f), 'utf8')]));
function expectSame(cut: string, whole: Record<string, string>): void {
  const files = filesOf(cut);
  expect(Object.keys(files).sort()).toEqual(Object.keys(whole).sort());
  for (const [name, text] of Object.entries(whole)) expect(files[name] === text, name).toBe(true);
}

describe.skipIf(noRedis)(`the services of pipelines/trend.yaml over Redis${noRedis ? ` (${noRedis})` : ''}`, () => {
  let whole: Record<string, string>;
  beforeAll(async () => {
    const taps = folder();
    const report = await runJob({ pipeline, inputs: [], tapAll: taps });
    expect(report.taps['venue.report']!.rows).toBeGreaterThan(0);
    whole = filesOf(taps);
  });

  async function run(url: string, more: Partial<ServiceJob> = {}, states: BusState[] = []): Promise<string> {
    const taps = folder();
    const bus = await openRedisBus(url, { onState: (s) => states.push(s) });
    try {
      const job = { pipeline, bus, inputs: [], tapAll: taps, state: folder(), holder: 'test', ttlMs: 2000 };
      await runServices({ ...job, ...more });
    } finally {
      await bus.close();
    }
    return taps;
  }

  it('give the bytes of the embedded run, on a single node and on a Cluster of three [STO.14] [STO.33]', async () => {
    const redis = await startRedis();
    try {
      expectSame(await run(redis.url), whole);
    } finally {
      await redis.close();
    }
    const cluster = await startCluster(3);
    try {
      expectSame(await run(cluster.url), whole);
    } finally {
      await cluster.close();
    }
  });

  describe('when Redis is in trouble', () => {
    let redis: TestRedis;
    beforeAll(async () => {
      redis = await startRedis({ fsync: 'everysec' });
    });
    afterAll(() => redis.close());

    /** Does something to the server in the middle of the run. */
    async function troubled(trouble: () => Promise<void>, states: BusState[], url = redis.url): Promise<string> {
      let begun: Promise<void> | undefined;
      const taps = await run(
        url,
        {
          commitMs: 100,
          onProgress: ({ part, cycles }) => {
            if (part === 's2.1' && cycles > 3000) begun ??= trouble();
          },
        },
        states,
      );
      await begun;
      expect(begun).toBeDefined();
      return taps;
    }
    const fresh = async (): Promise<void> => {
      await redis.restart({ empty: true });
    };

    it('and is killed, they go on from what it kept, and nothing is lost or doubled [STO.32]', async () => {
      const states: BusState[] = [];
      const taps = await troubled(async () => {
        await redis.kill();
        await redis.restart();
      }, states);
      expectSame(taps, whole);
      expect(states.map((s) => s.code)).toContain('CHM524');
    });

    it('and comes back empty, they make again what was in it', async () => {
      await redis.stop();
      await fresh();
      const states: BusState[] = [];
      const taps = await troubled(async () => {
        await redis.kill();
        await redis.restart({ empty: true });
      }, states);
      expectSame(taps, whole);
    });

    it('and the connection is cut, they wait and go on', async () => {
      await redis.stop();
      await fresh();
      const proxy = await redis.proxy();
      const states: BusState[] = [];
      const taps = await troubled(
        async () => {
          proxy.cut();
          await new Promise((done) => setTimeout(done, 3000));
          proxy.mend();
        },
        states,
        proxy.url,
      );
      expectSame(taps, whole);
      expect(states.map((s) => s.code)).toContain('CHM524');
    });
  });
});
