import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import type { Pipeline } from '../../../graph/document/types.ts';
import { ChimeraError } from '../../../graph/schema/index.ts';
import { grouped, utc } from '../../report/decimal.ts';
import { grid, type ParameterSet, readSets } from '../../sweep/parameter-sets.ts';
import { SORTS, type Sort, type SweepRow, sweepCsv, sweepRows } from '../../sweep/table.ts';
import { action, describe } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../io.ts';
import { fileReader, loadFile, loadOrExplain } from '../load-document.ts';
import {
  type CacheOptions,
  cacheOption,
  collect,
  type InputOptions,
  inputCache,
  inputOptions,
  integer,
  pairs,
} from '../options.ts';
import { table } from '../table.ts';
import { writeResult } from '../write-result.ts';

interface Options extends InputOptions, CacheOptions {
  vary?: string[];
  sets?: string;
  sort: Sort;
  top: number;
  out?: string;
  jobs: number;
  seed?: number;
  strict?: boolean;
}

/** Columns of the table on a terminal, behind the parameters. */
const SHOWN = ['trades', 'fills', 'total_return', 'sharpe', 'max_drawdown', 'profit_factor', 'final_equity'] as const;

export function sweep(program: Command, context: Context): void {
  const command = program
    .command('sweep')
    .summary('backtest a pipeline under many parameter sets at once')
    .description(
      'Runs a pipeline under every combination of parameters over the same input. What the sets have in common is computed once; the figures of each set are those of `chimera backtest` with its values.',
    )
    .argument('<pipeline>', 'pipeline document');
  cacheOption(inputOptions(command))
    .option('--vary <name=values>', 'values of a parameter: 5..20, 5..50:5 or 5,8,13; repeatable', collect)
    .option('--sets <file>', 'the sets themselves: CSV with a header, or a JSON array of objects')
    .addOption(new Option('--sort <figure>', 'best first by this figure').choices(SORTS).default('sharpe'))
    .option('--top <n>', 'rows to print', integer(1), 20)
    .option('--out <file>', 'write the whole table: .csv, .json or .parquet')
    .option('--jobs <n>', 'worker threads; their inputs are decoded once', integer(1, 256), 1)
    .option('--seed <n>', 'seed of sources that synthesise', integer(0))
    .option('--strict', 'refused inputs make the exit code 1');
  describe(command, [
    'sweep pipelines/bench/ema-cross.yaml --input BTCUSDT-1m.csv --vary fast=5..20 --vary slow=20..60:5',
    'sweep pipelines/bench/ema-cross.yaml --input BTCUSDT-1m.csv --sets sets.csv --sort total_return --out out/sweep.parquet',
    'sweep pipelines/bench/ema-cross.yaml --input BTCUSDT-1m.csv --vary fast=5..24 --vary slow=30..75:5 --jobs 2 --json',
  ]).action(
    action(context, async (file: string, options: Options) => {
      const started = performance.now();
      const cpu = process.cpuUsage();
      const sets = setsOf(options);
      const fixed = pairs(options.set, '--set');
      for (const name of Object.keys(sets[0]!))
        if (name in fixed)
          throw new ChimeraError('CHM911', `${name} is both fixed and varied`, { help: 'name it once' });
      if (options.out !== undefined && !/\.(csv|json|parquet)$/.test(options.out))
        throw new ChimeraError('CHM911', `--out ${options.out}: its format is not known`, {
          help: 'write .csv, .json or .parquet',
        });
      const reader = fileReader(file, options);
      const read = (s: ParameterSet): Pipeline => {
        const set = [...(options.set ?? []), ...Object.entries(s).map(([k, v]) => `${k}=${v}`)];
        // Only what does not lint is told; warnings would be told once for each set.
        return reader(set).pipeline ?? loadOrExplain(context, file, { ...options, set });
      };
      const run = await (options.jobs > 1 && sets.length > 1
        ? parallel(context, file, options, sets, read, fixed)
        : single(context, options, sets.map(read)));
      const rows = sweepRows(sets, run.figures, options.sort);
      if (options.out !== undefined) await write(options.out, rows);
      const used = process.cpuUsage(cpu);
      const ok = !(options.strict && run.bad_input.length > 0);
      const wall_s = (performance.now() - started) / 1000;
      context.result(
        {
          ok,
          sets: sets.length,
          jobs: options.jobs,
          events_in: run.events_in,
          nodes: run.nodes,
          bad_input: run.bad_input,
          wall_s,
          cpu_s: (used.user + used.system) / 1e6,
          peak_rss_bytes: process.resourceUsage().maxRSS * 1024,
          rows,
        },
        () =>
          [
            `${grouped(sets.length, 0)} sets, ${grouped(run.events_in, 0)} inputs, ${wall_s.toFixed(2)} s; ${run.nodes.run} nodes did the work of ${run.nodes.all}`,
            '',
            shown(Object.keys(sets[0]!), rows.slice(0, options.top)),
          ].join('\n'),
      );
      return ok ? EXIT.ok : EXIT.differs;
    }),
  );
}

function setsOf({ vary, sets }: Options): ParameterSet[] {
  if ((vary === undefined) === (sets === undefined))
    throw new ChimeraError('CHM911', 'a sweep needs either --vary or --sets', {
      help: 'for example --vary fast=5..20 --vary slow=20..60:5, or --sets sets.csv',
    });
  return vary ? grid(vary) : readSets(sets!);
}

async function single(context: Context, options: Options, pipelines: readonly Pipeline[]) {
  const { runSweep } = await import('../../sweep/run-sweep.ts');
  const progress = context.progress(`${pipelines.length} sets`);
  try {
    return await runSweep(pipelines, {
      inputs: options.input ?? [],
      cache: inputCache(options, context.io.env),
      ...(options.seed === undefined ? {} : { seed: options.seed }),
      ...(context.io.signal ? { signal: context.io.signal } : {}),
      onProgress: ({ events, now }) => progress.update(undefined, `${utc(now)}  ${grouped(events, 0)} events`),
    });
  } finally {
    progress.done();
  }
}

async function parallel(
  context: Context,
  file: string,
  options: Options,
  sets: readonly ParameterSet[],
  read: (set: ParameterSet) => Pipeline,
  fixed: Readonly<Record<string, string>>,
) {
  const { runParallel } = await import('../../sweep/parallel.ts');
  const { sources } = loadFile(file, { ...options, set: [] });
  const [own, profile] = [...sources];
  return runParallel({
    read,
    document: {
      text: own![1],
      file,
      sets: fixed,
      ...(profile ? { profile: { file: profile[0], text: profile[1] } } : {}),
    },
    sets,
    inputs: options.input ?? [],
    cache: inputCache(options, context.io.env),
    jobs: Math.min(options.jobs, sets.length),
    ...(options.seed === undefined ? {} : { seed: options.seed }),
    ...(context.io.signal ? { signal: context.io.signal } : {}),
  });
}

async function write(file: string, rows: readonly SweepRow[]): Promise<void> {
  if (file.endsWith('.json')) return writeResult(file, `${JSON.stringify(rows, null, 1)}\n`);
  if (file.endsWith('.csv')) return writeResult(file, sweepCsv(rows));
  const { DuckDb, sqlText } = await import('../../../lake/duckdb.ts');
  const dir = mkdtempSync(join(tmpdir(), 'chimera-sweep-'));
  const db = await DuckDb.open();
  try {
    // Empty first: the folder is made, and a file that cannot be written says so in its own words.
    writeResult(file, '');
    writeFileSync(join(dir, 'rows.csv'), sweepCsv(rows));
    const c = await db.connect();
    await c.run(
      `COPY (FROM read_csv(${sqlText(join(dir, 'rows.csv'))}, header = true)) TO ${sqlText(file)} (FORMAT parquet)`,
    );
  } finally {
    db.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

function shown(names: readonly string[], rows: readonly SweepRow[]): string {
  const columns = [...names, ...SHOWN];
  const cell = (r: SweepRow, name: string): string => {
    const v = r[name];
    if (v === null || v === undefined) return '–';
    if (typeof v === 'string' || names.includes(name)) return String(v);
    if (name === 'total_return' || name === 'max_drawdown') return `${(v * 100).toFixed(2)} %`;
    return Number.isInteger(v) ? grouped(v, 0) : grouped(v, 2);
  };
  return table(
    [columns, ...rows.map((r) => columns.map((c) => cell(r, c)))],
    columns.map((_, i) => i),
  );
}
