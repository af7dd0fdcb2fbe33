import { refuse } from '../arango-error.ts';
import type { Query } from './ast.ts';
import { compileQuery } from './compile-query.ts';
import { parse } from './parser.ts';
import { type DataAccess, Scope } from './scope.ts';
import { isObject, type Value } from './values.ts';

export interface Compiled {
  readonly reads: ReadonlySet<string>;
  readonly writes: ReadonlySet<string>;
  run(): Value[];
}

/** Parsed queries by text: the driver sends the same few. */
const parsed = new Map<string, Query>();
const MOST_PARSED = 200;

/**
 * Parses, checks and compiles a query; nothing is read or written before `run`. @throws the server's 15xx errors
 */
export function compile(text: string, bindVars: Value, data: DataAccess): Compiled {
  const bindings = bindVars ?? {};
  if (!isObject(bindings)) throw refuse('bindStructure', 'AQL: invalid structure of bind parameters');
  let query = parsed.get(text);
  if (!query) {
    query = parse(text);
    if (parsed.size >= MOST_PARSED) parsed.clear();
    parsed.set(text, query);
  }
  const scope = new Scope(data, bindings);
  const rows = compileQuery(query, scope);
  scope.refuseUnused();
  return { reads: scope.reads, writes: scope.writes, run: () => rows(new Array<Value>(scope.slots).fill(null)) };
}
