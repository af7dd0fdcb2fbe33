import { formatDiagnostics } from '../../graph/document/format.ts';
import { loadPipeline } from '../../graph/document/load.ts';
import type { Pipeline } from '../../graph/document/types.ts';
import type { Registry } from '../../graph/registry.ts';
import { diffPipelines, type GraphDiff } from '../../graph/reload/diff.ts';
import { planReload, type Reloaded } from '../../graph/reload/reload.ts';
import type { Run } from '../../graph/runner/runner.ts';
import { ChimeraError, type Diagnostic } from '../../graph/schema/index.ts';
import type { GraphDocument } from './graphs.ts';

export interface HandleReload {
  /** Nodes that start anew although their state could be kept. */
  readonly restart?: readonly string[];
  /** Fresh nodes that declare a warm-up get their state from the run's past, where it has it; default true. */
  readonly warm?: boolean;
}
/** A run at work, for who stands outside of it: a control channel, an HTTP face. */
export interface RunHandle {
  /** The graph that runs now. */
  readonly pipeline: Pipeline;
  /**
   * Puts another graph in the place of the running one at the next commit. Resolves when its first commit is durable.
   * @param graph a resolved pipeline, what one is read from, or the text of a document, read with the profile and parameters
   * of the running graph
   * @throws CHM914 with the findings when it does not lint, CHM750 to CHM754; the running graph then goes on as it was
   */
  reload(graph: Pipeline | GraphDocument | string, options?: HandleReload): Promise<Reloaded>;
  /** What a reload would do. @throws CHM914, CHM751 */
  diff(graph: Pipeline | GraphDocument | string, options?: HandleReload): Promise<GraphDiff>;
}

/** @param first what the graph that the run begins with was read from */
export async function handleOf(run: Run, first: GraphDocument | undefined): Promise<RunHandle> {
  // Now, and not when a run that is as fast as it can be leaves no time to load anything.
  const { registry } = await import('../cli/registry.ts');
  let document = first;
  const read = async (graph: Pipeline | GraphDocument | string) => {
    if (typeof graph === 'object' && 'nodes' in graph) return { pipeline: graph, document: null };
    const { name, file } = run.plan.pipeline;
    const own = typeof graph === 'object' ? graph : { ...(document ?? { file: file || `${name}.yaml` }), text: graph };
    return { pipeline: lint(own, registry), document: own };
  };
  return {
    get pipeline() {
      return run.plan.pipeline;
    },
    async reload(graph, options = {}) {
      const next = await read(graph);
      const done = await run.reload({ ...next, ...options });
      document = next.document ?? undefined;
      return done;
    },
    async diff(graph, options = {}) {
      const { pipeline } = await read(graph);
      planReload(run.plan.pipeline, { pipeline, ...options });
      return diffPipelines(run.plan.pipeline, pipeline, options.restart);
    },
  };
}

/** A document that does not lint, with everything that was found in it. */
export class LintError extends ChimeraError {
  readonly diagnostics: readonly Diagnostic[];
  constructor(document: GraphDocument, diagnostics: readonly Diagnostic[]) {
    const n = diagnostics.filter((d) => d.severity === 'error').length;
    const sources = new Map([[document.file, document.text]]);
    if (document.profile) sources.set(document.profile.file, document.profile.text);
    super('CHM914', `${document.file} has ${n} error${n === 1 ? '' : 's'}`, {
      file: document.file,
      help: formatDiagnostics(diagnostics, sources, { format: 'text', color: false }),
    });
    this.diagnostics = diagnostics;
  }
}

function lint(document: GraphDocument, registry: Registry): Pipeline {
  const { text, file, profile, sets } = document;
  const options = { ...(profile ? { profile } : {}), ...(sets ? { sets } : {}) };
  const { pipeline, diagnostics } = loadPipeline(text, file, registry, options);
  if (!pipeline) throw new LintError(document, diagnostics);
  return pipeline;
}
