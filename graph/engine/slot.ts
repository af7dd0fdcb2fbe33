import { type Schema, Vec } from '../schema/index.ts';
import type { Clock } from './clock.ts';

/**
 * The last value of a port: one preallocated record object per port and instance. The producer's emission writes it,
 * consumers read the very same object, so an edge copies nothing. `ticked` compares stamps instead of being reset.
 */
export interface Slot {
  stamp: number;
  /** Engine time of the last emission, µs. */
  time: number;
  seen: boolean;
  key: number;
  readonly clock: Clock;
  readonly ticked: boolean;
}
export type Fielded = Slot & Record<string, unknown>;

const layouts = new WeakMap<Schema, new (clock: Clock, key: number) => Fielded>();

/**
 * One class per schema, so that all slots of a schema share a hidden class. Number fields start as −0, which fixes
 * their representation as double: a later fraction does not change the object's shape.
 */
export function slotClass(schema: Schema): new (clock: Clock, key: number) => Fielded {
  let layout = layouts.get(schema);
  if (!layout) {
    const init = Object.entries(schema.fields).map(([name, f]) => {
      const value =
        f.kind === 'text'
          ? `''`
          : f.kind === 'bool'
            ? 'false'
            : f.kind === 'oneOf'
              ? JSON.stringify(f.values[0])
              : f.kind === 'list'
                ? 'new Vec()'
                : '-0';
      return `this[${JSON.stringify(name)}] = ${value};`;
    });
    layout = new Function(
      'Vec',
      `return class Slot_${schema.name.replace(/\W/g, '_')} {
         constructor(clock, key) { this.clock = clock; this.stamp = -1; this.time = -0; this.seen = false; this.key = key; ${init.join(' ')} }
         get ticked() { return this.stamp === this.clock.n; }
       }`,
    )(Vec) as new (
      clock: Clock,
      key: number,
    ) => Fielded;
    layouts.set(schema, layout);
  }
  return layout;
}

/** A record's values on their own, for later: the key, then the fields. */
export interface Row extends Record<string, unknown> {
  key: number;
}
type RowClass = new (from: Fielded) => Row;
export interface RowLayout {
  readonly Row: RowClass;
  readonly copy: (from: Record<string, unknown>, to: Record<string, unknown>) => void;
}
const rowLayouts = new WeakMap<Schema, RowLayout>();

function rowLayout(schema: Schema): RowLayout {
  let layout = rowLayouts.get(schema);
  if (!layout) {
    const copies = Object.entries(schema.fields).map(([name, f]) => {
      const id = `[${JSON.stringify(name)}]`;
      const own = `new Vec(from${id}.data.slice(from${id}.start, from${id}.end))`;
      return `to${id} = ${f.kind === 'list' ? own : `from${id}`};`;
    });
    const into = copies.join('\n').replaceAll('to[', 'this[');
    layout = new Function(
      'Vec',
      `return {
         Row: class Row_${schema.name.replace(/\W/g, '_')} { constructor(from) { this.key = from.key; ${into} } },
         copy(from, to) { ${copies.join('\n')} },
       }`,
    )(Vec) as RowLayout;
    rowLayouts.set(schema, layout);
  }
  return layout;
}
/** Generated once per schema, so that all its rows share a hidden class; `copy` fills one again. */
export const rowsOf = (schema: Schema): RowLayout => rowLayout(schema);
/** Copies the fields; lists are copied by value, so that the copy outlives its source. */
export function copyFields(schema: Schema, from: Record<string, unknown>, to: Record<string, unknown>): void {
  rowLayout(schema).copy(from, to);
}

/** All records of a cycle on a `many` port, or on an `any` port over all keys. Emptied by the next cycle that writes it. */
export class ManySlot {
  readonly clock: Clock;
  stamp = -1;
  count = 0;
  readonly records: Fielded[] = [];
  constructor(clock: Clock) {
    this.clock = clock;
  }
  get ticked(): boolean {
    return this.stamp === this.clock.n;
  }
  get seen(): boolean {
    return this.stamp >= 0;
  }
  get n(): number {
    return this.stamp === this.clock.n ? this.count : 0;
  }
  at(i: number): Fielded {
    return this.records[i]!;
  }
  /** Appends a record that lives elsewhere. */
  add(record: Fielded): void {
    if (this.stamp !== this.clock.n) {
      this.stamp = this.clock.n;
      this.count = 0;
    }
    this.records[this.count++] = record;
  }
}

/** A `many` port's own records, reused from cycle to cycle. */
export class PooledSlot extends ManySlot {
  readonly #layout: new (
    clock: Clock,
    key: number,
  ) => Fielded;
  readonly #key: number;
  constructor(clock: Clock, schema: Schema, key: number) {
    super(clock);
    this.#layout = slotClass(schema);
    this.#key = key;
  }
  next(): Fielded {
    if (this.stamp !== this.clock.n) {
      this.stamp = this.clock.n;
      this.count = 0;
    }
    const i = this.count++;
    let record = this.records[i];
    if (!record) {
      record = new this.#layout(this.clock, this.#key);
      this.records[i] = record;
    }
    record.stamp = this.clock.n;
    return record;
  }
}

/** A single-valued port as a `many` in-port sees it: a list of one record in cycles in which it ticked. */
export class SingleAsMany {
  readonly #slot: Fielded;
  constructor(slot: Fielded) {
    this.#slot = slot;
  }
  get stamp(): number {
    return this.#slot.stamp;
  }
  get ticked(): boolean {
    return this.#slot.ticked;
  }
  get seen(): boolean {
    return this.#slot.seen;
  }
  get n(): number {
    return this.#slot.ticked ? 1 : 0;
  }
  at(_i: number): Fielded {
    return this.#slot;
  }
}

/**
 * One number of each record of a list, as records of a Scalar: what `bars.bar.close` is on a port that takes a list.
 * Records without a value (NaN on a nullable field) are left out; when none has one the list does not tick.
 */
export class PickedList {
  readonly #list: ManySlot | SingleAsMany;
  readonly #value: (record: Fielded) => number;
  readonly #picked: PooledSlot;
  #done = -1;
  constructor(list: ManySlot | SingleAsMany, schema: Schema, clock: Clock, value: (record: Fielded) => number) {
    this.#list = list;
    this.#value = value;
    this.#picked = new PooledSlot(clock, schema, -1);
  }
  get stamp(): number {
    this.#refresh();
    return this.#picked.stamp;
  }
  get ticked(): boolean {
    this.#refresh();
    return this.#picked.ticked;
  }
  get seen(): boolean {
    return this.#list.seen;
  }
  get n(): number {
    this.#refresh();
    return this.#picked.n;
  }
  at(i: number): Fielded {
    return this.#picked.at(i);
  }
  /** Producers run before consumers, so a list is complete when it is first read in a cycle. */
  #refresh(): void {
    if (!this.#list.ticked || this.#done === this.#list.stamp) return;
    this.#done = this.#list.stamp;
    for (let i = 0; i < this.#list.n; i++) {
      const from = this.#list.at(i);
      const value = this.#value(from);
      if (Number.isNaN(value)) continue;
      const record = this.#picked.next();
      record['value'] = value;
      record.key = from.key;
      record.time = from.time;
      record.seen = true;
    }
  }
}
