import { refuse } from '../arango-error.ts';

export type TokenKind = 'keyword' | 'name' | 'number' | 'text' | 'parameter' | 'symbol' | 'end';
export interface Token {
  readonly kind: TokenKind;
  /** Keywords in upper case; parameters without the first `@`; text and quoted names without quotes and escapes. */
  readonly text: string;
  readonly line: number;
  readonly column: number;
}

/** Reserved words. Everything else (COUNT, PRUNE, OPTIONS, OLD, …) is a name that means something in its place only. */
const KEYWORDS = new Set(
  (
    'FOR LET FILTER RETURN COLLECT SORT LIMIT DISTINCT AGGREGATE ASC DESC NOT AND OR IN INTO WITH REMOVE INSERT UPDATE ' +
    'REPLACE UPSERT GRAPH SHORTEST_PATH K_SHORTEST_PATHS ALL_SHORTEST_PATHS K_PATHS WINDOW OUTBOUND INBOUND ANY ALL ' +
    'NONE LIKE NULL TRUE FALSE'
  ).split(' '),
);
const SYMBOLS = ['==', '!=', '<=', '>=', '=~', '!~', '&&', '||', '..', '::', ...'<>=!+-*/%?:,()[]{}.'];

const BLANK = /[ \t\r\n]+|\/\/[^\n]*|\/\*[\s\S]*?\*\//y;
const NAME = /\$?[a-zA-Z][_a-zA-Z0-9]*|_+[a-zA-Z]+[_a-zA-Z0-9]*/y;
/** A point that belongs to `..` is none of the number. */
const NUMBER = /(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?/y;
const PARAMETER = /@@?(?:_+[a-zA-Z0-9]+[a-zA-Z0-9_]*|[a-zA-Z0-9][a-zA-Z0-9_]*)/y;
const QUOTED = /"((?:[^"\\]|\\[\s\S])*)"|'((?:[^'\\]|\\[\s\S])*)'/y;
const TICKED = /`((?:[^`\\]|\\[\s\S])*)`|´((?:[^´\\]|\\[\s\S])*)´/y;

/** @throws 1501 with line and column */
export function tokens(query: string): Token[] {
  const found: Token[] = [];
  let at = 0;
  let line = 1;
  let start = 0;
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    return pattern.exec(query);
  };
  const pass = (length: number): void => {
    for (const end = at + length; at < end; at++)
      if (query[at] === '\n') {
        line++;
        start = at + 1;
      }
  };
  for (;;) {
    for (let blank = match(BLANK); blank; blank = match(BLANK)) pass(blank[0].length);
    const place = { line, column: at - start + 1 };
    const push = (kind: TokenKind, text: string, length: number): void => {
      found.push({ kind, text, ...place });
      pass(length);
    };
    if (at >= query.length) {
      push('end', '', 0);
      return found;
    }
    const name = match(NAME)?.[0];
    const number = match(NUMBER)?.[0];
    const parameter = match(PARAMETER)?.[0];
    const quoted = match(QUOTED);
    const ticked = match(TICKED);
    if (name !== undefined) {
      const upper = name.toUpperCase();
      if (KEYWORDS.has(upper)) push('keyword', upper, name.length);
      else push('name', name, name.length);
    } else if (number !== undefined) push('number', number, number.length);
    else if (parameter !== undefined) push('parameter', parameter.slice(1), parameter.length);
    else if (quoted) push('text', unescaped(quoted[1] ?? quoted[2] ?? ''), quoted[0].length);
    else if (ticked) push('name', unescaped(ticked[1] ?? ticked[2] ?? ''), ticked[0].length);
    else {
      const symbol = SYMBOLS.find((s) => query.startsWith(s, at));
      if (symbol === undefined) throw syntax(`unexpected character '${query[at]}'`, place);
      if (symbol === '&&') push('keyword', 'AND', 2);
      else if (symbol === '||') push('keyword', 'OR', 2);
      else push('symbol', symbol, symbol.length);
    }
  }
}

export const syntax = (what: string, { line, column }: { line: number; column: number }) =>
  refuse('queryParse', `AQL: syntax error, ${what} at position ${line}:${column} (while parsing)`);

const ESCAPES: Record<string, string> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };
const unescaped = (s: string): string =>
  s.replace(/\\(?:u([0-9a-fA-F]{4})|([\s\S]))/g, (_, hex: string | undefined, c: string) =>
    hex === undefined ? (ESCAPES[c] ?? c) : String.fromCharCode(Number.parseInt(hex, 16)),
  );
