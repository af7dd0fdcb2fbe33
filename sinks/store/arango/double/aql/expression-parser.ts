import type { BinaryOperator, Expression, ObjectEntry, Query } from './ast.ts';
import type { TokenStream } from './token-stream.ts';

/** Binary operators from the weakest to the strongest; those of one level bind to the left. */
const LEVELS: readonly (readonly BinaryOperator[])[] = [
  ['OR'],
  ['AND'],
  ['==', '!=', 'LIKE', 'NOT LIKE', '=~', '!~'],
  ['IN', 'NOT IN'],
  ['<', '<=', '>', '>='],
];
const SUMS: readonly (readonly BinaryOperator[])[] = [
  ['+', '-'],
  ['*', '/', '%'],
];
const COMPARISONS: readonly BinaryOperator[] = ['==', '!=', '<', '<=', '>', '>=', 'IN', 'NOT IN'];
/** Keywords that may name an attribute behind a point or in an object: all of them. */
const isName = (kind: string): boolean => kind === 'name' || kind === 'keyword';
const QUERY_START = ['FOR', 'LET', 'RETURN', 'FILTER', 'WITH', 'INSERT', 'UPDATE', 'REPLACE', 'REMOVE', 'UPSERT'];

export class ExpressionParser {
  protected readonly in: TokenStream;
  readonly #query: () => Query;
  /** Whether IN stands before a collection here, and is no operator. */
  #inIsOurs = true;
  constructor(stream: TokenStream, query: () => Query) {
    this.in = stream;
    this.#query = query;
  }

  expression(): Expression {
    const test = this.#binary(0);
    if (!this.in.skip('?')) return test;
    if (this.in.skip(':')) return { type: 'ternary', test, yes: null, otherwise: this.expression() };
    const yes = this.expression();
    this.in.expect(':');
    return { type: 'ternary', test, yes, otherwise: this.expression() };
  }

  /** What a modification takes: an expression in which IN is an operator only within brackets. */
  protected operand(): Expression {
    return this.#withIn(false, () => this.expression());
  }
  #withIn<T>(operator: boolean, parse: () => T): T {
    const before = this.#inIsOurs;
    this.#inIsOurs = operator;
    try {
      return parse();
    } finally {
      this.#inIsOurs = before;
    }
  }

  #binary(level: number): Expression {
    if (level === LEVELS.length) return this.#range();
    let left = this.#binary(level + 1);
    for (;;) {
      const quantified = this.#quantifier(level);
      if (quantified) {
        left = { type: 'quantified', ...quantified, left, right: this.#binary(level + 1) };
        continue;
      }
      const operator = this.#operator(LEVELS[level]!);
      if (!operator) return left;
      left = { type: 'binary', operator, left, right: this.#binary(level + 1) };
    }
  }
  /** `list ALL > 3`, `list ANY IN …` */
  #quantifier(level: number): { quantifier: 'ANY' | 'ALL' | 'NONE'; operator: BinaryOperator } | undefined {
    if (!this.in.isKeyword('ANY', 'ALL', 'NONE')) return undefined;
    const { kind, text } = this.in.ahead(1);
    const negated = kind === 'keyword' && text === 'NOT' && this.in.ahead(2).text === 'IN';
    const operator = (negated ? 'NOT IN' : text) as BinaryOperator;
    if (!LEVELS[level]!.includes(operator)) return undefined;
    if (!COMPARISONS.includes(operator)) throw this.in.unexpected();
    const quantifier = this.in.take().text as 'ANY' | 'ALL' | 'NONE';
    this.in.take();
    if (negated) this.in.take();
    return { quantifier, operator };
  }
  #operator(of: readonly BinaryOperator[]): BinaryOperator | undefined {
    const { kind, text } = this.in.next;
    if (kind !== 'symbol' && kind !== 'keyword') return undefined;
    if (kind === 'keyword' && text === 'NOT') {
      const negated = `NOT ${this.in.ahead(1).text}` as BinaryOperator;
      if (!of.includes(negated)) return undefined;
      this.in.take();
      this.in.take();
      return negated;
    }
    if (!of.includes(text as BinaryOperator) || (text === 'IN' && !this.#inIsOurs)) return undefined;
    this.in.take();
    return text as BinaryOperator;
  }
  #range(): Expression {
    const from = this.#sum(0);
    return this.in.skip('..') ? { type: 'range', from, to: this.#sum(0) } : from;
  }
  #sum(level: number): Expression {
    if (level === SUMS.length) return this.#unary();
    let left = this.#sum(level + 1);
    for (let operator = this.#operator(SUMS[level]!); operator; operator = this.#operator(SUMS[level]!))
      left = { type: 'binary', operator, left, right: this.#sum(level + 1) };
    return left;
  }
  #unary(): Expression {
    if (this.in.skip('NOT') || this.in.skip('!')) return { type: 'unary', operator: '!', operand: this.#unary() };
    if (this.in.skip('-')) return { type: 'unary', operator: '-', operand: this.#unary() };
    if (this.in.skip('+')) return { type: 'unary', operator: '+', operand: this.#unary() };
    return this.#postfix(this.#primary());
  }

  #postfix(start: Expression): Expression {
    let of = start;
    for (;;) {
      if (this.in.skip('.')) {
        const { kind, text } = this.in.next;
        if (kind === 'parameter') of = { type: 'attributeParameter', of, name: text };
        else if (isName(kind)) of = { type: 'attribute', of, name: text };
        else throw this.in.unexpected('attribute name');
        this.in.take();
      } else if (this.in.skip('[')) {
        if (this.in.skip('*')) {
          this.in.expect(']');
          // Everything behind it belongs to each element.
          return { type: 'expansion', of, item: this.#postfix({ type: 'item' }) };
        }
        const index = this.#withIn(true, () => this.expression());
        this.in.expect(']');
        of =
          index.type === 'value' && typeof index.value === 'string'
            ? { type: 'attribute', of, name: index.value }
            : { type: 'element', of, index };
      } else return of;
    }
  }

  #primary(): Expression {
    const { kind, text } = this.in.next;
    if (kind === 'number' || kind === 'text') {
      this.in.take();
      return { type: 'value', value: kind === 'number' ? Number(text) : text };
    }
    if (kind === 'parameter') {
      this.in.take();
      return { type: 'parameter', name: text };
    }
    if (kind === 'keyword' && (text === 'NULL' || text === 'TRUE' || text === 'FALSE')) {
      this.in.take();
      return { type: 'value', value: text === 'NULL' ? null : text === 'TRUE' };
    }
    if (kind === 'name') {
      this.in.take();
      return this.in.skip('(') ? this.#call(text) : { type: 'name', name: text };
    }
    if (this.in.skip('(')) {
      const inner = this.#isQuery() ? this.#subquery() : this.#withIn(true, () => this.expression());
      this.in.expect(')');
      return inner;
    }
    if (this.in.skip('[')) return { type: 'array', items: this.#list(']', () => this.expression()) };
    if (this.in.skip('{')) return { type: 'object', entries: this.#list('}', () => this.#entry()) };
    throw this.in.unexpected();
  }
  #isQuery(): boolean {
    return this.in.isKeyword(...QUERY_START);
  }
  #subquery(): Expression {
    return { type: 'subquery', query: this.#withIn(true, this.#query) };
  }
  #call(name: string): Expression {
    // A subquery as the only argument needs no parentheses of its own.
    if (this.#isQuery()) {
      const args = [this.#subquery()];
      this.in.expect(')');
      return { type: 'call', name: name.toUpperCase(), args };
    }
    return { type: 'call', name: name.toUpperCase(), args: this.#list(')', () => this.expression()) };
  }
  #list<T>(end: string, item: () => T): T[] {
    const items: T[] = [];
    while (!this.in.skip(end)) {
      if (items.length > 0) this.in.expect(',');
      items.push(this.#withIn(true, item));
    }
    return items;
  }
  #entry(): ObjectEntry {
    if (this.in.skip('[')) {
      const name = this.expression();
      this.in.expect(']');
      this.in.expect(':');
      return { name, value: this.expression() };
    }
    const { kind, text } = this.in.next;
    if (kind !== 'text' && kind !== 'name') throw this.in.unexpected('attribute name');
    this.in.take();
    if (kind === 'name' && !this.in.isSymbol(':')) return { name: text, value: { type: 'name', name: text } };
    this.in.expect(':');
    return { name: text, value: this.expression() };
  }
}
