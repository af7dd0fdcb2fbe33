import type { Kept } from '../ports.ts';
import { withDocuments } from './document-files.ts';
import { replayBound, withPastLake } from './replay-bound.ts';
import { chimeraJson } from './run-child.ts';

export interface ExperimentWork {
  readonly kept: Kept;
  readonly yaml: string;
  /** Values of parameters, as `chimera sweep --vary` reads them: `5..20`, `5..50:5` or `5,8,13`. */
  readonly vary: Readonly<Record<string, string>>;
  readonly sort: string;
  readonly signal?: AbortSignal | undefined;
}
/** Every set with its figures, best first; the control is a set like the others. */
export interface Experiment {
  readonly sets: number;
  readonly events_in: number;
  readonly wall_s: number;
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}
const LIMIT_MS = 600_000;

/** One document under many parameter sets over what a run has heard, computed by `chimera sweep`. */
export function experiment(w: ExperimentWork): Promise<Experiment> {
  const bound = replayBound(w.kept);
  // What is varied is not fixed.
  const sets = Object.fromEntries(Object.entries(bound.sets ?? {}).filter(([name]) => !(name in w.vary)));
  const vary = Object.entries(w.vary).flatMap(([name, values]) => ['--vary', `${name}=${values}`]);
  return withPastLake(w.kept, w.signal, (lake) =>
    withDocuments([w.yaml], { ...bound, sets }, async ({ dir, files, options }) => {
      const { sets, events_in, wall_s, rows } = await chimeraJson<Experiment>({
        args: ['sweep', ...files, ...options, '--input', lake, ...vary, '--sort', w.sort],
        signal: w.signal,
        limitMs: LIMIT_MS,
        hide: dir,
      });
      return { sets, events_in, wall_s, rows };
    }),
  );
}
