import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { JsonSchema } from './config-schema.ts';
import { pipelineJsonSchema } from './json-schema.ts';
import { testingRegistry } from './testing-registry.ts';

const folder = new URL('./corpus/', import.meta.url);
const read = (name: string): unknown => parse(readFileSync(new URL(name, folder), 'utf8'));
const schema = JSON.parse(JSON.stringify(pipelineJsonSchema(testingRegistry))) as JsonSchema;

/** The keywords of draft 7 that the schema uses, after their definitions; paths of what does not hold. */
function errors(s: JsonSchema | boolean, value: unknown, path = ''): string[] {
  if (s === true) return [];
  if (s === false) return [path];
  const out: string[] = [];
  const ok = (sub: JsonSchema) => errors(sub, value, path).length === 0;
  if (typeof s['$ref'] === 'string') return errors(schema.definitions![s['$ref'].split('/').at(-1)!]!, value, path);
  const object =
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  const types: Record<string, boolean> = {
    object: object !== undefined,
    array: Array.isArray(value),
    string: typeof value === 'string',
    number: typeof value === 'number',
    integer: Number.isInteger(value),
    boolean: typeof value === 'boolean',
    null: value === null,
  };
  if (s.type !== undefined && ![s.type].flat().some((t) => types[t])) out.push(path);
  if (s.const !== undefined && s.const !== value) out.push(path);
  if (s.enum && !s.enum.includes(value)) out.push(path);
  if (typeof value === 'string' && s.pattern && !new RegExp(s.pattern, 'u').test(value)) out.push(path);
  if (typeof value === 'string' && typeof s['minLength'] === 'number' && value.length < s['minLength']) out.push(path);
  if (typeof value === 'number') {
    if (s.minimum !== undefined && value < s.minimum) out.push(path);
    if (s.maximum !== undefined && value > s.maximum) out.push(path);
    if (s.exclusiveMinimum !== undefined && value <= s.exclusiveMinimum) out.push(path);
  }
  if (Array.isArray(value)) {
    if (s.minItems !== undefined && value.length < s.minItems) out.push(path);
    if (s.items && !Array.isArray(s.items))
      for (const [i, v] of value.entries()) out.push(...errors(s.items, v, `${path}/${i}`));
  }
  if (object) {
    for (const k of s.required ?? []) if (!Object.hasOwn(object, k)) out.push(`${path}/${k}`);
    const names = s['propertyNames'] as JsonSchema | undefined;
    for (const [k, v] of Object.entries(object)) {
      if (names && errors(names, k).length > 0) out.push(`${path}/${k}`);
      const property = s.properties && Object.hasOwn(s.properties, k) ? s.properties[k] : undefined;
      if (property !== undefined) out.push(...errors(property, v, `${path}/${k}`));
      else if (s.additionalProperties === false) out.push(`${path}/${k}`);
      else if (s.additionalProperties && s.additionalProperties !== true)
        out.push(...errors(s.additionalProperties, v, `${path}/${k}`));
    }
  }
  for (const sub of s.allOf ?? []) out.push(...errors(sub, value, path));
  if (s.anyOf && !s.anyOf.some(ok)) out.push(path);
  if (s.oneOf && s.oneOf.filter(ok).length !== 1) out.push(path);
  if (s['if'] && ok(s['if'] as JsonSchema)) out.push(...errors(s['then'] as JsonSchema, value, path));
  return out;
}

describe('the JSON Schema of pipelines', () => {
  it('accepts every document of the corpus that is well formed', () => {
    expect(errors(schema, read('valid/whole.yaml'))).toEqual([]);
    const wellFormed = readdirSync(folder).filter((f) =>
      /^(future|key-(any|inh|none|unk)|service|tier|determinism|wiring-loop|param-(bad|unused)|cut|streams-(unknown|node|without|empty|silent))[\w-]*\.yaml$/.test(
        f,
      ),
    );
    expect(wellFormed.length).toBeGreaterThan(15);
    for (const f of wellFormed) expect([f, errors(schema, read(f))]).toEqual([f, []]);
  });
  it.each([
    ['config-unknown-option.yaml', '/nodes/fast/with/perod'],
    ['config-missing-option.yaml', '/nodes/atr/with/period'],
    ['config-missing-option-without-with.yaml', '/nodes/atr/with'],
    ['config-too-small.yaml', '/nodes/fast/with/period'],
    ['config-choice.yaml', '/nodes/atr/with/smoothing'],
    ['config-bad-duration.yaml', '/nodes/bars/with/width'],
    ['config-unknown-key-in-list.yaml', '/nodes/rules/with/rules'],
    ['field-unknown-node-key.yaml', '/nodes/fast/feedbak'],
    ['field-missing-type.yaml', '/nodes/fast/type'],
    ['field-bad-node-id.yaml', '/nodes/fastEma'],
    ['field-on-error.yaml', '/nodes/fast/on_error'],
    ['wiring-unknown-type.yaml', '/nodes/fast/type'],
    ['wiring-unknown-in-port.yaml', '/nodes/book/in'],
    ['wiring-missing-in-port.yaml', '/nodes/orders/in/top'],
    ['wiring-in-must-name.yaml', '/nodes/orders/in'],
    ['wiring-in-of-source.yaml', '/nodes/clock/in'],
    ['allow-without-reason.yaml', '/nodes/fast/allow/0/reason'],
    ['streams-bad-name.yaml', '/streams/mkt:{usdm}'],
    ['streams-not-a-list.yaml', '/streams/mkt'],
  ])('refuses %s at %s', (file, path) => {
    expect(errors(schema, read(file))).toContain(path);
  });
  it('shows summaries, meanings, defaults and in-ports to an editor', () => {
    const node = schema.definitions!['node']!;
    const types = node.properties!['type']!.anyOf!;
    expect(types.find((t) => t.const === 'feature.ema')!.description).toBe(
      'Exponential moving average with α = 2 / (period + 1).',
    );
    const branch = node.allOf!.find((b) => (b['if'] as JsonSchema).properties!['type']!.const === 'silver.time_bars')![
      'then'
    ] as JsonSchema;
    const options = branch.properties!['with']!.properties!;
    expect(options['grace']).toMatchObject({
      description: 'how long a closed bar waits for late trades',
      default: '1500ms',
    });
    expect(branch.properties!['with']!.required).toEqual(['width']);
    expect(JSON.stringify(schema)).not.toContain('x-duration');
  });
});
