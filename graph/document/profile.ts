import { isEntrance } from '../node.ts';
import type { Registry } from '../registry.ts';
import { nearest } from './nearest.ts';
import { type Params, substitute } from './params.ts';
import { parseYaml } from './parse.ts';
import { listing, type Report } from './report.ts';
import { checkKeys, checkVersion, mapOf, type RawNode, readName, textOf } from './shape.ts';
import { describe, entryOf, type MapTree, quote, Source, valueSpan } from './tree.ts';
import type { LiveProfile } from './types.ts';

/** Rooms, besides sources and sinks, whose nodes are an outer end of a graph: the exchange that is traded against. */
const OUTER_ROOMS = ['venue'];

/**
 * Binds the outer ends of a graph: `bind: { market: { type: …, with: … } }` replaces `type`, `with` or both of a source,
 * a sink or the venue. What a binding leaves out stays as the pipeline has it. Nothing else can be changed. `live:` says that
 * the run goes on as long as it is let.
 */
export function applyProfile(
  nodes: RawNode[],
  profile: { text: string; file: string },
  params: Params,
  registry: Registry,
  report: Report,
): { nodes: RawNode[]; live?: LiveProfile } {
  const source = new Source(profile.file, profile.text);
  const parsed = parseYaml(source, report);
  if (!parsed) return { nodes };
  if (parsed.kind !== 'map') {
    report.add('CHM010', parsed.span, `a profile is a mapping, not ${describe(parsed)}`, {
      help: 'begin with `chimera: 1` and `profile: <name>`',
    });
    return { nodes };
  }
  const root = checkKeys(
    substitute(parsed, params, report) as MapTree,
    ['chimera', 'profile', 'doc', 'bind', 'live'],
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
    const outer = !type || isEntrance(type) || type.kind === 'sink' || OUTER_ROOMS.includes(type.type.split('.')[0]!);
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
  const live = readLive(mapOf(entryOf(root, 'live'), report, LIVE_EXAMPLE), report);
  return { nodes: nodes.map((n) => bound.get(n.id) ?? n), ...(live ? { live } : {}) };
}

const LIVE_EXAMPLE = 'live: { connection: local, clock: wall }';
const CLOCKS = ['wall', 'venue'] as const;

/** `live:` — the run does not end with its inputs: which connection the program opens for it, and what its clock follows. */
function readLive(written: MapTree | undefined, report: Report): LiveProfile | undefined {
  if (!written) return undefined;
  const map = checkKeys(written, ['connection', 'clock', 'rate'], '`live`', report);
  const [connection, clock, rate] = ['connection', 'clock', 'rate'].map((key) => entryOf(map, key));
  if (!connection) report.add('CHM102', written.span, 'missing key "connection" in `live`', { help: LIVE_EXAMPLE });
  const name = connection && textOf(connection, report, 'the name of a connection', LIVE_EXAMPLE);
  const follows = clock ? textOf(clock, report, '`wall` or `venue`', LIVE_EXAMPLE) : undefined;
  if (follows && !(CLOCKS as readonly string[]).includes(follows.text))
    report.add('CHM103', follows.span, `\`clock\` is \`wall\` or \`venue\`, not ${quote(follows.text)}`, {
      suggestion: nearest(follows.text, CLOCKS),
      help: 'a venue that plays its market faster than the wall has a clock of its own',
    });
  const value = rate?.value.kind === 'scalar' ? rate.value.value : undefined;
  if (rate && !(typeof value === 'number' && value > 0 && Number.isFinite(value)))
    report.add('CHM103', valueSpan(rate), `\`rate\` is a number above zero, not ${describe(rate.value)}`, {
      help: 'seconds of engine time per second of the wall',
    });
  return {
    connection: name?.text ?? '',
    clock: follows?.text === 'venue' ? 'venue' : 'wall',
    rate: typeof value === 'number' ? value : 1,
  };
}
