import { type Command, Option } from 'commander';
import { parseDuration } from '../../../graph/document/duration.ts';
import { ChimeraError, KeyTable } from '../../../graph/schema/index.ts';
import type { BucketRules } from '../../../lake/s3/bucket.ts';
import type { ObjectStorage } from '../../../lake/storage.ts';
import { duration, grouped, utc } from '../../report/decimal.ts';
import { action, describe } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../io.ts';
import { loadOrExplain } from '../load-document.ts';
import { type CacheOptions, cacheOption, type InputOptions, inputCache, inputOptions, integer } from '../options.ts';
import { objectStore } from '../remote-stores.ts';
import { table } from '../table.ts';
import { take } from './lake-take.ts';

/** The lake's commands load DuckDB on first use: they import their work when they run. */
export function lake(program: Command, context: Context): void {
  const command = program
    .command('lake')
    .summary('import, list, check, compact and query recorded data')
    .description('Parquet datasets that DuckDB, Spark, Polars and pandas read as they lie.');
  importCommand(command, context);
  ls(command, context);
  sql(command, context);
  verify(command, context);
  compact(command, context);
  dataset(command, context);
  take(command, context);
}

/** The store of a lake. `bucket` is given by who writes. @throws CHM640 to CHM645 */
async function storageOf(context: Context, address: string, bucket?: BucketRules): Promise<ObjectStorage> {
  const s3 = objectStore(context, address);
  const { openStorage } = await import('../../../lake/open-storage.ts');
  return openStorage(address, { ...(s3 ? { s3 } : {}), ...(bucket ? { bucket } : {}) });
}
const LAKE = 'folder of the lake, or s3://bucket/prefix';

const megabytes = (bytes: number): string => `${grouped(bytes / 2 ** 20, 1)} MiB`;

interface ImportCommandOptions {
  to: string;
  strict?: boolean;
  symbol?: string[];
  market?: 'usdm' | 'spot';
}
function importCommand(lakeCommand: Command, context: Context): void {
  const command = lakeCommand
    .command('import')
    .summary('recorder files, archives, candles → Bronze Parquet, with a quality report')
    .description(
      'Imports files into a lake and reports their quality: gaps, duplicates, order, off-market trades, crossed books, refused lines. What a file is, is found out from its content.',
    )
    .argument('<path...>', 'recorder files, archives (zip or CSV), candles, Parquet')
    .requiredOption('--to <dir>', LAKE)
    .option('--symbol <symbol...>', 'only these, e.g. BTCUSDT')
    .addOption(new Option('--market <market>', 'market of files whose content does not tell').choices(['usdm', 'spot']))
    .option('--strict', 'refused lines make the exit code 1');
  describe(command, [
    'lake import recording.gz --to lake',
    'lake import BTCUSDT-trades-2026-03-01.zip --to lake --json',
    'lake import recording.gz --to s3://market/lake',
  ]).action(
    action(context, async (paths: string[], o: ImportCommandOptions) => {
      const { importFiles } = await import('../../../lake/import.ts');
      const { openBronzeWriter } = await import('../../../lake/bronze-writer.ts');
      const { crossedBook } = await import('../../run/crossed-book.ts');
      const keys = new KeyTable();
      const progress = context.progress('import');
      const report = await importFiles(paths, {
        to: o.to,
        storage: await storageOf(context, o.to, { create: true }),
        keys,
        openWriter: openBronzeWriter,
        bookCheck: crossedBook(keys),
        onProgress: (done, what) => progress.update(done, what),
        ...(o.symbol ? { symbols: o.symbol } : {}),
        ...(o.market ? { market: o.market } : {}),
      }).finally(() => progress.done());
      context.result(report, () => {
        const rows = Object.entries(report.rows);
        const out = [
          table(rows.map(([name, n]) => [name, `${grouped(n, 0)} rows`])),
          '',
          table([
            [
              'range',
              report.first_us === null || report.last_us === null
                ? 'nothing imported'
                : `${utc(report.first_us)} → ${utc(report.last_us)} UTC (${duration(report.last_us - report.first_us)})`,
            ],
            ['gaps', grouped(report.gaps.length, 0)],
            ['duplicates', grouped(report.duplicates, 0)],
            ['out of order', grouped(report.out_of_order, 0)],
            ['off market', grouped(report.off_market, 0)],
            ['crossed', grouped(report.crossed, 0)],
            ['refused', grouped(report.bad_input.length, 0)],
            ['content', `sha256 ${report.content_sha256.slice(0, 16)}`],
            ['time', `${report.decode_s.toFixed(2)} s to decode, ${report.write_s.toFixed(2)} s to write`],
          ]),
        ];
        for (const g of report.gaps.slice(0, 10))
          out.push(`  gap in ${g.dataset} of ${g.key}: ${g.from} → ${g.to} (${g.kind})`);
        for (const b of report.bad_input.slice(0, 10)) out.push(`  ${b.file}:${b.line} ${b.code} ${b.message}`);
        if (report.gaps.length > 10 || report.bad_input.length > 10) out.push('  … (all of them with --json)');
        return out.join('\n');
      });
      return o.strict && report.bad_input.length > 0 ? EXIT.differs : EXIT.ok;
    }),
  );
}

function ls(lakeCommand: Command, context: Context): void {
  const command = lakeCommand
    .command('ls')
    .summary('what a lake holds')
    .description('Lists the datasets of a lake from its manifest.')
    .argument('<dir>', LAKE);
  describe(command, ['lake ls lake', 'lake ls lake --json']).action(
    action(context, async (dir: string) => {
      const { listLake } = await import('../../../lake/inspect.ts');
      const found = await listLake(dir, await storageOf(context, dir));
      context.result(found, () =>
        table(
          [
            ['dataset', 'rows', 'files', 'size', 'first (UTC)', 'last (UTC)', 'instruments'],
            ...found.datasets.map((d) => [
              `${d.tier}.${d.dataset}`,
              grouped(d.rows, 0),
              grouped(d.files, 0),
              megabytes(d.bytes),
              utc(d.first_us),
              utc(d.last_us),
              d.keys.length > 4 ? `${d.keys.slice(0, 4).join(', ')} +${d.keys.length - 4}` : d.keys.join(', '),
            ]),
          ],
          [1, 2, 3],
        ),
      );
    }),
  );
}

function sql(lakeCommand: Command, context: Context): void {
  const command = lakeCommand
    .command('sql')
    .summary('one read-only query over a lake')
    .description(
      'Runs one read-only SQL statement (DuckDB). Every dataset is a table: trade, depth, book_ticker …, with t_avail, market, symbol and date.',
    )
    .argument('<dir>', LAKE)
    .argument('<query>', 'SELECT, DESCRIBE, SUMMARIZE …')
    .addOption(
      new Option('--format <format>', 'how rows are printed').choices(['table', 'json', 'csv']).default('table'),
    );
  describe(command, [
    `lake sql lake "SELECT symbol, count(*) FROM trade GROUP BY symbol"`,
    `lake sql lake "DESCRIBE depth"`,
    `lake sql lake "SELECT * FROM bronze.trade LIMIT 5" --format csv`,
  ]).action(
    action(context, async (dir: string, query: string, o: { format: 'table' | 'json' | 'csv' }) => {
      const { formatSql, lakeSql } = await import('../../../lake/sql.ts');
      const result = await lakeSql(dir, query, { storage: await storageOf(context, dir) });
      context.result(result, () => formatSql(result, o.format));
      if (result.truncated) context.note('there are more rows: add a LIMIT, or aggregate');
    }),
  );
}

function verify(lakeCommand: Command, context: Context): void {
  const command = lakeCommand
    .command('verify')
    .summary('check every file against the manifest')
    .description('Reads every file of a lake: there, its hash, its rows, their order and range. All problems at once.')
    .argument('<dir>', LAKE);
  describe(command, ['lake verify lake']).action(
    action(context, async (dir: string) => {
      const { verifyLake } = await import('../../../lake/inspect.ts');
      const progress = context.progress('verify');
      const result = await verifyLake(dir, {
        storage: await storageOf(context, dir),
        onProgress: (done, total) => progress.update(total === 0 ? 1 : done / total, `${done} of ${total} files`),
      }).finally(() => progress.done());
      context.result(result, () => {
        const out = result.problems.map((p) => context.paint('stdout', 'red', `${p.file} ${p.code} ${p.message}`));
        for (const o of result.orphans) out.push(`${o}: not in the manifest, not read`);
        out.push(
          `${grouped(result.files, 0)} files, ${grouped(result.rows, 0)} rows, ${megabytes(result.bytes)}: ${result.ok ? 'all hold' : `${result.problems.length} problems`}`,
        );
        return out.join('\n');
      });
      return result.ok ? EXIT.ok : EXIT.differs;
    }),
  );
}

function compact(lakeCommand: Command, context: Context): void {
  const command = lakeCommand
    .command('compact')
    .summary('join small files of closed days')
    .description('Joins the small files of closed days. Readers see every row once, before, meanwhile and after.')
    .argument('<dir>', LAKE)
    .option('--before <date>', 'only days before this one (YYYY-MM-DD); default: the last day of the lake')
    .option('--min-files <n>', 'leave partitions with fewer files alone', integer(2));
  describe(command, ['lake compact lake', 'lake compact lake --before 2026-03-01']).action(
    action(context, async (dir: string, o: { before?: string; minFiles?: number }) => {
      if (o.before !== undefined && !/^\d{4}-\d{2}-\d{2}$/.test(o.before))
        throw new ChimeraError('CHM911', `--before ${o.before} is not a date`, { help: 'write YYYY-MM-DD' });
      const { compactLake } = await import('../../../lake/compact.ts');
      const progress = context.progress('compact');
      const r = await compactLake(dir, {
        storage: await storageOf(context, dir, {}),
        nowUs: Date.now() * 1000,
        onProgress: (done, total) => progress.update(total === 0 ? 1 : done / total, `${done} of ${total} partitions`),
        ...(o.before === undefined ? {} : { before: o.before }),
        ...(o.minFiles === undefined ? {} : { minFiles: o.minFiles }),
      }).finally(() => progress.done());
      context.result(
        { ok: true, ...r },
        () =>
          `${grouped(r.partitions, 0)} partitions: ${grouped(r.files_before, 0)} files (${megabytes(r.bytes_before)}) became ${grouped(r.files_after, 0)} (${megabytes(r.bytes_after)}); ${grouped(r.moved_out, 0)} old files moved out`,
      );
    }),
  );
}

interface DatasetOptions extends InputOptions, CacheOptions {
  horizons: string;
  to: string;
  features?: string;
  price?: string;
  checkPrefix?: number;
  seed?: number;
}
function dataset(lakeCommand: Command, context: Context): void {
  const command = lakeCommand
    .command('dataset')
    .summary('a training set: features at each decision, and what followed')
    .description(
      'Runs a pipeline and writes, for each decision, its features as they were then and the return over each horizon after it: joined point in time, so that no row sees its future.',
    )
    .argument('<pipeline>', 'pipeline document with a feature.join');
  cacheOption(inputOptions(command))
    .requiredOption('--horizons <list>', 'how far to look ahead: 12h,24h')
    .requiredOption('--to <file>', 'file to write: .parquet or .arrow')
    .option('--features <node.port>', 'which features; default: the only feature.join')
    .option('--price <node.port.field>', 'price whose return is the label; default: the close of the triggering bar')
    .option(
      '--check-prefix <n>',
      'cut the input at n random places and compare: proves that no row saw its future',
      integer(1, 10_000),
    )
    .option('--seed <n>', 'seed of the places', integer(0));
  describe(command, [
    'lake dataset pipelines/trend.yaml --input lake --horizons 12h,24h --to train.parquet',
    'lake dataset pipelines/trend.yaml --input lake --horizons 1m --to train.arrow --check-prefix 20',
  ]).action(
    action(context, async (file: string, o: DatasetOptions) => {
      const horizons = o.horizons.split(',').map((h) => h.trim());
      for (const h of horizons)
        if (!(parseDuration(h)! > 0))
          throw new ChimeraError('CHM911', `--horizons ${o.horizons}: "${h}" is no duration`, {
            help: 'write durations such as 12h,24h (ms, s, m, h, d)',
          });
      if (!/\.(parquet|arrow)$/.test(o.to))
        throw new ChimeraError('CHM911', `--to ${o.to} is neither a Parquet nor an Arrow file by its name`, {
          help: 'end the name in .parquet or .arrow',
        });
      const pipeline = loadOrExplain(context, file, o);
      const s3 = objectStore(context, ...(o.input ?? []));
      const { makeDataset } = await import('../../run/dataset.ts');
      const progress = context.progress('dataset');
      const report = await makeDataset({
        pipeline,
        inputs: o.input ?? [],
        cache: inputCache(o, context.io.env),
        ...(s3 ? { s3 } : {}),
        horizons,
        to: o.to,
        onProgress: ({ events, now }) => progress.update(undefined, `${utc(now)}  ${grouped(events, 0)} events`),
        onCheck: (done, of) => progress.update(done / of, `cut ${done} of ${of}`),
        ...(o.features === undefined ? {} : { features: o.features }),
        ...(o.price === undefined ? {} : { price: o.price }),
        ...(o.checkPrefix === undefined ? {} : { checkPrefix: o.checkPrefix }),
        ...(o.seed === undefined ? {} : { seed: o.seed }),
      }).finally(() => progress.done());
      const leaked = report.prefix_check?.changed ?? null;
      context.result({ ok: leaked === null, ...report }, () => {
        const out = [
          table([
            ['rows', grouped(report.rows, 0)],
            ['columns', `${report.columns.length}: ${report.columns.join(', ')}`],
            [
              'range',
              report.first_us === null || report.last_us === null
                ? 'none'
                : `${utc(report.first_us)} → ${utc(report.last_us)} UTC`,
            ],
            [
              'dropped',
              Object.entries(report.dropped)
                .map(([k, n]) => `${k.replaceAll('_', ' ')} ${grouped(n, 0)}`)
                .join(', '),
            ],
            ['file', o.to],
          ]),
        ];
        if (report.prefix_check)
          out.push(
            leaked === null
              ? context.paint(
                  'stdout',
                  'green',
                  `no row changed in ${report.prefix_check.cuts} cuts: no row saw its future`,
                )
              : context.paint(
                  'stdout',
                  'red',
                  `row ${leaked.row} saw its future: ${leaked.column} changes when the input ends after ${leaked.events} events`,
                ),
          );
        return out.join('\n');
      });
      return leaked === null ? EXIT.ok : EXIT.differs;
    }),
  );
}
