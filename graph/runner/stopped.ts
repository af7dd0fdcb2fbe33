import type { CycleError } from '../engine/engine.ts';
import { ChimeraError } from '../schema/index.ts';

/** What a user reads when a failed cycle ends the run. */
export function stopped(failure: CycleError, key: string): ChimeraError {
  return new ChimeraError(
    failure.code,
    `${failure.message} (input ${failure.source} #${failure.seq}${key ? `, ${key}` : ''})`,
    {
      node: failure.node,
      source: failure.source,
      seq: failure.seq,
      ...(failure.field ? { field: failure.field } : {}),
      cause: failure.cause,
      help: 'the run stands at its last commit before this input and can be resumed; set `on_error: quarantine` on the node to go on without this instrument',
    },
  );
}
