import type { Registry } from '../registry.ts';
import { nearest } from './nearest.ts';
import { type Params, substitute } from './params.ts';
import { parseYaml } from './parse.ts';
import { listing, type Report } from './report.ts';
import { checkKeys, checkVersion, mapOf, type RawNode, readName, textOf } from './shape.ts';
import { describe, entryOf, type MapTree, quote, Source, valueSpan } from './tree.ts';

/** Rooms, besides sources and sinks, whose nodes are an outer end of a graph: the exchange that is traded against. */
const OUTER_ROOMS = ['venue'];

/**
 * Binds the outer ends of a graph: `bind: { market: { type: …, with: … } }` replaces `type`, `with` or both of a source,
 * a sink or the venue. What a binding leaves out stays as the pipeline has it. Nothing else can be changed.
 */
export function applyProfile(
  nodes: RawNode[],
  profile: { text: string; file: string },
  params: Params,
  registry: Registry,
  report: Report,
): RawNode[] {
  const source = new Source(profile.file, profile.text);
  const parsed = parseYaml(source, report);
  if (!parsed) return nodes;
  if (parsed.kind !== 'map') {
    report.add('CHM010', parsed.span, `a profile is a mapping, not ${describe(parsed)}`, {
      help: 'begin with `chimera: 1` and `profile: <name>`',
    });
    return nodes;
  }
  const root = checkKeys(
    substitute(parsed, params, report) as MapTree,
    ['chimera', 'profile', 'doc', 'bind'],
    'a profile',
    report,
  );
  checkVersion(root, report);
  readName(root, 'profile', report);
  const example = 'bind: { market: { type: source.recorder } }';
  const bind = mapOf(entryOf(root, 'bind'), report, example);
  const bound = new Map<string, RawNode>();
  const ids = nodes.map((n) => n.id);
  for (const entry of bind?.entries ?? []) {
    const id = entry.key;
    const node = nodes.find((n) => n.id === id);
    if (!node) {
      report.add('CHM130', entry.keySpan, `the profile binds ${quote(id)}, which the pipeline does not have`, {
        suggestion: nearest(id, ids),
        help: `nodes: ${listing(ids)}`,
      });
      continue;
    }
    if (entry.value.kind !== 'map') {
      report.add('CHM103', valueSpan(entry), `a binding must be a mapping, not ${describe(entry.value)}`, {
        help: `write \`${example}\``,
      });
      continue;
    }
    const type = node.type && registry.get(node.type.text);
    const outer =
      !type || type.kind === 'source' || type.kind === 'sink' || OUTER_ROOMS.includes(type.type.split('.')[0]!);
    if (!outer) {
      report.add(
        'CHM131',
        entry.keySpan,
        `${quote(id)} is a ${type.type}: a profile binds sources, sinks and the venue only`,
        {
          help: 'operators never know under which profile they run; use a preset or a parameter of the pipeline',
        },
      );
      continue;
    }
    const binding = checkKeys(entry.value, ['type', 'with'], `the binding of ${quote(id)}`, report);
    const typeEntry = entryOf(binding, 'type');
    const withEntry = entryOf(binding, 'with');
    const replaced = typeEntry && textOf(typeEntry, report, 'the name of a node type', 'type: source.recorder');
    bound.set(id, { ...node, type: replaced ?? node.type, with: withEntry ?? node.with });
  }
  return nodes.map((n) => bound.get(n.id) ?? n);
}
