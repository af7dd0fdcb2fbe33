import type { BadInput, Block, BlockReader, Column, InputQuality, PortColumns } from '../../graph/schema/index.ts';
import { FIELDS, PORTS } from './row-store.ts';

/**
 * Merges several block readers with the same ports by (t, position, row). Rows are not copied: a block is handed on in
 * slices, as long as its rows come before every other reader's.
 */
export class InterleavedReader implements BlockReader {
  readonly ports: BlockReader['ports'];
  readonly #readers: readonly BlockReader[];
  #heads: { block: Block | null; at: number }[] | undefined;
  #lent = -1;
  #seq = 0;

  constructor(readers: readonly BlockReader[]) {
    this.#readers = readers;
    this.ports = readers[0]!.ports;
  }
  get quality(): InputQuality {
    const bad_input: BadInput[] = [];
    let out_of_order = 0;
    for (const r of this.#readers) {
      bad_input.push(...(r.quality?.bad_input ?? []));
      out_of_order += r.quality?.out_of_order ?? 0;
    }
    return { bad_input, out_of_order };
  }

  async read(): Promise<Block | null> {
    if (this.#heads === undefined) {
      this.#heads = [];
      for (const r of this.#readers) this.#heads.push({ block: await r.read(), at: 0 });
    } else if (this.#lent >= 0) {
      // A reader may reuse its block: it is only asked for the next one when the last slice is done with.
      const head = this.#heads[this.#lent]!;
      if (head.block !== null && head.at === head.block.n) {
        head.block = await this.#readers[this.#lent]!.read();
        head.at = 0;
      }
    }
    let best = -1;
    let second = -1;
    for (const [i, h] of this.#heads.entries()) {
      if (h.block === null) continue;
      const t = h.block.t[h.at]!;
      if (best < 0 || t < this.#time(best)) {
        second = best;
        best = i;
      } else if (second < 0 || t < this.#time(second)) second = i;
    }
    this.#lent = best;
    if (best < 0) return null;
    const head = this.#heads[best]!;
    const block = head.block!;
    const from = head.at;
    const until = second < 0 ? Number.POSITIVE_INFINITY : this.#time(second);
    let to = from + 1;
    while (to < block.n && (block.t[to]! < until || (block.t[to] === until && best < second))) to++;
    head.at = to;
    const slice: Block = {
      ...block,
      n: to - from,
      seq0: this.#seq,
      t: block.t.subarray(from, to),
      port: block.port.subarray(from, to),
      key: block.key.subarray(from, to),
      row: block.row.subarray(from, to),
    };
    this.#seq += slice.n;
    return slice;
  }
  #time(i: number): number {
    const h = this.#heads![i]!;
    return h.block!.t[h.at]!;
  }

  async seek(seq: number): Promise<void> {
    for (const r of this.#readers) {
      if (r.seek === undefined) throw new Error('a reader cannot start again');
      await r.seek(-1);
    }
    this.#heads = undefined;
    this.#lent = -1;
    this.#seq = 0;
    while (this.#seq <= seq) {
      const before = this.#seq;
      const block = await this.read();
      if (block === null) return;
      if (this.#seq > seq + 1) {
        // The slice is cut: the rest of it is handed out next.
        this.#heads![this.#lent]!.at -= this.#seq - (seq + 1);
        this.#seq = seq + 1;
        void before;
      }
    }
  }
  async close(): Promise<void> {
    for (const r of this.#readers) await r.close();
  }
}

const none = (p: number): PortColumns => ({
  n: 0,
  columns: FIELDS[p]!.map(
    (f): Column =>
      f.kind === 'text'
        ? []
        : f.kind === 'list'
          ? { values: new Float64Array(0), offsets: new Int32Array(1) }
          : new Float64Array(0),
  ),
});

/** The reader itself when it numbers its ports as every market reader does; else with its ports renumbered. */
export function inMarketOrder(reader: BlockReader): BlockReader {
  if (PORTS.every((p, i) => reader.ports[i]?.name === p.name)) return reader;
  const extra = reader.ports.filter((p) => !PORTS.some((m) => m.name === p.name));
  const ports = [...PORTS, ...extra];
  const to = Uint8Array.from(reader.ports, (p) => ports.findIndex((o) => o.name === p.name));
  const from = ports.map((p) => reader.ports.findIndex((o) => o.name === p.name));
  const absent = PORTS.map((_, p) => none(p));
  const numbers = new Uint8Array(4096);
  return {
    ports,
    get quality() {
      return reader.quality ?? { bad_input: [], out_of_order: 0 };
    },
    async read() {
      const b = await reader.read();
      if (b === null) return null;
      const port = b.n <= numbers.length ? numbers : new Uint8Array(b.n);
      for (let i = 0; i < b.n; i++) port[i] = to[b.port[i]!]!;
      return { ...b, port, ports: from.map((f, p) => (f < 0 ? absent[p]! : b.ports[f]!)) };
    },
    ...(reader.seek === undefined ? {} : { seek: (seq: number) => reader.seek!(seq) }),
    close: () => reader.close(),
  };
}
