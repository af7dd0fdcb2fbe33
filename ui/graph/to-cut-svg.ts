import ElkModule, { type ELK, type ElkExtendedEdge, type ElkNode } from 'elkjs/lib/elk.bundled.js';
import { type CutView, delayText, type PartView } from './cut-view.ts';
import { escaped, path, px } from './svg.ts';

const CHAR = 5.9;
const HEAD = 26;
const LINE = 14;
const ROW = 17;
const MARGIN = 20;
/** Characters in a line of a part's nodes. */
const WRAP = 38;
/** Colours of services: dark enough for white text, far enough apart to follow a line. */
const COLOURS = ['#1d4ed8', '#b45309', '#047857', '#7c3aed', '#be123c', '#0e7490', '#4d7c0f', '#a21caf'];

/** A part as it is drawn: what it reads on its left, what it sends on its right, a row for each stream. */
interface Box {
  part: PartView;
  colour: string;
  lines: string[];
  ins: Pin[];
  outs: Pin[];
  width: number;
  height: number;
}
interface Pin {
  id: string;
  text: string;
  colour: string;
}

/**
 * The parts of a cut graph as one SVG: an event goes from left to right, sinks stand last; a line is a family of streams, in the
 * colour of the service that writes it, dashed where it takes effect later. The same document gives the same bytes.
 */
export async function toCutSvg(view: CutView): Promise<string> {
  const colours = new Map(view.services.map((s, i) => [s, COLOURS[i % COLOURS.length]!]));
  const boxes = boxesOf(view, colours);
  return draw(view, boxes, colours, await layout(view, boxes));
}

function boxesOf(view: CutView, colours: ReadonlyMap<string, string>): Box[] {
  const colourOf = new Map(view.parts.map((p) => [p.id, colours.get(p.service)!]));
  return view.parts.map((part): Box => {
    const ins = view.streams.flatMap((s) =>
      s.to
        .filter((t) => t.part === part.id)
        .map((t): Pin => {
          const delay = t.delay_us > 0 ? ` +${delayText(t.delay_us)}` : '';
          return {
            id: `${part.id}<${s.from}>${s.family}+${t.delay_us}`,
            text: `${s.family}${delay}`,
            colour: colourOf.get(s.from)!,
          };
        }),
    );
    const outs = view.streams
      .filter((s) => s.from === part.id)
      .map((s): Pin => ({ id: `${part.id}>${s.family}`, text: s.family, colour: colourOf.get(part.id)! }));
    const lines = linesOf(part.nodes);
    const widest = (pins: Pin[]): number => Math.max(0, ...pins.map((p) => p.text.length * CHAR));
    const pins = widest(ins) + widest(outs) + 34;
    const width = Math.ceil(Math.max(pins, ...lines.map((l) => l.length * CHAR + 22), part.id.length * 8 + 90));
    const rows = Math.max(ins.length, outs.length);
    return {
      part,
      colour: colourOf.get(part.id)!,
      lines,
      ins,
      outs,
      width,
      height: HEAD + lines.length * LINE + 10 + rows * ROW + 4,
    };
  });
}

function linesOf(nodes: readonly string[]): string[] {
  const lines: string[] = [];
  for (const node of nodes) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + node.length + 2 <= WRAP) lines[lines.length - 1] = `${last}, ${node}`;
    else {
      if (last !== undefined) lines[lines.length - 1] = `${last},`;
      lines.push(node);
    }
  }
  return lines;
}

const pinY = (b: Box, i: number): number => HEAD + b.lines.length * LINE + 10 + i * ROW + ROW / 2;

async function layout(view: CutView, boxes: readonly Box[]): Promise<ElkNode> {
  const edges = view.streams.flatMap((s) =>
    s.to.map(
      (t): ElkExtendedEdge => ({
        id: `${s.from}>${s.family}>${t.part}+${t.delay_us}`,
        sources: [`${s.from}>${s.family}`],
        targets: [`${t.part}<${s.from}>${s.family}+${t.delay_us}`],
      }),
    ),
  );
  const Elk = ElkModule as unknown as new () => ELK;
  return new Elk().layout({
    id: 'root',
    children: boxes.map((b) => ({
      id: b.part.id,
      width: b.width,
      height: b.height,
      ports: [
        ...b.ins.map((p, i) => ({ id: p.id, x: 0, y: pinY(b, i), layoutOptions: { 'elk.port.side': 'WEST' } })),
        ...b.outs.map((p, i) => ({ id: p.id, x: b.width, y: pinY(b, i), layoutOptions: { 'elk.port.side': 'EAST' } })),
      ],
      layoutOptions: {
        'elk.portConstraints': 'FIXED_POS',
        'elk.partitioning.partition': String(b.part.column),
      },
    })),
    edges,
    layoutOptions: {
      'elk.algorithm': 'layered',
      'elk.direction': 'RIGHT',
      'elk.partitioning.activate': 'true',
      'elk.edgeRouting': 'ORTHOGONAL',
      'elk.layered.nodePlacement.strategy': 'NETWORK_SIMPLEX',
      'elk.layered.spacing.nodeNodeBetweenLayers': '44',
      'elk.layered.spacing.edgeNodeBetweenLayers': '16',
      'elk.layered.spacing.edgeEdgeBetweenLayers': '9',
      'elk.spacing.nodeNode': '28',
      'elk.spacing.edgeNode': '16',
      'elk.spacing.edgeEdge': '9',
      'elk.layered.considerModelOrder.strategy': 'NODES_AND_EDGES',
      'elk.padding': `[top=${MARGIN},left=${MARGIN},bottom=${MARGIN},right=${MARGIN}]`,
    },
  });
}

function draw(view: CutView, boxes: readonly Box[], colours: ReadonlyMap<string, string>, root: ElkNode): string {
  const legend = 34;
  const width = Math.max(root.width!, 60 + view.services.length * 60);
  const height = root.height! + legend;
  const parts = boxes.length;
  const out = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${px(width)} ${px(height)}" width="${px(width)}" height="${px(height)}" role="img" aria-labelledby="title desc" font-family="ui-sans-serif,system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif">`,
    `<title id="title">Pipeline ${escaped(view.name)}, cut along its services</title>`,
    `<desc id="desc">${parts} parts of ${view.services.length} services and ${view.streams.length} families of streams between them.</desc>`,
    STYLE,
    `<rect width="100%" height="100%" fill="#fff"/>`,
  ];
  let x = MARGIN;
  for (const [name, colour] of colours) {
    out.push(
      `<rect x="${px(x)}" y="12" width="12" height="12" rx="3" fill="${colour}"/>`,
      `<text class="key" x="${px(x + 17)}" y="22">${escaped(name)}</text>`,
    );
    x += 17 + name.length * 7.5 + 18;
  }
  out.push(
    `<path class="stream late" d="M${px(x)} 18h28" stroke="#475569"/>`,
    `<text class="key" x="${px(x + 34)}" y="22">takes effect later</text>`,
  );
  out.push(`<g transform="translate(0 ${legend})">`);
  const colourOf = new Map(boxes.map((b) => [b.part.id, b.colour]));
  for (const s of view.streams)
    for (const t of s.to) {
      const edge = root.edges!.find((e) => e.id === `${s.from}>${s.family}>${t.part}+${t.delay_us}`)!;
      const d = (edge.sections ?? [])
        .map((c) => path([c.startPoint, ...(c.bendPoints ?? []), c.endPoint], { x: 0, y: 0 }))
        .join('');
      const late = t.delay_us > 0 ? `, after ${delayText(t.delay_us)}` : '';
      out.push(
        `<path class="stream${t.delay_us > 0 ? ' late' : ''}" d="${d}" stroke="${colourOf.get(s.from)}"><title>${escaped(`${s.family}: ${s.from} → ${t.part}${late}: ${t.ports.join(', ')}`)}</title></path>`,
      );
    }
  const placed = new Map((root.children ?? []).map((c) => [c.id, c]));
  for (const b of boxes) out.push(drawBox(b, placed.get(b.part.id)!.x ?? 0, placed.get(b.part.id)!.y ?? 0));
  return `${[...out, '</g>', '</svg>'].join('\n')}\n`;
}

function drawBox(b: Box, x: number, y: number): string {
  const { part, colour, width, height } = b;
  const note = { entrance: 'inputs', sink: 'sink', part: '' }[part.kind];
  const text = (kind: string, tx: number, ty: number, s: string, more = ''): string =>
    `<text class="${kind}" x="${px(x + tx)}" y="${px(y + ty)}"${more}>${escaped(s)}</text>`;
  const follows = part.follows.map((f) => `${f.part}${f.delay_us > 0 ? ` (ahead by ${delayText(f.delay_us)})` : ''}`);
  const r = part.kind === 'sink' ? 2 : 7;
  return [
    `<g class="part"><title>${escaped(`${part.id}: ${part.nodes.join(', ')}${follows.length ? `. Follows ${follows.join(', ')}` : ''}`)}</title>`,
    `<rect class="box" x="${px(x)}" y="${px(y)}" width="${px(width)}" height="${px(height)}" rx="${r}" fill="#fff" stroke="${colour}"/>`,
    `<path d="M${px(x)} ${px(y + HEAD - 4)}v-${px(HEAD - 4 - r)}q0 -${r} ${r} -${r}h${px(width - 2 * r)}q${r} 0 ${r} ${r}v${px(HEAD - 4 - r)}z" fill="${colour}"/>`,
    text('part-id', 10, 16, part.id),
    note ? text('note', width - 9, 15.5, note) : '',
    ...b.lines.map((l, i) => text('nodes', 11, HEAD + 12 + i * LINE, l)),
    ...b.ins.map((p, i) => pin(p, x, y + pinY(b, i), 8, 'in')),
    ...b.outs.map((p, i) => pin(p, x + width, y + pinY(b, i), -8, 'out')),
    '</g>',
  ].join('');
}

function pin(p: Pin, x: number, y: number, inset: number, kind: 'in' | 'out'): string {
  const mark =
    kind === 'in'
      ? `<path d="M${px(x - 7)} ${px(y - 3.5)}l7 3.5l-7 3.5z" fill="${p.colour}"/>`
      : `<circle cx="${px(x)}" cy="${px(y)}" r="3" fill="${p.colour}"/>`;
  return `${mark}<text class="pin ${kind}" x="${px(x + inset)}" y="${px(y + 3.5)}" fill="${p.colour}">${escaped(p.text)}</text>`;
}

const STYLE = `<style>.key{font-size:11.5px;fill:#334155}.part-id{font-size:12.5px;font-weight:700;fill:#fff}.note{font-size:10.5px;fill:#fff;text-anchor:end}
.nodes{font-size:10.5px;fill:#334155}.pin{font-size:10.5px}.out{text-anchor:end}.box{stroke-width:1.3}
.stream{fill:none;stroke-width:1.3;stroke-opacity:.85}.late{stroke-dasharray:6 4}</style>`;
