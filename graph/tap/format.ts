import { formatDecimal } from '../math/index.ts';
import {
  type Field,
  isNumberField,
  type KeyInfo,
  type KeyTable,
  type NumberKind,
  type Schema,
  Vec,
} from '../schema/index.ts';
import { TextBuffer } from './text-buffer.ts';

/**
 * The text form of records: columns `source, seq, t_avail_us, key`, then the fields in schema order. Exact amounts are
 * decimals in plain notation, features the shortest round-trip doubles; no value is an empty cell, in JSON null. Lists
 * are JSON arrays, in CSV inside a quoted cell. Lines end with a line feed; CSV quotes as RFC 4180 says.
 */
export type TapFormat = 'csv' | 'jsonl';

/** Rows as columns; `cause` indexes the names of causes, `key` the key table (-1: none). */
export interface RowColumns {
  readonly schema: Schema;
  readonly cause: ArrayLike<number>;
  readonly seq: ArrayLike<number>;
  readonly t: ArrayLike<number>;
  readonly key: ArrayLike<number>;
  /** By field, in schema order: numbers, texts, booleans, lists as number arrays or Vec. */
  readonly columns: readonly ArrayLike<unknown>[];
}
/** What the numbers of rows stand for. */
export interface RowNames {
  readonly causes: readonly string[];
  readonly keys: KeyTable;
}

const LEAD = ['source', 'seq', 't_avail_us', 'key'] as const;
const COMMA = 44;
const QUOTE = 34;
const LINE = 10;
const utf8 = (s: string): Uint8Array => new TextEncoder().encode(s);
const NULL = utf8('null');
const TRUE = utf8('true');
const FALSE = utf8('false');

/** How a field is written; small integers, so that the switch per cell is a jump. */
const PLAN = { int: 0, decimal: 1, double: 2, bool: 3, text: 4, list: 5 } as const;
interface Cell {
  readonly plan: number;
  readonly kind: NumberKind;
  /** `,"name":` in JSON. */
  readonly label: Uint8Array;
}

/** Writes rows of one schema as text. Keeps its buffer: make one per tap and reuse it. */
export class RowFormatter {
  readonly header: Uint8Array;
  readonly #json: boolean;
  readonly #cells: readonly Cell[];
  readonly #names: RowNames;
  readonly #out = new TextBuffer();
  /** Text of causes and keys, quoted as the format needs it, by index. */
  readonly #causeText: Uint8Array[] = [];
  readonly #keyText: Uint8Array[] = [];

  constructor(schema: Schema, format: TapFormat, names: RowNames) {
    this.#json = format === 'jsonl';
    this.#names = names;
    const fields = Object.entries(schema.fields);
    this.#cells = fields.map(([name, f]) => ({
      plan: planOf(f),
      kind: f.kind === 'list' ? f.of : isNumberField(f) ? f.kind : 'f64',
      label: utf8(this.#json ? `,${JSON.stringify(name)}:` : ','),
    }));
    const titles = [...LEAD, ...fields.map(([name]) => name)];
    this.header = this.#json ? new Uint8Array(0) : utf8(`${titles.map(csvText).join(',')}\n`);
  }

  /** Rows [from, to) as UTF-8 text; valid until the next call. */
  format(rows: RowColumns, from: number, to: number): Uint8Array {
    this.#out.clear();
    for (let i = from; i < to; i++) this.#row(rows, i);
    return this.#out.bytes;
  }

  #row(rows: RowColumns, i: number): void {
    const out = this.#out;
    const k = rows.key[i]!;
    if (this.#json) {
      out.text('{"source":');
      out.raw(this.#cause(rows.cause[i]!));
      out.text(',"seq":');
      out.int(rows.seq[i]!);
      out.text(',"t_avail_us":');
      out.int(rows.t[i]!);
      out.text(',"key":');
    } else {
      out.raw(this.#cause(rows.cause[i]!));
      out.byte(COMMA);
      out.int(rows.seq[i]!);
      out.byte(COMMA);
      out.int(rows.t[i]!);
      out.byte(COMMA);
    }
    out.raw(this.#key(k));
    const key = k < 0 ? undefined : this.#names.keys.at(k);
    const cells = this.#cells;
    for (let f = 0; f < cells.length; f++) {
      const cell = cells[f]!;
      out.raw(cell.label);
      this.#cell(cell, rows.columns[f]![i], key);
    }
    if (this.#json) out.byte(125);
    out.byte(LINE);
  }
  #cell(cell: Cell, v: unknown, key: KeyInfo | undefined): void {
    const out = this.#out;
    switch (cell.plan) {
      case PLAN.bool:
        out.raw(v === true || v === 1 ? TRUE : FALSE);
        return;
      case PLAN.text:
        if (this.#json) out.text(JSON.stringify(v));
        else if (plainText(v as string)) out.text(v as string);
        else out.text(csvText(v as string));
        return;
      case PLAN.list:
        this.#list(cell.kind, v, key);
        return;
      default:
        this.#number(cell, v as number, key);
    }
  }
  #number(cell: Cell, v: number, key: KeyInfo | undefined): void {
    if (Number.isNaN(v)) {
      if (this.#json) this.#out.raw(NULL);
    } else if (cell.plan === PLAN.int) this.#out.int(v);
    else if (cell.plan === PLAN.double) this.#out.double(v);
    else this.#out.decimal(v, digitsOf(cell.kind, key));
  }
  #list(kind: NumberKind, v: unknown, key: KeyInfo | undefined): void {
    const out = this.#out;
    const data: ArrayLike<number> = v instanceof Vec ? v.data : (v as number[]);
    const start = v instanceof Vec ? v.start : 0;
    const end = v instanceof Vec ? v.end : data.length;
    const exact = kind !== 'f64';
    const digits = digitsOf(kind, key);
    if (!this.#json) out.byte(QUOTE);
    out.byte(91);
    for (let i = start; i < end; i++) {
      const x = data[i]!;
      if (i > start) out.byte(COMMA);
      if (Number.isNaN(x)) out.raw(NULL);
      else if (exact) out.decimal(x, digits);
      else out.double(x);
    }
    out.byte(93);
    if (!this.#json) out.byte(QUOTE);
  }
  #cause(i: number): Uint8Array {
    this.#causeText[i] ??= this.#label(this.#names.causes[i]!);
    return this.#causeText[i]!;
  }
  #key(k: number): Uint8Array {
    if (k < 0) return this.#json ? NULL : EMPTY;
    this.#keyText[k] ??= this.#label(this.#names.keys.at(k).name);
    return this.#keyText[k]!;
  }
  #label(s: string): Uint8Array {
    return utf8(this.#json ? JSON.stringify(s) : csvText(s));
  }
}
const EMPTY = new Uint8Array(0);

function planOf(f: Field): number {
  switch (f.kind) {
    case 'f64':
      return PLAN.double;
    case 'int':
    case 'ms':
    case 'us':
      return PLAN.int;
    case 'bool':
      return PLAN.bool;
    case 'text':
    case 'oneOf':
      return PLAN.text;
    case 'list':
      return PLAN.list;
    default:
      return PLAN.decimal;
  }
}

/** Decimals of a kind for a key. Without a key only money has any: amounts of an instrument need one. */
export function digitsOf(kind: NumberKind, key: KeyInfo | undefined): number {
  switch (kind) {
    case 'px':
      return key?.pxDigits ?? 0;
    case 'qty':
      return key?.qtyDigits ?? 0;
    case 'quote':
      return key ? key.pxDigits + key.qtyDigits : 0;
    case 'money':
      return 8;
    default:
      return 0;
  }
}

/** Whether a CSV cell may stand without quotes. */
function plainText(s: string): boolean {
  for (let i = 0; i < s.length; i++) {
    const c = s.charCodeAt(i);
    if (c === QUOTE || c === COMMA || c === LINE || c === 13) return false;
  }
  return true;
}
/** A CSV cell by RFC 4180. */
export const csvText = (s: string): string => (plainText(s) ? s : `"${s.replaceAll('"', '""')}"`);

/** One value as the taps write it; '' when there is none. For messages, reports and tests. */
export function formatValue(f: Field, value: unknown, key: KeyInfo | undefined): string {
  if (f.kind === 'list') {
    const list = value instanceof Vec ? value.toArray() : Array.from(value as ArrayLike<number>);
    return `[${list.map((x) => formatNumber(f.of, x, key) || 'null').join(',')}]`;
  }
  return isNumberField(f) ? formatNumber(f.kind, value as number, key) : String(value);
}
function formatNumber(kind: NumberKind, v: number, key: KeyInfo | undefined): string {
  if (Number.isNaN(v)) return '';
  if (kind === 'f64') return Object.is(v, -0) ? '-0' : `${v}`;
  return formatDecimal(v, digitsOf(kind, key));
}
