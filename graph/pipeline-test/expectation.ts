import type { Expectation, ExpectedRow } from '../document/tests.ts';
import { formatDecimal } from '../math/index.ts';
import { type Field, isNumberField, type KeyTable, type Schema } from '../schema/index.ts';
import { digitsOf } from '../tap/format.ts';
import { toValue } from './stage.ts';

/** A row that a port really had. */
export interface SeenRow {
  t: number;
  /** Key index, −1 = none. */
  key: number;
  values: Record<string, unknown>;
}

/** Compares what a port did with what was expected. @returns a message, or null when it holds */
export function judge(
  e: Expectation,
  rows: readonly SeenRow[],
  schema: Schema,
  keys: KeyTable,
  startUs: number,
): string | null {
  const fits = (want: ExpectedRow, got: SeenRow) =>
    difference(want, got, schema, keys, startUs, e.mode === 'approx' ? e.tolerance : undefined);
  const show = (got: SeenRow | undefined) => (got ? showRow(got, schema, keys, startUs) : 'nothing');
  const port = `${e.node}.${e.port}`;
  switch (e.mode) {
    case 'none':
      return rows.length === 0
        ? null
        : `${port} should be silent, but gave ${rows.length} row(s), first ${show(rows[0])}`;
    case 'count':
      return rows.length === e.count ? null : `${port} should give ${e.count} row(s), gave ${rows.length}`;
    case 'contains': {
      let at = 0;
      for (const want of e.rows) {
        while (at < rows.length && fits(want, rows[at]!) !== null) at++;
        if (at === rows.length)
          return `${port} never gives the row of line ${want.line} (in this order); it gave ${rows.length} row(s)`;
        at++;
      }
      return null;
    }
    case 'unordered': {
      const left = [...rows];
      for (const want of e.rows) {
        const i = left.findIndex((got) => fits(want, got) === null);
        if (i < 0) return `${port} does not give the row of line ${want.line}`;
        left.splice(i, 1);
      }
      return left.length === 0 ? null : `${port} gives ${left.length} more row(s), first ${show(left[0])}`;
    }
    default: {
      for (let i = 0; i < Math.max(rows.length, e.rows.length); i++) {
        const want = e.rows[i];
        const got = rows[i];
        if (!want) return `${port} gives ${rows.length - e.rows.length} more row(s), first ${show(got)}`;
        if (!got)
          return `${port} gives ${rows.length} of ${e.rows.length} row(s); missing is the row of line ${want.line}`;
        const d = fits(want, got);
        if (d !== null) return `${port} row ${i + 1} (line ${want.line}): ${d}; it gave ${show(got)}`;
      }
      return null;
    }
  }
}

/** What is different, or null. */
function difference(
  want: ExpectedRow,
  got: SeenRow,
  schema: Schema,
  keys: KeyTable,
  startUs: number,
  tolerance: number | undefined,
): string | null {
  if (want.atUs !== undefined && want.atUs !== got.t)
    return `expected at ${want.atUs - startUs}us, came at ${got.t - startUs}us`;
  const key = got.key >= 0 ? keys.at(got.key) : undefined;
  if (want.key !== undefined && want.key !== key?.name)
    return `expected for ${want.key}, came for ${key?.name ?? 'no instrument'}`;
  for (const [name, v] of Object.entries(want.values)) {
    const f = schema.fields[name]!;
    const expected = toValue(v, f, key);
    if (!same(expected, got.values[name], f, tolerance))
      return `${name} is ${show(got.values[name], f, key)}, expected ${show(expected, f, key)}`;
  }
  return null;
}
function same(a: unknown, b: unknown, f: Field, tolerance: number | undefined): boolean {
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((x, i) => Object.is(x, b[i]));
  if (tolerance !== undefined && f.kind === 'f64' && typeof a === 'number' && typeof b === 'number')
    return Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(a));
  return a === b || Object.is(a, b);
}
function show(v: unknown, f: Field, key: KeyTable['list'][number] | undefined): string {
  if (Array.isArray(v))
    return `[${v.map((x) => show(x, f.kind === 'list' ? { kind: f.of, nullable: false } : f, key)).join(', ')}]`;
  if (typeof v === 'number' && isNumberField(f) && ['px', 'qty', 'quote', 'money'].includes(f.kind) && !Number.isNaN(v))
    return formatDecimal(v, digitsOf(f.kind, key));
  return Number.isNaN(v) ? 'null' : String(v);
}
export function showRow(got: SeenRow, schema: Schema, keys: KeyTable, startUs: number): string {
  const key = got.key >= 0 ? keys.at(got.key) : undefined;
  const fields = Object.entries(schema.fields).map(([name, f]) => `${name}: ${show(got.values[name], f, key)}`);
  return `{ at: ${got.t - startUs}us${key ? `, key: ${key.name}` : ''}, ${fields.join(', ')} }`;
}
