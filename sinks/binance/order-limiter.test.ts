import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OrderLimiter, USDM_ORDERS } from './order-limiter.ts';

describe('the order limiter', () => {
  it('never lets more through than 300 in any 10 s and 1,200 in any minute', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 400, maxLength: 2_000 }),
        fc.boolean(),
        (gaps, closes) => {
          const l = new OrderLimiter(USDM_ORDERS, 2_400);
          const sent: number[] = [];
          let now = 1_000_000;
          for (const gap of gaps) {
            now += gap;
            const wait = l.orderWait(now, closes);
            now += wait;
            expect(l.orderWait(now, closes)).toBe(0);
            l.ordered(now);
            sent.push(now);
          }
          for (const { limit, ms } of USDM_ORDERS)
            for (let i = limit; i < sent.length; i++) expect(sent[i]! - sent[i - limit]!).toBeGreaterThanOrEqual(ms);
        },
      ),
      { numRuns: 30 },
    );
  });
  it('keeps a tenth for what closes', () => {
    const l = new OrderLimiter(USDM_ORDERS, 2_400);
    for (let i = 0; i < 270; i++) l.ordered(1_000);
    expect(l.orderWait(1_000, false)).toBeGreaterThan(9_000);
    expect(l.orderWait(1_000, true)).toBe(0);
  });
  it('counts what others on the account send, by the headers', () => {
    const l = new OrderLimiter(USDM_ORDERS, 2_400);
    l.ordered(5_000);
    l.headers({ 'X-Mbx-Order-Count-10s': '300', 'x-mbx-order-count-1m': '300' }, 5_010);
    expect(l.orderWait(5_010, true)).toBeGreaterThan(0);
    expect(l.orderWait(16_000, true)).toBe(0);
  });
  it('waits for the next minute when the weight is used up, and as long as a ban says', () => {
    const l = new OrderLimiter(USDM_ORDERS, 2_400);
    l.headers({ 'X-MBX-USED-WEIGHT-1M': '2399' }, 60_000);
    expect(l.weightWait(61_000, 5, true)).toBe(59_000);
    expect(l.weightWait(61_000, 1, true)).toBe(0);
    expect(l.weightWait(61_000, 1, false)).toBe(59_000);
    expect(l.weightWait(120_000, 5, false)).toBe(0);
    l.banned(120_000, 7);
    expect([l.orderWait(120_000, true), l.weightWait(121_000, 1, true), l.orderWait(127_000, true)]).toEqual([
      7_000, 6_000, 0,
    ]);
  });
});
