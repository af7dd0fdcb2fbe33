import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PriceSampler } from './down-sample.ts';
import { EquityCurve } from './equity-curve.ts';
import { PriceStretches } from './price-stretches.ts';

/** A walk of n prices with steps of time between them. */
function walk(seed: number, n: number, steps: readonly number[]) {
  let state = seed;
  const random = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const t = new Float64Array(n);
  const px = new Float64Array(n);
  // As in blocks: whole steps of 0.1.
  let [at, value] = [1.6e15, 200_000];
  for (let i = 0; i < n; i++) {
    at += steps[Math.floor(random() * steps.length)]!;
    value = Math.max(10, value + Math.round((random() - 0.5) * 60));
    t[i] = at;
    px[i] = value / 10;
  }
  return { t, px };
}

describe('a stretch of prices', () => {
  it('leaves the curve, its drawdown and the sampled prices that the same prices leave one by one', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2 ** 31 }),
        fc.constantFrom([60e6], [60e6], [1, 7], [60e6, 3.6e9, 1e6]),
        fc.constantFrom(3000, 40_000, 150_000),
        fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: 1, maxLength: 4 }),
        // With next to nothing two prices are worth the same, with a lot doubles are not exact.
        fc.constantFrom(1, 0.001, 1e-8, 3e5),
        (seed, steps, n, cuts, size) => {
          const { t, px } = walk(seed, n, steps);
          const [one, many, bounded] = [new EquityCurve(1e13), new EquityCurve(1e13), new EquityCurve(1e13, false)];
          const stretches = new PriceStretches(true);
          const [sampled, inStretches] = [new PriceSampler(50), new PriceSampler(50)];
          for (let i = 0, k = 0; i < n; k++) {
            const to = Math.min(n, i + cuts[k % cuts.length]!);
            const qty = ((k % 3) - 1) * size;
            for (const c of [one, many, bounded]) c.position(t[i]! - 0.5, 3, qty, qty * 19_990, 1e13 - k * 1e7);
            many.prices(t, 3, px, i, to);
            const points = { n: to - i, t: t.subarray(i, to), key: new Int32Array(to - i), px: px.subarray(i, to) };
            stretches.find(points, to - i);
            for (let j = 0; j < stretches.n; j++) {
              const [from, end, low, high] = (['from', 'to', 'low', 'high'] as const).map((c) => stretches[c][j]!);
              bounded.stretch(points.t, 3, points.px, from!, end!, low!, high!, 0.1);
            }
            inStretches.addMany(t, px, i, to);
            for (; i < to; i++) {
              one.price(t[i]!, 3, px[i]!, true);
              sampled.add(t[i]!, px[i]!);
            }
          }
          for (const c of [many, bounded]) {
            expect(c.equity()).toEqual(one.equity());
            expect(c.drawdown).toEqual(one.drawdown);
            expect(c.last).toBe(one.last);
            expect(c.held()).toEqual(one.held());
          }
          expect(many.exposure()).toEqual(one.exposure());
          expect(inStretches.series()).toEqual(sampled.series());
        },
      ),
      { numRuns: 30 },
    );
  });
  it('of moments counts once for each of them, with the last price of each instrument', () => {
    const { t, px } = walk(7, 30_000, [60e6]);
    const keys = Int32Array.from(px, (_, i) => (i * 7) % 23);
    // Moments of 1 to 5 prices; and one that is longer than what is worked on at once.
    const ends: number[] = [];
    for (let i = 0; i < px.length; ) {
      const to = i === 6000 || (i > 6000 && i < 6005) ? i + 2500 : Math.min(px.length, i + 1 + ((i * 13) % 5));
      t.fill(t[i]!, i, to);
      ends.push(to);
      i = to;
    }
    const [one, many] = [new EquityCurve(1e13), new EquityCurve(1e13)];
    for (let m = 0, from = 0; m < ends.length; ) {
      for (const c of [one, many])
        c.position(t[from]! - 1, m % 23, (m % 3) - 1, ((m % 3) - 1) * 20_000, 1e13 - m * 1e6);
      const last = Math.min(ends.length, m + 1 + ((m * 31) % 700));
      many.moments(t, keys, px, from, ends[last - 1]!);
      for (; m < last; m++)
        for (; from < ends[m]!; from++) one.price(t[from]!, keys[from]!, px[from]!, from === ends[m]! - 1);
    }
    expect(many.held()).toEqual(one.held());
    expect(many.last).toBe(one.last);
    expect(many.exposure()).toEqual(one.exposure());
    expect(many.equity()).toEqual(one.equity());
    expect(many.exposure()).toEqual(one.exposure());
    expect(many.drawdown).toEqual(one.drawdown);
  });
});
