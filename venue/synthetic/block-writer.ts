import {
  BLOCK_ROWS,
  type Block,
  type BlockReader,
  type Column,
  MARKET_PORTS,
  type MarketPort,
  type Schema,
} from '../../graph/schema/index.ts';

export const PORTS: BlockReader['ports'] = Object.entries(MARKET_PORTS).map(([name, schema]) => ({ name, schema }));
const NAMES = Object.keys(MARKET_PORTS) as MarketPort[];
const USED: readonly MarketPort[] = ['trade', 'book_ticker', 'depth', 'depth_snapshot', 'mark_price'];

/** A list column that grows as it is written. */
export interface Levels {
  values: Float64Array;
  offsets: Int32Array;
}

/** Collects rows into blocks of up to BLOCK_ROWS inputs. Blocks are used again once the reader came back for the next. */
export class BlockWriter {
  readonly full: Block[] = [];
  readonly #spare: Block[] = [];
  #block: Block;
  #seq = 0;
  /** Rows up to this number are counted but not written. */
  skipTo = -1;

  readonly #latencyUs: number;

  constructor(latencyUs: number) {
    this.#latencyUs = latencyUs;
    this.#block = this.#take();
  }
  /**
   * Begins the next input: a frame sent at exchange time `t`, which arrives `latencyUs` later. Returns its row in the port's columns, or −1 when it is to be skipped. The row has to be filled
   * before the next call.
   */
  row(port: number, t: number, key: number): number {
    if (this.#seq <= this.skipTo) {
      this.#seq++;
      return -1;
    }
    if (this.#block.n === BLOCK_ROWS) this.flush();
    const b = this.#block;
    if (b.n === 0) b.seq0 = this.#seq;
    const p = b.ports[port]!;
    b.t[b.n] = t + this.#latencyUs;
    b.port[b.n] = port;
    b.key[b.n] = key;
    b.row[b.n++] = p.n;
    this.#seq++;
    return p.n++;
  }
  numbers(port: number, column: number): Float64Array {
    return this.#block.ports[port]!.columns[column] as Float64Array;
  }
  /** Ends the list of `row` with these values. */
  list(port: number, column: number, row: number, data: readonly number[]): void {
    const c = this.#block.ports[port]!.columns[column] as Levels;
    const from = c.offsets[row]!;
    if (from + data.length > c.values.length) {
      const larger = new Float64Array(2 * (from + data.length));
      larger.set(c.values.subarray(0, from));
      c.values = larger;
    }
    for (let i = 0; i < data.length; i++) c.values[from + i] = data[i]!;
    c.offsets[row + 1] = from + data.length;
  }
  /** Closes the block that is being written, if there is anything in it. */
  flush(): void {
    if (this.#block.n === 0) return;
    this.full.push(this.#block);
    this.#block = this.#take();
  }
  recycle(b: Block): void {
    b.n = 0;
    for (const p of b.ports) p.n = 0;
    this.#spare.push(b);
  }
  #take(): Block {
    return this.#spare.pop() ?? emptyBlock();
  }
}

export const portIndex = (name: MarketPort): number => NAMES.indexOf(name);

function emptyBlock(): Block {
  const n = BLOCK_ROWS;
  return {
    n: 0,
    seq0: 0,
    t: new Float64Array(n),
    port: new Uint8Array(n),
    key: new Int32Array(n),
    row: new Int32Array(n),
    ports: NAMES.map((name) => ({ n: 0, columns: columnsOf(MARKET_PORTS[name], USED.includes(name) ? n : 0) })),
  };
}
function columnsOf(schema: Schema, n: number): Column[] {
  return Object.values(schema.fields).map((f): Column => {
    if (f.kind === 'text') return [];
    if (f.kind === 'list') return { values: new Float64Array(n), offsets: new Int32Array(n + 1) };
    return new Float64Array(n);
  });
}
