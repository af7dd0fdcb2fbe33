import {
  Composer,
  CST,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  type Node,
  Parser,
  type Scalar,
  type YAMLError,
} from 'yaml';
import { place, type Report } from './report.ts';
import { type Entry, quote, type ScalarStyle, type Source, type Span, type Tree, unresolved } from './tree.ts';

/** Limits of a document. They are far beyond what a person writes and keep hostile text from taking time or memory. */
export const LIMITS = { bytes: 1_048_576, depth: 64, values: 100_000 } as const;

/**
 * YAML 1.2 core schema, one document, text keys, no tags or directives. Aliases are expanded within LIMITS.
 * Returns undefined when the text is not YAML (CHM0xx reported); duplicate keys are reported and the first one kept.
 */
export function parseYaml(source: Source, report: Report): Tree | undefined {
  const { text } = source;
  const at = (start: number, end = start + 1): Span => ({ source, start, end });
  if (text.length > LIMITS.bytes) {
    report.add('CHM005', at(0, 0), `the document is larger than ${LIMITS.bytes} characters`, {
      help: 'split it into several pipelines',
    });
    return undefined;
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\ufeff]/.exec(text);
  if (control) {
    const code = control[0].charCodeAt(0).toString(16).padStart(4, '0');
    report.add('CHM001', at(control.index), `the character U+${code.toUpperCase()} is not allowed in YAML`, {
      help: 'remove it',
    });
    return undefined;
  }
  const marks = scan(source, report);
  if (!marks) return undefined;
  const documents = compose(text);
  if (documents === 'too deep') {
    report.add('CHM005', at(0, 0), `the document is nested deeper than ${LIMITS.depth} levels`);
    return undefined;
  }
  const [document, second] = documents;
  if (document && document.errors.length + document.warnings.length > 0) {
    const lines = new Set<number>();
    let syntax = false;
    for (const e of [...document.errors, ...document.warnings].sort((a, b) => a.pos[0] - b.pos[0])) {
      const found = explain(e, source, marks);
      syntax ||= found.code !== 'CHM008';
      const { line } = source.position(found.span.start);
      // What follows from the first mistake of a line only hides it.
      if (lines.has(line)) continue;
      lines.add(line);
      report.add(found.code, found.span, found.message, { help: found.help });
    }
    if (syntax) return undefined;
  }
  if (second) {
    const start = second.range[0];
    report.add('CHM006', at(start, source.lineEnd(start)), 'a second document begins here', {
      help: 'one file holds one document: remove the `---`, or move what follows into a file of its own',
    });
    return undefined;
  }
  const root = document?.contents;
  if (!document || !root || (isScalar(root) && root.value === null)) {
    report.add('CHM010', at(0, 0), 'the document is empty', {
      help: 'a pipeline begins with `chimera: 1` and `pipeline: <name>`',
    });
    return undefined;
  }
  return convert(root as Node, source, report);
}

interface Marks {
  /** Offsets of opening brackets that are never closed. */
  unclosed: number[];
  quotes: number[];
}

/** Reads the tokens once, without recursion: nesting in one line, directives, unclosed brackets, starts of quoted texts. */
function scan(source: Source, report: Report): Marks | undefined {
  const open: { at: number; bracket: string }[] = [];
  const marks: Marks = { unclosed: [], quotes: [] };
  let offset = 0;
  let compact = 0;
  let ok = true;
  for (const token of new Lexer().lex(source.text)) {
    const type = CST.tokenType(token);
    if (type === 'doc-mode' || type === 'scalar') continue;
    if (type === 'flow-error-end') {
      marks.unclosed.push(...open.splice(0).map((o) => o.at));
      continue;
    }
    if (type === 'flow-map-start' || type === 'flow-seq-start') open.push({ at: offset, bracket: token });
    else if (type === 'flow-map-end' || type === 'flow-seq-end') {
      const match = open.findLastIndex((o) => o.bracket === (type === 'flow-map-end' ? '{' : '['));
      // What was opened after the bracket that is closed here was never closed itself.
      if (match >= 0)
        marks.unclosed.push(
          ...open
            .splice(match)
            .slice(1)
            .map((o) => o.at),
        );
    } else if (type === 'newline') compact = 0;
    else if (type === 'seq-item-ind' || type === 'explicit-key-ind') compact++;
    else if (type === 'single-quoted-scalar' || type === 'double-quoted-scalar') marks.quotes.push(offset);
    else if (type === 'directive-line') {
      ok = false;
      report.add('CHM008', { source, start: offset, end: offset + token.length }, 'YAML directives are not supported', {
        help: 'remove the line; documents are YAML 1.2',
      });
    }
    if (open.length > LIMITS.depth || compact > LIMITS.depth) {
      report.add('CHM005', { source, start: offset, end: offset + 1 }, `nested deeper than ${LIMITS.depth} levels`, {
        help: 'a document of this kind needs five levels or so: look for a bracket that is not closed',
      });
      return undefined;
    }
    offset += token.length;
  }
  marks.unclosed.push(...open.map((o) => o.at));
  return ok ? marks : undefined;
}

function compose(text: string): readonly [Document.Parsed?, Document.Parsed?] | 'too deep' {
  const tokens = [...new Parser().parse(text)];
  for (const token of tokens) if (depthBeyond(token, LIMITS.depth)) return 'too deep';
  try {
    const composer = new Composer({
      uniqueKeys: false,
      resolveKnownTags: false,
      logLevel: 'silent',
      version: '1.2',
      keepSourceTokens: false,
    });
    const documents = [...composer.compose(tokens, true, text.length)];
    return [documents[0], documents[1]] as [Document.Parsed?, Document.Parsed?];
  } catch (e) {
    if (e instanceof RangeError) return 'too deep';
    throw e;
  }
}

/** Walks with its own stack: the composer behind it recurses. */
function depthBeyond(root: CST.Token, most: number): boolean {
  const stack: [CST.Token, number][] = [[root, 0]];
  for (let top = stack.pop(); top; top = stack.pop()) {
    const [token, depth] = top;
    if (depth > most) return true;
    if (token.type === 'document' && token.value) stack.push([token.value, depth]);
    if ('items' in token)
      for (const item of token.items) {
        if (item.key) stack.push([item.key, depth + 1]);
        if (item.value) stack.push([item.value, depth + 1]);
      }
  }
  return false;
}

/** A line from its first character that is not space. */
function content(source: Source, offset: number): Span {
  let start = offset;
  while (source.text[start] === ' ' || source.text[start] === '\t') start++;
  return { source, start, end: source.lineEnd(start) };
}

/** Says a syntax error of the parser in our words, at the place that needs the correction. */
function explain(
  e: YAMLError,
  source: Source,
  marks: Marks,
): { code: string; span: Span; message: string; help?: string } {
  const [start, end] = e.pos;
  const at = (from: number, to: number): Span => ({ source, start: from, end: to });
  const here = at(start, Math.max(end, start + 1));
  const bracket = [...marks.unclosed].reverse().find((o) => o <= start);
  const unclosed = /[Ff]low (map|sequence)/.test(e.message) && /end with|sufficiently indented/.test(e.message);
  if (unclosed && bracket !== undefined) {
    const b = source.text[bracket]!;
    return {
      code: 'CHM001',
      span: at(bracket, bracket + 1),
      message: `\`${b}\` is never closed`,
      help: `add the missing \`${b === '[' ? ']' : '}'}\``,
    };
  }
  if (e.code === 'MISSING_CHAR' && /quote/.test(e.message)) {
    const open = [...marks.quotes].reverse().find((o) => o <= start);
    if (open !== undefined)
      return {
        code: 'CHM001',
        span: at(open, open + 1),
        message: 'the quoted text that begins here is never closed',
        help: `add the missing ${source.text[open]}`,
      };
  }
  const plain = e.message.split('\n')[0]!;
  const message = plain.charAt(0).toLowerCase() + plain.slice(1);
  switch (e.code) {
    case 'TAB_AS_INDENT':
      return { code: 'CHM003', span: here, message: 'a tab is used as indentation', help: 'indent with spaces' };
    case 'TAG_RESOLVE_FAILED':
      return {
        code: 'CHM008',
        span: here,
        message: `tags such as ${quote(source.text.slice(start, end))} are not supported`,
        help: 'remove the tag; whether a value is text, number or list follows from how it is written',
      };
    case 'BAD_ALIAS':
    case 'ALIAS_PROPS':
    case 'MULTIPLE_ANCHORS':
      return { code: 'CHM004', span: here, message };
    case 'RESOURCE_EXHAUSTION':
      return { code: 'CHM005', span: here, message: 'the document is nested too deeply' };
    case 'BLOCK_AS_IMPLICIT_KEY':
      return {
        code: 'CHM001',
        span: here,
        message: 'a second `: ` in one line',
        help: 'put text that contains `: ` in quotes, or begin a new line for the inner mapping',
      };
    case 'BAD_SCALAR_START':
      return { code: 'CHM001', span: here, message, help: 'put the text in quotes' };
    case 'MULTILINE_IMPLICIT_KEY':
      return {
        code: 'CHM001',
        span: at(start, source.lineEnd(start)),
        message: 'a key without `:`',
        help: 'write `key: value`',
      };
    case 'BAD_INDENT':
      return {
        code: 'CHM001',
        span: content(source, start),
        message,
        help: 'align the line with its neighbours',
      };
    case 'KEY_OVER_1024_CHARS':
      return { code: 'CHM001', span: at(start, start + 1), message: 'a key is longer than 1024 characters' };
    default:
      return { code: 'CHM001', span: here, message };
  }
}

const STYLES: Readonly<Record<string, ScalarStyle>> = {
  PLAIN: 'plain',
  QUOTE_SINGLE: 'single',
  QUOTE_DOUBLE: 'double',
  BLOCK_LITERAL: 'literal',
  BLOCK_FOLDED: 'folded',
};

function convert(root: Node, source: Source, report: Report): Tree | undefined {
  let values = 0;
  let over = false;
  const open = new Set<Node>();
  const spanOf = (node: Node): Span => {
    const [start, end] = node.range!;
    return { source, start, end };
  };
  const nothing = (span: Span): Tree => ({ kind: 'scalar', value: null, style: 'plain', span });

  const walk = (node: Node, depth: number, parent: string): Tree => {
    const span = spanOf(node);
    if (over) return unresolved(span);
    if (++values > LIMITS.values) {
      over = true;
      report.add('CHM005', span, `more than ${LIMITS.values} values once the aliases are expanded`, {
        help: 'aliases of aliases multiply: write the values out, or use params',
      });
      return unresolved(span);
    }
    if (isAlias(node)) {
      const target = anchors.get(node.source);
      if (!target || target.range![0] > span.start) {
        report.add('CHM004', span, `unknown anchor ${quote(node.source)}`, {
          help: 'an alias (`*name`) refers to an anchor (`&name`) that stands before it; put text that begins with * in quotes',
        });
        return unresolved(span);
      }
      if (open.has(target)) {
        report.add('CHM004', span, `the anchor ${quote(node.source)} contains itself`);
        return unresolved(span);
      }
      return walk(target, depth, parent);
    }
    if (isScalar(node)) return scalar(node, span);
    open.add(node);
    let tree: Tree;
    if (isSeq(node)) tree = { kind: 'seq', span, items: node.items.map((i) => walk(i as Node, depth + 1, '')) };
    else if (isMap(node)) tree = { kind: 'map', span, entries: entries(node.items as never, depth, parent) };
    else tree = unresolved(span);
    open.delete(node);
    return tree;
  };

  const entries = (
    pairs: readonly { key: Node | null; value: Node | null }[],
    depth: number,
    parent: string,
  ): Entry[] => {
    const what = depth === 1 && parent === 'nodes' ? 'node id' : 'key';
    const list: Entry[] = [];
    const first = new Map<string, Span>();
    for (const { key, value } of pairs) {
      const keySpan = key ? spanOf(key) : value ? spanOf(value) : { source, start: 0, end: 0 };
      if (!key || !isScalar(key) || key.value === null) {
        report.add('CHM007', keySpan, key && !isScalar(key) ? 'a key must be text' : 'a key is missing', {
          help: key && isMap(key) ? 'put text that contains braces in quotes' : 'write `key: value`',
        });
        continue;
      }
      // `1:` and `true:` are read as the text that is written.
      const name = typeof key.value === 'string' ? key.value : (key.source ?? String(key.value));
      const before = first.get(name);
      if (before) {
        report.add('CHM002', keySpan, `duplicate ${what} ${quote(name)}`, {
          help: `it is first given at ${place(before)}; keep one of the two`,
        });
        continue;
      }
      first.set(name, keySpan);
      list.push({
        key: name,
        keySpan,
        value: value ? walk(value, depth + 1, name) : nothing({ source, start: keySpan.end, end: keySpan.end }),
      });
    }
    return list;
  };

  const scalar = (node: Scalar, span: Span): Tree => {
    const { value } = node;
    const style = STYLES[node.type ?? 'PLAIN'] ?? 'plain';
    if (typeof value === 'number' && !exact(value, node.source ?? '')) {
      report.add('CHM009', span, `the number ${quote(node.source ?? '')} is outside what a double holds exactly`, {
        help: 'put it in quotes if it is an id; amounts have at most 15 significant digits',
      });
      return unresolved(span);
    }
    if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
      return { kind: 'scalar', value, style, span };
    return { kind: 'scalar', value: String(value), style, span };
  };

  const anchors = new Map<string, Node>();
  const stack: Node[] = [root];
  for (let node = stack.pop(); node; node = stack.pop()) {
    if (!isAlias(node) && node.anchor) {
      const known = anchors.get(node.anchor);
      if (known) report.add('CHM004', spanOf(node), `the anchor ${quote(node.anchor)} is defined twice`);
      else anchors.set(node.anchor, node);
    }
    if (isSeq(node)) stack.push(...(node.items as Node[]).toReversed());
    else if (isMap(node))
      for (const p of node.items.toReversed()) {
        if (p.value) stack.push(p.value as Node);
        if (p.key) stack.push(p.key as Node);
      }
  }
  const tree = walk(root, 0, '');
  return over ? undefined : tree;
}

function exact(value: number, source: string): boolean {
  if (Number.isNaN(value) || !Number.isFinite(value)) return /^[-+]?\.(inf|nan)$/i.test(source);
  return !Number.isInteger(value) || Number.isSafeInteger(value) || /[.eE]/.test(source);
}
