import { join } from 'node:path';
import type { Command } from 'commander';
import { KeyTable } from '../../../graph/schema/index.ts';
import { buffersLetGo } from '../../../lake/free-chunks.ts';
import { moneyText } from '../../report/decimal.ts';
import { figures } from '../../report/figures.ts';
import { fillsCsv } from '../../report/fills-csv.ts';
import { metrics } from '../../report/metrics.ts';
import { BacktestRecorder } from '../../report/recorder.ts';
import { type ReportSources, reportData, tradedData } from '../../report/report-data.ts';
import { action, describe } from '../command.ts';
import type { Context } from '../context.ts';
import { boundDocument, loadOrExplain } from '../load-document.ts';
import { follow, verdict } from '../run-job.ts';
import { runText } from '../run-text.ts';
import { newRunId } from '../serving.ts';
import { table } from '../table.ts';
import { version } from '../version.ts';
import { writeResult } from '../write-result.ts';
import { type RunCommandOptions, runOptions } from './run.ts';

interface Options extends RunCommandOptions {
  fills?: string;
  report?: string;
  home?: string;
}

/** So many fills are worth a collection before their texts are made: what the run left behind is a multiple of what it holds. */
const MANY_FILLS = 20_000;

export function backtest(program: Command, context: Context): void {
  const command = program
    .command('backtest')
    .summary('run a pipeline with a venue, and report')
    .description('Runs a pipeline that trades against its simulated venue, and reports fills, equity, risk and costs.')
    .argument('<pipeline>', 'pipeline document');
  runOptions(command)
    .option('--fills <file.csv>', 'write the fills: time_ms, symbol, side, price, qty, fee, liquidity')
    .option('--report <file.html>', 'write the report, with FILE.md and FILE.json beside it')
    .option('--home <dir>', 'remember the run and its report in this folder, which `chimera serve` shows');
  describe(command, [
    'backtest pipelines/bench/ema-cross.yaml --input BTCUSDT-1m.csv',
    'backtest pipelines/bench/ema-cross.yaml --input BTCUSDT-1m.csv ETHUSDT-1m.csv --report out/report.html',
    'backtest pipelines/trend.yaml --input lake --fills fills.csv --json',
  ]).action(
    action(context, async (file: string, options: Options) => {
      const pipeline = loadOrExplain(context, file, options);
      const keys = new KeyTable();
      const drawn = options.report !== undefined || options.home !== undefined;
      const recorder = new BacktestRecorder(pipeline, keys, { prices: drawn ? true : 'names' });
      const run = await follow(context, pipeline, options, {
        keys,
        // What is reported is seen from the first input on.
        anew: true,
        watch: recorder.watch,
        onTap: (tap) => recorder.onTap(tap),
        onBlock: (source, block, reader) => recorder.onBlock(source, block, reader),
        onCommit: (mark) => recorder.onCommit(mark.now),
      });
      const { ok, code } = verdict(run, options, context);
      const sources: ReportSources = {
        pipeline,
        run,
        recorder,
        inputs: options.input ?? [],
        profile: options.profile ?? null,
        versions: { chimera: version(), node: process.versions.node },
      };
      if (recorder.fillColumns.length > MANY_FILLS) buffersLetGo();
      const data = tradedData(sources);
      const m = metrics(data, drawn);
      const started = Date.now();
      const id = newRunId(pipeline.name);
      const kept = options.home === undefined ? undefined : join(options.home, id);
      const report = options.report ?? (kept === undefined ? undefined : join(kept, 'report.html'));
      if (options.fills !== undefined) writeResult(options.fills, fillsCsv(data.fills));
      const written: string[] = [];
      if (report !== undefined) {
        const { toHtml } = await import('../../report/to-html.ts');
        const { toMarkdown } = await import('../../report/to-markdown.ts');
        const { toJson } = await import('../../report/to-json.ts');
        const base = report.replace(/\.html?$/i, '');
        const whole = reportData(sources);
        for (const [path, text] of [
          [/\.html?$/i.test(report) ? report : `${report}.html`, toHtml(whole, m)],
          [`${base}.md`, toMarkdown(whole, m)],
          [`${base}.json`, toJson(whole, m)],
        ] as const) {
          writeResult(path, text);
          written.push(path);
        }
      }
      if (kept !== undefined && report !== undefined) {
        const { keepRun } = await import('../../api/runs/keep-run.ts');
        keepRun(kept, {
          id,
          kind: 'backtest',
          pipeline,
          ...boundDocument(file, options),
          profile: options.profile ?? null,
          started_ms: started - Math.round((run.load_s + run.run_s) * 1000),
          ended_ms: started,
          figures: m,
          report: report.replace(/\.html?$/i, ''),
          ...(options.state === undefined ? {} : { state: options.state }),
        });
      }
      const all = figures(data, m);
      context.result(
        {
          ...run,
          ok,
          candles: recorder.feed.candles,
          events: run.events_in,
          trades: m.trades,
          fills: data.fills.length,
          fees: m.fees,
          funding: m.funding,
          final_balance: Number(moneyText(data.final_balance)),
          final_equity: Number(moneyText(data.equity.equity.at(-1) ?? data.final_balance)),
          total_return: m.total_return,
          sharpe: m.sharpe,
          sortino: m.sortino,
          max_drawdown: m.max_drawdown?.depth ?? 0,
          win_rate: m.win_rate,
          profit_factor: m.profit_factor,
          orders: data.orders,
          report: written,
        },
        () =>
          [
            runText(run, context),
            '',
            context.paint('stdout', 'bold', 'result'),
            table(
              all.map((f) => [`  ${f.label}`, f.value]),
              [1],
            ),
            ...(written.length > 0 ? ['', `report: ${written.join(', ')}`] : []),
          ].join('\n'),
      );
      return code;
    }),
  );
}
