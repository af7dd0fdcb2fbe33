import { type Block, type BlockReader, ChimeraError, type Column, type PortColumns } from '../graph/schema/index.ts';

/** Copies of a source's blocks that outlive the reader's buffers. */
export async function keepBlocks(reader: BlockReader): Promise<Block[]> {
  const blocks: Block[] = [];
  for (let b = await reader.read(); b; b = await reader.read()) if (b.n > 0) blocks.push(copyBlock(b));
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

/** What one repetition moves, by the name of the field. Other numbers stay as they are. */
const TIMES = new Set(['time_ms', 'event_ms', 'next_funding_ms', 'start_ms', 'end_ms', 'start', 'end']);
const UPDATE_IDS = new Set(['u', 'first_u', 'pu']);
const TRADE_IDS = new Set(['id', 'first_id', 'last_id']);

export interface RepeatOptions {
  /** The repetition starts anew at a multiple of this after the first event, so that bars of that width hold the same trades in each round; µs. */
  alignUs?: number;
}

/**
 * One instrument's recording again and again as one long one. Each round is the recording from its first snapshot on:
 * diffs that the snapshot already holds, and what came before them, are left out, because on top of the round before they
 * would make a wrong book. Times move by the length of a round; update ids so that the first diff names the last one
 * of the round before as its predecessor; trade ids so that they go on. So no chain breaks at a seam, and the fresh
 * snapshot takes over at the first diff. What remains of a seam is the market itself: the price jumps back.
 */
export class RepeatReader implements BlockReader {
  readonly ports: BlockReader['ports'];
  /** Rows of one round, by port. */
  readonly rows: Readonly<Record<string, number>>;
  /** Length of a round, µs. */
  readonly spanUs: number;
  readonly updateShift: number;
  readonly tradeShift: number;
  readonly #blocks: readonly Block[];
  readonly #times: number;
  readonly #events: number;
  #round = 0;
  #next = 0;

  /** @param blocks as `keepBlocks` gave them; they are changed */
  constructor(ports: BlockReader['ports'], blocks: readonly Block[], times: number, options: RepeatOptions = {}) {
    this.ports = ports;
    this.#times = times;
    this.#blocks = fromSnapshot(ports, blocks);
    this.#events = this.#blocks.reduce((n, b) => n + b.n, 0);
    this.rows = Object.fromEntries(ports.map((p, i) => [p.name, countPort(this.#blocks, i)]));
    const first = this.#blocks[0]!;
    const last = this.#blocks.at(-1)!;
    // Whole milliseconds at least, so that exchange times and arrival times move together.
    const align = options.alignUs ?? 1000;
    this.spanUs = Math.ceil((last.t[last.n - 1]! - first.t[0]! + 1) / align) * align;
    const depth = ends(ports, this.#blocks, 'depth', 'u');
    const chain = ends(ports, this.#blocks, 'depth', 'pu');
    const start = Number.isNaN(chain.first) ? ends(ports, this.#blocks, 'depth', 'first_u').first - 1 : chain.first;
    this.updateShift = depth.last - start;
    const trade = ends(ports, this.#blocks, 'trade', 'id');
    this.tradeShift = Number.isNaN(trade.first) ? 0 : trade.last - trade.first + 1;
  }
  /** Rows of all rounds. */
  get events(): number {
    return this.#events * this.#times;
  }
  get eventsOfRound(): number {
    return this.#events;
  }

  async read(): Promise<Block | null> {
    if (this.#next === this.#blocks.length) {
      this.#next = 0;
      this.#round++;
    }
    if (this.#round >= this.#times) return null;
    const b = this.#blocks[this.#next++]!;
    const k = this.#round;
    if (k === 0) return b;
    return {
      ...b,
      seq0: b.seq0 + k * this.#events,
      t: b.t.map((t) => t + k * this.spanUs),
      ports: b.ports.map((p, i) => ({ n: p.n, columns: p.columns.map((c, f) => this.#shift(i, f, c, k)) })),
    };
  }
  async seek(seq: number): Promise<void> {
    if (seq !== -1) throw new ChimeraError('CHM709', `a repeated recording starts at its beginning, not at ${seq}`);
    this.#round = 0;
    this.#next = 0;
  }
  async close(): Promise<void> {}

  #shift(port: number, field: number, c: Column, round: number): Column {
    const { name, schema } = this.ports[port]!;
    const f = Object.keys(schema.fields)[field]!;
    let by = 0;
    if (TIMES.has(f)) by = this.spanUs / 1000;
    else if (UPDATE_IDS.has(f)) by = this.updateShift;
    else if (TRADE_IDS.has(f) && (name === 'trade' || name === 'kline')) by = this.tradeShift;
    return by === 0 || !(c instanceof Float64Array) ? c : c.map((v) => v + by * round);
  }
}

const countPort = (blocks: readonly Block[], port: number): number => {
  let n = 0;
  for (const b of blocks) for (let i = 0; i < b.n; i++) if (b.port[i] === port) n++;
  return n;
};

/** First and last value of a number column in order of arrival; NaN when there is no row. */
function ends(ports: BlockReader['ports'], blocks: readonly Block[], port: string, field: string) {
  const p = ports.findIndex((x) => x.name === port);
  const f = Object.keys(ports[p]!.schema.fields).indexOf(field);
  const found = { first: Number.NaN, last: Number.NaN };
  let any = false;
  for (const b of blocks)
    for (let i = 0; i < b.n; i++) {
      if (b.port[i] !== p) continue;
      const v = (b.ports[p]!.columns[f] as Float64Array)[b.row[i]!]!;
      if (!any) found.first = v;
      any = true;
      found.last = v;
    }
  return found;
}

/**
 * The rows of one round, numbered from 0: its first snapshot, at once followed by the diffs that it does not hold yet and
 * everything that came with them. The reply to a request for a snapshot is late, so the diff that continues it may have
 * come before it; it then waits no longer.
 */
function fromSnapshot(ports: BlockReader['ports'], blocks: readonly Block[]): Block[] {
  const at = (name: string) => ports.findIndex((p) => p.name === name);
  const [snapshot, depth] = [at('depth_snapshot'), at('depth')];
  const column = (port: number, name: string) => Object.keys(ports[port]!.schema.fields).indexOf(name);
  const [snapshotU, depthU, depthPu] = [column(snapshot, 'u'), column(depth, 'u'), column(depth, 'pu')];
  const value = (b: Block, i: number, c: number) => (b.ports[b.port[i]!]!.columns[c] as Float64Array)[b.row[i]!]!;

  let found: { block: Block; row: number; u: number } | undefined;
  const keys = new Set<number>();
  for (const b of blocks)
    for (let i = 0; i < b.n; i++) {
      if (b.key[i]! >= 0) keys.add(b.key[i]!);
      if (b.port[i] === snapshot) found ??= { block: b, row: b.row[i]!, u: value(b, i, snapshotU) };
    }
  if (keys.size !== 1) throw new Error('only a recording of one instrument can be repeated');
  if (!found) throw new Error('a recording without a snapshot cannot be repeated: its book has no beginning');
  const base = found.u;
  const held = (b: Block, i: number) =>
    Number.isNaN(value(b, i, depthPu)) ? value(b, i, depthU) <= base : value(b, i, depthU) < base;

  let seq = 1;
  let begun = false;
  const out: Block[] = [];
  for (const b of blocks) {
    const keep: number[] = [];
    for (let i = 0; i < b.n; i++) {
      begun ||= b.port[i] === snapshot || (b.port[i] === depth && !held(b, i));
      // Later snapshots of the recording say nothing new to a live book.
      if (begun && b.port[i] !== snapshot && !(b.port[i] === depth && held(b, i))) keep.push(i);
    }
    if (keep.length === 0) continue;
    if (out.length === 0) out.push(only(found.block, snapshot, found.row, b.t[keep[0]!]!, b.key[keep[0]!]!));
    out.push({
      ...b,
      n: keep.length,
      seq0: seq,
      t: Float64Array.from(keep, (i) => b.t[i]!),
      port: Uint8Array.from(keep, (i) => b.port[i]!),
      key: Int32Array.from(keep, (i) => b.key[i]!),
      row: Int32Array.from(keep, (i) => b.row[i]!),
    });
    seq += keep.length;
  }
  return out;
}

/** A block of one row of a block. */
function only(b: Block, port: number, row: number, t: number, key: number): Block {
  return {
    ...b,
    n: 1,
    seq0: 0,
    t: Float64Array.of(t),
    port: Uint8Array.of(port),
    key: Int32Array.of(key),
    row: Int32Array.of(row),
  };
}
