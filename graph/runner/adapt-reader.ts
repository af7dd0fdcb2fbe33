import type { PlanNode } from '../plan/plan.ts';
import { type Block, type BlockReader, ChimeraError, isLive, type LiveReader } from '../schema/index.ts';

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
  return isLive(reader) ? new AdaptedLive(reader, node, to) : new Adapted(reader, node, to);
}

class Adapted<R extends BlockReader = BlockReader> implements BlockReader {
  readonly ports: BlockReader['ports'];
  /** Only a reader that can go back has it. */
  readonly seek?: (seq: number) => Promise<void>;
  protected readonly reader: R;
  /** The node's port by the reader's, and the reverse (−1: the reader does not have it). */
  readonly #to: readonly number[];
  readonly #from: readonly number[];

  constructor(reader: R, node: PlanNode, to: readonly number[]) {
    this.reader = reader;
    this.ports = node.outs.map((o) => ({ name: o.port, schema: o.schema }));
    this.#to = to;
    this.#from = node.outs.map((_, i) => to.indexOf(i));
    if (reader.seek) this.seek = (seq) => reader.seek!(seq);
  }
  async read(): Promise<Block | null> {
    return this.adapt(await this.reader.read());
  }
  close(): Promise<void> {
    return this.reader.close();
  }
  get quality() {
    return this.reader.quality;
  }
  protected adapt(block: Block | null): Block | null {
    if (!block) return null;
    const ports = this.#from.map((i) => block.ports[i] ?? { n: 0, columns: [] });
    return { ...block, port: block.port.map((p) => this.#to[p]!), ports };
  }
}

class AdaptedLive extends Adapted<LiveReader> implements LiveReader {
  /** Only a reader that wants to know has it. */
  readonly written?: (seq: number, n: number) => void;

  constructor(reader: LiveReader, node: PlanNode, to: readonly number[]) {
    super(reader, node, to);
    if (reader.written) this.written = (seq, n) => reader.written!(seq, n);
  }
  poll(nowUs: number): Block | null {
    return this.adapt(this.reader.poll(nowUs));
  }
  set wake(wake: () => void) {
    this.reader.wake = wake;
  }
}
