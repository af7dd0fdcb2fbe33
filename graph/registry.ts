import type { AnyNode } from './node.ts';
import { ChimeraError } from './schema/error.ts';

/** The node types a program knows: explicit lists put together where the program is, no registration by side effect. */
export class Registry {
  readonly #types = new Map<string, AnyNode>();
  constructor(...lists: readonly (readonly AnyNode[])[]) {
    for (const node of lists.flat()) {
      if (this.#types.has(node.type)) throw new ChimeraError('CHM790', `node type ${node.type} is registered twice`);
      this.#types.set(node.type, node);
    }
  }
  get(type: string): AnyNode | undefined {
    return this.#types.get(type);
  }
  get names(): string[] {
    return [...this.#types.keys()].sort();
  }
  [Symbol.iterator](): IterableIterator<AnyNode> {
    return this.#types.values();
  }
}
