import {
  compare,
  equal,
  finite,
  isObject,
  isTrue,
  keyOf,
  type ObjectValue,
  own,
  toNumber,
  toText,
  typeRank,
  type Value,
} from './values.ts';

export interface AqlFunction {
  readonly min: number;
  readonly max: number;
  readonly run: (...args: Value[]) => Value;
}
const fn = (min: number, max: number, run: (...args: Value[]) => Value): AqlFunction => ({ min, max, run });
const MANY = 1000;

const list = (v: Value | undefined): Value[] => (Array.isArray(v) ? v : []);
const numbers = (v: Value | undefined): number[] => list(v).filter((x): x is number => typeof x === 'number');
const present = (v: Value | undefined): Value[] => list(v).filter((x) => x !== null);
function distinct(values: readonly Value[]): Value[] {
  const seen = new Set<string>();
  return values.filter((v) => {
    const key = keyOf(v);
    return !seen.has(key) && seen.add(key);
  });
}
function flat(values: readonly Value[], depth: number): Value[] {
  return values.flatMap((v) => (Array.isArray(v) && depth > 0 ? flat(v, depth - 1) : [v]));
}
function lengthOf(v: Value): number {
  if (v === null) return 0;
  if (Array.isArray(v)) return v.length;
  if (isObject(v)) return Object.keys(v).length;
  if (typeof v === 'boolean') return Number(v);
  return [...toText(v)].length;
}
const extreme = (v: Value, sign: number): Value =>
  Array.isArray(v)
    ? present(v).reduce<Value>((best, x) => (best === null || sign * compare(x, best) > 0 ? x : best), null)
    : null;
const average = (v: Value): Value => {
  const all = numbers(v);
  return all.length === 0 ? null : finite(all.reduce((a, b) => a + b, 0) / all.length);
};
const names = (args: readonly Value[]): Set<Value> => new Set(flat(args, 1));
const picked = (v: Value, keep: (name: string) => boolean): Value =>
  isObject(v) ? Object.fromEntries(Object.entries(v).filter(([n]) => keep(n))) : null;
function merged(args: readonly Value[]): Value {
  const all = args.length === 1 && Array.isArray(args[0]) ? args[0] : args;
  if (!all.every(isObject)) return null;
  // Not Object.assign: an attribute may have any name.
  return Object.fromEntries(all.flatMap((o) => Object.entries(o as ObjectValue)));
}
const identifier = (v: Value): Value => {
  const id = isObject(v) ? own(v, '_id') : v;
  if (typeof id !== 'string') return null;
  const [collection, key, ...more] = id.split('/');
  return key === undefined || more.length > 0 ? null : { collection: collection!, key };
};
const sorted = (v: Value): Value => (Array.isArray(v) ? [...v].sort(compare) : null);

/** Functions whose value follows from their arguments. What is not here is unknown, as on a server. */
export const FUNCTIONS: Readonly<Record<string, AqlFunction>> = {
  LENGTH: fn(1, 1, (v) => lengthOf(v!)),
  COUNT: fn(1, 1, (v) => lengthOf(v!)),
  FIRST: fn(1, 1, (v) => list(v)[0] ?? null),
  LAST: fn(1, 1, (v) => list(v).at(-1) ?? null),
  NTH: fn(2, 2, (v, n) => (toNumber(n!) < 0 ? null : (list(v)[Math.trunc(toNumber(n!))] ?? null))),
  APPEND: fn(2, 3, (a, b, once) => {
    if (a === null) return list(b);
    const all = [...list(a), ...(Array.isArray(b) ? b : b === null ? [] : [b!])];
    return isTrue(once ?? false) ? distinct(all) : all;
  }),
  PUSH: fn(2, 3, (a, v, once) =>
    isTrue(once ?? false) && list(a).some((x) => equal(x, v!)) ? list(a) : [...list(a), v!],
  ),
  UNION: fn(2, MANY, (...all) => all.flatMap(list)),
  UNION_DISTINCT: fn(2, MANY, (...all) => distinct(all.flatMap(list))),
  UNIQUE: fn(1, 1, (v) => (Array.isArray(v) ? distinct(v) : null)),
  FLATTEN: fn(1, 2, (v, depth) => flat(list(v), depth === undefined ? 1 : toNumber(depth))),
  REVERSE: fn(1, 1, (v) => (Array.isArray(v) ? [...v].reverse() : [...toText(v!)].reverse().join(''))),
  SLICE: fn(2, 3, (v, from, n) => {
    const rest = list(v).slice(toNumber(from!));
    return n === undefined ? rest : rest.slice(0, toNumber(n));
  }),
  SORTED: fn(1, 1, (v) => sorted(v!)),
  SORTED_UNIQUE: fn(1, 1, (v) => (Array.isArray(v) ? sorted(distinct(v)) : null)),
  POSITION: fn(2, 3, (v, x, index) => {
    const at = list(v).findIndex((y) => equal(x!, y));
    return isTrue(index ?? false) ? at : at >= 0;
  }),
  MIN: fn(1, 1, (v) => extreme(v!, -1)),
  MAX: fn(1, 1, (v) => extreme(v!, 1)),
  SUM: fn(1, 1, (v) => (Array.isArray(v) ? finite(numbers(v).reduce((a, b) => a + b, 0)) : null)),
  AVERAGE: fn(1, 1, (v) => average(v!)),
  AVG: fn(1, 1, (v) => average(v!)),
  ABS: fn(1, 1, (v) => finite(Math.abs(toNumber(v!)))),
  FLOOR: fn(1, 1, (v) => finite(Math.floor(toNumber(v!)))),
  CEIL: fn(1, 1, (v) => finite(Math.ceil(toNumber(v!)))),
  ROUND: fn(1, 1, (v) => finite(Math.floor(toNumber(v!) + 0.5))),
  CONCAT: fn(1, MANY, (...all) => (all.length === 1 && Array.isArray(all[0]) ? all[0] : all).map(toText).join('')),
  CONCAT_SEPARATOR: fn(2, MANY, (separator, ...all) =>
    present(all.length === 1 && Array.isArray(all[0]) ? all[0] : all)
      .map(toText)
      .join(toText(separator!)),
  ),
  SPLIT: fn(1, 3, (text, separator) =>
    separator === undefined ? [toText(text!)] : toText(text!).split(toText(separator)),
  ),
  CONTAINS: fn(2, 3, (text, search, index) => {
    const at = toText(text!).indexOf(toText(search!));
    return isTrue(index ?? false) ? at : at >= 0;
  }),
  STARTS_WITH: fn(2, 2, (text, prefix) => toText(text!).startsWith(toText(prefix!))),
  SUBSTRING: fn(2, 3, (text, from, n) => {
    const rest = [...toText(text!)].slice(toNumber(from!));
    return (n === undefined ? rest : rest.slice(0, toNumber(n))).join('');
  }),
  LOWER: fn(1, 1, (v) => toText(v!).toLowerCase()),
  UPPER: fn(1, 1, (v) => toText(v!).toUpperCase()),
  MERGE: fn(1, MANY, (...all) => merged(all)),
  KEEP: fn(2, MANY, (v, ...keep) => {
    const kept = names(keep);
    return picked(v!, (n) => kept.has(n));
  }),
  UNSET: fn(2, MANY, (v, ...drop) => {
    const dropped = names(drop);
    return picked(v!, (n) => !dropped.has(n));
  }),
  HAS: fn(2, 2, (v, name) => isObject(v!) && Object.hasOwn(v, toText(name!))),
  ATTRIBUTES: fn(1, 3, (v, system, sort) => {
    if (!isObject(v!)) return null;
    const found = Object.keys(v).filter((n) => !isTrue(system ?? false) || !n.startsWith('_'));
    return isTrue(sort ?? false) ? found.sort(compare) : found;
  }),
  PARSE_IDENTIFIER: fn(1, 1, (v) => identifier(v!)),
  NOT_NULL: fn(1, MANY, (...all) => all.find((v) => v !== null) ?? null),
  TO_NUMBER: fn(1, 1, (v) => toNumber(v!)),
  TO_STRING: fn(1, 1, (v) => toText(v!)),
  TO_BOOL: fn(1, 1, (v) => isTrue(v!)),
  TO_ARRAY: fn(1, 1, (v) => (v === null ? [] : Array.isArray(v) ? v : isObject(v!) ? Object.values(v) : [v!])),
  TYPENAME: fn(1, 1, (v) => ['null', 'bool', 'number', 'string', 'array', 'object'][typeRank(v!)]!),
  IS_NULL: fn(1, 1, (v) => v === null),
  IS_BOOL: fn(1, 1, (v) => typeof v === 'boolean'),
  IS_NUMBER: fn(1, 1, (v) => typeof v === 'number'),
  IS_STRING: fn(1, 1, (v) => typeof v === 'string'),
  IS_ARRAY: fn(1, 1, (v) => Array.isArray(v)),
  IS_OBJECT: fn(1, 1, (v) => isObject(v!)),
};

/** What AGGREGATE takes: over the values of a group. */
export const AGGREGATES: Readonly<Record<string, (values: Value[]) => Value>> = {
  COUNT: (v) => v.length,
  LENGTH: (v) => v.length,
  MIN: (v) => extreme(v, -1),
  MAX: (v) => extreme(v, 1),
  SUM: (v) => finite(v.reduce<number>((a, b) => a + toNumber(b), 0)),
  AVG: average,
  AVERAGE: average,
  UNIQUE: distinct,
  SORTED_UNIQUE: (v) => sorted(distinct(v)),
  COUNT_DISTINCT: (v) => distinct(v).length,
};
