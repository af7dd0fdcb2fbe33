import { nearest } from './nearest.ts';
import type { NodeDraft } from './node-draft.ts';
import { listing, place, type Report } from './report.ts';
import { describe, isNull, type MapTree, quote, type SeqTree, type Span } from './tree.ts';

/** Families of streams as the document has them, and where it says so. */
export interface StreamsDraft {
  /** Family → nodes. A service stands for those of its nodes that are not listed themselves. */
  readonly families: Record<string, string[]>;
  readonly places: ReadonlyMap<string, Span>;
  /** Node → where it, or its service, is listed. */
  readonly items: ReadonlyMap<string, Span>;
}

export const FAMILY = /^[a-z][a-z0-9:_-]{0,63}$/;
const EXAMPLE = 'write `streams: { mkt: [market] }`';
/** First words that other names on the bus begin with: `part:{…}`, `dlq:…`, `cfg:events`, … */
const TAKEN = [
  'part',
  'frontier',
  'at',
  'need',
  'fence',
  'shared',
  'dlq',
  'retry',
  'cfg',
  'signals',
  'metrics',
  'health',
];

/** Reads `streams:`: which nodes' records travel in streams of which name. Absent or empty, parts give them names. */
export function readStreams(
  tree: MapTree | undefined,
  services: Readonly<Record<string, readonly string[]>>,
  drafts: readonly NodeDraft[],
  report: Report,
): StreamsDraft | undefined {
  if (!tree) return undefined;
  const nodes = drafts.map((d) => d.raw.id);
  if (Object.keys(services).length === 0 && tree.entries.length > 0)
    report.add('CHM509', tree.entries[0]!.keySpan, '`streams` has no effect: the document has no `services`', {
      help: 'records travel in streams where a graph is cut along its services: add them, or remove `streams`',
    });
  const homes = new Map<string, { family: string; span: Span }>();
  const places = new Map<string, Span>();
  for (const { key, keySpan, value } of tree.entries) {
    checkName(key, keySpan, report);
    places.set(key, keySpan);
    if (value.kind !== 'seq') {
      if (isNull(value)) reportEmpty(key, keySpan, report);
      else
        report.add(
          'CHM103',
          value.span.end > value.span.start ? value.span : keySpan,
          `a family of streams is a list of nodes, not ${describe(value)}`,
          {
            suggestion: value.kind === 'scalar' && typeof value.value === 'string' ? `[${value.value}]` : undefined,
            help: EXAMPLE,
          },
        );
      continue;
    }
    if (value.items.length === 0) reportEmpty(key, keySpan, report);
    for (const { name, span } of namesOf(value, keySpan, report)) {
      const before = homes.get(name);
      if (!nodes.includes(name) && !Object.hasOwn(services, name))
        report.add('CHM506', span, `the family ${quote(key)} lists ${quote(name)}, which is no node and no service`, {
          suggestion: nearest(name, [...nodes, ...Object.keys(services)]),
          help: `services: ${listing(Object.keys(services))}; nodes: ${listing(nodes)}`,
        });
      else if (before)
        report.add(
          'CHM507',
          span,
          before.family === key
            ? `${quote(name)} is listed twice in the family ${quote(key)}`
            : `${quote(name)} is already in the family ${quote(before.family)}`,
          { help: `all records of a node travel in one family: keep this or ${place(before.span)}` },
        );
      else homes.set(name, { family: key, span });
    }
  }
  // A node's own entry counts before that of its service.
  const families: Record<string, string[]> = Object.fromEntries([...places.keys()].map((f) => [f, []]));
  const items = new Map<string, Span>();
  for (const id of nodes) {
    const service = Object.entries(services).find(([, of]) => of.includes(id))?.[0];
    const home = homes.get(id) ?? (service === undefined ? undefined : homes.get(service));
    if (!home) continue;
    families[home.family]!.push(id);
    items.set(id, home.span);
  }
  return { families, places, items };
}

function checkName(name: string, span: Span, report: Report): void {
  const [first] = name.split(':');
  if (!FAMILY.test(name)) {
    const repaired = name
      .toLowerCase()
      .replace(/\{.*$/, '')
      .replace(/[^a-z0-9:_-]+/g, ':')
      .replace(/^[^a-z]+|[:]+$/g, '')
      .slice(0, 64);
    report.add('CHM508', span, `${quote(name)} cannot be the name of a family of streams`, {
      suggestion: FAMILY.test(repaired) ? repaired : undefined,
      help: 'names are lower-case letters, digits, :, _ and -, beginning with a letter, 64 at most; the instrument follows by itself, in braces',
    });
  } else if (TAKEN.includes(first!))
    report.add('CHM508', span, `${quote(name)} is kept for other names on the bus`, {
      help: `names do not begin with ${listing(TAKEN)}`,
    });
}

function* namesOf(value: SeqTree, keySpan: Span, report: Report): Generator<{ name: string; span: Span }> {
  for (const item of value.items) {
    const span = item.span.end > item.span.start ? item.span : keySpan;
    if (item.kind === 'scalar' && typeof item.value === 'string') yield { name: item.value, span };
    else
      report.add('CHM103', span, `a family of streams lists nodes and services, not ${describe(item)}`, {
        help: EXAMPLE,
      });
  }
}

function reportEmpty(family: string, span: Span, report: Report): void {
  report.add('CHM509', span, `the family ${quote(family)} has no nodes`, { help: 'remove it' });
}
