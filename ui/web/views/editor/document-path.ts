/** Where in a pipeline document a place is. Text, not a parser: it must work in the middle of a word. */
export interface Spot {
  /** Keys from the root to the mapping or value at the place. */
  readonly path: readonly string[];
  /** A key is being written, or the value of the last key of the path. */
  readonly at: 'key' | 'value';
  /** What has been written of it. */
  readonly word: string;
  /** Type of the node that the place is in. */
  readonly nodeType: string | undefined;
}

const KEY = /^(\s*)(?:- )?("[^"]*"|[\w.$:-]+?)\s*:(?=\s|$)/;

export function spotAt(text: string, offset: number): Spot {
  const before = text.slice(0, offset).split('\n');
  const line = before.at(-1)!;
  const path = parents(before, line);
  const indent = /^\s*(?:- )?/.exec(line)![0].length;
  let at: Spot['at'] = 'key';
  let pending: string | undefined;
  let word = '';
  const open: (string | undefined)[] = [];
  let quoted = false;
  for (const c of line.slice(indent)) {
    if (c === '#' && !quoted && (word === '' || /\s$/.test(word)))
      return { path: [], at: 'value', word: '', nodeType: undefined };
    if (c === '"') {
      quoted = !quoted;
      word += c;
    } else if (quoted) word += c;
    else if (c === '{' || c === '[') {
      open.push(pending);
      if (pending !== undefined) path.push(pending);
      pending = undefined;
      at = c === '{' ? 'key' : 'value';
      word = '';
    } else if (c === '}' || c === ']') {
      if (open.pop() !== undefined) path.pop();
      pending = undefined;
      at = 'value';
      word = '';
    } else if (c === ',') {
      pending = undefined;
      at = 'key';
      word = '';
    } else if (c === ' ' && word.endsWith(':') && at === 'key') {
      pending = unquote(word.slice(0, -1));
      at = 'value';
      word = '';
    } else if (c === ' ' && word === '') continue;
    else word += c;
  }
  if (pending !== undefined) path.push(pending);
  const inNode = path[0] === 'nodes' && path[1] !== undefined ? path[1] : undefined;
  return {
    path,
    at,
    word: word.trimEnd() === word ? word : '',
    nodeType: inNode === undefined ? undefined : typeOf(text, inNode),
  };
}

/** Keys of the lines above that stand further left. */
function parents(lines: readonly string[], line: string): string[] {
  const path: string[] = [];
  let indent = /^\s*/.exec(line)![0].length;
  for (let i = lines.length - 2; i >= 0 && indent > 0; i--) {
    const m = KEY.exec(lines[i]!);
    if (!m || m[1]!.length >= indent) continue;
    indent = m[1]!.length;
    path.unshift(unquote(m[2]!));
  }
  return path;
}
const unquote = (s: string): string => s.trim().replace(/^"(.*)"$/, '$1');

/** Type of a node as the document states it. */
export function typeOf(text: string, node: string): string | undefined {
  const lines = text.split('\n');
  const start = lines.findIndex((l) => new RegExp(`^  ${literal(node)}\\s*:`).test(l));
  if (start < 0) return undefined;
  for (let i = start; i < lines.length && (i === start || /^(\s{3,}|\s*$)/.test(lines[i]!)); i++) {
    const m = /(?:^|[{,\s])type:\s*([\w.]+)/.exec(lines[i]!);
    if (m) return m[1];
  }
  return undefined;
}
const literal = (s: string): string => s.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Ids of the nodes that a document declares, and names of its parameters. */
export function namesIn(text: string): { nodes: string[]; params: string[] } {
  const found = { nodes: [] as string[], params: [] as string[] };
  let section = '';
  for (const l of text.split('\n')) {
    const top = /^([a-z]+):/.exec(l);
    if (top) section = top[1]!;
    const child = /^ {2}([a-z][a-z0-9_]*)\s*:/.exec(l);
    if (child && section === 'nodes') found.nodes.push(child[1]!);
    if (child && section === 'params') found.params.push(child[1]!);
    const flow = section === 'params' && /^params:\s*\{(.*)\}/.exec(l);
    if (flow) found.params.push(...[...flow[1]!.matchAll(/([a-z][a-z0-9_]*)\s*:/g)].map((m) => m[1]!));
  }
  return found;
}
