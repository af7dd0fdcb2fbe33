import { type Field, isNumberField, record, type Schema, text, Vec } from '../schema/index.ts';
import type { Clock } from './clock.ts';
import type { Fielded } from './slot.ts';

/** Numbers in front of each row's own: cause (index into `clock.causes`), seq, time (µs), key index. */
const HEAD = 4;
const FIRST_ROWS = 1024;

/**
 * The rows of one port since the last commit. Numbers lie row by row in one buffer (a row is one or two cache lines to
 * write), everything else in arrays beside it.
 */
export interface Tap {
  readonly node: string;
  readonly port: string;
  readonly schema: Schema;
  readonly clock: Clock;
  /** Number of rows. */
  readonly n: number;
  push(record: Fielded): void;
  /** Forgets rows from `n` on. */
  truncate(n: number): void;
  /** Name of the source or node that caused row `i`, and its number there. */
  cause(i: number): string;
  seq(i: number): number;
  /** Engine time, µs. */
  time(i: number): number;
  /** Key index, −1 = unkeyed. */
  key(i: number): number;
  /** Value of the `f`-th field of the schema; lists as arrays of numbers. */
  value(i: number, f: number): unknown;
  /** All rows as columns: what files and comparisons take. A copy. */
  columns(): TapColumns;
}
/** Sees each record of a port. */
export type Watcher = Pick<Tap, 'push'>;
export interface TapColumns {
  readonly schema: Schema;
  readonly n: number;
  /** Index into `clock.causes`. */
  readonly cause: Float64Array;
  readonly seq: Float64Array;
  readonly t: Float64Array;
  readonly key: Float64Array;
  /** By field, in schema order. */
  readonly columns: readonly (Float64Array | unknown[])[];
}

/**
 * The schema of a tap that keeps lists as digests: every list field becomes a text. A digest changes whenever a bit of
 * the list does, which is all that a comparison of two runs needs, and a book's thousands of levels stay out of the way.
 */
export function digestSchema(schema: Schema): Schema {
  if (!Object.values(schema.fields).some((f) => f.kind === 'list')) return schema;
  let found = digested.get(schema);
  if (!found) {
    const fields = Object.entries(schema.fields).map(([name, f]): [string, Field] => [
      name,
      f.kind === 'list' ? text() : f,
    ]);
    found = record(schema.name, schema.version, Object.fromEntries(fields));
    digested.set(schema, found);
  }
  return found;
}
const digested = new WeakMap<Schema, Schema>();

/** `length:hash` of a list's bits; a change of any single word always changes the hash, because each round is a bijection. */
export function digest(list: Vec): string {
  const { data, start, end } = list;
  const words = new Int32Array(data.buffer, data.byteOffset, data.length * 2);
  let low = 0x811c9dc5 | 0;
  let high = 0x01000193 | 0;
  for (let i = 2 * start; i < 2 * end; i += 2) {
    low = Math.imul(low ^ words[i]!, 0x01000193);
    low ^= low >>> 15;
    high = Math.imul(high ^ words[i + 1]! ^ low, 0x2c1b3c6d);
    high ^= high >>> 13;
  }
  return `${end - start}:${(low >>> 0).toString(16).padStart(8, '0')}${(high >>> 0).toString(16).padStart(8, '0')}`;
}

type TapClass = new (node: string, port: string, schema: Schema, clock: Clock) => Tap;
const classes = new WeakMap<Schema, TapClass>();

/** A tap whose `push` is generated once per schema: taps of one schema share the class and stay monomorphic. */
export function createTap(node: string, port: string, schema: Schema, clock: Clock, digests = false): Tap {
  const kept = digests ? digestSchema(schema) : schema;
  let Class = classes.get(kept);
  if (!Class) {
    Class = tapClass(schema, kept);
    classes.set(kept, Class);
  }
  return new Class(node, port, kept, clock);
}

function tapClass(schema: Schema, kept: Schema): TapClass {
  const fields = Object.entries(schema.fields);
  const list = (value: string) => (kept === schema ? `${value}.toArray()` : `digest(${value})`);
  /** Per field: its place in the row's numbers, or −1 − (its place among the others). */
  const place: number[] = [];
  let numbers = 0;
  let others = 0;
  const store = fields.map(([name, f], i) => {
    const value = `r[${JSON.stringify(name)}]`;
    if (isNumberField(f)) {
      place[i] = HEAD + numbers++;
      return `d[o + ${place[i]}] = ${value};`;
    }
    place[i] = -1 - others++;
    return `this.other${-1 - place[i]}[n] = ${f.kind === 'list' ? list(value) : value};`;
  });
  const stride = HEAD + numbers;
  return new Function(
    'place',
    'toColumns',
    'digest',
    `return class Tap {
       constructor(node, port, schema, clock) {
         this.node = node; this.port = port; this.schema = schema; this.clock = clock;
         this.n = 0; this.capacity = ${FIRST_ROWS};
         this.data = new Float64Array(${FIRST_ROWS * stride});
         ${Array.from({ length: others }, (_, i) => `this.other${i} = [];`).join(' ')}
         this.others = [${Array.from({ length: others }, (_, i) => `this.other${i}`).join(', ')}];
       }
       push(r) {
         const n = this.n;
         if (n === this.capacity) this.grow();
         const d = this.data, c = this.clock, o = n * ${stride};
         d[o] = c.cause; d[o + 1] = c.seq; d[o + 2] = c.now; d[o + 3] = r.key;
         ${store.join(' ')}
         this.n = n + 1;
       }
       grow() {
         this.capacity *= 2;
         const wider = new Float64Array(this.capacity * ${stride});
         wider.set(this.data);
         this.data = wider;
       }
       truncate(n) { this.n = n; }
       cause(i) { return this.clock.causes[this.data[i * ${stride}]]; }
       seq(i) { return this.data[i * ${stride} + 1]; }
       time(i) { return this.data[i * ${stride} + 2]; }
       key(i) { return this.data[i * ${stride} + 3]; }
       columns() { return toColumns(this, this.data, ${stride}, place, this.others); }
       value(i, f) { const p = place[f]; return p >= 0 ? this.data[i * ${stride} + p] : this.others[-1 - p][i]; }
     }`,
  )(place, toColumns, digest) as TapClass;
}

function toColumns(
  tap: Tap,
  data: Float64Array,
  stride: number,
  place: readonly number[],
  others: readonly unknown[][],
): TapColumns {
  const column = (p: number) => {
    const c = new Float64Array(tap.n);
    for (let i = 0, o = p; i < tap.n; i++, o += stride) c[i] = data[o]!;
    return c;
  };
  return {
    schema: tap.schema,
    n: tap.n,
    cause: column(0),
    seq: column(1),
    t: column(2),
    key: column(3),
    columns: place.map((p) => (p >= 0 ? column(p) : others[-1 - p]!.slice(0, tap.n))),
  };
}

/** One row as plain values, for messages and comparisons. */
export function tapRow(tap: Tap, i: number): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  Object.keys(tap.schema.fields).forEach((name, f) => {
    const v = tap.value(i, f);
    row[name] = v instanceof Vec ? v.toArray() : v;
  });
  return row;
}
