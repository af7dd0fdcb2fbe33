import type { Pipeline } from '../../graph/document/types.ts';
import type { RunReport } from '../run/run.ts';
import type { ReportData, TradedData } from './data.ts';
import { type BacktestRecorder, venueOf } from './recorder.ts';

export interface ReportSources {
  pipeline: Pipeline;
  run: RunReport;
  recorder: BacktestRecorder;
  inputs: readonly string[];
  profile: string | null;
  versions: { chimera: string; node: string };
}

/** All that a report draws and lists. */
export const reportData = (sources: ReportSources): ReportData => ({
  ...tradedData(sources),
  fills: sources.recorder.fills,
});

/** Puts together what a run told and what the recorder saw. */
export function tradedData({ pipeline, run, recorder, inputs, profile, versions }: ReportSources): TradedData {
  const drawdown = recorder.curve.drawdown;
  return {
    run: {
      pipeline: pipeline.name,
      file: pipeline.file,
      profile,
      graph_hash: run.graph_hash,
      params: pipeline.params,
      inputs: inputs.map((path) => ({ path })),
      first_us: run.first_us,
      last_us: run.last_us,
      events: run.events_in,
      cycles: run.cycles,
      candles: recorder.feed.candles,
      load_s: run.load_s,
      run_s: run.run_s,
      peak_rss_bytes: run.peak_rss_bytes,
      versions,
    },
    start_balance: recorder.startBalance,
    final_balance: recorder.finalBalance,
    equity: recorder.curve.equity(),
    ...(drawdown ? { max_drawdown: drawdown } : {}),
    exposure: recorder.curve.exposure(),
    prices: recorder.prices(),
    fills: recorder.fillColumns,
    funding: recorder.funding,
    orders: recorder.orders,
    counters: run.counters,
    quality: { bad_input: run.bad_input, out_of_order: run.out_of_order, findings: {} },
    notes: notes(pipeline, recorder),
  };
}

function notes(pipeline: Pipeline, recorder: BacktestRecorder): string[] {
  const venue = venueOf(pipeline);
  const c = venue.config as Record<string, unknown>;
  const out = [`Orders met ${venue.type.type}: ${lower(venue.type.summary)}`];
  const fees = ['maker_bp', 'taker_bp']
    .filter((k) => typeof c[k] === 'number')
    .map((k) => `${k.slice(0, -3)} ${Number(c[k]) / 100} %`);
  if (fees.length > 0) out.push(`Fees: ${fees.join(', ')}.`);
  const us = ['order_latency', 'response_latency']
    .filter((k) => Number(c[k]) > 0)
    .map((k) => `${k.replace('_', ' ')} ${Number(c[k]) / 1000} ms`);
  if (us.length > 0) out.push(`Simulated ${us.join(', ')}.`);
  const kinds: Record<string, string> = {
    mark_price: 'the mark price',
    candle: 'the close of each candle',
    book_ticker: 'the mid of best bid and ask (the input has no mark price)',
    trade: 'the last trade (the input has no mark price)',
  };
  const used = [
    ...new Set(Object.keys(recorder.prices()).map((name) => recorder.feed.kind(recorder.keyIndex(name)) ?? '')),
  ].filter((k) => k !== '');
  if (used.length > 0) out.push(`Open positions are valued by ${used.map((k) => kinds[k]).join(' or ')}.`);
  return out;
}
const lower = (s: string): string => s.charAt(0).toLowerCase() + s.slice(1);
