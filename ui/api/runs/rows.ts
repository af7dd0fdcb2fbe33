import { type Field, isNumberField, type KeyInfo, type Schema } from '../../../graph/schema/index.ts';
import { formatValue } from '../../../graph/tap/format.ts';
import type { Columns, KeyName } from '../../observe/messages.ts';
import type { Row } from '../contract/records.ts';

/** Levels of a list that are shown: the last ones, which of a ladder are the best. */
const MOST_OF_A_LIST = 25;

/** The keys of a run, by the numbers that its rows carry. */
export class Keys {
  readonly #keys: KeyInfo[] = [];
  add(more: readonly KeyName[]): void {
    for (const { name, pxDigits, qtyDigits } of more)
      this.#keys.push({
        index: this.#keys.length,
        name,
        pxDigits,
        qtyDigits,
        pxScale: 10 ** pxDigits,
        qtyScale: 10 ** qtyDigits,
      });
  }
  clear(): void {
    this.#keys.length = 0;
  }
  at(index: number): KeyInfo | undefined {
    return this.#keys[index];
  }
}

/** A row as the page shows it: exact amounts as texts, features as numbers, what has no value as null. */
export function rowOf(c: Columns, i: number, schema: Schema, causes: readonly string[], keys: Keys): Row {
  const key = keys.at(c.key[i]!);
  return {
    source: causes[c.cause[i]!] ?? '',
    seq: c.seq[i]!,
    at_us: c.t[i]!,
    key: key?.name ?? null,
    values: valuesOf(c, i, schema, key),
  };
}
export function valuesOf(c: Columns, i: number, schema: Schema, key: KeyInfo | undefined): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(schema.fields).map(([name, f], at) => [name, shown(f, c.columns[at]![i], key)]),
  );
}
/** One value as the page shows it. */
export function shown(f: Field, v: unknown, key: KeyInfo | undefined): unknown {
  if (f.kind === 'list')
    return (v as number[]).slice(-MOST_OF_A_LIST).map((x) => shown({ kind: f.of, nullable: true }, x, key));
  if (!isNumberField(f)) return v;
  if (Number.isNaN(v)) return null;
  return EXACT.has(f.kind) ? formatValue(f, v, key) : v;
}
const EXACT = new Set(['px', 'qty', 'quote', 'money']);

/** The same as numbers in units, for conditions and decisions: exact amounts as the nearest doubles. */
export function numbersOf(c: Columns, i: number, schema: Schema, key: KeyInfo | undefined): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(schema.fields).map(([name, f], at) => {
      const v = c.columns[at]![i];
      return [name, isNumberField(f) ? inUnits(f.kind, v as number, key) : v];
    }),
  );
}
function inUnits(kind: string, v: number, key: KeyInfo | undefined): number {
  const { pxScale = 1, qtyScale = 1 } = key ?? {};
  if (kind === 'px') return v / pxScale;
  if (kind === 'qty') return v / qtyScale;
  if (kind === 'quote') return v / (pxScale * qtyScale);
  return kind === 'money' ? v / 1e8 : v;
}
