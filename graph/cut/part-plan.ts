import type { PipelineNode } from '../document/types.ts';
import { createPlan, type Plan, type PlanNode } from '../plan/plan.ts';
import type { Cut, Part } from './cut.ts';

/** The plan of one part: its own nodes, and stand-ins for those whose records it reads, in the order of the whole graph. */
export function partPlan({ plan: whole }: Cut, part: Part): Plan {
  const own = new Set(part.nodes.map((n) => n.id));
  const read = new Set(part.inlets.flatMap((i) => i.ports.map((p) => whole.nodes[p.node]!.id)));
  const nodes = whole.pipeline.nodes.flatMap((n): PipelineNode[] =>
    own.has(n.id) ? [n] : read.has(n.id) ? [standIn(n)] : [],
  );
  return createPlan({ ...whole.pipeline, nodes }, whole);
}

/** A source stays one: its records lie in slots without an instance. It is not opened. */
function standIn(n: PipelineNode): PipelineNode {
  const { kind, type, version, tier, summary, config } = n.type;
  if (kind === 'source') return n;
  return {
    ...n,
    inputs: [],
    type: { kind: 'remote', type, version, tier, summary, config, ports: { in: {}, out: n.out } },
  };
}

/** Index in a part's plan by index in the whole one; −1 = not there. */
export const localIndex = (whole: Plan, plan: Plan): number[] =>
  whole.nodes.map((n) => plan.nodes.findIndex((own: PlanNode) => own.id === n.id));
