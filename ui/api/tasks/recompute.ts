import type { Recomputed } from '../../run/inspect/recompute.ts';
import type { Kept } from '../ports.ts';
import { withDocuments } from './document-files.ts';
import { chimeraJson } from './run-child.ts';

export interface RecomputeWork {
  readonly kept: Kept;
  readonly from_us: number;
  readonly to_us: number;
  readonly nodes: readonly string[];
  readonly signal?: AbortSignal | undefined;
}
export type { Recomputed };

/** What nodes said in a past range, computed again by `chimera recompute` and compared with what was stored then. */
export function recompute({ kept, from_us, to_us, nodes, signal }: RecomputeWork): Promise<Recomputed> {
  const { yaml, bound, state, capture } = kept;
  return withDocuments([yaml], bound, async ({ dir, files, options }) => {
    const { window, ports, stored } = await chimeraJson<Recomputed>({
      args: [
        ...['recompute', ...files, ...options, '--state', state],
        ...(capture === undefined ? [] : ['--capture', capture]),
        ...['--from', String(from_us), '--to', String(to_us)],
        ...nodes.flatMap((n) => ['--node', n]),
      ],
      signal,
      hide: dir,
    });
    return { window, ports, stored };
  });
}
