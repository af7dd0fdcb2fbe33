import { type Field, isNumberField, type KeyInfo, type NumberField, type Schema, type Vec } from '../schema/index.ts';
import type { Clock } from './clock.ts';
import { type Fielded, ManySlot, PooledSlot, slotClass } from './slot.ts';
import type { Watcher } from './tap.ts';

/** What plan time knows of an out-port. */
export interface PortSpec {
  readonly node: string;
  readonly port: string;
  readonly schema: Schema;
  readonly many: boolean;
  /** Emits any number of records, each of which is delivered by itself. */
  readonly successive: boolean;
  /** Records of an unkeyed node that carry a key each. */
  readonly keyed: boolean;
  /** Fields that edges take out of the record. */
  readonly picks: readonly { readonly field: string; readonly schema: Schema }[];
  /** Some consumer reads all keys at once. */
  readonly any: boolean;
}

/** The run-time side of an out-port of one instance. */
export interface Port {
  /** The last value, or the list of a `many` port. */
  readonly slot: Fielded | PooledSlot;
  readonly picks: Fielded[];
  /** Shared by all instances of the node. */
  readonly any: ManySlot | undefined;
  /** `keyed` ports: each key's own records. */
  readonly byKey: ManySlot[];
}

export function createPort(spec: PortSpec, clock: Clock, key: KeyInfo | undefined, any: ManySlot | undefined): Port {
  const k = key?.index ?? -1;
  return {
    slot: takesList(spec) ? new PooledSlot(clock, spec.schema, k) : new (slotClass(spec.schema))(clock, k),
    picks: spec.picks.map((p) => new (slotClass(p.schema))(clock, k)),
    any,
    byKey: [],
  };
}

/** Whether the port holds all records of a cycle. */
const takesList = (spec: PortSpec): boolean => spec.many || spec.successive;

/** The list of a keyed port's records for one key. */
export function keyList(port: Port, key: number, clock: Clock): ManySlot {
  while (port.byKey.length <= key) port.byKey.push(new ManySlot(clock));
  return port.byKey[key]!;
}

const MAX = Number.MAX_SAFE_INTEGER;

/** Thrown inside a cycle; the engine adds node and seq. */
export class EmissionError extends Error {
  readonly code: string;
  readonly field: string | undefined;
  constructor(code: string, message: string, field?: string) {
    super(message);
    this.code = code;
    this.field = field;
  }
}
function refuse(port: string, field: string, f: Field, value: unknown): never {
  if (isNumberField(f) && f.kind !== 'f64' && typeof value === 'number' && Number.isFinite(value)) {
    const why = Number.isInteger(value) ? 'is beyond 2^53' : 'is not an integer';
    throw new EmissionError('CHM702', `${port}.${field} ${why}: ${value}`, field);
  }
  if (f.kind === 'oneOf')
    throw new EmissionError('CHM701', `${port}.${field} is none of ${f.values.join(', ')}: ${value}`, field);
  throw new EmissionError(
    'CHM701',
    `${port}.${field} is not a ${isNumberField(f) ? 'finite number' : f.kind}: ${value}`,
    field,
  );
}
function twice(port: string): never {
  throw new EmissionError('CHM704', `port ${port} was written twice in one cycle; declare it many, or emit once`);
}

/** Whether a value is a window of numbers. What is in it is not looked at: a ladder has thousands of levels. */
function isList(list: unknown): boolean {
  const { data, start, end } = (list ?? {}) as Partial<Vec>;
  return data instanceof Float64Array && start! >= 0 && end! >= start! && end! <= data.length;
}
/** The key that a record of a `keyed` port names. */
function keyOf(record: { key?: number }, port: string): number {
  const { key } = record;
  if (key === undefined || !(key >= 0) || !Number.isInteger(key))
    throw new EmissionError('CHM701', `a record on ${port} names no key: ${key}`, 'key');
  return key;
}
/** Amounts without an instrument have no decimals. */
const NO_KEY = { pxScale: 1, qtyScale: 1 } as const;

/** The check of one value, as source text: throws on a non-finite or unsafe number. `v` names the value. */
function checkText(f: Field, v: string, bad: string): string {
  if (f.kind === 'bool') return `if (typeof ${v} !== 'boolean') ${bad};`;
  if (f.kind === 'text') return `if (typeof ${v} !== 'string') ${bad};`;
  if (f.kind === 'oneOf') return `if (${f.values.map((x) => `${v} !== ${JSON.stringify(x)}`).join(' && ')}) ${bad};`;
  if (f.kind === 'list') return `if (!isList(${v})) ${bad};`;
  const n = f as NumberField;
  // `typeof`, because null, true and '5' minus themselves are 0 too.
  const fails =
    n.kind === 'f64'
      ? `!(typeof ${v} === 'number' && ${v} - ${v} === 0)`
      : `!(Math.floor(${v}) === ${v} && ${v} <= ${MAX} && ${v} >= -${MAX})`;
  return n.nullable ? `if (${fails} && ${v} === ${v}) ${bad};` : `if (${fails}) ${bad};`;
}

/** `value in units` of a picked field, as source text. */
export function pickText(schema: Schema, field: string, value: string): string {
  const f = schema.fields[field]!;
  switch (f.kind) {
    case 'px':
      return `${value} / k.pxScale`;
    case 'qty':
      return `${value} / k.qtyScale`;
    case 'quote':
      return `${value} / (k.pxScale * k.qtyScale)`;
    case 'money':
      return `${value} / 1e8`;
    case 'bool':
      return `(${value} ? 1 : 0)`;
    default:
      return value;
  }
}

/** The same for one value; without a key amounts of an instrument have no decimals. */
export function inUnits(kind: Field['kind'], value: unknown, key: KeyInfo | undefined): number {
  const v = Number(value);
  const { pxScale, qtyScale } = key ?? NO_KEY;
  if (kind === 'px') return v / pxScale;
  if (kind === 'qty') return v / qtyScale;
  if (kind === 'quote') return v / (pxScale * qtyScale);
  return kind === 'money' ? v / 1e8 : v;
}

/** What follows a record's assignment: picks, the list of all keys, the tap. Names: r (record), n (cycle). */
function afterText(spec: PortSpec, tapped: boolean, o: number): string {
  const picks = spec.picks.map((p, i) => {
    const value = pickText(spec.schema, p.field, `r[${JSON.stringify(p.field)}]`);
    return `{ const x = ${value}; if (x === x) { const p = this.p${o}_${i}; p.value = x; p.stamp = n; p.time = r.time; p.seen = true; } }`;
  });
  const scales = spec.picks.length > 0 ? 'const k = this.k;' : '';
  return [scales, ...picks, spec.any ? `this.any${o}.add(r);` : '', tapped ? `this.tap${o}.push(r);` : ''].join('\n');
}
const membersText = (spec: PortSpec, tapped: boolean, o: number): string =>
  [
    `this.port${o} = ports[${o}]; this.slot${o} = ports[${o}].slot;`,
    ...spec.picks.map((_, i) => `this.p${o}_${i} = ports[${o}].picks[${i}];`),
    spec.any ? `this.any${o} = ports[${o}].any;` : '',
    tapped ? `this.tap${o} = taps[${o}];` : '',
  ].join(' ');

type Build<T> = new (
  ports: readonly Port[],
  key: KeyInfo | undefined,
  clock: Clock,
  taps: readonly (Watcher | undefined)[],
) => T;
const classes = new Map<string, Build<unknown>>();
/** One class per layout, not per node: instances of all nodes of a type stay monomorphic in their shared `step`. */
function classOf<T>(text: string, specs: readonly PortSpec[]): Build<T> {
  const id = `${text}//${JSON.stringify(specs.map((s) => s.schema.fields))}`;
  let found = classes.get(id);
  if (!found) {
    const fields = specs.map((s) => s.schema.fields);
    found = new Function('refuse', 'twice', 'isList', 'keyOf', 'keyList', 'fields', 'NO_KEY', `return ${text}`)(
      refuse,
      twice,
      isList,
      keyOf,
      keyList,
      fields,
      NO_KEY,
    ) as Build<unknown>;
    classes.set(id, found);
  }
  return found as Build<T>;
}

/** An instance's `emit` object: one generated method per out-port, which checks and stores the record. */
export function createEmit(
  specs: readonly PortSpec[],
  ports: readonly Port[],
  key: KeyInfo | undefined,
  clock: Clock,
  taps: readonly (Watcher | undefined)[],
): Record<string, (values: unknown) => void> {
  const methods = specs.map((spec, o) => emitText(spec, taps[o] !== undefined, o));
  const text = `class Emit {
    constructor(ports, key, clock, taps) {
      this.k = key ?? NO_KEY; this.clock = clock;
      ${specs.map((spec, o) => membersText(spec, taps[o] !== undefined, o)).join('\n')}
    }
    ${methods.join('\n')}
  }`;
  return new (classOf<Record<string, (values: unknown) => void>>(text, specs))(ports, key, clock, taps);
}

function emitText(spec: PortSpec, tapped: boolean, o: number): string {
  const name = JSON.stringify(spec.port);
  const fields = Object.entries(spec.schema.fields);
  const read = fields.map(([field, f], i) => {
    const id = JSON.stringify(field);
    return `const x${i} = v[${id}]; ${checkText(f, `x${i}`, `refuse(${name}, ${id}, fields[${o}][${id}], x${i})`)}`;
  });
  const assign = fields.map(([field, f], i) =>
    f.kind === 'list'
      ? `r[${JSON.stringify(field)}].set(x${i}.data, x${i}.start, x${i}.end);`
      : `r[${JSON.stringify(field)}] = x${i};`,
  );
  const slot = takesList(spec)
    ? `const r = this.slot${o}.next();`
    : `const r = this.slot${o}; if (r.stamp === n) twice(${name});`;
  const keyed = spec.keyed ? `r.key = key; keyList(this.port${o}, key, clock).add(r);` : '';
  return `${name}(v) {
      ${read.join('\n')}
      ${spec.keyed ? `const key = keyOf(v, ${name});` : ''}
      const { clock } = this, n = clock.n;
      ${slot}
      ${assign.join('\n')}
      r.stamp = n; r.time = clock.now; r.seen = true;
      ${keyed}
      ${afterText(spec, tapped, o)}
    }`;
}

/** Loads a source's rows from block columns into a slot: the generated counterpart of an emission, for inputs. */
export interface Loader {
  /** @param key only for records of an unkeyed node that carry a key each */
  load(columns: readonly unknown[], row: number, key?: number): void;
}
export function createLoader(
  spec: PortSpec,
  port: Port,
  key: KeyInfo | undefined,
  clock: Clock,
  tap: Watcher | undefined,
): Loader {
  const assign = Object.entries(spec.schema.fields).map(([name, f], i) => {
    const target = `r[${JSON.stringify(name)}]`;
    if (f.kind === 'list') return `{ const c = cols[${i}]; ${target}.set(c.values, c.offsets[i], c.offsets[i + 1]); }`;
    if (f.kind === 'bool') return `${target} = cols[${i}][i] !== 0;`;
    if (f.kind === 'oneOf') return `${target} = fields[0][${JSON.stringify(name)}].values[cols[${i}][i]];`;
    return `${target} = cols[${i}][i];`;
  });
  const text = `class Load {
    constructor(ports, key, clock, taps) { this.k = key ?? NO_KEY; this.clock = clock; ${membersText(spec, tap !== undefined, 0)} }
    load(cols, i${spec.keyed ? ', key' : ''}) {
      const { clock } = this, n = clock.n;
      const r = ${takesList(spec) ? 'this.slot0.next()' : 'this.slot0'};
      ${assign.join('\n')}
      r.stamp = n; r.time = clock.now; r.seen = true;
      ${spec.keyed ? 'r.key = key; keyList(this.port0, key, clock).add(r);' : ''}
      ${afterText(spec, tap !== undefined, 0)}
    }
  }`;
  return new (classOf<Loader>(text, [spec]))([port], key, clock, [tap]);
}
