import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pipeline } from '../../graph/document/types.ts';
import { nextFloat, seedRandom } from '../../graph/math/index.ts';
import { createPlan } from '../../graph/plan/plan.ts';
import { readCheckpoint } from '../../graph/runner/read-checkpoint.ts';
import { ChimeraError } from '../../graph/schema/index.ts';
import type { StoreChoice } from '../../sinks/store/index.ts';
import { killAfter, startChild } from './child.ts';
import { compareTaps } from './compare-taps.ts';
import { type ConnectOptions, openConnection } from './connection.ts';
import { graphsOfState, replayLive } from './live.ts';
import { idleNodes, type ParityReport } from './parity.ts';
import { portsOf } from './run.ts';
import { openStoreOfRun } from './run-store.ts';

export interface LiveParityJob {
  pipeline: Pipeline;
  /** Length of the live run on the wall. */
  seconds: number;
  /** How often the run is killed (SIGKILL) and started again; the venue goes on. */
  kills: number;
  seed: number;
  taps?: string;
  allowIdle: readonly string[];
  connect: ConnectOptions;
  /** A database of its own for the live run's documents and checkpoints; `command` names it too. */
  store?: StoreChoice;
  /** Starts the live run: program and arguments up to the options that are added here. */
  command: readonly string[];
  onStage?: (stage: string) => void;
  signal?: AbortSignal;
}

/**
 * Parity of a live run: a process trades on a venue that runs beside it, is killed and goes on, and what it captured is
 * replayed in one piece: every value of every port must be the same.
 */
export async function parityLive(job: LiveParityJob): Promise<ParityReport> {
  const plan = createPlan(job.pipeline);
  const work = mkdtempSync(join(tmpdir(), 'chimera-parity-'));
  const out = job.taps ?? join(work, 'taps');
  const [live, replay, state, lake] = ['live', 'replay', 'state', 'lake'].map((d, i) =>
    join(i < 2 ? out : work, d),
  ) as [string, string, string, string];
  for (const dir of [live, replay]) {
    rmSync(dir, { recursive: true, force: true });
    mkdirSync(dir, { recursive: true });
  }
  const connection = await openConnection(job.pipeline.live!, job.connect);
  try {
    const ready = join(work, 'venue.json');
    writeFileSync(ready, JSON.stringify(connection.venue), { mode: 0o600 });
    job.onStage?.(`live run of ${job.seconds} s${job.kills ? `, to be killed ${job.kills} times` : ''}`);
    const options = ['--connect', ready, '--state', state, '--capture', lake, '--tap-all', live];
    const kills = await liveWithKills(job, options);
    await connection.close();
    job.onStage?.('replay of what was captured');
    const store = await openStoreOfRun({
      pipeline: job.pipeline,
      inputs: [],
      state,
      ...(job.store ? { store: job.store } : {}),
    });
    const { commit } = await readCheckpoint(store, job.pipeline.name);
    await store?.close();
    const captured = {
      pipeline: job.pipeline,
      state,
      capture: lake,
      final: false,
      ...(job.store ? { store: job.store } : {}),
    };
    const report = await replayLive(captured, commit?.until ?? null, { tapAll: replay });
    job.onStage?.('comparing');
    const { all } = await graphsOfState(captured);
    const ports = new Set(all.flatMap((graph) => portsOf(createPlan(graph))));
    const first = await compareTaps(live, replay, [...ports]);
    const rows = Object.fromEntries(Object.entries(report.taps).map(([port, t]) => [port, t.rows]));
    const idle = idleNodes(plan, rows).filter((id) => !job.allowIdle.includes(id));
    return {
      identical: first === null && idle.length === 0 && report.events_in === commit?.events,
      nodes: plan.nodes.length,
      idle,
      events: report.events_in,
      kills,
      first_difference: first,
      counters: report.counters,
      rows,
    };
  } finally {
    await connection.close();
    rmSync(work, { recursive: true, force: true });
  }
}

/** Kills at random moments, and lets the last life end by itself. */
async function liveWithKills(job: LiveParityJob, options: readonly string[]): Promise<number> {
  const random = seedRandom(job.seed);
  const moments = Array.from({ length: job.kills }, () => nextFloat(random) * job.seconds * 1000).sort((a, b) => a - b);
  const began = performance.now();
  for (let kills = 0; ; ) {
    const left = job.seconds - (performance.now() - began) / 1000;
    // Each life is long enough to resume, join the market and commit.
    const seconds = Math.max(left, 5);
    const child = startChild(job.command, [...options, '--for', seconds.toFixed(1), '--announce'], job.signal);
    const at = moments[kills];
    const soon = () => 20 + nextFloat(random) * 300;
    if (at !== undefined && (await killAfter(child, () => Math.max(began + at - performance.now(), soon())))) {
      kills++;
      job.onStage?.(`killed ${kills} of ${job.kills}`);
      continue;
    }
    const { code, signal, stderr } = await child.ended;
    if (job.signal?.aborted)
      throw new ChimeraError('CHM918', 'parity was interrupted: nothing is proved', { help: 'run it again' });
    if (code === 0) return kills;
    throw new ChimeraError(
      'CHM905',
      `the live run ended with ${signal ?? `code ${code}`}: ${stderr.trim().split('\n').slice(-3).join(' ')}`,
    );
  }
}
