import type { Compared, DryRun as Found } from '../../run/inspect/dry-run.ts';
import type { DryRun } from '../contract/records.ts';
import type { Bound } from '../ports.ts';
import { withDocuments } from './document-files.ts';
import { chimeraJson } from './run-child.ts';

export interface DryRunWork {
  /** The document that runs. */
  readonly running: string;
  readonly candidate: string;
  readonly bound: Bound;
  readonly state: string;
  readonly capture?: string | undefined;
  readonly hours: number;
  readonly signal?: AbortSignal | undefined;
  readonly limitMs?: number;
}
const MOST = 200;

/** What another document would have done in the last hours of a run, computed by `chimera dry-run` from what the run wrote down. */
export async function dryRun(w: DryRunWork): Promise<DryRun> {
  const found = await withDocuments([w.running, w.candidate], w.bound, ({ dir, files, options }) =>
    chimeraJson<Found>({
      args: [
        'dry-run',
        ...files,
        '--state',
        w.state,
        ...(w.capture === undefined ? [] : ['--capture', w.capture]),
        '--hours',
        String(w.hours),
        ...options,
      ],
      signal: w.signal,
      hide: dir,
      ...(w.limitMs === undefined ? {} : { limitMs: w.limitMs }),
    }),
  );
  const of = (side: 'running' | 'candidate') => ({
    orders: found.orders[side],
    fills: found.fills[side],
    decisions: found.decisions[side],
    pnl: String(found.pnl[side]),
  });
  const { orders, window } = found;
  return {
    from_us: window.from_us,
    to_us: window.to_us,
    running: of('running'),
    proposed: of('candidate'),
    differences: differencesOf(orders).slice(0, MOST),
    differences_in_all: orders.running + orders.candidate - 2 * orders.same,
    venue_in_graph: found.venue_in_graph,
  };
}
function differencesOf({ only_running, only_candidate }: Compared): DryRun['differences'] {
  const rows = (only_in: 'running' | 'proposed', from: Compared['only_running']) =>
    from.map(({ t, key, values }) => ({ only_in, at_us: t, values: { instrument: key, ...values } }));
  return [...rows('running', only_running), ...rows('proposed', only_candidate)].sort((a, b) => a.at_us - b.at_us);
}
