import { ChimeraError } from '../../../graph/schema/index.ts';
import { type Compiled, compile, type Row } from './compile.ts';
import { type Expr, parseExpression, sourceOf } from './expression.ts';

/** A part of a condition that a verdict can name, with the values that it read. */
export class Conjunct {
  readonly text: string;
  readonly holds: Compiled<boolean>;
  /** Something that it reads has no value now (NaN). */
  readonly missing: Compiled<boolean>;
  readonly #variables: readonly Expr[];
  #operands = '';
  #numbers: Compiled[] | undefined;
  #texts: { name: string; read: Compiled }[] = [];

  constructor(text: string, e: Expr) {
    this.text = sourceOf(text, e);
    this.holds = compile(e) as Compiled<boolean>;
    this.#variables = variables(e);
    this.missing = compile(anyMissing(this.#variables)) as Compiled<boolean>;
  }
  /** Names of the numbers and truth values that it reads, comma-separated, in order of appearance. */
  operands(features: Row, position: Row): string {
    if (!this.#numbers) this.#bind(features, position);
    return this.#operands;
  }
  /** The values of `operands` now (true = 1, false = 0); returns how many. */
  read(features: Row, position: Row, into: Float64Array): number {
    const numbers = this.#numbers ?? this.#bind(features, position);
    const n = Math.min(numbers.length, into.length);
    for (let i = 0; i < n; i++) into[i] = Number(numbers[i]!(features, position));
    return n;
  }
  /** The texts that it reads, as `name=value`, comma-separated. */
  texts(features: Row, position: Row): string {
    if (this.#texts.length === 0) return '';
    return this.#texts.map((t) => `${t.name}=${t.read(features, position)}`).join(',');
  }
  /** Which names are texts shows with the first record: layouts do not change during a run. */
  #bind(features: Row, position: Row): Compiled[] {
    const names: string[] = [];
    const numbers: Compiled[] = [];
    for (const v of this.#variables) {
      const name = v.op === 'variable' ? (v.root ? `${v.root}.${v.name}` : v.name) : '';
      const read = compile(v);
      if (typeof read(features, position) === 'string') this.#texts.push({ name, read });
      else {
        names.push(name);
        numbers.push(read);
      }
    }
    this.#operands = names.join(',');
    this.#numbers = numbers;
    return numbers;
  }
}

/** A compiled condition: `a && b && c` is kept as its parts, so that a verdict can name the one that failed. */
export interface Condition {
  readonly text: string;
  readonly expr: Expr;
  readonly holds: Compiled<boolean>;
  readonly conjuncts: readonly Conjunct[];
  /** The condition as one part. */
  readonly whole: Conjunct;
}

/** Compiles the text of a condition. Throws CHM810–CHM814 when it is not one (lint says so earlier, with its place). */
export function condition(text: string): Condition {
  const expr = checked(text, 'bool');
  return {
    text,
    expr,
    holds: compile(expr) as Compiled<boolean>,
    conjuncts: split(expr).map((e) => new Conjunct(text, e)),
    whole: new Conjunct(text, expr),
  };
}

/** Compiles the text of a number, e.g. a stop price. */
export const numeric = (text: string): Compiled<number> => compile(checked(text, 'number')) as Compiled<number>;

function checked(text: string, want: 'bool' | 'number'): Expr {
  const parsed = parseExpression(text, undefined, want);
  const issue = parsed.issues[0];
  if (!parsed.expr || issue)
    throw new ChimeraError(issue?.code ?? 'CHM810', `${issue?.message ?? 'not an expression'} in "${text}"`, {
      ...(issue?.help ? { help: issue.help } : {}),
    });
  return parsed.expr;
}

const split = (e: Expr): Expr[] => (e.op === '&&' ? [...split(e.args[0]), ...split(e.args[1])] : [e]);

/** NaN is the one value that differs from itself. */
function anyMissing(of: readonly Expr[]): Expr {
  const bool = { kind: 'bool' } as const;
  return of.reduce<Expr>(
    (a, v) => ({
      op: '||',
      args: [a, { op: '!=', args: [v, v], type: bool, start: 0, end: 0 }],
      type: bool,
      start: 0,
      end: 0,
    }),
    { op: 'literal', value: false, type: bool, start: 0, end: 0 },
  );
}

/** The names that an expression reads, each once, in order of appearance. */
export function variables(e: Expr): Expr[] {
  const seen = new Set<string>();
  const out: Expr[] = [];
  const walk = (x: Expr): void => {
    if (x.op === 'variable') {
      const key = `${x.root}.${x.name}`;
      if (!seen.has(key)) out.push(x);
      seen.add(key);
    } else if (x.op !== 'literal') for (const a of x.args) walk(a);
  };
  walk(e);
  return out;
}
