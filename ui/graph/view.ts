import type { Pipeline } from '../../graph/document/types.ts';
import type { Tier } from '../../graph/node.ts';

/** A pipeline as what a picture shows: boxes and arrows. */
export interface GraphView {
  name: string;
  hash: string;
  nodes: ViewNode[];
  edges: ViewEdge[];
  /** Names of services in order of declaration; empty when the document has none. */
  services: string[];
}
export interface ViewNode {
  id: string;
  type: string;
  tier: Tier;
  kind: 'source' | 'node' | 'sink';
  /** One instance per instrument. */
  keyed: boolean;
  service: string | null;
  summary: string;
}
/** All connections of one pair of nodes in one direction are one arrow. */
export interface ViewEdge {
  from: string;
  to: string;
  /** What flows: `trade`, `bar.close`; sorted, without repetition. */
  ports: string[];
  feedback: boolean;
  delay_us: number;
}

export function graphView(pipeline: Pipeline): GraphView {
  const service = new Map(Object.entries(pipeline.services).flatMap(([name, ids]) => ids.map((id) => [id, name])));
  const byId = new Map(pipeline.nodes.map((n) => [n.id, n]));
  const edges = new Map<string, ViewEdge>();
  for (const n of pipeline.nodes)
    for (const e of n.inputs) {
      const producer = byId.get(e.node)!;
      const feedback = producer.feedback.includes(e.out);
      const key = `${e.node} ${n.id} ${feedback}`;
      const edge = edges.get(key) ?? {
        from: e.node,
        to: n.id,
        ports: [],
        feedback,
        delay_us: feedback ? producer.delayUs : 0,
      };
      edges.set(key, edge);
      const port = e.field === undefined ? e.out : `${e.out}.${e.field}`;
      if (!edge.ports.includes(port)) edge.ports.push(port);
    }
  return {
    name: pipeline.name,
    hash: pipeline.hash,
    services: Object.keys(pipeline.services),
    nodes: pipeline.nodes.map((n) => ({
      id: n.id,
      type: n.type.type,
      tier: n.type.tier,
      kind: n.type.kind === 'source' ? 'source' : n.type.kind === 'sink' ? 'sink' : 'node',
      keyed: n.key === 'instrument',
      service: service.get(n.gateway?.id ?? n.id) ?? null,
      summary: n.type.summary,
    })),
    edges: [...edges.values()].map((e) => ({ ...e, ports: e.ports.sort() })),
  };
}

export const TIERS = ['bronze', 'silver', 'gold'] as const;
/** Colours of the lanes: they read on white and in print. */
export const TIER_COLOURS: Readonly<Record<Tier, { fill: string; line: string; ink: string }>> = {
  bronze: { fill: '#fbf1e7', line: '#c98a4b', ink: '#7a4a17' },
  silver: { fill: '#f0f3f7', line: '#94a3b8', ink: '#475569' },
  gold: { fill: '#fdf6dc', line: '#d4a72c', ink: '#7c5e10' },
};
/** An edge's label; long lists are cut, the JSON has them all. */
export const edgeLabel = (e: ViewEdge, limit = 3): string =>
  e.ports.slice(0, limit).join(', ') + (e.ports.length > limit ? ` +${e.ports.length - limit}` : '');
