import { refuse } from '../arango-error.ts';
import type { BinaryOperator, Expression, Query } from './ast.ts';
import { FUNCTIONS } from './functions.ts';
import type { Frame, Scope } from './scope.ts';
import { compare, equal, finite, isObject, isTrue, own, toNumber, toText, type Value } from './values.ts';

export type Evaluate = (f: Frame) => Value;
/** Makes of a subquery what gives its rows. */
export type CompileQuery = (query: Query, scope: Scope) => (f: Frame) => Value[];

/** Most elements of a range that become a list. */
const LONGEST_RANGE = 10_000_000;

/** Compiles an expression to a closure over the frame; everything that can be refused beforehand is. */
export function compileExpression(e: Expression, scope: Scope, subquery: CompileQuery): Evaluate {
  const compiled = (x: Expression): Evaluate => compileExpression(x, scope, subquery);
  switch (e.type) {
    case 'value': {
      const { value } = e;
      return () => value;
    }
    case 'parameter': {
      if (e.name.startsWith('@')) throw inExpression(e.name);
      const value = scope.binding(e.name);
      return () => value;
    }
    case 'name': {
      const slot = scope.slotOf(e.name);
      if (slot !== undefined) return (f) => f[slot] ?? null;
      // Throws unless there is such a collection.
      throw inExpression(scope.collectionOf(e)!);
    }
    case 'item': {
      const slot = scope.slotOf(ITEM)!;
      return (f) => f[slot] ?? null;
    }
    case 'array': {
      const items = e.items.map(compiled);
      return (f) => items.map((i) => i(f));
    }
    case 'object': {
      const entries = e.entries.map(({ name, value }) => {
        const named: Evaluate = typeof name === 'string' ? () => name : compiled(name);
        return [named, compiled(value)] as const;
      });
      return (f) => Object.fromEntries(entries.map(([name, value]) => [toText(name(f)), value(f)]));
    }
    case 'attribute':
    case 'attributeParameter': {
      const of = compiled(e.of);
      const name = e.type === 'attribute' ? e.name : scope.binding(e.name);
      if (typeof name !== 'string') throw refuse('bindType', `bind parameter '${e.name}' has an invalid value or type`);
      return (f) => own(of(f), name);
    }
    case 'element': {
      const of = compiled(e.of);
      const index = compiled(e.index);
      return (f) => elementOf(of(f), index(f));
    }
    case 'expansion': {
      const of = compiled(e.of);
      return scope.inner(() => {
        const slot = scope.declare(ITEM);
        const item = compiled(e.item);
        return (f) => {
          const list = of(f);
          if (!Array.isArray(list)) return [];
          return list.map((x) => {
            f[slot] = x;
            return item(f);
          });
        };
      });
    }
    case 'unary': {
      const operand = compiled(e.operand);
      if (e.operator === '!') return (f) => !isTrue(operand(f));
      const sign = e.operator === '-' ? -1 : 1;
      return (f) => finite(sign * toNumber(operand(f)));
    }
    case 'binary': {
      const [left, right] = [compiled(e.left), compiled(e.right)];
      if (e.operator === 'AND') {
        return (f) => {
          const v = left(f);
          return isTrue(v) ? right(f) : v;
        };
      }
      if (e.operator === 'OR') {
        return (f) => {
          const v = left(f);
          return isTrue(v) ? v : right(f);
        };
      }
      const operator = OPERATORS[e.operator];
      return (f) => operator(left(f), right(f));
    }
    case 'quantified': {
      const [left, right] = [compiled(e.left), compiled(e.right)];
      const operator = OPERATORS[e.operator as keyof typeof OPERATORS];
      return (f) => {
        const list = left(f);
        if (!Array.isArray(list)) return false;
        const against = right(f);
        const holds = (x: Value): boolean => operator(x, against) === true;
        return e.quantifier === 'ALL'
          ? list.every(holds)
          : e.quantifier === 'ANY'
            ? list.some(holds)
            : !list.some(holds);
      };
    }
    case 'ternary': {
      const test = compiled(e.test);
      const yes = e.yes && compiled(e.yes);
      const otherwise = compiled(e.otherwise);
      return (f) => {
        const v = test(f);
        return isTrue(v) ? (yes ? yes(f) : v) : otherwise(f);
      };
    }
    case 'range': {
      const [from, to] = [compiled(e.from), compiled(e.to)];
      return (f) => rangeOf(Math.trunc(toNumber(from(f))), Math.trunc(toNumber(to(f))));
    }
    case 'subquery':
      return scope.inner(() => subquery(e.query, scope));
    case 'call':
      return compileCall(e.name, e.args, scope, compiled);
  }
}
/** No identifier of a query can have this name. */
const ITEM = '[*]';
const inExpression = (name: string) =>
  refuse('collectionInExpression', `AQL: collection '${name}' used as expression operand`);

function compileCall(
  name: string,
  args: readonly Expression[],
  scope: Scope,
  compiled: (e: Expression) => Evaluate,
): Evaluate {
  const [first] = args;
  if ((name === 'LENGTH' || name === 'COUNT') && args.length === 1) {
    const collection = scope.collectionOf(first!);
    if (collection !== undefined) {
      scope.read(collection);
      return () => scope.data.scan(collection).length;
    }
  }
  if (name === 'DOCUMENT') return compileDocument(args, scope, compiled);
  const known = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
  if (!known) throw refuse('functionUnknown', `AQL: usage of unknown function '${name}()'`);
  if (args.length < known.min || args.length > known.max)
    throw refuse(
      'argumentNumber',
      `AQL: invalid number of arguments for function '${name}()', expected number of arguments: minimum: ${known.min}, maximum: ${known.max}`,
    );
  const given = args.map(compiled);
  return (f) => known.run(...given.map((g) => g(f)));
}
/** `DOCUMENT(id | ids)` or `DOCUMENT(collection, key | keys)`; what is not there is null. */
function compileDocument(args: readonly Expression[], scope: Scope, compiled: (e: Expression) => Evaluate): Evaluate {
  if (args.length < 1 || args.length > 2)
    throw refuse(
      'argumentNumber',
      "AQL: invalid number of arguments for function 'DOCUMENT()', expected number of arguments: minimum: 1, maximum: 2",
    );
  const named = args.length === 2 ? scope.collectionOf(args[0]!) : undefined;
  const id = compiled(args.at(-1)!);
  const of = args.length === 2 && named === undefined ? compiled(args[0]!) : undefined;
  const lookUp = (v: Value, collection: Value): Value => {
    if (typeof v !== 'string') return null;
    const slash = v.indexOf('/');
    const at = slash < 0 ? collection : v.slice(0, slash);
    if (typeof at !== 'string' || !scope.data.has(at)) return null;
    return scope.data.get(at, v.slice(slash + 1)) ?? null;
  };
  return (f) => {
    const collection = named ?? of?.(f) ?? null;
    const v = id(f);
    return Array.isArray(v) ? v.map((x) => lookUp(x, collection)).filter((d) => d !== null) : lookUp(v, collection);
  };
}

const isIn = (x: Value, list: Value): boolean => Array.isArray(list) && list.some((y) => equal(x, y));
const like = (text: Value, pattern: Value): boolean =>
  new RegExp(
    `^${toText(pattern).replace(/\\[\s\S]|[\s\S]/g, (c) => (c === '%' ? '[\\s\\S]*' : c === '_' ? '[\\s\\S]' : quoted(c)))}$`,
    'u',
  ).test(toText(text));
const quoted = (c: string): string => (c.length === 2 ? c.slice(1) : c).replace(/[\\^$.*+?()[\]{}|/-]/, '\\$&');
const matches = (text: Value, pattern: Value): boolean => new RegExp(toText(pattern), 'u').test(toText(text));

const OPERATORS: Record<Exclude<BinaryOperator, 'AND' | 'OR'>, (a: Value, b: Value) => Value> = {
  '==': equal,
  '!=': (a, b) => !equal(a, b),
  '<': (a, b) => compare(a, b) < 0,
  '<=': (a, b) => compare(a, b) <= 0,
  '>': (a, b) => compare(a, b) > 0,
  '>=': (a, b) => compare(a, b) >= 0,
  IN: isIn,
  'NOT IN': (x, list) => !isIn(x, list),
  LIKE: like,
  'NOT LIKE': (a, b) => !like(a, b),
  '=~': matches,
  '!~': (a, b) => !matches(a, b),
  '+': (a, b) => finite(toNumber(a) + toNumber(b)),
  '-': (a, b) => finite(toNumber(a) - toNumber(b)),
  '*': (a, b) => finite(toNumber(a) * toNumber(b)),
  // By zero: null and a warning.
  '/': (a, b) => (toNumber(b) === 0 ? null : finite(toNumber(a) / toNumber(b))),
  '%': (a, b) => (toNumber(b) === 0 ? null : finite(toNumber(a) % toNumber(b))),
};

function elementOf(of: Value, index: Value): Value {
  if (Array.isArray(of)) {
    const i = Math.trunc(toNumber(index));
    return (i < 0 ? of.at(i) : of[i]) ?? null;
  }
  return isObject(of) ? own(of, toText(index)) : null;
}
function rangeOf(from: number, to: number): Value[] {
  const length = Math.abs(to - from) + 1;
  if (length > LONGEST_RANGE) throw refuse('badParameter', 'AQL: range is too large');
  const step = to < from ? -1 : 1;
  return Array.from({ length }, (_, i) => from + i * step);
}
