import type { Block, BlockReader, KeyTable, ListColumn } from '../../../graph/schema/index.ts';
import { FileRows } from '../file-rows.ts';
import { RecorderDecoder, type Way } from '../recorder.ts';
import { type ListValues, PORTS } from '../row-store.ts';
import { SegmentHome } from '../segment-home.ts';

/** Decodes recorder lines in memory; what came of them as plain values, exactly (−0 and NaN told apart). */
export function decodeLines(
  lines: readonly string[],
  way: Way,
): { rows: unknown[]; refused: unknown[]; outOfOrder: number; keys: unknown } {
  const home = new SegmentHome();
  const file = new FileRows({
    file: 'x',
    home,
    strict: false,
    symbols: undefined,
    ports: undefined,
    market: undefined,
  });
  const decoder = new RecorderDecoder(file, way);
  const buf = Buffer.from(lines.join('\n'));
  let p = 0;
  for (const [i, line] of lines.entries()) {
    const end = p + Buffer.byteLength(line);
    decoder.line(buf, p, end, i + 1);
    p = end + 1;
  }
  file.store.seal();
  const rows: unknown[] = [];
  for (let s = 0; s < file.store.segments.length; s++) {
    const segment = file.store.load(s);
    const next = new Int32Array(PORTS.length);
    for (let i = 0; i < segment.n; i++) {
      const port = segment.port[i]!;
      const r = next[port]!++;
      const key = segment.key[i]!;
      rows.push([
        PORTS[port]!.name,
        segment.t[i],
        key < 0 ? '' : `${file.names.list[Math.floor(key / 3)]} ${key % 3}`,
        segment.flags[i],
        ...segment.ports[port]!.columns.map((c) => {
          if (c instanceof Float64Array) return exact(c[r]!);
          if (Array.isArray(c)) return c[r];
          const { values, offsets } = c as ListValues;
          return Array.from(values.subarray(offsets[r], offsets[r + 1]), exact);
        }),
      ]);
    }
  }
  const k = file.keys;
  const keys: unknown[] = [];
  for (let i = 0; i < k.rows.length; i++)
    if (k.rows[i]! > 0)
      keys.push([
        file.names.list[Math.floor(i / 3)],
        i % 3,
        k.rows[i],
        k.pxDigits[i],
        k.qtyDigits[i],
        k.maxPx[i],
        k.maxQty[i],
      ]);
  keys.sort();
  home.close();
  return { rows, refused: file.refused, outOfOrder: file.outOfOrder, keys: [keys, k.votes] };
}
const exact = (v: number): string => (Object.is(v, -0) ? '-0' : String(v));

export interface PlainRow {
  seq: number;
  t: number;
  port: string;
  key: string;
  values: Record<string, unknown>;
}
/** All rows of a reader as plain values. */
export async function readAll(reader: BlockReader, keys: KeyTable): Promise<PlainRow[]> {
  const rows: PlainRow[] = [];
  for (let b = await reader.read(); b !== null; b = await reader.read()) rows.push(...rowsOf(b, reader, keys));
  return rows;
}
export function rowsOf(b: Block, reader: BlockReader, keys: KeyTable): PlainRow[] {
  const rows: PlainRow[] = [];
  for (let i = 0; i < b.n; i++) {
    const port = reader.ports[b.port[i]!]!;
    const r = b.row[i]!;
    const values: Record<string, unknown> = {};
    for (const [c, name] of Object.keys(port.schema.fields).entries()) {
      const column = b.ports[b.port[i]!]!.columns[c]!;
      if (column instanceof Float64Array) values[name] = column[r];
      else if (Array.isArray(column)) values[name] = column[r];
      else {
        const { values: v, offsets } = column as ListColumn;
        values[name] = Array.from(v.subarray(offsets[r], offsets[r + 1]));
      }
    }
    rows.push({
      seq: b.seq0 + i,
      t: b.t[i]!,
      port: port.name,
      key: b.key[i]! < 0 ? '' : keys.at(b.key[i]!).name,
      values,
    });
  }
  return rows;
}
