import { equal, ok } from 'node:assert/strict';
import type { LeverageTier } from 'ccxt';
import type { Rules } from './testing/contract.ts';
import { isPositive } from './testing/stamp.ts';

/** The tiers of one symbol, from the smallest notional on. */
export const LEVERAGE_TIERS: Rules<readonly LeverageTier[]> = {
  'they begin at zero and are numbered': (tiers) => {
    ok(tiers.length > 0);
    equal(tiers[0]!.minNotional, 0);
    for (const [i, t] of tiers.entries()) equal(t.tier, i + 1);
  },
  'each begins where the one before ends': (tiers) => {
    for (let i = 1; i < tiers.length; i++) equal(tiers[i]!.minNotional, tiers[i - 1]!.maxNotional);
    for (const t of tiers) ok(t.maxNotional! > t.minNotional!);
  },
  'maintenance rises and leverage does not': (tiers) => {
    for (const t of tiers) {
      isPositive(t.maintenanceMarginRate, 'maintenance margin rate');
      isPositive(t.maxLeverage, 'leverage');
    }
    for (let i = 1; i < tiers.length; i++) {
      ok(tiers[i]!.maintenanceMarginRate! > tiers[i - 1]!.maintenanceMarginRate!);
      ok(tiers[i]!.maxLeverage! <= tiers[i - 1]!.maxLeverage!);
    }
  },
  'the amount of each makes the maintenance margin continuous': (tiers) => {
    for (let i = 1; i < tiers.length; i++) {
      const [a, b] = [tiers[i - 1]!, tiers[i]!];
      const step = b.minNotional! * (b.maintenanceMarginRate! - a.maintenanceMarginRate!);
      const jump = Number(b.info.cum) - Number(a.info.cum) - step;
      ok(Math.abs(jump) < 1e-6, `tier ${b.tier}: ${jump}`);
    }
  },
};
