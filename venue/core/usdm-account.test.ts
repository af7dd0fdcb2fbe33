import { describe, expect, it } from 'vitest';
import { ACCOUNT, assertBalanced, balance, FIRST_ISOLATED, walletBalance } from './ledger.ts';
import { available } from './margin.ts';
import { Scenario } from './testing.ts';
import {
  changeMargin,
  forceAdl,
  forceLiquidation,
  setLeverage,
  setMarginType,
  transfer,
  withdrawable,
} from './usdm-account.ts';

const start = (deposit = 1000, rules = {}): Scenario =>
  new Scenario({ algo: true, ...rules }, deposit).book([[50000, 5]], [[50000, 5]]).mark(50000);
const free = (s: Scenario): number => balance(s.exchange.ledger, ACCOUNT.wallet) / 1e8;
const isolated = (s: Scenario): number => balance(s.exchange.ledger, FIRST_ISOLATED) / 1e8;

describe('leverage', () => {
  it('changes what an order needs', () => {
    const s = start();
    expect(setLeverage(s.exchange, s.market, 50)).toBeUndefined();
    s.go('a', 'buy', 0.1);
    expect(isolated(s)).toBe(100);
  });
  it('outside the tiers is refused, and so is less of it on an isolated position, or more than its notional allows', () => {
    const s = start(100_000);
    expect(setLeverage(s.exchange, s.market, 0)).toBe('badLeverage');
    expect(setLeverage(s.exchange, s.market, 151)).toBe('badLeverage');
    s.go('a', 'buy', 5)
      .book([[50000, 5.1]], [[50000, 5.1]])
      .go('b', 'buy', 5);
    expect(setLeverage(s.exchange, s.market, 19)).toBe('leverageCut');
    expect(setLeverage(s.exchange, s.market, 125)).toBe('leverage');
    expect(setLeverage(s.exchange, s.market, 100)).toBeUndefined();
  });
  it('cannot be cut so far that open orders are no longer covered', () => {
    const s = start(100).limit('a', 'buy', 49000, 0.03);
    expect(setLeverage(s.exchange, s.market, 2)).toBe('leverageMargin');
    expect(s.market.instrument.leverage).toBe(20);
  });
});

describe('margin type', () => {
  it('stays while there are orders or a position', () => {
    const s = start();
    expect(setMarginType(s.market, false)).toBe('sameMarginType');
    s.limit('a', 'buy', 49000, 0.1);
    expect(setMarginType(s.market, true)).toBe('marginTypeOrders');
    s.cancel('a').go('b', 'buy', 0.1);
    expect(setMarginType(s.market, true)).toBe('marginTypePosition');
    s.go('c', 'sell', 0.1);
    expect(setMarginType(s.market, true)).toBeUndefined();
  });
});

describe('isolated margin', () => {
  it('is added and taken back, never below what the position needs', () => {
    const s = start().go('a', 'buy', 0.1); // 5000 / 20 = 250
    expect(changeMargin(s.exchange, s.market, 10e8, s.now)).toBeUndefined();
    s.wait();
    expect([isolated(s), s.account().reason]).toEqual([260, 'margin']);
    expect(changeMargin(s.exchange, s.market, -10.01e8, s.now)).toBe('isolatedShort');
    expect(changeMargin(s.exchange, s.market, -10e8, s.now)).toBeUndefined();
    expect(changeMargin(s.exchange, s.market, 1000e8, s.now)).toBe('crossShort');
    s.go('b', 'sell', 0.1);
    expect(changeMargin(s.exchange, s.market, 10e8, s.now)).toBe('marginNoPosition');
  });
});

describe('a cross position', () => {
  const cross = (deposit: number): Scenario => {
    const s = start(deposit);
    setMarginType(s.market, true);
    return s.go('a', 'buy', 0.1);
  };
  it('has the whole wallet behind it', () => {
    const s = cross(1000);
    expect([free(s), isolated(s)]).toEqual([997.5, 0]);
    expect(available(s.exchange) / 1e8).toBe(747.5);
    s.mark(51000);
    // + 100 profit, 5100 / 20 margin.
    expect(available(s.exchange) / 1e8).toBe(842.5);
    // A profit that is not realised cannot leave.
    expect(withdrawable(s.exchange) / 1e8).toBe(842.5);
  });
  it('is liquidated when wallet and profit no longer exceed the maintenance margin', () => {
    const s = cross(1000);
    // (997.5 − 5000) / (0.1 × 0.004 − 0.1) = 40185.74
    expect(s.position().liquidation_px / 1e8).toBeCloseTo(40185.74, 2);
    s.mark(40185.75);
    expect(s.market.position.qty).toBe(100);
    s.best([40100, 5], [40101, 5]).mark(40185.73);
    expect(s.market.position.qty).toBe(0);
    // Sold at 40100: a loss of 990; the fee takes the 7.5 that are left.
    expect(walletBalance(s.exchange.ledger)).toBe(0);
    assertBalanced(s.exchange.ledger);
  });
});

describe('liquidation of a long from 65000 with 19.5', () => {
  it('goes down to 61750 and no further', () => {
    const s = new Scenario({ algo: true })
      .book([[64999, 1]], [[65000, 1]])
      .mark(65000)
      .go('a', 'buy', 0.006);
    s.best([61749.9, 1], [61750, 1]).mark(61900);
    const [order] = s.raw().filter((r) => r.type === 'liquidation');
    expect(order).toMatchObject({ px: 617_500, tif: 'ioc' });
    expect(order!.client_id).toMatch(/^autoclose-\d{13}$/);
    expect(s.raw().at(-1)).toMatchObject({ exec: 'trade', last_px: 617_500, realized_pnl: -19.5e8 });
  });
  it('can be forced, and so can deleveraging, at the counterparty’s bankruptcy price at most', () => {
    const s = start().go('a', 'buy', 0.1);
    forceLiquidation(s.exchange, s.market, s.now);
    s.wait();
    expect(s.raw().at(-1)!.client_id).toMatch(/^autoclose-/);
    expect(s.market.position.qty).toBe(0);
    const t = start().go('a', 'buy', 0.1).limit('tp', 'sell', 52000, 0.1).mark(51000);
    forceAdl(t.exchange, t.market, t.now);
    t.wait();
    // Entered at 50000 with 250 on 0.1: a short with the same would be bankrupt at 52500; the mark is nearer.
    expect(t.raw().at(-1)).toMatchObject({ client_id: 'adl_autoclose', last_px: 510_000, fee: 0, realized_pnl: 100e8 });
    expect(t.reports('tp').at(-1)).toBe('canceled');
    expect(walletBalance(t.exchange.ledger)).toBe(1097.5e8);
  });
});

describe('a large position', () => {
  it('is liquidated tier by tier, and no further than is needed', () => {
    const s = new Scenario({ algo: true, partialLiquidation: true, leverage: 100 }, 100_000)
      .book([[50000, 100]], [[50000, 100]])
      .mark(50000)
      .go('a', 'buy', 10); // 500,000: second tier
    // Margin 5000; 0.5 % of 497,400 less 300 is 2187: reached at 49,718.6. The first tier asks for 0.4 %.
    s.best([49700, 100], [49701, 100]).mark(49715);
    const [order] = s.raw().filter((r) => r.type === 'liquidation');
    expect(s.market.position.qty).toBe(6033); // × 49715 is the last below 300,000, less one step
    expect(order).toMatchObject({ qty: 10_000 - 6033, exec: 'new' });
    expect(isolated(s)).toBeCloseTo(5000 * 0.6033, 6);
    assertBalanced(s.exchange.ledger);
    // What is left goes whole.
    s.best([49600, 100], [49601, 100]).mark(49600);
    expect(s.market.position.qty).toBe(0);
  });
  it('goes whole to the insurance fund where the book takes less than the part', () => {
    const s = new Scenario({ algo: true, partialLiquidation: true, leverage: 100 }, 100_000)
      .book([[50000, 100]], [[50000, 100]])
      .mark(50000)
      .go('a', 'buy', 10)
      .best([49700, 1], [49701, 1])
      .mark(49715);
    expect([s.market.position.qty, isolated(s)]).toEqual([0, 0]);
    expect(s.raw().at(-1)).toMatchObject({ status: 'filled', cum_qty: 10_000 });
    assertBalanced(s.exchange.ledger);
  });
});

describe('transfers', () => {
  it('move what is free', () => {
    const s = start().limit('a', 'buy', 50000 - 0.1, 0.1);
    const all = withdrawable(s.exchange);
    expect(all).toBeLessThan(750e8);
    expect(transfer(s.exchange, -all - 1)).toBe('crossShort');
    expect(transfer(s.exchange, -all)).toBeUndefined();
    expect(transfer(s.exchange, 5e8)).toBeUndefined();
    expect(withdrawable(s.exchange)).toBe(5e8);
    assertBalanced(s.exchange.ledger);
  });
});
