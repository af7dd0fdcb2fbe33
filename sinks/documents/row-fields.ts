import { pow10 } from '../../graph/math/index.ts';
import { type Field, isNumberField, type KeyInfo, type NumberKind } from '../../graph/schema/index.ts';
import { digitsOf } from '../../graph/tap/format.ts';
import type { RowBuffer } from '../row-buffer.ts';
import type { Json } from '../store/index.ts';

export type Fields = Record<string, Json>;

/** Row i as JSON fields: amounts in units (the double nearest to the exact decimal), no value as null. */
export function rowFields(rows: RowBuffer, i: number, key: KeyInfo | undefined): Fields {
  const fields: Fields = {};
  const entries = Object.entries<Field>(rows.schema.fields);
  for (let f = 0; f < entries.length; f++) {
    const [name, field] = entries[f]!;
    fields[name] = jsonOf(field, rows.columns[f]![i], key);
  }
  return fields;
}

function jsonOf(f: Field, v: unknown, key: KeyInfo | undefined): Json {
  if (isNumberField(f)) return inUnits(f.kind, v as number, key);
  if (f.kind === 'list') return (v as number[]).map((x) => inUnits(f.of, x, key));
  return v as string | boolean;
}
function inUnits(kind: NumberKind, v: number, key: KeyInfo | undefined): number | null {
  if (!Number.isFinite(v)) return null;
  const digits = digitsOf(kind, key);
  return digits === 0 ? v + 0 : v / pow10(digits);
}
