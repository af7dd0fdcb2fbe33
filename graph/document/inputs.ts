import { type AnyNode, type InPort, type InPorts, inPortsOf } from '../node.ts';
import { nearest } from './nearest.ts';
import type { InputDraft } from './node-draft.ts';
import { listing, type Report } from './report.ts';
import { ID, type RawNode } from './shape.ts';
import { describe, isNull, quote, type Span, type Tree, valueSpan } from './tree.ts';

/** Reads `in` against the type's in-ports: which port, which reference. References are resolved later. */
export function readInputs(raw: RawNode, type: AnyNode, report: Report): { inputs: InputDraft[]; complete: boolean } {
  const node = raw.id;
  const fixed: InPorts = inPortsOf(type);
  const rest: InPort | undefined = type.kind === 'step' || type.kind === 'sink' ? type.ports.rest : undefined;
  const names = Object.keys(fixed);
  const required = names.filter((n) => !fixed[n]!.optional);
  const entry = raw.in;
  const inputs: InputDraft[] = [];
  let complete = true;

  const connect = (port: string, portSpan: Span, spec: InPort, isRest: boolean, value: Tree, span: Span): void => {
    if (value.kind === 'scalar' && typeof value.value === 'string' && value.value !== '') {
      inputs.push({ port, portSpan, spec, rest: isRest, text: value.value, span, edge: undefined });
      return;
    }
    complete = false;
    report.add('CHM103', span, `an input is a reference such as \`market.trade\`, not ${describe(value)}`, {
      help: value.kind === 'seq' ? 'an in-port has one producer; use one in-port for each, or a node that joins them' : 'write `in: market.trade`',
      node,
    });
  };

  if (type.kind === 'source') {
    if (entry)
      report.add('CHM211', entry.keySpan, `${type.type} is a source: it has no inputs`, { help: 'remove `in`', node });
    return { inputs, complete: !entry };
  }

  if (entry?.value.kind === 'map') {
    for (const { key, keySpan, value } of entry.value.entries) {
      const span = value.span.end > value.span.start ? value.span : keySpan;
      const own = Object.hasOwn(fixed, key) ? fixed[key] : undefined;
      if (own) connect(key, keySpan, own, false, value, span);
      else if (rest) {
        if (ID.test(key)) connect(key, keySpan, rest, true, value, span);
        else {
          complete = false;
          report.add('CHM105', keySpan, `${quote(key)} cannot be the name of an input`, {
            help: 'names are lower-case letters, digits and _, beginning with a letter',
            node,
          });
        }
      } else {
        complete = false;
        const open = names.filter((n) => !entry.value || entry.value.kind !== 'map' || !entry.value.entries.some((e) => e.key === n));
        report.add('CHM202', keySpan, `${type.type} has no in-port ${quote(key)}`, {
          suggestion: nearest(key, open) ?? (open.length === 1 ? open[0] : undefined),
          help: `in-ports: ${listing(names)}`,
          node,
        });
      }
    }
  } else if (entry && !(isNull(entry.value) && required.length === 0)) {
    const span = valueSpan(entry);
    const only = required.length === 1 ? required[0]! : names.length === 1 && !rest ? names[0]! : undefined;
    if (entry.value.kind === 'scalar' && typeof entry.value.value === 'string' && only === undefined) {
      complete = false;
      const first = required[0] ?? names[0] ?? 'x';
      report.add('CHM205', span, `${type.type} has ${required.length === 0 ? 'no required in-port' : `${required.length} required in-ports`}: \`in\` must name the port`, {
        help: `in-ports: ${listing(names)}${rest ? ', and names of your own' : ''}; write \`in: { ${first}: ${entry.value.value} }\``,
        suggestion: names.length > 0 ? `{ ${first}: ${entry.value.value} }` : undefined,
        node,
      });
    } else if (isNull(entry.value)) {
      // An empty `in:` connects nothing: the ports it should have connected are reported below.
    } else connect(only ?? '', entry.keySpan, fixed[only ?? ''] ?? rest!, false, entry.value, span);
  }

  // An unknown name is most likely the missing one: one finding for one mistake.
  const connected = new Set(inputs.map((i) => i.port));
  const missing = required.filter((n) => !connected.has(n));
  const strangers = entry?.value.kind === 'map' && !rest ? entry.value.entries.filter((e) => !Object.hasOwn(fixed, e.key)).length : 0;
  const hidden = entry?.value.kind === 'map' ? entry.value.entries.filter((e) => missing.includes(e.key)).length : 0;
  if (entry && entry.value.kind !== 'map' && !isNull(entry.value)) return { inputs, complete: complete && missing.length === 0 };
  const open = missing.filter((n) => !(entry?.value.kind === 'map' && entry.value.entries.some((e) => e.key === n)));
  if (hidden > 0 || missing.length > 0) complete = false;
  if (open.length > strangers)
    for (const port of open.slice(strangers))
      report.add('CHM204', entry?.keySpan ?? raw.idSpan, `in-port ${quote(port)} of ${type.type} is not connected`, {
        help: `it takes ${fixed[port]!.schema.name}${fixed[port]!.doc ? ` (${fixed[port]!.doc})` : ''}: write \`in: ${required.length === 1 ? 'node.port' : `{ ${port}: node.port }`}\``,
        node,
      });
  return { inputs, complete };
}
