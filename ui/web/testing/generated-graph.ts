import type { Graph, GraphNode, Stats } from '../../api/contract/records.ts';

/** A graph of any size, for measurements: layers of nodes, each fed by nodes of the layers before. Seeded. */
export function generatedGraph(run: string, nodes: number, edges: number): Graph {
  let seed = 7;
  const random = (n: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return seed % n;
  };
  const layers = 14;
  const rankOf = (i: number): number => Math.floor((i * layers) / nodes);
  const list = Array.from({ length: nodes }, (_, i): GraphNode => {
    const rank = rankOf(i);
    const tier = rank < 2 ? 'bronze' : rank < 9 ? 'silver' : 'gold';
    return {
      id: `node_${i}`,
      type: `feature.kind_${i % 23}`,
      kind: rank === 0 ? 'source' : rank === layers - 1 ? 'sink' : 'operator',
      tier,
      service: `s${1 + Math.floor(rank / 3)}`,
      rank,
      each: i % 3 === 0 ? 'instrument' : null,
      summary: 'One of many.',
      config: {},
      line: i + 1,
      in: [],
      out: [{ name: 'value', schema: 'scalar', fields: [], many: false }],
    };
  });
  const seen = new Set<string>();
  const out: Graph['edges'][number][] = [];
  while (out.length < edges) {
    const to = random(nodes);
    const rank = rankOf(to);
    if (rank === 0) continue;
    const before = list.filter((n) => n.rank < rank && n.rank >= rank - 2);
    const from = before[random(before.length)]!;
    const key = `${from.id}>${to}`;
    if (seen.has(key)) continue;
    seen.add(key);
    out.push({
      from: { node: from.id, port: 'value' },
      to: { node: `node_${to}`, port: `x${out.length}` },
      feedback: false,
      delay_us: 0,
      cut: from.service !== list[to]!.service,
    });
  }
  return {
    run,
    hash: `generated-${nodes}-${edges}`,
    yaml: '',
    nodes: list,
    edges: out,
    services: {},
    keys: ['usdm:BTCUSDT'],
  };
}

/** Statistics in which every node and edge is another one each time: the worst case for a picture. */
export function generatedStats(graph: Graph, turn: number): Stats {
  return {
    run: graph.run,
    at_us: 1_704_067_200_000_000 + turn * 250_000,
    wall_ms: Date.now(),
    state: 'running',
    counters: { filtered: 0, late: 0, dead_lettered: 0, dropped: 0 },
    events: turn * 1000,
    events_s: 4000 + turn,
    cpu: 0.4,
    rss_bytes: 3e8,
    nodes: Object.fromEntries(
      graph.nodes.map((n, i) => [
        n.id,
        {
          rate: (i + 1) * (1 + (turn % 17)),
          cycles: turn,
          step_us: 1 + ((i + turn) % 90),
          lag_us: 100 * ((i + turn) % 70),
          errors: 0,
          instances: 2,
          warming: (i + turn) % 11 === 0 ? 1 : 0,
          stale: false,
        },
      ]),
    ),
    edges: Object.fromEntries(
      graph.edges.map((e, i) => [
        `${e.from.node}.${e.from.port}>${e.to.node}.${e.to.port}`,
        {
          rate: 10 ** ((i + turn) % 4),
          queue: i % 9,
          handover_p50_us: 40,
          handover_p99_us: 900,
          pressure: ((i + turn) % 10) / 10,
        },
      ]),
    ),
    critical_path: graph.nodes.slice(turn % 3, 8).map((n) => n.id),
  };
}
