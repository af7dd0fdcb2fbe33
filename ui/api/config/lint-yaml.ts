import { loadPipeline } from '../../../graph/document/load.ts';
import type { Pipeline } from '../../../graph/document/types.ts';
import { registry } from '../../cli/registry.ts';
import type { Diagnostic } from '../contract/records.ts';
import type { Bound } from '../ports.ts';
import { ApiError } from '../problem.ts';

/** A document's findings, as `chimera lint` has them, and the pipeline if there is no error. */
export function lintYaml(
  yaml: string,
  bound?: Bound,
): { readonly diagnostics: Diagnostic[]; readonly pipeline: Pipeline | undefined } {
  const { pipeline, diagnostics } = loadPipeline(yaml, bound?.file ?? 'pipeline.yaml', registry, {
    ...(bound?.profile ? { profile: bound.profile } : {}),
    ...(bound?.sets ? { sets: bound.sets } : {}),
  });
  return {
    pipeline,
    diagnostics: diagnostics.map((d) => ({
      code: d.code,
      severity: d.severity,
      line: d.line,
      column: d.column,
      end_column: d.end_column,
      message: d.file === (bound?.file ?? 'pipeline.yaml') ? d.message : `${d.file}: ${d.message}`,
      ...(d.help === null ? {} : { help: d.help }),
      ...(d.suggestion === null ? {} : { suggestion: d.suggestion }),
    })),
  };
}

/** @throws CHM1110 with the first error */
export function pipelineOf(yaml: string, bound: Bound): Pipeline {
  const { pipeline, diagnostics } = lintYaml(yaml, bound);
  if (pipeline) return pipeline;
  const first = diagnostics.find((d) => d.severity === 'error')!;
  throw new ApiError(
    'CHM1110',
    `the document does not lint: ${first.line}:${first.column} ${first.code} ${first.message}`,
    {
      field: 'yaml',
      help: 'POST /config/lint has all findings',
    },
  );
}
