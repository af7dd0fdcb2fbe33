import type { Pipeline, PipelineEdge, PipelineNode } from '../document/types.ts';
import type { PortSpec } from '../engine/port.ts';
import { inPortsOf } from '../node.ts';
import { ChimeraError, type Schema } from '../schema/index.ts';

/** How an in-port is fed at run time. */
export interface PlanInput {
  readonly port: string;
  readonly rest: boolean;
  readonly from: number;
  readonly out: number;
  /** Index among the producer port's picks; −1 = the record itself. */
  readonly pick: number;
  /** Reads the list over all keys. */
  readonly any: boolean;
  /** The in-port takes lists. */
  readonly list: boolean;
  /** Delivered in a later cycle. */
  readonly deferred: boolean;
  readonly passive: boolean;
  /** Keyed consumer of an unkeyed producer: every instance sees it. */
  readonly broadcast: boolean;
}

export interface PlanNode {
  /** Position in `Plan.nodes`, which is the order of execution: (rank, declaration). */
  readonly index: number;
  readonly id: string;
  readonly rank: number;
  readonly declaration: number;
  /** Position in the plan of the whole graph, of which this plan may be a part. */
  readonly ordinal: number;
  readonly keyed: boolean;
  readonly node: PipelineNode;
  readonly inputs: readonly PlanInput[];
  readonly outs: readonly PortSpec[];
  /** Indices of out-ports whose records are delivered in later cycles: feedback, and `successive` ones. */
  readonly feedback: readonly number[];
  /** By out-port: its index in `Plan.causes` when it is one of those, else −1. */
  readonly portCauses: readonly number[];
}

/** What one event can reach: which nodes may have to run, in order, and over which keys. */
export interface Program {
  readonly steps: readonly ProgramStep[];
  /** Feedback ports that may have been written. */
  readonly feedback: readonly { readonly node: number; readonly out: number; readonly all: boolean }[];
}
export interface ProgramStep {
  readonly node: number;
  /** `one`: the instance of the event's key; `all`: any instance whose inputs ticked; `none`: the unkeyed instance. */
  readonly mode: 'one' | 'all' | 'none';
}

export interface Plan {
  readonly pipeline: Pipeline;
  readonly nodes: readonly PlanNode[];
  readonly sources: readonly number[];
  /** What can begin a cycle: all nodes of the whole graph by `ordinal`, then the ports that are delivered later. */
  readonly causes: readonly string[];
  /** Declaration in the whole graph, by `ordinal`. */
  readonly declarations: readonly number[];
  /** Program of an emission of node's out-port, as an input (sources) or delivered feedback. */
  emission(node: number, out: number, deferred: boolean): Program;
  /** Program of records that arrive from another part, on several ports at once. */
  arrival(ports: readonly { readonly node: number; readonly out: number }[], all: boolean): Program;
  /** Program of a cycle that starts by running a node itself: timers and `end`. */
  activation(node: number): Program;
}

/**
 * Orders the nodes by (rank, declaration): rank is the longest path from a source, feedback edges left out.
 * @param whole the plan of the graph that this pipeline is a part of: its order and its names of causes are kept
 * @throws CHM203 when a loop has no feedback edge (lint reports it with its place; this is the last line of defence).
 */
export function createPlan(pipeline: Pipeline, whole?: Plan): Plan {
  const { nodes: declared } = pipeline;
  const declaration = new Map(declared.map((n, i) => [n.id, i]));
  const isDeferred = (e: PipelineEdge) => declared[declaration.get(e.node)!]!.feedback.includes(e.out);
  const place = new Map(whole?.nodes.map((n) => [n.id, n]));
  const ranks = whole ? declared.map((n) => place.get(n.id)!.rank) : rankAll(declared, declaration, isDeferred);
  const order = declared.map((_, i) => i).sort((a, b) => ranks[a]! - ranks[b]! || a - b);
  const index = new Map(order.map((d, i) => [declared[d]!.id, i]));

  const nodes = order.map((d, i): PlanNode => {
    const node = declared[d]!;
    const outs = Object.entries(node.out).map(([port, spec]): PortSpec => {
      const consumers = declared.flatMap((n) => n.inputs.filter((e) => e.node === node.id && e.out === port));
      const picked = new Map<string, Schema>();
      for (const e of consumers) if (e.field !== undefined) picked.set(e.field, e.schema);
      return {
        node: node.id,
        port,
        schema: spec.schema,
        many: spec.many,
        successive: spec.successive === true,
        keyed: spec.keyed && node.key === 'none',
        picks: [...picked].map(([field, schema]) => ({ field, schema })),
        any: consumers.some((e) => e.spec.key === 'any') && (node.key === 'instrument' || node.type.kind === 'source'),
      };
    });
    return {
      index: i,
      id: node.id,
      rank: ranks[d]!,
      declaration: place.get(node.id)?.declaration ?? d,
      ordinal: place.get(node.id)?.ordinal ?? i,
      keyed: node.key === 'instrument',
      node,
      inputs: [],
      outs,
      feedback: Object.entries(node.out).flatMap(([port, spec], out) =>
        node.feedback.includes(port) || spec.successive ? [out] : [],
      ),
      portCauses: [],
    };
  });
  const causes = whole?.causes ?? [
    ...nodes.map((n) => n.id),
    ...nodes.flatMap((n) => n.feedback.map((out) => portCause(n, out))),
  ];
  const planned = nodes.map(
    (n): PlanNode => ({
      ...n,
      inputs: n.node.inputs.map((e) => planInput(e, n, nodes, index)),
      portCauses: n.outs.map((_, out) => causes.indexOf(portCause(n, out))),
    }),
  );
  return {
    pipeline,
    nodes: planned,
    sources: planned.filter((n) => n.node.type.kind === 'source').map((n) => n.index),
    causes,
    declarations: whole?.declarations ?? nodes.map((n) => n.declaration),
    emission: (node, out, deferred) => reach(planned, [{ node, out, deferred }], undefined),
    arrival: (ports, all) =>
      reach(
        planned,
        ports.map((p) => ({ ...p, deferred: false })),
        undefined,
        all,
      ),
    activation: (node) => reach(planned, [], node),
  };
}

/** Ids of nodes have no dot. */
const portCause = (n: PlanNode, out: number): string => `${n.id}.${n.outs[out]!.port}`;

function planInput(
  e: PipelineEdge,
  consumer: PlanNode,
  nodes: readonly PlanNode[],
  index: Map<string, number>,
): PlanInput {
  const from = nodes[index.get(e.node)!]!;
  const out = from.outs.findIndex((o) => o.port === e.out);
  const source = from.node.type.kind === 'source';
  const producerKeyed = source ? from.node.out[e.out]!.key === 'instrument' : from.keyed || from.outs[out]!.keyed;
  return {
    port: e.port,
    rest: e.rest,
    from: from.index,
    out,
    pick: e.field === undefined ? -1 : from.outs[out]!.picks.findIndex((p) => p.field === e.field),
    any: e.spec.key === 'any',
    list: e.spec.many,
    deferred: from.feedback.includes(out),
    passive: e.spec.passive,
    broadcast: consumer.keyed && !producerKeyed,
  };
}

function rankAll(
  nodes: readonly PipelineNode[],
  declaration: Map<string, number>,
  isDeferred: (e: PipelineEdge) => boolean,
): number[] {
  const ranks: number[] = nodes.map(() => -1);
  const open = new Set<number>();
  const visit = (i: number): number => {
    if (ranks[i]! >= 0) return ranks[i]!;
    if (open.has(i))
      throw new ChimeraError(
        'CHM203',
        `the nodes ${[...open].map((o) => nodes[o]!.id).join(' → ')} form a loop without feedback`,
        {
          file: '',
          node: nodes[i]!.id,
          help: 'list the out-port that closes the loop under `feedback:` of its node',
        },
      );
    open.add(i);
    let rank = 0;
    for (const e of nodes[i]!.inputs) if (!isDeferred(e)) rank = Math.max(rank, visit(declaration.get(e.node)!) + 1);
    open.delete(i);
    ranks[i] = rank;
    return rank;
  };
  nodes.forEach((_, i) => {
    visit(i);
  });
  return ranks;
}

/** Everything downstream of the given emissions or of one activated node, in order of execution. */
function reach(
  nodes: readonly PlanNode[],
  emissions: readonly { node: number; out: number; deferred: boolean }[],
  activated: number | undefined,
  everyKey = false,
): Program {
  // mode of each reached node; emitted: node → whether instances of other keys than the event's may have emitted
  const mode = new Map<number, ProgramStep['mode']>();
  const emitted = new Map<string, boolean>();
  const emits = (node: number, out: number, all: boolean, deferred: boolean) => {
    const id = `${node}.${out}.${deferred}`;
    emitted.set(id, (emitted.get(id) ?? false) || all);
  };
  for (const e of emissions)
    emits(e.node, e.out, everyKey || (e.deferred && nodes[e.node]!.outs[e.out]!.keyed), e.deferred);
  for (const n of nodes) {
    if (n.index === activated) mode.set(n.index, n.keyed ? 'one' : 'none');
    for (const input of n.inputs) {
      if (input.passive) continue;
      const all = emitted.get(`${input.from}.${input.out}.${input.deferred}`);
      if (all === undefined) continue;
      const from = nodes[input.from]!;
      const spread = all || input.broadcast || from.outs[input.out]!.keyed;
      if (!n.keyed) mode.set(n.index, 'none');
      else if (spread) mode.set(n.index, 'all');
      else if (!mode.has(n.index)) mode.set(n.index, 'one');
    }
    const m = mode.get(n.index);
    if (m)
      n.outs.forEach((_, out) => {
        if (!n.feedback.includes(out)) emits(n.index, out, m === 'all', false);
      });
  }
  return {
    steps: [...mode].sort((a, b) => a[0] - b[0]).map(([node, m]) => ({ node, mode: m })),
    feedback: [...mode].flatMap(([node, m]) => nodes[node]!.feedback.map((out) => ({ node, out, all: m === 'all' }))),
  };
}

/** All in-ports that a plan node's type declares, connected or not. */
export const declaredInputs = (n: PlanNode) => inPortsOf(n.node.type);
