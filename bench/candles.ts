import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runPipeline } from '../graph/runner/runner.ts';
import { KeyTable } from '../graph/schema/index.ts';
import { type Cost, inChild, isMain, startCost } from './child.ts';
import { type CandleColumns, candles, csvToParquet, readColumns, writeCsv, writeTicks } from './generate.ts';
import { readPipeline } from './pipeline.ts';
import { bracket } from './reference/bracket.ts';
import { emaCross } from './reference/ema-cross.ts';
import { firstDifference, joined, type PlainFill } from './reference/fills.ts';
import { Imbalance } from './reference/imbalance.ts';
import { type Figure, figure } from './stats.ts';

/** As bin/chimera.js has it for its users. */
const YOUNG = ['--max-semi-space-size=4'];
/** The file for which the fills of the EMA cross are published, and how its hash begins. */
const W1_SHA = '6cadaf03e06fa0a3';
type Strategy = 'ema-cross' | 'bracket' | 'imbalance';

interface Outcome extends Cost {
  rows: number;
  /** Price units per 1. */
  px_scale: number;
  fills: PlainFill[];
}
export interface CandlesReport {
  inputs: { name: string; rows: number; sha256: string }[];
  checks: { name: string; ok: boolean; found: string }[];
  figures: Figure[];
}

/** Runs a strategy over one file, from opening it to the last fill. */
async function run(strategy: Strategy, input: string, mode: 'generated' | 'interpreted'): Promise<Outcome> {
  const pipeline = readPipeline(`pipelines/bench/${strategy}.yaml`);
  // Numbers, made into fills when nothing is measured any longer.
  const rows: number[] = [];
  const keys = new KeyTable();
  const stop = startCost();
  const r = await runPipeline(pipeline, {
    inputs: [input],
    keys,
    mode,
    taps: ['venue.report'],
    onTap: (tap) => {
      const names = Object.keys(tap.schema.fields);
      const [exec, side, px, qty, fee, time] = ['exec', 'side', 'last_px', 'last_qty', 'fee', 'time_ms'].map((n) =>
        names.indexOf(n),
      ) as [number, number, number, number, number, number];
      for (let i = 0; i < tap.n; i++) {
        if (tap.value(i, exec) !== 'trade') continue;
        rows.push(tap.value(i, time) as number, tap.value(i, side) === 'buy' ? 1 : 0, tap.key(i));
        rows.push(tap.value(i, px) as number, tap.value(i, qty) as number, tap.value(i, fee) as number);
      }
    },
  });
  const cost = stop();
  const fills: PlainFill[] = [];
  for (let i = 0; i < rows.length; i += 6) {
    const [time_ms, buy, index, px, qty, fee] = rows.slice(i, i + 6) as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const key = keys.at(index);
    fills.push({
      time_ms,
      side: buy ? 'buy' : 'sell',
      px: px / key.pxScale,
      qty: qty / key.qtyScale,
      fee: fee / 1e8,
    });
  }
  return { rows: r.events_in, px_scale: keys.at(0).pxScale, fills: joined(fills), ...cost };
}

async function readCandles(path: string): Promise<CandleColumns> {
  const parts: number[][] = [[], [], [], [], [], []];
  await readColumns(path, ['open_time_ms', 'open', 'high', 'low', 'close', 'volume'], (columns) => {
    columns.forEach((c, k) => {
      for (const v of c) parts[k]!.push(Number(v));
    });
  });
  const [time, open, high, low, close, volume] = parts.map((p) => Float64Array.from(p));
  return { time: time!, open: open!, high: high!, low: low!, close: close!, volume: volume! };
}

/** The fills that a plain loop makes of the same file; two lists where the definition leaves ties to the arithmetic. */
async function references(strategy: Strategy, input: string): Promise<PlainFill[][]> {
  if (strategy === 'ema-cross') return [emaCross(await readCandles(input))];
  if (strategy === 'bracket') return [bracket(await readCandles(input))];
  const loops = [new Imbalance(true), new Imbalance(false)];
  const names = ['ts_us', 'is_trade', 'bid', 'bid_qty', 'ask', 'ask_qty', 'price', 'qty', 'is_buy'];
  await readColumns(input, names, (c, n) => {
    for (let i = 0; i < n; i++) {
      const row = {
        ts_us: Number(c[0]![i]),
        is_trade: c[1]![i] as boolean,
        bid: c[2]![i] as number,
        bid_qty: c[3]![i] as number,
        ask: c[4]![i] as number,
        ask_qty: c[5]![i] as number,
        price: c[6]![i] as number,
        qty: c[7]![i] as number,
        is_buy: c[8]![i] as boolean,
      };
      for (const loop of loops) loop.row(row);
    }
  });
  return loops.map((l) => l.fills);
}

/** Fills of a published list: `time,side,price,qty`. */
function publishedFills(path: string): PlainFill[] {
  const [, ...lines] = readFileSync(path, 'utf8').trim().split('\n');
  return lines.map((l) => {
    const [time, side, px, qty] = l.split(',');
    return { time_ms: Number(time), side: side as 'buy' | 'sell', px: Number(px), qty: Number(qty), fee: Number.NaN };
  });
}

export interface CandlesOptions {
  /** Candles of the EMA cross; of the bracket a quarter; and rows of top of book and trades. */
  candles: number;
  ticks: number;
  repeats: number;
  /** Files to take instead of generated ones, and the folder of published fills. */
  w1?: string | undefined;
  w2?: string | undefined;
  w4?: string | undefined;
  fills?: string | undefined;
  /** The file of the EMA cross is said to hold the published candles, whatever its hash: writers pack the same rows differently. */
  published?: boolean;
}

export async function benchCandles(o: CandlesOptions): Promise<CandlesReport> {
  const dir = mkdtempSync(join(tmpdir(), 'chimera-candles-'));
  const report: CandlesReport = { inputs: [], checks: [], figures: [] };
  try {
    const at = (name: string) => join(dir, name);
    const make = async (name: string, seed: number, n: number, gaps: boolean) => {
      writeCsv(at(`${name}.csv`), candles(seed, n, gaps));
      await csvToParquet(at(`${name}.csv`), at(`${name}.parquet`));
      return at(`${name}.parquet`);
    };
    const w1 = o.w1 ?? (await make('w1', 42, o.candles, false));
    const gaps = await make('gaps', 44, o.candles, true);
    const w2 = o.w2 ?? (await make('w2', 43, Math.ceil(o.candles / 4), false));
    const w4 = o.w4 ?? at('w4.parquet');
    if (!o.w4) await writeTicks(at('w4.csv'), w4, 7, o.ticks);
    const times = (name: string, strategy: Strategy, input: string, goal?: number) =>
      measure(report, name, strategy, input, o, goal);
    await times('EMA cross, candles from Parquet', 'ema-cross', w1, 800_000);
    await times('EMA cross, candles from CSV', 'ema-cross', at('gaps.csv'), 800_000);
    await times('EMA cross, opens with gaps', 'ema-cross', gaps);
    await times('bracket', 'bracket', w2);
    await times('bracket, opens with gaps', 'bracket', gaps);
    await times('imbalance, top of book and trades', 'imbalance', w4);
    return report;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function measure(
  report: CandlesReport,
  name: string,
  strategy: Strategy,
  input: string,
  o: CandlesOptions,
  goal?: number,
): Promise<void> {
  const runs = Array.from({ length: o.repeats }, () =>
    inChild<Outcome>(import.meta.url, ['--run', strategy, '--input', input], { nodeArgs: YOUNG }),
  );
  const sha256 = createHash('sha256').update(readFileSync(input)).digest('hex');
  report.inputs.push({ name, rows: runs[0]!.rows, sha256 });
  const unit = strategy === 'imbalance' ? 'rows/CPU-s' : 'candles/CPU-s';
  const rates = runs.map((r) => r.rows / r.cpu_s);
  report.figures.push(figure(`${name}, load included`, unit, rates, goal ? { at_least: goal } : undefined));
  report.figures.push(
    figure(
      `${name}, peak memory`,
      'MB',
      runs.map((r) => r.peak_rss_mb),
    ),
  );
  const { fills } = runs[0]!;
  const check = (what: string, difference: string | undefined) =>
    report.checks.push({
      name: `${name}: ${what}`,
      ok: fills.length > 0 && !difference,
      found: difference ?? `${fills.length} fills`,
    });
  // The CSV holds the same candles as the Parquet beside it.
  const parquet = input.replace(/\.csv$/, '.parquet');
  // Stops and targets are computed prices, put on the step.
  const step = strategy === 'bracket' ? 1 / runs[0]!.px_scale : 0;
  const differences = (await references(strategy, parquet)).map((r) => firstDifference(fills, joined(r), step));
  check('fills are those of a plain loop', differences.includes(undefined) ? undefined : differences[0]);
  check('every repetition gives the same', runs.map((r) => firstDifference(r.fills, fills)).find(Boolean));
  if (
    strategy === 'ema-cross' &&
    (sha256.startsWith(W1_SHA) || (o.published && input === o.w1)) &&
    o.fills &&
    existsSync(join(o.fills, 'w1-fills.csv'))
  )
    check('fills are the published ones', firstDifference(fills, publishedFills(join(o.fills, 'w1-fills.csv'))));
}

async function main(): Promise<void> {
  const { values: v } = parseArgs({
    options: {
      candles: { type: 'string', default: '1051200' },
      ticks: { type: 'string', default: '1000000' },
      repeats: { type: 'string', default: '5' },
      w1: { type: 'string' },
      w2: { type: 'string' },
      w4: { type: 'string' },
      fills: { type: 'string', default: '../shared/workloads' },
      published: { type: 'boolean', default: false },
      run: { type: 'string' },
      input: { type: 'string' },
      mode: { type: 'string', default: 'generated' },
    },
  });
  const result = v.run
    ? await run(v.run as Strategy, v.input!, v.mode as 'generated' | 'interpreted')
    : await benchCandles({
        candles: Number(v.candles),
        ticks: Number(v.ticks),
        repeats: Number(v.repeats),
        w1: v.w1,
        w2: v.w2,
        w4: v.w4,
        fills: v.fills,
        published: v.published,
      });
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
if (isMain(import.meta.url)) await main();
