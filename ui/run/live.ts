import { join } from 'node:path';
import { createPlan } from '../../graph/plan/plan.ts';
import type { Run } from '../../graph/runner/runner.ts';
import { ChimeraError, KeyTable } from '../../graph/schema/index.ts';
import { declareJournalKeys } from '../../lake/journal/journal-keys.ts';
import { openLake } from '../../lake/open-lake.ts';
import { openStorage } from '../../lake/open-storage.ts';
import { ControlInlet } from '../../sources/control/inlet.ts';
import type { Connection } from './connection.ts';
import { addRunRequests } from './control/run-requests.ts';
import { ControlServer } from './control/server.ts';
import { MemorySampler, type MemoryTrend } from './memory-trend.ts';
import { type RunJob, type RunReport, runJob } from './run.ts';

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
}

export interface LiveReport extends RunReport {
  memory: MemoryTrend;
}

/** Runs a pipeline against the world until it is stopped. What the world said is in the lake afterwards, if `capture` names one. */
export async function runLive(job: LiveJob): Promise<LiveReport> {
  const { connection, stop, final, commitMs, listen, ...rest } = job;
  const never = new AbortController().signal;
  const sampler = new MemorySampler();
  const inlet = new ControlInlet();
  const control = listen ? new ControlServer(job.state, job.pipeline.name) : undefined;
  let running: Run | undefined;
  if (control) {
    addRunRequests(control, () => running, inlet);
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
    access: { ...connection.access, control: inlet },
    live: { clock: connection.clock, finish: final ? stop : never, ...(commitMs === undefined ? {} : { commitMs }) },
    ...(final ? {} : { signal: stop }),
  }).finally(() => control?.close());
  return { ...report, memory: sampler.trend() };
}

/**
 * Runs the same graph over what a live run captured. Each source reads what was captured of it; instruments get the numbers
 * that they had.
 * @param until engine time at which the live run stopped
 */
export function replayLive(
  live: Pick<LiveJob, 'pipeline' | 'state' | 'final' | 's3'> & { capture: string },
  until: number | null,
  more: Partial<RunJob> = {},
): Promise<RunReport> {
  const sources = createPlan(live.pipeline).nodes.filter((n) => n.node.type.kind === 'source');
  if (sources.length === 0) throw new ChimeraError('CHM904', 'the pipeline has no source to replay');
  const keys = new KeyTable();
  for (const s of sources) declareJournalKeys(join(live.state, 'journal', s.id), keys);
  return runJob({
    pipeline: live.pipeline,
    inputs: [],
    keys,
    readers: Object.fromEntries(
      sources.map((s) => [
        s.id,
        async (all: KeyTable) => {
          const storage = await openStorage(live.capture, live.s3 ? { s3: live.s3 } : {});
          return openLake(live.capture, { sources: [s.id], storage }, all);
        },
      ]),
    ),
    ...(until === null ? {} : { until }),
    open: !live.final,
    ...more,
  });
}
