import type { Pipeline, PipelineEdge, PipelineNode } from '../document/types.ts';
import { type AnyNode, type InPorts, inPortsOf, outPortsOf } from '../node.ts';
import { f64, record, type Schema } from '../schema/index.ts';

/** One node of a pipeline built in code, for tests of the engine that should not depend on the document. */
export interface BuildNode {
  id: string;
  type: AnyNode;
  with?: Record<string, unknown>;
  /** In-port → `node.port` or `node.port.field`. */
  in?: Record<string, string>;
  key?: 'instrument' | 'none';
  feedback?: string[];
  delayUs?: number;
  onError?: 'stop' | 'quarantine';
}

const Picked = record('scalar', 1, { value: f64() });

/** Builds a resolved pipeline; nothing is checked that lint would check. */
export function buildPipeline(nodes: readonly BuildNode[], name = 'test'): Pipeline {
  const built: PipelineNode[] = [];
  for (const n of nodes) {
    const ports = inPortsOf(n.type) as InPorts;
    const inputs = Object.entries(n.in ?? {}).map(([port, ref]): PipelineEdge => {
      const [node, out, field] = ref.split('.') as [string, string, string | undefined];
      const from = nodes.find((b) => b.id === node)!;
      const outs = from.type.kind === 'sink' ? {} : from.type.ports.out;
      const schema: Schema = field ? Picked : typeof outs === 'function' ? Picked : outs[out]!.schema;
      const rest = !(port in ports);
      const spec = rest ? (n.type as { ports: { rest: PipelineEdge['spec'] } }).ports.rest : ports[port]!;
      return { port, spec, rest, node, out, field, schema };
    });
    const config = n.type.config.parse(n.with ?? {});
    built.push({
      id: n.id,
      type: n.type,
      config,
      key: n.key ?? (n.type.kind === 'source' ? 'none' : 'instrument'),
      inputs,
      out: outPortsOf(n.type, config, { inputs: Object.fromEntries(inputs.map((e) => [e.port, e.schema])) }),
      feedback: n.feedback ?? [],
      delayUs: n.delayUs ?? 0,
      onError: n.onError ?? 'stop',
      line: 0,
      column: 0,
    });
  }
  const hash = JSON.stringify(
    built.map((b) => [
      b.id,
      b.type.type,
      b.type.version,
      b.config,
      b.inputs.map((e) => [e.port, e.node, e.out, e.field]),
    ]),
  );
  return { name, file: 'test.yaml', params: {}, nodes: built, services: {}, hash };
}
