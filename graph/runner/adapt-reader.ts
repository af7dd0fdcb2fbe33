import type { PlanNode } from '../plan/plan.ts';
import { type BlockReader, ChimeraError } from '../schema/index.ts';

/** A reader may deliver its ports in another order, or only some of them: block port numbers become the node's. @throws CHM741 */
export function adaptReader(reader: BlockReader, node: PlanNode): BlockReader {
  const outs = node.outs.map((o) => o.port);
  const same = reader.ports.length === outs.length && reader.ports.every((p, i) => p.name === outs[i]);
  if (same) return reader;
  const to = reader.ports.map((p) => outs.indexOf(p.name));
  if (to.some((i) => i < 0)) {
    const missing = reader.ports.filter((_, i) => to[i]! < 0).map((p) => p.name);
    throw new ChimeraError('CHM741', `source ${node.id} has no port ${missing.join(', ')}`, { node: node.id });
  }
  return {
    ...reader,
    ports: node.outs.map((o) => ({ name: o.port, schema: o.schema })),
    async read() {
      const block = await reader.read();
      if (!block) return null;
      const ports = outs.map((_, i) => block.ports[to.indexOf(i)] ?? { n: 0, columns: [] });
      return { ...block, port: block.port.map((p) => to[p]!), ports };
    },
    ...(reader.seek ? { seek: (seq: number) => reader.seek!(seq) } : {}),
    close: () => reader.close(),
    get quality() {
      return reader.quality;
    },
  } as BlockReader;
}
