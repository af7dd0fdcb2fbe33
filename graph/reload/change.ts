import type { Engine } from '../engine/engine.ts';
import type { Snapshot } from '../engine/snapshot.ts';
import type { Env } from '../node.ts';
import type { Answers } from '../outcome/answers.ts';
import { createPlan, type Plan, type PlanNode } from '../plan/plan.ts';
import { closeEnds, connect, type Ends, type EndsOptions, type Head, openEnds } from '../runner/ends.ts';
import { refuseDead } from '../runner/live.ts';
import type { Commit } from '../runner/read-checkpoint.ts';
import { ChimeraError } from '../schema/index.ts';
import type { GraphDiff } from './diff.ts';
import { fates, type Reloaded, type ReloadRecord, type ReloadRequest } from './reload.ts';
import { startOf } from './start.ts';
import { nodesToWarm, type Warmer, type Warming } from './warm.ts';

/** A graph in a run. */
export interface Graph {
  readonly plan: Plan;
  readonly engine: Engine;
  /** Present when the plan has asynchronous nodes. */
  readonly answers: Answers | undefined;
  ends: Ends;
}
/** A new graph, built beside the one that runs. */
export interface Change {
  readonly request: ReloadRequest;
  readonly diff: GraphDiff;
  readonly old: Graph;
  readonly next: Graph;
  /**
   * Takes the states over; from here on the new graph could run.
   * @param heads how far the sources of the old one are
   * @returns what it begins with
   */
  start(snapshot: Snapshot, heads: readonly Head[], record: ReloadRecord): Promise<Snapshot>;
  /** How fresh nodes get a past; undefined = they start cold. */
  readonly warming: { readonly nodes: readonly string[]; readonly by: Warming } | undefined;
  /** Closes what was opened for it. */
  abandon(): Promise<void>;
}
/** A graph that has taken over and has not committed yet. */
export interface Trial {
  readonly change: Change;
  readonly record: ReloadRecord;
  /** What it began with. */
  readonly snapshot: Snapshot;
  /** Engine time, µs. */
  readonly startedUs: number;
  readonly pauseMs: number;
  /** Cycle (as the engine counts them) that failed once; 0 = none has. */
  readonly failedAt: number;
  readonly done: (r: Reloaded) => void;
  readonly failed: (e: unknown) => void;
}
export interface ChangeOptions {
  readonly build: (plan: Plan) => Promise<Graph>;
  readonly ends: EndsOptions;
  readonly env: (node: PlanNode) => Env;
  /** Last inputs of sources that had been dropped before. */
  readonly gone: Readonly<Record<string, number>>;
  readonly live: boolean;
  readonly warm: Warmer | undefined;
  /** How many inputs the run has run. */
  readonly events: () => number;
}

/** Builds a graph beside the running one: plan, code, new sources and sinks. @throws CHM752, or what the new ends themselves say */
export async function openChange(
  old: Graph,
  request: ReloadRequest,
  diff: GraphDiff,
  options: ChangeOptions,
  known?: ReloadRecord,
): Promise<Change> {
  let next: Graph | undefined;
  let warming: Change['warming'];
  const abandon = async () => {
    await warming?.by.close();
    if (!next) return;
    await closeEnds(next.ends, old.ends);
    await next.answers?.close(old.answers);
  };
  try {
    const plan = createPlan(request.pipeline);
    next = await options.build(plan);
    next.ends = await openEnds(plan, options.ends, old.ends, fates(diff).kept);
    const added = next.ends.heads.filter((h) => !old.ends.heads.some((o) => o.node.id === h.node.id));
    if (options.live) refuseDead(added.map((h) => [h.node.id, h.reader]));
    for (const h of added) {
      const offset = options.gone[h.node.id];
      if (offset === undefined || offset < 0) continue;
      await h.reader.seek?.(offset);
      h.offset = offset;
      h.fresh = false;
    }
    connect(next.engine.core, next.ends);
    await next.answers?.open(plan, options.env, { answers: old.answers, kept: fates(diff).kept });
    const nodes = known
      ? (known.warmed?.nodes ?? [])
      : request.warm === false
        ? []
        : nodesToWarm(diff, request.pipeline);
    const by = nodes.length > 0 ? await options.warm?.(request.pipeline, nodes, options.events, known) : undefined;
    if (by) warming = { nodes, by };
    else if (known?.warmed)
      throw new ChimeraError('CHM755', `the past that warmed ${nodes.join(', ')} is not at hand`, {
        node: nodes[0]!,
        help: 'replay with the journals or the lake of the same run',
      });
  } catch (e) {
    await abandon();
    if (e instanceof ChimeraError) throw e;
    throw new ChimeraError(
      'CHM752',
      `the new graph could not be built: ${e instanceof Error ? e.message : String(e)}`,
      {
        cause: e,
        help: 'the running graph goes on; mend what the message names and reload again',
      },
    );
  }
  const built = next;
  return {
    request,
    diff,
    old,
    next: built,
    abandon,
    warming,
    async start(snapshot, heads, record) {
      const warm = record.warmed ? await warming?.by.at(record.at) : undefined;
      await warming?.by.close();
      const taken = startOf(snapshot, record, warm);
      built.engine.restore(taken);
      for (const h of built.ends.heads) {
        const was = heads.find((o) => o.node.id === h.node.id);
        if (was) Object.assign(h, { ...was, node: h.node });
      }
      return taken;
    },
  };
}

export function recordOf(change: Change, n: number, last: Commit & { now: number }): ReloadRecord {
  const { epoch, offsets, events, until, now, snapshot } = last;
  const { diff, request } = change;
  return {
    n,
    epoch: epoch + 1,
    from: diff.from.hash,
    to: diff.to.hash,
    at: { epoch, offsets, events, cycles: snapshot.cycles, now, until },
    ...fates(diff),
    restart: request.restart ?? [],
    warmed: change.warming ? { nodes: change.warming.nodes, from: change.warming.by.from } : null,
    document: request.document ?? null,
  };
}
