import type { Expr } from './expression.ts';

/** Records that an expression reads: features by name, and the named roots (`position.…`). */
export type Row = Readonly<Record<string, unknown>>;
export type Compiled<T extends number | boolean | string = number | boolean | string> = (
  features: Row,
  position: Row,
) => T;

/**
 * Turns a checked expression into one JavaScript function. Only the tree is written out: names have passed a pattern,
 * literals are printed anew, and no character of the user's text reaches the program.
 */
export function compile(expr: Expr): Compiled {
  return new Function('f', 'p', `"use strict"; return ${write(expr)};`) as Compiled;
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const OPERATOR = { '==': '===', '!=': '!==' } as const;

function write(e: Expr): string {
  switch (e.op) {
    case 'literal':
      return literal(e.value);
    case 'variable':
      if (!NAME.test(e.name) || (e.root !== '' && e.root !== 'position'))
        throw new Error(`no variable ${e.root}.${e.name}`);
      return e.root === '' ? `f.${e.name}` : `p.${e.name}`;
    case '!':
      return `!(${write(e.args[0])})`;
    case 'neg':
      return `(-(${write(e.args[0])}))`;
    case '?:':
      return `((${write(e.args[0])}) ? (${write(e.args[1])}) : (${write(e.args[2])}))`;
    case 'in':
      return isIn(write(e.args[0]), e.list);
    case 'call':
      return `Math.${e.fn}(${e.args.map(write).join(', ')})`;
    case '==':
    case '!=':
      return `((${write(e.args[0])}) ${OPERATOR[e.op]} (${write(e.args[1])}))`;
    default:
      return `((${write(e.args[0])}) ${e.op} (${write(e.args[1])}))`;
  }
}

const isIn = (x: string, list: readonly (number | boolean | string)[]): string =>
  list.length === 0 ? 'false' : `[${list.map(literal).join(', ')}].indexOf(${x}) >= 0`.replace(/^/, '(').concat(')');

function literal(v: number | boolean | string): string {
  if (typeof v !== 'number') return JSON.stringify(v);
  if (!Number.isFinite(v)) throw new Error('a literal is not finite');
  return Object.is(v, -0) ? '(-0)' : v < 0 ? `(${v})` : String(v);
}
