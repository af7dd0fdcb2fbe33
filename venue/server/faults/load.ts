import type { z } from 'zod';
import { nearest } from '../../../graph/document/nearest.ts';
import { parseYaml } from '../../../graph/document/parse.ts';
import { Report } from '../../../graph/document/report.ts';
import { entryOf, Source, type Span, type Tree, toValue } from '../../../graph/document/tree.ts';
import { ChimeraError } from '../../../graph/schema/index.ts';
import { Fault, Scenario } from './scenario.ts';

/**
 * Reads a fault scenario.
 * @throws ChimeraError CHM832, or the code of a YAML mistake, at line and column of the first finding; further ones follow in the message
 */
export function loadScenario(text: string, file: string): Scenario {
  const source = new Source(file, text);
  const report = new Report();
  const tree = parseYaml(source, report);
  if (!tree || report.errors > 0) {
    const [first] = report.finish([]);
    throw new ChimeraError(first?.code ?? 'CHM832', first?.message ?? 'the scenario cannot be read', {
      file,
      line: first?.line ?? 1,
      column: first?.column ?? 1,
      help: first?.help ?? HELP,
    });
  }
  const result = Scenario.safeParse(toValue(tree));
  if (result.success) return result.data;
  const findings = result.error.issues.map((issue) => {
    const span = spanOf(tree, issue);
    return { ...source.position(span.start), message: said(issue, tree) };
  });
  findings.sort((a, b) => a.line - b.line || a.column - b.column);
  const [first, ...more] = findings;
  throw new ChimeraError(
    'CHM832',
    [first!.message, ...more.map((f) => `${file}:${f.line}:${f.column} ${f.message}`)].join('\n'),
    { file, line: first!.line, column: first!.column, help: HELP },
  );
}

const HELP = 'docs/VENUE.md lists the kinds of faults with what each takes, and has an example';
const KINDS = Fault.options.map((o) => o.shape.kind.value);

type Issue = z.core.$ZodIssue;

function said(issue: Issue, tree: Tree): string {
  const path = issue.path
    .map((p) => (typeof p === 'number' ? `[${p}]` : `.${String(p)}`))
    .join('')
    .replace(/^\./, '');
  const at = path === '' ? '' : `${path}: `;
  if (issue.code === 'unrecognized_keys') return `${at}unknown ${issue.keys.map((k) => `"${k}"`).join(', ')}`;
  if (issue.code === 'invalid_union' && issue.path.at(-1) === 'kind') {
    const value = valueAt(tree, issue.path);
    const meant = typeof value === 'string' ? nearest(value, KINDS) : undefined;
    return `${at}there is no kind of fault ${JSON.stringify(value) ?? 'without a name'}${meant ? `; did you mean ${meant}?` : `: ${KINDS.join(', ')}`}`;
  }
  return `${at}${issue.message}`;
}

/** Where the value of an issue stands; that of the nearest mapping around it when there is none. */
function spanOf(tree: Tree, issue: Issue): Span {
  let at: Tree = tree;
  let span = tree.span;
  for (const step of issue.path) {
    const next: Tree | undefined =
      at.kind === 'map' ? entryOf(at, String(step))?.value : at.kind === 'seq' ? at.items[Number(step)] : undefined;
    if (!next) return span;
    at = next;
    span = at.span;
  }
  if (issue.code === 'unrecognized_keys' && at.kind === 'map') return entryOf(at, issue.keys[0]!)?.keySpan ?? span;
  return span;
}

function valueAt(tree: Tree, path: readonly PropertyKey[]): unknown {
  let value = toValue(tree);
  for (const step of path) value = (value as Record<PropertyKey, unknown> | undefined)?.[step];
  return value;
}
