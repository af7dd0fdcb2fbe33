import { refuse } from '../arango-error.ts';
import type { Assignment, Direction, Expression, Query, Statement } from './ast.ts';
import { ExpressionParser } from './expression-parser.ts';
import { TokenStream } from './token-stream.ts';

const DIRECTIONS = ['OUTBOUND', 'INBOUND', 'ANY'];
const MODIFICATIONS = ['INSERT', 'UPDATE', 'REPLACE', 'REMOVE'] as const;

/**
 * Parses the part of AQL that stands in `ast.ts`. What is not part of it (SEARCH, WINDOW, GRAPH, SHORTEST_PATH, …) is a
 * syntax error: a query that this double runs means the same on a server. @throws 1501, 1502
 */
export function parse(text: string): Query {
  if (text.trim() === '') throw refuse('queryEmpty', 'query is empty');
  const stream = new TokenStream(text);
  const query = new StatementParser(stream).query();
  if (stream.next.kind !== 'end') throw stream.unexpected('end of query string');
  return query;
}

class StatementParser extends ExpressionParser {
  constructor(stream: TokenStream) {
    super(stream, () => this.query());
  }

  query(): Query {
    const named: Expression[] = [];
    if (this.in.skip('WITH'))
      do named.push(this.#collection());
      while (this.in.skip(',') || this.in.next.kind === 'name');
    const statements: Statement[] = [];
    for (;;) {
      const statement = this.#statement();
      statements.push(statement);
      if (statement.type === 'return') {
        // RETURN behind a modification is the end as any other.
        return { with: named, statements };
      }
      const last = statement.type === 'modify' || statement.type === 'upsert';
      if (last && (this.in.next.kind === 'end' || this.in.isSymbol(')'))) return { with: named, statements };
    }
  }

  #statement(): Statement {
    if (this.in.skip('FOR')) return this.#for();
    if (this.in.skip('FILTER')) return { type: 'filter', condition: this.expression() };
    if (this.in.skip('LET')) return { type: 'let', assignments: this.#assignments() };
    if (this.in.skip('SORT')) return this.#sort();
    if (this.in.skip('LIMIT')) {
      const first = this.expression();
      return this.in.skip(',')
        ? { type: 'limit', offset: first, count: this.expression() }
        : { type: 'limit', offset: null, count: first };
    }
    if (this.in.skip('COLLECT')) return this.#collect();
    if (this.in.skip('UPSERT')) return this.#upsert();
    if (this.in.skip('RETURN')) {
      const distinct = this.in.skip('DISTINCT');
      return { type: 'return', distinct, value: this.expression() };
    }
    for (const kind of MODIFICATIONS) if (this.in.skip(kind)) return this.#modify(kind);
    throw this.in.unexpected('a statement');
  }

  #for(): Statement {
    const variables = [this.in.name()];
    while (this.in.skip(',')) variables.push(this.in.name());
    this.in.expect('IN');
    if (this.in.isKeyword(...DIRECTIONS)) return this.#traversal(variables, null, null);
    const source = this.expression();
    if (this.in.isKeyword(...DIRECTIONS))
      return source.type === 'range'
        ? this.#traversal(variables, source.from, source.to)
        : this.#traversal(variables, source, null);
    if (variables.length > 1) throw this.in.unexpected('a traversal: loops have one variable');
    return { type: 'for', variable: variables[0]!, source, options: this.#options() };
  }
  #traversal(variables: readonly string[], min: Expression | null, max: Expression | null): Statement {
    if (variables.length > 3) throw this.in.unexpected('at most three variables');
    const direction = this.in.take().text as Direction;
    const start = this.expression();
    const collections: { direction: Direction; collection: Expression }[] = [];
    do {
      const own = this.in.isKeyword(...DIRECTIONS) ? (this.in.take().text as Direction) : direction;
      collections.push({ direction: own, collection: this.#collection() });
    } while (this.in.skip(','));
    const prune = this.in.skipWord('PRUNE') ? this.expression() : null;
    return { type: 'traversal', variables, min, max, direction, start, collections, prune, options: this.#options() };
  }
  #options(): Expression | null {
    if (!this.in.skipWord('OPTIONS')) return null;
    if (!this.in.isSymbol('{')) throw this.in.unexpected("'{'");
    return this.expression();
  }
  /** A name or a bind parameter. */
  #collection(): Expression {
    const { kind, text } = this.in.next;
    if (kind !== 'name' && kind !== 'parameter') throw this.in.unexpected('a collection');
    this.in.take();
    return kind === 'name' ? { type: 'name', name: text } : { type: 'parameter', name: text };
  }

  #assignments(): Assignment[] {
    const list: Assignment[] = [];
    do {
      const variable = this.in.name();
      this.in.expect('=');
      list.push({ variable, value: this.expression() });
    } while (this.in.skip(','));
    return list;
  }
  #sort(): Statement {
    const by: { value: Expression; descending: boolean }[] = [];
    do {
      const value = this.expression();
      const descending = this.in.skip('DESC');
      if (!descending) this.in.skip('ASC');
      by.push({ value, descending });
    } while (this.in.skip(','));
    return { type: 'sort', by };
  }
  #collect(): Statement {
    const groups = this.in.next.kind === 'name' ? this.#assignments() : [];
    const aggregates = this.in.skip('AGGREGATE') ? this.#assignments().map((a) => this.#aggregate(a)) : [];
    let into: { variable: string; value: Expression | null } | null = null;
    let keep: string[] | null = null;
    let count: string | null = null;
    if (this.in.skip('WITH')) {
      if (aggregates.length > 0) throw this.in.unexpected();
      this.in.expectWord('COUNT');
      this.in.expect('INTO');
      count = this.in.name();
    } else if (this.in.skip('INTO')) {
      const variable = this.in.name();
      into = { variable, value: this.in.skip('=') ? this.expression() : null };
      if (this.in.skipWord('KEEP')) {
        keep = [this.in.name()];
        while (this.in.skip(',')) keep.push(this.in.name());
      }
    }
    if (groups.length === 0 && aggregates.length === 0 && count === null) throw this.in.unexpected();
    return { type: 'collect', groups, aggregates, into, keep, count };
  }
  #aggregate({ variable, value }: Assignment): { variable: string; name: string; value: Expression } {
    if (value.type !== 'call' || value.args.length !== 1) throw this.in.unexpected('an aggregate function');
    return { variable, name: value.name, value: value.args[0]! };
  }

  #into(): Expression {
    if (!this.in.skip('INTO')) this.in.expect('IN');
    return this.#collection();
  }
  #modify(kind: (typeof MODIFICATIONS)[number]): Statement {
    const document = this.operand();
    const withChanges = (kind === 'UPDATE' || kind === 'REPLACE') && this.in.skip('WITH');
    const changes = withChanges ? this.operand() : null;
    return { type: 'modify', kind, document, changes, collection: this.#into(), options: this.#options() };
  }
  #upsert(): Statement {
    const search = this.operand();
    if (search.type !== 'object' || search.entries.some((e) => typeof e.name !== 'string'))
      throw this.in.unexpected('an object with plain names in front of it');
    this.in.expect('INSERT');
    const insert = this.operand();
    const kind = this.in.skip('REPLACE') ? 'REPLACE' : 'UPDATE';
    if (kind === 'UPDATE') this.in.expect('UPDATE');
    const update = this.operand();
    return { type: 'upsert', search, insert, kind, update, collection: this.#into(), options: this.#options() };
  }
}
