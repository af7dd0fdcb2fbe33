import { refuse } from '../arango-error.ts';
import type { Expression, Query, Statement } from './ast.ts';
import { compileCollect } from './collect.ts';
import { compileExpression, type Evaluate } from './compile-expression.ts';
import { compileModify, compileUpsert } from './modify.ts';
import type { Frame, Scope } from './scope.ts';
import { each, limit, type MakeStage, type Stage, sort } from './stage.ts';
import { compileTraversal } from './traversal.ts';
import { isTrue, keyOf, type ObjectValue, type Value } from './values.ts';

/** Compiles a query or subquery to what gives its rows. */
export function compileQuery(query: Query, scope: Scope): (f: Frame) => Value[] {
  for (const named of query.with) scope.collectionOf(named);
  const compiled = (e: Expression): Evaluate => compileExpression(e, scope, compileQuery);
  const stages = query.statements.map((s, i) => compileStatement(s, query.statements[i + 1], scope, compiled));
  return (f) => {
    const rows: Value[] = [];
    let chain: Stage = { push: () => true, end: () => {} };
    for (let i = stages.length - 1; i >= 0; i--) chain = stages[i]!(chain, rows);
    chain.push(f);
    chain.end();
    return rows;
  };
}

type MakeOutput = (next: Stage, rows: Value[]) => Stage;

function compileStatement(
  s: Statement,
  after: Statement | undefined,
  scope: Scope,
  compiled: (e: Expression) => Evaluate,
): MakeStage | MakeOutput {
  switch (s.type) {
    case 'for':
      return compileFor(s, after, scope, compiled);
    case 'traversal':
      return compileTraversal(s, scope, compiled);
    case 'filter': {
      const condition = compiled(s.condition);
      return each((f, next) => (isTrue(condition(f)) ? next.push(f) : true));
    }
    case 'let': {
      const set = s.assignments.map(({ variable, value }) => {
        const evaluate = compiled(value);
        return { evaluate, slot: scope.declare(variable) };
      });
      return each((f, next) => {
        for (const { evaluate, slot } of set) f[slot] = evaluate(f);
        return next.push(f);
      });
    }
    case 'sort':
      return sort(s.by.map((b) => ({ value: compiled(b.value), sign: b.descending ? -1 : 1 })));
    case 'limit':
      return limit(s.offset ? amount(compiled(s.offset)) : 0, amount(compiled(s.count)));
    case 'collect':
      return compileCollect(s, scope, compiled);
    case 'modify':
      return compileModify(s, scope, compiled);
    case 'upsert':
      return compileUpsert(s, scope, compiled);
    case 'return':
      return compileReturn(compiled(s.value), s.distinct);
  }
}

function compileReturn(value: Evaluate, distinct: boolean): MakeOutput {
  return (_, rows) => {
    const seen = new Set<string>();
    return {
      push: (f) => {
        const v = value(f);
        if (distinct) {
          const key = keyOf(v);
          if (seen.has(key)) return true;
          seen.add(key);
        }
        rows.push(v);
        return true;
      },
      end: () => {},
    };
  };
}

/** LIMIT takes numbers that are known before the query runs. */
function amount(e: Evaluate): number {
  const v = e([]);
  if (typeof v !== 'number' || v < 0) throw refuse('bindType', 'AQL: LIMIT needs a number ≥ 0');
  return Math.trunc(v);
}

type For = Extract<Statement, { type: 'for' }>;
function compileFor(
  s: For,
  after: Statement | undefined,
  scope: Scope,
  compiled: (e: Expression) => Evaluate,
): MakeStage {
  if (s.options) throw refuse('compileTimeOptions', 'AQL: options of loops are not known here');
  const { data } = scope;
  const collection = scope.collectionOf(s.source);
  if (collection !== undefined) {
    scope.read(collection);
    const lookUp = after?.type === 'filter' ? findLookUp(s.variable, after.condition, scope, compiled) : undefined;
    const slot = scope.declare(s.variable);
    const among = (f: Frame): readonly (ObjectValue | undefined)[] => {
      const wanted = lookUp?.value(f);
      if (lookUp?.field === '_key')
        return (Array.isArray(wanted) ? wanted : [wanted]).map((k) =>
          typeof k === 'string' ? data.get(collection, k) : undefined,
        );
      if (lookUp && data.isEdges(collection) && typeof wanted === 'string')
        return data.edges(collection, lookUp.field as '_from' | '_to', wanted);
      return data.scan(collection);
    };
    return each((f, next) => {
      for (const d of among(f)) {
        if (!d) continue;
        f[slot] = d;
        if (!next.push(f)) return false;
      }
      return true;
    });
  }
  const source = compiled(s.source);
  const slot = scope.declare(s.variable);
  return each((f, next) => {
    const list = source(f);
    if (!Array.isArray(list))
      throw refuse('arrayExpected', 'AQL: collection or array expected as operand to FOR loop (while executing)');
    for (const v of list) {
      f[slot] = v;
      if (!next.push(f)) return false;
    }
    return true;
  });
}

/**
 * `FILTER d._key == …`, `d._key IN …`, `e._from == …`: found by index, so that the double is no slower than need be. The
 * filter runs all the same.
 */
function findLookUp(
  variable: string,
  condition: Expression,
  scope: Scope,
  compiled: (e: Expression) => Evaluate,
): { field: string; value: Evaluate } | undefined {
  if (condition.type !== 'binary') return undefined;
  const { operator, left, right } = condition;
  if (operator === 'AND')
    return findLookUp(variable, left, scope, compiled) ?? findLookUp(variable, right, scope, compiled);
  if (left.type !== 'attribute' || left.of.type !== 'name' || left.of.name !== variable) return undefined;
  const indexed = left.name === '_key' || ((left.name === '_from' || left.name === '_to') && operator === '==');
  if (!indexed || (operator !== '==' && operator !== 'IN')) return undefined;
  // Only what is known before the loop: a binding, or a variable from outside.
  const outside = right.type === 'parameter' || (right.type === 'name' && scope.slotOf(right.name) !== undefined);
  return outside ? { field: left.name, value: compiled(right) } : undefined;
}
