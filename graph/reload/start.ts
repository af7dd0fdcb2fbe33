import type { Snapshot } from '../engine/snapshot.ts';
import type { ReloadRecord } from './reload.ts';

/**
 * What a graph that takes over begins with: the states of the one before it, but for nodes that were asked to start anew, and for
 * nodes that were warmed.
 * @param warm what the new graph holds after its way through the past
 */
export function startOf(
  snapshot: Snapshot,
  { restart, warmed }: Pick<ReloadRecord, 'restart' | 'warmed'>,
  warm?: Snapshot,
): Snapshot {
  const fresh = new Set([...restart, ...(warm ? (warmed?.nodes ?? []) : [])]);
  if (fresh.size === 0) return snapshot;
  const from = new Set(warm ? (warmed?.nodes ?? []) : []);
  return {
    ...snapshot,
    instances: [
      ...snapshot.instances.filter((i) => !fresh.has(i.node)),
      ...(warm?.instances.filter((i) => from.has(i.node)) ?? []),
    ],
    timers: [
      ...snapshot.timers.filter((t) => !fresh.has(t.node)),
      ...(warm?.timers.filter((t) => from.has(t.node)) ?? []),
    ],
  };
}
