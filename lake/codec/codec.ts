import { ChimeraError, type Column, type Schema } from '../../graph/schema/index.ts';
import { type Digits, type LakeColumn, lakeColumns, type SchemaJson, scaleOf, schemaToJson } from '../schema.ts';
import type { TableValue } from '../table-columns.ts';

/** The rows of one port and key, in memory form: exact integers, NaN for no value, indices of `oneOf`. */
export interface PortTable extends Digits {
  readonly schema: Schema;
  readonly key: string;
  readonly source: string;
  readonly n: number;
  readonly seq: Float64Array;
  /** t_avail, µs. */
  readonly t: Float64Array;
  readonly columns: readonly Column[];
}

/**
 * A file format for small tables of one port: what is written is read back bit for bit, and the columns are the
 * lake's (source, seq, t_avail_us, key, then the fields), so that other programs read it as they read the lake.
 * Every codec passes `codec.conformance.ts`.
 */
export interface Codec {
  readonly name: string;
  /** With the dot. */
  readonly extension: string;
  /** Errors: CHM605–607, 620. */
  write(path: string, table: PortTable): Promise<void>;
  /** Errors: CHM604, 609, 610, 619. */
  read(path: string): Promise<PortTable>;
}

export interface CodecMeta {
  v: 1;
  dataset: string;
  key: string;
  source: string;
  px_digits: number;
  qty_digits: number;
  schema: SchemaJson;
}
export const metaOf = (t: PortTable): CodecMeta => ({
  v: 1,
  dataset: t.schema.name,
  key: t.key,
  source: t.source,
  px_digits: t.pxDigits,
  qty_digits: t.qtyDigits,
  schema: schemaToJson(t.schema),
});
export function parseMeta(text: unknown, path: string): CodecMeta {
  if (typeof text === 'string') {
    try {
      const meta = JSON.parse(text) as CodecMeta;
      if (meta.v === 1 && meta.schema) return meta;
    } catch {
      // Falls through to the error.
    }
  }
  throw new ChimeraError('CHM610', `${path} does not say what it holds`, {
    file: path,
    help: 'its metadata has no "chimera" entry: it was written by another program; import it instead',
  });
}

/** Row `i` as it is stored: amounts as decimals, no value as null, `oneOf` as its text. */
export function storedRow(t: PortTable, layout: readonly LakeColumn[], i: number): TableValue[] {
  return [
    t.source,
    t.seq[i]!,
    t.t[i]!,
    t.key === '' ? null : t.key,
    ...layout.map((c, k): TableValue => storedValue(t, c, t.columns[k]!, i)),
  ];
}
function storedValue(t: PortTable, c: LakeColumn, column: Column, i: number): TableValue {
  const scale = scaleOf(c, t);
  if (column instanceof Float64Array) {
    const x = column[i]!;
    if (c.field.kind === 'oneOf') return c.field.values[x] ?? unstorable(c, x);
    if (c.field.kind === 'bool') return x === 1;
    if (Number.isNaN(x) && c.nullable) return null;
    return scale === 0 ? (x - x === 0 ? x : unstorable(c, x)) : exact(c, x, scale);
  }
  if (Array.isArray(column)) return column[i]!;
  const values = column.values.subarray(column.offsets[i]!, column.offsets[i + 1]!);
  return scale === 0 ? values : values.map((x) => exact(c, x, scale));
}
function exact(c: LakeColumn, x: number, scale: number): number {
  const d = x / scale + 0;
  if (Math.round(d * scale) !== x || !Number.isSafeInteger(x)) unstorable(c, x);
  return d;
}
function unstorable(c: LakeColumn, x: number): never {
  throw new ChimeraError('CHM607', `column "${c.name}" cannot hold ${x}`, {
    field: c.name,
    help: 'amounts are integers of at most 15 digits in the instrument’s decimals, features are finite',
  });
}

/** A builder that takes stored rows and gives the table back in memory form. */
export class TableBuilder {
  readonly layout: LakeColumn[];
  readonly #schema: Schema;
  readonly #meta: CodecMeta;
  readonly #path: string;
  readonly #seq: number[] = [];
  readonly #t: number[] = [];
  readonly #values: unknown[][];
  constructor(schema: Schema, meta: CodecMeta, path: string) {
    this.#schema = schema;
    this.#meta = meta;
    this.#path = path;
    this.layout = lakeColumns(schema);
    this.#values = this.layout.map(() => []);
  }
  add(seq: number, tUs: number, values: readonly unknown[]): void {
    this.#seq.push(seq);
    this.#t.push(tUs);
    values.forEach((v, c) => {
      this.#values[c]!.push(v);
    });
  }
  finish(): PortTable {
    const digits = { pxDigits: this.#meta.px_digits, qtyDigits: this.#meta.qty_digits };
    return {
      schema: this.#schema,
      key: this.#meta.key,
      source: this.#meta.source,
      ...digits,
      n: this.#seq.length,
      seq: Float64Array.from(this.#seq),
      t: Float64Array.from(this.#t),
      columns: this.layout.map((c, i) => this.#column(c, this.#values[i]!, scaleOf(c, digits))),
    };
  }
  #column(c: LakeColumn, values: unknown[], scale: number): Column {
    if (c.transport === 'text') return values.map((v) => (v === null || v === undefined ? '' : String(v)));
    if (c.transport === 'list') {
      const offsets = new Int32Array(values.length + 1);
      const flat: number[] = [];
      values.forEach((v, i) => {
        for (const x of v as Iterable<number>) flat.push(this.#integer(c, x, scale));
        offsets[i + 1] = flat.length;
      });
      return { values: Float64Array.from(flat), offsets };
    }
    const { field } = c;
    return Float64Array.from(values, (v) => {
      if (field.kind === 'oneOf') {
        const at = field.values.indexOf(v as string);
        return at >= 0 ? at : this.#unfit(c, v);
      }
      if (field.kind === 'bool') return v === true ? 1 : 0;
      if (v === null || v === undefined) return c.nullable ? Number.NaN : this.#unfit(c, v);
      return this.#integer(c, Number(v), scale);
    });
  }
  #integer(c: LakeColumn, d: number, scale: number): number {
    if (scale === 0) return d;
    const x = Math.round(d * scale);
    return x / scale === d ? x : this.#unfit(c, d);
  }
  #unfit(c: LakeColumn, v: unknown): never {
    throw new ChimeraError('CHM619', `${this.#path}: column "${c.name}" holds ${String(v)}`, {
      file: this.#path,
      field: c.name,
      help: 'the file was altered or written by another program: import it instead of reading it in place',
    });
  }
}
