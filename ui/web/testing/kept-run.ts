import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KeyTable } from '../../../graph/schema/index.ts';
import { writeRunFile } from '../../api/runs/run-folder.ts';
import { home, version } from '../../cli/version.ts';
import { graphOf, rulesOf } from '../../observe/describe-run.ts';
import { metrics } from '../../report/metrics.ts';
import { BacktestRecorder } from '../../report/recorder.ts';
import { reportData } from '../../report/report-data.ts';
import { toHtml } from '../../report/to-html.ts';
import { toJson } from '../../report/to-json.ts';
import { runJob } from '../../run/run.ts';
import { synthetic, trend } from '../../run/testing/trend.ts';

/** A backtest of `pipelines/trend.yaml` over a minute of the synthetic market, kept in the home as `chimera backtest` keeps it. */
export async function keptRun(dir: string, id: string, edit?: (yaml: string) => string): Promise<void> {
  const folder = join(dir, id);
  mkdirSync(folder, { recursive: true });
  const profile = synthetic('rate: 40', '1m');
  const pipeline = trend(profile, edit);
  const keys = new KeyTable();
  const recorder = new BacktestRecorder(pipeline, keys);
  const started_ms = Date.now();
  const run = await runJob({
    pipeline,
    inputs: [],
    keys,
    watch: recorder.watch,
    state: join(folder, 'state'),
    onTap: (tap) => recorder.onTap(tap),
    onBlock: (s, b, r) => recorder.onBlock(s, b, r),
    onCommit: (mark) => recorder.onCommit(mark.now),
  });
  const data = reportData({
    pipeline,
    run,
    recorder,
    inputs: [],
    profile: 'synthetic',
    versions: { chimera: version(), node: process.versions.node },
  });
  const m = metrics(data);
  writeFileSync(join(folder, 'report.html'), toHtml(data, m));
  writeFileSync(join(folder, 'report.json'), toJson(data, m));
  const yaml = readFileSync(join(home(), 'pipelines', 'trend.yaml'), 'utf8');
  writeRunFile(folder, {
    chimera_run: 1,
    run: {
      id,
      pipeline: pipeline.name,
      profile: 'synthetic',
      kind: 'backtest',
      state: 'ended',
      graph_hash: pipeline.hash,
      started_ms,
      ended_ms: Date.now(),
      figures: { events: run.events_in, trades: m.trades, net_profit: m.net_profit },
      parity: { identical: edit === undefined, first_difference: null },
      has_report: true,
    },
    graph: graphOf(pipeline, id, edit ? edit(yaml) : yaml),
    rules: rulesOf(pipeline),
    bound: { file: 'pipelines/trend.yaml', profile: { file: 'pipelines/profiles/test.yaml', text: profile } },
    state: join(folder, 'state'),
    report: join(folder, 'report'),
  });
}
