import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FIELDS, PORT, PortBuffer } from '../../lake/decode/row-store.ts';
import { Sleeper } from './sleeper.ts';
import { fillHoles } from './trade-backfill.ts';
import { TradeGate } from './trade-gate.ts';

/** A gate whose output is a list of ids; `room` says whether there is room. */
function gate(room: () => boolean = () => true) {
  const out: number[] = [];
  const pass = (id: number): boolean => {
    if (!room()) return false;
    out.push(id);
    return true;
  };
  const g = new TradeGate({ row: (rows, r) => pass(rows.numbers[0]![r]!), values: (values) => pass(values[0]!) });
  const rows = new PortBuffer(FIELDS[PORT.trade]!);
  const take = (id: number, backfill = false): boolean => {
    rows.numbers[0]![0] = id;
    return g.take(rows, 0, backfill);
  };
  return { g, out, take };
}

describe('the gate of trades', () => {
  it('passes each id once and in order, whatever is lost, doubled or reordered, when REST has the rest', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 60 }),
        fc.infiniteStream(fc.integer({ min: 0, max: 9 })),
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 2, max: 100 }),
        async (n, chances, page, fullEvery) => {
          let calls = 0;
          const { g, out, take } = gate(() => ++calls % fullEvery !== 0);
          // A stream in which each trade may be lost, sent twice, or swapped with the one before it.
          const sent: number[] = [100];
          for (let id = 101; id < 100 + n; id++) {
            const chance = chances.next().value!;
            if (chance < 3) continue;
            sent.push(id);
            if (chance === 3) sent.push(id);
            if (chance === 4 && sent.length > 2) sent.splice(-2, 2, id, sent.at(-2)!);
          }
          sent.push(100 + n);
          const sleeper = new Sleeper();
          for (const id of sent) take(id);
          await fillHoles(
            g,
            {
              waitMs: 1000,
              maxTrades: 1000,
              fetch: async (from) =>
                Array.from({ length: page }, (_, i) => ({ id: from + i })).filter((r) => r.id <= 100 + n),
              idOf: (row) => row['id'] as number,
              feed: (row) => void take(row['id'] as number, true),
              gaveUp: () => expect.unreachable(),
            },
            sleeper,
          );
          // A last trade that found no room is sent again.
          for (let i = 0; i < 3; i++) take(100 + n);
          g.release();
          expect(out).toEqual(Array.from({ length: n + 1 }, (_, i) => 100 + i));
          expect(g.lost).toBe(0);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('takes a sequence that began again below, after a reconnect, as a new one', () => {
    const { g, out, take } = gate();
    take(1_000_000);
    // Old ids by themselves are late ones.
    for (let id = 1; id <= 600; id++) take(id);
    expect(out).toEqual([1_000_000]);
    g.reconnected();
    for (let id = 1; id <= 600; id++) take(id);
    expect(g.restarts).toBe(1);
    expect(out.at(-1)).toBe(600);
    expect(out.slice(1)).toEqual(Array.from({ length: out.length - 1 }, (_, i) => out[1]! + i));
  });

  it('says how many ids it gave up', () => {
    const { g, out, take } = gate();
    for (const id of [1, 5, 6, 9]) take(id);
    expect(g.skip()).toBe(3);
    expect(out).toEqual([1, 5, 6]);
    expect(g.skip()).toBe(2);
    expect(out).toEqual([1, 5, 6, 9]);
    expect(g.lost).toBe(5);
    expect(g.skip()).toBe(0);
  });
});
