import type { Pipeline } from '../document/types.ts';
import type { Plan, PlanNode } from '../plan/plan.ts';
import { ChimeraError } from '../schema/index.ts';

/**
 * A graph, cut along its services into parts that each run by themselves. A part is what lies between two visits of an event
 * to a service: when events leave a service and come back later in the same cycle (market → features → orders → venue, with
 * market and venue in one service), it has one part for each visit, so that between parts everything flows one way. Only
 * delayed feedback flows back. A sink is a part of its own: what it writes does not slow down what computes, and what computes
 * can be run again without a sink noticing.
 */
export interface Cut {
  readonly plan: Plan;
  readonly parts: readonly Part[];
}
export interface Part {
  /** `s2.1`: service and stage; `s10.archive`: service and sink. */
  readonly id: string;
  readonly service: string;
  /** Nodes by their index in the whole plan, in order of execution. */
  readonly nodes: readonly PlanNode[];
  readonly inlets: readonly Inlet[];
  readonly families: readonly Family[];
}
/** What a part reads of another one. */
export interface Inlet {
  /** Index of the part it comes from. */
  readonly from: number;
  /** Empty: only how far it has come. */
  readonly ports: readonly PortRef[];
  /** How much later than their emission all of it takes effect, µs: the look-ahead of a cut loop. 0 = at once. */
  readonly delayUs: number;
}
/** What a part sends: the ports whose records travel together, one stream for each key. */
export interface Family {
  /** Name of its streams before the key: `mkt`, `feat:events`, … */
  readonly name: string;
  /** In the order that numbers them on the wire. */
  readonly ports: readonly PortRef[];
}
export interface PortRef {
  /** Index into `Plan.nodes` of the whole plan. */
  readonly node: number;
  readonly out: number;
}

/** @throws CHM510, CHM511: what lint finds with its place; this is the last line of defence */
export function cutGraph(plan: Plan): Cut {
  const { pipeline, nodes } = plan;
  const groups = groupsOf(pipeline, nodes);
  const stages: number[] = [];
  const delayed = (from: number, out: number): boolean => {
    const { node, outs } = nodes[from]!;
    return node.feedback.includes(outs[out]!.port) && node.delayUs > 0;
  };
  for (const n of nodes) {
    let stage = 0;
    for (const { from, out } of n.inputs)
      if (!delayed(from, out) && from < n.index)
        stage = Math.max(stage, stages[from]! + (groups[from] === groups[n.index] ? 0 : 1));
    stages[n.index] = stage;
  }
  const idOf = (n: PlanNode): string =>
    n.node.type.kind === 'sink' ? groups[n.index]! : `${groups[n.index]}.${stages[n.index]}`;
  const ids = [...new Set(nodes.map(idOf))];
  const partOf = nodes.map((n) => ids.indexOf(idOf(n)));
  const members = ids.map((_, p) => nodes.filter((n) => partOf[n.index] === p));
  for (const n of nodes)
    for (const { from, out } of n.inputs) {
      const { node, outs, feedback, id } = nodes[from]!;
      if (feedback.includes(out) && !delayed(from, out) && partOf[from] !== partOf[n.index])
        throw new ChimeraError('CHM510', `${id}.${outs[out]!.port} reaches ${n.id} at once, in another part`, {
          node: node.id,
          help: `put ${id} and ${n.id} into one service, or give ${id} a delay`,
        });
    }
  const exported = members.map((of, p) =>
    of.flatMap((n) =>
      n.outs.flatMap((_, out): PortRef[] =>
        nodes.some((c) => partOf[c.index] !== p && c.inputs.some((i) => i.from === n.index && i.out === out))
          ? [{ node: n.index, out }]
          : [],
      ),
    ),
  );
  const entrance = members.findIndex((of) => of.some((n) => n.node.type.kind === 'source'));
  const parts = ids.map((id, p): Part => {
    const inlets = ids.flatMap((_, from): Inlet[] => {
      const ports = exported[from]!.filter(
        ({ node, out }) =>
          from !== p && members[p]!.some((c) => c.inputs.some((i) => i.from === node && i.out === out)),
      );
      if (ports.length === 0) return [];
      const delays = ports.map(({ node, out }) => (delayed(node, out) ? nodes[node]!.node.delayUs : 0));
      return [{ from, ports, delayUs: Math.min(...delays) }];
    });
    // Feedback looks ahead, beyond the end of the run as well: where time is, and ends, is for the sources to say.
    if (p !== entrance && inlets.every((i) => i.delayUs > 0)) inlets.push({ from: entrance, ports: [], delayUs: 0 });
    const service = serviceOf(pipeline, members[p]![0]!);
    return { id, service, nodes: members[p]!, inlets, families: familiesOf(pipeline, id, nodes, exported[p]!) };
  });
  const names = parts.flatMap((p) => p.families.map((f) => f.name));
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new ChimeraError('CHM511', `two parts of the graph would write to the streams ${twice}`, {
      help: 'list under `streams:` nodes that run in one service, next to each other',
    });
  const entrances = parts.filter((p) => p.nodes.some((n) => n.node.type.kind === 'source'));
  if (entrances.length > 1)
    throw new ChimeraError('CHM512', `inputs enter the graph in ${entrances.map((p) => p.id).join(' and ')}`, {
      help: 'put all sources into one service',
    });
  return { plan, parts };
}

function serviceOf(pipeline: Pipeline, { id, node }: PlanNode): string {
  const name = node.gateway?.id ?? id;
  return Object.entries(pipeline.services).find(([, ids]) => ids.includes(name))?.[0] ?? 'all';
}
const groupsOf = (pipeline: Pipeline, nodes: readonly PlanNode[]): string[] =>
  nodes.map((n) => {
    const service = serviceOf(pipeline, n);
    return n.node.type.kind === 'sink' ? `${service}.${n.id.replace(':', '_')}` : service;
  });

function familiesOf(pipeline: Pipeline, part: string, nodes: readonly PlanNode[], ports: PortRef[]): Family[] {
  const families = new Map<string, PortRef[]>();
  for (const port of ports) {
    const { id } = nodes[port.node]!;
    const listed = Object.entries(pipeline.streams ?? {}).find(([, members]) => members.includes(id));
    const name = listed?.[0] ?? `${part}:events`;
    families.set(name, [...(families.get(name) ?? []), port]);
  }
  return [...families].map(([name, of]) => ({ name, ports: of }));
}
