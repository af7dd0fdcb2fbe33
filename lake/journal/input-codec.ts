import {
  BLOCK_ROWS,
  type Block,
  type BlockReader,
  ChimeraError,
  type Column,
  type PortColumns,
} from '../../graph/schema/index.ts';
import type { JournalDecoder } from './seal.ts';
import type { JournalRecord } from './segment.ts';

/**
 * Inputs of a source that has no wire format of its own (recordings played live, the synthetic market) as journal
 * records: port (u8), key index (i32), then the fields in schema order; numbers as doubles, texts and lists with their
 * length in front. Bit for bit what the block held.
 */
export class InputCodec implements JournalDecoder {
  readonly ports: BlockReader['ports'];
  readonly #fields: { name: string; kind: 'number' | 'text' | 'list' }[][];
  #buffer = Buffer.allocUnsafe(1 << 16);

  constructor(ports: BlockReader['ports']) {
    this.ports = ports;
    this.#fields = ports.map((p) =>
      Object.entries(p.schema.fields).map(([name, f]) => ({
        name,
        kind: f.kind === 'text' ? 'text' : f.kind === 'list' ? 'list' : 'number',
      })),
    );
  }

  /** Row `i` of a block; valid until the next call. */
  encode(b: Block, i: number): Uint8Array {
    const port = b.port[i]!;
    const row = b.row[i]!;
    const { columns } = b.ports[port]!;
    let at = 5;
    this.#room(64 + 8 * columns.length);
    this.#buffer.writeUInt8(port, 0);
    this.#buffer.writeInt32LE(b.key[i]!, 1);
    for (const c of columns) {
      if (c instanceof Float64Array) {
        this.#room(at + 8);
        at = this.#buffer.writeDoubleLE(c[row]!, at);
      } else if (Array.isArray(c)) {
        const bytes = Buffer.byteLength(c[row]!);
        this.#room(at + 4 + bytes);
        at = this.#buffer.writeUInt32LE(bytes, at);
        at += this.#buffer.write(c[row]!, at);
      } else {
        const from = c.offsets[row]!;
        const to = c.offsets[row + 1]!;
        this.#room(at + 4 + 8 * (to - from));
        at = this.#buffer.writeUInt32LE(to - from, at);
        for (let j = from; j < to; j++) at = this.#buffer.writeDoubleLE(c.values[j]!, at);
      }
    }
    return this.#buffer.subarray(0, at);
  }

  /** @throws CHM621 when a record is not one of these ports */
  decode(records: readonly JournalRecord[]): Block[] {
    const blocks: Block[] = [];
    for (let from = 0; from < records.length; ) {
      let to = from + 1;
      while (to < records.length && to - from < BLOCK_ROWS && records[to]!.seq === records[to - 1]!.seq + 1) to++;
      blocks.push(this.#block(records.slice(from, to)));
      from = to;
    }
    return blocks;
  }

  #block(records: readonly JournalRecord[]): Block {
    const n = records.length;
    const rows = this.#fields.map((fields) => fields.map((): unknown[] => []));
    const counts = this.ports.map(() => 0);
    const block: Block = {
      n,
      seq0: records[0]!.seq,
      t: new Float64Array(n),
      port: new Uint8Array(n),
      key: new Int32Array(n),
      row: new Int32Array(n),
      ports: [],
    };
    records.forEach((r, i) => {
      const b = Buffer.from(r.payload.buffer, r.payload.byteOffset, r.payload.length);
      const port = b.length >= 5 ? b.readUInt8(0) : this.ports.length;
      const fields = this.#fields[port];
      if (!fields)
        throw new ChimeraError('CHM621', `journal record ${r.seq} is of port ${port}, which the source does not have`, {
          seq: r.seq,
          help: 'the journal was written by another source; use another state folder',
        });
      block.t[i] = r.t;
      block.port[i] = port;
      block.key[i] = b.readInt32LE(1);
      block.row[i] = counts[port]!++;
      let at = 5;
      fields.forEach((f, c) => {
        if (f.kind === 'number') {
          rows[port]![c]!.push(b.readDoubleLE(at));
          at += 8;
          return;
        }
        const length = b.readUInt32LE(at);
        at += 4;
        if (f.kind === 'text') {
          rows[port]![c]!.push(b.toString('utf8', at, at + length));
          at += length;
        } else {
          const list = new Float64Array(length);
          for (let j = 0; j < length; j++, at += 8) list[j] = b.readDoubleLE(at);
          rows[port]![c]!.push(list);
        }
      });
    });
    block.ports = rows.map(
      (columns, p): PortColumns => ({ n: counts[p]!, columns: columns.map((c, f) => this.#column(c, p, f)) }),
    );
    return block;
  }
  #column(values: unknown[], port: number, field: number): Column {
    const { kind } = this.#fields[port]![field]!;
    if (kind === 'text') return values as string[];
    if (kind === 'number') return Float64Array.from(values as number[]);
    const lists = values as Float64Array[];
    const offsets = new Int32Array(lists.length + 1);
    lists.forEach((l, i) => {
      offsets[i + 1] = offsets[i]! + l.length;
    });
    const all = new Float64Array(offsets[lists.length]!);
    lists.forEach((l, i) => {
      all.set(l, offsets[i]!);
    });
    return { values: all, offsets };
  }
  #room(bytes: number): void {
    if (bytes <= this.#buffer.length) return;
    const wider = Buffer.allocUnsafe(Math.max(bytes, this.#buffer.length * 2));
    this.#buffer.copy(wider);
    this.#buffer = wider;
  }
}
