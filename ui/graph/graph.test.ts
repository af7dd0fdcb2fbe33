import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadPipeline } from '../../graph/document/load.ts';
import { registry } from '../cli/registry.ts';
import { toDot } from './to-dot.ts';
import { toJson } from './to-json.ts';
import { toMermaid } from './to-mermaid.ts';
import { toSvg } from './to-svg.ts';
import { edgeLabel, graphView } from './view.ts';

const SMALL = `
chimera: 1
pipeline: small
nodes:
  market: { type: source.market }
  bars: { type: silver.time_bars, in: market.trade, each: instrument, with: { width: 1s } }
  fast: { type: feature.ema, in: bars.bar.close }
  files: { type: sink.csv, in: { fast: fast.value, bar: bars.bar }, with: { dir: out } }
services: { s1: [market], s2: [bars, fast, files] }
`;
function load(text: string, file: string) {
  const { pipeline, diagnostics } = loadPipeline(text, file, registry);
  expect(diagnostics.filter((d) => d.severity === 'error')).toEqual([]);
  return pipeline!;
}
const small = load(SMALL, 'small.yaml');
const trendFile = new URL('../../pipelines/trend.yaml', import.meta.url).pathname;
const trend = load(readFileSync(trendFile, 'utf8'), 'pipelines/trend.yaml');

describe('the view of a pipeline', () => {
  it('has one arrow per pair of nodes, with what flows on it', () => {
    const view = graphView(small);
    expect(view.nodes.map((n) => [n.id, n.tier, n.kind, n.keyed, n.service])).toEqual([
      ['market', 'bronze', 'source', false, 's1'],
      ['bars', 'silver', 'node', true, 's2'],
      ['fast', 'silver', 'node', true, 's2'],
      ['files', 'gold', 'sink', false, 's2'],
    ]);
    expect(view.edges).toEqual([
      { from: 'market', to: 'bars', ports: ['trade'], feedback: false, delay_us: 0 },
      { from: 'bars', to: 'fast', ports: ['bar.close'], feedback: false, delay_us: 0 },
      { from: 'fast', to: 'files', ports: ['value'], feedback: false, delay_us: 0 },
      { from: 'bars', to: 'files', ports: ['bar'], feedback: false, delay_us: 0 },
    ]);
    expect(JSON.parse(toJson(small))).toMatchObject(view);
  });
  it('marks feedback with its delay', () => {
    const edge = graphView(trend).edges.find((e) => e.from === 'venue' && e.to === 'positions');
    expect(edge).toMatchObject({ feedback: true, ports: ['account', 'report'], delay_us: 5000 });
  });
  it('cuts long lists of ports on labels', () => {
    const edge = { from: 'a', to: 'b', ports: ['p', 'q', 'r', 's', 't'], feedback: false, delay_us: 0 };
    expect(edgeLabel(edge)).toBe('p, q, r +2');
  });
});

describe('pictures', () => {
  it('Mermaid: tiers and services as subgraphs, feedback dotted', () => {
    expect(toMermaid(small)).toBe(`%% small
flowchart LR
  subgraph bronze["Bronze"]
    subgraph bronze_s1["s1"]
      n_market(["<b>market</b><br/>source.market"])
    end
  end
  subgraph silver["Silver"]
    subgraph silver_s2["s2"]
      n_bars["<b>bars</b><br/>silver.time_bars<br/>each instrument"]
      n_fast["<b>fast</b><br/>feature.ema<br/>each instrument"]
    end
  end
  subgraph gold["Gold"]
    subgraph gold_s2["s2"]
      n_files[("<b>files</b><br/>sink.csv")]
    end
  end
  n_market -- "trade" --> n_bars
  n_bars -- "bar.close" --> n_fast
  n_fast -- "value" --> n_files
  n_bars -- "bar" --> n_files
  style bronze fill:#fbf1e7,stroke:#c98a4b
  style silver fill:#f0f3f7,stroke:#94a3b8
  style gold fill:#fdf6dc,stroke:#d4a72c
`);
    expect(toMermaid(trend)).toContain('n_venue -. "account, report" .-> n_positions');
  });
  it('DOT: balanced, every node and edge once', () => {
    const dot = toDot(trend);
    expect(dot.split('{').length).toBe(dot.split('}').length);
    const view = graphView(trend);
    for (const n of view.nodes) expect(dot.match(new RegExp(`^ +"${n.id}" \\[label=`, 'gm'))).toHaveLength(1);
    expect(dot.match(/ -> /g)).toHaveLength(view.edges.length);
    expect(dot.match(/style=dashed, constraint=false/g)).toHaveLength(view.edges.filter((e) => e.feedback).length);
  });
  it('SVG: lanes in order, no two boxes overlap, every edge drawn, the same bytes again', async () => {
    const svg = await toSvg(trend);
    const view = graphView(trend);
    const lanes = [...svg.matchAll(/class="lane" x="([\d.]+)"[^>]*>(\w+)</g)].map((m) => [m[2], Number(m[1])] as const);
    expect(lanes.map(([name]) => name)).toEqual(['BRONZE', 'SILVER', 'GOLD']);
    expect(lanes.map(([, x]) => x)).toEqual(lanes.map(([, x]) => x).sort((a, b) => a - b));
    const boxes = [
      ...svg.matchAll(
        /<g class="node">.*?<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)" rx="\d+" fill="#fff" stroke="#\w+" stroke-width="1.3"/g,
      ),
    ].map((m) => m.slice(1).map(Number) as [number, number, number, number]);
    expect(boxes).toHaveLength(view.nodes.length);
    for (const [i, a] of boxes.entries())
      for (const b of boxes.slice(i + 1))
        expect(a[0] + a[2] <= b[0] || b[0] + b[2] <= a[0] || a[1] + a[3] <= b[1] || b[1] + b[3] <= a[1]).toBe(true);
    expect(svg.match(/<path class="edge/g)).toHaveLength(view.edges.length);
    expect(svg.match(/<path class="edge feedback/g)).toHaveLength(view.edges.filter((e) => e.feedback).length);
    expect((await toSvg(trend)) === svg).toBe(true);
  });
});
