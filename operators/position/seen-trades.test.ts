import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isNewTrade, noTrades } from './seen-trades.ts';

describe('trades that were told', () => {
  it('count once each, in whatever order they come and however often', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 150 }), { maxLength: 400 }), (ids) => {
        const s = noTrades();
        const told = new Set<number>();
        for (const id of ids) {
          expect(isNewTrade(s, id)).toBe(!told.has(id));
          told.add(id);
        }
      }),
    );
  });
  it('are forgotten only when 256 later ones have come, and then not taken for new', () => {
    const s = noTrades();
    for (let id = 1000; id < 1300; id++) expect(isNewTrade(s, id)).toBe(true);
    expect(isNewTrade(s, 1000)).toBe(false);
    expect(isNewTrade(s, 1299)).toBe(false);
    expect(isNewTrade(s, 1300)).toBe(true);
  });
});
