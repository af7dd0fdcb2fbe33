import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ToldTrades } from './told-trades.ts';

describe('trades that have been told', () => {
  it('are known one by one, also when a later one was told before an earlier one', () => {
    const told = new ToldTrades();
    told.add(2);
    expect([told.has(1), told.has(2), told.has(3)]).toEqual([false, true, false]);
    told.add(1);
    expect(told.has(1)).toBe(true);
  });
  it('stay few, never forget one, and are the same when read again', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(5000), { minLength: 1, maxLength: 3000 }), (late) => {
        const told = new ToldTrades();
        // Ids rise; a report comes up to 300 trades late.
        const ids = late.map((n, i) => 300 + i * 3 - (n % 300));
        for (const id of ids) told.add(id);
        const again = ToldTrades.of(JSON.parse(JSON.stringify(told.state)));
        for (const id of ids) expect(told.has(id) && again.has(id)).toBe(true);
        expect(told.state.ids.length).toBeLessThan(1000);
        expect(told.has(Math.max(...ids) + 1)).toBe(false);
      }),
      { numRuns: 50 },
    );
  });
});
