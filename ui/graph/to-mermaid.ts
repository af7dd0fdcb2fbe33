import type { Pipeline } from '../../graph/document/types.ts';
import { edgeLabel, graphView, TIER_COLOURS, TIERS, type ViewNode } from './view.ts';

/** Mermaid flowchart: tiers as subgraphs from left to right, services as subgraphs within, feedback dashed. */
export function toMermaid(pipeline: Pipeline): string {
  const view = graphView(pipeline);
  const out = [`%% ${view.name}`, 'flowchart LR'];
  // Mermaid has reserved words (`end`, `class`): ids get a prefix, labels carry the name.
  const id = (node: string) => `n_${node.replace(/\W/g, '_')}`;
  const box = (n: ViewNode, indent: string) => {
    const label = `"<b>${n.id}</b><br/>${n.type}${n.keyed ? '<br/>each instrument' : ''}"`;
    const shape = n.kind === 'source' ? `([${label}])` : n.kind === 'sink' ? `[(${label})]` : `[${label}]`;
    out.push(`${indent}${id(n.id)}${shape}`);
  };
  for (const tier of TIERS) {
    const nodes = view.nodes.filter((n) => n.tier === tier);
    if (nodes.length === 0) continue;
    out.push(`  subgraph ${tier}["${tier[0]!.toUpperCase()}${tier.slice(1)}"]`);
    for (const s of view.services) {
      const inside = nodes.filter((n) => n.service === s);
      if (inside.length === 0) continue;
      out.push(`    subgraph ${tier}_${s.replace(/\W/g, '_')}["${s}"]`);
      for (const n of inside) box(n, '      ');
      out.push('    end');
    }
    for (const n of nodes) if (n.service === null) box(n, '    ');
    out.push('  end');
  }
  for (const e of view.edges)
    out.push(`  ${id(e.from)} ${e.feedback ? '-.' : '--'} "${edgeLabel(e)}" ${e.feedback ? '.->' : '-->'} ${id(e.to)}`);
  for (const tier of TIERS)
    if (view.nodes.some((n) => n.tier === tier))
      out.push(`  style ${tier} fill:${TIER_COLOURS[tier].fill},stroke:${TIER_COLOURS[tier].line}`);
  return `${out.join('\n')}\n`;
}
