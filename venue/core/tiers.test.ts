import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bankruptcyPrice,
  buildTiers,
  DEFAULT_TIERS,
  liquidationPrice,
  maintenance,
  mustLiquidate,
  notionalCap,
} from './tiers.ts';

const tiers = buildTiers(DEFAULT_TIERS);

describe('isolated margin', () => {
  it('derives the published cumulative amounts 0, 300, 1500, 12000 USDT from floors and rates', () => {
    expect(tiers.map((t) => t.cum / 1e8)).toEqual([0, 300, 1500, 12000]);
  });
  it('liquidates 0.006 BTC at 65000 with 19.5 USDT of margin at 61997.99 long and 67978.09 short', () => {
    // By hand: (19.5 − 390) / (0.006 × 0.004 − 0.006) and (19.5 + 390) / (0.006 × 0.004 + 0.006).
    const long = liquidationPrice(tiers, 6, 1000, 390e8, 19.5e8);
    const short = liquidationPrice(tiers, -6, 1000, -390e8, 19.5e8);
    expect([(long / 1e8).toFixed(2), (short / 1e8).toFixed(2)]).toEqual(['61997.99', '67978.09']);
    expect(mustLiquidate(tiers, 6, 1000, 390e8, 19.5e8, 61997.98e8)).toBe(true);
    expect(mustLiquidate(tiers, 6, 1000, 390e8, 19.5e8, 61998e8)).toBe(false);
    expect(mustLiquidate(tiers, -6, 1000, -390e8, 19.5e8, 67978.1e8)).toBe(true);
    expect(mustLiquidate(tiers, -6, 1000, -390e8, 19.5e8, 67978.08e8)).toBe(false);
  });
  it('knows the bankruptcy price, 61750 for that long and 68250 for that short', () => {
    expect(bankruptcyPrice(6, 1000, 390e8, 19.5e8) / 1e8).toBe(61750);
    expect(bankruptcyPrice(-6, 1000, -390e8, 19.5e8) / 1e8).toBe(68250);
  });
  it('takes the tier that holds at the liquidation price, whatever the size', () => {
    const position = fc.record({
      qty: fc.integer({ min: 1, max: 150_000 }),
      side: fc.constantFrom(1, -1),
      price: fc.integer({ min: 1_000, max: 90_000 }),
      leverage: fc.integer({ min: 5, max: 50 }),
    });
    fc.assert(
      fc.property(position, ({ qty, side, price, leverage }) => {
        const cost = side * qty * price * 1e5;
        fc.pre(Math.abs(cost) < 12_000_000e8);
        const iw = Math.floor(Math.abs(cost) / leverage);
        const lp = liquidationPrice(tiers, side * qty, 1000, cost, iw);
        fc.pre(lp > 0);
        // At the price itself the inequality turns: a hundredth of a cent either way decides.
        expect(mustLiquidate(tiers, side * qty, 1000, cost, iw, lp - side * 10_000)).toBe(true);
        expect(mustLiquidate(tiers, side * qty, 1000, cost, iw, lp + side * 10_000)).toBe(false);
      }),
      { numRuns: 1000 },
    );
  });
  it('has a maintenance margin without steps at the floors', () => {
    for (const t of tiers.slice(1))
      expect(maintenance(tiers, t.floor) - maintenance(tiers, t.floor - 1)).toBeLessThan(2);
  });
  it('caps the notional by the leverage', () => {
    expect([150, 100, 75, 20].map((l) => notionalCap(tiers, l) / 1e8)).toEqual([300e3, 800e3, 3e6, 12e6]);
  });
  it('refuses tiers that do not rise [CHM804]', () => {
    expect(() => buildTiers([])).toThrow(/no notional tier/);
    expect(() => buildTiers([{ floor_usdt: 5, mmr_bp: 40, max_leverage: 20 }])).toThrow(/does not continue/);
    const twice = { floor_usdt: 0, mmr_bp: 40, max_leverage: 20 };
    expect(() => buildTiers([twice, twice])).toThrow(/does not continue/);
  });
});
