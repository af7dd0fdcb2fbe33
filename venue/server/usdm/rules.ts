import type { InstrumentRules } from '../../core/instrument.ts';
import type { Rules } from '../../core/state.ts';
import type { TierRule } from '../../core/tiers.ts';
import type { Listed } from '../contract.ts';
import { CONDITIONAL_ORDERS, ORDERS_PER_SYMBOL, type UsdmOptions } from './options.ts';

/** The core's trading rules of what a market lists. */
function rulesOf(l: Listed, tiers: readonly TierRule[] | undefined): InstrumentRules {
  return {
    tick: Number(l.tick),
    step: Number(l.step),
    min_qty: Number(l.minQty),
    max_qty: Number(l.maxQty),
    min_px: Number(l.minPx),
    max_px: Number(l.maxPx),
    min_notional_usdt: Number(l.minNotional),
    tiers,
  };
}

/** The core's rules of an account. */
export function exchangeRules(o: UsdmOptions, listed: readonly Listed[]): Rules {
  const rate = (fraction: number): number => Math.round(fraction * 1e8);
  const instruments: Record<string, InstrumentRules> = {};
  for (const l of listed) instruments[l.key.name] = rulesOf(l, o.tiers?.[l.symbol]);
  return {
    maker: rate(o.makerRate ?? 0.0002),
    taker: rate(o.takerRate ?? 0.0005),
    liquidationFee: rate(o.liquidationFee ?? 0.0125),
    bound: rate(o.bound ?? 0.05),
    // The server delays calls and events itself.
    orderLatencyUs: 0,
    responseLatencyUs: 0,
    markIntervalUs: 1_000_000,
    markTimeoutUs: 10_000_000,
    levels: o.levels ?? 1000,
    leverage: o.leverage ?? 20,
    maxOrders: ORDERS_PER_SYMBOL,
    maxStops: CONDITIONAL_ORDERS,
    algo: true,
    partialLiquidation: true,
    triggerProtect: rate(o.triggerProtect ?? 0.05),
    instruments,
  };
}
