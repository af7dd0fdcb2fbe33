import { createPlan } from '../../../graph/plan/plan.ts';
import { ChimeraError } from '../../../graph/schema/index.ts';
import { openBronzeWriter } from '../../../lake/bronze-writer.ts';
import { type InspectJob, openPast } from './open.ts';

export interface PastLake {
  readonly rows: Readonly<Record<string, number>>;
  readonly from_us: number | null;
  readonly to_us: number | null;
}

/**
 * Writes what the sources of a run heard, up to its newest commit, into a lake of its own: segments of a journal become part of the
 * lake that the run captures only when they are full. What the venue answered is left out: in a replay a simulated one does.
 * @param out an empty folder
 * @throws CHM758 when the inputs are nowhere
 */
export async function pastLake(job: InspectJob & { readonly out: string }): Promise<PastLake> {
  const { options, commit, latest } = await openPast({ ...job, withoutLadder: true });
  if (!commit) throw new ChimeraError('CHM758', 'the run has not committed yet', { help: 'wait for its first commit' });
  const { keys } = options;
  const plan = createPlan(latest);
  const rows: Record<string, number> = {};
  let first: number | null = null;
  let last: number | null = null;
  for (const { id, node } of plan.nodes) {
    if (node.type.kind !== 'source' || node.gateway) continue;
    const reader = await options.reader(plan, id);
    const through = commit.offsets[id] ?? -1;
    const writer = await openBronzeWriter(job.out, { writer: id, source: id, keys, ports: reader.ports });
    try {
      for (let b = await reader.read(); b && b.seq0 <= through; b = await reader.read()) {
        first = first === null ? b.t[0]! : Math.min(first, b.t[0]!);
        last = Math.max(last ?? 0, b.t[b.n - 1]!);
        await writer.write(b);
      }
      Object.assign(rows, (await writer.close()).rows);
    } catch (e) {
      await writer.abort();
      throw e;
    } finally {
      await reader.close();
    }
  }
  return { rows, from_us: first, to_us: last };
}
