import { type CutView, delayText } from './cut-view.ts';

/** Mermaid flowchart of a cut graph: services as subgraphs, a line per family of streams, dotted where it takes effect later. */
export function toCutMermaid(view: CutView): string {
  const id = (part: string): string => `p_${part.replace(/\W/g, '_')}`;
  const out = [`%% ${view.name}, cut along its services`, 'flowchart LR'];
  for (const s of view.services) {
    const parts = view.parts.filter((p) => p.service === s);
    if (parts.length === 0) continue;
    out.push(`  subgraph s_${s}["${s}"]`);
    for (const p of parts) {
      const label = `"<b>${p.id}</b><br/>${p.nodes.join(', ')}"`;
      const shape = { entrance: `([${label}])`, sink: `[(${label})]`, part: `[${label}]` }[p.kind];
      out.push(`    ${id(p.id)}${shape}`);
    }
    out.push('  end');
  }
  for (const s of view.streams)
    for (const t of s.to) {
      const line = t.delay_us > 0 ? ['-.', '.->', ` +${delayText(t.delay_us)}`] : ['--', '-->', ''];
      out.push(`  ${id(s.from)} ${line[0]} "${s.family}${line[2]}" ${line[1]} ${id(t.part)}`);
    }
  return `${out.join('\n')}\n`;
}
