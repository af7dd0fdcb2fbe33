import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRedisBus } from '../graph/bus/redis/open-redis-bus.ts';
import { noRedis, startRedis, type TestRedis } from '../graph/bus/redis/testing/redis-server.ts';
import { cutGraph } from '../graph/cut/cut.ts';
import type { Pipeline } from '../graph/document/types.ts';
import { createPlan } from '../graph/plan/plan.ts';
import { chimera } from '../ui/cli/testing/said.ts';
import { runServices, type ServiceReport, servicesOf } from '../ui/run/bus/service.ts';
import { compareTaps } from '../ui/run/compare-taps.ts';
import { openConnection } from '../ui/run/connection.ts';
import type { KillReport } from '../ui/run/control/run-requests.ts';
import { replayLive } from '../ui/run/live.ts';
import { portsOf } from '../ui/run/taps.ts';
import { type RunningVenue, startVenue } from '../venue/server/index.ts';
import { document, readPipeline } from './testing/play.ts';

const dir = mkdtempSync(join(tmpdir(), 'chimera-services-live-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
let n = 0;
const folder = (): string => join(dir, `${n++}`);

const paper = { file: 'pipelines/profiles/paper.yaml', text: readPipeline('profiles/paper.yaml') };
const trend = (edit = (text: string): string => text): Pipeline =>
  document(edit(readPipeline('trend.yaml')), { preset: 'recording', interval: '1s' }, paper);

describe.skipIf(noRedis)(`live services over Redis${noRedis ? ` (${noRedis})` : ''}`, () => {
  let redis: TestRedis;
  let venue: RunningVenue;
  let ready: string;
  beforeAll(async () => {
    redis = await startRedis();
    venue = await startVenue({ seed: 5, symbols: ['BTCUSDT', 'ETHUSDT'], limits: 'none' });
    ready = join(dir, 'venue.json');
    writeFileSync(ready, JSON.stringify(venue.ready), { mode: 0o600 });
  });
  afterAll(async () => {
    await venue.close();
    await redis.close();
  });

  interface Life {
    state: string;
    capture: string;
    taps: string;
    prefix: string;
  }
  const life = (): Life => ({ state: folder(), capture: folder(), taps: folder(), prefix: `p${n++}:` });

  /** Trades until enough was filled, and stops. Each service has connections of its own to the bus, as it has in a process of its own. */
  async function trade(pipeline: Pipeline, at: Life, enough: () => boolean): Promise<ServiceReport[]> {
    const finish = new AbortController();
    const session = `s${n++}`;
    const ended = setTimeout(() => finish.abort(), 100_000);
    const services = servicesOf(cutGraph(createPlan(pipeline)));
    const watch = setInterval(() => {
      if (enough()) finish.abort();
    }, 200);
    try {
      return await Promise.all(
        services.map(async (service) => {
          const bus = await openRedisBus(redis.url, { prefix: at.prefix });
          const connection = await openConnection(pipeline.live!, { command: [], env: {}, ready });
          try {
            return await runServices({
              ...{ pipeline, bus, services: [service], inputs: [], holder: service, ttlMs: 5000, commitMs: 300 },
              ...{ tapAll: at.taps, state: at.state, capture: at.capture },
              live: { connection, finish: finish.signal, final: false, session },
            });
          } finally {
            await bus.close();
          }
        }),
      );
    } finally {
      clearTimeout(ended);
      clearInterval(watch);
    }
  }
  /** Orders that may add risk. */
  const placed = (taps: string): number =>
    readFileSync(join(taps, 'orders.order.csv'), 'utf8')
      .split('\n')
      .filter((l) => l.includes('place') && l.includes('entry')).length;
  const filled = (taps: string): number => {
    try {
      return readFileSync(join(taps, 'venue.report.csv'), 'utf8').split(',trade,').length - 1;
    } catch {
      return 0;
    }
  };
  /** What was captured, embedded and offline, has to give every byte again. */
  async function expectParity(pipeline: Pipeline, at: Life, reports: ServiceReport[]): Promise<void> {
    const until = new Set(reports.map((r) => r.until_us));
    expect(until.size).toBe(1);
    const replay = folder();
    const captured = { pipeline, state: at.state, capture: at.capture, final: false };
    const report = await replayLive(captured, [...until][0]!, { tapAll: replay });
    expect(await compareTaps(at.taps, replay, portsOf(createPlan(pipeline)))).toBeNull();
    expect(report.taps['orders.order']!.rows).toBeGreaterThan(0);
    expect(report.taps['venue.report']!.rows).toBeGreaterThan(0);
    expect(filled(replay)).toBeGreaterThan(0);
  }

  it('trade on the venue, stop at one moment, go on later, and an embedded replay of what they captured gives the same bytes', async () => {
    const pipeline = trend();
    const at = life();
    const first = await trade(pipeline, at, () => filled(at.taps) >= 3);
    await expectParity(pipeline, at, first);
    const market = (): number => readFileSync(join(at.taps, 'market.trade.csv')).length;
    const before = market();
    const second = await trade(pipeline, at, () => market() > before + 50_000);
    expect(second[0]!.until_us).toBeGreaterThan(first[0]!.until_us!);
    await expectParity(pipeline, at, second);
    expect(market()).toBeGreaterThan(before);
  });
  it('may have market and venue in two of them: each stamps by its own clock, and the order is one', async () => {
    const pipeline = trend((text) =>
      text.replace('s1: [market, control, venue]', 's1: [market, control]\n  s5: [venue]'),
    );
    expect(pipeline.services).toMatchObject({ s1: ['market', 'control'], s5: ['venue'] });
    const at = life();
    await expectParity(pipeline, at, await trade(pipeline, at, () => filled(at.taps) >= 3));
  });
  it('are stopped by `chimera kill`, whichever of them takes commands, stay so over a restart, and are released', {
    timeout: 300_000,
  }, async () => {
    const pipeline = trend();
    const at = life();
    const kill = async (...args: string[]): Promise<{ code: number; out: KillReport; err: string }> => {
      const { code, out, err } = await chimera(['kill', ...args, '--state', at.state, '--json']);
      return { code, out: JSON.parse(out || '{}'), err };
    };
    const phases: unknown[] = [];
    const why = ['--reason', 'drill', '--who', 'ana'];
    let engaged: 'asked' | 'answered' | undefined;
    const engage = async (): Promise<void> => {
      engaged = 'asked';
      const { code, out, err } = await kill('engage', ...why, '--wait', '60');
      phases.push([code, err, out.state?.['engaged'], out.status?.['phase']]);
      engaged = 'answered';
    };
    const first = await trade(pipeline, at, () => {
      if (engaged === undefined && filled(at.taps) >= 3) void engage();
      return engaged === 'answered';
    });
    expect(phases).toEqual([[0, '', true, 'flat']]);
    await expectParity(pipeline, at, first);
    const orders = (): number => placed(at.taps);
    const before = orders();
    const market = (): number => readFileSync(join(at.taps, 'market.trade.csv')).length;
    const seen = market();
    let released: Promise<void> | undefined;
    let over = false;
    const second = await trade(pipeline, at, () => {
      if (market() > seen + 30_000)
        released ??= (async () => {
          const status = await kill('status');
          phases.push([status.out.state?.['engaged'], orders() - before]);
          const { code, out } = await kill('release', ...why);
          phases.push([code, out.state?.['engaged']]);
        })();
      over ||= orders() > before;
      return over;
    });
    await released;
    expect(phases.slice(1)).toEqual([
      [true, 0],
      [0, false],
    ]);
    expect(over).toBe(true);
    await expectParity(pipeline, at, second);
  });
});
