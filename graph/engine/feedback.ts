import type { Core } from './core.ts';
import { copyFields, type Fielded, PooledSlot } from './slot.ts';

/** What a feedback port held at the end of the cycle that wrote it, on its way to a later cycle. */
export interface Delivered {
  due: number;
  node: number;
  out: number;
  key: number;
  rows: Record<string, unknown>[];
  creation: number;
}

/** Feedback on its way: first those without delay, in order of emission, then by (due, emission). */
export class Feedback {
  readonly #core: Core;
  #immediate: Delivered[] = [];
  #head = 0;
  #delayed: Delivered[] = [];
  creation = 0;

  constructor(core: Core) {
    this.#core = core;
  }
  /** Copies what a port just emitted, because its slot is reused. */
  emitted(node: number, out: number, key: number): void {
    const { plan, clock } = this.#core;
    const n = plan.nodes[node]!;
    const slot = this.#core.instance(node, key)!.ports[out]!.slot;
    const { schema } = n.outs[out]!;
    const records: Fielded[] = slot instanceof PooledSlot ? slot.records.slice(0, slot.n) : [slot as Fielded];
    const rows = records.map((r) => {
      const row: Record<string, unknown> = { key: r.key };
      copyFields(schema, r, row);
      return row;
    });
    const delay = n.node.delayUs;
    const d: Delivered = { due: clock.now + delay, node, out, key, rows, creation: this.creation++ };
    if (delay === 0) {
      this.#immediate.push(d);
      clock.urgent = true;
    } else {
      let i = this.#delayed.length;
      while (i > 0 && this.#delayed[i - 1]!.due > d.due) i--;
      this.#delayed.splice(i, 0, d);
      if (d.due < clock.due) clock.due = d.due;
    }
  }
  get due(): number {
    return this.#delayed[0]?.due ?? Number.POSITIVE_INFINITY;
  }
  get pending(): boolean {
    return this.#head < this.#immediate.length;
  }
  immediate(): Delivered | undefined {
    if (this.#head === this.#immediate.length) return undefined;
    const d = this.#immediate[this.#head++]!;
    if (this.#head === this.#immediate.length) {
      this.#immediate = [];
      this.#head = 0;
    }
    return d;
  }
  take(): Delivered | undefined {
    return this.#delayed.shift();
  }
  /** Puts the rows into the slots that consumers of the port read. */
  write(d: Delivered): void {
    const entry = this.#core.delivery(d.node, d.out, d.key);
    for (const row of d.rows) entry.write(row);
  }
  /** For snapshots. */
  get all(): Delivered[] {
    return [...this.#immediate.slice(this.#head), ...this.#delayed];
  }
  set all(list: readonly Delivered[]) {
    this.#immediate = list.filter((d) => this.#core.plan.nodes[d.node]!.node.delayUs === 0);
    this.#delayed = list.filter((d) => this.#core.plan.nodes[d.node]!.node.delayUs !== 0);
    this.#head = 0;
  }
}
