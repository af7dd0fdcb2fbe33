import type { Change, Fate, GraphDiff, NodeChange, Reason } from './diff.ts';

const SIGN: Record<Fate, string> = { kept: '=', restarted: '~', dropped: '-', added: '+' };

/** The difference of two graphs for people: what restarts, comes and goes with its reasons; of what is kept, what is new to it. */
export function diffText(diff: GraphDiff): string {
  if (diff.same) return `the graph is the same: ${short(diff.to.hash)}`;
  const lines = [`${diff.from.name} ${short(diff.from.hash)} → ${diff.to.name} ${short(diff.to.hash)}`];
  const groups = ['restarted', 'added', 'dropped'] as const;
  for (const fate of groups) {
    const nodes = diff.nodes.filter((n) => n.fate === fate);
    if (nodes.length > 0) lines.push('', `${fate}:`, ...nodes.map(nodeText));
  }
  const kept = diff.nodes.filter((n) => n.fate === 'kept');
  const touched = kept.filter((n) => n.reasons.length > 0 || n.upstream.length > 0);
  lines.push(
    '',
    `kept: ${kept.length} of ${diff.nodes.length} nodes${touched.length > 0 ? ', of which changed:' : ''}`,
  );
  lines.push(...touched.map(nodeText));
  if (diff.edges.length > 0) {
    lines.push('', 'edges:');
    for (const e of diff.edges) lines.push(`  ${e.change === 'added' ? '+' : '-'} ${e.from} → ${e.to}`);
  }
  if (diff.params.length > 0) lines.push('', 'params:', ...diff.params.map((c) => `  ${changeText(c)}`));
  return lines.join('\n');
}

function nodeText(n: NodeChange): string {
  const why = n.reasons.map(reasonText);
  if (n.fate === 'kept' && n.upstream.length > 0) why.push(`reads from ${listing(n.upstream)} that starts anew`);
  return `  ${SIGN[n.fate]} ${n.id} (${n.type})${why.length > 0 ? `: ${why.join('; ')}` : ''}`;
}

/** One reason, in words. */
export function reasonText(r: Reason): string {
  switch (r.kind) {
    case 'type':
      return `type ${r.from} → ${r.to}`;
    case 'options':
      return r.changed.map(changeText).join(', ');
    case 'version':
      return `version ${r.from} → ${r.to}${r.migrates ? ', its state migrates' : ''}`;
    case 'key':
      return r.to === 'instrument' ? 'one instance per instrument instead of one in all' : 'one instance in all';
    case 'inputs':
      return `other inputs: ${listing(r.ports)}`;
    case 'rewired':
      return `${listing(r.ports)} reads another stream, its state is of the one before`;
    case 'settings':
      return r.changed.map(changeText).join(', ');
    case 'asked':
      return 'as asked';
  }
}
function changeText({ name, from, to }: Change): string {
  return `${name === '' ? 'options' : name} ${valueText(from)} → ${valueText(to)}`;
}
function valueText(v: unknown): string {
  if (v === undefined) return 'nothing';
  const text = JSON.stringify(v) ?? String(v);
  return text.length > MOST ? `${text.slice(0, MOST)}…` : text;
}
const MOST = 60;
const FIRST = 4;
const listing = (names: readonly string[]): string =>
  names.length > FIRST ? `${names.slice(0, FIRST).join(', ')} and ${names.length - FIRST} more` : names.join(', ');
const short = (hash: string): string => hash.slice(0, 12);
