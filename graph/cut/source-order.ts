import type { Cut, Part } from './cut.ts';
import type { InPart } from './in-part.ts';
import type { PartSources } from './part-sources.ts';

/** Sources of several parts are opened one after the other, in order of declaration: that numbers the instruments. */
export class SourceOrder {
  /** All sources of the graph, in order: the part that has it, by its id, and how many that part opens before it. */
  readonly #order: readonly { readonly part: string; readonly nth: number }[];
  readonly #self: string;
  readonly #peers: readonly InPart[];
  readonly #own: PartSources;

  constructor({ plan, parts }: Cut, part: Part, peers: readonly InPart[], own: PartSources) {
    const opened = new Map<string, number>();
    this.#order = plan.sources.map((s) => {
      const { id } = parts.find((p) => p.nodes.some((n) => n.index === s))!;
      const nth = opened.get(id) ?? 0;
      opened.set(id, nth + 1);
      return { part: id, nth };
    });
    this.#self = part.id;
    this.#peers = peers;
    this.#own = own;
  }
  /** Whether the next own source may be opened: all that are declared before it are open. */
  get isOurTurn(): boolean {
    const nth = this.#own.heads.length;
    const self = this.#order.findIndex((s) => s.part === this.#self && s.nth === nth);
    return this.#order.slice(0, self).every((s) => this.#isOpen(s.part, s.nth));
  }
  get allOpen(): boolean {
    return this.#order.every((s) => this.#isOpen(s.part, s.nth));
  }
  #isOpen(part: string, nth: number): boolean {
    const peer = this.#peers.find((p) => p.id === part);
    return (peer ? (peer.sources?.open ?? 0) : this.#own.heads.length) > nth;
  }
}
