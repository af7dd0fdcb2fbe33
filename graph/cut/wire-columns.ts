import { type Field, type Schema, Vec } from '../schema/index.ts';
import { type ByteReader, ByteWriter, putBytes, putColumn, readBytes, readColumn } from './wire-bytes.ts';
import { type InLists, OutLists, readLists } from './wire-list.ts';

/**
 * The rows of one port on their way out: a column for each field of the schema, emptied when its batch leaves. Numbers
 * are kept as doubles; choices and truth values as bytes; texts and lists are encoded as they come.
 */
export interface OutRows {
  readonly n: number;
  /** Numbers in its lists. */
  readonly listed: number;
  push(record: Readonly<Record<string, unknown>>): void;
  /** Encodes all rows and forgets them. */
  write(to: ByteWriter): void;
}
const FIRST_ROWS = 256;
/** A choice takes a byte as long as there are no more of them. */
const BYTE_CHOICES = 256;

type Kind = 'plain' | 'numbers' | 'bytes' | 'texts' | 'lists';
function kindOf(f: Field): Kind {
  switch (f.kind) {
    case 'list':
      return 'lists';
    case 'text':
      return 'texts';
    case 'bool':
      return 'bytes';
    case 'oneOf':
      return f.values.length > BYTE_CHOICES ? 'numbers' : 'bytes';
    case 'f64':
      return 'plain';
    default:
      return 'numbers';
  }
}

type RowsClass = new () => OutRows;
const classes = new WeakMap<Schema, RowsClass>();
/** Generated once per schema: a record's fields are stored without a look-up or a call for each of them. */
export function createRows(schema: Schema): OutRows {
  let Class = classes.get(schema);
  if (!Class) {
    Class = rowsClass(schema);
    classes.set(schema, Class);
  }
  return new Class();
}
function rowsClass(schema: Schema): RowsClass {
  const fields = Object.entries(schema.fields).map(([name, field], i) => ({ name, field, i, kind: kindOf(field) }));
  const fixed = fields.filter(({ kind }) => kind !== 'texts' && kind !== 'lists');
  const made = { plain: 'Float64Array', numbers: 'Float64Array', bytes: 'Uint8Array' } as Record<Kind, string>;
  const store = fields.map(({ name, field, i, kind }) => {
    const value = `r[${JSON.stringify(name)}]`;
    if (kind === 'texts' || kind === 'lists') return `this.c${i}.push(${value});`;
    if (field.kind === 'bool') return `this.c${i}[n] = ${value} ? 1 : 0;`;
    if (field.kind === 'oneOf') return `this.c${i}[n] = code${i}(${value});`;
    return `this.c${i}[n] = ${value};`;
  });
  const write = fields.map(({ i, kind }) => {
    if (kind === 'texts' || kind === 'lists') return `this.c${i}.write(to);`;
    if (kind === 'bytes') return `putBytes(to, this.c${i}, n);`;
    return `putColumn(to, this.c${i}, n, ${kind === 'plain'});`;
  });
  const coders = fields.flatMap(({ field, i }) =>
    field.kind === 'oneOf' ? [`const code${i} = (v) => ${codeText(field.values)};`] : [],
  );
  const lists = fields.flatMap(({ i, kind }) => (kind === 'lists' ? [`this.c${i}.values`] : [])).join(' + ') || '0';
  const text = `${coders.join('\n')}
    return class Rows {
      constructor() {
        this.n = 0; this.capacity = ${FIRST_ROWS};
        ${fields.map(({ i, kind }) => `this.c${i} = new ${kind === 'texts' ? 'OutTexts()' : kind === 'lists' ? 'OutLists()' : `${made[kind]}(${FIRST_ROWS})`};`).join(' ')}
      }
      push(r) {
        const n = this.n;
        if (n === this.capacity) this.grow();
        ${store.join('\n')}
        this.n = n + 1;
      }
      grow() {
        this.capacity *= 2;
        ${fixed.map(({ i, kind }) => `{ const c = new ${made[kind]}(this.capacity); c.set(this.c${i}); this.c${i} = c; }`).join(' ')}
      }
      get listed() { return ${lists}; }
      write(to) { const n = this.n; ${write.join(' ')} this.n = 0; }
    }`;
  const names = ['OutTexts', 'OutLists', 'putBytes', 'putColumn'];
  return new Function(...names, text)(OutTexts, OutLists, putBytes, putColumn) as RowsClass;
}
/** The place of a choice, as source text; emitting has made sure that it is one. */
const codeText = (values: readonly string[]): string =>
  values.length <= 8
    ? [...values.slice(1).map((v, i) => `v === ${JSON.stringify(v)} ? ${i + 1} : `), '0'].join('')
    : `(${JSON.stringify(Object.fromEntries(values.map((v, i) => [`=${v}`, i])))})['=' + v]`;

const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder('utf-8', { ignoreBOM: true });
/** Texts with their length + 1 in front; 0 = the same as the row before. */
class OutTexts {
  readonly #to = new ByteWriter();
  #before: string | undefined;
  push(text: string): void {
    if (text === this.#before) {
      this.#to.byte(0);
      return;
    }
    this.#before = text;
    const bytes = utf8.encode(text);
    this.#to.count(bytes.length + 1);
    this.#to.append(bytes);
  }
  write(to: ByteWriter): void {
    to.append(this.#to.bytes.subarray(0, this.#to.at));
    this.#to.at = 0;
    this.#before = undefined;
  }
}
function readTexts(from: ByteReader, n: number): string[] {
  const texts: string[] = [];
  for (let i = 0; i < n; i++) {
    const length = from.count();
    if (length > from.bytes.length - from.at + 1) throw new RangeError('a text ends too early');
    if (length === 0) {
      if (i === 0) throw new RangeError('the first text is missing');
      texts.push(texts[i - 1]!);
      continue;
    }
    texts.push(fromUtf8.decode(from.bytes.subarray(from.at, from.at + length - 1)));
    from.at += length - 1;
  }
  return texts;
}

/** Columns as loaders read them. @throws RangeError for bytes that are none */
export function readColumns(schema: Schema, n: number, from: ByteReader): unknown[] {
  return Object.values(schema.fields).map((field): unknown => {
    const kind = kindOf(field);
    if (kind === 'lists') return readLists(from, n);
    if (kind === 'texts') return readTexts(from, n);
    return kind === 'bytes' ? readBytes(from, n) : readColumn(from, n);
  });
}

/** Row `i` as the record that a feedback delivery carries. */
export function rowOf(schema: Schema, columns: readonly unknown[], i: number, key: number): Record<string, unknown> {
  const row: Record<string, unknown> = { key };
  Object.entries(schema.fields).forEach(([name, field], c) => {
    const column = columns[c] as Float64Array & string[] & InLists;
    if (field.kind === 'list') row[name] = new Vec(column.values.slice(column.offsets[i], column.offsets[i + 1]));
    else if (field.kind === 'bool') row[name] = column[i] !== (0 as never);
    else row[name] = field.kind === 'oneOf' ? field.values[column[i] as never] : column[i];
  });
  return row;
}
