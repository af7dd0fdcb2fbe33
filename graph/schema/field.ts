/**
 * Field kinds of records. Every kind but `text`, `oneOf` and `list` is a JavaScript number in memory.
 *
 * Exact amounts are integers held as doubles; the number of decimals comes from the instrument (its `KeyInfo`):
 *
 * | kind    | in memory                                   | decimals                         |
 * |---------|---------------------------------------------|----------------------------------|
 * | `px`    | integer, price × 10^pxDigits                | the instrument's price digits    |
 * | `qty`   | integer, quantity × 10^qtyDigits            | the instrument's quantity digits |
 * | `quote` | integer, amount × 10^(pxDigits + qtyDigits) | both together (price × quantity) |
 * | `money` | integer, amount × 10^8                      | 8, whatever the instrument       |
 * | `int`   | safe integer: ids, counts                   | 0                                |
 * | `ms`    | integer, milliseconds since the epoch       | 0                                |
 * | `us`    | integer, microseconds since the epoch       | 0                                |
 * | `f64`   | double: features, rates, statistics         | shortest round-trip              |
 *
 * A nullable number uses NaN for 'no value'; NaN and ±inf anywhere else are errors, never data.
 */
export type NumberKind = 'f64' | 'int' | 'px' | 'qty' | 'quote' | 'money' | 'ms' | 'us';

export interface NumberField {
  readonly kind: NumberKind;
  readonly unit?: string;
  readonly nullable: boolean;
  readonly doc?: string;
}
export interface BoolField {
  readonly kind: 'bool';
  readonly doc?: string;
}
export interface OneOfField<V extends string = string> {
  readonly kind: 'oneOf';
  readonly values: readonly V[];
  readonly doc?: string;
}
export interface TextField {
  readonly kind: 'text';
  readonly doc?: string;
}
/** A variable number of numbers of one kind, e.g. the prices of a book's levels. */
export interface ListField {
  readonly kind: 'list';
  readonly of: NumberKind;
  readonly doc?: string;
}
export type Field = NumberField | BoolField | OneOfField | TextField | ListField;

export interface NumberOptions {
  unit?: string;
  doc?: string;
  nullable?: boolean;
}
const number =
  (kind: NumberKind) =>
  (options: NumberOptions = {}): NumberField => ({ kind, nullable: false, ...options });

export const f64 = number('f64');
export const int = number('int');
export const px = number('px');
export const qty = number('qty');
export const quote = number('quote');
export const money = number('money');
export const ms = number('ms');
export const us = number('us');
export const bool = (doc?: string): BoolField => ({ kind: 'bool', ...(doc ? { doc } : {}) });
export const text = (doc?: string): TextField => ({ kind: 'text', ...(doc ? { doc } : {}) });
export const oneOf = <const V extends string>(...values: V[]): OneOfField<V> => ({ kind: 'oneOf', values });
export const list = (of: NumberKind, doc?: string): ListField => ({ kind: 'list', of, ...(doc ? { doc } : {}) });

/**
 * The window [start, end) of a shared number buffer. A list travels by reference: it holds until its producer's next
 * emission on the same port; who needs it longer copies it.
 */
export class Vec {
  data: Float64Array;
  start: number;
  end: number;
  constructor(data: Float64Array = EMPTY, start = 0, end = data.length) {
    this.data = data;
    this.start = start;
    this.end = end;
  }
  get length(): number {
    return this.end - this.start;
  }
  at(i: number): number {
    return this.data[this.start + i]!;
  }
  set(data: Float64Array, start: number, end: number): void {
    this.data = data;
    this.start = start;
    this.end = end;
  }
  toArray(): number[] {
    return Array.from(this.data.subarray(this.start, this.end));
  }
}
const EMPTY = new Float64Array(0);

/** The TypeScript type of a field's value. */
export type FieldValue<F> = F extends { kind: NumberKind }
  ? number
  : F extends BoolField
    ? boolean
    : F extends OneOfField<infer V>
      ? V
      : F extends TextField
        ? string
        : F extends ListField
          ? Vec
          : never;

export const isNumberField = (f: Field): f is NumberField =>
  f.kind !== 'bool' && f.kind !== 'oneOf' && f.kind !== 'text' && f.kind !== 'list';
