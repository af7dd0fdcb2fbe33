import type { Command } from 'commander';
import { boundsText, configSchema, type JsonSchema, typeText } from '../../../graph/document/config-schema.ts';
import { nearest } from '../../../graph/document/nearest.ts';
import { type AnyNode, type InPort, type OutPort, restOf } from '../../../graph/node.ts';
import { ChimeraError, type Field, isNumberField, type Schema } from '../../../graph/schema/index.ts';
import { action, describe } from '../command.ts';
import type { Context } from '../context.ts';
import { codeTables, registry } from '../registry.ts';
import { table, wrap } from '../table.ts';

export function explain(program: Command, context: Context): void {
  const command = program
    .command('explain')
    .summary('explain a node type or an error code')
    .description(
      'Tells everything about a node type (options, ports and their fields, formula, warm-up, source), or what an error code means.',
    )
    .argument('<name>', 'a node type such as feature.atr, or a code such as CHM201');
  describe(command, ['explain feature.atr', 'explain silver.order_book', 'explain CHM201']).action(
    action(context, (name: string) => {
      const code = /^CHM\d+$/i.test(name) ? name.toUpperCase() : undefined;
      if (code !== undefined) return explainCode(code, context);
      const type = registry.get(name);
      if (!type) {
        const near = nearest(name, registry.names);
        throw new ChimeraError('CHM913', `there is no node type ${name}${near ? `; did you mean ${near}?` : ''}`, {
          help: '`chimera list` shows all node types',
        });
      }
      context.result(typeJson(type), () => asText(type, context));
    }),
  );
}

function explainCode(code: string, context: Context): void {
  const entry = codeTables.map((t) => t[code as `CHM${number}`]).find((e) => e !== undefined);
  if (!entry)
    throw new ChimeraError('CHM913', `there is no code ${code}`, { help: 'docs/reference/errors.md lists all codes' });
  context.result(
    { code, ...entry },
    () => `${context.paint('stdout', 'bold', `${code}: ${entry.title}`)}\n\n${wrap(entry.text, 100)}`,
  );
}

interface Option {
  name: string;
  type: string;
  required: boolean;
  default: unknown;
  bounds: string;
  doc: string;
}
function optionsOf(type: AnyNode): Option[] {
  const out: Option[] = [];
  const walk = (schema: JsonSchema, prefix: string) => {
    for (const [name, s] of Object.entries(schema.properties ?? {})) {
      const path = prefix + name;
      out.push({
        name: path,
        type: typeText(s),
        required: schema.required?.includes(name) === true,
        default: s.default ?? null,
        bounds: boundsText(s),
        doc: s.description ?? '',
      });
      if (s.properties) walk(s, `${path}.`);
      const item = Array.isArray(s.items) ? undefined : s.items;
      if (item?.properties) walk(item, `${path}[].`);
    }
  };
  walk(configSchema(type), '');
  return out;
}

function portsOf(type: AnyNode): {
  in: [string, InPort][];
  rest: InPort | undefined;
  out: [string, OutPort][] | undefined;
} {
  return {
    in: type.kind === 'source' ? [] : Object.entries(type.ports.in as Record<string, InPort>),
    rest: restOf(type),
    out:
      type.kind === 'sink'
        ? []
        : typeof type.ports.out === 'function'
          ? undefined
          : Object.entries(type.ports.out as Record<string, OutPort>),
  };
}

/** Inputs to see before the first output, with the default options; undefined when a required option is missing. */
function warmupOf(type: AnyNode): Record<string, number> | undefined {
  if ((type.kind !== 'step' && type.kind !== 'rx' && type.kind !== 'async') || !type.warmup) return undefined;
  const config = type.config.safeParse({});
  return config.success ? (type.warmup(config.data as never) as Record<string, number>) : undefined;
}

const fields = (schema: Schema) => Object.entries(schema.fields).map(([name, f]) => ({ name, ...describeField(f) }));
function describeField(f: Field): { kind: string; unit: string; nullable: boolean; doc: string } {
  const kind = f.kind === 'list' ? `list of ${f.of}` : f.kind === 'oneOf' ? f.values.join(' | ') : f.kind;
  return {
    kind,
    unit: isNumberField(f) ? (f.unit ?? '') : '',
    nullable: isNumberField(f) && f.nullable,
    doc: f.doc ?? '',
  };
}

/** A node type for programs: what `--json` prints. */
export function typeJson(type: AnyNode): object {
  const ports = portsOf(type);
  const inPort = (p: InPort) => ({
    schema: p.schema.name,
    version: p.schema.version,
    key: p.key,
    optional: p.optional,
    many: p.many,
    doc: p.doc ?? '',
    fields: fields(p.schema),
  });
  return {
    type: type.type,
    version: type.version,
    kind: type.kind,
    tier: type.tier,
    determinism: type.determinism,
    summary: type.summary,
    doc: type.doc ?? null,
    reference: type.reference ?? null,
    config: optionsOf(type),
    warmup: warmupOf(type) ?? null,
    in: Object.fromEntries(ports.in.map(([n, p]) => [n, inPort(p)])),
    rest: ports.rest ? inPort(ports.rest) : null,
    out: ports.out
      ? Object.fromEntries(
          ports.out.map(([n, p]) => [
            n,
            {
              schema: p.schema.name,
              version: p.schema.version,
              many: p.many,
              doc: p.doc ?? '',
              fields: fields(p.schema),
            },
          ]),
        )
      : 'depends on the options and the inputs',
    examples: type.examples ?? [],
  };
}

function asText(type: AnyNode, context: Context): string {
  const width = Math.min(110, context.io.stdout.columns ?? 110);
  const bold = (s: string) => context.paint('stdout', 'bold', s);
  const dim = (s: string) => context.paint('stdout', 'dim', s);
  const ports = portsOf(type);
  const out = [
    `${bold(type.type)}  ${dim(`version ${type.version}, ${type.kind}, ${type.tier}, ${type.determinism}`)}`,
    wrap(type.summary, width),
  ];
  if (type.doc) out.push('', wrap(type.doc, width));
  out.push('', bold('Options'));
  const options = optionsOf(type);
  if (options.length === 0) out.push('  none');
  else
    out.push(
      table(
        options.map((o) => [
          `  ${o.name}`,
          o.type + (o.bounds ? `, ${o.bounds}` : ''),
          o.required ? 'required' : o.default === null ? '' : `default ${short(o.default)}`,
          o.doc,
        ]),
      ),
    );
  const port = (name: string, p: InPort | OutPort, marks: string[]) => {
    const nodes = marks.filter((m) => m !== '');
    out.push(
      `  ${bold(name)}  ${p.schema.name}${nodes.length ? dim(` (${nodes.join(', ')})`) : ''}${p.doc ? `  ${p.doc}` : ''}`,
    );
    out.push(
      table(
        fields(p.schema).map((f) => [
          `      ${f.name}`,
          f.kind + (f.nullable ? ', may be absent' : ''),
          [f.unit, f.doc].filter((s) => s !== '').join(': '),
        ]),
      ),
    );
  };
  if (type.kind !== 'source') {
    out.push('', bold('Inputs'));
    for (const [name, p] of ports.in) port(name, p, inMarks(p));
    if (ports.rest) port('any names', ports.rest, inMarks(ports.rest));
  }
  if (type.kind !== 'sink') {
    out.push('', bold('Outputs'));
    if (ports.out)
      for (const [name, p] of ports.out)
        port(name, p, [p.many ? 'any number a cycle' : '', p.future ? 'known only later' : '']);
    else out.push('  depend on the options and the inputs');
  }
  const warmup = warmupOf(type);
  if (warmup)
    out.push(
      '',
      `${bold('Warm-up')}  with the defaults, silent before ${Object.entries(warmup)
        .map(([k, n]) => `${n} of ${k}`)
        .join(', ')}`,
    );
  if (type.reference) out.push('', `${bold('Source')}  ${wrap(type.reference, width, '').trimStart()}`);
  for (const e of type.examples ?? []) out.push('', bold(`Example: ${e.title}`), e.yaml.replace(/^/gm, '  ').trimEnd());
  return out.join('\n');
}
const inMarks = (p: InPort): string[] => [
  p.optional ? 'optional' : '',
  p.many ? 'a list' : '',
  p.key === 'none' ? 'one for all instruments' : p.key === 'any' ? 'all instruments together' : '',
];
const short = (v: unknown): string => {
  const s = JSON.stringify(v);
  return s.length > 40 ? `${s.slice(0, 39)}…` : s;
};
