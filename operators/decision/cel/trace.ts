import type { Row } from './compile.ts';
import { type Expr, sourceOf } from './expression.ts';

/** One node of an evaluated expression: its text, its value, and what it was made of. */
export interface Trace {
  readonly text: string;
  readonly value: number | boolean | string;
  /** Empty for literals, for names, and for operands that were not needed. */
  readonly parts: readonly Trace[];
}

/** Evaluates an expression by walking it and keeps every intermediate value: the answer to 'why' and 'why not'. */
export function trace(text: string, e: Expr, features: Row, position: Row): Trace {
  const go = (x: Expr): Trace => trace(text, x, features, position);
  const made = (value: Trace['value'], parts: readonly Trace[] = []): Trace => ({
    text: sourceOf(text, e),
    value,
    parts,
  });
  switch (e.op) {
    case 'literal':
      return made(e.value);
    case 'variable':
      return made((e.root === '' ? features : position)[e.name] as Trace['value']);
    case '!': {
      const a = go(e.args[0]);
      return made(!a.value, [a]);
    }
    case 'neg': {
      const a = go(e.args[0]);
      return made(-(a.value as number), [a]);
    }
    case '&&':
    case '||': {
      const a = go(e.args[0]);
      if (a.value === (e.op === '||')) return made(a.value, [a]);
      const b = go(e.args[1]);
      return made(b.value, [a, b]);
    }
    case '?:': {
      const c = go(e.args[0]);
      const taken = go(c.value ? e.args[1] : e.args[2]);
      return made(taken.value, [c, taken]);
    }
    case 'in': {
      const a = go(e.args[0]);
      return made(e.list.indexOf(a.value) >= 0, [a]);
    }
    case 'call': {
      const parts = e.args.map(go);
      return made((Math[e.fn] as (...x: number[]) => number)(...parts.map((p) => p.value as number)), parts);
    }
    default: {
      const a = go(e.args[0]);
      const b = go(e.args[1]);
      return made(combine(e.op, a.value, b.value), [a, b]);
    }
  }
}

/** What an operator with two operands makes of them. Operands of `==` and `!=` may be texts and truths as well. */
export function combine(op: string, x: Trace['value'], y: Trace['value']): number | boolean {
  const a = x as number;
  const b = y as number;
  switch (op) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return a / b;
    case '<':
      return a < b;
    case '<=':
      return a <= b;
    case '>':
      return a > b;
    case '>=':
      return a >= b;
    case '==':
      return a === b;
    default:
      return a !== b;
  }
}
