import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { decode, encode } from '../../graph/codec/index.ts';
import { configSchema } from '../../graph/document/config-schema.ts';
import { loadPipeline } from '../../graph/document/load.ts';
import type { PipelineNode } from '../../graph/document/types.ts';
import { type AnyNode, type InPort, inPortsOf, type OutPort, restOf, type StepNode } from '../../graph/node.ts';
import { KeyTable, type Schema } from '../../graph/schema/index.ts';
import { registry } from '../cli/registry.ts';

/**
 * What a stored state and a stored stream depend on, by node type: its options, its ports and the form of its state. A
 * change without a new `version` would let a checkpoint of yesterday go on under another meaning. After a wanted
 * change, with its version raised: `UPDATE_GOLDEN=1 npx vitest run ui/run/golden-states.test.ts`, then read the difference.
 */
const GOLDEN = fileURLToPath(new URL('./golden-states.golden.json', import.meta.url));
interface Spec {
  version: number;
  options: string;
  ports: string;
  /** Form of the cold state: names and kinds, not values. */
  state?: string;
}

const pipelines = fileURLToPath(new URL('../../pipelines/', import.meta.url));
const yaml = (dir: string) =>
  readdirSync(join(pipelines, dir))
    .filter((f) => /(?<!\.test)\.yaml$/.test(f))
    .map((f) => readFileSync(join(pipelines, dir, f), 'utf8'));
const profile = { file: 'replay.yaml', text: readFileSync(join(pipelines, 'profiles/replay.yaml'), 'utf8') };
/** Nodes as examples and pipelines use them: for types whose options have no defaults, or whose ports follow from the wiring. */
const used = new Map<string, PipelineNode>();
const texts = [...yaml('.'), ...yaml('bench'), ...[...registry].flatMap((t) => t.examples?.map((e) => e.yaml) ?? [])];
for (const text of texts)
  for (const options of [{}, { profile }])
    for (const n of loadPipeline(text, 'x.yaml', registry, options).pipeline?.nodes ?? [])
      if (!used.has(n.type.type)) used.set(n.type.type, n);

/** Options of types that have no defaults and stand in no example. */
const BY_HAND: Readonly<Record<string, unknown>> = {
  'silver.dollar_bars': { threshold: '1000000' },
  'label.dataset_row': { horizons: ['1m'] },
};
function configOf(type: AnyNode): unknown {
  for (const options of [{}, BY_HAND[type.type]]) {
    const parsed = type.config.safeParse(options);
    if (parsed.success) return parsed.data;
  }
  return used.get(type.type)?.config;
}
const coldState = (type: StepNode): unknown =>
  type.state(configOf(type) as never, new KeyTable().declare('usdm:BTCUSDT', 2, 3));

const hash = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);
const schemaOf = (s: Schema) => [
  s.name,
  s.version,
  Object.entries(s.fields).map(([name, f]) => [name, { ...f, doc: undefined }]),
];
function specOf(type: AnyNode): Spec {
  const port = ([name, p]: [string, InPort | OutPort]) => [
    name,
    schemaOf(p.schema),
    { ...p, schema: 0, doc: undefined },
  ];
  const ins = Object.entries(inPortsOf(type)).map(port);
  const rest = restOf(type);
  const out = type.kind === 'sink' ? {} : type.ports.out;
  const outs = typeof out === 'function' ? 'by options and wiring' : Object.entries<OutPort>(out).map(port);
  const options = JSON.stringify(configSchema(type), (key, v: unknown) => (key === 'description' ? undefined : v));
  return {
    version: type.version,
    options: hash(options),
    ports: hash([ins, rest ? port(['', rest]) : 0, outs]),
    ...(type.kind === 'step' ? { state: hash(formOf(coldState(type))) } : {}),
  };
}
/** Names and kinds of everything in a state; elements of lists by the first one, because their number may follow options. */
function formOf(v: unknown): unknown {
  if (v === null || typeof v !== 'object') return v === null ? 'null' : typeof v;
  if (ArrayBuffer.isView(v)) return v.constructor.name;
  if (Array.isArray(v)) return ['list', v.length > 0 ? formOf(v[0]) : 'empty'];
  if (v instanceof Map || v instanceof Set) return v.constructor.name;
  return Object.entries(v).map(([name, x]) => [name, formOf(x)]);
}

const steps = [...registry].filter((t): t is StepNode => t.kind === 'step');
const golden = (): Record<string, Spec> => JSON.parse(readFileSync(GOLDEN, 'utf8')) as Record<string, Spec>;

describe('every node type', () => {
  it.each(steps.map((t) => t.type))('%s has a cold state that a checkpoint carries unchanged', (name) => {
    const type = registry.get(name) as StepNode;
    expect(configOf(type), `${name} has options without defaults and no example: add one`).toBeDefined();
    const state = coldState(type);
    const bytes = encode(state);
    const back = decode(bytes);
    expect(back).toEqual(state);
    expect(formOf(back)).toEqual(formOf(state));
    expect(encode(back)).toEqual(bytes);
    // Two instances share nothing.
    expect(encode(coldState(type))).toEqual(bytes);
  });

  it('has a new version when its options, its ports or the form of its state are not what they were', () => {
    const now = Object.fromEntries([...registry].map((t) => [t.type, specOf(t)]));
    if (process.env['UPDATE_GOLDEN']) writeFileSync(GOLDEN, `${JSON.stringify(now, null, 2)}\n`);
    const problems: string[] = [];
    for (const [type, was] of Object.entries(golden())) {
      const is = now[type];
      if (!is)
        problems.push(
          `${type} is gone: pipelines that use it no longer lint; remove it from the golden file if that is wanted`,
        );
      else problems.push(...judge(type, was, is));
    }
    for (const type of Object.keys(now)) if (!golden()[type]) problems.push(`${type} is new: ${UPDATE}`);
    expect(problems).toEqual([]);
  });

  it('is told what to do when it changes without a new version', () => {
    const was: Spec = { version: 2, options: 'a', ports: 'b', state: 'c' };
    expect(judge('feature.ema', was, was)).toEqual([]);
    expect(judge('feature.ema', was, { ...was, ports: 'x' })).toEqual([
      'feature.ema changed its ports at version 2: raise `version` to 3, add `migrate` if old states can be kept, then UPDATE_GOLDEN=1',
    ]);
    expect(judge('feature.ema', was, { ...was, options: 'x', state: 'y' })[0]).toContain(
      'changed its options and the form of its state at version 2',
    );
    expect(judge('feature.ema', was, { ...was, version: 3, state: 'y' })).toEqual([
      'feature.ema is at version 3 now: UPDATE_GOLDEN=1',
    ]);
    expect(judge('feature.ema', was, { ...was, version: 1 })[0]).toContain('went back from version 2 to 1');
  });
});

const UPDATE = 'UPDATE_GOLDEN=1';
function judge(type: string, was: Spec, is: Spec): string[] {
  if (is.version < was.version)
    return [`${type} went back from version ${was.version} to ${is.version}: versions only rise`];
  if (is.version > was.version) return [`${type} is at version ${is.version} now: ${UPDATE}`];
  const changed = [
    was.options === is.options ? '' : 'its options',
    was.ports === is.ports ? '' : 'its ports',
    was.state === is.state ? '' : 'the form of its state',
  ].filter((c) => c !== '');
  if (changed.length === 0) return [];
  return [
    `${type} changed ${changed.join(' and ')} at version ${was.version}: raise \`version\` to ${was.version + 1}, add \`migrate\` if old states can be kept, then ${UPDATE}`,
  ];
}
