import { type AnyNode, type InPort, inPortsOf, type OutPort, restOf } from '../node.ts';
import type { Registry } from '../registry.ts';
import type { CodeTable, Field, Schema } from '../schema/index.ts';
import { boundsText, configSchema, type JsonSchema, typeText } from './config-schema.ts';

/**
 * The reference: one page per room (`feature.md`), an index, and every record. Generated from the registry, so that it
 * says what the program does. Paths are relative to `docs/reference/`.
 */
export function referencePages(registry: Registry): Map<string, string> {
  const rooms = new Map<string, AnyNode[]>();
  for (const node of [...registry].sort((a, b) => (a.type < b.type ? -1 : 1))) {
    const room = node.type.split('.')[0]!;
    rooms.set(room, [...(rooms.get(room) ?? []), node]);
  }
  const records = new Map<string, Schema>();
  const pages = new Map<string, string>();
  for (const [room, nodes] of rooms) {
    const parts = [`# ${room}`, list(nodes), ...nodes.map((n) => section(n, records))];
    pages.set(`${room}.md`, page(parts));
  }
  const index = [...rooms].map(([room, nodes]) => `## [${room}](${room}.md)\n\n${list(nodes, `${room}.md`)}`);
  pages.set(
    'index.md',
    page([
      '# Node types',
      'Generated from the node types themselves. [Records](records.md) are what travels between them; [errors](errors.md) are what can go wrong.',
      ...index,
    ]),
  );
  pages.set(
    'records.md',
    page(['# Records', KINDS, ...[...records.values()].sort((a, b) => (a.name < b.name ? -1 : 1)).map(recordSection)]),
  );
  return pages;
}

/** `errors.md`: one paragraph for each code of the tables, in order. */
export function errorsPage(tables: readonly CodeTable[]): string {
  const all = new Map<string, { title: string; text: string }>();
  for (const table of tables)
    for (const [code, entry] of Object.entries(table)) {
      if (all.has(code) && all.get(code) !== entry) throw new Error(`the code ${code} is documented twice`);
      all.set(code, entry);
    }
  const ranges: readonly [string, string][] = [
    ['CHM0', 'YAML'],
    ['CHM1', 'Fields'],
    ['CHM2', 'Wiring'],
    ['CHM3', 'Port types, keys and tiers'],
    ['CHM4', 'Determinism and lookahead'],
    ['CHM5', 'Delivery'],
    ['CHM6', 'The lake'],
    ['CHM7', 'The engine'],
    ['CHM8', 'Venue, sources and sinks'],
    ['CHM9', 'The program'],
  ];
  const codes = [...all.keys()].sort();
  const parts = ['# Errors', 'Codes are stable: a code never comes to mean something else.'];
  for (const [prefix, title] of ranges) {
    const own = codes.filter((c) => c.startsWith(prefix));
    if (own.length === 0) continue;
    parts.push(`## ${title}`, ...own.map((c) => `### ${c}: ${all.get(c)!.title}\n\n${all.get(c)!.text}`));
  }
  return page(parts);
}

const page = (parts: readonly string[]): string => `${parts.filter((p) => p !== '').join('\n\n')}\n`;
const list = (nodes: readonly AnyNode[], file = ''): string =>
  nodes.map((n) => `- [\`${n.type}\`](${file}#${anchor(n.type)}): ${n.summary}`).join('\n');
const anchor = (title: string): string => title.toLowerCase().replace(/[^a-z0-9_-]/g, '');
const cell = (s: string): string => s.replaceAll('|', '\\|').replace(/\s*\n\s*/g, ' ');

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  return [
    `| ${head.join(' | ')} |`,
    `|${head.map(() => '---').join('|')}|`,
    ...rows.map((r) => `| ${r.map(cell).join(' | ')} |`),
  ].join('\n');
}

const KIND: Readonly<Record<AnyNode['kind'], string>> = {
  step: 'step',
  rx: 'RxJS pipeline',
  source: 'source',
  sink: 'sink',
  gateway: 'gateway (source and sink)',
  async: 'asynchronous step',
};

function section(node: AnyNode, records: Map<string, Schema>): string {
  const facts = [KIND[node.kind], node.tier, node.determinism, `version ${node.version}`].join(' · ');
  const parts = [`## ${node.type}`, node.summary, node.doc ?? '', facts];
  if (node.reference) parts.push(`Reference: ${node.reference}`);
  const options = optionRows(configSchema(node), '');
  parts.push(
    '### Options',
    options.length > 0 ? table(['option', 'type', 'range', 'default', 'meaning'], options) : 'None.',
  );

  const warmup = warmupOf(node);
  const ins: string[][] = Object.entries(inPortsOf(node)).map(([name, p]) =>
    inRow(name, p as InPort, warmup[name], records),
  );
  const rest = restOf(node);
  if (rest) ins.push(inRow('*your own names*', rest, undefined, records));
  if (node.kind !== 'source')
    parts.push(
      '### In',
      ins.length > 0 ? table(['port', 'record', 'key', 'needed', 'first output after', 'meaning'], ins) : 'None.',
    );
  if (node.kind !== 'sink') {
    const out = node.ports.out;
    if (typeof out === 'function') parts.push('### Out', 'The out-ports follow from the options and the inputs.');
    else {
      const rows = Object.entries(out as Record<string, OutPort>).map(([name, p]) => outRow(name, p, node, records));
      parts.push('### Out', table(['port', 'record', 'per cycle', 'fields', 'meaning'], rows));
    }
  }
  for (const e of node.examples ?? []) parts.push(`### Example: ${e.title}`, `\`\`\`yaml\n${e.yaml.trim()}\n\`\`\``);
  return parts.filter((p) => p !== '').join('\n\n');
}

function warmupOf(node: AnyNode): Readonly<Record<string, number | undefined>> {
  if (node.kind !== 'step' && node.kind !== 'rx' && node.kind !== 'async') return {};
  if (!node.warmup) return {};
  // Of the defaults; with required options there are none.
  const config = node.config.safeParse({});
  if (!config.success) return {};
  try {
    return node.warmup(config.data as never) as Record<string, number>;
  } catch {
    return {};
  }
}

const IN_KEY = { same: "the instance's own", none: 'none', any: 'all at once' } as const;

function inRow(name: string, p: InPort, warmup: number | undefined, records: Map<string, Schema>): string[] {
  const notes = [
    p.doc ?? '',
    p.many ? 'a list' : '',
    p.passive ? 'does not wake the node' : '',
    p.future ? 'may hold what is known only later' : '',
  ];
  return [
    name.startsWith('*') ? name : `\`${name}\``,
    recordLink(p.schema, records),
    IN_KEY[p.key],
    name.startsWith('*') ? 'any number' : p.optional ? 'no' : 'yes',
    warmup === undefined ? '' : `${warmup}`,
    notes.filter((n) => n !== '').join('; '),
  ];
}
function outRow(name: string, p: OutPort, node: AnyNode, records: Map<string, Schema>): string[] {
  const notes = [
    p.doc ?? '',
    node.kind === 'source' && p.key === 'none' ? 'without key' : '',
    p.keyed ? 'each record with its instrument' : '',
    p.future ? '**known only later: a label**' : '',
  ];
  return [
    `\`${name}\``,
    recordLink(p.schema, records),
    p.many ? 'any number' : 'at most one',
    Object.keys(p.schema.fields)
      .map((f) => `\`${f}\``)
      .join(', '),
    notes.filter((n) => n !== '').join('; '),
  ];
}
function recordLink(schema: Schema, records: Map<string, Schema>): string {
  if (Object.keys(schema.fields).length === 0) return 'any record';
  const known = records.get(schema.name);
  if (!known || known.version < schema.version) records.set(schema.name, schema);
  return `[${schema.name}](records.md#${anchor(schema.name)})`;
}

/** One row per option; options of mappings and of lists of mappings follow under their path. */
function optionRows(schema: JsonSchema, prefix: string): string[][] {
  const rows: string[][] = [];
  for (const [name, p] of Object.entries(schema.properties ?? {})) {
    const path = prefix + name;
    const required = (schema.required ?? []).includes(name);
    const item = Array.isArray(p.items) ? undefined : p.items;
    rows.push([
      `\`${path}\``,
      typeText(p),
      boundsText(p) || (item ? boundsText(item) : ''),
      p.default === undefined
        ? required
          ? '**needed**'
          : ''
        : `\`${typeof p.default === 'string' ? p.default : JSON.stringify(p.default)}\``,
      p.description ?? '',
    ]);
    rows.push(...optionRows(p, `${path}.`));
    if (item) rows.push(...optionRows(item, `${path}[].`));
    if (p.additionalProperties && typeof p.additionalProperties === 'object')
      rows.push(...optionRows(p.additionalProperties, `${path}.*.`));
    for (const option of [...(p.anyOf ?? []), ...(p.oneOf ?? [])]) {
      const kind = Object.entries(option.properties ?? {}).find(([, q]) => q.const !== undefined);
      rows.push(...optionRows(option, `${path}${kind ? `(${kind[0]}: ${String(kind[1].const)})` : ''}.`));
    }
  }
  return rows;
}

const KINDS = [
  'Exact amounts are integers in memory; the decimals come from the instrument. In taps and tests they are plain decimals in units.',
  table(
    ['kind', 'meaning'],
    [
      ['px', 'price, with the instrument’s price digits'],
      ['qty', 'quantity, with the instrument’s quantity digits'],
      ['quote', 'price × quantity, with both digits together'],
      ['money', 'amount with 8 decimals'],
      ['int', 'whole number: ids, counts'],
      ['ms, us', 'time since the epoch'],
      ['f64', 'double: features, rates, statistics'],
      ['bool, text, oneOf', 'true or false; text; one of the listed words'],
      ['list of …', 'a variable number of numbers of one kind'],
    ],
  ),
].join('\n\n');

function recordSection(schema: Schema): string {
  const rows = Object.entries(schema.fields).map(([name, f]) => [`\`${name}\``, fieldText(f), f.doc ?? '']);
  return [
    `## ${schema.name}`,
    schema.doc ?? '',
    `Version ${schema.version}.`,
    table(['field', 'kind', 'meaning'], rows),
  ]
    .filter((p) => p !== '')
    .join('\n\n');
}
function fieldText(f: Field): string {
  if (f.kind === 'oneOf') return f.values.join(' \\| ').replaceAll('\\|', '|');
  if (f.kind === 'list') return `list of ${f.of}`;
  if (f.kind === 'bool' || f.kind === 'text') return f.kind;
  return `${f.kind}${f.unit ? ` (${f.unit})` : ''}${f.nullable ? ', may be absent' : ''}`;
}
