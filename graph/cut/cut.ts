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
  /**
   * Of a part with sources: the other parts with sources. It follows them for what only sources can say: which instruments there
   * are, when each of them comes to life, and when the run ends.
   */
  readonly peers: readonly number[];
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

/** Why a graph cannot run in parts as its services are. Lint shows the place; the nodes say which it is. */
export type CutProblem = { readonly message: string; readonly help: string } & (
  | { readonly code: 'CHM510'; readonly port: PortRef; readonly readers: readonly PlanNode[] }
  | { readonly code: 'CHM511'; readonly family: string; readonly writers: readonly PlanNode[] }
);

/** @throws CHM510, CHM511: what lint finds with its place; this is the last line of defence */
export function cutGraph(plan: Plan): Cut {
  const { cut, problems } = tryCut(plan);
  const [first] = problems;
  if (first) throw new ChimeraError(first.code, first.message, { help: first.help });
  return cut;
}

/** The cut, and all that is wrong with it. With problems it is good for looking at only. */
export function tryCut(plan: Plan): { cut: Cut; problems: CutProblem[] } {
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
  const exported = members.map((of, p) =>
    of.flatMap((n) =>
      n.outs.flatMap((_, out): PortRef[] =>
        nodes.some((c) => partOf[c.index] !== p && c.inputs.some((i) => i.from === n.index && i.out === out))
          ? [{ node: n.index, out }]
          : [],
      ),
    ),
  );
  const entrances = members.flatMap((of, p) => (of.some((n) => n.node.type.kind === 'source') ? [p] : []));
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
    const service = serviceOf(pipeline, members[p]![0]!);
    const families = familiesOf(pipeline, id, nodes, exported[p]!);
    const enters = entrances.includes(p);
    return {
      id,
      service,
      nodes: members[p]!,
      inlets: enters ? inlets : led(inlets, entrances[0]),
      peers: enters ? entrances.filter((e) => e !== p) : [],
      families,
    };
  });
  const problems = [...deliveredElsewhere(nodes, partOf, delayed), ...writtenTwice(parts, nodes)];
  return { cut: { plan, parts }, problems };
}

/**
 * Feedback looks ahead, beyond the end of the run as well: where time is, and ends, is for the sources to say. A part that gets
 * nothing but feedback follows them, too, one inlet for each part that it reads. Any part with sources will do: it follows the
 * others.
 */
function led(inlets: Inlet[], entrance: number | undefined): Inlet[] {
  if (entrance === undefined || inlets.some((i) => i.delayUs === 0)) return inlets;
  const ports = inlets.find((i) => i.from === entrance)?.ports ?? [];
  return [...inlets.filter((i) => i.from !== entrance), { from: entrance, ports, delayUs: 0 }];
}

const nameOf = ({ id, node }: PlanNode): string => node.gateway?.id ?? id;
const listed = (names: readonly string[]): string =>
  names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;

/** What is delivered in a later cycle at the same engine time has to stay within its part. */
function deliveredElsewhere(
  nodes: readonly PlanNode[],
  partOf: readonly number[],
  delayed: (from: number, out: number) => boolean,
): CutProblem[] {
  return nodes.flatMap((n) =>
    n.feedback.flatMap((out): CutProblem[] => {
      const readers = nodes.filter(
        (c) => partOf[c.index] !== partOf[n.index] && c.inputs.some((i) => i.from === n.index && i.out === out),
      );
      if (readers.length === 0 || delayed(n.index, out)) return [];
      const { port } = n.outs[out]!;
      const names = listed(readers.map(nameOf));
      const fed = n.node.feedback.includes(port);
      const delay = fed ? `, or give ${n.id} a \`delay\`` : '';
      const help = readers.every((r) => r.node.type.kind === 'sink')
        ? `a sink runs as a part of its own: let ${names} read what ${n.id} reads${delay}`
        : `put ${listed([n.id, ...readers.map(nameOf)])} into one service, with nothing of another service between them${delay}`;
      const how = fed ? 'at once' : 'one record after the other, at once';
      const message = `${n.id}.${port} is delivered ${how}, to ${names} in another part of the graph`;
      return [{ code: 'CHM510', message, help, port: { node: n.index, out }, readers }];
    }),
  );
}

/** Each stream has one writer. */
function writtenTwice(parts: readonly Part[], nodes: readonly PlanNode[]): CutProblem[] {
  const names = new Set(parts.flatMap((p) => p.families.map((f) => f.name)));
  return [...names].flatMap((family): CutProblem[] => {
    const by = parts.filter((p) => p.families.some((f) => f.name === family));
    if (by.length < 2) return [];
    const senders = by.map((p) => {
      const { ports } = p.families.find((f) => f.name === family)!;
      return [...new Set(ports.map((r) => r.node))].map((i) => nodes[i]!);
    });
    const who = by.map((p, i) => `${listed(senders[i]!.map(nameOf))} (part ${p.id})`);
    return [
      {
        code: 'CHM511',
        message: `the streams "${family}" would be written by ${by.length} parts: ${listed(who)}`,
        help: 'list together under `streams:` what runs in one part; give the rest a name of its own',
        family,
        writers: senders.slice(1).flat(),
      },
    ];
  });
}

function serviceOf(pipeline: Pipeline, n: PlanNode): string {
  const name = nameOf(n);
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
    const named = Object.entries(pipeline.streams ?? {}).find(([, members]) => members.includes(id));
    const name = named?.[0] ?? `${part}:events`;
    families.set(name, [...(families.get(name) ?? []), port]);
  }
  return [...families].map(([name, of]) => ({ name, ports: of }));
}
