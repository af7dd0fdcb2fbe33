import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { loadPipeline } from '../../../graph/document/load.ts';
import type { Pipeline } from '../../../graph/document/types.ts';
import { createPlan } from '../../../graph/plan/plan.ts';
import { ChimeraError, KeyTable } from '../../../graph/schema/index.ts';
import { moneyText } from '../../report/decimal.ts';
import { metrics } from '../../report/metrics.ts';
import { BacktestRecorder } from '../../report/recorder.ts';
import { reportData } from '../../report/report-data.ts';
import { toHtml } from '../../report/to-html.ts';
import { toJson } from '../../report/to-json.ts';
import { toMarkdown } from '../../report/to-markdown.ts';
import { compareTaps, type Difference } from '../../run/compare-taps.ts';
import { idleNodes } from '../../run/parity.ts';
import { portsOf, type RunReport, runJob } from '../../run/run.ts';
import { readText } from '../load-document.ts';
import { registry } from '../registry.ts';
import { home, version } from '../version.ts';
import { writeResult } from '../write-result.ts';
import type { LiveState } from './frame.ts';

export interface TourOptions {
  /** Recorder files, a lake, or a folder of recordings; empty = the synthetic market. */
  inputs: readonly string[];
  /** Length of the synthetic market. */
  seconds: number;
  seed: number;
  pace: number;
  /** Folder for what the tour leaves behind; emptied first. */
  dir: string;
  signal?: AbortSignal;
  onLive?: (state: LiveState) => void;
  onStage?: (text: string) => void;
}
export interface TourResult {
  identical: boolean;
  first_difference: Difference | null;
  /** Nodes that should have traded and did not; they do not spoil the verdict of a tour, but it says so. */
  idle: string[];
  nodes: number;
  values: number;
  events: number;
  orders: BacktestRecorder['orders'];
  fills: number;
  final_balance: string;
  live_s: number;
  replay_s: number;
  report: string;
  /** Only the replay of what was captured by then. */
  interrupted: boolean;
}

const PRESET = { preset: 'recording' };

/** A market is played live and captured; what was captured is run again; every output of every node is compared. */
export async function tour(o: TourOptions): Promise<TourResult> {
  const inputs = o.inputs.flatMap(recordings);
  const file = join(home(), 'pipelines', 'trend.yaml');
  const live = load(file, inputs.length > 0 ? profile('replay') : syntheticProfile(o.seconds));
  const replayed = load(file, profile('replay'));
  const dirs = Object.fromEntries(['lake', 'state', 'live', 'replay'].map((d) => [d, join(o.dir, d)])) as Record<
    'lake' | 'state' | 'live' | 'replay',
    string
  >;
  // Only what an earlier tour left: the folder itself may be the user's.
  for (const d of Object.values(dirs)) rmSync(d, { recursive: true, force: true });
  mkdirSync(o.dir, { recursive: true });

  const keys = new KeyTable();
  const recorder = new BacktestRecorder(live, keys);
  const watcher = new LiveWatcher(recorder, o, inputs.length > 0 ? undefined : o.seconds * 1e6);
  const run = await runJob({
    pipeline: live,
    inputs,
    keys,
    seed: o.seed,
    pace: o.pace,
    tapAll: dirs.live,
    state: dirs.state,
    capture: dirs.lake,
    watch: recorder.watch,
    commitInputs: 500,
    onTap: (tap) => recorder.onTap(tap),
    onBlock: (s, b, r) => recorder.onBlock(s, b, r),
    onCommit: (mark) => recorder.onCommit(mark.now),
    onProgress: (p) => watcher.see(p.events, p.now),
    ...(o.signal ? { signal: o.signal } : {}),
  });
  const interrupted = o.signal?.aborted === true;
  if (interrupted)
    throw new ChimeraError('CHM918', 'the tour was interrupted', { help: 'run it again; --seconds makes it shorter' });

  o.onStage?.('replaying what was captured, as fast as it goes');
  const again = await runJob({ pipeline: replayed, inputs: [dirs.lake], tapAll: dirs.replay, seed: o.seed });
  o.onStage?.('comparing every output');
  const plan = createPlan(live);
  const first = await compareTaps(dirs.live, dirs.replay, portsOf(plan));
  const rows = Object.fromEntries(Object.entries(again.taps).map(([port, t]) => [port, t.rows]));
  const report = writeReport(o, live, run, recorder, inputs);
  return {
    identical: first === null && again.events_in === run.events_in,
    first_difference: first,
    idle: idleNodes(plan, rows),
    nodes: plan.nodes.length,
    values: Object.values(rows).reduce((a, n) => a + n, 0),
    events: run.events_in,
    orders: recorder.orders,
    fills: recorder.fills.length,
    final_balance: moneyText(recorder.finalBalance),
    live_s: run.run_s,
    replay_s: again.load_s + again.run_s,
    report,
    interrupted,
  };
}

/** Gathers the live screen's figures; speaks at most ten times a second. */
class LiveWatcher {
  readonly #recorder: BacktestRecorder;
  readonly #o: TourOptions;
  readonly #spanUs: number | undefined;
  readonly #first = new Map<string, number>();
  #started: { wall: number; now: number } | undefined;
  #shown = 0;
  #worst = 0;
  #mark = { wall: 0, events: 0 };
  #rate = 0;
  constructor(recorder: BacktestRecorder, o: TourOptions, spanUs: number | undefined) {
    this.#recorder = recorder;
    this.#o = o;
    this.#spanUs = spanUs;
  }
  see(events: number, nowUs: number): void {
    const wall = performance.now();
    this.#started ??= { wall, now: nowUs };
    this.#worst = Math.max(this.#worst, wall - this.#started.wall - (nowUs - this.#started.now) / 1000 / this.#o.pace);
    if (wall - this.#shown < 100) return;
    this.#shown = wall;
    if (wall - this.#mark.wall >= 1000) {
      this.#rate = this.#mark.wall === 0 ? 0 : ((events - this.#mark.events) / (wall - this.#mark.wall)) * 1000;
      this.#mark = { wall, events };
    }
    const r = this.#recorder;
    const instruments = r.instruments().map((i) => {
      if (!this.#first.has(i.name)) this.#first.set(i.name, i.px);
      return { ...i, first: this.#first.get(i.name)! };
    });
    this.#o.onLive?.({
      title:
        this.#spanUs === undefined
          ? 'chimera · a recorded market, played live'
          : 'chimera · a synthetic market, played live',
      share: this.#spanUs === undefined ? undefined : (nowUs - this.#started.now) / this.#spanUs,
      nowUs,
      events,
      eventsPerSecond: this.#rate,
      lagMs: Math.max(0, this.#worst),
      instruments,
      orders: r.orders,
      fills: r.fills.length,
      startBalance: r.startBalance,
      equity: r.curve.last ?? r.startBalance,
      fees: r.fills.reduce((a, f) => a + Number(f.fee), 0),
    });
    this.#worst = 0;
  }
}

function writeReport(
  o: TourOptions,
  pipeline: Pipeline,
  run: RunReport,
  recorder: BacktestRecorder,
  inputs: readonly string[],
): string {
  const data = reportData({
    pipeline,
    run,
    recorder,
    inputs,
    profile: inputs.length > 0 ? 'replay' : 'synthetic',
    versions: { chimera: version(), node: process.versions.node },
  });
  const m = metrics(data);
  const base = join(o.dir, 'report');
  writeResult(`${base}.html`, toHtml(data, m));
  writeResult(`${base}.md`, toMarkdown(data, m));
  writeResult(`${base}.json`, toJson(data, m));
  return `${base}.html`;
}

function load(file: string, bound: { file: string; text: string }): Pipeline {
  const { pipeline, diagnostics } = loadPipeline(readText(file), file, registry, { sets: PRESET, profile: bound });
  if (pipeline) return pipeline;
  const d = diagnostics.find((x) => x.severity === 'error')!;
  throw new ChimeraError(d.code, d.message, { file: d.file, line: d.line, column: d.column });
}
function profile(name: string): { file: string; text: string } {
  const file = join(home(), 'pipelines', 'profiles', `${name}.yaml`);
  return { file, text: readText(file) };
}
/** The synthetic profile, with the length that was asked for. */
function syntheticProfile(seconds: number): { file: string; text: string } {
  const { file, text } = profile('synthetic');
  const doc = parse(text) as { bind: { market: { with: Record<string, unknown> } } };
  doc.bind.market.with['duration'] = `${seconds}s`;
  return { file, text: stringify(doc) };
}

/** A folder of recordings that is no lake stands for its largest compressed file. */
function recordings(path: string): string[] {
  if (!existsSync(path) || !statSync(path).isDirectory() || existsSync(join(path, 'bronze'))) return [path];
  const files = readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((f) => /usdm.*\.gz$/i.test(f))
    .map((f) => join(path, f))
    .sort((a, b) => statSync(b).size - statSync(a).size);
  return files.slice(0, 1).length > 0 ? files.slice(0, 1) : [path];
}
