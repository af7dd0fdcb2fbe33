import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pipeline } from '../../graph/document/types.ts';
import { nextFloat, seedRandom } from '../../graph/math/index.ts';
import { createPlan, type Plan } from '../../graph/plan/plan.ts';
import { ChimeraError, type KeyTable } from '../../graph/schema/index.ts';
import { openLake } from '../../lake/open-lake.ts';
import type { S3Options } from '../../lake/s3/s3-options.ts';
import type { StoreChoice } from '../../sinks/store/index.ts';
import { killAfter, startChild } from './child.ts';
import { compareTaps, type Difference } from './compare-taps.ts';
import { portsOf, type RunReport, runJob } from './run.ts';

export interface ParityJob {
  pipeline: Pipeline;
  inputs: readonly string[];
  /** How many times the live run is killed (SIGKILL) at random moments and resumed. */
  kills: number;
  seed: number;
  /** Where both runs leave their taps; a temporary folder otherwise. */
  taps?: string;
  /** Engine seconds per second of the live run. */
  pace: number;
  /** Nodes that may be idle. */
  allowIdle: readonly string[];
  /** A database of its own for the live run's documents and checkpoints; `command` names it too. */
  store?: StoreChoice;
  /** How to reach inputs at `s3://` addresses. */
  s3?: S3Options;
  /** Starts the live run as a process of its own: program and arguments up to the options of `chimera run`. */
  command: readonly string[];
  onStage?: (stage: string) => void;
  /** Ends the job without a verdict. */
  signal?: AbortSignal;
}

/** What `chimera parity --json` prints. */
export interface ParityReport {
  identical: boolean;
  nodes: number;
  idle: string[];
  events: number;
  kills: number;
  first_difference: Difference | null;
  counters: RunReport['counters'];
  rows: Record<string, number>;
}

/**
 * A live run, paced by the wall clock, captures Bronze; the capture is replayed; every value of every port must be the
 * same. With kills the live run is a process that dies and resumes.
 */
export async function parity(job: ParityJob): Promise<ParityReport> {
  const plan = createPlan(job.pipeline);
  const sources = plan.sources.map((s) => plan.nodes[s]!);
  if (sources.length === 0) throw new ChimeraError('CHM904', 'the pipeline has no source to replay');
  const work = mkdtempSync(join(tmpdir(), 'chimera-parity-'));
  const out = job.taps ?? join(work, 'taps');
  const live = join(out, 'live');
  const replay = join(out, 'replay');
  for (const dir of [live, replay]) {
    rmSync(dir, { recursive: true, force: true });
    mkdirSync(dir, { recursive: true });
  }
  try {
    const lake = join(work, 'lake');
    job.onStage?.(`live run${job.kills ? `, to be killed ${job.kills} times` : ''}`);
    const kills = job.kills > 0 ? await liveWithKills(job, live, lake, join(work, 'state')) : 0;
    if (job.kills === 0)
      await runJob({
        pipeline: job.pipeline,
        inputs: job.inputs,
        tapAll: live,
        capture: lake,
        pace: job.pace,
        state: join(work, 'state'),
        ...(job.store ? { store: job.store } : {}),
        ...(job.s3 ? { s3: job.s3 } : {}),
        ...(job.signal ? { signal: job.signal } : {}),
      });
    refuseVerdict(job);
    job.onStage?.('replay of what was captured');
    // Each source reads what was captured of it, whatever kind of source it is.
    const readers = Object.fromEntries(
      sources.map((s) => [s.id, (keys: KeyTable) => openLake(lake, { sources: [s.id] }, keys)]),
    );
    const report = await runJob({
      pipeline: job.pipeline,
      inputs: [],
      readers,
      outcomesFrom: [lake],
      tapAll: replay,
      ...(job.signal ? { signal: job.signal } : {}),
    });
    refuseVerdict(job);
    job.onStage?.('comparing');
    const first = await compareTaps(live, replay, portsOf(plan));
    const rows = Object.fromEntries(Object.entries(report.taps).map(([port, t]) => [port, t.rows]));
    const idle = idleNodes(plan, rows).filter((id) => !job.allowIdle.includes(id));
    return {
      identical: first === null && idle.length === 0,
      nodes: plan.nodes.length,
      idle,
      events: report.events_in,
      kills,
      first_difference: first,
      counters: report.counters,
      rows,
    };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Half a run proves nothing. */
function refuseVerdict(job: ParityJob): void {
  if (job.signal?.aborted)
    throw new ChimeraError('CHM918', 'parity was interrupted: nothing is proved', {
      help: 'run the same command again',
    });
}

/** Nodes that decide, order or trade and never said anything: their agreement would prove nothing. */
export function idleNodes(plan: Plan, rows: Readonly<Record<string, number>>): string[] {
  return plan.nodes
    .filter((n) => /^(decision|routing|position|venue)(\.|$)/.test(n.node.type.type) && n.outs.length > 0)
    .filter((n) => n.outs.every((o) => (rows[`${n.id}.${o.port}`] ?? 0) === 0))
    .map((n) => n.id);
}

async function liveWithKills(job: ParityJob, live: string, lake: string, state: string): Promise<number> {
  const random = seedRandom(job.seed);
  const options = [
    '--state',
    state,
    '--capture',
    lake,
    '--tap-all',
    live,
    '--pace',
    String(job.pace),
    '--commit',
    '2000',
    '--announce',
  ];
  let kills = 0;
  for (;;) {
    refuseVerdict(job);
    const child = startChild(job.command, options, job.signal);
    if (kills < job.kills && (await killAfter(child, () => 20 + nextFloat(random) * 600))) {
      kills++;
      job.onStage?.(`killed ${kills} of ${job.kills}`);
      continue;
    }
    const { code, signal, stderr } = await child.ended;
    refuseVerdict(job);
    if (code === 0 || code === 1) return kills;
    throw new ChimeraError(
      'CHM905',
      `the live run ended with ${signal ?? `code ${code}`}: ${stderr.trim().split('\n').at(-1) ?? ''}`,
    );
  }
}
