import { BLOCK_ROWS, type Block, type Column, type ListColumn, type PortColumns } from '../../graph/schema/index.ts';
import { FIELDS, PORTS, type PortBuffer } from '../../lake/decode/row-store.ts';

/** List values of a chunk (depth levels) beyond which it takes no further row: bounds its memory to some 8 MiB. */
const CHUNK_VALUES = 1 << 18;

/** How a field goes from the decoder (doubles in units) to a block (integers in the key's decimals). */
const RAW = 0;
const PX = 1;
const QTY = 2;
const MONEY = 3;
const TEXT = 4;
const LIST_PX = 5;
const LIST_QTY = 6;
const COPIES: readonly Uint8Array[] = FIELDS.map((fields) =>
  Uint8Array.from(fields, (f) => {
    if (f.kind === 'list') return f.of === 'px' ? LIST_PX : LIST_QTY;
    return f.kind === 'text' ? TEXT : f.kind === 'px' ? PX : f.kind === 'qty' ? QTY : f.kind === 'money' ? MONEY : RAW;
  }),
);

interface Chunk extends Block {
  /** Rows already handed out. */
  from: number;
  /** Takes no further rows. */
  sealed: boolean;
  values: number;
  ports: PortColumns[];
}

/**
 * What has arrived and was not taken yet: a bounded queue of rows that already lie in the columns of the blocks that they
 * leave in, so that a row is copied once. Chunks are used again; nothing is allocated while the run keeps up.
 */
export class RowRing {
  /** Rows waiting, the most there ever were, and how many there may be. */
  rows = 0;
  highest = 0;
  readonly capacity: number;
  /** Time of the last row, µs: times never decrease. */
  t = 0;
  readonly #queue: Chunk[] = [];
  readonly #free: Chunk[] = [];
  #out: Chunk | undefined;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  /** Arrival of the oldest row that waits, µs; NaN when none does. */
  get oldestUs(): number {
    const head = this.#queue[0];
    return head === undefined || head.from === head.n ? Number.NaN : head.t[head.from]!;
  }

  /** Adds row `r` of a decoder's buffer; false when the ring is full. */
  push(
    port: number,
    key: number,
    t: number,
    source: PortBuffer,
    r: number,
    pxScale: number,
    qtyScale: number,
  ): boolean {
    const chunk = this.#room();
    if (chunk === undefined) return false;
    const out = this.#begin(chunk, port, key, t);
    const row = out.n - 1;
    const copies = COPIES[port]!;
    const columns = out.columns;
    for (let f = 0; f < copies.length; f++) {
      const how = copies[f]!;
      // Adding 0 turns −0 into 0.
      if (how === RAW) (columns[f] as Float64Array)[row] = source.numbers[f]![r]!;
      else if (how === PX) (columns[f] as Float64Array)[row] = Math.round(source.numbers[f]![r]! * pxScale) + 0;
      else if (how === QTY) (columns[f] as Float64Array)[row] = Math.round(source.numbers[f]![r]! * qtyScale) + 0;
      else if (how === MONEY) (columns[f] as Float64Array)[row] = Math.round(source.numbers[f]![r]! * 1e8) + 0;
      else if (how === TEXT) (columns[f] as string[])[row] = source.texts[f]![r]!;
      else {
        const list = source.lists[f]!;
        const from = list.offsets[r]!;
        chunk.values += list.offsets[r + 1]! - from;
        copyList(
          columns[f] as ListColumn,
          row,
          list.values,
          from,
          list.offsets[r + 1]!,
          how === LIST_PX ? pxScale : qtyScale,
        );
      }
    }
    if (chunk.n === BLOCK_ROWS || chunk.values > CHUNK_VALUES) chunk.sealed = true;
    return true;
  }

  /** Adds a row of numbers (unscaled, as a decoder has them) and texts, in schema order; false when the ring is full. */
  pushValues(
    port: number,
    key: number,
    t: number,
    values: ArrayLike<number | string>,
    pxScale = 1,
    qtyScale = 1,
  ): boolean {
    const chunk = this.#room();
    if (chunk === undefined) return false;
    const out = this.#begin(chunk, port, key, t);
    const row = out.n - 1;
    const copies = COPIES[port]!;
    for (let f = 0; f < copies.length; f++) {
      const v = values[f]!;
      if (typeof v === 'string') (out.columns[f] as string[])[row] = v;
      else {
        const scale = copies[f] === PX ? pxScale : copies[f] === QTY ? qtyScale : 0;
        (out.columns[f] as Float64Array)[row] = scale === 0 ? v : Math.round(v * scale) + 0;
      }
    }
    if (chunk.n === BLOCK_ROWS) chunk.sealed = true;
    return true;
  }

  /** The next rows that had arrived by `nowUs`; valid until the next call. */
  take(nowUs: number): Block | null {
    if (this.#out !== undefined) {
      this.#reuse(this.#out);
      this.#out = undefined;
    }
    const head = this.#queue[0];
    if (head === undefined || head.from === head.n || head.t[head.from]! > nowUs) return null;
    const from = head.from;
    let to = head.n;
    while (head.t[to - 1]! > nowUs) to--;
    head.from = to;
    // What is handed out must not change: rows that come now start another chunk.
    head.sealed = true;
    this.rows -= to - from;
    if (to === head.n) {
      this.#queue.shift();
      this.#out = head;
      if (from === 0) return head;
    }
    return {
      n: to - from,
      seq0: 0,
      t: head.t.subarray(from, to),
      port: head.port.subarray(from, to),
      key: head.key.subarray(from, to),
      row: head.row.subarray(from, to),
      ports: head.ports,
    };
  }

  #room(): Chunk | undefined {
    if (this.rows >= this.capacity) return undefined;
    const tail = this.#queue.at(-1);
    if (tail !== undefined && !tail.sealed) return tail;
    const chunk = this.#free.pop() ?? newChunk();
    this.#queue.push(chunk);
    return chunk;
  }
  #begin(chunk: Chunk, port: number, key: number, t: number): PortColumns {
    if (t > this.t) this.t = t;
    const out = chunk.ports[port]!;
    if (out.columns.length === 0) out.columns = newColumns(port);
    const i = chunk.n++;
    chunk.t[i] = this.t;
    chunk.port[i] = port;
    chunk.key[i] = key;
    chunk.row[i] = out.n++;
    this.rows++;
    if (this.rows > this.highest) this.highest = this.rows;
    return out;
  }
  #reuse(chunk: Chunk): void {
    chunk.n = 0;
    chunk.from = 0;
    chunk.values = 0;
    chunk.sealed = false;
    for (const p of chunk.ports) p.n = 0;
    if (this.#free.length < 8) this.#free.push(chunk);
  }
}

const newChunk = (): Chunk => ({
  n: 0,
  seq0: 0,
  from: 0,
  sealed: false,
  values: 0,
  t: new Float64Array(BLOCK_ROWS),
  port: new Uint8Array(BLOCK_ROWS),
  key: new Int32Array(BLOCK_ROWS),
  row: new Int32Array(BLOCK_ROWS),
  ports: PORTS.map(() => ({ n: 0, columns: [] })),
});
const newColumns = (port: number): Column[] =>
  FIELDS[port]!.map((f) =>
    f.kind === 'text'
      ? new Array<string>(BLOCK_ROWS).fill('')
      : f.kind === 'list'
        ? { values: new Float64Array(1024), offsets: new Int32Array(BLOCK_ROWS + 1) }
        : new Float64Array(BLOCK_ROWS),
  );

function copyList(out: ListColumn, row: number, source: Float64Array, from: number, to: number, scale: number): void {
  let o = row === 0 ? 0 : out.offsets[row]!;
  out.offsets[row] = o;
  const need = o + to - from;
  if (need > out.values.length) {
    const grown = new Float64Array(Math.max(need, out.values.length * 2));
    grown.set(out.values.subarray(0, o));
    out.values = grown;
  }
  const values = out.values;
  for (let i = from; i < to; i++) values[o++] = Math.round(source[i]! * scale) + 0;
  out.offsets[row + 1] = o;
}
