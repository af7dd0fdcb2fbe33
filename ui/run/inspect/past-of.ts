import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Pipeline } from '../../../graph/document/types.ts';
import type { Plan, PlanNode } from '../../../graph/plan/plan.ts';
import { adaptReader } from '../../../graph/runner/adapt-reader.ts';
import { type BlockReader, ChimeraError, type KeyTable } from '../../../graph/schema/index.ts';
import { segments } from '../../../lake/journal/journal-reader.ts';
import { deletedThrough } from '../../../lake/journal/retention.ts';
import { openLake } from '../../../lake/open-lake.ts';
import { openStorage } from '../../../lake/open-storage.ts';
import type { S3Options } from '../../../lake/s3/s3-options.ts';
import { PastReader } from './past-reader.ts';

export interface PastJob {
  readonly pipeline: Pipeline;
  readonly state: string;
  readonly capture?: string;
  readonly s3?: S3Options;
  readonly inputs?: readonly string[];
  readonly seed?: number;
}

/** What a source said in a run: from its journal, the lake that the run captured, or the files that it read. */
export function pastOf(job: PastJob, plan: Plan, source: string, keys: KeyTable): BlockReader {
  const node = plan.nodes.find((n) => n.id === source)!;
  const journal = join(job.state, 'journal', source);
  const { capture, s3 } = job;
  const fromLake = async (lake: string) => {
    const storage = await openStorage(lake, s3 ? { s3 } : {});
    return adaptReader(await openLake(lake, { sources: [source], storage }, keys), node);
  };
  const fromFiles = () => fromInputs(job, node, keys);
  const journaled = existsSync(journal) && segments(journal).length > 0;
  // In a run that keeps journals, a source without one has said nothing (yet).
  const silent = !journaled && existsSync(join(job.state, 'journal')) && deletedThrough(journal) < 0;
  const older = silent
    ? undefined
    : capture !== undefined
      ? () => fromLake(capture)
      : journaled
        ? undefined
        : fromFiles;
  const ports = node.outs.map((o) => ({ name: o.port, schema: o.schema }));
  return new PastReader({ ports, journal, keys, older });
}

/** What a source says once more, opened anew on the files that the run read. @throws CHM758 a gateway, which has no files */
export async function fromInputs(
  { inputs = [], pipeline, seed = 1 }: Pick<PastJob, 'inputs' | 'pipeline' | 'seed'>,
  node: PlanNode,
  keys: KeyTable,
): Promise<BlockReader> {
  const { type, config, gateway } = node.node;
  if (type.kind !== 'source' || gateway)
    throw new ChimeraError('CHM758', `what ${node.id} said is nowhere`, {
      help: 'name the lake that the run captured',
    });
  const env = { keys, inputs, dir: undefined, pipeline: pipeline.name, node: node.id, seed };
  return adaptReader(await type.open(config as never, env), node);
}
