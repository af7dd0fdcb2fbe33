import type { Snapshot } from '../engine/snapshot.ts';
import type { ReloadRecord } from './reload.ts';

/** What a graph that takes over begins with: the states of the one before it, but for nodes that were asked to start anew. */
export function startOf(snapshot: Snapshot, { restart }: Pick<ReloadRecord, 'restart'>): Snapshot {
  if (restart.length === 0) return snapshot;
  return { ...snapshot, instances: snapshot.instances.filter((i) => !restart.includes(i.node)) };
}
