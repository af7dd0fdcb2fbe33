import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyTable } from '../../graph/schema/index.ts';
import { createInstrument, notionalOf, toQuote } from './instrument.ts';
import { ACCOUNT, assertBalanced, balance, createLedger, FIRST_ISOLATED, post } from './ledger.ts';
import { applyFill, coverDeficit, feeOf, type Position, unrealised } from './position.ts';

const btc = createInstrument(new KeyTable().declare('usdm:BTCUSDT', 2, 3), 20, {});
const flat = (): Position => ({ qty: 0, cost: 0 });

describe('a position', () => {
  it('averages its entry over additions and keeps it over reductions', () => {
    const l = createLedger();
    post(l, ACCOUNT.deposits, ACCOUNT.wallet, 1000e8);
    const p = flat();
    applyFill(l, btc, p, 0, 1, 6_000_000, 2, 20); // 0.002 at 60000
    applyFill(l, btc, p, 0, 1, 6_300_000, 1, 20); // 0.001 at 63000
    expect(p).toEqual({ qty: 3, cost: 183e8 });
    expect(balance(l, FIRST_ISOLATED)).toBe(9.15e8); // 183 / 20
    expect(unrealised(btc, p, 62_000e8)).toBe(3e8); // 0.003 × (62000 − 61000)
    // 0.001 sold at 64000: 3 USDT more than its third of the cost.
    expect(applyFill(l, btc, p, 0, -1, 6_400_000, 1, 20)).toBe(3e8);
    expect(p).toEqual({ qty: 2, cost: 122e8 });
    expect(balance(l, FIRST_ISOLATED)).toBe(6.1e8);
    assertBalanced(l);
  });
  it('turns over: closes what is there and opens the rest the other way', () => {
    const l = createLedger();
    const p = flat();
    applyFill(l, btc, p, 0, 1, 6_000_000, 2, 20);
    expect(applyFill(l, btc, p, 0, -1, 5_900_000, 5, 20)).toBe(-2e8);
    expect(p).toEqual({ qty: -3, cost: -177e8 });
    expect(balance(l, FIRST_ISOLATED)).toBe(8.85e8);
  });
  it('conserves money over any fills: profit realised is what was sold less what was bought, once flat', () => {
    const fill = fc.record({
      side: fc.constantFrom(1, -1),
      px: fc.integer({ min: 1_000_000, max: 9_000_000 }),
      qty: fc.integer({ min: 1, max: 500 }),
    });
    fc.assert(
      fc.property(fc.array(fill, { minLength: 1, maxLength: 40 }), (fills) => {
        const l = createLedger();
        const p = flat();
        let [cash, realised] = [0, 0];
        const book = (side: number, px: number, qty: number): void => {
          realised += applyFill(l, btc, p, 0, side, px, qty, 20);
          cash -= side * notionalOf(btc, px, qty);
          assertBalanced(l);
          // Profit so far, with what is open valued at its cost.
          expect(realised).toBe(cash + p.cost);
        };
        for (const f of fills) book(f.side, f.px, f.qty);
        if (p.qty !== 0) book(-Math.sign(p.qty), 5_000_000, Math.abs(p.qty));
        expect([p.qty, p.cost, balance(l, FIRST_ISOLATED)]).toEqual([0, 0, 0]);
        expect(balance(l, ACCOUNT.realised)).toBe(-realised);
      }),
    );
  });
  it('charges 0.2 USDT on 400 USDT at 5 bp, and 0.03219 on 0.001 at 64380 at 5 bp', () => {
    expect(feeOf(btc, 4_000_000, 10, 50_000)).toBe(0.2e8);
    expect(feeOf(btc, 6_438_000, 1, 50_000)).toBe(3_219_000);
  });
  it('keeps exact sums for instruments with more than eight decimals together', () => {
    const fine = createInstrument(new KeyTable().declare('usdm:XUSDT', 7, 4), 20, {});
    expect(notionalOf(fine, 12_345_678, 10_001)).toBe(123_469_126); // 1.2345678 × 1.0001 = 1.23469125678
    expect(toQuote(fine, 123_469_126)).toBe(123_469_126_000);
    expect(toQuote(btc, 12_345e5)).toBe(1_234_500_000 / 1000);
  });
  it('lets the insurance fund pay what the free balance lacks', () => {
    const l = createLedger();
    post(l, ACCOUNT.wallet, ACCOUNT.fees, 5);
    expect(coverDeficit(l)).toBe(5);
    expect(coverDeficit(l)).toBe(0);
    expect([balance(l, ACCOUNT.wallet), balance(l, ACCOUNT.insurance)]).toEqual([0, -5]);
    assertBalanced(l);
  });
});
