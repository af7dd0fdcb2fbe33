import ELK, { type ElkExtendedEdge, type ElkNode } from 'elkjs/lib/elk-api.js';
import workerUrl from 'elkjs/lib/elk-worker.min.js?url';
import type { Graph, GraphNode } from '../../../api/contract/records.ts';
import { type Link, linksOf, TIERS } from './model.ts';

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}
export interface Layout {
  readonly nodes: Readonly<Record<string, Box>>;
  /** Bends of each link, from border to border. */
  readonly links: Readonly<Record<string, readonly (readonly [number, number])[]>>;
  readonly services: readonly { readonly name: string; readonly tier: string; readonly box: Box }[];
  readonly lanes: readonly { readonly tier: (typeof TIERS)[number]; readonly box: Box }[];
}

export const NODE_W = 176;
export const NODE_H = 84;
/** A line of an unfolded basket. */
export const KEY_H = 17;
const VERSION = 8;
const KEPT = 12;
const LANE_PAD = 22;

/** ELK runs in a worker of its own: a layout takes up to seconds and the page must not stand still. */
let elk: InstanceType<typeof ELK> | undefined;

/** Positions for a graph; known ones come from the browser's own store, named by the graph's hash and what is unfolded. */
export async function layout(graph: Graph, rows: ReadonlyMap<string, number>): Promise<Layout> {
  const key = keyOf(graph, rows);
  const known = recall(key);
  if (known) return known;
  elk ??= new ELK({ workerFactory: () => new Worker(workerUrl) });
  const links = linksOf(graph);
  const laid = await elk.layout(elkGraph(graph, links, rows));
  const result = read(laid, graph, links);
  keep(key, result);
  return result;
}

const KEYS_OF_NONE: ReadonlyMap<string, number> = new Map();
const keyOf = (graph: Graph, rows: ReadonlyMap<string, number>): string => {
  const folded = [...rows].sort().map(([n, k]) => `${n}:${k}`);
  return `chimera.layout.${VERSION}.${graph.hash}.${folded.join(',')}`;
};

/**
 * Positions at once: the known ones, else columns by rank with straight lines, until ELK has done better. A first look at a
 * graph does not wait for a layout of a second or two.
 */
export function atOnce(graph: Graph): Layout {
  const known = recall(keyOf(graph, KEYS_OF_NONE));
  if (known) return known;
  const nodes: Record<string, Box> = {};
  const extent = new Map<string, { left: number; right: number }>();
  let x = 0;
  let bottom = 0;
  for (const tier of TIERS) {
    const mine = graph.nodes.filter((n) => n.tier === tier);
    if (mine.length === 0) continue;
    const left = x;
    for (const rank of [...new Set(mine.map((n) => n.rank))].sort((a, b) => a - b)) {
      mine
        .filter((n) => n.rank === rank)
        .forEach((n, i) => {
          nodes[n.id] = { x, y: i * (NODE_H + 18), w: NODE_W, h: NODE_H };
          bottom = Math.max(bottom, (i + 1) * (NODE_H + 18));
        });
      x += NODE_W + 60;
    }
    extent.set(tier, { left, right: x - 60 });
  }
  const links: Record<string, (readonly [number, number])[]> = {};
  for (const l of linksOf(graph)) {
    const a = nodes[l.from]!;
    const b = nodes[l.to]!;
    links[l.id] = [
      [a.x + a.w, a.y + a.h / 2],
      [b.x, b.y + b.h / 2],
    ];
  }
  return { nodes, links, services: [], lanes: lanesOf(extent, 0, bottom) };
}

/** Sinks come last whatever service they are of: in one box with what feeds the beginning they would tie the graph into a knot. */
const groupId = (n: GraphNode): string => `service ${n.tier} ${n.kind === 'sink' ? 'out' : 'in'} ${n.service}`;

function elkGraph(graph: Graph, links: readonly Link[], rows: ReadonlyMap<string, number>): ElkNode {
  const groups = new Map<string, ElkNode>();
  const top: ElkNode[] = [];
  for (const n of graph.nodes) {
    const box: ElkNode = { id: n.id, width: NODE_W, height: NODE_H + (rows.get(n.id) ?? 0) * KEY_H };
    const partition = { 'elk.partitioning.partition': String(TIERS.indexOf(n.tier)) };
    if (n.service === null) {
      top.push({ ...box, layoutOptions: partition });
      continue;
    }
    const id = groupId(n);
    let group = groups.get(id);
    if (!group) {
      group = {
        id,
        children: [],
        layoutOptions: { ...partition, 'elk.padding': '[top=28,left=14,bottom=14,right=14]' },
      };
      groups.set(id, group);
      top.push(group);
    }
    group.children!.push(box);
  }
  return {
    id: 'root',
    layoutOptions: {
      'elk.algorithm': 'layered',
      'elk.direction': 'RIGHT',
      'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
      'elk.partitioning.activate': 'true',
      'elk.edgeRouting': 'ORTHOGONAL',
      'elk.layered.nodePlacement.strategy': graph.nodes.length > 80 ? 'BRANDES_KOEPF' : 'NETWORK_SIMPLEX',
      'elk.layered.thoroughness': graph.nodes.length > 80 ? '1' : '2',
      'elk.layered.considerModelOrder.strategy': 'NODES_AND_EDGES',
      'elk.spacing.nodeNode': '16',
      'elk.spacing.edgeNode': '12',
      'elk.spacing.edgeEdge': '5',
      'elk.layered.spacing.nodeNodeBetweenLayers': '34',
      'elk.layered.spacing.edgeNodeBetweenLayers': '10',
      'elk.layered.spacing.edgeEdgeBetweenLayers': '5',
      'elk.json.edgeCoords': 'ROOT',
    },
    children: top,
    edges: links.map((l) => ({
      id: l.id,
      // Feedback is laid out as if it went forward, so that it never decides what stands before what.
      sources: [l.feedback ? l.to : l.from],
      targets: [l.feedback ? l.from : l.to],
    })),
  };
}

function read(laid: ElkNode, graph: Graph, links: readonly Link[]): Layout {
  const nodes: Record<string, Box> = {};
  const services: Layout['services'][number][] = [];
  const extent = new Map<string, { left: number; right: number }>();
  const tierOf = new Map(graph.nodes.map((n) => [n.id, n.tier]));
  const take = (n: ElkNode, dx: number, dy: number) => {
    nodes[n.id] = { x: dx + n.x!, y: dy + n.y!, w: n.width!, h: n.height! };
  };
  const widen = (tier: string, box: Box) => {
    const e = extent.get(tier) ?? { left: Infinity, right: -Infinity };
    extent.set(tier, { left: Math.min(e.left, box.x), right: Math.max(e.right, box.x + box.w) });
  };
  for (const n of laid.children ?? []) {
    if (!n.children) {
      take(n, 0, 0);
      widen(tierOf.get(n.id)!, nodes[n.id]!);
      continue;
    }
    for (const c of n.children) take(c, n.x!, n.y!);
    const [, tier, , ...name] = n.id.split(' ');
    const box = { x: n.x!, y: n.y!, w: n.width!, h: n.height! };
    services.push({ name: name.join(' '), tier: tier!, box });
    widen(tier!, box);
  }
  const routed: Record<string, (readonly [number, number])[]> = {};
  const found = new Map<string, ElkExtendedEdge>();
  const collect = (n: ElkNode) => {
    for (const e of n.edges ?? []) found.set(e.id, e);
    for (const c of n.children ?? []) collect(c);
  };
  collect(laid);
  for (const l of links) {
    const s = found.get(l.id)?.sections?.[0];
    if (!s) continue;
    const points = [s.startPoint, ...(s.bendPoints ?? []), s.endPoint].map((p) => [p.x, p.y] as const);
    routed[l.id] = l.feedback ? points.reverse() : points;
  }
  const points = Object.values(routed).flat();
  const top = Math.min(0, ...Object.values(nodes).map((b) => b.y), ...points.map((p) => p[1]));
  const bottom = Math.max(...Object.values(nodes).map((b) => b.y + b.h), ...points.map((p) => p[1]));
  return { nodes, links: routed, services, lanes: lanesOf(extent, top, bottom) };
}

/** Lanes meet halfway between what stands in them. */
function lanesOf(extent: Map<string, { left: number; right: number }>, top: number, bottom: number): Layout['lanes'] {
  const present = TIERS.filter((t) => extent.has(t));
  return present.map((tier, i) => {
    const mine = extent.get(tier)!;
    const before = i > 0 ? extent.get(present[i - 1]!)! : undefined;
    const after = i + 1 < present.length ? extent.get(present[i + 1]!)! : undefined;
    const left = before ? (before.right + mine.left) / 2 : mine.left - LANE_PAD;
    const right = after ? (mine.right + after.left) / 2 : mine.right + LANE_PAD;
    return { tier, box: { x: left, y: top - 54, w: right - left, h: bottom - top + 54 + LANE_PAD } };
  });
}

function recall(key: string): Layout | undefined {
  try {
    const text = localStorage.getItem(key);
    return text === null ? undefined : (JSON.parse(text) as Layout);
  } catch {
    return undefined;
  }
}
function keep(key: string, result: Layout): void {
  try {
    const old = Object.keys(localStorage).filter((k) => k.startsWith('chimera.layout.'));
    for (const k of old.slice(0, Math.max(0, old.length - KEPT + 1))) localStorage.removeItem(k);
    localStorage.setItem(key, JSON.stringify(result));
  } catch {
    // Nothing is kept: it is laid out again next time.
  }
}

/** A line through its bends with rounded corners. */
export function pathOf(points: readonly (readonly [number, number])[], radius = 6): string {
  const [first, ...rest] = points;
  if (!first || rest.length === 0) return '';
  let d = `M${r(first[0])} ${r(first[1])}`;
  for (let i = 0; i < rest.length; i++) {
    const p = rest[i]!;
    const next = rest[i + 1];
    if (!next) {
      d += `L${r(p[0])} ${r(p[1])}`;
      break;
    }
    const before = i === 0 ? first : rest[i - 1]!;
    const a = towards(p, before, radius);
    const b = towards(p, next, radius);
    d += `L${r(a[0])} ${r(a[1])}Q${r(p[0])} ${r(p[1])} ${r(b[0])} ${r(b[1])}`;
  }
  return d;
}
function towards(p: readonly [number, number], q: readonly [number, number], most: number): readonly [number, number] {
  const dx = q[0] - p[0];
  const dy = q[1] - p[1];
  const length = Math.hypot(dx, dy);
  if (length === 0) return p;
  const k = Math.min(most, length / 2) / length;
  return [p[0] + dx * k, p[1] + dy * k];
}
const r = (x: number): number => Math.round(x * 10) / 10;
