import type { Pipeline } from '../document/types.ts';
import { ChimeraError } from '../schema/index.ts';
import { diffPipelines, type Fate, type GraphDiff, idsOf, type NodeChange } from './diff.ts';
import type { WarmStart } from './warm.ts';

/** A graph that shall take the place of the running one. */
export interface ReloadRequest {
  readonly pipeline: Pipeline;
  /** Nodes that start anew although their state could be kept. */
  readonly restart?: readonly string[];
  /** Restarted and new nodes that declare a warm-up get their state from the past, where the run has it; default true. */
  readonly warm?: boolean;
  /** Goes into the record of the change: what the graph can be made of again. */
  readonly document?: unknown;
}

/** A place between two inputs of a run: everything up to these inputs has been run, and nothing behind them. */
export interface Position {
  readonly offsets: Readonly<Record<string, number>>;
  /** Live: engine time (µs) up to which timers had fired; null = up to the last input. */
  readonly until: number | null;
}

/** One change of graphs, as the history of the run holds it. With it a resume and a replay change at the same place. */
export interface ReloadRecord {
  /** Running number of the change in the run, ≥ 1. */
  readonly n: number;
  /** First commit of the new graph. */
  readonly epoch: number;
  /** Hashes of the graphs. */
  readonly from: string;
  readonly to: string;
  readonly at: Position & {
    /** Last commit of the old graph. */
    readonly epoch: number;
    readonly events: number;
    readonly cycles: number;
    /** Engine time, µs. */
    readonly now: number;
  };
  readonly kept: readonly string[];
  readonly restarted: readonly string[];
  readonly dropped: readonly string[];
  readonly added: readonly string[];
  /** Nodes that were asked to restart. */
  readonly restart: readonly string[];
  /** Nodes whose state was made of inputs behind this place; null = all fresh nodes started cold. */
  readonly warmed: { readonly nodes: readonly string[]; readonly from: WarmStart } | null;
  readonly document: unknown;
}

/** What who asked for a reload is told. */
export interface Reloaded extends ReloadRecord {
  readonly diff: GraphDiff;
  /** Real time in which no input was run, ms. */
  readonly pause_ms: number;
}

/** A change of graphs that has happened before, in a run that comes the same way again. */
export interface PlannedReload {
  readonly record: ReloadRecord;
  readonly pipeline: Pipeline;
}

/** @throws CHM751 when an outer end would have to change under way */
export function planReload(from: Pipeline, { pipeline, restart }: ReloadRequest): GraphDiff {
  const unknown = restart?.filter((id) => !pipeline.nodes.some((n) => n.id === id)) ?? [];
  if (unknown.length > 0)
    throw new ChimeraError('CHM751', `there is no node ${unknown.join(', ')} to restart in the new graph`, {
      help: 'name nodes of the new document',
    });
  if (from.name !== pipeline.name)
    throw new ChimeraError('CHM751', `a run of ${from.name} cannot become a run of ${pipeline.name}`, {
      help: 'keep the name of the pipeline: checkpoints and documents are kept under it',
    });
  const diff = diffPipelines(from, pipeline, restart);
  const ends = diff.nodes.filter((n) => n.kind === 'source' || n.kind === 'sink');
  // A sink that reads other streams is opened anew and goes on where it was; where it writes to must stay.
  const fixed = (n: NodeChange) =>
    n.kind === 'source' || n.reasons.some((r) => r.kind !== 'inputs' && r.kind !== 'rewired');
  const changed = ends.find((n) => n.fate === 'restarted' && fixed(n));
  if (changed)
    throw new ChimeraError('CHM751', `${changed.kind} ${changed.id} cannot change while it runs`, {
      node: changed.id,
      help: `give it another id: ${changed.id} is then dropped and the other one added, or stop the run and start anew`,
    });
  const isGateway = (id: string) => [...from.nodes, ...pipeline.nodes].some((n) => n.id === id && n.gateway);
  const moved = ends.find((n) => n.fate !== 'kept' && isGateway(n.id));
  if (moved)
    throw new ChimeraError('CHM751', `gateway ${moved.id} cannot be ${moved.fate} while the run has orders there`, {
      node: moved.id,
      help: 'stop the run, and start with the other graph in a folder of its own',
    });
  return diff;
}

export const fates = (diff: GraphDiff): Record<Fate, string[]> => ({
  kept: idsOf(diff, 'kept'),
  restarted: idsOf(diff, 'restarted'),
  dropped: idsOf(diff, 'dropped'),
  added: idsOf(diff, 'added'),
});

/** Whether the sources stand at a place. */
export const isAt = (place: Position, heads: readonly { node: { id: string }; offset: number }[]): boolean =>
  heads.every((h) => h.offset === (place.offsets[h.node.id] ?? -1));
