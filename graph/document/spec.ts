import type { PipelineNode } from './types.ts';

const specs = new WeakMap<PipelineNode, string>();

/** Configuration and input schemas as text: with type and version all that the meaning of a node's state depends on. */
export function specOf(node: PipelineNode): string {
  let spec = specs.get(node);
  if (spec === undefined) {
    const { config, inputs } = node;
    spec = JSON.stringify([config, inputs.map((e) => [e.port, e.schema.name, e.schema.version, e.schema.fields])]);
    specs.set(node, spec);
  }
  return spec;
}
