import { readFileSync } from 'node:fs';
import { loadPipeline } from '../graph/document/load.ts';
import type { Pipeline } from '../graph/document/types.ts';
import { registry } from '../ui/cli/registry.ts';

/** Loads a pipeline document; one that does not lint throws its findings. */
export function readPipeline(
  file: string,
  sets: Readonly<Record<string, string>> = {},
  profile: string | undefined = undefined,
): Pipeline {
  const text = readFileSync(file, 'utf8');
  const bound = profile === undefined ? {} : { profile: { file: profile, text: readFileSync(profile, 'utf8') } };
  const { pipeline, diagnostics } = loadPipeline(text, file, registry, { sets, ...bound });
  if (!pipeline)
    throw new Error(
      `${file} does not lint:\n${diagnostics.map((d) => `${d.line}: ${d.code} ${d.message}`).join('\n')}`,
    );
  return pipeline;
}

/** The pipeline cut behind a node: that node and all that it needs, and nothing that reads it. */
export function cutBehind(pipeline: Pipeline, id: string): Pipeline {
  const needed = new Set([id]);
  for (const name of needed)
    for (const edge of pipeline.nodes.find((n) => n.id === name)!.inputs) needed.add(edge.node);
  return { ...pipeline, nodes: pipeline.nodes.filter((n) => needed.has(n.id)), services: {} };
}
