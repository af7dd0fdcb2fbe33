import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Pipeline } from '../../../graph/document/types.ts';
import type { Plan } from '../../../graph/plan/plan.ts';
import { adaptReader } from '../../../graph/runner/adapt-reader.ts';
import { type BlockReader, ChimeraError, type KeyTable } from '../../../graph/schema/index.ts';
import { segments } from '../../../lake/journal/journal-reader.ts';
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
  const fromFiles = async () => {
    const { type, config, gateway } = node.node;
    if (type.kind !== 'source' || gateway)
      throw new ChimeraError('CHM758', `what ${source} said is nowhere`, {
        help: 'name the lake that the run captured',
      });
    const env = { keys, inputs: job.inputs ?? [], dir: undefined, pipeline: job.pipeline.name, node: source };
    return adaptReader(await type.open(config as never, { ...env, seed: job.seed ?? 1 }), node);
  };
  const journaled = existsSync(journal) && segments(journal).length > 0;
  const older = capture !== undefined ? () => fromLake(capture) : journaled ? undefined : fromFiles;
  const ports = node.outs.map((o) => ({ name: o.port, schema: o.schema }));
  return new PastReader({ ports, journal, keys, older });
}
