import type { Engine } from '../../../graph/engine/engine.ts';
import type { Plan } from '../../../graph/plan/plan.ts';
import type { CycleView, Emission } from './view.ts';

/** A value that a node read although it did not change in the cycle. */
export interface Held {
  readonly node: string;
  /** In-port, and what it reads: `node.port`, with a field `node.port.field`. */
  readonly port: string;
  readonly from: string;
  /** Engine time of the value, µs. */
  readonly t: number;
}
/** One cycle on the way from an effect back to the frames. */
export interface Link {
  readonly cycle: number;
  readonly t: number;
  readonly graph: string;
  readonly cause: CycleView['cause'];
  readonly kind: CycleView['kind'];
  /** Nodes through which the effect came in this cycle, in order of execution; the source first, where it began with an input. */
  readonly path: readonly string[];
  /** What they said; of the source, the frame. */
  readonly emitted: readonly Emission[];
  readonly held: readonly Held[];
}

/**
 * What of a cycle led to what a node did in it: the node, and those before it that said something it read.
 * @param engine stands behind the cycle
 * @param node undefined = everything that was said
 */
export function linkOf(c: CycleView, plan: Plan, engine: Engine, node: string | undefined, key: string): Link {
  const said = new Set(c.emitted.map((e) => `${e.node}.${e.port}`));
  const path = new Set(node === undefined ? c.emitted.map((e) => e.node) : [node]);
  for (const n of [...plan.nodes].reverse()) {
    if (!path.has(n.id)) continue;
    for (const i of n.inputs) {
      const from = plan.nodes[i.from]!;
      // What is delivered later came in another cycle, unless this one is its delivery.
      const now = !i.deferred && said.has(`${from.id}.${from.outs[i.out]!.port}`);
      if (now) path.add(from.id);
    }
  }
  const { cycle, t, graph, cause, kind } = c;
  return {
    cycle,
    t,
    graph,
    cause,
    kind,
    path: plan.nodes.filter((n) => path.has(n.id)).map((n) => n.id),
    emitted: c.emitted.filter((e) => path.has(e.node)),
    held: [...heldOf(plan, engine, path, key)],
  };
}

function* heldOf(plan: Plan, engine: Engine, path: ReadonlySet<string>, key: string): Generator<Held> {
  const { core } = engine;
  const k = key === '' ? -1 : (core.keys.find(key)?.index ?? -1);
  for (const n of plan.nodes) {
    const instance = path.has(n.id) ? core.instance(n.index, k) : undefined;
    for (const i of instance ? n.inputs : []) {
      const from = plan.nodes[i.from]!;
      const view = i.rest ? undefined : (instance!.tick[i.port] as { seen?: boolean; time?: number; stamp?: number });
      if (!view?.seen || view.time === undefined || view.stamp === core.clock.n) continue;
      const edge = n.node.inputs.find((e) => e.port === i.port)!;
      const field = edge.field === undefined ? '' : `.${edge.field}`;
      yield { node: n.id, port: i.port, from: `${from.id}.${from.outs[i.out]!.port}${field}`, t: view.time };
    }
  }
}
