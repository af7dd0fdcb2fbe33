import { type ChildProcess, execFileSync, fork, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import type * as Load from '../graph/document/load.ts';
import type * as Runner from '../graph/runner/runner.ts';
import type * as Registry from '../ui/cli/registry.ts';
import { candles, writeCsv } from './generate.ts';
import { medianInterval } from './stats.ts';

/**
 * The regression gate: this build against a build of the previous main, in the same run. Processes of both stay up and take turns
 * (A B A B …) at the same work; each pair gives a ratio of CPU times. It fails only when the whole interval of the median
 * ratio lies under 0.90. Without a previous build to compare with it says so and passes.
 */
const LIMIT = 0.9;
const WARM_UP = 6;
/** Of each side, one after the other. */
const PROCESSES = 3;

/** Candles → bars → features → orders → fills: everything between reading a file and a position. */
const WORK = `
chimera: 1
pipeline: gate
nodes:
  market: { type: source.market, with: { streams: [candle] } }
  ema:   { type: feature.ema, in: market.candle.close, each: instrument, with: { period: 20 } }
  rsi:   { type: feature.rsi, in: market.candle.close, each: instrument, with: { period: 14 } }
  atr:   { type: feature.atr, in: market.candle, each: instrument, with: { period: 14 } }
  rv:    { type: feature.realised_volatility, in: market.candle.close, each: instrument, with: { period: 60 } }
  bands: { type: feature.bollinger, in: market.candle.close, each: instrument, with: { period: 20, width: 2 } }
  hours: { type: silver.candle_bars, in: market.candle, each: instrument, with: { width: 1h } }
  fast:  { type: feature.ema, in: hours.bar.close, with: { period: 10 } }
  slow:  { type: feature.ema, in: hours.bar.close, with: { period: 30 } }
  cross:
    type: decision.target
    in: { fast: fast.value, slow: slow.value }
    with: { warmup: 30, rules: [{ id: long, when: fast > slow, target: 0.1 }, { id: short, when: fast < slow, target: -0.1 }] }
  venue: { type: venue.candle, in: { candle: market.candle, order: cross.order } }
`;

/** One side: answers each message with the CPU time of one run of the work. */
async function serve(root: string, input: string): Promise<void> {
  const module = <T>(path: string) => import(pathToFileURL(join(root, path)).href) as Promise<T>;
  const { loadPipeline } = await module<typeof Load>('graph/document/load.js');
  const { runPipeline } = await module<typeof Runner>('graph/runner/runner.js');
  const { registry } = await module<typeof Registry>('ui/cli/registry.js');
  process.on('message', async () => {
    try {
      const { pipeline, diagnostics } = loadPipeline(WORK, 'gate.yaml', registry);
      if (!pipeline) throw new Error(diagnostics.map((d) => d.message).join('; '));
      const before = threadUs();
      const { events_in } = await runPipeline(pipeline, { inputs: [input] });
      process.send!({ us: threadUs() - before, events: events_in });
    } catch (e) {
      process.send!({ error: String(e) });
    }
  });
  process.send!({ ready: true });
}

/** CPU time of the engine's thread, µs: compilers and collectors in other threads make it noisy. Of the process where that is unknown. */
function threadUs(): number {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]) / 1000;
  } catch {
    const { user, system } = process.cpuUsage();
    return user + system;
  }
}

interface Answer {
  us?: number;
  events?: number;
  error?: string;
}
const ask = (child: ChildProcess): Promise<Answer> =>
  new Promise((done) => {
    const answer = (a: Answer) => {
      child.off('exit', gone);
      done(a);
    };
    const gone = () => {
      child.off('message', answer);
      done({ error: 'the process ended' });
    };
    child.once('message', answer);
    child.once('exit', gone);
    child.send('run');
  });
async function start(root: string, input: string): Promise<ChildProcess | undefined> {
  const child = fork(fileURLToPath(import.meta.url), ['--serve', root, '--input', input], {
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  });
  child.stderr!.resume();
  const ready = await new Promise<boolean>((done) => {
    child.once('message', () => done(true));
    child.once('exit', () => done(false));
  });
  return ready ? child : undefined;
}

/** Sources of a commit, built in `dir`; or why not. */
function buildOf(commit: string, repository: string, dir: string): string | undefined {
  mkdirSync(dir, { recursive: true });
  const git = (...args: string[]) => execFileSync('git', ['-C', repository, ...args], { maxBuffer: 1 << 30 });
  try {
    execFileSync('tar', ['-x', '-C', dir], { input: git('archive', commit) });
  } catch (e) {
    return `its sources cannot be had (${e instanceof Error ? e.message.split('\n')[0] : e})`;
  }
  symlinkSync(join(repository, 'node_modules'), join(dir, 'node_modules'));
  const tsc = spawnSync(
    process.execPath,
    [join(repository, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'],
    { cwd: dir, encoding: 'utf8' },
  );
  return tsc.status === 0 ? undefined : `it does not compile with what is installed (${tsc.stdout.split('\n')[0]})`;
}

/** The main before this: the remote's, when it is another commit than this one, else the parent. */
function previousMain(repository: string): string | undefined {
  const commit = (ref: string) => {
    const r = spawnSync('git', ['-C', repository, 'rev-parse', '--verify', '--quiet', `${ref}^{commit}`], {
      encoding: 'utf8',
    });
    return r.status === 0 ? r.stdout.trim() : undefined;
  };
  const head = commit('HEAD');
  const main = commit('origin/main');
  return main !== undefined && main !== head ? main : commit('HEAD~1');
}

async function compare(pairs: number, size: number, base: string | undefined): Promise<number> {
  const here = resolve(fileURLToPath(import.meta.url), '../..');
  const repository = process.cwd();
  const passed = (why: string) => {
    process.stdout.write(`bench gate: nothing to compare with: ${why}; passed\n`);
    return 0;
  };
  const commit = base ?? previousMain(repository);
  if (!commit) return passed('there is no previous commit');
  const dir = mkdtempSync(join(tmpdir(), 'chimera-gate-'));
  const sides: ChildProcess[] = [];
  try {
    const problem = buildOf(commit, repository, join(dir, 'base'));
    if (problem) return passed(`previous main ${commit.slice(0, 10)}: ${problem}`);
    const input = join(dir, 'candles.csv');
    writeCsv(input, candles(1, size, true));
    const ratios: number[] = [];
    // What V8 makes of the same code differs from process to process: each side gets several.
    for (let p = 0; p < PROCESSES; p++) {
      const before = await start(join(dir, 'base', 'dist'), input);
      const now = await start(here, input);
      for (const side of [before, now]) if (side) sides.push(side);
      if (!now) throw new Error('this build does not start');
      if (!before) return passed(`previous main ${commit.slice(0, 10)} does not start`);
      for (let i = 0; i < pairs / PROCESSES + WARM_UP; i++) {
        const [a, b] = [await ask(before), await ask(now)];
        if (b.error !== undefined) throw new Error(`this build cannot do the work: ${b.error}`);
        if (a.error !== undefined) return passed(`previous main ${commit.slice(0, 10)} cannot do the work: ${a.error}`);
        if (i >= WARM_UP) ratios.push(a.us! / b.us!);
      }
      for (const side of sides.splice(0)) side.kill();
    }
    const { median: m, low, high } = medianInterval(ratios);
    const worse = high < LIMIT;
    process.stdout.write(
      `bench gate: ${m.toFixed(3)} times the speed of previous main ${commit.slice(0, 10)} (${low.toFixed(3)} – ${high.toFixed(3)}, ${ratios.length} pairs of ${PROCESSES} processes, CPU time); ${worse ? `FAILED: slower than ${LIMIT}` : 'passed'}\n`,
    );
    return worse ? 1 : 0;
  } finally {
    for (const side of sides) side.kill();
    rmSync(dir, { recursive: true, force: true });
  }
}

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    /** Commit to compare with. */
    base: { type: 'string' },
    serve: { type: 'string' },
    input: { type: 'string' },
  },
});
if (values.serve !== undefined) await serve(values.serve, values.input!);
else process.exitCode = await compare(values.quick ? 21 : 42, values.quick ? 150_000 : 400_000, values.base);
