import { type AnyNode, type InPort, type InPorts, inPortsOf, restOf } from '../node.ts';
import { nearest } from './nearest.ts';
import type { InputDraft } from './node-draft.ts';
import { listing, type Report } from './report.ts';
import { ID, type RawNode, repaired } from './shape.ts';
import { describe, isNull, isUnresolved, quote, type Span, type Tree, valueSpan } from './tree.ts';

/** Reads `in` against the type's in-ports: which port, which reference. References are resolved later. */
export function readInputs(raw: RawNode, type: AnyNode, report: Report): { inputs: InputDraft[]; complete: boolean } {
  const node = raw.id;
  const fixed: InPorts = inPortsOf(type);
  const rest = restOf(type);
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
    if (isUnresolved(value)) return;
    report.add('CHM103', span, `an input is a reference such as \`market.trade\`, not ${describe(value)}`, {
      help:
        value.kind === 'seq'
          ? 'an in-port has one producer; use one in-port for each, or a node that joins them'
          : 'write `in: market.trade`',
      node,
    });
  };

  if (type.kind === 'source') {
    if (entry)
      report.add('CHM211', entry.keySpan, `${type.type} is a source: it has no inputs`, { help: 'remove `in`', node });
    return { inputs, complete: !entry };
  }

  const written = new Set(entry?.value.kind === 'map' ? entry.value.entries.map((e) => e.key) : []);
  const open = new Set(required.filter((n) => !written.has(n)));
  if (entry?.value.kind === 'map') {
    for (const { key, keySpan, value } of entry.value.entries) {
      const span = value.span.end > value.span.start ? value.span : keySpan;
      const own = Object.hasOwn(fixed, key) ? fixed[key] : undefined;
      if (own) connect(key, keySpan, own, false, value, span);
      else if (rest && ID.test(key) && nearest(key, open) === undefined) connect(key, keySpan, rest, true, value, span);
      else {
        complete = false;
        if (rest && !ID.test(key)) {
          report.add('CHM105', keySpan, `${quote(key)} cannot be the name of an input`, {
            suggestion: repaired(key, /[^a-z0-9_]+/g),
            help: 'names are lower-case letters, digits and _, beginning with a letter',
            node,
          });
          continue;
        }
        const free = names.filter((n) => !written.has(n));
        const suggestion = nearest(key, free) ?? (free.length === 1 ? free[0] : undefined);
        // The unknown name is most likely the missing one: one finding for one mistake.
        if (suggestion !== undefined) open.delete(suggestion);
        report.add('CHM202', keySpan, `${type.type} has no in-port ${quote(key)}`, {
          suggestion,
          help: names.length > 0 ? `in-ports: ${listing(names)}` : `${type.type} has no in-ports`,
          node,
        });
      }
    }
  } else if (entry && !isNull(entry.value)) {
    const only = required.length === 1 ? required[0]! : names.length === 1 && !rest ? names[0]! : undefined;
    const text = entry.value.kind === 'scalar' && typeof entry.value.value === 'string' ? entry.value.value : undefined;
    if (text !== undefined && only === undefined) {
      const first = required[0] ?? names[0];
      const count = required.length === 0 ? 'no required in-port' : `${required.length} required in-ports`;
      report.add('CHM205', valueSpan(entry), `${type.type} has ${count}: \`in\` must name the port`, {
        help: `in-ports: ${listing(names)}${rest ? ', and names of your own' : ''}`,
        suggestion: first === undefined ? undefined : `{ ${first}: ${text} }`,
        node,
      });
    } else connect(only ?? '', entry.keySpan, fixed[only ?? '']!, false, entry.value, valueSpan(entry));
    return { inputs, complete: complete && text !== undefined && only !== undefined };
  }

  for (const port of open) {
    complete = false;
    const { schema, doc } = fixed[port]!;
    report.add('CHM204', entry?.keySpan ?? raw.idSpan, `in-port ${quote(port)} of ${type.type} is not connected`, {
      help: `it takes ${schema.name}${doc ? ` (${doc})` : ''}: write \`in: ${required.length === 1 ? 'node.port' : `{ ${port}: node.port }`}\``,
      node,
    });
  }
  return { inputs, complete };
}
