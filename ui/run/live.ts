import { join } from 'node:path';
import type { Run } from '../../graph/runner/runner.ts';
import { ChimeraError, KeyTable } from '../../graph/schema/index.ts';
import { declareJournalKeys } from '../../lake/journal/journal-keys.ts';
import { openLake } from '../../lake/open-lake.ts';
import { openStorage } from '../../lake/open-storage.ts';
import { ReconcileDesk } from '../../sinks/binance/reconcile-desk.ts';
import { ControlInlet } from '../../sources/control/inlet.ts';
import type { Connection } from './connection.ts';
import { addRunRequests, faceOf } from './control/run-requests.ts';
import { ControlServer } from './control/server.ts';
import { historyOf, loadGraphs } from './graphs.ts';
import { MemorySampler, type MemoryTrend } from './memory-trend.ts';
import { type RunJob, type RunReport, runJob } from './run.ts';
import { openStoreOfRun } from './run-store.ts';

export interface LiveJob extends Omit<RunJob, 'live' | 'access' | 'signal' | 'inputs' | 'state'> {
  connection: Connection;
  /** Journals, checkpoints and documents; a run that was stopped goes on from here. */
  state: string;
  /** Stops the run. */
  stop: AbortSignal;
  /** It is over then, and what is open is closed; otherwise it may go on later. */
  final: boolean;
  commitMs?: number;
  /** Opens the control socket in the state folder: other processes of this user may ask, and bring commands in. */
  listen?: boolean;
  /** Where commands by people go in, before the first of them can come. */
  onInlet?: (inlet: ControlInlet) => void;
  /** Where ours is compared with the exchange's. */
  onReconciler?: (desk: ReconcileDesk) => void;
}

export interface LiveReport extends RunReport {
  memory: MemoryTrend;
}

/** Runs a pipeline against the world until it is stopped. What the world said is in the lake afterwards, if `capture` names one. */
export async function runLive(job: LiveJob): Promise<LiveReport> {
  const { connection, stop, final, commitMs, listen, onInlet, onReconciler, ...rest } = job;
  const never = new AbortController().signal;
  const sampler = new MemorySampler();
  const inlet = new ControlInlet();
  onInlet?.(inlet);
  const reconciler = new ReconcileDesk();
  onReconciler?.(reconciler);
  const control = listen ? new ControlServer(job.state, job.pipeline.name) : undefined;
  let running: Run | undefined;
  if (control) {
    addRunRequests(control, () => running && faceOf(running), inlet);
    await control.listen();
  }
  const report = await runJob({
    ...rest,
    inputs: [],
    onRun: (run) => {
      running = run;
      rest.onRun?.(run);
    },
    onCommit: (mark, journal) => {
      sampler.see(performance.now(), process.memoryUsage.rss);
      rest.onCommit?.(mark, journal);
    },
    access: { ...connection.access, control: inlet, reconciler },
    live: { clock: connection.clock, finish: final ? stop : never, ...(commitMs === undefined ? {} : { commitMs }) },
    ...(final ? {} : { signal: stop }),
  }).finally(() => control?.close());
  return { ...report, memory: sampler.trend() };
}

/**
 * Runs the same graph over what a live run captured, with the changes of the graph that its state knows of, at the places where they
 * were. Each source reads what was captured of it; instruments get the numbers that they had.
 * @param until engine time at which the live run stopped
 */
export async function replayLive(
  live: Pick<LiveJob, 'pipeline' | 'state' | 'final' | 's3' | 'store' | 'resolve'> & { capture: string },
  until: number | null,
  more: Partial<RunJob> = {},
): Promise<RunReport> {
  const { first, all, reloads } = await graphsOfState(live);
  const sources = [...new Set(all.flatMap((p) => p.nodes.filter((n) => n.type.kind === 'source').map((n) => n.id)))];
  if (sources.length === 0) throw new ChimeraError('CHM904', 'the pipeline has no source to replay');
  const keys = new KeyTable();
  for (const id of sources) declareJournalKeys(join(live.state, 'journal', id), keys);
  return runJob({
    pipeline: first,
    reloads,
    inputs: [],
    keys,
    readers: Object.fromEntries(
      sources.map((id) => [
        id,
        async (known: KeyTable) => {
          const storage = await openStorage(live.capture, live.s3 ? { s3: live.s3 } : {});
          return openLake(live.capture, { sources: [id], storage }, known);
        },
      ]),
    ),
    ...(until === null ? {} : { until }),
    open: !live.final,
    ...more,
  });
}

/** The graph that a run began with, and those that took over, as its state knows them. @throws CHM756 */
export async function graphsOfState(
  run: Pick<LiveJob, 'pipeline' | 'state' | 'store' | 'resolve'>,
): Promise<Awaited<ReturnType<typeof historyOf>>> {
  const { pipeline, state, store: choice, resolve } = run;
  const store = await openStoreOfRun({ pipeline, inputs: [], state, ...(choice ? { store: choice } : {}) });
  try {
    return await historyOf(await loadGraphs(store, pipeline.name), pipeline, resolve);
  } finally {
    await store?.close();
  }
}
