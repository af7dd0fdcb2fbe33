import { join } from 'node:path';
import type { Pipeline } from '../../../graph/document/types.ts';
import type { OutcomeRecord } from '../../../graph/outcome/journal.ts';
import type { Plan } from '../../../graph/plan/plan.ts';
import { type Commit, readCheckpoint } from '../../../graph/runner/read-checkpoint.ts';
import { KeyTable } from '../../../graph/schema/index.ts';
import { declareJournalKeys } from '../../../lake/journal/journal-keys.ts';
import type { S3Options } from '../../../lake/s3/s3-options.ts';
import type { StoreChoice } from '../../../sinks/store/index.ts';
import { historyOf, loadGraphs, type Resolve } from '../graphs.ts';
import { outcomesOf } from '../outcomes.ts';
import { openStoreOfRun } from '../run-store.ts';
import { warmerOf } from '../warm.ts';
import { Ladder } from './ladder.ts';
import { pastOf } from './past-of.ts';
import type { PastRunOptions } from './past-run.ts';
import { TimeMachine } from './time-machine.ts';

export interface InspectJob {
  /** The graph that the run was first started with, or one of those that took over. */
  readonly pipeline: Pipeline;
  readonly state: string;
  /** Lake that the run captured. */
  readonly capture?: string;
  readonly s3?: S3Options;
  readonly store?: StoreChoice;
  /** Files that the run read, when it kept no journal of them. */
  readonly inputs?: readonly string[];
  readonly seed?: number;
  readonly resolve?: Resolve;
  /** Takes no checkpoints: everything is computed from the first input. */
  readonly withoutLadder?: boolean;
}

/**
 * Opens a run for looking into it, also while it lives: it is only read.
 * @throws CHM758 when its inputs are nowhere
 */
export async function openTimeMachine(job: InspectJob): Promise<TimeMachine> {
  const { options, ladder } = await openPast(job);
  return new TimeMachine(options, ladder);
}

/** What a run that is past, or lives, can be computed again from; `commit` is its newest one. */
export async function openPast(
  job: InspectJob,
): Promise<{ options: PastRunOptions; ladder: Ladder | undefined; commit: Commit | undefined; latest: Pipeline }> {
  const { pipeline, state } = job;
  const store = await openStoreOfRun({ pipeline, inputs: [], state, ...(job.store ? { store: job.store } : {}) });
  try {
    const { first, all, reloads } = await historyOf(await loadGraphs(store, pipeline.name), pipeline, job.resolve);
    const { commit } = await readCheckpoint(store, pipeline.name);
    const keys = new KeyTable();
    // Instruments have the numbers that they had in the run.
    for (const k of commit?.snapshot.keys ?? []) keys.declare(k.name, k.pxDigits, k.qtyDigits);
    for (const graph of all)
      for (const n of graph.nodes) if (n.type.kind === 'source') declareJournalKeys(join(state, 'journal', n.id), keys);
    const outcomes: OutcomeRecord[] = all.some((g) => g.nodes.some((n) => n.type.kind === 'async'))
      ? await outcomesOf(state, job.capture, job.s3)
      : [];
    const ladder = job.withoutLadder ? undefined : Ladder.open(state);
    const reader = async (plan: Plan, source: string) => pastOf(job, plan, source, keys);
    const options: PastRunOptions = {
      first,
      reloads,
      keys,
      outcomes,
      until: commit?.until ?? null,
      reader,
      warm: async ({ record, pipeline: next }) => {
        const past = { first, reloads, keys, reader, ladder };
        const warming = (await warmerOf(() => past)(next, record.warmed!.nodes, () => record.at.events, record))!;
        const states = await warming.at(record.at);
        await warming.close();
        return states;
      },
    };
    const latest = all[commit?.reloads ?? 0]!;
    return { options, ladder, commit, latest };
  } finally {
    await store?.close();
  }
}
