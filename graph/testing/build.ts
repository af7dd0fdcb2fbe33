import { halvesOf } from '../document/halves.ts';
import type { Pipeline, PipelineEdge, PipelineNode } from '../document/types.ts';
import { type AnyNode, type InPorts, inPortsOf, isEntrance, outPortsOf } from '../node.ts';
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

/** Schema of a reference. Layouts that follow from inputs are followed back; one that depends on itself counts as a number. */
function schemaOf(nodes: readonly BuildNode[], ref: string, seen: readonly string[]): Schema {
  const [node, out, field] = ref.split('.') as [string, string, string | undefined];
  const { type, with: options, in: ins = {} } = nodes.find((b) => b.id === node)!;
  if (field || type.kind === 'sink' || seen.includes(node)) return Picked;
  const inputs = () =>
    Object.fromEntries(Object.entries(ins).map(([port, from]) => [port, schemaOf(nodes, from, [...seen, node])]));
  const outs = type.ports.out;
  const ports = typeof outs === 'function' ? outs(type.config.parse(options ?? {}), { inputs: inputs() }) : outs;
  return ports[out]?.schema ?? Picked;
}

/** Builds a resolved pipeline; nothing is checked that lint would check. */
export function buildPipeline(nodes: readonly BuildNode[], name = 'test'): Pipeline {
  const built: PipelineNode[] = [];
  for (const n of nodes) {
    const ports = inPortsOf(n.type) as InPorts;
    const inputs = Object.entries(n.in ?? {}).map(([port, ref]): PipelineEdge => {
      const [node, out, field] = ref.split('.') as [string, string, string | undefined];
      const schema = schemaOf(nodes, ref, []);
      const rest = !(port in ports);
      const spec = rest ? (n.type as { ports: { rest: PipelineEdge['spec'] } }).ports.rest : ports[port]!;
      return { port, spec, rest, node, out, field, schema };
    });
    const config = n.type.config.parse(n.with ?? {});
    const { type } = n;
    const node = {
      id: n.id,
      config,
      key: n.key ?? (isEntrance(type) ? 'none' : 'instrument'),
      inputs,
      out: outPortsOf(n.type, config, { inputs: Object.fromEntries(inputs.map((e) => [e.port, e.schema])) }),
      feedback: n.feedback ?? [],
      delayUs: n.delayUs ?? 0,
      onError: n.onError ?? 'stop',
      line: 0,
      column: 0,
    };
    if (type.kind === 'gateway') built.push(...halvesOf(node, type));
    else built.push({ ...node, type });
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
