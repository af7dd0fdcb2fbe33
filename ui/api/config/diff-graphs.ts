import { createHash } from 'node:crypto';
import type { Pipeline, PipelineNode } from '../../../graph/document/types.ts';
import type { GraphDiff } from '../contract/records.ts';

/** Which nodes another document would keep with their state, start anew, drop and add. State is kept where type, version, configuration and inputs agree. */
export function diffGraphs(from: Pipeline, to: Pipeline): GraphDiff {
  const before = new Map(from.nodes.map((n) => [n.id, n]));
  const after = new Map(to.nodes.map((n) => [n.id, n]));
  const kept: string[] = [];
  const restarted: { node: string; why: string }[] = [];
  for (const [id, n] of after) {
    const old = before.get(id);
    if (!old) continue;
    const why = difference(old, n);
    if (why === undefined) kept.push(id);
    else restarted.push({ node: id, why });
  }
  return {
    kept,
    restarted,
    dropped: [...before.keys()].filter((id) => !after.has(id)),
    added: [...after.keys()].filter((id) => !before.has(id)),
  };
}

function difference(a: PipelineNode, b: PipelineNode): string | undefined {
  if (a.type.type !== b.type.type) return `the type is ${b.type.type} and was ${a.type.type}`;
  if (a.type.version !== b.type.version)
    return `the version of ${b.type.type} is ${b.type.version} and was ${a.type.version}`;
  if (a.key !== b.key) return b.key === 'none' ? 'it is one for all now' : 'it has an instance for each key now';
  if (digest(a.config) !== digest(b.config)) return 'its options changed';
  if (digest(a.inputs.map(schemaOf)) !== digest(b.inputs.map(schemaOf))) return 'the records that it reads changed';
  return undefined;
}
const schemaOf = (e: PipelineNode['inputs'][number]) => [
  e.port,
  e.schema.name,
  e.schema.version,
  Object.keys(e.schema.fields),
];
const digest = (x: unknown): string =>
  createHash('sha256')
    .update(JSON.stringify(x) ?? '')
    .digest('hex');
