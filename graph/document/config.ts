import type { z } from 'zod';
import type { AnyNode, ConfigIssue } from '../node.ts';
import { type Issue, IssueMapper, type Spot } from './config-issues.ts';
import { configSchema } from './config-schema.ts';
import type { Report } from './report.ts';
import type { RawNode } from './shape.ts';
import {
  describe,
  type Entry,
  isUnresolved,
  type MapTree,
  type Span,
  type Tree,
  toValue,
  withinScalar,
} from './tree.ts';

/**
 * Parses a node's `with` by its type's own schema. Every issue becomes a finding at the value, or at the key for
 * keys that do not exist, or at the key of the mapping that lacks one. Returns undefined when there was one.
 */
export function readConfig(node: RawNode, type: AnyNode, report: Report): { config: unknown } | undefined {
  const tree = withTree(node, report);
  if (!tree) return undefined;
  const schema = configSchema(type);
  const before = report.errors;
  const locate = (path: readonly PropertyKey[]) => spot(tree.map, tree.owner, path);
  const mapper = new IssueMapper(node.id, type.type, schema, locate, report);
  mapper.unknownKeys(tree.map, []);
  const result = safely(() => (type.config as z.ZodType).safeParse(toValue(tree.map)));
  if (result instanceof Error) {
    report.add('CHM115', tree.owner, `the configuration cannot be read: ${result.message}`, { node: node.id });
    return undefined;
  }
  if (!result.success) mapper.all(result.error.issues as Issue[], []);
  return report.errors > before || !result.success ? undefined : { config: result.data };
}

/** Findings of the type's own `check`, at their places. */
export function reportIssues(node: RawNode, issues: readonly ConfigIssue[], report: Report): void {
  const tree = withTree(node, undefined);
  for (const issue of issues) {
    const at = spot(tree?.map, tree?.owner ?? node.idSpan, issue.path);
    const span =
      issue.offset !== undefined && at.tree ? withinScalar(at.tree, issue.offset, issue.length ?? 1) : at.span;
    report.add(issue.code, span, issue.message, {
      help: issue.help,
      suggestion: issue.suggestion,
      severity: issue.severity ?? 'error',
      node: node.id,
    });
  }
}

function withTree(node: RawNode, report: Report | undefined): { map: MapTree; owner: Span } | undefined {
  const entry = node.with;
  const owner = entry?.keySpan ?? node.idSpan;
  const empty: MapTree = { kind: 'map', entries: [], span: owner };
  if (!entry) return { map: empty, owner };
  const { value } = entry;
  if (value.kind === 'map') return { map: value, owner };
  if (isUnresolved(value)) return undefined;
  if (value.kind === 'scalar' && value.value === null) return { map: empty, owner };
  report?.add('CHM103', value.span, `\`with\` must be a mapping, not ${describe(value)}`, {
    help: 'write `with: { period: 14 }`',
    node: node.id,
  });
  return undefined;
}

function spot(map: MapTree | undefined, owner: Span, path: readonly PropertyKey[]): Spot {
  let tree: Tree | undefined = map;
  let span = owner;
  let around = owner;
  let keySpan: Span | undefined;
  for (const step of path) {
    around = span;
    let next: Tree;
    if (tree?.kind === 'map') {
      const entry: Entry | undefined = tree.entries.find((e) => e.key === String(step));
      if (!entry) return { tree: undefined, span: keySpan ?? owner, owner: keySpan ?? owner, keySpan: undefined };
      next = entry.value;
      keySpan = entry.keySpan;
    } else if (tree?.kind === 'seq') {
      const item: Tree | undefined = tree.items[Number(step)];
      if (!item)
        return { tree: undefined, span: keySpan ?? tree.span, owner: keySpan ?? tree.span, keySpan: undefined };
      next = item;
      keySpan = undefined;
    } else return { tree: undefined, span, owner: around, keySpan: undefined };
    tree = next;
    span = next.span.end > next.span.start ? next.span : (keySpan ?? span);
    // A mapping inside a list has no key: what it lacks is shown at its first key.
    keySpan ??= next.kind === 'map' ? (next.entries[0]?.keySpan ?? next.span) : next.span;
  }
  return { tree, span, owner: around, keySpan };
}

function safely<T>(f: () => T): T | Error {
  try {
    return f();
  } catch (e) {
    return e instanceof Error ? e : new Error(String(e));
  }
}
