import { formatDuration, parseDuration, suggestDuration } from './duration.ts';
import { nearest } from './nearest.ts';
import { type Allowance, listing, type Report, viaText } from './report.ts';
import {
  describe,
  type Entry,
  entryOf,
  isNull,
  isUnresolved,
  type MapTree,
  quote,
  type Span,
  type Tree,
  valueSpan,
} from './tree.ts';

/** A node as it is written, its parts checked one by one but not against its type. */
export interface RawNode {
  readonly id: string;
  readonly idSpan: Span;
  readonly type: Text | undefined;
  readonly with: Entry | undefined;
  readonly in: Entry | undefined;
  readonly each: Text | undefined;
  readonly feedback: readonly Text[];
  readonly delayUs: number;
  readonly delaySpan: Span | undefined;
  readonly onError: 'stop' | 'quarantine';
}
/** A piece of text in the document. */
export interface Text {
  readonly text: string;
  readonly span: Span;
}

export const DOCUMENT_KEYS = [
  'chimera',
  'pipeline',
  'doc',
  'params',
  'presets',
  'nodes',
  'services',
  'streams',
  'on_poison',
  'tests',
  'allow',
];
export const NODE_KEYS = ['type', 'in', 'with', 'each', 'feedback', 'delay', 'on_error', 'doc', 'allow'];
export const ON_ERROR = ['stop', 'quarantine'] as const;
export const ID = /^[a-z][a-z0-9_]{0,63}$/;
export const VERSION = 1;

const ID_HELP = 'ids are lower-case letters, digits and _, beginning with a letter, 64 at most';

/**
 * Reports keys that a mapping does not have (CHM101). Returns the mapping with such keys under the names that were
 * probably meant, so that one misspelling is one finding and not that what it names is missing, too.
 */
export function checkKeys(
  map: MapTree,
  known: readonly string[],
  what: string,
  report: Report,
  node?: string,
): MapTree {
  const open = new Set(known.filter((k) => !entryOf(map, k)));
  const entries = map.entries.map((entry): Entry => {
    const { key, keySpan } = entry;
    if (known.includes(key)) return entry;
    const meant = nearest(key, open);
    if (meant !== undefined) open.delete(meant);
    report.add('CHM101', keySpan, `unknown key ${quote(key)} in ${what}`, {
      suggestion: meant ?? nearest(key, known),
      help: key === '<<' ? 'merge keys are not part of YAML 1.2: use params' : `keys: ${listing(known)}`,
      node,
    });
    return meant === undefined ? entry : { ...entry, key: meant };
  });
  return { ...map, entries };
}

export function mapOf(entry: Entry | undefined, report: Report, example: string, node?: string): MapTree | undefined {
  if (!entry || isNull(entry.value)) return undefined;
  if (entry.value.kind === 'map') return entry.value;
  report.add('CHM103', valueSpan(entry), `\`${entry.key}\` must be a mapping, not ${describe(entry.value)}`, {
    help: `write \`${example}\``,
    node,
  });
  return undefined;
}

export function textOf(entry: Entry, report: Report, what: string, example: string, node?: string): Text | undefined {
  const { value } = entry;
  if (value.kind === 'scalar' && typeof value.value === 'string' && value.value !== '')
    return { text: value.value, span: valueSpan(entry) };
  if (isUnresolved(value)) return undefined;
  report.add('CHM103', valueSpan(entry), `\`${entry.key}\` must be ${what}, not ${describe(value)}`, {
    help: `write \`${example}\``,
    node,
  });
  return undefined;
}

/** `chimera: 1`. */
export function checkVersion(root: MapTree, report: Report): void {
  const entry = entryOf(root, 'chimera');
  if (!entry) {
    report.add('CHM102', rootSpan(root), 'missing key "chimera"', {
      help: `begin the document with \`chimera: ${VERSION}\``,
    });
    return;
  }
  if (entry.value.kind === 'scalar' && entry.value.value === VERSION) return;
  report.add(
    'CHM104',
    valueSpan(entry),
    `this document says \`chimera: ${describe(entry.value)}\`; this program reads version ${VERSION}`,
    {
      help: `write \`chimera: ${VERSION}\``,
      suggestion: String(VERSION),
    },
  );
}

export function readName(root: MapTree, key: 'pipeline' | 'profile', report: Report): string {
  const entry = entryOf(root, key);
  if (!entry) {
    report.add('CHM102', rootSpan(root), `missing key ${quote(key)}`, { help: `name it: \`${key}: trend\`` });
    return '';
  }
  const name = textOf(entry, report, 'a name', `${key}: trend`);
  if (name && !/^[a-z][a-z0-9_.-]{0,63}$/.test(name.text))
    report.add('CHM105', name.span, `${quote(name.text)} cannot be a name`, {
      help: 'names are lower-case letters, digits, _, - and ., beginning with a letter, 64 at most',
      suggestion: repaired(name.text, /[^a-z0-9_.-]+/g),
    });
  return name?.text ?? '';
}

/** Where a finding about the document as a whole is shown: its first key. */
export const rootSpan = (root: MapTree): Span => root.entries[0]?.keySpan ?? { ...root.span, end: root.span.start + 1 };

export function readNode(id: string, idSpan: Span, written: MapTree, report: Report): RawNode {
  const node = id;
  const tree = checkKeys(written, NODE_KEYS, `node ${quote(id)}`, report, node);
  const get = (key: string) => entryOf(tree, key);
  const typeEntry = get('type');
  if (!typeEntry)
    report.add('CHM102', idSpan, `node ${quote(id)} has no \`type\``, {
      help: 'every node says what it is: `type: feature.ema`',
      node,
    });
  const eachEntry = get('each');
  const each = eachEntry && textOf(eachEntry, report, '`instrument`', 'each: instrument', node);
  if (each && each.text !== 'instrument')
    report.add('CHM107', each.span, `\`each\` can only be \`instrument\`, not ${quote(each.text)}`, {
      suggestion: 'instrument',
      help: 'write `each: instrument`; leave it out for one instance in all',
      node,
    });
  const doc = get('doc');
  if (doc) textOf(doc, report, 'text', 'doc: what this node is for', node);
  const delay = get('delay');
  const delayUs = delay && readDelay(delay, report, node);
  return {
    id,
    idSpan,
    type: typeEntry && textOf(typeEntry, report, 'the name of a node type', 'type: feature.ema', node),
    with: get('with'),
    in: get('in'),
    // Whatever is written there, one instance per instrument is meant.
    each: each ?? (eachEntry && { text: '', span: valueSpan(eachEntry) }),
    feedback: readFeedback(get('feedback'), report, node),
    delayUs: delayUs ?? 0,
    delaySpan: delay && delayUs !== undefined ? valueSpan(delay) : undefined,
    onError: readOnError(get('on_error'), report, node),
  };
}

function readFeedback(entry: Entry | undefined, report: Report, node: string): Text[] {
  if (!entry || isNull(entry.value)) return [];
  if (entry.value.kind !== 'seq') {
    const text = entry.value.kind === 'scalar' && typeof entry.value.value === 'string' ? entry.value.value : undefined;
    report.add('CHM103', valueSpan(entry), `\`feedback\` must be a list of out-ports, not ${describe(entry.value)}`, {
      suggestion: text === undefined ? undefined : `[${text}]`,
      help: 'write `feedback: [report]`',
      node,
    });
    return [];
  }
  const ports: Text[] = [];
  for (const item of entry.value.items) {
    const span = item.span.end > item.span.start ? item.span : entry.keySpan;
    if (item.kind !== 'scalar' || typeof item.value !== 'string')
      report.add('CHM103', span, `an out-port is a name, not ${describe(item)}`, {
        help: 'write `feedback: [report]`',
        node,
      });
    else if (ports.some((p) => p.text === item.value))
      report.add('CHM108', span, `${quote(item.value)} is listed twice`, { help: 'list it once', node });
    else ports.push({ text: item.value, span });
  }
  return ports;
}

function readDelay(entry: Entry, report: Report, node: string): number | undefined {
  const { value } = entry;
  const text = value.kind === 'scalar' && typeof value.value === 'string' ? value.value : undefined;
  const us = text === undefined ? undefined : parseDuration(text);
  if (us === undefined && !isUnresolved(value)) reportDuration(value, valueSpan(entry), 'delay', report, node);
  return us;
}

/** CHM106, with the duration that was probably meant. */
export function reportDuration(tree: Tree, span: Span, name: string, report: Report, node?: string): void {
  const text = tree.kind === 'scalar' && typeof tree.value === 'string' ? tree.value : undefined;
  const bare = tree.kind === 'scalar' && typeof tree.value === 'number';
  const via = viaText(tree);
  const help = bare
    ? `a duration has its unit: ${['us', 'ms', 's', 'm', 'h', 'd'].map((u) => describe(tree) + u).join(', ')}`
    : 'a duration is a whole number and its unit, without space: 250ms, 5s, 1m, 4h, 1d';
  report.add('CHM106', span, `\`${name}\` must be a duration, not ${describe(tree)}`, {
    suggestion:
      text === undefined
        ? bare && (tree as { value: number }).value === 0
          ? formatDuration(0)
          : undefined
        : suggestDuration(text),
    help: via ? `${via}; ${help}` : help,
    node,
  });
}

function readOnError(entry: Entry | undefined, report: Report, node: string): 'stop' | 'quarantine' {
  if (!entry) return 'stop';
  const text = textOf(entry, report, '`stop` or `quarantine`', 'on_error: stop', node);
  if (!text) return 'stop';
  if (text.text === 'stop' || text.text === 'quarantine') return text.text;
  report.add('CHM107', text.span, `unknown \`on_error\` ${quote(text.text)}`, {
    suggestion: nearest(text.text, ON_ERROR),
    help: '`stop` ends the run; `quarantine` silences the instance of that key',
    node,
  });
  return 'stop';
}

/** `allow: [{ code: CHM310, reason: … }]` of a node or of the document. */
export function readAllow(
  entry: Entry | undefined,
  node: string | undefined,
  known: (code: string) => boolean,
  allowed: (code: string) => boolean,
  codes: readonly string[],
  report: Report,
): Allowance[] {
  if (!entry || isNull(entry.value)) return [];
  const help = 'write `allow: [{ code: CHM310, reason: why this is right here }]`';
  if (entry.value.kind !== 'seq') {
    report.add('CHM103', valueSpan(entry), `\`allow\` must be a list, not ${describe(entry.value)}`, { help, node });
    return [];
  }
  const list: Allowance[] = [];
  for (const written of entry.value.items) {
    if (written.kind !== 'map') {
      report.add('CHM103', written.span, `a suppression is a mapping with code and reason, not ${describe(written)}`, {
        help,
        node,
      });
      continue;
    }
    const item = checkKeys(written, ['code', 'reason'], 'a suppression', report, node);
    const code = entryOf(item, 'code');
    const reason = entryOf(item, 'reason');
    const missing = !code ? 'code' : !reason ? 'reason' : undefined;
    if (missing) {
      const first = item.entries[0];
      const span = missing === 'reason' && code ? valueSpan(code) : (first?.keySpan ?? item.span);
      report.add('CHM140', span, `a suppression needs a ${missing}`, { help, node });
    }
    const why = reason && textOf(reason, report, 'text', 'reason: why this is right here', node);
    if (why && why.text.trim().length < 8)
      report.add('CHM140', why.span, `the reason ${quote(why.text)} does not say why`, { help, node });
    const what = code && textOf(code, report, 'the code of a diagnostic', 'code: CHM310', node);
    if (!what) continue;
    if (!known(what.text))
      report.add('CHM141', what.span, `unknown code ${quote(what.text)}`, {
        suggestion: nearest(what.text, codes),
        help: 'codes are listed in docs/reference/errors.md',
        node,
      });
    else if (!allowed(what.text))
      report.add('CHM141', what.span, `${what.text} is an error that cannot be suppressed`, {
        help: 'only warnings can be suppressed, and the errors whose paragraph in docs/reference/errors.md says so',
        node,
      });
    else if (why) list.push({ code: what.text, span: what.span, node });
  }
  return list;
}

export function repaired(text: string, bad: RegExp): string | undefined {
  const name = text
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replace(bad, '_')
    .replace(/^[^a-z]+/, '')
    .replace(/_+$/, '')
    .slice(0, 64);
  return name.length > 0 && name !== text ? name : undefined;
}

export function reportId(id: string, span: Span, report: Report): void {
  report.add('CHM105', span, `${quote(id)} cannot be a node id`, {
    help: ID_HELP,
    suggestion: repaired(id, /[^a-z0-9_]+/g),
  });
}
