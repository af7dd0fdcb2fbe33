import { balance, FIRST_ISOLATED } from '../../core/ledger.ts';
import { maintenanceOf, marginBehind, positionValue } from '../../core/margin.ts';
import { unrealised } from '../../core/position.ts';
import { openNotional } from '../../core/resting.ts';
import type { Exchange } from '../../core/state.ts';
import { initialMargin, liquidationPrice, notionalCap } from '../../core/tiers.ts';
import { decimal, money, short } from './decimal.ts';
import type { Desk } from './desk.ts';
import { breakEven, entryPrice } from './events.ts';
import { qtyText } from './json.ts';

/** One position in numbers, USDT × 10^8. */
export interface PositionView {
  readonly qty: number;
  readonly entry: number;
  readonly profit: number;
  /** Signed value at the mark price. */
  readonly notional: number;
  readonly isolatedWallet: number;
  readonly isolatedMargin: number;
  readonly initial: number;
  readonly orders: number;
  readonly maintenance: number;
  /** 0 = none. */
  readonly liquidation: number;
}

export function viewOf(x: Exchange, d: Desk): PositionView {
  const m = d.market;
  const { qty, cost } = m.position;
  const profit = unrealised(d.instrument, m.position, m.mark);
  const isolatedWallet = balance(x.ledger, FIRST_ISOLATED + m.slot);
  const value = qty === 0 ? 0 : positionValue(m);
  const lp =
    qty === 0 ? 0 : liquidationPrice(d.instrument.tiers, qty, d.instrument.qtyScale, cost, marginBehind(x, m, true));
  return {
    qty,
    entry: entryPrice(d, qty, cost),
    profit,
    notional: qty < 0 ? -value : value,
    isolatedWallet,
    isolatedMargin: m.cross ? 0 : isolatedWallet + profit,
    initial: initialMargin(value, d.instrument.leverage),
    orders: m.reserved,
    maintenance: maintenanceOf(m),
    liquidation: lp > 0 ? lp : 0,
  };
}
export const isShown = (v: PositionView): boolean => v.qty !== 0 || v.orders !== 0;

export function positionRiskV3(d: Desk, v: PositionView): Record<string, unknown> {
  const m = d.market;
  return {
    symbol: d.symbol,
    positionSide: 'BOTH',
    positionAmt: qtyText(d, v.qty),
    entryPrice: short(v.entry, 8),
    breakEvenPrice: short(breakEven(d, v.qty, m.position.cost), 8),
    markPrice: money(m.mark),
    unRealizedProfit: money(v.profit),
    liquidationPrice: v.liquidation === 0 ? '0' : short(v.liquidation, 8),
    isolatedMargin: money(v.isolatedMargin),
    notional: money(v.notional),
    marginAsset: 'USDT',
    isolatedWallet: money(v.isolatedWallet),
    initialMargin: money(v.initial + v.orders),
    maintMargin: money(v.maintenance),
    positionInitialMargin: money(v.initial),
    openOrderInitialMargin: money(v.orders),
    adl: adlQuantile(v),
    bidNotional: money(openNotional(m, 1)),
    askNotional: money(openNotional(m, -1)),
    updateTime: d.updateMs,
    // Not in Binance's row; clients that know the older version look for them.
    leverage: String(d.instrument.leverage),
    marginType: m.cross ? 'cross' : 'isolated',
  };
}
export function positionRiskV2(d: Desk, v: PositionView): Record<string, unknown> {
  const m = d.market;
  return {
    symbol: d.symbol,
    positionAmt: qtyText(d, v.qty),
    entryPrice: short(v.entry, 8),
    breakEvenPrice: short(breakEven(d, v.qty, m.position.cost), 8),
    markPrice: money(m.mark),
    unRealizedProfit: money(v.profit),
    liquidationPrice: v.liquidation === 0 ? '0' : short(v.liquidation, 8),
    leverage: String(d.instrument.leverage),
    maxNotionalValue: decimal(Math.floor(notionalCap(d.instrument.tiers, d.instrument.leverage) / 1e8), 0),
    marginType: m.cross ? 'cross' : 'isolated',
    isolatedMargin: money(v.isolatedMargin),
    isAutoAddMargin: 'false',
    positionSide: 'BOTH',
    notional: money(v.notional),
    isolatedWallet: money(v.isolatedWallet),
    updateTime: d.updateMs,
    adlQuantile: adlQuantile(v),
  };
}
/** 0 (last in line) to 4, by profit over margin: who earned most on his margin is deleveraged first. */
export function adlQuantile(v: PositionView): number {
  if (v.qty === 0 || v.profit <= 0 || v.initial === 0) return 0;
  const ratio = v.profit / v.initial;
  return ratio > 1 ? 4 : ratio > 0.5 ? 3 : ratio > 0.2 ? 2 : 1;
}
