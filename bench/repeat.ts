import type { Block, BlockReader, Column, PortColumns, Schema } from '../graph/schema/index.ts';

/** Copies of a source's blocks that outlive the reader's buffers. */
export async function keepBlocks(reader: BlockReader): Promise<Block[]> {
  const blocks: Block[] = [];
  for (let b = await reader.read(); b; b = await reader.read()) blocks.push(copyBlock(b));
  return blocks;
}
function copyBlock(b: Block): Block {
  return {
    n: b.n,
    seq0: b.seq0,
    t: b.t.slice(0, b.n),
    port: b.port.slice(0, b.n),
    key: b.key.slice(0, b.n),
    row: b.row.slice(0, b.n),
    ports: b.ports.map((p): PortColumns => ({ n: p.n, columns: p.columns.map((c) => copyColumn(c, p.n)) })),
  };
}
function copyColumn(c: Column, n: number): Column {
  if (c instanceof Float64Array) return c.slice(0, n);
  if (Array.isArray(c)) return c.slice(0, n);
  const from = c.offsets[0] ?? 0;
  const offsets = c.offsets.slice(0, n + 1).map((o) => o - from);
  return { values: c.values.slice(from, from + (offsets[n] ?? 0)), offsets };
}

const TIMES = new Set(['time_ms', 'event_ms', 'next_funding_ms', 'start_ms', 'end_ms', 'open_time_ms']);
const UPDATE_IDS = new Set(['u', 'first_u', 'pu']);
const TRADE_IDS = new Set(['id', 'first_id', 'last_id']);

/**
 * The same recording again and again as one long one: times, update ids and trade ids are shifted so that the chains
 * go on, and each repetition begins with its snapshot, so that the book starts from the right state.
 */
export class RepeatReader implements BlockReader {
  readonly ports: BlockReader['ports'];
  readonly #blocks: readonly Block[];
  readonly #times: number;
  readonly #rows: number;
  readonly #spanUs: number;
  readonly #updateShift: number;
  readonly #tradeShift: number;
  #round = 0;
  #next = 0;

  constructor(ports: BlockReader['ports'], blocks: readonly Block[], times: number) {
    this.ports = ports;
    this.#blocks = snapshotFirst(ports, blocks);
    this.#times = times;
    this.#rows = blocks.reduce((n, b) => n + b.n, 0);
    const first = blocks[0]!;
    const last = blocks.at(-1)!;
    // Whole milliseconds, so that exchange times and arrival times move together.
    this.#spanUs = Math.ceil((last.t[last.n - 1]! - first.t[0]! + 1000) / 1000) * 1000;
    this.#updateShift = idSpan(ports, blocks, 'depth', 'u', 'pu');
    this.#tradeShift = idSpan(ports, blocks, 'trade', 'id', 'id') + 1;
  }
  get events(): number {
    return this.#rows * this.#times;
  }
  async read(): Promise<Block | null> {
    if (this.#next === this.#blocks.length) {
      this.#next = 0;
      this.#round++;
    }
    if (this.#round >= this.#times) return null;
    const b = this.#blocks[this.#next++]!;
    if (this.#round === 0) return b;
    const k = this.#round;
    return {
      ...b,
      seq0: b.seq0 + k * this.#rows,
      t: b.t.map((t) => t + k * this.#spanUs),
      ports: b.ports.map((p, i) => ({
        n: p.n,
        columns: p.columns.map((c, f) => this.#shift(this.ports[i]!.schema, f, c, k)),
      })),
    };
  }
  async close(): Promise<void> {}

  #shift(schema: Schema, f: number, c: Column, round: number): Column {
    const name = Object.keys(schema.fields)[f]!;
    const by = TIMES.has(name)
      ? this.#spanUs / 1000
      : UPDATE_IDS.has(name) && schema.name !== 'trade'
        ? this.#updateShift
        : TRADE_IDS.has(name)
          ? this.#tradeShift
          : 0;
    return by === 0 || !(c instanceof Float64Array) ? c : c.map((v) => v + by * round);
  }
}

/** Last `to` minus first `from` of a port's ids; 0 when the port has no rows. */
function idSpan(ports: BlockReader['ports'], blocks: readonly Block[], port: string, to: string, from: string): number {
  const p = ports.findIndex((x) => x.name === port);
  const names = Object.keys(ports[p]!.schema.fields);
  const filled = blocks.filter((b) => b.ports[p]!.n > 0);
  if (filled.length === 0) return 0;
  const last = filled.at(-1)!.ports[p]!;
  const first = filled[0]!.ports[p]!;
  const end = (last.columns[names.indexOf(to)] as Float64Array)[last.n - 1]!;
  const start = (first.columns[names.indexOf(from)] as Float64Array)[0]!;
  return end - (Number.isNaN(start) ? (first.columns[names.indexOf(to)] as Float64Array)[0]! - 1 : start);
}

/** Moves the first snapshot to the very beginning, at the first input's time; everything else keeps its order. */
function snapshotFirst(ports: BlockReader['ports'], blocks: readonly Block[]): Block[] {
  const p = ports.findIndex((x) => x.name === 'depth_snapshot');
  const at = blocks.findIndex((b) => b.port.includes(p));
  if (p < 0 || at !== 0) return [...blocks];
  const b = blocks[0]!;
  const i = b.port.indexOf(p);
  const move = <A extends Uint8Array | Int32Array>(a: A): A => {
    const moved = a.slice() as A;
    moved.copyWithin(1, 0, i);
    moved[0] = a[i]!;
    return moved;
  };
  const t = b.t.slice();
  t.copyWithin(1, 0, i);
  t[0] = b.t[0]!;
  return [{ ...b, t, port: move(b.port), key: move(b.key), row: move(b.row) }, ...blocks.slice(1)];
}
