import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Segment } from './row-store.ts';
import { Arena, lay, SpillWriter, sizeOf } from './spilled.ts';

const column = (n: number) =>
  fc.oneof(
    fc.array(fc.double(), { minLength: n, maxLength: n }),
    fc.double().map((v) => Array.from({ length: n }, () => v)),
    fc.constantFrom(0, -0, Number.NaN).map((v) => Array.from({ length: n }, () => v)),
    fc.integer({ min: -3, max: 2 ** 40 }).map((v) => Array.from({ length: n }, (_, i) => v + i)),
    fc.array(fc.constantFrom(0, -0), { minLength: n, maxLength: n }),
    fc
      .tuple(fc.integer({ min: -9, max: 2 ** 40 }), fc.integer({ min: -5, max: 60_000_000 }))
      .map(([v, step]) => Array.from({ length: n }, (_, i) => v + i * step)),
    fc
      .tuple(
        fc.integer({ min: 0, max: 9 }),
        fc.array(fc.integer({ min: -(2 ** 32), max: 2 ** 32 }), { minLength: n, maxLength: n }),
      )
      .map(([digits, values]) => values.map((v) => v / 10 ** digits)),
    fc
      .tuple(
        fc.integer({ min: 0, max: 4 }),
        fc.array(fc.integer({ min: -1000, max: 30_000 }), { minLength: n, maxLength: n }),
      )
      .map(([digits, values]) => values.map((v) => (v === -7 ? -0 : v / 10 ** digits))),
  );
const segment: fc.Arbitrary<Segment> = fc.integer({ min: 1, max: 40 }).chain((n) =>
  fc
    .tuple(
      column(n),
      column(n),
      fc.integer({ min: 0, max: 1 }),
      column(n),
      fc.array(fc.string(), { minLength: n, maxLength: n }),
    )
    .map(([t, line, odd, numbers, texts]) => ({
      n,
      one: odd === 0 || n === 1 ? { port: 0, key: 0 } : null,
      t: Float64Array.from(t),
      port: Uint8Array.from({ length: n }, (_, i) => (i * odd) % 2),
      key: Int32Array.from({ length: n }, (_, i) => i * odd),
      line: Float64Array.from(line),
      flags: new Uint8Array(n),
      ports: [
        null,
        {
          n,
          columns: [
            Float64Array.from(numbers),
            texts,
            { values: Float64Array.from(numbers), offsets: Int32Array.from({ length: n + 1 }, (_, i) => i) },
          ],
        },
      ],
    })),
);

describe('a segment in a temporary file', () => {
  it('is read as it was written, whatever its columns hold, in memory that is used again', () => {
    const writer = new SpillWriter();
    const arena = new Arena();
    fc.assert(
      fc.property(segment, (s) => {
        const { spilled, bytes } = writer.write(s, 0);
        const buffer = arena.take(sizeOf(spilled));
        new Uint8Array(buffer).fill(0xaa);
        new Uint8Array(buffer).set(bytes);
        expect(lay(spilled, buffer)).toStrictEqual(s);
      }),
      { numRuns: 300 },
    );
  });
  it('leaves out what says nothing new', () => {
    const n = 4096;
    const s: Segment = {
      n,
      one: null,
      t: Float64Array.from({ length: n }, (_, i) => 1e15 + i * i),
      port: new Uint8Array(n).fill(3),
      key: new Int32Array(n).fill(1),
      line: Float64Array.from({ length: n }, (_, i) => 17 + i),
      flags: new Uint8Array(n),
      ports: [{ n, columns: [new Float64Array(n).fill(Number.NaN)] }],
    };
    expect(new SpillWriter().write(s, 0).bytes).toHaveLength(n * 8);
  });
  it('takes four bytes for a price of few digits and none for times of equal steps', () => {
    const n = 4096;
    const s: Segment = {
      n,
      one: null,
      t: Float64Array.from({ length: n }, (_, i) => 1.6e15 + i * 60_000_000),
      port: new Uint8Array(n),
      key: new Int32Array(n),
      line: Float64Array.from({ length: n }, (_, i) => 1 + i),
      flags: new Uint8Array(n),
      ports: [{ n, columns: [Float64Array.from({ length: n }, (_, i) => (200_000 + ((i * 7919) % 1000)) / 10)] }],
    };
    const { spilled, bytes } = new SpillWriter().write(s, 0);
    expect(bytes).toHaveLength(n * 4);
    const buffer = new Arena().take(sizeOf(spilled));
    new Uint8Array(buffer).set(bytes);
    expect(lay(spilled, buffer)).toStrictEqual({ ...s, one: { port: 0, key: 0 } });
  });
});
