import { createHash } from 'node:crypto';
import { canonical } from '../../graph/document/hash.ts';
import type { Pipeline } from '../../graph/document/types.ts';
import { type BadInput, type BlockReader, ChimeraError, KeyTable } from '../../graph/schema/index.ts';
import { moneyText } from '../report/decimal.ts';
import { fillsCsv } from '../report/fills-csv.ts';
import { metrics } from '../report/metrics.ts';
import { PriceFeed } from '../report/price-feed.ts';
import { BacktestRecorder, venueOf } from '../report/recorder.ts';
import { tradedData } from '../report/report-data.ts';
import { type RunJob, runJob } from '../run/run.ts';
import { mergePipelines } from './merge.ts';

/** What one set came to: the figures of `chimera backtest` under it. */
export interface SetFigures {
  graph_hash: string;
  trades: number;
  fills: number;
  /** Of the CSV that `chimera backtest --fills` writes. */
  fills_sha256: string;
  fees: number;
  funding: number;
  final_balance: number;
  final_equity: number;
  total_return: number;
  sharpe: number | null;
  sortino: number | null;
  max_drawdown: number;
  win_rate: number | null;
  profit_factor: number | null;
}
export interface SweepRun {
  figures: SetFigures[];
  events_in: number;
  bad_input: BadInput[];
  /** Nodes of all pipelines together, and how many of them had to run. */
  nodes: { all: number; run: number };
}
export interface SweepOptions {
  inputs: readonly string[];
  cache?: RunJob['cache'];
  /** Readers in place of the sources' own, by source. */
  readers?: Readonly<Record<string, (keys: KeyTable) => Promise<BlockReader>>>;
  keys?: KeyTable;
  seed?: number;
  commitInputs?: number;
  access?: RunJob['access'];
  signal?: AbortSignal;
  onProgress?: RunJob['onProgress'];
}

/**
 * Runs several pipelines of one document at once over the same input: what they have in common is computed once.
 * The figures of each are those that it has when it runs alone.
 * @throws CHM970 a live profile, CHM917 without a venue
 */
export async function runSweep(pipelines: readonly Pipeline[], options: SweepOptions): Promise<SweepRun> {
  if (pipelines.some((p) => p.live))
    throw new ChimeraError('CHM970', 'a sweep runs over recorded input, and this profile is live', {
      help: 'leave the profile out, or name one that replays',
    });
  const { pipeline, views } = mergePipelines(pipelines);
  const keys = options.keys ?? new KeyTable();
  // A set is valued by the prices of its own sources; where these are the same, they are taken once.
  const feeds = new Map<string, { sources: ReadonlySet<string>; feed: PriceFeed; recorders: BacktestRecorder[] }>();
  // Pipelines that do not differ before their venue share its recorder too.
  const recorders = new Map<string, BacktestRecorder>();
  const recorderOf = views.map((v) => {
    const sources = v.nodes.filter((n) => n.type.kind === 'source').map((n) => n.id);
    const from = canonical(sources);
    let f = feeds.get(from);
    if (!f) {
      f = { sources: new Set(sources), feed: new PriceFeed((i) => keys.at(i), views.length > 1), recorders: [] };
      feeds.set(from, f);
    }
    const at = canonical([venueOf(v).id, from]);
    let recorder = recorders.get(at);
    if (!recorder) {
      recorder = new BacktestRecorder(v, keys, { feed: f.feed, prices: false, exposure: false });
      recorders.set(at, recorder);
      f.recorders.push(recorder);
    }
    return recorder;
  });
  const byPort = new Map<string, BacktestRecorder[]>();
  for (const r of recorders.values()) for (const port of r.watch) byPort.set(port, [...(byPort.get(port) ?? []), r]);
  const run = await runJob({
    pipeline,
    inputs: options.inputs,
    cache: options.cache,
    keys,
    anew: true,
    watch: [...byPort.keys()],
    onTap: (tap) => {
      for (const r of byPort.get(`${tap.node}.${tap.port}`) ?? []) r.onTap(tap);
    },
    onBlock: (source, block, reader) => {
      for (const f of feeds.values()) if (f.sources.has(source)) f.feed.add(source, block, reader);
    },
    onCommit: (mark) => {
      for (const { feed, recorders } of feeds.values()) {
        let n = 0;
        for (const r of recorders) n = r.join(mark.now);
        feed.drop(n);
      }
    },
    ...(options.readers ? { readers: options.readers } : {}),
    ...(options.seed === undefined ? {} : { seed: options.seed }),
    ...(options.commitInputs === undefined ? {} : { commitInputs: options.commitInputs }),
    ...(options.access ? { access: options.access } : {}),
    ...(options.signal ? { signal: options.signal } : {}),
    ...(options.onProgress ? { onProgress: options.onProgress } : {}),
  });
  const found = new Map<BacktestRecorder, Omit<SetFigures, 'graph_hash'>>();
  const figures = pipelines.map((p, i): SetFigures => {
    const recorder = recorderOf[i]!;
    let of = found.get(recorder);
    if (!of) {
      const versions = { chimera: '', node: process.versions.node };
      const data = tradedData({ pipeline: p, run, recorder, inputs: options.inputs, profile: null, versions });
      const m = metrics(data, false);
      const fills = createHash('sha256');
      for (const part of fillsCsv(data.fills)) fills.update(part);
      of = {
        trades: m.trades,
        fills: data.fills.length,
        fills_sha256: fills.digest('hex'),
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
      };
      found.set(recorder, of);
    }
    return { graph_hash: p.hash, ...of };
  });
  const all = pipelines.reduce((n, p) => n + p.nodes.length, 0);
  return { figures, events_in: run.events_in, bad_input: run.bad_input, nodes: { all, run: pipeline.nodes.length } };
}
