/** A value of AQL. Absent attributes are null. */
export type Value = null | boolean | number | string | Value[] | { [name: string]: Value };
export type ObjectValue = { [name: string]: Value };

export const isObject = (v: Value): v is ObjectValue => typeof v === 'object' && v !== null && !Array.isArray(v);

/** Order of types: null < bool < number < string < array < object. */
export function typeRank(v: Value): number {
  if (v === null) return 0;
  if (typeof v === 'boolean') return 1;
  if (typeof v === 'number') return 2;
  if (typeof v === 'string') return 3;
  return Array.isArray(v) ? 4 : 5;
}

/** The server compares text by the rules of a language (English by default), upper case first, identity last. */
const collator = new Intl.Collator('en', { caseFirst: 'upper' });
function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return collator.compare(a, b) || (a < b ? -1 : 1);
}

/** Total order over all values. A missing element or attribute counts as null, which is smaller than anything. */
export function compare(a: Value, b: Value): number {
  const rank = typeRank(a) - typeRank(b);
  if (rank !== 0) return rank;
  if (typeof a === 'string') return compareText(a, b as string);
  if (typeof a === 'number' || typeof a === 'boolean') return Number(a) - Number(b);
  if (a === null) return 0;
  if (Array.isArray(a)) {
    const other = b as Value[];
    for (let i = 0; i < Math.max(a.length, other.length); i++) {
      const c = compare(a[i] ?? null, other[i] ?? null);
      if (c !== 0) return c;
    }
    return 0;
  }
  const other = b as ObjectValue;
  const names = [...new Set([...Object.keys(a), ...Object.keys(other)])].sort();
  for (const name of names) {
    const c = compare(own(a, name), own(other, name));
    if (c !== 0) return c;
  }
  return 0;
}
export const equal = (a: Value, b: Value): boolean =>
  a === b || (typeof a === 'object' && typeof b === 'object' && compare(a, b) === 0);

/** An attribute, or null. */
export const own = (v: Value, name: string): Value =>
  isObject(v) && Object.hasOwn(v, name) ? (v[name] ?? null) : null;

export const isTrue = (v: Value): boolean => v !== null && v !== false && v !== 0 && v !== '';

/** What arithmetic makes of a value: text that is no number and objects are 0; a list of one is its element. */
export function toNumber(v: Value): number {
  if (typeof v === 'number') return v;
  if (typeof v === 'boolean') return Number(v);
  if (typeof v === 'string') {
    const n = v.trim() === '' ? 0 : Number(v);
    return Number.isFinite(n) ? n : 0;
  }
  if (Array.isArray(v) && v.length === 1) return toNumber(v[0]!);
  return 0;
}
export function toText(v: Value): string {
  if (v === null) return '';
  return typeof v === 'string' ? v : JSON.stringify(v);
}
/** A key under which equal values meet. */
export function keyOf(v: Value): string {
  if (Array.isArray(v)) return `[${v.map(keyOf).join(',')}]`;
  if (!isObject(v)) return JSON.stringify(v);
  const names = Object.keys(v)
    .filter((n) => v[n] !== null)
    .sort();
  return `{${names.map((n) => `${JSON.stringify(n)}:${keyOf(v[n]!)}`).join(',')}}`;
}
/** A result that JSON can hold: what is no number is null, as the server has it. */
export const finite = (x: number): Value => (Number.isFinite(x) ? x + 0 : null);
