import type { AnyGateway, RunNode } from '../node.ts';
import type { PipelineNode } from './types.ts';

/**
 * A gateway runs as two nodes: a source with its id and out-ports, and a sink with its in-ports. They open together
 * (`gateway` says what with), so neither can be opened alone.
 */
export function halvesOf(node: Omit<PipelineNode, 'type'>, type: AnyGateway): PipelineNode[] {
  const { type: name, version, tier, summary, config, ports } = type;
  const open = () => Promise.reject(new Error('the halves of a gateway open together'));
  const common = { type: name, version, tier, summary, config, open };
  const entrance: RunNode = { ...common, kind: 'source', ports: { out: ports.out }, determinism: 'journaled' };
  const exit: RunNode = { ...common, kind: 'sink', ports: { in: ports.in }, determinism: 'external' };
  const gateway = { id: node.id, type };
  return [
    { ...node, type: entrance, inputs: [], feedback: [], delayUs: 0, gateway },
    { ...node, id: exitOf(node.id), type: exit, out: {}, feedback: [], delayUs: 0, gateway },
  ];
}

/** Id of the half that takes the commands; no document can use it. */
export const exitOf = (id: string): string => `${id}:out`;
