import { createHash } from 'node:crypto';
import type { OutPorts } from '../node.ts';
import type { Field, Schema } from '../schema/index.ts';
import type { PipelineNode } from './types.ts';

/**
 * sha256 over everything that can change an output: node ids and their order, types with versions, configurations,
 * keys, wiring, record schemas, feedback, delays and error policies. Names of pipeline and services, comments, docs,
 * the order of keys and the form of a value (`60s`, `1m`) are not in it.
 */
export function graphHash(nodes: readonly PipelineNode[]): string {
  const form = nodes.map((n) => ({
    id: n.id,
    type: n.type.type,
    version: n.type.version,
    config: n.config,
    key: n.key,
    inputs: n.inputs.map((e) => ({
      port: e.port,
      rest: e.rest,
      node: e.node,
      out: e.out,
      field: e.field ?? null,
      schema: schemaForm(e.schema),
      key: e.spec.key,
      many: e.spec.many,
      passive: e.spec.passive,
    })),
    out: outForm(n.out),
    feedback: [...n.feedback].sort(),
    delay_us: n.delayUs,
    on_error: n.onError,
  }));
  return createHash('sha256')
    .update(canonical({ chimera: 1, nodes: form }))
    .digest('hex');
}

const outForm = (out: OutPorts) =>
  Object.entries(out).map(([name, p]) => ({
    name,
    schema: schemaForm(p.schema),
    many: p.many,
    key: p.key,
    keyed: p.keyed,
    // Absent where it does not apply: hashes of graphs without it are what they were.
    successive: p.successive,
  }));

const schemaForm = (s: Schema) => ({
  name: s.name,
  version: s.version,
  fields: Object.entries(s.fields).map(([name, f]) => ({ name, ...fieldForm(f) })),
});
function fieldForm(f: Field): Record<string, unknown> {
  if (f.kind === 'oneOf') return { kind: f.kind, values: f.values };
  if (f.kind === 'list') return { kind: f.kind, of: f.of };
  if (f.kind === 'bool' || f.kind === 'text') return { kind: f.kind };
  return { kind: f.kind, nullable: f.nullable };
}

/** JSON with sorted keys, where every value that JSON would lose or merge has a form of its own. */
export function canonical(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'boolean':
      return String(value);
    case 'number':
      return Number.isFinite(value) ? (Object.is(value, -0) ? '-0' : String(value)) : `{"$number":"${value}"}`;
    case 'bigint':
      return `{"$bigint":"${value}"}`;
    case 'undefined':
      return '{"$undefined":1}';
    case 'object':
      break;
    default:
      return `{"$${typeof value}":${JSON.stringify(String(value))}}`;
  }
  if (value === null) return 'null';
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value instanceof Map)
    return `{"$map":[${[...value].map(([k, v]) => `[${canonical(k)},${canonical(v)}]`).join(',')}]}`;
  if (value instanceof Set) return `{"$set":[${[...value].map(canonical).join(',')}]}`;
  if (value instanceof Date || value instanceof RegExp)
    return `{"$${value.constructor.name}":${JSON.stringify(String(value instanceof Date ? value.getTime() : value))}}`;
  if (ArrayBuffer.isView(value))
    return `{"$${value.constructor.name}":[${Array.from(value as unknown as ArrayLike<number>, canonical).join(',')}]}`;
  const entries = Object.entries(value)
    .filter(([, v]) => v !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([k, v]) => `${JSON.stringify(k)}:${canonical(v)}`).join(',')}}`;
}
