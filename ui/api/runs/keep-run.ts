import type { Pipeline } from '../../../graph/document/types.ts';
import { graphOf, rulesOf } from '../../observe/describe-run.ts';
import type { RunKind } from '../contract/records.ts';
import type { Bound } from '../ports.ts';
import { writeRunFile } from './run-folder.ts';

export interface KeptRun {
  readonly id: string;
  readonly kind: RunKind;
  readonly pipeline: Pipeline;
  readonly yaml: string;
  readonly bound: Bound;
  readonly profile: string | null;
  readonly started_ms: number;
  readonly ended_ms: number;
  /** Numbers of the report; what is none is left out. */
  readonly figures: object;
  /** Without its extension. */
  readonly report?: string;
  readonly state?: string;
}

/** Remembers a run that has ended in a folder of the home. */
export function keepRun(dir: string, k: KeptRun): void {
  const numbers = Object.entries(k.figures).filter((e): e is [string, number] => Number.isFinite(e[1]));
  writeRunFile(dir, {
    chimera_run: 1,
    run: {
      id: k.id,
      pipeline: k.pipeline.name,
      profile: k.profile,
      kind: k.kind,
      state: 'ended',
      graph_hash: k.pipeline.hash,
      started_ms: k.started_ms,
      ended_ms: k.ended_ms,
      figures: Object.fromEntries(numbers),
      parity: null,
      has_report: k.report !== undefined,
    },
    graph: graphOf(k.pipeline, k.id, k.yaml),
    rules: rulesOf(k.pipeline),
    bound: k.bound,
    ...(k.report === undefined ? {} : { report: k.report }),
    ...(k.state === undefined ? {} : { state: k.state }),
  });
}
