import {
  BLOCK_ROWS,
  type Block,
  type Column,
  type Field,
  int,
  isNumberField,
  record,
  type Schema,
  text,
} from '../../graph/schema/index.ts';
import type { BufferColumn, RowBuffer } from '../row-buffer.ts';

/** A dataset's rows say which input caused them; `seq` of the lake counts the rows of the sink. */
export const datasetSchema = (name: string, schema: Schema): Schema =>
  record(name, schema.version, {
    cause_source: text('source of the input that caused the row'),
    cause_seq: int({ doc: 'its number' }),
    ...schema.fields,
  });

/** Rows of several ports in the order in which they came, with names of causes. */
export interface OrderedRows {
  readonly order: Uint8Array;
  readonly rows: number;
  readonly buffers: readonly RowBuffer[];
  readonly causes: readonly string[];
}

/** Cuts the rows into blocks as sources deliver them; row i of all has the number seq0 + i. */
export function* rowBlocks({ order, rows, buffers, causes }: OrderedRows, seq0: number): Generator<Block> {
  const done = buffers.map(() => 0);
  for (let from = 0; from < rows; from += BLOCK_ROWS) {
    const n = Math.min(BLOCK_ROWS, rows - from);
    const block: Block = {
      n,
      seq0: seq0 + from,
      t: new Float64Array(n),
      port: order.slice(from, from + n),
      key: new Int32Array(n),
      row: new Int32Array(n),
      ports: [],
    };
    const start = done.slice();
    for (let i = 0; i < n; i++) {
      const p = block.port[i]!;
      const at = done[p]!++;
      block.t[i] = buffers[p]!.t[at]!;
      block.key[i] = buffers[p]!.key[at]!;
      block.row[i] = at - start[p]!;
    }
    block.ports = buffers.map((b, p) => ({
      n: done[p]! - start[p]!,
      columns: columnsOf(b, start[p]!, done[p]!, causes),
    }));
    yield block;
  }
}

function columnsOf(b: RowBuffer, from: number, to: number, causes: readonly string[]): Column[] {
  const source: string[] = [];
  for (let i = from; i < to; i++) source.push(causes[b.cause[i]!]!);
  const fields = Object.values<Field>(b.schema.fields);
  return [source, b.seq.slice(from, to), ...fields.map((f, i) => columnOf(f, b.columns[i]!, from, to))];
}
function columnOf(f: Field, column: BufferColumn, from: number, to: number): Column {
  if (isNumberField(f)) return (column as Float64Array).slice(from, to);
  if (f.kind === 'text') return column.slice(from, to) as string[];
  if (f.kind === 'list') {
    const lists = column.slice(from, to) as number[][];
    const offsets = new Int32Array(lists.length + 1);
    lists.forEach((l, i) => {
      offsets[i + 1] = offsets[i]! + l.length;
    });
    return { values: Float64Array.from(lists.flat()), offsets };
  }
  const out = new Float64Array(to - from);
  for (let i = from; i < to; i++) {
    const v = column[i];
    out[i - from] = f.kind === 'oneOf' ? f.values.indexOf(v as string) : Number(v);
  }
  return out;
}
