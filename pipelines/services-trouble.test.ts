import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRedisBus } from '../graph/bus/redis/open-redis-bus.ts';
import { startCluster } from '../graph/bus/redis/testing/redis-cluster.ts';
import { noRedis, startRedis, type TestRedis } from '../graph/bus/redis/testing/redis-server.ts';
import { chimera } from '../ui/cli/testing/said.ts';
import { serveParts } from '../ui/metrics/serve-parts.ts';
import { runServices } from '../ui/run/bus/service.ts';
import { runJob } from '../ui/run/run.ts';
import { synthetic, trend } from './testing/play.ts';

const dir = mkdtempSync(join(tmpdir(), 'chimera-trouble-'));
const disks: string[] = [];
afterAll(() => {
  for (const d of disks) spawnSync('umount', ['-l', d]);
  rmSync(dir, { recursive: true, force: true });
});
let n = 0;
const folder = (): string => join(dir, `${n++}`);
const pipeline = trend({ interval: '1s' }, synthetic('', '4s'));
const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** The whole length of each trouble, as it is promised; a part of it in the test run. */
const LONG = process.env['CHIMERA_TROUBLE'] === 'long';

const filesOf = (of: string): Record<string, string> =>
  Object.fromEntries(readdirSync(of).map((f) => [f, readFileSync(join(of, f), 'utf8')]));
function expectSame(cut: string, whole: Record<string, string>): void {
  const files = filesOf(cut);
  expect(Object.keys(files).sort()).toEqual(Object.keys(whole).sort());
  for (const [name, text] of Object.entries(whole)) expect(files[name] === text, name).toBe(true);
}

/** What the doctor says, as a user would ask it. */
async function doctor(...args: string[]): Promise<string> {
  const { out, err } = await chimera(['doctor', ...args]);
  return out + err;
}

/** A file system of so many MiB. */
function smallDisk(mib: number): string {
  const at = folder();
  mkdirSync(at);
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${mib}m`, 'tmpfs', at]);
  if (status !== 0) throw new Error('no file system can be mounted');
  disks.push(at);
  return at;
}
/** Why there is no small disk here. */
const noSmallDisk = ((): string | undefined => {
  const at = folder();
  mkdirSync(at);
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', at]).status !== 0)
    return 'it takes the right to mount a file system';
  spawnSync('umount', [at]);
  return undefined;
})();
/** Writes until there is no room. */
function fill(file: string): void {
  const to = openSync(file, 'w');
  try {
    for (const block of [1 << 20, 1 << 12, 1])
      try {
        for (;;) writeSync(to, Buffer.alloc(block));
      } catch (e) {
        if ((e as NodeJS.ErrnoException).code !== 'ENOSPC') throw e;
      }
  } finally {
    closeSync(to);
  }
}
/** Files below a folder by their name without what stands before the lake's, as hashes. */
const filesUnder = (dir: string, ending: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(dir, { recursive: true })
      .map(String)
      .filter((f) => f.endsWith(ending))
      .map((f) => [
        f
          .split('/')
          .slice(f.startsWith('s6.') ? 1 : 0)
          .join('/'),
        createHash('sha256')
          .update(readFileSync(join(dir, f)))
          .digest('hex'),
      ])
      .sort(),
  );

describe.skipIf(noRedis)(`a run over Redis in trouble${noRedis ? ` (${noRedis})` : ''}`, () => {
  let whole: Record<string, string>;
  let redis: TestRedis;
  beforeAll(async () => {
    const taps = folder();
    await runJob({ pipeline, inputs: [], tapAll: taps });
    whole = filesOf(taps);
    redis = await startRedis();
  });
  afterAll(() => redis.close());

  interface Trouble {
    readonly url?: string;
    /** Begins the trouble, and later ends it. */
    begin(): Promise<unknown>;
    end(): Promise<unknown>;
    /** Shown by the bus, its metrics and its health while it lasts; undefined: it may pass unseen. */
    readonly code: string | undefined;
    readonly ms: number;
  }
  /** Runs all services, with trouble in the middle. @returns the folder of the taps */
  async function troubled({ url = redis.url, begin, end, code, ms }: Trouble): Promise<string> {
    const taps = folder();
    const bus = await openRedisBus(url, { silentMs: 3000, prefix: `${n}:` });
    const served = await serveParts('127.0.0.1:0', bus, []);
    let begun: Promise<void> | undefined;
    const seen = { metrics: '', health: '', state: '', doctor: '' };
    const go = async (): Promise<void> => {
      await begin();
      const until = performance.now() + ms;
      // The state shows at the latest with the first call that meets it.
      while (performance.now() < until || (code !== undefined && seen.state !== code)) {
        if (bus.state.code === code && code !== undefined) {
          seen.state = code;
          // It may change while it is asked for: a write that is refused as read-only looks for the new primary.
          if (!seen.metrics.includes(`${code}"} 1`)) seen.metrics = await (await fetch(`${served.url}/metrics`)).text();
          if (!seen.health.includes(code)) seen.health = await (await fetch(`${served.url}/health`)).text();
          if (!seen.doctor.includes(code)) seen.doctor = await doctor('--health', served.url);
        }
        await pause(20);
      }
      await end();
    };
    try {
      await runServices({
        ...{ pipeline, bus, inputs: [], tapAll: taps, state: folder(), holder: 'test', ttlMs: 2000, commitMs: 100 },
        onSnapshot: served.take,
        onProgress: ({ part, cycles }) => {
          if (part === 's2.1' && cycles > 1000) begun ??= go();
        },
      });
      expect(begun).toBeDefined();
      await begun;
    } finally {
      await served.close();
      await bus.close();
    }
    if (code !== undefined) {
      expect(seen.state).toBe(code);
      expect(seen.metrics).toMatch(new RegExp(`chimera_bus_state\\{[^}]*${code}[^}]*\\} 1`));
      expect(seen.health).toContain(code);
      expect(seen.doctor).toContain(code);
    }
    return taps;
  }
  const admin = async <T>(work: (r: Redis) => Promise<T>): Promise<T> => {
    const r = new Redis(redis.port, '127.0.0.1', { disableClientInfo: true });
    try {
      return await work(r);
    } finally {
      r.disconnect();
    }
  };

  it.skipIf(noSmallDisk)(
    `whose sinks find their disk full, and go on when there is room${noSmallDisk ? ` (${noSmallDisk})` : ''}`,
    {
      timeout: 200_000,
    },
    async () => {
      const busy = trend({ interval: '250ms' }, synthetic('', '4s'));
      const [calm, calmTaps] = [folder(), folder()];
      await runJob({ pipeline: busy, inputs: [], state: calm, tapAll: calmTaps });
      const state = smallDisk(24);
      const filler = join(state, 'filler');
      const taps = folder();
      const bus = await openRedisBus(redis.url, { prefix: 'full:' });
      const served = await serveParts('127.0.0.1:0', bus, []);
      const seen = { metrics: '', health: '', doctor: '' };
      let trouble: string | undefined;
      let asked: Promise<void> | undefined;
      const ask = async (): Promise<void> => {
        seen.metrics = await (await fetch(`${served.url}/metrics`)).text();
        seen.health = await (await fetch(`${served.url}/health`)).text();
        seen.doctor = `${await doctor('--health', served.url)} ${await doctor('--state', state)}`;
        rmSync(filler);
      };
      let commits = 0;
      try {
        const report = await runServices({
          ...{ pipeline: busy, bus, inputs: [], tapAll: taps, state, holder: 'test', ttlMs: 2000, commitMs: 100 },
          onSnapshot: (s) => {
            served.take(s);
            if (s.part === 's6.documents' && ++commits === 3) fill(filler);
            if (!s.trouble) return;
            trouble ??= s.trouble.code;
            asked ??= ask();
          },
        });
        await asked;
        expect(report.parts.find((p) => p.part === 's6.documents')!.restarts).toBeGreaterThan(0);
      } finally {
        await served.close();
        await bus.close();
      }
      expect(['CHM542', 'CHM605', 'CHM606']).toContain(trouble);
      expect(seen.metrics).toMatch(new RegExp(`chimera_part_trouble\\{[^}]*${trouble}[^}]*\\} 1`));
      expect(seen.health).toContain(trouble);
      expect(seen.doctor).toContain(trouble);
      expect(seen.doctor).toContain('state disk');
      expectSame(taps, filesOf(calmTaps));
      // The lake is that of a run that always had room.
      expect(filesUnder(state, '.parquet')).toEqual(filesUnder(calm, '.parquet'));
      expect(Object.keys(filesUnder(state, '.parquet')).length).toBeGreaterThan(0);
    },
  );
  it('whose connection is cut', { timeout: 200_000 }, async () => {
    const proxy = await redis.proxy();
    const ms = LONG ? 30_000 : 2500;
    expectSame(
      await troubled({ url: proxy.url, begin: () => proxy.cut(), end: () => proxy.mend(), code: 'CHM524', ms }),
      whole,
    );
  });
  it('that is out of memory', { timeout: 200_000 }, async () => {
    const set = (bytes: string) => () => admin((r) => r.config('SET', 'maxmemory', bytes));
    expectSame(await troubled({ begin: set('1'), end: set('0'), code: 'CHM525', ms: LONG ? 10_000 : 500 }), whole);
  });
  it.runIf(LONG)('that is read-only for a while', { timeout: 300_000 }, async () => {
    // A replica of nobody: it keeps its data, and refuses writes.
    const begin = () => admin((r) => r.replicaof('127.0.0.1', 1));
    const end = () => admin((r) => r.replicaof('NO', 'ONE'));
    expectSame(await troubled({ begin, end, code: 'CHM526', ms: 10_000 }), whole);
  });
  it.runIf(LONG)('that answers a second late', { timeout: 600_000 }, async () => {
    const proxy = await redis.proxy();
    const begin = async () => proxy.slow(1000);
    expectSame(await troubled({ url: proxy.url, begin, end: () => proxy.mend(), code: undefined, ms: 20_000 }), whole);
  });
  it.runIf(LONG)('that cannot write to its disk', { timeout: 300_000 }, async () => {
    // A folder stands where the snapshot would go.
    const begin = () =>
      admin(async (r) => {
        mkdirSync(join(redis.dir, 'dump.rdb', 'x'), { recursive: true });
        await r.config('SET', 'save', '3600 1');
        await r.bgsave();
        while (!(await r.info('persistence')).includes('rdb_last_bgsave_status:err')) await pause(10);
      });
    const end = () =>
      admin(async (r) => {
        rmSync(join(redis.dir, 'dump.rdb'), { recursive: true, force: true });
        await r.bgsave();
      });
    expectSame(await troubled({ begin, end, code: 'CHM527', ms: 5000 }), whole);
  });
  it.runIf(LONG)('of whose Cluster a primary fails over', { timeout: 300_000 }, async () => {
    const cluster = await startCluster(3, { replicas: true });
    try {
      const begin = () => cluster.masters[0]!.kill();
      const taps = await troubled({ url: cluster.url, begin, end: async () => {}, code: undefined, ms: 10_000 });
      expectSame(taps, whole);
    } finally {
      await cluster.close();
    }
  });

  it('that hands out what cannot be read: it is put aside once, by all lives, the flow goes on, and what is mended comes back once [STO.32]', {
    timeout: 200_000,
  }, async () => {
    const prefix = 'poison:';
    const state = folder();
    const poisoned = new Set<string>();
    let good: Uint8Array = new Uint8Array();
    const taps = folder();
    let stops = 0;
    const where = ['--bus', redis.url, '--prefix', 'poison'];
    /** Dead letters, as the command line lists them. */
    const listed = async (): Promise<{ id: string; place: string; reason: string; stream: string; entry: string }[]> =>
      JSON.parse((await chimera(['dlq', 'ls', ...where, '--json'])).out).letters;
    /** What an operator does who has found out what the entry should have been. */
    const mend = async (): Promise<number> => {
      const letters = await listed();
      for (const { id, place, reason, stream, entry } of letters) {
        expect([reason, `${stream} ${entry.split('-')[0]}`]).toEqual(['undecodable', [...poisoned][0]]);
        const file = folder();
        const at = [...where, '--place', place];
        expect((await chimera(['dlq', 'export-test', id, ...at, '--to', file])).code).toBe(0);
        const fixture = JSON.parse(readFileSync(file, 'utf8'));
        expect(fixture.payload_base64).not.toBe(Buffer.from(good).toString('base64'));
        writeFileSync(file, JSON.stringify({ ...fixture, payload_base64: Buffer.from(good).toString('base64') }));
        const { code, err } = await chimera(['dlq', 'replay', id, ...at, '--payload', file]);
        expect([code, err]).toEqual([0, '']);
      }
      return letters.length;
    };
    let mended = 0;
    for (;;) {
      const bus = await openRedisBus(redis.url, { prefix });
      // What is written passes through here: one entry is damaged before anyone reads it.
      const inner = bus.acquire.bind(bus);
      bus.acquire = async (partition, options) => {
        const held = await inner(partition, options);
        if (!partition.includes('s2.1')) return held;
        const append = held.append.bind(held);
        held.append = (batches) =>
          append(
            batches.map((b) => {
              if (b.stream.startsWith('frontier') || b.last < 200 || poisoned.size >= 1) return b;
              poisoned.add(`${b.stream} ${b.last}`);
              good = Uint8Array.from(b.payload);
              const payload = Uint8Array.from(b.payload);
              payload[payload.length >> 1]! ^= 4;
              return { ...b, payload };
            }),
          );
        return held;
      };
      const abort = new AbortController();
      if (stops === 2) mended = await mend();
      const report = await runServices({
        ...{ pipeline, bus, inputs: [], tapAll: taps, state, holder: 'test', ttlMs: 2000, commitMs: 50 },
        signal: abort.signal,
        onProgress: ({ part, cycles }) => {
          if (poisoned.size > 0 && stops < 2 && part === 's6.2' && cycles > 400 + 400 * stops) abort.abort();
        },
      });
      await bus.close();
      if (!abort.signal.aborted) {
        expect(report.counters.dead_lettered).toBeGreaterThanOrEqual(mended);
        break;
      }
      stops++;
    }
    expect(stops).toBe(2);
    expect(mended).toBeGreaterThan(0);
    const decided = readdirSync(state, { recursive: true })
      .map(String)
      .filter((f) => f.endsWith('decisions.jsonl'))
      .flatMap((f) => readFileSync(join(state, f), 'utf8').trimEnd().split('\n'));
    // All were taken back, once each.
    expect(decided.filter((d) => d.includes('"replay"')).length).toBe(mended);
    const left = await listed();
    expect(decided.filter((d) => d.includes('"skip"')).length).toBe(mended + left.length);
  });
});
