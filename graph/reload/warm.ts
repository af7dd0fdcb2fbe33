import type { Pipeline } from '../document/types.ts';
import type { Snapshot } from '../engine/snapshot.ts';
import type { GraphDiff } from './diff.ts';
import type { ReloadRecord } from './reload.ts';

/** Where in the run the states of warmed nodes begin: behind this cycle, when so many changes of graphs had been. */
export interface WarmStart {
  readonly cycles: number;
  readonly reloads: number;
}
/** A new graph that runs through the past of a run, without sinks, to bring its fresh nodes to where they would be. */
export interface Warming {
  readonly from: WarmStart;
  /** Runs on to the place at which the graph takes over. @returns what it holds there */
  at(place: ReloadRecord['at']): Promise<Snapshot>;
  close(): Promise<void>;
}
/**
 * Begins a warming while the old graph runs.
 * @param nodes those to be warmed
 * @param events how many inputs the run has run by now: what may be read of its past
 * @param known the change as the history of the run has it: the same way again
 * @returns undefined when there is no past to come from
 */
export type Warmer = (
  next: Pipeline,
  nodes: readonly string[],
  events: () => number,
  known: ReloadRecord | undefined,
) => Promise<Warming | undefined>;

/** Fresh nodes that say how much they need to see. What decides and orders starts without a past: it would believe in orders that nobody sent. */
export function nodesToWarm(diff: GraphDiff, next: Pipeline): string[] {
  const fresh = new Set(diff.nodes.filter((n) => n.fate === 'restarted' || n.fate === 'added').map((n) => n.id));
  return next.nodes
    .filter(
      ({ id, type }) => fresh.has(id) && (type.kind === 'step' || type.kind === 'rx') && type.warmup !== undefined,
    )
    .map((n) => n.id);
}
