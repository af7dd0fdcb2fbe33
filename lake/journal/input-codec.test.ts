import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BLOCK_ROWS,
  type Block,
  bool,
  type Field,
  f64,
  int,
  type ListColumn,
  list,
  oneOf,
  px,
  record,
  text,
} from '../../graph/schema/index.ts';
import { InputCodec } from './input-codec.ts';

const Plain = record('plain', 1, { price: px(), value: f64({ nullable: true }), flag: bool(), side: oneOf('a', 'b') });
const Long = record('long', 1, { note: text(), levels: list('px'), n: int(), more: list('f64') });
const Empty = record('empty', 1, {});
const PORTS = [
  { name: 'plain', schema: Plain },
  { name: 'long', schema: Long },
  { name: 'empty', schema: Empty },
];

interface Input {
  port: number;
  key: number;
  cells: readonly unknown[];
}
const double = fc.double({ noDefaultInfinity: false });
const input = fc.oneof(
  fc.tuple(double, double, fc.nat(1), fc.nat(1)).map((cells) => ({ port: 0, key: 0, cells })),
  fc
    .tuple(fc.string({ unit: 'grapheme', maxLength: 40 }), fc.array(double), fc.maxSafeInteger(), fc.array(double))
    .map((cells) => ({ port: 1, key: 1, cells })),
  fc.constant({ port: 2, key: -1, cells: [] as unknown[] }),
);
function toBlock(inputs: readonly Input[], seq0: number, offsets: 'int' | 'uint'): Block {
  const rows = PORTS.map((_, p) => inputs.filter((i) => i.port === p));
  const counts = [0, 0, 0];
  return {
    n: inputs.length,
    seq0,
    t: Float64Array.from(inputs, (_, i) => 1e15 + i),
    port: Uint8Array.from(inputs, (i) => i.port),
    key: Int32Array.from(inputs, (i) => i.key),
    row: Int32Array.from(inputs, (i) => counts[i.port]!++),
    ports: PORTS.map(({ schema }, p) => ({
      n: rows[p]!.length,
      columns: Object.values<Field>(schema.fields).map((f, c) => {
        const cells = rows[p]!.map((r) => r.cells[c]);
        if (f.kind === 'text') return cells as string[];
        if (f.kind !== 'list') return Float64Array.from(cells as number[]);
        const ends: number[] = [0];
        for (const l of cells as number[][]) ends.push(ends.at(-1)! + l.length);
        const column = { values: Float64Array.from((cells as number[][]).flat()) };
        return { ...column, offsets: offsets === 'int' ? Int32Array.from(ends) : Uint32Array.from(ends) };
      }),
    })),
  };
}
/** Every input as plain values: −0 and NaN stay what they are. */
const plain = (b: Block) =>
  Array.from({ length: b.n }, (_, i) => ({
    seq: b.seq0 + i,
    t: b.t[i],
    port: b.port[i],
    key: b.key[i],
    cells: b.ports[b.port[i]!]!.columns.map((c) => {
      const r = b.row[i]!;
      if (Array.isArray(c) || c instanceof Float64Array) return c[r];
      const { values, offsets } = c as ListColumn;
      return Array.from(values.slice(offsets[r]!, offsets[r + 1]!));
    }),
  }));
const encodeAll = (codec: InputCodec, b: Block) =>
  Array.from({ length: b.n }, (_, i) => ({
    seq: b.seq0 + i,
    t: b.t[i]!,
    source: 0,
    payload: Uint8Array.from(codec.encode(b, i)),
  }));

describe('inputs as journal records', () => {
  it('come back bit for bit, whatever they hold', () => {
    const some = fc.array(input, { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(some, fc.nat(1e9), fc.constantFrom('int' as const, 'uint' as const), (inputs, seq0, offsets) => {
        const codec = new InputCodec(PORTS);
        const block = toBlock(inputs, seq0, offsets);
        const [back, ...more] = codec.decode(encodeAll(codec, block));
        expect(more).toEqual([]);
        expect(plain(back!)).toEqual(plain(block));
        back!.ports.forEach((p, i) => {
          expect(p.n).toBe(block.ports[i]!.n);
        });
      }),
      { numRuns: 300 },
    );
  });
  it('hold texts and lists longer than the buffer is at first', () => {
    const codec = new InputCodec(PORTS);
    const levels = Array.from({ length: 20_000 }, (_, i) => i / 7);
    const block = toBlock([{ port: 1, key: 0, cells: ['€'.repeat(50_000), levels, 1, levels] }], 0, 'int');
    expect(plain(codec.decode(encodeAll(codec, block))[0]!)).toEqual(plain(block));
  });
  it('become blocks of at most 1,024, cut where numbers are missing', () => {
    const codec = new InputCodec(PORTS);
    const block = toBlock(
      Array.from({ length: BLOCK_ROWS }, (): Input => ({ port: 2, key: -1, cells: [] })),
      0,
      'int',
    );
    const records = encodeAll(codec, block);
    const more = records.map((r) => ({ ...r, seq: r.seq + BLOCK_ROWS }));
    const far = records.slice(0, 3).map((r) => ({ ...r, seq: r.seq + 9000 }));
    expect(codec.decode([...records, ...more, ...far]).map((b) => [b.seq0, b.n])).toEqual([
      [0, 1024],
      [1024, 1024],
      [9000, 3],
    ]);
  });
  it('refuses a record of a port that the source does not have', () => {
    const payload = Uint8Array.of(3, 0, 0, 0, 0);
    for (const bad of [payload, payload.slice(0, 2)])
      expect(() => new InputCodec(PORTS).decode([{ seq: 5, t: 0, source: 0, payload: bad }])).toThrowError(
        expect.objectContaining({ code: 'CHM621', where: { seq: 5 } }),
      );
  });
});
