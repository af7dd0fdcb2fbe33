import { ChimeraError, type Field, type NumberKind, record, type Schema } from '../graph/schema/index.ts';
import { sqlName, sqlText } from './duckdb.ts';

/**
 * How a record schema lies in Parquet. Every dataset begins with `source` (text), `seq` (BIGINT), `t_avail_us`
 * (TIMESTAMP, microseconds, UTC) and `key` (text, e.g. `usdm:BTCUSDT`); then come the schema's fields, in order.
 *
 * Amounts (px, qty, quote, money) are DOUBLE columns that hold the exact decimal: an integer up to 15 digits divided
 * by a power of ten is the double nearest to that decimal, and multiplying and rounding gives the integer back. So
 * every engine (DuckDB, Spark, Polars, pandas, ClickHouse) reads plain prices without knowing our scales, which
 * DECIMAL(p, s) would not do for lists and would do differently per file once an instrument gets another digit. The
 * decimals stand in the manifest and in the file's key-value metadata under `chimera`.
 */
export const LEAD_COLUMNS = ['source', 'seq', 't_avail_us', 'key'] as const;

export type SqlType = 'DOUBLE' | 'BIGINT' | 'BOOLEAN' | 'VARCHAR' | 'DOUBLE[]';

export interface LakeColumn {
  readonly name: string;
  readonly field: Field;
  readonly sqlType: SqlType;
  readonly nullable: boolean;
  /** What is carried between JavaScript and DuckDB. */
  readonly transport: 'number' | 'text' | 'list';
  /** Kind of the number, or of a list's elements. */
  readonly kind: NumberKind | undefined;
}

export interface Digits {
  readonly pxDigits: number;
  readonly qtyDigits: number;
}

export function lakeColumns(schema: Schema): LakeColumn[] {
  return Object.entries(schema.fields).map(([name, field]) => {
    if ((LEAD_COLUMNS as readonly string[]).includes(name))
      throw new ChimeraError('CHM610', `field "${name}" of ${schema.name} has the name of a leading column`, {
        help: `rename the field; ${LEAD_COLUMNS.join(', ')} are taken`,
        field: name,
      });
    return column(name, field);
  });
}

function column(name: string, field: Field): LakeColumn {
  const base = { name, field, nullable: false, transport: 'number', kind: undefined } as const;
  switch (field.kind) {
    case 'text':
      return { ...base, sqlType: 'VARCHAR', transport: 'text' };
    case 'oneOf':
      return { ...base, sqlType: 'VARCHAR' };
    case 'bool':
      return { ...base, sqlType: 'BOOLEAN' };
    case 'list':
      return { ...base, sqlType: 'DOUBLE[]', transport: 'list', kind: field.of };
    case 'int':
    case 'ms':
    case 'us':
      return { ...base, sqlType: 'BIGINT', nullable: field.nullable, kind: field.kind };
    default:
      return { ...base, sqlType: 'DOUBLE', nullable: field.nullable, kind: field.kind };
  }
}

/** Decimals that an integer of this kind stands for; undefined for doubles (`f64`), which have none. */
export function decimalsOf(kind: NumberKind, digits: Digits): number | undefined {
  switch (kind) {
    case 'f64':
      return undefined;
    case 'px':
      return digits.pxDigits;
    case 'qty':
      return digits.qtyDigits;
    case 'quote':
      return digits.pxDigits + digits.qtyDigits;
    case 'money':
      return 8;
    default:
      return 0;
  }
}

/** Divisor between the integer in memory and the stored double; 0 for doubles, which are stored as they are. */
export function scaleOf(column: LakeColumn, digits: Digits): number {
  const d = column.kind && decimalsOf(column.kind, digits);
  return d === undefined ? 0 : 10 ** d;
}

/** Columns of the staging table: seq, t, then one per field; numbers travel as DOUBLE. */
export function stagingTable(name: string, columns: readonly LakeColumn[]): string {
  const types = columns.map((c) => (c.transport === 'number' ? 'DOUBLE' : c.sqlType));
  return `CREATE TABLE ${name} (seq DOUBLE, t DOUBLE, ${types.map((t, i) => `c${i} ${t}`).join(', ')})`;
}

/** SELECT that turns the staging table into the dataset's columns. */
export function writeSelect(table: string, columns: readonly LakeColumn[], source: string, key: string): string {
  const select = [
    `${sqlText(source)}::VARCHAR AS source`,
    'seq::BIGINT AS seq',
    'make_timestamp(t::BIGINT)::TIMESTAMPTZ AS t_avail_us',
    `${key === '' ? 'NULL' : sqlText(key)}::VARCHAR AS key`,
    ...columns.map((c, i) => `${writeExpression(c, `c${i}`)} AS ${sqlName(c.name)}`),
  ];
  return `SELECT ${select.join(', ')} FROM ${table}`;
}
function writeExpression(c: LakeColumn, from: string): string {
  if (c.transport !== 'number') return from;
  if (c.field.kind === 'oneOf')
    return `CASE ${from} ${c.field.values.map((v, i) => `WHEN ${i} THEN ${sqlText(v)}`).join(' ')} END`;
  if (c.field.kind === 'bool') return `${from} = 1`;
  const value = c.sqlType === 'BIGINT' ? `${from}::BIGINT` : from;
  return c.nullable ? `CASE WHEN isnan(${from}) THEN NULL ELSE ${value} END` : value;
}

/**
 * SELECT list that brings a file's columns as DOUBLE (NULL → NaN), VARCHAR and DOUBLE[]. A field that the file does
 * not have (it was added later) reads as its default: no value, false, the empty text, the empty list.
 */
export function readSelect(
  columns: readonly LakeColumn[],
  present: ReadonlyMap<string, string>,
  file: string,
): string[] {
  return [
    'seq::DOUBLE',
    present.get('t_avail_us')?.startsWith('TIMESTAMP') ? 'epoch_us(t_avail_us)::DOUBLE' : 't_avail_us::DOUBLE',
    ...columns.map((c) => (present.has(c.name) ? readExpression(c) : defaultExpression(c, file))),
  ];
}
function readExpression(c: LakeColumn): string {
  const name = sqlName(c.name);
  if (c.transport === 'text') return `coalesce(${name}, '')`;
  if (c.transport === 'list') return name;
  if (c.field.kind === 'oneOf')
    return `CASE ${name} ${c.field.values.map((v, i) => `WHEN ${sqlText(v)} THEN ${i}::DOUBLE`).join(' ')} ELSE -1::DOUBLE END`;
  return c.nullable ? `coalesce(${name}::DOUBLE, 'nan'::DOUBLE)` : `${name}::DOUBLE`;
}
function defaultExpression(c: LakeColumn, file: string): string {
  if (c.transport === 'text') return `''`;
  if (c.transport === 'list') return '[]::DOUBLE[]';
  if (c.nullable) return `'nan'::DOUBLE`;
  if (c.field.kind === 'bool') return '0::DOUBLE';
  throw new ChimeraError('CHM610', `${file} has no column "${c.name}"`, {
    file,
    field: c.name,
    help: 'a field may only be missing from older files when it is nullable, a flag, a text or a list',
  });
}

/** The schema as data, for the manifest and the Parquet metadata. */
export interface SchemaJson {
  name: string;
  version: number;
  fields: Record<string, Field>;
}
export function schemaToJson(schema: Schema): SchemaJson {
  const fields: Record<string, Field> = {};
  for (const [name, { doc: _, ...f }] of Object.entries(schema.fields)) fields[name] = f as Field;
  return { name: schema.name, version: schema.version, fields };
}
export const schemaFromJson = (j: SchemaJson): Schema => record(j.name, j.version, j.fields);
