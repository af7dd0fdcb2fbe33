import { type Field, type Schema, Vec } from '../schema/index.ts';

/**
 * The rows of one port on their way out: a column for each field of the schema, which grows, and is emptied when its batch
 * leaves. Numbers are kept as doubles, choices and truth values as bytes, lists as one run of doubles with offsets.
 */
export interface OutColumn {
  readonly field: Field;
  /** Appends the field's value as row `n`. */
  push(n: number, value: unknown): void;
  /** Bytes that `write` will use for `n` rows; a multiple of 8. */
  size(n: number): number;
  write(n: number, to: DataView, offset: number): number;
}

const align = (bytes: number): number => (bytes + 7) & ~7;

class Numbers implements OutColumn {
  readonly field: Field;
  #data = new Float64Array(256);
  constructor(field: Field) {
    this.field = field;
  }
  push(n: number, value: unknown): void {
    if (n === this.#data.length) this.#data = widened(this.#data);
    this.#data[n] = value as number;
  }
  size(n: number): number {
    return n * 8;
  }
  write(n: number, to: DataView, offset: number): number {
    new Float64Array(to.buffer, offset, n).set(this.#data.subarray(0, n));
    return offset + n * 8;
  }
}
function widened(data: Float64Array): Float64Array<ArrayBuffer> {
  const wider = new Float64Array(data.length * 2);
  wider.set(data);
  return wider;
}

class Bytes implements OutColumn {
  readonly field: Field;
  readonly #code: (value: unknown) => number;
  #data = new Uint8Array(256);
  constructor(field: Field) {
    this.field = field;
    const codes = new Map<unknown, number>(
      field.kind === 'oneOf'
        ? field.values.map((v, i) => [v, i])
        : [
            [false, 0],
            [true, 1],
          ],
    );
    this.#code = (value) => codes.get(value)!;
  }
  push(n: number, value: unknown): void {
    if (n === this.#data.length) {
      const wider = new Uint8Array(n * 2);
      wider.set(this.#data);
      this.#data = wider;
    }
    this.#data[n] = this.#code(value);
  }
  size(n: number): number {
    return align(n);
  }
  write(n: number, to: DataView, offset: number): number {
    new Uint8Array(to.buffer, offset, n).set(this.#data.subarray(0, n));
    return offset + align(n);
  }
}

const utf8 = new TextEncoder();
class Texts implements OutColumn {
  readonly field: Field;
  #rows: Uint8Array[] = [];
  constructor(field: Field) {
    this.field = field;
  }
  push(n: number, value: unknown): void {
    this.#rows[n] = utf8.encode(value as string);
  }
  size(n: number): number {
    let bytes = 0;
    for (let i = 0; i < n; i++) bytes += this.#rows[i]!.length;
    return align(4 * (n + 1)) + align(bytes);
  }
  write(n: number, to: DataView, offset: number): number {
    const start = offset + align(4 * (n + 1));
    let at = 0;
    for (let i = 0; i < n; i++) {
      to.setUint32(offset + 4 * i, at, true);
      new Uint8Array(to.buffer, start + at, this.#rows[i]!.length).set(this.#rows[i]!);
      at += this.#rows[i]!.length;
    }
    to.setUint32(offset + 4 * n, at, true);
    return start + align(at);
  }
}

class Lists implements OutColumn {
  readonly field: Field;
  readonly #ends: number[] = [];
  #values = new Float64Array(1024);
  constructor(field: Field) {
    this.field = field;
  }
  push(n: number, value: unknown): void {
    const { data, start, end } = value as Vec;
    const from = n === 0 ? 0 : this.#ends[n - 1]!;
    const to = from + end - start;
    while (to > this.#values.length) this.#values = widened(this.#values);
    for (let i = from, j = start; j < end; i++, j++) this.#values[i] = data[j]!;
    this.#ends[n] = to;
  }
  size(n: number): number {
    return align(4 * (n + 1)) + 8 * (n === 0 ? 0 : this.#ends[n - 1]!);
  }
  write(n: number, to: DataView, offset: number): number {
    to.setUint32(offset, 0, true);
    for (let i = 0; i < n; i++) to.setUint32(offset + 4 * (i + 1), this.#ends[i]!, true);
    const start = offset + align(4 * (n + 1));
    const values = n === 0 ? 0 : this.#ends[n - 1]!;
    new Float64Array(to.buffer, start, values).set(this.#values.subarray(0, values));
    return start + 8 * values;
  }
}

export function outColumn(field: Field): OutColumn {
  if (field.kind === 'list') return new Lists(field);
  if (field.kind === 'text') return new Texts(field);
  return field.kind === 'bool' || field.kind === 'oneOf' ? new Bytes(field) : new Numbers(field);
}

const fromUtf8 = new TextDecoder();
/** Columns as loaders read them: views on the batch, which must begin at a multiple of 8 and hold still. */
export function readColumns(
  schema: Schema,
  n: number,
  from: DataView,
  start: number,
): { columns: unknown[]; end: number } {
  let offset = start;
  const { buffer } = from;
  const columns = Object.values(schema.fields).map((field): unknown => {
    if (field.kind === 'bool' || field.kind === 'oneOf') {
      const column = new Uint8Array(buffer, offset, n);
      offset += align(n);
      return column;
    }
    if (field.kind === 'text' || field.kind === 'list') {
      const offsets = new Uint32Array(buffer, offset, n + 1);
      const values = offset + align(4 * (n + 1));
      if (field.kind === 'list') {
        offset = values + 8 * offsets[n]!;
        return { values: new Float64Array(buffer, values, offsets[n]!), offsets };
      }
      offset = values + align(offsets[n]!);
      return Array.from({ length: n }, (_, i) =>
        fromUtf8.decode(new Uint8Array(buffer, values + offsets[i]!, offsets[i + 1]! - offsets[i]!)),
      );
    }
    const column = new Float64Array(buffer, offset, n);
    offset += 8 * n;
    return column;
  });
  return { columns, end: offset };
}

/** Row `i` as the record that a feedback delivery carries. */
export function rowOf(schema: Schema, columns: readonly unknown[], i: number, key: number): Record<string, unknown> {
  const row: Record<string, unknown> = { key };
  Object.entries(schema.fields).forEach(([name, field], c) => {
    const column = columns[c] as Float64Array & string[] & { values: Float64Array; offsets: Uint32Array };
    if (field.kind === 'list') row[name] = new Vec(column.values.slice(column.offsets[i], column.offsets[i + 1]));
    else if (field.kind === 'bool') row[name] = column[i] !== (0 as never);
    else row[name] = field.kind === 'oneOf' ? field.values[column[i] as never] : column[i];
  });
  return row;
}
