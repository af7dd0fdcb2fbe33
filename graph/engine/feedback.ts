import type { Core } from './core.ts';
import { type Fielded, PooledSlot, type Row, type RowLayout, rowsOf } from './slot.ts';
import { compareStamps, type Stamp } from './stamp.ts';

/** What a port held at the end of the cycle that wrote it, on its way to a later cycle: feedback, or one successive record. */
export interface Delivered {
  due: number;
  /** How many deliveries without delay led to it, one out of the other. */
  round: number;
  node: number;
  out: number;
  key: number;
  rows: Record<string, unknown>[];
  /** Without delay: its place in the order. With one that follows from when it is due, and this is where it was emitted. */
  stamp: Stamp;
}

interface RowPool extends RowLayout {
  readonly free: Row[];
}
function take(pool: RowPool, from: Fielded): Row {
  const row = pool.free.pop();
  if (!row) return new pool.Row(from);
  row.key = from.key;
  pool.copy(from, row);
  return row;
}

/**
 * Feedback and successive records on their way: first those without delay, in one line in order of emission, then by
 * (due, place of the port, emission).
 */
export class Feedback {
  readonly #core: Core;
  /** By node and out-port, µs. `delay` is the node's word for its feedback; successive records that close no loop come at once. */
  readonly #delays: readonly (readonly number[])[];
  /** By node and out-port: how its records are copied, and copies that are free again. */
  readonly #pools: readonly (readonly RowPool[])[];
  #immediate: Delivered[] = [];
  #head = 0;
  #delayed: Delivered[] = [];
  /** The cycle whose emissions are being taken, and how many without delay each node has made in it. */
  #cycle = -1;
  readonly #nth: number[] = [];
  /** That the running cycle's emissions belong to: 1 for those of inputs and timers. */
  round = 1;

  constructor(core: Core) {
    this.#core = core;
    this.#delays = core.plan.nodes.map(({ node, outs }) =>
      outs.map(({ port }) => (node.feedback.includes(port) ? node.delayUs : 0)),
    );
    this.#pools = core.plan.nodes.map(({ outs }) => outs.map(({ schema }) => ({ ...rowsOf(schema), free: [] })));
  }
  /** Copies what a port just emitted, because its slot is reused. */
  emitted(node: number, out: number, key: number): void {
    const { plan } = this.#core;
    const n = plan.nodes[node]!;
    const slot = this.#core.instance(node, key)!.ports[out]!.slot;
    const pool = this.#pools[node]![out]!;
    const rows: Row[] = [];
    if (slot instanceof PooledSlot) for (let i = 0; i < slot.n; i++) rows.push(take(pool, slot.at(i)));
    else rows.push(take(pool, slot as Fielded));
    if (n.outs[out]!.successive) for (const row of rows) this.#send(node, out, key, [row]);
    else this.#send(node, out, key, rows);
  }
  #send(node: number, out: number, key: number, rows: Record<string, unknown>[]): void {
    const { clock } = this.#core;
    const delay = this.#delays[node]![out]!;
    // What comes later begins anew.
    const round = delay === 0 ? this.round : 0;
    const stamp = delay === 0 ? this.#next(node) : clock.stamp();
    const d: Delivered = { due: clock.now + delay, round, node, out, key, rows, stamp };
    if (delay === 0) {
      this.#immediate.push(d);
      clock.urgent = true;
    } else this.delay(d);
  }
  /** Keeps a delivery until it is due. */
  delay(d: Delivered): void {
    const { clock } = this.#core;
    let i = this.#delayed.length;
    while (i > 0 && this.#compare(d, this.#delayed[i - 1]!) < 0) i--;
    this.#delayed.splice(i, 0, d);
    if (d.due < clock.due) clock.due = d.due;
  }
  #compare(a: Delivered, b: Delivered): number {
    return (
      a.due - b.due ||
      this.#place(a) - this.#place(b) ||
      compareStamps(a.stamp, b.stamp) ||
      this.#core.byName(a.key, b.key)
    );
  }
  isDelayed({ node, out }: Delivered): boolean {
    return this.#delays[node]![out] !== 0;
  }
  #place({ node, out }: Delivered): number {
    return this.#core.plan.nodes[node]!.portCauses[out]!;
  }
  /** The place of the next delivery without delay that comes out of the running cycle. */
  #next(node: number): Stamp {
    const { clock, plan } = this.#core;
    if (this.#cycle !== clock.n) {
      this.#cycle = clock.n;
      this.#nth.fill(0);
    }
    const nth = this.#nth[node] ?? 0;
    this.#nth[node] = nth + 1;
    const stamp = clock.stamp();
    stamp.path = [...stamp.path, plan.nodes[node]!.ordinal, nth];
    return stamp;
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
  /** The next one in line without taking it. */
  get first(): Delivered | undefined {
    return this.#immediate[this.#head];
  }
  get firstDelayed(): Delivered | undefined {
    return this.#delayed[0];
  }
  take(): Delivered | undefined {
    return this.#delayed.shift();
  }
  /** Puts the rows into the slots that consumers of the port read. */
  write(d: Delivered): void {
    const entry = this.#core.delivery(d.node, d.out, d.key);
    const { Row, free } = this.#pools[d.node]![d.out]!;
    for (const row of d.rows) {
      entry.write(row);
      // The slot has its values now. Rows of a snapshot or of another part look different: they would spoil the class.
      if (row instanceof Row) free.push(row);
    }
  }
  /** For snapshots. */
  get all(): Delivered[] {
    return [...this.#immediate.slice(this.#head), ...this.#delayed];
  }
  set all(list: readonly Delivered[]) {
    this.#immediate = list.filter((d) => this.#delays[d.node]![d.out] === 0);
    this.#delayed = list.filter((d) => this.#delays[d.node]![d.out] !== 0);
    this.#head = 0;
    this.round = 1;
  }
}
