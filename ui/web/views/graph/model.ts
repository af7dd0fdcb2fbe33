import type { EdgeStats, Graph, GraphNode, Stats } from '../../../api/contract/records.ts';

/** All connections of one pair of nodes in one direction: one line of the picture. */
export interface Link {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly feedback: boolean;
  readonly cut: boolean;
  readonly delayUs: number;
  /** Keys of its edges in the statistics. */
  readonly edges: readonly string[];
}
export const edgeKey = (e: Graph['edges'][number]): string => `${e.from.node}.${e.from.port}>${e.to.node}.${e.to.port}`;

export function linksOf(graph: Graph): Link[] {
  const links = new Map<string, Link & { edges: string[] }>();
  for (const e of graph.edges) {
    const id = `${e.from.node}>${e.to.node}${e.feedback ? ' feedback' : ''}`;
    const known = links.get(id);
    const key = edgeKey(e);
    if (known) {
      if (!known.edges.includes(key)) known.edges.push(key);
      continue;
    }
    links.set(id, {
      id,
      from: e.from.node,
      to: e.to.node,
      feedback: e.feedback,
      cut: e.cut,
      delayUs: e.delay_us,
      edges: [key],
    });
  }
  return [...links.values()];
}

/** Of several edges between two nodes: what flows in all, and the worst of the rest. */
export function linkStats(link: Link, stats: Stats | null): EdgeStats | null {
  let sum: { -readonly [K in keyof EdgeStats]: EdgeStats[K] } | null = null;
  for (const key of link.edges) {
    const s = stats?.edges[key];
    if (!s) continue;
    if (!sum) sum = { ...s };
    else {
      sum.rate += s.rate;
      sum.queue += s.queue;
      sum.handover_p50_us = most(sum.handover_p50_us, s.handover_p50_us);
      sum.handover_p99_us = most(sum.handover_p99_us, s.handover_p99_us);
      sum.pressure = Math.max(sum.pressure, s.pressure);
    }
  }
  return sum;
}
const most = (a: number | null, b: number | null): number | null => (a === null ? b : b === null ? a : Math.max(a, b));

/** Nodes that `id` depends on, or that depend on it, nearest first; feedback is left out. */
export function reach(graph: Graph, id: string, way: 'up' | 'down'): string[] {
  const next = new Map<string, string[]>();
  for (const e of graph.edges) {
    if (e.feedback) continue;
    const [a, b] = way === 'up' ? [e.to.node, e.from.node] : [e.from.node, e.to.node];
    next.set(a, [...(next.get(a) ?? []), b]);
  }
  const seen = new Set([id]);
  const found: string[] = [];
  for (let ring = [id]; ring.length > 0; ) {
    const further: string[] = [];
    for (const n of ring)
      for (const m of next.get(n) ?? [])
        if (!seen.has(m)) {
          seen.add(m);
          further.push(m);
          found.push(m);
        }
    ring = further;
  }
  return found;
}

export const matches = (n: GraphNode, text: string): boolean => {
  const q = text.trim().toLowerCase();
  return q === '' || [n.id, n.type, n.service ?? '', n.tier].some((x) => x.toLowerCase().includes(q));
};

export const TIERS = ['bronze', 'silver', 'gold'] as const;
