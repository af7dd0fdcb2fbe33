import { typeJson } from '../../cli/commands/explain.ts';
import { registry } from '../../cli/registry.ts';
import { notFound } from '../problem.ts';

/** A line for each node type. */
export const nodeTypes = (): { type: string; kind: string; tier: string; summary: string }[] =>
  registry.names.map((name) => {
    const t = registry.get(name)!;
    return { type: t.type, kind: t.kind, tier: t.tier, summary: t.summary };
  });

/** As `chimera explain --json` prints it. */
export function nodeTypeJson(name: string): object {
  const type = registry.get(name);
  if (!type) throw notFound(`node type ${name}`);
  return typeJson(type);
}
