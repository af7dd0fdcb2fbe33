import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import type { MessagePort } from 'node:worker_threads';
import { loadPipeline } from '../../../graph/document/load.ts';
import type { Pipeline } from '../../../graph/document/types.ts';
import { createPlan } from '../../../graph/plan/plan.ts';
import { ChimeraError, KeyTable } from '../../../graph/schema/index.ts';
import { liveOffers } from '../../observe/live-offers.ts';
import { type Observed, observeJob } from '../../observe/observe-job.ts';
import { MONEY_SCALE, moneyText } from '../../report/decimal.ts';
import { metrics } from '../../report/metrics.ts';
import { BacktestRecorder } from '../../report/recorder.ts';
import { reportData } from '../../report/report-data.ts';
import { toHtml } from '../../report/to-html.ts';
import { toJson } from '../../report/to-json.ts';
import { toMarkdown } from '../../report/to-markdown.ts';
import { compareTaps, type Difference } from '../../run/compare-taps.ts';
import { openConnection } from '../../run/connection.ts';
import type { JournalStats } from '../../run/journals.ts';
import { type LiveJob, type LiveReport, replayLive, runLive } from '../../run/live.ts';
import type { MemoryTrend } from '../../run/memory-trend.ts';
import { idleNodes } from '../../run/parity.ts';
import { portsOf, type RunReport } from '../../run/run.ts';
import { readText } from '../load-document.ts';
import { registry } from '../registry.ts';
import { home, version } from '../version.ts';
import { writeResult } from '../write-result.ts';
import type { LiveState } from './frame.ts';

export interface TourOptions {
  /** Recorder files, a lake, or a folder of recordings, played by the venue; empty = its synthetic market. */
  inputs: readonly string[];
  /** Length of the live run, on the wall. */
  seconds: number;
  seed: number;
  /** Seconds of the market per second of the wall. */
  pace: number;
  /** Folder for what the tour leaves behind. */
  dir: string;
  /** Starts this program once more. */
  command: readonly string[];
  env: Readonly<Record<string, string | undefined>>;
  /** Ends the live run early; what was captured by then is replayed. */
  signal?: AbortSignal;
  /** A line to the page: the run is shown there while it goes on. */
  line?: () => MessagePort;
  onLive?: (state: LiveState) => void;
  onStage?: (text: string) => void;
}
export interface TourResult {
  /** Every value of every node is the same, and every node that decides or trades had something to say. */
  identical: boolean;
  first_difference: Difference | null;
  /** Nodes that should have traded and did not: about them the comparison proves nothing. */
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
  /** The live run was ended early. */
  interrupted: boolean;
  /** Of the process that traded. */
  memory: MemoryTrend;
  /** What was written down, and how much of it had become part of the lake. */
  journal: JournalStats | null;
}

const PRESET = 'recording';
const BALANCE_USDT = 10_000;

/**
 * A venue of our own is started as a process, the trend pipeline trades on it through ccxt, and what arrived is captured; then
 * the capture is run again, and every output of every node is compared.
 */
export async function tour(o: TourOptions): Promise<TourResult> {
  const inputs = o.inputs.flatMap(recordings);
  const file = join(home(), 'pipelines', 'trend.yaml');
  const dirs = Object.fromEntries(['lake', 'state', 'live', 'replay'].map((d) => [d, join(o.dir, d)])) as Record<
    'lake' | 'state' | 'live' | 'replay',
    string
  >;
  // Only what an earlier tour left: the folder itself may be the user's.
  for (const d of Object.values(dirs)) rmSync(d, { recursive: true, force: true });
  mkdirSync(o.dir, { recursive: true });

  o.onStage?.('starting the venue');
  const paper = { connection: 'local', clock: 'venue', rate: o.pace } as const;
  const connection = await openConnection(paper, {
    command: o.command,
    env: o.env,
    seed: o.seed,
    rate: o.pace,
    inputs,
    balanceUsdt: BALANCE_USDT,
  });
  let run: LiveReport;
  let pipeline: Pipeline;
  let recorder: BacktestRecorder;
  let observed: Observed<LiveJob> | undefined;
  let timer: NodeJS.Timeout | undefined;
  try {
    const symbols = await symbolsOf(connection.venue!.usdm.rest);
    const sets = { preset: PRESET, symbols: JSON.stringify(symbols) };
    pipeline = load(file, profile('paper'), sets);
    const keys = new KeyTable();
    recorder = new BacktestRecorder(pipeline, keys, { startBalance: BALANCE_USDT * MONEY_SCALE });
    const watcher = new LiveWatcher(recorder, o, o.seconds * 1e6 * o.pace);
    const ends = new AbortController();
    timer = setTimeout(() => ends.abort(), o.seconds * 1000);
    const job: LiveJob = {
      pipeline,
      connection,
      keys,
      tapAll: dirs.live,
      state: dirs.state,
      capture: dirs.lake,
      watch: recorder.watch,
      stop: o.signal ? AbortSignal.any([o.signal, ends.signal]) : ends.signal,
      final: true,
      onTap: (tap) => recorder.onTap(tap),
      onBlock: (s, b, r) => recorder.onBlock(s, b, r),
      onCommit: (mark, journal) => {
        recorder.onCommit(mark.now);
        watcher.journals(journal);
      },
      onProgress: (p) => watcher.see(p.events, p.now),
    };
    const document = { file, text: readText(file), profile: profile('paper'), sets };
    const offered = liveOffers({ ...job, document });
    observed =
      o.line &&
      observeJob(offered.job, {
        offers: offered.offers,
        reconciler: offered.reconciler,
        port: o.line(),
        id: basename(resolve(o.dir)),
        kind: 'live',
        profile: 'paper',
        yaml: readText(file),
        bound: { file, profile: profile('paper'), sets },
        dir: o.dir,
        state: dirs.state,
        capture: dirs.lake,
        clock: () => connection.clock.now(),
      });
    run = await runLive(observed?.job ?? job);
  } catch (e) {
    observed?.end({ state: 'failed' });
    throw e;
  } finally {
    clearTimeout(timer);
    await connection.close();
  }

  o.onStage?.('replaying what was captured, as fast as it goes');
  const live = { pipeline, state: dirs.state, capture: dirs.lake, final: true };
  const again = await replayLive(live, run.until_us, { tapAll: dirs.replay });
  o.onStage?.('comparing every output');
  const plan = createPlan(pipeline);
  const first = await compareTaps(dirs.live, dirs.replay, portsOf(plan));
  const rows = Object.fromEntries(Object.entries(again.taps).map(([port, t]) => [port, t.rows]));
  const idle = idleNodes(plan, rows);
  const report = writeReport(o, pipeline, run, recorder, inputs);
  observed?.end({
    state: 'ended',
    parity: { identical: first === null, first_difference: first },
    report: join(o.dir, 'report'),
    figures: {
      events: run.events_in,
      orders: recorder.orders.placed,
      fills: recorder.fillColumns.length,
      final_balance_usdt: Number(moneyText(recorder.finalBalance)),
    },
  });
  return {
    identical: first === null && again.events_in === run.events_in && idle.length === 0,
    first_difference: first,
    idle,
    nodes: plan.nodes.length,
    values: Object.values(rows).reduce((a, n) => a + n, 0),
    events: run.events_in,
    orders: recorder.orders,
    fills: recorder.fillColumns.length,
    final_balance: moneyText(recorder.finalBalance),
    live_s: run.run_s,
    replay_s: again.load_s + again.run_s,
    report,
    interrupted: o.signal?.aborted === true,
    memory: run.memory,
    journal: run.journal ?? null,
  };
}

/** What the venue lists. */
async function symbolsOf(rest: string): Promise<string[]> {
  const answer = await fetch(`${rest}/fapi/v1/exchangeInfo`);
  const info = (await answer.json()) as { symbols: { symbol: string }[] };
  return info.symbols.map((s) => s.symbol);
}

/** Gathers the live screen's figures; speaks at most ten times a second. */
class LiveWatcher {
  readonly #recorder: BacktestRecorder;
  readonly #o: TourOptions;
  readonly #spanUs: number;
  readonly #first = new Map<string, number>();
  #started: { wall: number; now: number } | undefined;
  #shown = 0;
  #worst = 0;
  #mark = { wall: 0, events: 0 };
  #rate = 0;
  #journal: JournalStats | null = null;
  constructor(recorder: BacktestRecorder, o: TourOptions, spanUs: number) {
    this.#recorder = recorder;
    this.#o = o;
    this.#spanUs = spanUs;
  }
  journals(stats: JournalStats | null): void {
    this.#journal = stats;
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
        this.#o.inputs.length > 0
          ? 'chimera · paper trading on a recorded market'
          : 'chimera · paper trading on a synthetic market',
      share: (nowUs - this.#started.now) / this.#spanUs,
      nowUs,
      events,
      eventsPerSecond: this.#rate,
      lagMs: Math.max(0, this.#worst),
      instruments,
      orders: r.orders,
      fills: r.fillColumns.length,
      startBalance: r.startBalance,
      equity: r.curve.last ?? r.startBalance,
      fees: r.fillColumns.fees,
      journal: this.#journal,
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
    profile: 'paper',
    versions: { chimera: version(), node: process.versions.node },
  });
  const m = metrics(data);
  const base = join(o.dir, 'report');
  writeResult(`${base}.html`, toHtml(data, m));
  writeResult(`${base}.md`, toMarkdown(data, m));
  writeResult(`${base}.json`, toJson(data, m));
  return `${base}.html`;
}

function load(file: string, bound: { file: string; text: string }, sets: Record<string, string>): Pipeline {
  const { pipeline, diagnostics } = loadPipeline(readText(file), file, registry, { sets, profile: bound });
  if (pipeline) return pipeline;
  const d = diagnostics.find((x) => x.severity === 'error')!;
  throw new ChimeraError(d.code, d.message, { file: d.file, line: d.line, column: d.column });
}
function profile(name: string): { file: string; text: string } {
  const file = join(home(), 'pipelines', 'profiles', `${name}.yaml`);
  return { file, text: readText(file) };
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
