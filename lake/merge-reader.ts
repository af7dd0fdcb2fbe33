import {
  type Block,
  type BlockReader,
  type Column,
  type InputQuality,
  LARGE_BLOCK_ROWS,
  type PortColumns,
} from '../graph/schema/index.ts';
import type { ListChunk, RowStream } from './row-stream.ts';

/** One ordered stream of rows: a dataset of one key, as one writer wrote it. */
export interface MergeInput {
  port: number;
  key: number;
  /** Order among streams at one t_avail: the source's position, then the writer's. */
  rank: number;
  /** No row comes before this (from the manifest): the stream is opened when the merge gets there. */
  firstT: number;
  firstSeq: number;
  open(): RowStream;
}

interface Head extends MergeInput {
  stream: RowStream | undefined;
  pos: number;
  state: 'waiting' | 'open' | 'done';
}

/**
 * Merges streams by (t_avail, rank, seq) into blocks. Memory is one chunk per open stream, whatever the length of the
 * range. Blocks end after 1,024 rows, where a stream's chunk ends, and (`recorded`) where the recorded seq has a gap.
 * All buffers are reused: a block is valid until the next `read()`.
 */
export class MergeReader implements BlockReader {
  readonly ports: BlockReader['ports'];
  readonly quality: InputQuality = { bad_input: [], out_of_order: 0 };
  readonly #inputs: readonly MergeInput[];
  readonly #recorded: boolean;
  readonly #onClose: () => void;
  #heads: Head[] = [];
  #n = 0;
  /** Rows given so far when numbering afresh; also what a seek has still to skip. */
  #next = 0;
  #skipTo = -1;
  /** Contributions to the block in the making: per head the run of its chunk. */
  readonly #from: Int32Array;
  readonly #block: Block;
  readonly #slots: { heads: number[]; rows: Int32Array }[];
  readonly #headOf = new Int32Array(LARGE_BLOCK_ROWS);
  #closed = false;

  constructor(ports: BlockReader['ports'], inputs: readonly MergeInput[], recorded: boolean, onClose: () => void) {
    this.ports = ports;
    this.#inputs = inputs;
    this.#recorded = recorded;
    this.#onClose = onClose;
    this.#from = new Int32Array(inputs.length);
    this.#block = {
      n: 0,
      seq0: 0,
      t: new Float64Array(LARGE_BLOCK_ROWS),
      port: new Uint8Array(LARGE_BLOCK_ROWS),
      key: new Int32Array(LARGE_BLOCK_ROWS),
      row: new Int32Array(LARGE_BLOCK_ROWS),
      ports: ports.map((p): PortColumns => ({ n: 0, columns: blankColumns(p.schema.fields) })),
    };
    this.#slots = ports.map(() => ({ heads: [], rows: new Int32Array(LARGE_BLOCK_ROWS) }));
    this.#reset();
  }

  /** Whether `seq` is the recorded one; otherwise rows are numbered from 0. */
  get recorded(): boolean {
    return this.#recorded;
  }

  async read(): Promise<Block | null> {
    for (;;) {
      if (this.#closed || !(await this.#ready())) return null;
      const n = this.#select();
      this.#fill(n);
      this.#next += n;
      const last = this.#block.seq0 + n - 1;
      if (last <= this.#skipTo) continue;
      return this.#skipTo >= this.#block.seq0 ? this.#tail(this.#skipTo - this.#block.seq0 + 1) : this.#block;
    }
  }

  /** Goes back to the start and skips: a range is read again from its manifest, without an index. */
  async seek(seq: number): Promise<void> {
    await this.#closeStreams();
    this.#reset();
    this.#skipTo = seq;
  }
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#closeStreams();
    this.#onClose();
  }

  #reset(): void {
    this.#heads = this.#inputs.map((i) => ({ ...i, stream: undefined, pos: 0, state: 'waiting' }));
    this.#next = 0;
    this.#skipTo = -1;
  }
  async #closeStreams(): Promise<void> {
    for (const h of this.#heads) await h.stream?.close();
    this.#heads = [];
  }

  /** Loads what the next block needs: the stream that comes first must be open and have rows. False at the end. */
  async #ready(): Promise<boolean> {
    for (;;) {
      // Chunks that ended are replaced before anything is compared.
      let ended = false;
      for (const h of this.#heads) {
        if (h.state !== 'open' || h.pos < h.stream!.n) continue;
        if (await h.stream!.next()) h.pos = 0;
        else {
          h.state = 'done';
          ended = true;
        }
      }
      if (ended) this.#heads = this.#heads.filter((h) => h.state !== 'done');
      if (this.#heads.length === 0) return false;
      let first = this.#heads[0]!;
      for (const h of this.#heads) if (before(h, first)) first = h;
      if (first.state === 'open') return true;
      first.stream = first.open();
      first.state = 'open';
      first.pos = 0;
      first.stream.n = 0;
    }
  }

  /** Decides order and number of the block's rows; returns how many. */
  #select(): number {
    const heads = this.#heads;
    const b = this.#block;
    for (const s of this.#slots) s.heads.length = 0;
    for (const p of b.ports) p.n = 0;
    for (let h = 0; h < heads.length; h++) this.#from[h] = heads[h]!.pos;
    let n = 0;
    let expected = -1;
    while (n < LARGE_BLOCK_ROWS) {
      // The two streams that come first: the first one's rows up to the second's head go out in one run.
      let a = 0;
      let second = -1;
      for (let h = 1; h < heads.length; h++) {
        if (before(heads[h]!, heads[a]!)) {
          second = a;
          a = h;
        } else if (second < 0 || before(heads[h]!, heads[second]!)) second = h;
      }
      const head = heads[a]!;
      if (head.state !== 'open') break;
      const stream = head.stream!;
      const rival = second < 0 ? undefined : heads[second]!;
      const limitT = rival ? timeOf(rival) : Number.POSITIVE_INFINITY;
      const limitSeq = rival ? seqOf(rival) : 0;
      const { seq, t } = stream;
      let pos = head.pos;
      const end = Math.min(stream.n, pos + LARGE_BLOCK_ROWS - n);
      const slot = this.#slots[head.port]!;
      const port = b.ports[head.port]!;
      if (!slot.heads.includes(a)) slot.heads.push(a);
      let gap = false;
      for (;;) {
        const s = seq[pos]!;
        if (this.#recorded) {
          if (n === 0) b.seq0 = s;
          else if (s !== expected) {
            gap = true;
            break;
          }
          expected = s + 1;
        }
        b.t[n] = t[pos]!;
        b.port[n] = head.port;
        b.key[n] = head.key;
        b.row[n] = port.n;
        slot.rows[port.n++] = pos;
        this.#headOf[n++] = a;
        pos++;
        if (pos >= end) break;
        const time = t[pos]!;
        if (time > limitT) break;
        if (time === limitT && (rival!.rank < head.rank || (rival!.rank === head.rank && limitSeq < seq[pos]!))) break;
      }
      head.pos = pos;
      if (gap || pos >= stream.n) break;
    }
    if (!this.#recorded) b.seq0 = this.#next;
    b.n = n;
    return n;
  }

  /** Copies the selected rows' fields: one block copy per column when a port has one stream, else a gather. */
  #fill(n: number): void {
    const heads = this.#heads;
    const b = this.#block;
    let mixed: number[] | undefined;
    for (let p = 0; p < this.#slots.length; p++) {
      const slot = this.#slots[p]!;
      const port = b.ports[p]!;
      if (port.n === 0) continue;
      if (slot.heads.length === 1) {
        const h = slot.heads[0]!;
        copyRun(heads[h]!.stream!, this.#from[h]!, port.n, port.columns);
      } else {
        mixed ??= [];
        mixed.push(p);
      }
    }
    if (mixed) for (const p of mixed) this.#gather(p, n);
  }
  #gather(p: number, n: number): void {
    const b = this.#block;
    const rows = this.#slots[p]!.rows;
    const columns = b.ports[p]!.columns;
    for (let c = 0; c < columns.length; c++) {
      const to = columns[c]!;
      if (to instanceof Float64Array) {
        for (let i = 0; i < n; i++) {
          if (b.port[i] !== p) continue;
          const r = b.row[i]!;
          to[r] = (this.#heads[this.#headOf[i]!]!.stream!.columns[c] as Float64Array)[rows[r]!]!;
        }
      } else if (Array.isArray(to)) {
        for (let i = 0; i < n; i++) {
          if (b.port[i] !== p) continue;
          const r = b.row[i]!;
          to[r] = (this.#heads[this.#headOf[i]!]!.stream!.columns[c] as string[])[rows[r]!]!;
        }
      } else {
        let size = 0;
        for (let i = 0; i < n; i++) {
          if (b.port[i] !== p) continue;
          const r = b.row[i]!;
          const from = this.#heads[this.#headOf[i]!]!.stream!.columns[c] as ListChunk;
          const start = from.offsets[rows[r]!]!;
          const length = from.offsets[rows[r]! + 1]! - start;
          if (size + length > to.values.length) {
            const grown = new Float64Array(Math.max(to.values.length * 2, size + length));
            grown.set(to.values.subarray(0, size));
            to.values = grown;
          }
          for (let k = 0; k < length; k++) to.values[size + k] = from.values[start + k]!;
          to.offsets[r] = size;
          size += length;
          to.offsets[r + 1] = size;
        }
      }
    }
  }

  /** The block without its first `k` rows (once, after a seek): a copy, so that rows keep their places in the ports. */
  #tail(k: number): Block {
    const b = this.#block;
    return {
      ...b,
      n: b.n - k,
      seq0: b.seq0 + k,
      t: b.t.slice(k, b.n),
      port: b.port.slice(k, b.n),
      key: b.key.slice(k, b.n),
      row: b.row.slice(k, b.n),
    };
  }
}

const timeOf = (h: Head): number => (h.state === 'open' ? h.stream!.t[h.pos]! : h.firstT);
const seqOf = (h: Head): number => (h.state === 'open' ? h.stream!.seq[h.pos]! : h.firstSeq);
function before(a: Head, b: Head): boolean {
  const ta = timeOf(a);
  const tb = timeOf(b);
  if (ta !== tb) return ta < tb;
  if (a.rank !== b.rank) return a.rank < b.rank;
  return seqOf(a) < seqOf(b);
}

function copyRun(stream: RowStream, from: number, n: number, columns: Column[]): void {
  for (let c = 0; c < columns.length; c++) {
    const to = columns[c]!;
    const source = stream.columns[c]!;
    if (to instanceof Float64Array) to.set((source as Float64Array).subarray(from, from + n));
    else if (Array.isArray(to)) for (let i = 0; i < n; i++) to[i] = (source as string[])[from + i]!;
    else {
      const { values, offsets } = source as ListChunk;
      const start = offsets[from]!;
      const size = offsets[from + n]! - start;
      if (size > to.values.length) to.values = new Float64Array(Math.max(size, to.values.length * 2));
      to.values.set(values.subarray(start, start + size));
      for (let i = 0; i <= n; i++) to.offsets[i] = offsets[from + i]! - start;
    }
  }
}

export function blankColumns(fields: BlockReader['ports'][number]['schema']['fields']): Column[] {
  return Object.values(fields).map((f) =>
    f.kind === 'list'
      ? { values: new Float64Array(0), offsets: new Int32Array(LARGE_BLOCK_ROWS + 1) }
      : f.kind === 'text'
        ? new Array<string>(LARGE_BLOCK_ROWS).fill('')
        : new Float64Array(LARGE_BLOCK_ROWS),
  );
}
