/** A document's text with what turns offsets into lines and columns. */
export class Source {
  readonly file: string;
  readonly text: string;
  readonly #lines: number[] = [0];
  constructor(file: string, text: string) {
    this.file = file;
    this.text = text.startsWith('\uFEFF') ? text.slice(1) : text;
    for (let i = this.text.indexOf('\n'); i >= 0; i = this.text.indexOf('\n', i + 1)) this.#lines.push(i + 1);
  }
  /** 1-based line and column (in UTF-16 code units) of an offset. */
  position(offset: number): { line: number; column: number } {
    const at = Math.max(0, Math.min(offset, this.text.length));
    let low = 0;
    let high = this.#lines.length - 1;
    while (low < high) {
      const mid = (low + high + 1) >> 1;
      if (this.#lines[mid]! <= at) low = mid;
      else high = mid - 1;
    }
    return { line: low + 1, column: at - this.#lines[low]! + 1 };
  }
  /** Offset of the end of the line that an offset is on, trailing space left out. */
  lineEnd(offset: number): number {
    let end = this.text.indexOf('\n', offset);
    if (end < 0) end = this.text.length;
    while (end > offset && /\s/.test(this.text[end - 1]!)) end--;
    return end;
  }
}

/** Characters [start, end) of a source. */
export interface Span {
  readonly source: Source;
  readonly start: number;
  readonly end: number;
}

export type ScalarStyle = 'plain' | 'single' | 'double' | 'literal' | 'folded';

/** Where a value is used that is written elsewhere, as a parameter. */
export interface Via {
  readonly param: string;
  readonly span: Span;
}

interface Base {
  readonly span: Span;
  readonly via?: Via;
}
export interface ScalarTree extends Base {
  readonly kind: 'scalar';
  readonly value: string | number | boolean | null;
  readonly style: ScalarStyle;
  /** Stands for a value that has been reported already: nothing more is said about it. */
  readonly unresolved?: true;
}
export interface Entry {
  readonly key: string;
  readonly keySpan: Span;
  readonly value: Tree;
}
export interface MapTree extends Base {
  readonly kind: 'map';
  readonly entries: readonly Entry[];
}
export interface SeqTree extends Base {
  readonly kind: 'seq';
  readonly items: readonly Tree[];
}
/** A YAML value with its place; aliases are expanded, nothing else is interpreted. */
export type Tree = ScalarTree | MapTree | SeqTree;

export const entryOf = (map: MapTree, key: string): Entry | undefined => map.entries.find((e) => e.key === key);

export const isNull = (tree: Tree): boolean => tree.kind === 'scalar' && tree.value === null;

/** A value that has been reported already. */
export const unresolved = (span: Span): ScalarTree => ({
  kind: 'scalar',
  value: null,
  style: 'plain',
  span,
  unresolved: true,
});
export const isUnresolved = (tree: Tree): boolean => tree.kind === 'scalar' && tree.unresolved === true;

/** Where an entry's value is, or its key when nothing is written there (`in:`). */
export const valueSpan = (entry: Entry): Span =>
  entry.value.span.end > entry.value.span.start ? entry.value.span : entry.keySpan;

/** The plain value, as a configuration schema takes it. */
export function toValue(tree: Tree): unknown {
  if (tree.kind === 'scalar') return tree.value;
  if (tree.kind === 'seq') return tree.items.map(toValue);
  const object: Record<string, unknown> = {};
  for (const { key, value } of tree.entries)
    Object.defineProperty(object, key, { value: toValue(value), enumerable: true, configurable: true, writable: true });
  return object;
}

/** How a message names a value that is not what was expected. */
export function describe(tree: Tree): string {
  if (tree.kind === 'map') return 'a mapping';
  if (tree.kind === 'seq') return 'a list';
  if (tree.value === null) return 'nothing';
  if (typeof tree.value === 'string') return `text ${quote(tree.value)}`;
  return String(tree.value);
}

/** `"…"`, on one line and shortened. */
export function quote(text: string): string {
  const shown = text.length > 60 ? `${text.slice(0, 57)}…` : text;
  return JSON.stringify(shown);
}

/**
 * The range of the source that shows characters [offset, offset + length) of a scalar's value. Follows quotes, escapes,
 * line folding and block indentation.
 */
export function withinScalar(tree: Tree, offset: number, length: number): Span {
  if (tree.kind !== 'scalar' || typeof tree.value !== 'string') return tree.span;
  const value = tree.value;
  const from = Math.max(0, Math.min(offset, value.length));
  const to = Math.max(from, Math.min(offset + length, value.length));
  const starts = sourceOffsets(tree, value);
  const start = starts[from] ?? tree.span.end;
  const last = to > from ? starts[to - 1] : undefined;
  if (last === undefined) return { source: tree.span.source, start, end: start + 1 };
  const { text } = tree.span.source;
  const width = tree.style === 'double' && text[last] === '\\' ? escapeLength(text, last) : 1;
  return { source: tree.span.source, start, end: last + width };
}

/** Source offset of each character of the value. */
function sourceOffsets(tree: ScalarTree, value: string): number[] {
  const { source, start, end } = tree.span;
  const { text } = source;
  const offsets: number[] = [];
  const block = tree.style === 'literal' || tree.style === 'folded';
  let p = start;
  let indent = 0;
  if (block) {
    p = text.indexOf('\n', start) + 1;
    if (p === 0) return offsets;
    indent = /^(?:[ \t]*\r?\n)*( *)/.exec(text.slice(p, end))?.[1]?.length ?? 0;
    p = skipIndent(text, p, indent);
  } else if (tree.style !== 'plain') p++;
  const space = /[ \t\r\n]/;
  for (let i = 0; i < value.length && p < end; i++) {
    const c = value[i]!;
    offsets.push(p);
    if (tree.style === 'double' && text[p] === '\\') {
      p += escapeLength(text, p);
    } else if (block) {
      const ended = text[p] === '\r' || text[p] === '\n';
      p = ended ? skipIndent(text, text.indexOf('\n', p) + 1, indent) : p + 1;
      // Folding drops the line end itself when blank lines follow: these are the value's line ends.
      if (ended && tree.style === 'folded' && c === '\n' && value[i + 1] !== '\n')
        while (p < end && /[\r\n]/.test(text[p]!)) p = skipIndent(text, text.indexOf('\n', p) + 1, indent);
    } else if ((c === ' ' || c === '\n') && /^[ \t]*\r?\n/.test(text.slice(p, Math.min(end, p + 1000)))) {
      // A line end inside quotes or plain text: one is a space, n are n − 1 line ends; indentation does not count.
      p = text.indexOf('\n', p) + 1;
      if (c === ' ' || value[i + 1] !== '\n') while (p < end && space.test(text[p]!)) p++;
    } else p += tree.style === 'single' && c === "'" ? 2 : 1;
  }
  return offsets;
}
function skipIndent(text: string, from: number, indent: number): number {
  let p = from;
  while (p < from + indent && text[p] === ' ') p++;
  return p;
}
function escapeLength(text: string, p: number): number {
  const c = text[p + 1];
  return c === 'x' ? 4 : c === 'u' ? 6 : c === 'U' ? 10 : 2;
}
