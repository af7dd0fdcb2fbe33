import { compile } from './compile.ts';
import { variables } from './condition.ts';
import type { Expr } from './expression.ts';

/** The value of an expression that reads nothing; undefined when it does. */
export function constantOf(e: Expr): number | undefined {
  if (variables(e).length > 0) return undefined;
  const v = compile(e)({}, {});
  return typeof v === 'number' ? v : undefined;
}

/** A number that the expression can never exceed, as far as its form shows it: +∞ when it does not. */
export function upperBound(e: Expr): number {
  const constant = constantOf(e);
  if (constant !== undefined) return constant;
  if (e.op === '?:') return Math.max(upperBound(e.args[1]), upperBound(e.args[2]));
  if (e.op === 'call' && e.fn === 'min') return Math.min(...e.args.map(upperBound));
  if (e.op === 'call' && e.fn === 'max') return Math.max(...e.args.map(upperBound));
  return Number.POSITIVE_INFINITY;
}
