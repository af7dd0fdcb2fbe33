import { distance } from 'fastest-levenshtein';
import { type OutPorts, outPortsOf, type Wiring } from '../node.ts';
import { isNumberField, Scalar, type Schema } from '../schema/index.ts';
import { acceptsScalar, kindText, misfit, numberFields } from './compat.ts';
import { nearest } from './nearest.ts';
import type { EdgeDraft, InputDraft, NodeDraft } from './node-draft.ts';
import { listing, type Report } from './report.ts';
import { quote } from './tree.ts';

/** Resolves every reference and every node's out-ports; these may depend on the schemas that reach the node. */
export function resolveReferences(drafts: readonly NodeDraft[], report: Report): void {
  const byId = new Map(drafts.map((d) => [d.raw.id, d]));
  const state = new Map<NodeDraft, 'open' | 'done'>();

  const outsOf = (draft: NodeDraft): OutPorts | undefined => {
    if (state.get(draft) === 'done') return draft.outs;
    const { type } = draft;
    if (!type || (type.kind !== 'sink' && typeof type.ports.out === 'function' && !draft.config)) {
      state.set(draft, 'done');
      return undefined;
    }
    if (type.kind === 'sink' || typeof type.ports.out !== 'function') {
      draft.outs = type.kind === 'sink' ? {} : (type.ports.out as OutPorts);
      state.set(draft, 'done');
      return draft.outs;
    }
    if (state.get(draft) === 'open') {
      report.add('CHM209', draft.raw.idSpan, `the out-ports of ${quote(draft.raw.id)} depend on themselves`, {
        help: `the layout of ${type.type} follows from its inputs, and one of these follows from it: break the loop with a node of fixed layout`,
        node: draft.raw.id,
      });
      return undefined;
    }
    state.set(draft, 'open');
    for (const i of draft.inputs) resolve(i, draft);
    if (state.get(draft) === 'open' && draft.complete && draft.inputs.every((i) => i.edge)) {
      try {
        draft.outs = outPortsOf(type, draft.config!.config, wiringOf(draft));
      } catch (e) {
        report.add(
          'CHM115',
          draft.raw.with?.keySpan ?? draft.raw.idSpan,
          `${type.type} has no layout for this configuration: ${e instanceof Error ? e.message : String(e)}`,
          {
            node: draft.raw.id,
          },
        );
      }
    }
    state.set(draft, 'done');
    return draft.outs;
  };

  const resolved = new Set<InputDraft>();
  const resolve = (input: InputDraft, consumer: NodeDraft): void => {
    if (resolved.has(input)) return;
    resolved.add(input);
    input.edge = resolveOne(input, consumer, byId, outsOf, report);
  };
  for (const d of drafts) {
    outsOf(d);
    for (const i of d.inputs) resolve(i, d);
  }
}

/** Schemas of a node's inputs as its type's `check` and `out` functions see them. */
export function wiringOf(draft: NodeDraft): Wiring {
  const inputs: Record<string, Schema> = {};
  for (const i of draft.inputs) if (i.edge) inputs[i.port] = i.edge.schema;
  return { inputs };
}

function resolveOne(
  input: InputDraft,
  consumer: NodeDraft,
  byId: ReadonlyMap<string, NodeDraft>,
  outsOf: (d: NodeDraft) => OutPorts | undefined,
  report: Report,
): EdgeDraft | undefined {
  const node = consumer.raw.id;
  const { text, span } = input;
  const fail = (code: string, message: string, help?: string, suggestion?: string): undefined => {
    report.add(code, span, message, { help, suggestion, node });
    return undefined;
  };
  const parts = text.split('.');
  if (parts.length > 3 || !parts.every((p) => /^[A-Za-z0-9_$-]+$/.test(p)))
    return fail(
      'CHM207',
      `${quote(text)} is not a reference`,
      'write `node`, `node.port` or `node.port.field`',
      tidied(text),
    );
  const [id, second, third] = parts as [string, string?, string?];
  const producer = byId.get(id);
  if (!producer) {
    const suggestion = suggestNode(text, parts, byId);
    return fail(
      'CHM201',
      `unknown input ${quote(text)}`,
      `there is no node ${quote(id)}; nodes: ${listing([...byId.keys()])}`,
      suggestion,
    );
  }
  if (producer.type?.kind === 'sink')
    return fail('CHM208', `${quote(id)} is a sink: it has no out-ports`, 'connect to the node that feeds the sink');
  const outs = outsOf(producer);
  if (!outs) return undefined;
  const names = Object.keys(outs);
  const only = names.length === 1 ? names[0]! : undefined;

  let out: string;
  let field: string | undefined;
  if (second === undefined) {
    const own = only ?? (Object.hasOwn(outs, input.port) ? input.port : undefined);
    if (own === undefined) {
      const fitting = names.filter((n) => misfit(input.spec.schema, outs[n]!.schema) === undefined);
      return fail(
        'CHM206',
        `${quote(id)} has ${names.length} out-ports: which one feeds ${quote(input.port)}?`,
        `out-ports: ${listing(names)}`,
        fitting.length === 1 ? `${id}.${fitting[0]}` : undefined,
      );
    }
    out = own;
  } else if (Object.hasOwn(outs, second)) {
    out = second;
    field = third;
  } else if (third === undefined && only !== undefined && Object.hasOwn(outs[only]!.schema.fields, second)) {
    out = only;
    field = second;
  } else {
    const options =
      third === undefined && only !== undefined ? [...names, ...Object.keys(outs[only]!.schema.fields)] : names;
    const near = nearest(second, options);
    const fields = only === undefined ? '' : `; fields of ${only}: ${listing(Object.keys(outs[only]!.schema.fields))}`;
    return fail(
      'CHM201',
      `unknown input ${quote(text)}`,
      `out-ports of ${id}: ${listing(names, 20)}${third === undefined ? fields : ''}`,
      near === undefined ? undefined : [id, near, ...(third === undefined ? [] : [third])].join('.'),
    );
  }

  const port = outs[out]!;
  // A misspelt feedback port is reported once, and not as an open loop as well.
  // What a gateway brings in is an input of its own, never the same cycle's answer.
  const deferred =
    producer.type?.kind === 'gateway' ||
    producer.raw.feedback.some((f) => (Object.hasOwn(outs, f.text) ? f.text : nearest(f.text, names)) === out);
  const from = `${id}.${out}`;
  if (field !== undefined) {
    const f = Object.hasOwn(port.schema.fields, field) ? port.schema.fields[field] : undefined;
    if (!f) {
      const fields = Object.keys(port.schema.fields);
      const near = nearest(field, fields);
      return fail(
        'CHM201',
        `unknown input ${quote(text)}`,
        `fields of ${from}: ${listing(fields, 20)}`,
        near && `${from}.${near}`,
      );
    }
    if (!isNumberField(f))
      return fail(
        'CHM302',
        `the field \`${field}\` of ${from} is ${kindText(f)}: only one number can be taken out of a record`,
        `numbers of ${from}: ${listing(numberFields(port.schema), 20)}; or connect the whole record`,
      );
    if (!acceptsScalar(input.spec.schema))
      return fail(
        'CHM303',
        `in-port ${quote(input.port)} takes a ${input.spec.schema.name} record, not the single number ${quote(text)}`,
        'connect the whole record',
        misfit(input.spec.schema, port.schema) === undefined ? from : undefined,
      );
    if (port.many && !input.spec.many)
      return fail(
        'CHM308',
        `${from} can carry several records in a cycle; in-port ${quote(input.port)} takes one`,
        MANY_HELP,
      );
    return { producer, out, field, schema: Scalar, deferred };
  }

  const reason = misfit(input.spec.schema, port.schema);
  if (reason !== undefined) {
    const other = names.filter((n) => n !== out && misfit(input.spec.schema, outs[n]!.schema) === undefined);
    const numbers = acceptsScalar(input.spec.schema) ? numberFields(port.schema) : [];
    const field = numbers.includes(input.port) ? input.port : numbers.length === 1 ? numbers[0] : undefined;
    return fail(
      'CHM301',
      `${from} (${port.schema.name}) does not fit in-port ${quote(input.port)} (${input.spec.schema.name}): ${reason}`,
      numbers.length > 0
        ? `take one number out of the record: ${listing(
            numbers.map((n) => `${from}.${n}`),
            6,
          )}`
        : `${quote(input.port)} needs ${listing(
            Object.entries(input.spec.schema.fields).map(([n, f]) => `${n}: ${kindText(f)}`),
            8,
          ).replaceAll('"', '')}`,
      other.length === 1 ? `${id}.${other[0]}` : field === undefined ? undefined : `${from}.${field}`,
    );
  }
  if (port.many && !input.spec.many)
    return fail(
      'CHM308',
      `${from} can carry several records in a cycle; in-port ${quote(input.port)} takes one`,
      MANY_HELP,
    );
  return { producer, out, field: undefined, schema: port.schema, deferred };
}

const MANY_HELP =
  'put a `flow.flatten` between, which makes a cycle of each record, or a node that takes the list and sums it up';

function suggestNode(text: string, parts: readonly string[], byId: ReadonlyMap<string, NodeDraft>): string | undefined {
  const near = nearest(parts[0]!, byId.keys());
  if (near !== undefined) return [near, ...parts.slice(1)].join('.');
  // The node may have been left out: `trade` for `market.trade`.
  const owners = [...byId.values()].filter((d) => {
    const outs = fixedOuts(d);
    return outs !== undefined && Object.hasOwn(outs, parts[0]!);
  });
  if (owners.length === 1) return `${owners[0]!.raw.id}.${text}`;
  // The dot may have been mistyped.
  if (parts.length > 1) return undefined;
  const all = [...byId.values()].flatMap((d) => {
    const outs = fixedOuts(d);
    return Object.keys(outs ?? {}).map((port) => `${d.raw.id}.${port}`);
  });
  const whole = nearest(text, all);
  return whole !== undefined && distance(text, whole) <= 2 ? whole : undefined;
}

/** Out-ports as far as they are known by now: a suggestion must not start resolving other nodes. */
function fixedOuts(d: NodeDraft): OutPorts | undefined {
  if (d.outs || !d.type || d.type.kind === 'sink') return d.outs;
  return typeof d.type.ports.out === 'function' ? undefined : (d.type.ports.out as OutPorts);
}

function tidied(text: string): string | undefined {
  const clean = text
    .trim()
    .replace(/\s*[./:>]+-?>?\s*/g, '.')
    .replace(/^\.+|\.+$/g, '');
  return clean !== text && /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){0,2}$/.test(clean) ? clean : undefined;
}
