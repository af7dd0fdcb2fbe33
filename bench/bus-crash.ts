import { type ChildProcess, spawn } from 'node:child_process';
import { createReadStream, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { createGunzip } from 'node:zlib';
import { Redis } from 'ioredis';
import { startCluster, type TestCluster } from '../graph/bus/redis/testing/redis-cluster.ts';
import { startRedis, type TestRedis } from '../graph/bus/redis/testing/redis-server.ts';
import { nextFloat, seedRandom } from '../graph/math/index.ts';
import { COLLECTIONS } from '../sinks/store/collections.ts';
import { openEmbeddedStore } from '../sinks/store/index.ts';
import { isMain } from './child.ts';

/**
 * `node dist/bench/bus-crash.js --data ../shared/data --runs 20 --kills 10`: the trend pipeline over a slice of a recording, its
 * services as processes joined by a real Redis, while random services and Redis itself get SIGKILL at random moments, some of
 * them twice in a row. What every port said, every document and every entry of the shared streams must be what an undisturbed
 * embedded run leaves. Exit code 1 when anything differs.
 */
export interface CrashOptions {
  readonly file: string;
  readonly seconds: number;
  readonly runs: number;
  readonly kills: number;
  readonly seed: number;
  /** Append-only file of Redis; with `everysec` a killed Redis may have lost what it acknowledged. */
  readonly fsync: 'always' | 'everysec';
  readonly cluster: boolean;
  readonly onRun?: (run: CrashRun) => void;
}
export interface CrashRun {
  readonly seed: number;
  readonly kills: Readonly<Record<string, number>>;
  readonly wrong: readonly string[];
  readonly ports: number;
  readonly documents: number;
  /** Entries of shared streams. */
  readonly published: number;
  readonly s: number;
}
export interface CrashReport {
  readonly ok: boolean;
  readonly file: string;
  readonly seconds: number;
  readonly kills: number;
  readonly by_victim: Readonly<Record<string, number>>;
  readonly runs: readonly CrashRun[];
}

const CHIMERA = resolve(import.meta.dirname, '../../bin/chimera.js');
const PIPELINE = ['run', 'pipelines/trend.yaml', '--set', 'preset=recording'];

export async function benchBusCrash(o: CrashOptions): Promise<CrashReport> {
  const dir = mkdtempSync(join(tmpdir(), 'chimera-crash-'));
  try {
    const slice = join(dir, 'slice.txt');
    await cutSlice(o.file, slice, o.seconds);
    const input = ['--input', slice];
    const whole = { taps: join(dir, 'whole'), state: join(dir, 'whole-state') };
    const redis = await startRedis();
    const shared = await (async () => {
      try {
        await finished(
          start([
            ...[...PIPELINE, ...input, '--tap-all', whole.taps, '--state', whole.state, '--json'],
            ...['--publish', redis.url, '--commit', '5000'],
          ]),
        );
        return await sharedEntries(redis.url);
      } finally {
        await redis.close();
      }
    })();
    const runs: CrashRun[] = [];
    for (let i = 0; i < o.runs; i++) {
      const run = await crashRun(o, o.seed + i, input, { ...whole, shared }, join(dir, `run${i}`));
      runs.push(run);
      o.onRun?.(run);
    }
    const byVictim: Record<string, number> = {};
    for (const r of runs) for (const [v, n] of Object.entries(r.kills)) byVictim[v] = (byVictim[v] ?? 0) + n;
    return {
      ok: runs.every((r) => r.wrong.length === 0),
      file: o.file,
      seconds: o.seconds,
      kills: Object.values(byVictim).reduce((a, b) => a + b, 0),
      by_victim: byVictim,
      runs,
    };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function crashRun(
  o: CrashOptions,
  seed: number,
  input: readonly string[],
  whole: { taps: string; state: string; shared: readonly string[] },
  dir: string,
): Promise<CrashRun> {
  const begun = performance.now();
  const state0 = seedRandom(seed);
  const random = () => nextFloat(state0);
  const server: TestRedis | TestCluster = o.cluster ? await startCluster(3) : await startRedis({ fsync: o.fsync });
  const taps = join(dir, 'taps');
  const state = join(dir, 'state');
  mkdirSync(taps, { recursive: true });
  const kills: Record<string, number> = {};
  const wrong: string[] = [];
  const run = start([
    ...PIPELINE,
    ...input,
    ...['--tap-all', taps, '--state', state, '--bus', server.url, '--all', '--json', '--until-stdin-ends'],
    ...['--commit-ms', String(100 + Math.floor(random() * 900))],
  ]);
  try {
    let over = false;
    const end = finished(run).finally(() => {
      over = true;
    });
    end.catch(() => {});
    for (let k = 0; k < o.kills && !over; ) {
      await pause(300 + random() * 2200);
      if (over) break;
      if (!o.cluster && random() < 0.2) {
        await (server as TestRedis).kill();
        await pause(random() * 500);
        await (server as TestRedis).restart();
        count('redis');
        k++;
        continue;
      }
      const services = servicesOf(run.pid!);
      const victim = services[Math.floor(random() * services.length)];
      if (!victim) continue;
      kill(victim);
      k++;
      // Twice in a row: the one that takes its place as well.
      if (random() < 0.3 && k < o.kills) {
        await pause(100 + random() * 900);
        const again = servicesOf(run.pid!).find((s) => s.name === victim.name);
        if (again) {
          kill(again);
          k++;
        }
      }
    }
    await end;
    wrong.push(...differentTaps(whole.taps, taps));
    const documents = await differentDocuments(whole.state, state);
    wrong.push(...documents.wrong);
    if (!o.cluster) wrong.push(...differentEntries(whole.shared, await sharedEntries(server.url)));
    return {
      seed,
      kills,
      wrong,
      ports: readdirSync(whole.taps).length,
      documents: documents.n,
      published: o.cluster ? 0 : whole.shared.length,
      s: (performance.now() - begun) / 1000,
    };
  } catch (e) {
    return {
      seed,
      kills,
      wrong: [String(e)],
      ports: 0,
      documents: 0,
      published: 0,
      s: (performance.now() - begun) / 1000,
    };
  } finally {
    run.kill('SIGKILL');
    await server.close();
    if (wrong.length === 0) rmSync(dir, { recursive: true, force: true });
  }
  function kill(victim: { pid: number; name: string }): void {
    try {
      process.kill(victim.pid, 'SIGKILL');
      count(victim.name);
    } catch {
      // It had come to its end.
    }
  }
  function count(name: string): void {
    kills[name] = (kills[name] ?? 0) + 1;
  }
}

function start(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [CHIMERA, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
}
async function finished(child: ChildProcess): Promise<string> {
  let out = '';
  let err = '';
  child.stdout!.on('data', (d: Buffer) => {
    out += d.toString();
  });
  child.stderr!.on('data', (d: Buffer) => {
    err = (err + d.toString()).slice(-4000);
  });
  const code = await new Promise<number | null>((done) => child.once('close', done));
  if (code !== 0) throw new Error(`exit code ${code}: ${err}`);
  return out;
}
const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

/** The children of a supervisor that run one service each; anyone can find them by their command line. */
export function servicesOf(supervisor: number): { pid: number; name: string }[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const parent = Number(/\) \S (\d+) /.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1]);
      if (parent !== supervisor) return [];
      const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      const at = args.indexOf('--service');
      return at < 0 ? [] : [{ pid: Number(pid), name: args[at + 1]! }];
    } catch {
      return [];
    }
  });
}

/** The frames of the first seconds of a recording, by their receive times. */
async function cutSlice(file: string, to: string, seconds: number): Promise<void> {
  const input = file.endsWith('.gz') ? createReadStream(file).pipe(createGunzip()) : createReadStream(file);
  const lines: string[] = [];
  let first: bigint | undefined;
  for await (const line of createInterface({ input })) {
    const t = BigInt(/^\d+/.exec(line)?.[0] ?? '0');
    first ??= t;
    // Receive times are in ns.
    if (t - first > BigInt(seconds) * 1_000_000_000n) break;
    lines.push(line);
  }
  writeFileSync(to, `${lines.join('\n')}\n`);
}

/** What other programs can read: all entries of the shared streams, by stream and number. */
async function sharedEntries(url: string): Promise<string[]> {
  const redis = new Redis(url);
  try {
    const found: string[] = [];
    for (const stream of ['signals:new', 'cfg:events', 'health:s3', 'health:s4', 'metrics:s4'])
      for (const [, f] of await redis.xrange(stream, '-', '+'))
        found.push(`${stream} ${f[f.indexOf('n') + 1]} ${f[f.indexOf('b') + 1]}`);
    return found;
  } finally {
    redis.disconnect();
  }
}
function differentEntries(whole: readonly string[], cut: readonly string[]): string[] {
  if (whole.length === 0) return ['nothing was published'];
  const at = whole.findIndex((e, i) => e !== cut[i]);
  if (at < 0 && whole.length === cut.length) return [];
  return [`shared entry ${at} is ${cut[at] ?? 'missing'} instead of ${whole[at]} (${cut.length} of ${whole.length})`];
}

function differentTaps(whole: string, cut: string): string[] {
  const there = new Set(readdirSync(cut));
  return readdirSync(whole).flatMap((f) => {
    if (!there.has(f)) return [`${f} is missing`];
    const [a, b] = [readFileSync(join(whole, f), 'utf8'), readFileSync(join(cut, f), 'utf8')];
    if (a === b) return [];
    const [x, y] = [a.split('\n'), b.split('\n')];
    const i = x.findIndex((line, n) => line !== y[n]);
    return [`${f}:${i + 1} is ${y[i] ?? 'missing'} instead of ${x[i]} (${y.length} of ${x.length} lines)`];
  });
}

/** All documents of a run, as text by collection and key. The sinks of a cut run have a folder each. */
async function documentsOf(dirs: readonly string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const dir of dirs) {
    const store = openEmbeddedStore(dir);
    try {
      for (const collection of Object.keys(COLLECTIONS) as (keyof typeof COLLECTIONS)[])
        for (const d of await store.query('by_time', { collection, from: 0, to: Number.MAX_SAFE_INTEGER }))
          found.set(`${collection}/${d._key}`, JSON.stringify(sorted(d)));
    } finally {
      await store.close();
    }
  }
  return found;
}
/** The order of fields says in how many steps a document was written: it is no content. */
const sorted = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(sorted)
    : value !== null && typeof value === 'object'
      ? Object.fromEntries(
          Object.entries(value)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([k, v]) => [k, sorted(v)]),
        )
      : value;

async function differentDocuments(whole: string, cut: string): Promise<{ wrong: string[]; n: number }> {
  const a = await documentsOf([whole]);
  const dirs = readdirSync(cut, { withFileTypes: true }).filter((d) => d.isDirectory());
  const b = await documentsOf(dirs.map((d) => join(cut, d.name)));
  const wrong: string[] = [];
  for (const [id, text] of a)
    if (b.get(id) !== text) wrong.push(`document ${id}: ${b.get(id) ?? 'missing'} instead of ${text}`);
  for (const id of b.keys()) if (!a.has(id)) wrong.push(`document ${id} should not be there`);
  return { wrong: wrong.slice(0, 5), n: a.size };
}

if (isMain(import.meta.url)) {
  const { values: v } = parseArgs({
    options: {
      data: { type: 'string', default: '../shared/data' },
      file: { type: 'string' },
      seconds: { type: 'string', default: '20' },
      runs: { type: 'string', default: '20' },
      kills: { type: 'string', default: '10' },
      seed: { type: 'string', default: '1' },
      fsync: { type: 'string', default: 'everysec' },
      cluster: { type: 'boolean', default: false },
    },
  });
  const report = await benchBusCrash({
    file: v.file ?? join(v.data, 'binance-raw/usdm-btcusdt-20240808.gz'),
    seconds: Number(v.seconds),
    runs: Number(v.runs),
    kills: Number(v.kills),
    seed: Number(v.seed),
    fsync: v.fsync === 'always' ? 'always' : 'everysec',
    cluster: v.cluster,
    onRun: (r) => {
      const all = Object.values(r.kills).reduce((a, b) => a + b, 0);
      const verdict = r.wrong.length === 0 ? 'identical' : r.wrong.join('\n  ');
      console.error(
        `seed ${r.seed}: ${all} kills, ${r.ports} ports, ${r.documents} documents, ${r.published} published, ${r.s.toFixed(0)} s: ${verdict}`,
      );
    },
  });
  console.log(JSON.stringify(report));
  process.exitCode = report.ok ? 0 : 1;
}
