import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Clock } from '../engine/clock.ts';
import type { Fielded } from '../engine/slot.ts';
import { compareStamps, inputAt, startOf } from '../engine/stamp.ts';
import { int, KeyTable, list, record, Vec } from '../schema/index.ts';
import { encodeControl } from './control.ts';
import { declareKeys, InPart, InStream } from './in-part.ts';
import { MOST_LISTED, OutStream } from './out-stream.ts';

const Row = record('r', 1, { x: int() });
const family = { name: 'f', schemas: [Row], uses: [{ node: 0, out: 0, delayUs: undefined }] };

/** An entry with the cycles prev + 1 … last; cycle c happens at time 10·c and emits c. */
function entry(prev: number, last: number) {
  const clock = new Clock();
  clock.declarations = [4];
  const out = new OutStream('s', [Row], clock, { position: prev, known: prev, anyKey: false });
  for (let c = prev + 1; c <= last; c++) {
    clock.n++;
    clock.now = 10 * c;
    clock.seq = c;
    out.push(0, { key: -1, x: c } as unknown as Fielded);
  }
  return { stream: 0, ...out.take()! };
}
const control = (
  number: number,
  t: number,
  positions: Record<string, number>,
  keys: [number, string, number, number][] = [],
) => ({
  stream: 0,
  prev: number - 1,
  last: number,
  payload: encodeControl({
    graph: 'g',
    frontier: startOf(t),
    origin: 5,
    positions,
    keys,
    births: [],
    sources: undefined,
    session: '',
    sentAtUs: 0,
  }),
});

describe('a stream that is read', () => {
  it('gives each cycle once and in order, however the entries overlap, from any position on', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ back: fc.nat(6), length: fc.integer({ min: 1, max: 5 }) }), {
          minLength: 1,
          maxLength: 12,
        }),
        fc.nat(8),
        (entries, start) => {
          const ends: [number, number][] = [];
          let end = 0;
          for (const { back, length } of entries) {
            const prev = Math.max(0, end - back);
            ends.push([prev, Math.max(prev + length, 1)]);
            end = Math.max(end, prev + length);
          }
          const position = Math.min(start, end);
          const s = new InStream('s', family, -1, position, [4]);
          const seen: number[] = [];
          for (const [prev, last] of ends) {
            s.take(entry(prev, last));
            // Sometimes before all has arrived, sometimes after.
            if (last % 2 === 0) drain();
          }
          drain();
          function drain(): void {
            while (s.peek()) {
              const { batch, cycle } = s.head!;
              const row = batch.rows[cycle === 0 ? 0 : batch.ends[cycle - 1]!]!;
              seen.push((batch.columns[0]![0] as Float64Array)[row]!);
              expect(compareStamps(s.headStamp!, inputAt(10 * seen.at(-1)!, 4, seen.at(-1)!))).toBe(0);
              expect(s.acts).toBe(true);
              s.consume();
            }
          }
          expect(seen).toEqual(Array.from({ length: end - position }, (_, i) => position + 1 + i));
          expect(s.position).toBe(end);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('a part that is read', () => {
  const part = (delayUs = 0) => {
    const p = new InPart('s1.0', 'c', [family], delayUs, { graph: 'g', session: '' });
    p.streams.push(new InStream('s', family, -1, 0, [4]));
    return p;
  };
  it('is believed as far as its records have arrived', () => {
    const p = part();
    p.take(control(1, 20, { s: 2 }));
    p.settle();
    expect(p.bound(undefined)).toBeUndefined();
    p.streams[0]!.take(entry(0, 1));
    p.settle();
    expect(p.bound(undefined)).toBeUndefined();
    p.streams[0]!.take(entry(1, 2));
    p.take(control(2, 30, { s: 3 }));
    p.settle();
    expect([p.bound(undefined)!.t, p.position, p.origin]).toEqual([20, 1, 5]);
    // A message that came before is passed over.
    expect(p.take(control(2, 99, {}))).toBeUndefined();
    p.streams[0]!.take(entry(2, 3));
    p.settle();
    expect([p.bound(undefined)!.t, p.position]).toEqual([30, 2]);
  });
  it('looks ahead by the delay of what comes back, from the origin on', () => {
    const p = part(7);
    expect(p.bound(undefined)).toBeUndefined();
    expect(p.bound(100)!.t).toBe(107);
    p.take(control(1, 200, {}));
    p.settle();
    expect(p.bound(100)!.t).toBe(207);
  });
  it('is refused when it runs another graph, or numbers instruments differently', () => {
    const other = new InPart('s1.0', 'c', [family], 0, { graph: 'h', session: '' });
    expect(() => other.take(control(1, 1, {}))).toThrow(expect.objectContaining({ code: 'CHM514' }));
    const keys = new KeyTable();
    const message = (index: number, name: string) => part().take(control(1, 1, {}, [[index, name, 2, 3]]))!;
    expect(declareKeys(keys, message(0, 'usdm:A'))).toBe(true);
    expect(declareKeys(keys, message(0, 'usdm:A'))).toBe(false);
    expect(() => declareKeys(keys, message(5, 'usdm:B'))).toThrow(expect.objectContaining({ code: 'CHM745' }));
  });
});

describe('what a reader holds', () => {
  it('is bounded: ladders leave in batches that are small where they are read, and give back what they took', () => {
    const Ladder = record('l', 1, { levels: list('f64') });
    const of = { name: 'f', schemas: [Ladder], uses: [{ node: 0, out: 0, delayUs: undefined }] };
    const clock = new Clock();
    clock.declarations = [4];
    const out = new OutStream('s', of.schemas, clock, { position: 0, known: 0, anyKey: false });
    const levels = new Vec(Float64Array.from({ length: 4000 }, (_, i) => i));
    for (let c = 1; c <= 1000; c++) {
      clock.n++;
      clock.now = c;
      clock.seq = c;
      out.push(0, { key: -1, levels } as unknown as Fielded);
    }
    const s = new InStream('s', of, -1, 0, [4]);
    let [batches, largest, before] = [0, 0, 0];
    for (let b = out.take(); b; b = out.take()) {
      expect(b.payload.length).toBeLessThan(100_000);
      s.take({ stream: 0, ...b });
      largest = Math.max(largest, s.size - before);
      before = s.size;
      batches++;
    }
    // Four million numbers, a million at a time; on the wire they are next to nothing.
    expect(batches).toBe(4);
    expect(s.size).toBeGreaterThan(4_000_000);
    expect(largest).toBeLessThan(1.01 * MOST_LISTED + 4000);
    for (let c = 1; c <= 1000; c++) {
      expect(s.peek()).toBe(true);
      expect(s.headStamp!.seq).toBe(c);
      s.consume();
    }
    expect(s.size).toBe(0);
  });
});
