import ElkModule, { type ELK, type ElkExtendedEdge, type ElkNode } from 'elkjs/lib/elk.bundled.js';
import type { Pipeline } from '../../graph/document/types.ts';
import { escaped, path, px } from './svg.ts';
import { edgeLabel, type GraphView, graphView, TIER_COLOURS, TIERS, type ViewEdge, type ViewNode } from './view.ts';

const CHAR = 6.9;
const SMALL = 5.6;
const HEIGHT = 44;
const HEAD = 34;
const MARGIN = 18;

/**
 * The pipeline as one SVG: tiers are lanes from left to right, a service is a dashed frame within its lane, feedback is
 * dashed. Laid out by ELK's layered algorithm; the same document gives the same bytes.
 */
export async function toSvg(pipeline: Pipeline): Promise<string> {
  const view = graphView(pipeline);
  const laid = await layout(view);
  return draw(view, laid);
}

interface Group {
  id: string;
  nodes: ViewNode[];
  partition: number;
}

async function layout(view: GraphView): Promise<ElkNode> {
  const box = (n: ViewNode, partition: number): ElkNode => ({
    id: n.id,
    width: Math.max(n.id.length * CHAR, n.type.length * SMALL, 60) + 26,
    height: HEIGHT,
    layoutOptions: { 'elk.partitioning.partition': String(partition) },
  });
  const groups: Group[] = [];
  const children: ElkNode[] = [];
  // Sinks stand behind everything else of their tier: a service that also decides something would otherwise bend the flow.
  for (const [i, tier] of TIERS.entries())
    for (const sinks of [false, true]) {
      const partition = 2 * i + Number(sinks);
      const here = view.nodes.filter((n) => n.tier === tier && (n.kind === 'sink') === sinks);
      for (const s of view.services) {
        const nodes = here.filter((n) => n.service === s);
        if (nodes.length > 0) groups.push({ id: `${partition}/${s}`, nodes, partition });
      }
      for (const n of here) if (n.service === null) children.push(box(n, partition));
    }
  for (const g of groups)
    children.push({
      id: g.id,
      children: g.nodes.map((n) => box(n, g.partition)),
      layoutOptions: {
        'elk.partitioning.partition': String(g.partition),
        'elk.padding': '[top=26,left=12,bottom=12,right=12]',
      },
    });
  const sinks = new Set(view.nodes.filter((v) => v.kind === 'sink').map((v) => v.id));
  const edges = view.edges.map((e, i): ElkExtendedEdge => {
    const text = edgeLabel(e, 2);
    const backwards = e.feedback && !sinks.has(e.to);
    // What a node with a single output gives needs no name.
    const plain = view.edges.every((o) => o.from !== e.from || (o.ports.length === 1 && o.ports[0] === e.ports[0]));
    return {
      id: `e${i}`,
      // Feedback is laid out as if it ran forward, so that it does not push its producer to the front; drawn the other way.
      sources: [backwards ? e.to : e.from],
      targets: [backwards ? e.from : e.to],
      labels: plain ? [] : [{ text, width: text.length * 5.2 + 6, height: 13 }],
    };
  });
  const Elk = ElkModule as unknown as new () => ELK;
  return new Elk().layout({
    id: 'root',
    children,
    edges,
    layoutOptions: {
      'elk.algorithm': 'layered',
      'elk.direction': 'RIGHT',
      'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
      'elk.partitioning.activate': 'true',
      'elk.edgeRouting': 'ORTHOGONAL',
      'elk.layered.nodePlacement.strategy': 'NETWORK_SIMPLEX',
      'elk.layered.spacing.nodeNodeBetweenLayers': '34',
      'elk.layered.spacing.edgeNodeBetweenLayers': '12',
      'elk.layered.spacing.edgeEdgeBetweenLayers': '8',
      'elk.spacing.nodeNode': '22',
      'elk.spacing.edgeNode': '14',
      'elk.spacing.edgeEdge': '10',
      'elk.layered.considerModelOrder.strategy': 'NODES_AND_EDGES',
      'elk.edgeLabels.inline': 'false',
      'elk.padding': `[top=${HEAD + MARGIN},left=${MARGIN},bottom=${MARGIN},right=${MARGIN}]`,
    },
  });
}

interface Rect {
  x: number;
  y: number;
  width: number;
  height: number;
}

function draw(view: GraphView, root: ElkNode): string {
  const boxes = new Map<string, Rect>();
  const frames: (Rect & { name: string })[] = [];
  for (const c of root.children ?? []) {
    const at = { x: c.x ?? 0, y: c.y ?? 0 };
    if (!c.children) boxes.set(c.id, { ...at, width: c.width!, height: c.height! });
    else {
      frames.push({ ...at, width: c.width!, height: c.height!, name: c.id.slice(c.id.indexOf('/') + 1) });
      for (const n of c.children)
        boxes.set(n.id, { x: at.x + n.x!, y: at.y + n.y!, width: n.width!, height: n.height! });
    }
  }
  const width = root.width! + MARGIN;
  const height = root.height! + MARGIN;
  const out = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${px(width)} ${px(height)}" width="${px(width)}" height="${px(height)}" role="img" aria-labelledby="title desc" font-family="ui-sans-serif,system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif">`,
    `<title id="title">Pipeline ${escaped(view.name)}</title>`,
    `<desc id="desc">${view.nodes.length} nodes and ${view.edges.length} connections, from bronze over silver to gold.</desc>`,
    STYLE,
    `<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 .8 7.4 4 0 7.2z" fill="#64748b"/></marker></defs>`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    ...lanes(view, boxes, frames, width, height),
  ];
  for (const f of frames)
    out.push(
      `<rect class="service" x="${px(f.x)}" y="${px(f.y)}" width="${px(f.width)}" height="${px(f.height)}" rx="10"/>`,
      `<text class="service-name" x="${px(f.x + 12)}" y="${px(f.y + 17)}">${escaped(f.name)}</text>`,
    );
  const labels: string[] = [];
  const origin = new Map((root.children ?? []).map((c) => [c.id, { x: c.x ?? 0, y: c.y ?? 0 }]));
  for (const { edge, at } of allEdges(root, origin)) {
    const e = view.edges[Number(edge.id.slice(1))]!;
    const d = (edge.sections ?? [])
      .map((s) => [s.startPoint, ...(s.bendPoints ?? []), s.endPoint])
      .map((points) => path(edge.sources[0] === e.to ? points.reverse() : points, at))
      .join('');
    out.push(
      `<path class="edge${e.feedback ? ' feedback' : ''}" d="${d}" marker-end="url(#arrow)"><title>${escaped(`${e.from} → ${e.to}: ${e.ports.join(', ')}${delay(e)}`)}</title></path>`,
    );
    for (const l of edge.labels ?? [])
      if (l.x !== undefined && l.y !== undefined)
        labels.push(
          `<text class="port" x="${px(l.x + at.x + l.width! / 2)}" y="${px(l.y + at.y + 10)}">${escaped(l.text ?? '')}</text>`,
        );
  }
  for (const node of view.nodes) out.push(drawNode(node, boxes.get(node.id)!));
  return `${[...out, ...labels, '</svg>'].join('\n')}\n`;
}

const delay = (e: ViewEdge): string =>
  e.feedback ? ` (feedback${e.delay_us ? `, after ${e.delay_us / 1000} ms` : ''})` : '';

/** Points of an edge are relative to the smallest frame that contains both of its ends. */
const allEdges = (root: ElkNode, origin: ReadonlyMap<string, { x: number; y: number }>) =>
  (root.edges ?? []).map((edge) => ({
    edge,
    at: origin.get((edge as { container?: string }).container ?? '') ?? { x: 0, y: 0 },
  }));

/** The lanes reach from the leftmost to the rightmost box of their tier, and meet half-way. */
function lanes(
  view: GraphView,
  boxes: ReadonlyMap<string, Rect>,
  frames: readonly (Rect & { name: string })[],
  width: number,
  height: number,
): string[] {
  const spans = TIERS.map((tier) => {
    const mine = view.nodes.filter((v) => v.tier === tier).map((v) => boxes.get(v.id)!);
    const left = Math.min(...mine.map((b) => b.x));
    const right = Math.max(...mine.map((b) => b.x + b.width));
    const around = frames.filter((f) => f.x <= left && f.x + f.width >= left);
    return mine.length ? { tier, left: Math.min(left, ...around.map((f) => f.x)), right } : undefined;
  }).filter((s) => s !== undefined);
  return spans.flatMap(({ tier, left }, i) => {
    const from = i === 0 ? 0 : (spans[i - 1]!.right + left) / 2;
    const to = i === spans.length - 1 ? width : (spans[i]!.right + spans[i + 1]!.left) / 2;
    const c = TIER_COLOURS[tier];
    return [
      `<rect x="${px(from)}" y="0" width="${px(to - from)}" height="${px(height)}" fill="${c.fill}"/>`,
      `<rect x="${px(from)}" y="0" width="${px(to - from)}" height="4" fill="${c.line}"/>`,
      `<text class="lane" x="${px(from + 16)}" y="25" fill="${c.ink}">${tier.toUpperCase()}</text>`,
    ];
  });
}

function drawNode(v: ViewNode, b: Rect): string {
  const c = TIER_COLOURS[v.tier];
  const rx = v.kind === 'source' ? HEIGHT / 2 : v.kind === 'sink' ? 3 : 9;
  const stack = v.keyed
    ? `<rect x="${px(b.x + 4)}" y="${px(b.y + 4)}" width="${px(b.width)}" height="${px(b.height)}" rx="${rx}" fill="#fff" stroke="${c.line}" opacity=".55"/>`
    : '';
  const sink =
    v.kind === 'sink'
      ? `<rect x="${px(b.x)}" y="${px(b.y)}" width="5" height="${px(b.height)}" fill="${c.line}"/>`
      : '';
  const middle = b.x + b.width / 2;
  return (
    `<g class="node"><title>${escaped(`${v.id}: ${v.type}${v.keyed ? ', one per instrument' : ''}. ${v.summary}`)}</title>${stack}` +
    `<rect x="${px(b.x)}" y="${px(b.y)}" width="${px(b.width)}" height="${px(b.height)}" rx="${rx}" fill="#fff" stroke="${c.line}" stroke-width="1.3"/>${sink}` +
    `<text class="id" x="${px(middle)}" y="${px(b.y + 20)}">${escaped(v.id)}</text>` +
    `<text class="type" x="${px(middle)}" y="${px(b.y + 35)}">${escaped(v.type)}</text></g>`
  );
}

const STYLE = `<style>.lane{font-size:12px;font-weight:700;letter-spacing:.12em}.service{fill:#fff;fill-opacity:.55;stroke:#94a3b8;stroke-dasharray:5 4}
.service-name{font-size:11px;font-weight:600;fill:#64748b}.edge{fill:none;stroke:#64748b;stroke-opacity:.75;stroke-width:1.1}.feedback{stroke-dasharray:5 4;stroke:#b45309}
.id{font-size:12.5px;font-weight:650;text-anchor:middle;fill:#0f172a}.type{font-size:10px;text-anchor:middle;fill:#64748b}
.port{font-size:9.5px;text-anchor:middle;fill:#475569;paint-order:stroke;stroke:#fff;stroke-width:2.5px;stroke-opacity:.8}</style>`;
