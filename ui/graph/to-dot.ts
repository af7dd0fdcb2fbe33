import type { Pipeline } from '../../graph/document/types.ts';
import { edgeLabel, graphView, TIER_COLOURS, TIERS, type ViewNode } from './view.ts';

/** Graphviz: `chimera graph x.yaml --format dot | dot -Tpdf > x.pdf`. */
export function toDot(pipeline: Pipeline): string {
  const view = graphView(pipeline);
  const q = (s: string) => `"${s.replace(/[\\"]/g, '\\$&')}"`;
  const out = [
    `digraph ${q(view.name)} {`,
    '  rankdir=LR; compound=true; newrank=true; nodesep=0.25; ranksep=0.7;',
    '  graph [fontname="Helvetica", fontsize=12]; edge [fontname="Helvetica", fontsize=9, color="#64748b"];',
    '  node [fontname="Helvetica", fontsize=11, shape=box, style="rounded,filled", fillcolor=white];',
  ];
  const box = (n: ViewNode, indent: string) => {
    const shape = n.kind === 'node' ? '' : `, shape=${n.kind === 'source' ? 'oval' : 'cylinder'}`;
    out.push(
      `${indent}${q(n.id)} [label=${q(n.id).slice(0, -1)}\\n${n.type}", color=${q(TIER_COLOURS[n.tier].line)}${shape}];`,
    );
  };
  for (const tier of TIERS) {
    const nodes = view.nodes.filter((n) => n.tier === tier);
    if (nodes.length === 0) continue;
    const { fill, line } = TIER_COLOURS[tier];
    out.push(
      `  subgraph cluster_${tier} {`,
      `    label="${tier}"; style="rounded,filled"; color="${line}"; fillcolor="${fill}";`,
    );
    view.services.forEach((s, i) => {
      const inside = nodes.filter((n) => n.service === s);
      if (inside.length === 0) return;
      out.push(`    subgraph cluster_${tier}_${i} {`, `      label=${q(s)}; style="rounded,dashed"; color="${line}";`);
      for (const n of inside) box(n, '      ');
      out.push('    }');
    });
    for (const n of nodes) if (n.service === null) box(n, '    ');
    out.push('  }');
  }
  for (const e of view.edges)
    out.push(
      `  ${q(e.from)} -> ${q(e.to)} [label=${q(edgeLabel(e))}${e.feedback ? ', style=dashed, constraint=false' : ''}];`,
    );
  return `${[...out, '}'].join('\n')}\n`;
}
