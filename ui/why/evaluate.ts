import type { Row } from '../../operators/decision/cel/compile.ts';
import type { Expr } from '../../operators/decision/cel/expression.ts';
import { combine } from '../../operators/decision/cel/trace.ts';

export type Value = number | boolean | string;
/** One constant or operand that is taken to have another value: a literal by its place, a name by itself. */
export interface Change {
  readonly leaf: Expr;
  readonly to: number;
}

/** The value of an expression, with one leaf changed. What has no value is NaN, and then nothing holds. */
export function evaluate(e: Expr, f: Row, p: Row, change?: Change): Value {
  if (change?.leaf === e) return change.to;
  switch (e.op) {
    case 'literal':
      return e.value;
    case 'variable':
      return change && sameName(change.leaf, e) ? change.to : ((e.root === '' ? f : p)[e.name] as Value);
    case '!':
      return !evaluate(e.args[0], f, p, change);
    case 'neg':
      return -(evaluate(e.args[0], f, p, change) as number);
    case '&&':
      return Boolean(evaluate(e.args[0], f, p, change)) && Boolean(evaluate(e.args[1], f, p, change));
    case '||':
      return Boolean(evaluate(e.args[0], f, p, change)) || Boolean(evaluate(e.args[1], f, p, change));
    case '?:':
      return evaluate(evaluate(e.args[0], f, p, change) ? e.args[1] : e.args[2], f, p, change);
    case 'in':
      return e.list.indexOf(evaluate(e.args[0], f, p, change)) >= 0;
    case 'call': {
      const args = e.args.map((a) => evaluate(a, f, p, change) as number);
      return (Math[e.fn] as (...x: number[]) => number)(...args);
    }
    default:
      return combine(e.op, evaluate(e.args[0], f, p, change), evaluate(e.args[1], f, p, change));
  }
}

const sameName = (a: Expr, b: Expr & { op: 'variable' }): boolean =>
  a.op === 'variable' && a.name === b.name && a.root === b.root;

/** Constants (with their sign) and names of an expression that stand for numbers; each name once. */
export function numericLeaves(e: Expr, f: Row, p: Row): Expr[] {
  const out: Expr[] = [];
  const names = new Set<string>();
  const walk = (x: Expr): void => {
    if (x.op === 'literal') {
      if (typeof x.value === 'number') out.push(x);
    } else if (x.op === 'neg' && x.args[0].op === 'literal') {
      out.push(x);
    } else if (x.op === 'variable') {
      const name = `${x.root}.${x.name}`;
      const value = (x.root === '' ? f : p)[x.name];
      if (typeof value === 'number' && !Number.isNaN(value) && !names.has(name)) out.push(x);
      names.add(name);
    } else for (const a of x.args) walk(a);
  };
  walk(e);
  return out;
}
