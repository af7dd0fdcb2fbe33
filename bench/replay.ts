import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Tap } from '../graph/engine/tap.ts';
import { runPipeline } from '../graph/runner/runner.ts';
import { KeyTable } from '../graph/schema/index.ts';
import { openBronzeWriter } from '../lake/bronze-writer.ts';
import { openInputs } from '../lake/decode/inputs.ts';
import { type Cost, inChild, isMain, startCost } from './child.ts';
import { cutBehind, readPipeline } from './pipeline.ts';
import { keepBlocks, RepeatReader } from './repeat.ts';
import { type Figure, figure } from './stats.ts';

/** The recording that the goals are stated for. */
export const RECORDING = 'binance-raw/usdm-btcusdt-20240808.gz';
const PIPELINE = 'pipelines/trend.yaml';
/** Bars of the preset are 5 s wide: rounds that start at multiples of it have the same bars. */
const ALIGN_US = 5_000_000;
const STREAMS = ['trade', 'book_ticker', 'depth', 'depth_snapshot', 'mark_price', 'funding_rate'] as const;

type Way = 'whole' | 'features';
interface Outcome extends Cost {
  events: number;
  cycles: number;
  counters: Record<string, number>;
  /** Rows by port, and execution events by kind. */
  rows: Record<string, number>;
  reports: Record<string, number>;
  /** What the book said of itself, in order. */
  states: string[];
}
export interface ReplayReport {
  input: string;
  sha256: string;
  rounds: number;
  events: number;
  round: { events: number; rows: Record<string, number>; span_s: number; update_shift: number; trade_shift: number };
  lake: { events_per_s: number; bytes: number } & Cost;
  single: Outcome;
  whole: Outcome[];
  features: Outcome[];
  checks: { name: string; ok: boolean; found: string }[];
  figures: Figure[];
}

/** Repeats the recording into a lake of its own: blocks → typed Parquet. */
async function writeLake(
  input: string,
  rounds: number,
  dir: string,
): Promise<{ reader: RepeatReader; cost: Cost; bytes: number }> {
  const keys = new KeyTable();
  const opened = await openInputs([input], keys, { streams: [...STREAMS] });
  const blocks = await keepBlocks(opened);
  await opened.close();
  const reader = new RepeatReader(opened.ports, blocks, rounds, { alignUs: ALIGN_US });
  const stop = startCost();
  const writer = await openBronzeWriter(dir, { writer: 'repeat', keys, ports: reader.ports, source: 'market' });
  for (let b = await reader.read(); b; b = await reader.read()) await writer.write(b);
  const { files } = await writer.close();
  return { reader, cost: stop(), bytes: files.reduce((n, f) => n + f.bytes, 0) };
}

/** Replays a lake through the pipeline, whole or cut behind its features. `counted` taps what the checks look at. */
async function replay(lake: string, way: Way, counted: boolean): Promise<Outcome> {
  const whole = readPipeline(PIPELINE, { preset: 'recording', symbols: '[BTCUSDT]' });
  const pipeline = way === 'whole' ? whole : cutBehind(whole, 'features');
  const dir = mkdtempSync(join(tmpdir(), 'chimera-replay-'));
  const rows: Record<string, number> = {};
  const reports: Record<string, number> = {};
  const states: string[] = [];
  const onTap = (tap: Tap): void => {
    const port = `${tap.node}.${tap.port}`;
    rows[port] = (rows[port] ?? 0) + tap.n;
    const at = (name: string) => Object.keys(tap.schema.fields).indexOf(name);
    for (let i = 0; i < tap.n; i++) {
      if (port === 'book.state') states.push(`${tap.value(i, at('state'))}: ${tap.value(i, at('reason'))}`);
      if (port !== 'venue.report') continue;
      const kind = `${tap.value(i, at('exec'))} ${tap.value(i, at('status'))} ${tap.value(i, at('code'))}`;
      reports[kind] = (reports[kind] ?? 0) + 1;
    }
  };
  const ports = [
    'book.top',
    'book.state',
    'market.trade',
    'market.depth',
    'bars.bar',
    'features.features',
    'orders.order',
    'venue.report',
  ];
  const taps = counted ? ports.filter((p) => pipeline.nodes.some((n) => n.id === p.split('.')[0])) : [];
  try {
    const stop = startCost();
    const r = await runPipeline(pipeline, { inputs: [lake], dir, taps, ...(counted ? { onTap } : {}) });
    return { events: r.events_in, cycles: r.cycles, counters: r.counters, rows, reports, states, ...stop() };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const count = (o: Outcome, pattern: RegExp): number =>
  Object.entries(o.reports).reduce((n, [kind, k]) => n + (pattern.test(kind) ? k : 0), 0);

/**
 * What must hold between one round and n of them, before any time is believed. What comes in is n times the single run's. What
 * the strategy does is not quite: the first round warms up, and each later one begins where the round before left positions and
 * averages. So from the second round on each must do exactly the same.
 */
function check(r: Omit<ReplayReport, 'checks' | 'figures'>, two: Outcome, counted: Outcome): ReplayReport['checks'] {
  const { rounds: n, single } = r;
  const compare = (name: string, of: (o: Outcome) => number, exact: boolean) => {
    const [one, both, all] = [of(single), of(two), of(counted)];
    const linear = all === one + (n - 1) * (both - one);
    const found = `${all} = ${one} + ${n - 1} × ${both - one}${linear ? '' : ' and something'}, ${(all / one).toFixed(2)} times`;
    return exact
      ? { name: `${name} are ${n} times the single run's`, ok: one > 0 && all === n * one, found }
      : { name: `${name} are the same in every round after the first`, ok: one > 0 && linear, found };
  };
  const rows = (port: string) => (o: Outcome) => o.rows[port] ?? 0;
  return [
    compare('events', (o) => o.events, true),
    compare('depth diffs', rows('market.depth'), true),
    compare('applied diffs', rows('book.top'), true),
    compare('trades', rows('market.trade'), true),
    compare('bars', rows('bars.bar'), true),
    compare('feature rows', rows('features.features'), false),
    compare('orders', rows('orders.order'), false),
    compare('fills', (o) => count(o, /^trade /), false),
    {
      name: 'the book goes live once and stays so over all seams',
      ok: counted.states.length === 1 && counted.states[0]!.startsWith('live'),
      found: `${counted.states.length} states: ${counted.states.slice(0, 3).join(' | ')}`,
    },
    {
      name: 'nothing is dead-lettered, late or dropped',
      ok: ['dead_lettered', 'late', 'dropped'].every((c) => counted.counters[c] === 0),
      found: JSON.stringify(counted.counters),
    },
  ];
}

export interface ReplayOptions {
  data: string;
  events: number;
  repeats: number;
}
/** The whole benchmark; undefined when the recording is not there. */
export async function benchReplay(options: ReplayOptions): Promise<ReplayReport | undefined> {
  const input = join(options.data, RECORDING);
  if (!existsSync(input)) {
    process.stderr.write(`replay is skipped: there is no ${input}\n`);
    return undefined;
  }
  const dir = mkdtempSync(join(tmpdir(), 'chimera-bench-'));
  const child = <T>(...args: string[]) => inChild<T>(import.meta.url, args);
  try {
    const one = join(dir, 'one');
    const many = join(dir, 'many');
    const first = child<Written>('--write', one, '--input', input, '--rounds', '1');
    const rounds = Math.max(2, Math.ceil(options.events / first.round.events));
    const written = child<Written>('--write', many, '--input', input, '--rounds', String(rounds));
    const both = join(dir, 'two');
    child<Written>('--write', both, '--input', input, '--rounds', '2');
    const two = child<Outcome>('--replay', both, '--way', 'whole', '--counted');
    const single = child<Outcome>('--replay', one, '--way', 'whole', '--counted');
    const counted = child<Outcome>('--replay', many, '--way', 'whole', '--counted');
    const runs = (way: Way) =>
      Array.from({ length: options.repeats }, () => child<Outcome>('--replay', many, '--way', way));
    const report = {
      input: RECORDING,
      sha256: createHash('sha256').update(readFileSync(input)).digest('hex'),
      rounds,
      events: counted.events,
      round: written.round,
      lake: written.lake,
      single,
      whole: runs('whole'),
      features: runs('features'),
    };
    return { ...report, checks: check(report, two, counted), figures: figuresOf(report) };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function figuresOf(r: Omit<ReplayReport, 'checks' | 'figures'>): Figure[] {
  const perCpu = (runs: Outcome[]) => runs.map((o) => o.events / o.cpu_s);
  const rss = (runs: Outcome[]) => runs.map((o) => o.peak_rss_mb);
  const m = `${(r.events / 1e6).toFixed(1)} M events`;
  return [
    figure(`replay from Parquet, trend.yaml with venue and sinks, ${m}`, 'events/CPU-s', perCpu(r.whole), {
      at_least: 300_000,
    }),
    figure('the same, peak memory', 'MB', rss(r.whole), { at_most: 500 }),
    figure(`replay from Parquet, trend.yaml up to its features, ${m}`, 'events/CPU-s', perCpu(r.features), {
      at_least: 600_000,
    }),
    figure('the same, peak memory', 'MB', rss(r.features), { at_most: 500 }),
  ];
}

interface Written {
  lake: ReplayReport['lake'];
  round: ReplayReport['round'];
}
async function main(): Promise<void> {
  const { values: v } = parseArgs({
    options: {
      data: { type: 'string', default: '../shared/data' },
      events: { type: 'string', default: '5000000' },
      repeats: { type: 'string', default: '5' },
      write: { type: 'string' },
      input: { type: 'string' },
      rounds: { type: 'string' },
      replay: { type: 'string' },
      way: { type: 'string' },
      counted: { type: 'boolean', default: false },
    },
  });
  let result: unknown;
  if (v.write !== undefined) {
    const { reader: r, cost, bytes } = await writeLake(v.input!, Number(v.rounds), v.write);
    const round = {
      events: r.eventsOfRound,
      rows: r.rows,
      span_s: r.spanUs / 1e6,
      update_shift: r.updateShift,
      trade_shift: r.tradeShift,
    };
    result = { round, lake: { events_per_s: r.events / cost.cpu_s, bytes, ...cost } } satisfies Written;
  } else if (v.replay !== undefined) result = await replay(v.replay, v.way as Way, v.counted);
  else result = (await benchReplay({ data: v.data, events: Number(v.events), repeats: Number(v.repeats) })) ?? null;
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
if (isMain(import.meta.url)) await main();
