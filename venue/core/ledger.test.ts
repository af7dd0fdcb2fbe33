import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ACCOUNT, assertBalanced, balance, createLedger, FIRST_ISOLATED, post, walletBalance } from './ledger.ts';

describe('the ledger', () => {
  it('sums to zero after every posting, whatever is posted [RISK.1]', () => {
    const account = fc.integer({ min: 0, max: 12 });
    const posting = fc.record({ from: account, to: account, amount: fc.integer({ min: -1e14, max: 1e14 }) });
    fc.assert(
      fc.property(fc.array(posting, { maxLength: 60 }), (postings) => {
        const l = createLedger();
        for (const p of postings) {
          post(l, p.from, p.to, p.amount);
          assertBalanced(l);
        }
      }),
    );
  });
  it('counts free balance and isolated margins as the wallet', () => {
    const l = createLedger();
    post(l, ACCOUNT.deposits, ACCOUNT.wallet, 100e8);
    post(l, ACCOUNT.wallet, FIRST_ISOLATED + 3, 20e8);
    expect([walletBalance(l), balance(l, ACCOUNT.wallet), balance(l, FIRST_ISOLATED + 3)]).toEqual([100e8, 80e8, 20e8]);
    expect(balance(l, ACCOUNT.deposits)).toBe(-100e8);
  });
  it('notices a balance that was changed by one unit', () => {
    const l = createLedger();
    post(l, ACCOUNT.deposits, ACCOUNT.wallet, 100e8);
    l.balances[ACCOUNT.wallet]! += 1;
    expect(() => assertBalanced(l)).toThrow(/0.00000001 USDT/);
  });
  it('survives being written down and read back', () => {
    const l = createLedger();
    post(l, ACCOUNT.deposits, FIRST_ISOLATED + 1, 7);
    const copy = JSON.parse(JSON.stringify(l)) as typeof l;
    post(l, FIRST_ISOLATED + 1, ACCOUNT.fees, 2);
    post(copy, FIRST_ISOLATED + 1, ACCOUNT.fees, 2);
    expect(copy).toEqual(l);
  });
});
