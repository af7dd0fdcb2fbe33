import { z } from 'zod';
import type { AnyNode } from '../node.ts';
import { formatDuration } from './duration.ts';

/** The part of JSON Schema that configuration schemas use. */
export interface JsonSchema {
  [keyword: string]: unknown;
  type?: string | string[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema | JsonSchema[];
  additionalProperties?: boolean | JsonSchema;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  allOf?: JsonSchema[];
  enum?: unknown[];
  const?: unknown;
  description?: string;
  default?: unknown;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  pattern?: string;
  minItems?: number;
  maxItems?: number;
  definitions?: Record<string, JsonSchema>;
}

const cache = new WeakMap<AnyNode, JsonSchema>();

/** JSON Schema (draft 7) of a type's configuration as it is written in a document. Durations and their defaults are text. */
export function configSchema(type: AnyNode): JsonSchema {
  const known = cache.get(type);
  if (known) return known;
  const schema = z.toJSONSchema(type.config as z.ZodType, {
    io: 'input',
    target: 'draft-7',
    unrepresentable: 'any',
    cycles: 'ref',
    reused: 'inline',
  }) as JsonSchema;
  delete schema['$schema'];
  tidy(schema);
  // A default on a piped type (a duration) is left out by the generator: ask the schema itself.
  const shape = (type.config as z.ZodObject).shape as Record<string, z.ZodType> | undefined;
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (property.default !== undefined || !shape?.[name]) continue;
    const parsed = shape[name].safeParse(undefined);
    if (parsed.success && parsed.data !== undefined) property.default = asWritten(property, parsed.data);
  }
  if (schema.required)
    schema.required = schema.required.filter((name) => {
      const field = shape?.[name];
      return !field?.safeParse(undefined).success;
    });
  cache.set(type, schema);
  return schema;
}

/** A parsed value in the form in which a document has it. */
function asWritten(schema: JsonSchema, value: unknown): unknown {
  if (schema['x-duration'] && typeof value === 'number' && Number.isSafeInteger(value) && value >= 0)
    return formatDuration(value);
  return value;
}

function tidy(schema: JsonSchema): void {
  if (schema.default !== undefined) schema.default = asWritten(schema, schema.default);
  // Bounds of safe integers say nothing to a reader.
  if (schema.maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
  if (schema.minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  for (const child of children(schema)) tidy(child);
}

export function children(schema: JsonSchema): JsonSchema[] {
  const list = [
    ...Object.values(schema.properties ?? {}),
    ...(schema.anyOf ?? []),
    ...(schema.oneOf ?? []),
    ...(schema.allOf ?? []),
    ...(Array.isArray(schema.items) ? schema.items : schema.items ? [schema.items] : []),
    ...Object.values(schema.definitions ?? {}),
  ];
  if (schema.additionalProperties && typeof schema.additionalProperties === 'object')
    list.push(schema.additionalProperties);
  return list;
}

/** The schema at a path; undefined behind a choice that does not have the key. */
export function schemaAt(schema: JsonSchema, path: readonly PropertyKey[]): JsonSchema | undefined {
  if (path.length === 0) return schema;
  const [head, ...rest] = path;
  if (typeof head === 'number') {
    const item = Array.isArray(schema.items) ? schema.items[head] : schema.items;
    if (item) return schemaAt(item, rest);
  } else {
    const name = String(head);
    const property = schema.properties && Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;
    if (property) return schemaAt(property, rest);
    if (schema.additionalProperties && typeof schema.additionalProperties === 'object')
      return schemaAt(schema.additionalProperties, rest);
  }
  for (const option of [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])]) {
    const found = schemaAt(option, path);
    if (found) return found;
  }
  return undefined;
}

/** Keys that an object schema declares, choices included. */
export function keysOf(schema: JsonSchema | undefined): string[] {
  if (!schema) return [];
  const keys = new Set(Object.keys(schema.properties ?? {}));
  for (const option of [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])])
    for (const key of keysOf(option)) keys.add(key);
  return [...keys];
}

/** `bars, default 14, at least 2`: what a reader needs to know of one option, in one line. */
export function optionHelp(name: string, schema: JsonSchema | undefined): string | undefined {
  if (!schema) return undefined;
  const parts = [typeText(schema)];
  const bounds = boundsText(schema);
  if (bounds) parts.push(bounds);
  if (schema.default !== undefined) parts.push(`default ${JSON.stringify(schema.default)}`);
  return `\`${name}\`: ${parts.join(', ')}${schema.description ? ` (${schema.description})` : ''}`;
}

export function typeText(schema: JsonSchema): string {
  if (schema['x-duration']) return 'duration';
  if (schema.const !== undefined) return JSON.stringify(schema.const).replaceAll('"', '');
  if (schema.enum) return `one of ${schema.enum.map((v) => String(v)).join(', ')}`;
  const options = schema.anyOf ?? schema.oneOf;
  if (options && options.length > 0) return [...new Set(options.map(typeText))].join(' or ');
  if (Array.isArray(schema.type)) return schema.type.map((t) => WORDS[t] ?? t).join(' or ');
  if (schema.type === 'array') {
    const item = Array.isArray(schema.items) ? undefined : schema.items;
    return item && Object.keys(item).length > 0 ? `list of ${plural(typeText(item))}` : 'list';
  }
  return WORDS[schema.type ?? ''] ?? 'any value';
}
const WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'number',
  integer: 'whole number',
  boolean: 'true or false',
  object: 'mapping',
  null: 'nothing',
};
const plural = (word: string): string =>
  /^(number|whole number|mapping|duration)$/.test(word) ? `${word}s` : word === 'text' ? 'texts' : word;

export function boundsText(schema: JsonSchema): string {
  const parts: string[] = [];
  if (schema.minimum !== undefined) parts.push(`at least ${schema.minimum}`);
  if (schema.exclusiveMinimum !== undefined) parts.push(`more than ${schema.exclusiveMinimum}`);
  if (schema.maximum !== undefined) parts.push(`at most ${schema.maximum}`);
  if (schema.exclusiveMaximum !== undefined) parts.push(`less than ${schema.exclusiveMaximum}`);
  if (schema.minItems !== undefined) parts.push(`${schema.minItems} or more items`);
  if (schema.maxItems !== undefined) parts.push(`${schema.maxItems} items at most`);
  return parts.join(', ');
}
