import { syntax, type Token, tokens } from './lexer.ts';

/** Looks at and takes tokens; whatever is not expected is a syntax error. */
export class TokenStream {
  readonly #tokens: readonly Token[];
  #at = 0;
  constructor(query: string) {
    this.#tokens = tokens(query);
  }
  get next(): Token {
    return this.#tokens[this.#at]!;
  }
  ahead(n: number): Token {
    return this.#tokens[Math.min(this.#at + n, this.#tokens.length - 1)]!;
  }
  take(): Token {
    const token = this.next;
    if (token.kind !== 'end') this.#at++;
    return token;
  }
  isKeyword(...words: readonly string[]): boolean {
    return this.next.kind === 'keyword' && words.includes(this.next.text);
  }
  isSymbol(...symbols: readonly string[]): boolean {
    return this.next.kind === 'symbol' && symbols.includes(this.next.text);
  }
  /** A word that is no keyword but means something here: COUNT, PRUNE, OPTIONS, KEEP. */
  isWord(word: string): boolean {
    return this.next.kind === 'name' && this.next.text.toUpperCase() === word;
  }
  skip(what: string): boolean {
    if (!this.isKeyword(what) && !this.isSymbol(what)) return false;
    this.take();
    return true;
  }
  skipWord(word: string): boolean {
    if (!this.isWord(word)) return false;
    this.take();
    return true;
  }
  expect(what: string): void {
    if (!this.skip(what)) throw this.unexpected(`'${what}'`);
  }
  expectWord(word: string): void {
    if (!this.skipWord(word)) throw this.unexpected(`'${word}'`);
  }
  name(): string {
    if (this.next.kind !== 'name') throw this.unexpected('identifier');
    return this.take().text;
  }
  unexpected(expecting?: string) {
    const { kind, text } = this.next;
    const what = kind === 'end' ? 'end of query string' : `'${text}'`;
    return syntax(`unexpected ${what}${expecting === undefined ? '' : `, expecting ${expecting}`}`, this.next);
  }
}
