import { type ASTNode, ParseError, parse } from '@marcbachmann/cel-js';
import { closest } from './closest.ts';

/**
 * Rule expressions: the part of CEL that is a total function of the declared features. The text is parsed by cel-js and
 * turned into this small typed tree; whatever the tree has no form for is refused. Numbers are doubles throughout, so
 * an integer literal is read as a double (`7 / 2` is 3.5).
 */
export type ExprType =
  | { readonly kind: 'number' }
  | { readonly kind: 'bool' }
  /** `values`: the texts that can occur; null = any. */
  | { readonly kind: 'text'; readonly values: readonly string[] | null }
  /** Not known (no scope given) or already reported. */
  | { readonly kind: 'unknown' };

export type Arithmetic = '+' | '-' | '*' | '/';
export type Comparison = '<' | '<=' | '>' | '>=' | '==' | '!=';
export type Fn = 'min' | 'max' | 'abs';

export type Expr = { readonly start: number; readonly end: number; readonly type: ExprType } & (
  | { readonly op: 'literal'; readonly value: number | boolean | string }
  /** `root` is '' for a feature, or the name before the dot. */
  | { readonly op: 'variable'; readonly root: string; readonly name: string }
  | { readonly op: '!' | 'neg'; readonly args: readonly [Expr] }
  | { readonly op: Arithmetic | Comparison | '&&' | '||'; readonly args: readonly [Expr, Expr] }
  | { readonly op: '?:'; readonly args: readonly [Expr, Expr, Expr] }
  | { readonly op: 'in'; readonly args: readonly [Expr]; readonly list: readonly (number | boolean | string)[] }
  | { readonly op: 'call'; readonly fn: Fn; readonly args: readonly Expr[] }
);

/** What an expression may name: `rsi`, or `position.roe`. */
export type Scope = ReadonlyMap<string, ExprType>;

/** A finding inside an expression's text; `offset` counts UTF-16 units from its start. */
export interface ExprIssue {
  code: 'CHM810' | 'CHM811' | 'CHM812' | 'CHM813' | 'CHM814';
  message: string;
  offset: number;
  length: number;
  help?: string;
  suggestion?: string;
}
export interface Parsed {
  readonly text: string;
  /** Absent when there is an issue. */
  readonly expr: Expr | undefined;
  readonly issues: readonly ExprIssue[];
}

const NUMBER: ExprType = { kind: 'number' };
const BOOL: ExprType = { kind: 'bool' };
const UNKNOWN: ExprType = { kind: 'unknown' };
const COMPARISONS = new Set(['<', '<=', '>', '>=', '==', '!=']);
const ARITHMETIC = new Set(['+', '-', '*', '/']);
const ARITY: Readonly<Record<Fn, readonly [number, number]>> = { min: [2, 8], max: [2, 8], abs: [1, 1] };
const ALLOWED = 'comparison, + - * /, && || ! ?:, in [...], min, max, abs';
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Deeper trees than this are refused, so that no walk over one can overflow the stack. */
const MAX_LENGTH = 2000;

/**
 * Parses and checks an expression. Without a scope every name is accepted and types are checked as far as they are
 * known: that is how a text that lint has already seen is read again at run time.
 *
 * @param want the type that its place needs
 */
export function parseExpression(text: string, scope?: Scope, want?: 'bool' | 'number'): Parsed {
  const issues: ExprIssue[] = [];
  if (text.length > MAX_LENGTH)
    return {
      text,
      expr: undefined,
      issues: [
        {
          code: 'CHM810',
          message: `expression is longer than ${MAX_LENGTH} characters`,
          offset: 0,
          length: text.length,
        },
      ],
    };
  let ast: ASTNode;
  try {
    ast = parse(text).ast;
  } catch (error) {
    return { text, expr: undefined, issues: [syntaxIssue(text, error)] };
  }
  const expr = new Converter(text, scope, issues).convert(ast);
  if (want && issues.length === 0 && expr.type.kind !== 'unknown' && expr.type.kind !== want)
    issues.push({
      code: 'CHM812',
      message: `${want === 'bool' ? 'a condition (true or false)' : 'a number'} is needed here, this is ${describe(expr.type)}`,
      offset: expr.start,
      length: expr.end - expr.start,
    });
  return { text, expr: issues.length === 0 ? expr : undefined, issues };
}

function syntaxIssue(text: string, error: unknown): ExprIssue {
  const e = error as ParseError;
  const at = Math.min(e.range?.start ?? 0, text.length);
  // At the end of the text there is no character to point at: point behind the last one.
  const length = Math.max(1, Math.min(e.range?.end ?? at, text.length) - at);
  const what = error instanceof ParseError ? error.summary : String(error);
  const assign = text[at] === '=';
  return {
    code: 'CHM810',
    message: `not a CEL expression: ${what.charAt(0).toLowerCase()}${what.slice(1)}`,
    offset: at,
    length,
    ...(assign ? { help: 'equality is written ==', suggestion: '==' } : { help: `allowed: ${ALLOWED}` }),
  };
}

const describe = (t: ExprType): string =>
  t.kind === 'bool' ? 'true or false' : t.kind === 'number' ? 'a number' : t.kind === 'text' ? 'a text' : 'unknown';

class Converter {
  readonly #text: string;
  readonly #scope: Scope | undefined;
  readonly #issues: ExprIssue[];
  constructor(text: string, scope: Scope | undefined, issues: ExprIssue[]) {
    this.#text = text;
    this.#scope = scope;
    this.#issues = issues;
  }

  convert(n: ASTNode): Expr {
    const at = { start: n.start, end: n.end };
    switch (n.op) {
      case 'value':
        return this.#literal(n, n.args);
      case 'id':
        return this.#variable(n, '', n.args);
      case '.': {
        const [of, field] = n.args;
        if (of.op === 'id') return this.#variable({ start: of.start, end: n.end }, of.args, field);
        return this.#refuse(n, 'access to a field of a value');
      }
      case '!_':
        return { ...at, op: '!', args: [this.#want(n.args, 'bool', '!')], type: BOOL };
      case '-_':
        return { ...at, op: 'neg', args: [this.#want(n.args, 'number', '-')], type: NUMBER };
      case '&&':
      case '||':
        return {
          ...at,
          op: n.op,
          args: [this.#want(n.args[0], 'bool', n.op), this.#want(n.args[1], 'bool', n.op)],
          type: BOOL,
        };
      case '?:': {
        const c = this.#want(n.args[0], 'bool', '?:');
        const a = this.convert(n.args[1]);
        const b = this.convert(n.args[2]);
        if (!same(a.type, b.type)) this.#mismatch(n, '?:', a.type, b.type);
        return { ...at, op: '?:', args: [c, a, b], type: join(a.type, b.type) };
      }
      case 'in':
        return this.#in(n, n.args[0], n.args[1]);
      case 'call':
        return this.#call(n, n.args[0], n.args[1]);
      case 'rcall':
        return this.#refuse(n, `method ${n.args[0]}()`);
      default:
        if (COMPARISONS.has(n.op)) return this.#compare(n, n.op as Comparison, n.args as [ASTNode, ASTNode]);
        if (ARITHMETIC.has(n.op)) {
          const [a, b] = n.args as [ASTNode, ASTNode];
          return {
            ...at,
            op: n.op as Arithmetic,
            args: [this.#want(a, 'number', n.op), this.#want(b, 'number', n.op)],
            type: NUMBER,
          };
        }
        return this.#refuse(n, n.op === '%' ? 'the remainder %' : `\`${n.op}\``);
    }
  }

  #literal(n: ASTNode, value: unknown): Expr {
    const at = { start: n.start, end: n.end };
    if (typeof value === 'bigint') return { ...at, op: 'literal', value: Number(value), type: NUMBER };
    if (typeof value === 'number') return { ...at, op: 'literal', value, type: NUMBER };
    if (typeof value === 'boolean') return { ...at, op: 'literal', value, type: BOOL };
    if (typeof value === 'string') return { ...at, op: 'literal', value, type: { kind: 'text', values: [value] } };
    return this.#refuse(n, value === null ? 'null' : 'a literal of this kind');
  }

  #variable(n: { start: number; end: number }, root: string, name: string): Expr {
    const full = root ? `${root}.${name}` : name;
    const at = { start: n.start, end: n.end };
    if (!this.#scope) {
      if (!NAME.test(name) || (root && !NAME.test(root))) this.#report('CHM811', n, `"${full}" is not a name`);
      return { ...at, op: 'variable', root, name, type: UNKNOWN };
    }
    const type = this.#scope.get(full);
    if (!type) {
      const names = [...this.#scope.keys()];
      const near = closest(full, names);
      this.#report(
        'CHM811',
        n,
        `unknown feature "${full}"`,
        names.length > 0 ? `declared here: ${names.slice(0, 24).join(', ')}` : 'connect the features to this node',
        near,
      );
    }
    return { ...at, op: 'variable', root, name, type: type ?? UNKNOWN };
  }

  #compare(n: ASTNode, op: Comparison, [l, r]: [ASTNode, ASTNode]): Expr {
    const a = this.convert(l);
    const b = this.convert(r);
    const ordered = op !== '==' && op !== '!=';
    if (!same(a.type, b.type)) this.#mismatch(n, op, a.type, b.type);
    else if (ordered && (a.type.kind === 'bool' || a.type.kind === 'text'))
      this.#report('CHM812', n, `${op} compares numbers, these are ${describe(a.type)}`, 'use == or !=');
    this.#possible(a, b);
    this.#possible(b, a);
    return { start: n.start, end: n.end, op, args: [a, b], type: BOOL };
  }

  /** A text literal that its counterpart can never equal is a mistake in spelling. */
  #possible(literal: Expr, other: Expr): void {
    if (literal.op !== 'literal' || typeof literal.value !== 'string' || other.op !== 'variable') return;
    this.#member(literal, literal.value, other.type);
  }
  #member(at: { start: number; end: number }, value: string, type: ExprType): void {
    if (type.kind !== 'text' || !type.values || type.values.includes(value)) return;
    const near = closest(value, type.values);
    this.#report(
      'CHM814',
      at,
      `"${value}" is not one of the values of this feature`,
      `it is one of: ${type.values.join(', ')}`,
      near === undefined ? undefined : JSON.stringify(near),
    );
  }

  #in(n: ASTNode, left: ASTNode, right: ASTNode): Expr {
    const a = this.convert(left);
    if (right.op !== 'list') return this.#refuse(right, '`in` with anything but a list of literals');
    const list: (number | boolean | string)[] = [];
    for (const item of right.args) {
      // A negative number is a unary minus over a literal.
      const e = this.convert(item);
      const v =
        e.op === 'literal'
          ? e.value
          : e.op === 'neg' && e.args[0].op === 'literal'
            ? -Number(e.args[0].value)
            : undefined;
      if (v === undefined) {
        if (e.type.kind !== 'unknown' || e.op === 'variable') this.#refuse(item, 'anything but literals in a list');
        continue;
      }
      if (!same(a.type, e.type)) this.#mismatch(item, 'in', a.type, e.type);
      else if (typeof v === 'string' && a.op === 'variable') this.#member(item, v, a.type);
      list.push(v);
    }
    return { start: n.start, end: n.end, op: 'in', args: [a], list, type: BOOL };
  }

  #call(n: ASTNode, fn: string, args: readonly ASTNode[]): Expr {
    const arity = Object.hasOwn(ARITY, fn) ? ARITY[fn as Fn] : undefined;
    if (!arity) {
      const near = closest(fn, Object.keys(ARITY));
      this.#report(
        'CHM813',
        { start: n.start, end: n.start + fn.length },
        `function ${fn}() is not allowed in expressions`,
        `allowed: ${ALLOWED}`,
        near,
      );
      return { start: n.start, end: n.end, op: 'literal', value: 0, type: UNKNOWN };
    }
    if (args.length < arity[0] || args.length > arity[1])
      this.#report(
        'CHM812',
        n,
        `${fn}() takes ${arity[0] === arity[1] ? arity[0] : `${arity[0]} to ${arity[1]}`} numbers, not ${args.length}`,
      );
    return {
      start: n.start,
      end: n.end,
      op: 'call',
      fn: fn as Fn,
      args: args.map((a) => this.#want(a, 'number', `${fn}()`)),
      type: NUMBER,
    };
  }

  #want(n: ASTNode, kind: 'bool' | 'number', by: string): Expr {
    const e = this.convert(n);
    if (e.type.kind !== kind && e.type.kind !== 'unknown')
      this.#report(
        'CHM812',
        e,
        `${by} takes ${kind === 'bool' ? 'conditions (true or false)' : 'numbers'}, this is ${describe(e.type)}`,
      );
    return e;
  }
  #mismatch(n: { start: number; end: number }, op: string, a: ExprType, b: ExprType): void {
    this.#report('CHM812', n, `${op} joins ${describe(a)} and ${describe(b)}`);
  }
  #refuse(n: { start: number; end: number }, what: string): Expr {
    this.#report('CHM813', n, `${what} is not allowed in expressions`, `allowed: ${ALLOWED}`);
    return { start: n.start, end: n.end, op: 'literal', value: 0, type: UNKNOWN };
  }
  #report(
    code: ExprIssue['code'],
    at: { start: number; end: number },
    message: string,
    help?: string,
    suggestion?: string,
  ): void {
    this.#issues.push({
      code,
      message,
      offset: at.start,
      length: Math.max(1, Math.min(at.end, this.#text.length) - at.start),
      ...(help === undefined ? {} : { help }),
      ...(suggestion === undefined ? {} : { suggestion }),
    });
  }
}

const same = (a: ExprType, b: ExprType): boolean => a.kind === 'unknown' || b.kind === 'unknown' || a.kind === b.kind;
const join = (a: ExprType, b: ExprType): ExprType => {
  if (a.kind === 'unknown') return b;
  if (a.kind !== 'text' || b.kind !== 'text') return a;
  return { kind: 'text', values: a.values && b.values ? [...new Set([...a.values, ...b.values])] : null };
};

/** The text of a part of an expression; brackets that the parser leaves outside of a range are put back. */
export function sourceOf(text: string, e: { start: number; end: number }): string {
  let end = e.end;
  for (;;) {
    const part = text.slice(e.start, end);
    const open = part.split('(').length - part.split(')').length;
    const next = open > 0 ? text.indexOf(')', end) : -1;
    if (next < 0) return part.trim();
    end = next + 1;
  }
}
