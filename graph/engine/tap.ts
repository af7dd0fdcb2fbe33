import { type Field, isNumberField, type Schema, Vec } from '../schema/index.ts';
import type { Clock } from './clock.ts';
import type { Fielded } from './slot.ts';

/** Rows of one port as columns: what taps, parity and comparisons read. */
export interface TapRows {
  readonly node: string;
  readonly port: string;
  readonly schema: Schema;
  /** Number of rows. */
  n: number;
  cause: Float64Array;
  seq: Float64Array;
  t: Float64Array;
  key: Float64Array;
  /** By field, in schema order: numbers, or values (texts, booleans, lists as number arrays). */
  columns: (Float64Array | unknown[])[];
}

export interface Tap extends TapRows {
  readonly clock: Clock;
  push(record: Fielded): void;
  /** Forgets rows from `n` on: what a rolled-back cycle wrote. */
  truncate(n: number): void;
}

const FIRST = 1024;

type TapClass = new (
  node: string,
  port: string,
  schema: Schema,
  clock: Clock,
  columns: (Float64Array | unknown[])[],
) => Tap;
const classes = new WeakMap<Schema, TapClass>();

/** A tap whose `push` is generated once per schema: taps of one schema share the class and stay monomorphic. */
export function createTap(node: string, port: string, schema: Schema, clock: Clock): Tap {
  let Class = classes.get(schema);
  if (!Class) {
    Class = tapClass(schema);
    classes.set(schema, Class);
  }
  return new Class(node, port, schema, clock, Object.values(schema.fields).map(emptyColumn));
}
function tapClass(schema: Schema): TapClass {
  const fields = Object.entries(schema.fields);
  const store = fields.map(([name, f], i) => {
    const value = `r[${JSON.stringify(name)}]`;
    return `this.columns[${i}][i] = ${f.kind === 'list' ? `${value}.toArray()` : value};`;
  });
  return new Function(
    'grow',
    `return class {
       constructor(node, port, schema, clock, columns) {
         this.node = node; this.port = port; this.schema = schema; this.clock = clock;
         this.n = 0; this.cap = ${FIRST};
         this.cause = new Float64Array(${FIRST}); this.seq = new Float64Array(${FIRST});
         this.t = new Float64Array(${FIRST}); this.key = new Float64Array(${FIRST});
         this.columns = columns;
         ${fields.map((_, i) => `this.c${i} = columns[${i}];`).join(' ')}
       }
       push(r) {
         const i = this.n;
         if (i === this.cap) { grow(this); ${fields.map((_, i) => `this.c${i} = this.columns[${i}];`).join(' ')} }
         const c = this.clock;
         this.cause[i] = c.cause; this.seq[i] = c.seq; this.t[i] = c.now; this.key[i] = r.key;
         ${store.map((s) => s.replace(/this\.columns\[(\d+)\]\[i\]/, 'this.c$1[i]')).join(' ')}
         this.n = i + 1;
       }
       truncate(n) { this.n = n; }
     }`,
  )(grow) as TapClass;
}

const emptyColumn = (f: Field): Float64Array | unknown[] => (isNumberField(f) ? new Float64Array(FIRST) : []);

function grow(tap: TapRows & { cap: number }): void {
  tap.cap *= 2;
  const wider = (a: Float64Array) => {
    const b = new Float64Array(tap.cap);
    b.set(a);
    return b;
  };
  tap.cause = wider(tap.cause);
  tap.seq = wider(tap.seq);
  tap.t = wider(tap.t);
  tap.key = wider(tap.key);
  tap.columns = tap.columns.map((c) => (c instanceof Float64Array ? wider(c) : c));
}

/** One row as plain values, for messages and comparisons. */
export function tapRow(tap: TapRows, i: number): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  Object.keys(tap.schema.fields).forEach((name, f) => {
    const v = tap.columns[f]![i];
    row[name] = v instanceof Vec ? v.toArray() : v;
  });
  return row;
}
