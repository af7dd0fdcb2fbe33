import type { Beginning, Figures } from '../../observe/messages.ts';
import type { EdgeStats, Graph, NodeStats, RunState, Stats } from '../contract/records.ts';

/** Figures of the engine as the page shows them: rates are against the figures before. */
export function statsOf(b: Beginning, state: RunState, now: Figures, before: Figures | undefined): Stats {
  const seconds = before ? Math.max(1e-3, (now.wall_ms - before.wall_ms) / 1000) : 0;
  const rate = (a: number, z: number | undefined) =>
    seconds === 0 || z === undefined ? 0 : Math.max(0, a - z) / seconds;
  const nodes: Record<string, NodeStats> = {};
  const records = portRates(b, now, before, rate);
  b.nodes.forEach((id, i) => {
    const source = b.graph.nodes[i]?.kind === 'source';
    // Sources run no step: what they put out is what they do.
    const cycles = source ? (records.total.get(id) ?? 0) : now.runs[i]!;
    nodes[id] = {
      rate: source ? (records.rate.get(id) ?? 0) : rate(now.runs[i]!, before?.runs[i]),
      cycles,
      step_us: now.step_us && !Number.isNaN(now.step_us[i]!) ? now.step_us[i]! : null,
      lag_us: now.lag_us,
      errors: now.errors[i]!,
      instances: source ? 1 : now.instances[i]!,
      warming: now.warming[i]!,
      stale: now.errors[i]! > 0,
    };
  });
  const edges: Record<string, EdgeStats> = {};
  for (const e of b.graph.edges)
    edges[`${e.from.node}.${e.from.port}>${e.to.node}.${e.to.port}`] = {
      rate: records.byPort.get(`${e.from.node}.${e.from.port}`) ?? 0,
      // Within a process an edge is a call: nothing waits on it.
      queue: 0,
      handover_p50_us: null,
      handover_p99_us: null,
      pressure: 0,
    };
  return {
    run: b.run.id,
    at_us: now.at_us,
    wall_ms: now.wall_ms,
    state,
    counters: now.counters,
    events: now.events,
    events_s: rate(now.events, before?.events),
    cpu: now.busy,
    rss_bytes: now.rss_bytes,
    nodes,
    edges,
    critical_path: criticalPath(b.graph, nodes),
  };
}

function portRates(
  b: Beginning,
  now: Figures,
  before: Figures | undefined,
  rate: (a: number, z: number | undefined) => number,
) {
  const byPort = new Map<string, number>();
  const byNode = new Map<string, number>();
  const total = new Map<string, number>();
  b.ports.forEach((port, i) => {
    if (!now.records) return;
    const r = rate(now.records[i]!, before?.records?.[i]);
    byPort.set(port, r);
    const node = port.slice(0, port.indexOf('.'));
    byNode.set(node, (byNode.get(node) ?? 0) + r);
    total.set(node, (total.get(node) ?? 0) + now.records[i]!);
  });
  return { byPort, rate: byNode, total };
}

const paths = new WeakMap<Graph, readonly string[]>();
/**
 * The longest way from a source to where orders go, by the time of its steps; where they are not measured, by their number. Without an
 * exchange: to whatever comes last.
 */
export function criticalPath(graph: Graph, stats: Readonly<Record<string, NodeStats>>): readonly string[] {
  const measured = graph.nodes.some((n) => stats[n.id]?.step_us != null);
  const known = measured ? undefined : paths.get(graph);
  if (known) return known;
  const cost = (id: string) => (measured ? (stats[id]?.step_us ?? 0) : 1);
  const best = new Map<string, { cost: number; from: string | undefined }>();
  const ways = graph.edges.filter((e) => !e.feedback);
  for (const n of [...graph.nodes].sort((a, b) => a.rank - b.rank)) {
    let top: { cost: number; from: string | undefined } = { cost: cost(n.id), from: undefined };
    for (const e of ways) {
      const before = e.to.node === n.id ? best.get(e.from.node) : undefined;
      if (before && before.cost + cost(n.id) > top.cost) top = { cost: before.cost + cost(n.id), from: e.from.node };
    }
    best.set(n.id, top);
  }
  const venues = graph.nodes.filter((n) => n.type.startsWith('venue.') || n.type.startsWith('binance.'));
  const ends = venues.some((n) => n.in.length > 0) ? venues.filter((n) => n.in.length > 0) : graph.nodes;
  const last = [...ends].sort((a, b) => (best.get(b.id)?.cost ?? 0) - (best.get(a.id)?.cost ?? 0))[0];
  const path: string[] = [];
  for (let at = last?.id; at !== undefined; at = best.get(at)?.from) path.unshift(at);
  if (!measured) paths.set(graph, path);
  return path;
}
