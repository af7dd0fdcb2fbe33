import type { Rules } from './state.ts';

/** Rules of an account without margin: only fees, no latency, no liquidation. Fees are rates × 10^8. */
export function feesOnly(maker: number, taker: number): Rules {
  return {
    maker,
    taker,
    liquidationFee: 0,
    bound: 0,
    orderLatencyUs: 0,
    responseLatencyUs: 0,
    markIntervalUs: 0,
    markTimeoutUs: 0,
    levels: 1,
    leverage: 0,
    maxOrders: 200,
    maxStops: 200,
    algo: false,
    triggerProtect: 0,
    instruments: {},
  };
}
