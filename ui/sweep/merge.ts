import { createHash } from 'node:crypto';
import { canonical } from '../../graph/document/hash.ts';
import type { Pipeline, PipelineNode } from '../../graph/document/types.ts';

export interface Merged {
  /** One graph that computes all of them. */
  pipeline: Pipeline;
  /** Each of them as the part of that graph that is its own: same nodes, under their ids there. */
  views: Pipeline[];
}

/**
 * Pipelines of one document under different parameters as one graph: a node stands there once for all pipelines in which
 * it has the same type, configuration and inputs, those of its inputs included. Nodes of loops are compared by the same
 * refinement, until nothing tells them apart any more. Sinks are left out: what a search finds is its table.
 */
export function mergePipelines(pipelines: readonly Pipeline[]): Merged {
  const graphs = pipelines.map((p) => p.nodes.filter((n) => n.type.kind !== 'sink'));
  const classes = refine(graphs);
  const ids = new Map<string, string>();
  const taken = new Map<string, number>();
  const nodes: PipelineNode[] = [];
  const views = graphs.map((graph, g): Pipeline => {
    const idOf = new Map<string, string>();
    const own: string[] = [];
    for (const [i, n] of graph.entries()) {
      const found = classes[g]![i]!;
      let id = ids.get(found);
      if (id === undefined) {
        const before = taken.get(n.id) ?? 0;
        taken.set(n.id, before + 1);
        id = before === 0 ? n.id : `${n.id}@${before + 1}`;
        ids.set(found, id);
        own.push(n.id);
      }
      idOf.set(n.id, id);
    }
    const renamed = graph.map(
      (n): PipelineNode => ({
        ...n,
        id: idOf.get(n.id)!,
        name: n.id,
        inputs: n.inputs.map((e) => ({ ...e, node: idOf.get(e.node)! })),
      }),
    );
    for (const [i, n] of renamed.entries()) if (own.includes(graph[i]!.id)) nodes.push(n);
    return { ...pipelines[g]!, nodes: renamed, services: {} };
  });
  const hash = createHash('sha256');
  for (const p of pipelines) hash.update(p.hash);
  return { pipeline: { ...pipelines[0]!, nodes, services: {}, hash: hash.digest('hex') }, views };
}

/** A name for each node such that equal names mean: computes the same. */
function refine(graphs: readonly (readonly PipelineNode[])[]): string[][] {
  let names = graphs.map((graph) =>
    graph.map((n) =>
      digest([
        n.id,
        n.type.type,
        n.type.version ?? 1,
        n.config,
        n.key,
        [...n.feedback],
        n.delayUs,
        n.onError,
        n.inputs.map((e) => [e.port, e.out, e.field ?? null]),
      ]),
    ),
  );
  const count = (of: string[][]): number => new Set(of.flat()).size;
  for (let before = 0; before !== count(names); ) {
    before = count(names);
    names = names.map((of, g) => {
      const at = new Map(graphs[g]!.map((n, i) => [n.id, of[i]!]));
      return graphs[g]!.map((n, i) => digest([of[i]!, n.inputs.map((e) => at.get(e.node) ?? '')]));
    });
  }
  return names;
}
const digest = (value: unknown): string => createHash('sha256').update(canonical(value)).digest('base64');
