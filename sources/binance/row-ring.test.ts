import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FIELDS, PORT, PortBuffer } from '../../lake/decode/row-store.ts';
import { RowRing } from './row-ring.ts';

/** A row whose values tell where it came from: amounts `i` in units, lists of `i % 5` levels. */
function source(port: number, i: number): PortBuffer {
  const b = new PortBuffer(FIELDS[port]!);
  b.n = 1;
  for (const column of b.numbers) if (column) column[0] = i;
  for (const column of b.texts) if (column) column[0] = `text ${i}`;
  const levels = new Float64Array(i % 5).fill(i);
  for (const list of b.lists) list?.set(0, levels, 0, levels.length);
  return b;
}

describe('the ring of rows', () => {
  it('gives what was put in, in order, no earlier than its time, with amounts in the decimals of the key', () => {
    const ports = [PORT.trade, PORT.depth, PORT.mark_price, PORT.dead_letter];
    fc.assert(
      fc.property(
        fc.array(fc.record({ put: fc.integer({ min: 0, max: 500 }), lag: fc.integer({ min: 0, max: 300 }) }), {
          maxLength: 10,
        }),
        (steps) => {
          const ring = new RowRing(1500);
          const expected: { t: number; port: number; i: number }[] = [];
          let i = 0;
          let taken = 0;
          const drain = (now: number): void => {
            for (;;) {
              const waiting = expected.length - taken;
              expect(ring.rows).toBe(waiting);
              const block = ring.take(now);
              if (block === null) break;
              for (let r = 0; r < block.n; r++) {
                const e = expected[taken++]!;
                expect([block.t[r], block.port[r], block.key[r]]).toEqual([e.t, e.port, e.i]);
                expect(block.t[r]).toBeLessThanOrEqual(now);
                const { columns } = block.ports[e.port]!;
                const row = block.row[r]!;
                if (e.port === PORT.trade) expect((columns[1] as Float64Array)[row]).toBe(e.i * 100);
                else if (e.port === PORT.mark_price) expect((columns[0] as Float64Array)[row]).toBe(e.i * 1e8);
                else if (e.port === PORT.dead_letter) expect((columns[4] as string[])[row]).toBe(`text ${e.i}`);
                else {
                  const list = columns[6] as { values: Float64Array; offsets: Int32Array };
                  expect([...list.values.subarray(list.offsets[row], list.offsets[row + 1])]).toEqual(
                    Array.from({ length: e.i % 5 }, () => e.i * 1000),
                  );
                }
              }
            }
            expect(expected[taken] === undefined || expected[taken]!.t > now).toBe(true);
          };
          for (const { put, lag } of steps) {
            for (let n = 0; n < put; n++) {
              i++;
              const port = ports[i % ports.length]!;
              if (ring.push(port, i, i, source(port, i), 0, 100, 1000)) expected.push({ t: i, port, i });
              else expect(expected.length - taken).toBe(1500);
            }
            drain(i - lag);
          }
          drain(i);
          expect(taken).toBe(expected.length);
          expect(ring.oldestUs).toBeNaN();
        },
      ),
      { numRuns: 15 },
    );
  });
});
