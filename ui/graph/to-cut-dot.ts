import { type CutView, delayText } from './cut-view.ts';

/** Graphviz of a cut graph: services as clusters, a line per family of streams, dashed where it takes effect later. */
export function toCutDot(view: CutView): string {
  const q = (s: string): string => `"${s.replace(/[\\"]/g, '\\$&')}"`;
  const out = [
    `digraph ${q(`${view.name}, cut`)} {`,
    '  rankdir=LR; newrank=true; nodesep=0.3; ranksep=0.9;',
    '  graph [fontname="Helvetica", fontsize=12]; edge [fontname="Helvetica", fontsize=9, color="#64748b"];',
    '  node [fontname="Helvetica", fontsize=11, shape=box, style="rounded,filled", fillcolor=white];',
  ];
  view.services.forEach((s, i) => {
    out.push(`  subgraph cluster_${i} {`, `    label=${q(s)}; style="rounded,dashed"; color="#94a3b8";`);
    for (const p of view.parts.filter((v) => v.service === s)) {
      const shape = { entrance: ', shape=oval', sink: ', shape=cylinder', part: '' }[p.kind];
      out.push(`    ${q(p.id)} [label=${q(p.id).slice(0, -1)}\\n${p.nodes.join('\\n')}"${shape}];`);
    }
    out.push('  }');
  });
  for (const s of view.streams)
    for (const t of s.to) {
      const late = t.delay_us > 0;
      const label = q(`${s.family}${late ? ` +${delayText(t.delay_us)}` : ''}`);
      out.push(`  ${q(s.from)} -> ${q(t.part)} [label=${label}${late ? ', style=dashed, constraint=false' : ''}];`);
    }
  return `${[...out, '}'].join('\n')}\n`;
}
