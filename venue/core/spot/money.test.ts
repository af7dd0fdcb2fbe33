import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyTable } from '../../../graph/schema/index.ts';
import { amount8, fixed8 } from './decimal.ts';
import { affordable, quoteAbove, quoteOf } from './money.ts';
import { createSpotExchange, listSpot, type SpotMarket, spotRules } from './state.ts';

function market(pxDigits: number, qtyDigits: number): SpotMarket {
  const key = new KeyTable().declare('spot:XY', pxDigits, qtyDigits);
  const rules = { tick: 1, step: 1, minQty: 1, maxQty: 0, minPx: 1, maxPx: 0, minNotional: 0, maxNotional: 0 };
  return listSpot(createSpotExchange(spotRules(0, 0, 1)), key, { ...rules, base: 'X', quote: 'Y', symbol: 'XY' });
}
const digits = fc.constantFrom([2, 5], [4, 4], [6, 4], [8, 8], [8, 0]);

describe('amounts of a Spot instrument', () => {
  it('are price × quantity, cut or rounded up to 10^-8', () => {
    fc.assert(
      fc.property(digits, fc.nat(1e7), fc.nat(1e7), ([p, q], px, qty) => {
        const m = market(p!, q!);
        const exact = BigInt(px) * BigInt(qty) * 10n ** 8n;
        const unit = 10n ** BigInt(p! + q!);
        fc.pre(exact / unit < BigInt(Number.MAX_SAFE_INTEGER));
        expect(BigInt(quoteOf(m, px, qty))).toBe(exact / unit);
        expect(BigInt(quoteAbove(m, px, qty))).toBe((exact + unit - 1n) / unit);
      }),
    );
  });
  it('tell the largest quantity that an amount pays for', () => {
    fc.assert(
      fc.property(digits, fc.integer({ min: 1, max: 1e6 }), fc.nat(1e8), ([p, q], px, money) => {
        const m = market(p!, q!);
        const qty = affordable(m, px, money);
        fc.pre(qty < 1e9);
        expect(quoteOf(m, px, qty)).toBeLessThanOrEqual(money);
        expect(quoteAbove(m, px, qty + 1)).toBeGreaterThan(money);
      }),
    );
  });
  it('are written with eight decimals', () => {
    expect([fixed8(12_345, 2), fixed8(5, 5), fixed8(7, 0), amount8(-1), amount8(0)]).toEqual([
      '123.45000000',
      '0.00005000',
      '7.00000000',
      '-0.00000001',
      '0.00000000',
    ]);
  });
});
