import { BLOCK_ROWS, type Block, type BlockReader, type ListColumn, type Schema, Vec } from '../schema/index.ts';

/** One input as plain values: what tests, examples and small sources have. */
export interface InputRow {
  t: number;
  port: string;
  key: number;
  values: Record<string, unknown>;
}

/** Turns rows into blocks; `seek`-able, as the runner's error policy needs. */
export function rowsReader(
  ports: readonly { name: string; schema: Schema }[],
  rows: readonly InputRow[],
  blockRows = BLOCK_ROWS,
): BlockReader {
  let next = 0;
  return {
    ports,
    async read() {
      if (next >= rows.length) return null;
      const block = toBlock(ports, rows.slice(next, next + blockRows), next);
      next += block.n;
      return block;
    },
    async seek(seq) {
      next = seq + 1;
    },
    async close() {},
  };
}

export function toBlock(
  ports: readonly { name: string; schema: Schema }[],
  rows: readonly InputRow[],
  seq0 = 0,
): Block {
  const per = ports.map((p) => rows.filter((r) => r.port === p.name));
  const counts = ports.map(() => 0);
  const port = Uint8Array.from(rows, (r) => ports.findIndex((p) => p.name === r.port));
  return {
    n: rows.length,
    seq0,
    t: Float64Array.from(rows, (r) => r.t),
    port,
    key: Int32Array.from(rows, (r) => r.key),
    row: Int32Array.from(port, (p) => counts[p]!++),
    ports: ports.map((p, i) => ({
      n: per[i]!.length,
      columns: Object.entries(p.schema.fields).map(([name, f]) => {
        const values = per[i]!.map((r) => r.values[name]);
        if (f.kind === 'text') return values.map((v) => String(v ?? ''));
        if (f.kind === 'list') return toList(values as (number[] | Vec | undefined)[]);
        return Float64Array.from(values, (v) =>
          f.kind === 'oneOf' ? f.values.indexOf(v as string) : v === null || v === undefined ? Number.NaN : Number(v),
        );
      }),
    })),
  };
}
function toList(values: (number[] | Vec | undefined)[]): ListColumn {
  const arrays = values.map((v) => (v instanceof Vec ? v.toArray() : (v ?? [])));
  const offsets = new Int32Array(arrays.length + 1);
  arrays.forEach((a, i) => {
    offsets[i + 1] = offsets[i]! + a.length;
  });
  return { values: Float64Array.from(arrays.flat()), offsets };
}
