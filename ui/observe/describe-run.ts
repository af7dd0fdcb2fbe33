import { exitOf } from '../../graph/document/halves.ts';
import type { Pipeline, PipelineNode } from '../../graph/document/types.ts';
import { createPlan, type Plan } from '../../graph/plan/plan.ts';
import { type Field, isNumberField, type Schema } from '../../graph/schema/index.ts';
import type { Rule } from '../../operators/decision/rule-config.ts';
import type { Graph, GraphEdge, GraphPort } from '../api/contract/records.ts';
import type { RuleNode } from '../api/ports.ts';
import { venueOf } from '../report/recorder.ts';
import type { TradingPorts } from './messages.ts';

/** A graph as the page draws it. @param yaml the document's own text */
export function graphOf(pipeline: Pipeline, run: string, yaml: string, plan = createPlan(pipeline)): Graph {
  const serviceOf = new Map(Object.entries(pipeline.services).flatMap(([s, ids]) => ids.map((id) => [id, s] as const)));
  const service = (n: PipelineNode) => serviceOf.get(n.gateway?.id ?? n.id) ?? null;
  const byId = new Map(pipeline.nodes.map((n) => [n.id, n]));
  const edges = new Map<string, GraphEdge>();
  for (const n of pipeline.nodes)
    for (const e of n.inputs) {
      const from = byId.get(e.node)!;
      const feedback = from.feedback.includes(e.out);
      edges.set(`${e.node}.${e.out}>${n.id}.${e.port}`, {
        from: { node: e.node, port: e.out },
        to: { node: n.id, port: e.port },
        feedback,
        delay_us: feedback ? from.delayUs : 0,
        cut: service(from) !== service(n),
      });
    }
  return {
    run,
    hash: pipeline.hash,
    yaml,
    services: pipeline.services,
    nodes: plan.nodes.map(({ node: n, rank }) => ({
      id: n.id,
      type: n.gateway?.type.type ?? n.type.type,
      kind: n.type.kind === 'source' ? 'source' : n.type.kind === 'sink' ? 'sink' : 'operator',
      tier: n.type.tier,
      service: service(n),
      rank,
      each: n.key === 'instrument' ? 'instrument' : null,
      summary: n.type.summary,
      config: n.config,
      line: n.line,
      in: n.inputs.map((e) => portOf(e.port, e.schema, e.spec.many)),
      out: Object.entries(n.out).map(([name, o]) => portOf(name, o.schema, o.many)),
    })),
    edges: [...edges.values()],
  };
}
const portOf = (name: string, schema: Schema, many: boolean): GraphPort => ({
  name,
  schema: schema.name,
  fields: Object.entries(schema.fields).map(([field, f]) => ({ name: field, kind: kindOf(f), unit: unitOf(f) })),
  many,
});
const kindOf = (f: Field): string =>
  f.kind === 'list' ? `list of ${f.of}` : f.kind === 'oneOf' ? f.values.join(' | ') : f.kind;
const unitOf = (f: Field): string | null => (isNumberField(f) ? (f.unit ?? null) : null);

/** The nodes of rules of a graph. */
export const rulesOf = (pipeline: Pipeline): RuleNode[] =>
  pipeline.nodes
    .filter((n) => n.type.type === 'decision.rules')
    .map((n) => ({
      id: n.id,
      features: Object.keys(n.inputs.find((e) => e.port === 'features')?.schema.fields ?? {}),
      rules: (n.config as { rules: readonly Rule[] }).rules,
    }));

/** Where a graph says what it trades: by the records of its ports. */
export function tradingPorts(plan: Plan): TradingPorts {
  const { pipeline } = plan;
  const bySchema = (name: string): string | undefined => {
    for (const n of pipeline.nodes)
      for (const [port, o] of Object.entries(n.out)) if (o.schema.name === name) return `${n.id}.${port}`;
    return undefined;
  };
  const some = (key: keyof TradingPorts, port: string | undefined) => (port === undefined ? {} : { [key]: port });
  let venue: PipelineNode | undefined;
  try {
    venue = venueOf(pipeline);
  } catch {
    // Not every graph trades.
  }
  const taking = venue?.gateway ? pipeline.nodes.find((n) => n.id === exitOf(venue.id)) : venue;
  const order = taking?.inputs.find((e) => e.port === 'order');
  const bars = pipeline.nodes
    .filter((n) => n.type.type === 'silver.time_bars')
    .map((n) => ({ port: `${n.id}.bar`, width_us: Number((n.config as { width?: number }).width ?? 0) }));
  return {
    market: /spot/.test(venue?.type.type ?? '') ? 'spot' : 'usdm',
    bars,
    ...some('report', venue && `${venue.id}.report`),
    ...some('account', venue && `${venue.id}.account`),
    ...some('command', order && `${order.node}.${order.out}`),
    ...some('change', bySchema('position_change')),
    ...some('position', bySchema('position')),
    ...some('venuePosition', bySchema('venue_position')),
    ...some('price', bySchema('mark_price') ?? bySchema('book_ticker') ?? bySchema('trade')),
    ...some('kill', bySchema('kill_status')),
    ...some('killSwitch', bySchema('kill_state')),
    ...some('reconcile', bySchema('reconcile_state')),
  };
}

/** Schemas of all out-ports, by `node.port`. */
export const schemasOf = (plan: Plan): Record<string, Schema> =>
  Object.fromEntries(plan.nodes.flatMap((n) => n.outs.map((o) => [`${n.id}.${o.port}`, o.schema] as const)));
