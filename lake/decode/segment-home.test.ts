import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Segment } from './row-store.ts';
import { SegmentHome } from './segment-home.ts';
import { SpillWriter } from './spilled.ts';

const ROWS = 64;
/** Noise, so that nothing of it is packed smaller: some 1,500 bytes. */
function segment(seed: number): Segment {
  let s = seed + 1;
  const random = () => {
    s = (Math.imul(s, 1103515245) + 12345) >>> 0;
    return s / 3;
  };
  return {
    n: ROWS,
    one: null,
    t: Float64Array.from({ length: ROWS }, (_, i) => i * 1000 + seed),
    port: Uint8Array.from({ length: ROWS }, (_, i) => (i + seed) % 2),
    key: new Int32Array(ROWS),
    line: Float64Array.from({ length: ROWS }, (_, i) => i + 1),
    flags: new Uint8Array(ROWS),
    ports: [
      { n: ROWS / 2, columns: [Float64Array.from({ length: ROWS / 2 }, random)] },
      { n: ROWS / 2, columns: [Float64Array.from({ length: ROWS / 2 }, random)] },
    ],
  };
}
const withTexts = (seed: number): Segment => {
  const s = segment(seed);
  s.ports[1]!.columns.push(Array.from({ length: ROWS / 2 }, (_, i) => `text ${seed + i}`));
  return s;
};

describe('segments of decoded rows', () => {
  it('come back as they were, wherever the budget ends and whatever was announced', () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 0, max: 60_000 }),
        fc.integer({ min: 0, max: 4000 }),
        (texts, budget, announced) => {
          const home = new SegmentHome(budget);
          home.expect(announced);
          const make = (i: number) => (texts[i] ? withTexts(i) : segment(i));
          const ids = texts.map((_, i) => home.add(make(i)));
          for (const [i, id] of ids.entries()) expect(home.load(id)).toStrictEqual(make(i));
          home.close();
        },
      ),
      { numRuns: 60 },
    );
  });

  it('stay in memory while all of them fit, and lie in the file as a whole otherwise', () => {
    const fill = (count: number, announced: number) => {
      const home = new SegmentHome(20_000);
      home.expect(announced);
      const bytes = Array.from({ length: count }, (_, i) => {
        home.add(segment(i));
        return home.spilledBytes;
      });
      home.close();
      return bytes;
    };
    const packed = new SpillWriter().write(segment(0), 0).bytes.length;
    expect(packed).toBeGreaterThan(500);
    const fits = Math.floor(20_000 / packed);
    expect(fill(fits, 0).at(-1)).toBe(0);
    expect(fill(fits, fits * ROWS).at(-1)).toBe(0);
    // One more than fits: those from before go to the file with it.
    const over = fill(fits + 1, 0);
    expect(over.at(-2)).toBe(0);
    expect(over.at(-1)).toBeGreaterThan(fits * packed);
    // Announced, they never wait in memory.
    expect(fill(fits + 1, (fits + 1) * ROWS)[0]).toBeGreaterThan(packed);
  });
});
