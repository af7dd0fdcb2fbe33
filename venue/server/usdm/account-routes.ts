import { available } from '../../core/margin.ts';
import { openNotional } from '../../core/resting.ts';
import { notionalCap } from '../../core/tiers.ts';
import type { ApiCall, Route } from '../contract.ts';
import { decimal, money, short } from './decimal.ts';
import type { Desk } from './desk.ts';
import type { UsdmEngine } from './engine.ts';
import { breakEven } from './events.ts';
import { qtyText } from './json.ts';
import { sent } from './order-params.ts';
import { isShown, type PositionView, positionRiskV2, positionRiskV3, viewOf } from './position.ts';

/** Balances, positions and the account as a whole, in the second and third version of each. */
export function accountRoutes(e: UsdmEngine): Route[] {
  const get = (path: string, ws: string | undefined, handle: (c: ApiCall) => unknown): Route => ({
    method: 'GET',
    path: `/fapi/${path}`,
    security: 'signed',
    weight: 5,
    ...(ws ? { ws } : {}),
    handle: (c) => {
      e.advance(c.marketUs);
      return handle(c);
    },
  });
  const positions = (c: ApiCall): Desk[] => (sent(c.params, 'symbol') ? [e.desk(c)] : [...e.desks]);
  return [
    get('v2/balance', 'account.balance', () => [balanceRow(e)]),
    get('v3/balance', 'v2/account.balance', () => [balanceRow(e)]),
    get('v2/account', 'account.status', () => accountV2(e)),
    get('v3/account', 'v2/account.status', () => accountV3(e)),
    get('v2/positionRisk', 'account.position', (c) =>
      positions(c).map((d) => positionRiskV2(d, viewOf(e.exchange, d))),
    ),
    get('v3/positionRisk', 'v2/account.position', (c) =>
      positions(c)
        .map((d) => ({ d, v: viewOf(e.exchange, d) }))
        .filter(({ v }) => isShown(v))
        .map(({ d, v }) => positionRiskV3(d, v)),
    ),
  ];
}

interface Totals {
  profit: number;
  crossProfit: number;
  initial: number;
  orders: number;
  maintenance: number;
}
function totalsOf(views: readonly { d: Desk; v: PositionView }[]): Totals {
  const t: Totals = { profit: 0, crossProfit: 0, initial: 0, orders: 0, maintenance: 0 };
  for (const { d, v } of views) {
    t.profit += v.profit;
    if (d.market.cross) t.crossProfit += v.profit;
    t.initial += v.initial;
    t.orders += v.orders;
    t.maintenance += v.maintenance;
  }
  return t;
}
const viewsOf = (e: UsdmEngine): { d: Desk; v: PositionView }[] =>
  e.desks.map((d) => ({ d, v: viewOf(e.exchange, d) }));

function balanceRow(e: UsdmEngine): object {
  const t = totalsOf(viewsOf(e));
  return {
    accountAlias: 'venue',
    asset: 'USDT',
    balance: money(e.wallet),
    crossWalletBalance: money(e.crossWallet),
    crossUnPnl: money(t.crossProfit),
    availableBalance: money(Math.max(0, available(e.exchange))),
    maxWithdrawAmount: money(e.withdrawable),
    marginAvailable: true,
    updateTime: e.updateMs,
  };
}
function assetRow(e: UsdmEngine, t: Totals): Record<string, unknown> {
  return {
    asset: 'USDT',
    walletBalance: money(e.wallet),
    unrealizedProfit: money(t.profit),
    marginBalance: money(e.wallet + t.profit),
    maintMargin: money(t.maintenance),
    initialMargin: money(t.initial + t.orders),
    positionInitialMargin: money(t.initial),
    openOrderInitialMargin: money(t.orders),
    crossWalletBalance: money(e.crossWallet),
    crossUnPnl: money(t.crossProfit),
    availableBalance: money(Math.max(0, available(e.exchange))),
    maxWithdrawAmount: money(e.withdrawable),
    updateTime: e.updateMs,
  };
}
function totalsJson(e: UsdmEngine, t: Totals): Record<string, unknown> {
  return {
    totalInitialMargin: money(t.initial + t.orders),
    totalMaintMargin: money(t.maintenance),
    totalWalletBalance: money(e.wallet),
    totalUnrealizedProfit: money(t.profit),
    totalMarginBalance: money(e.wallet + t.profit),
    totalPositionInitialMargin: money(t.initial),
    totalOpenOrderInitialMargin: money(t.orders),
    totalCrossWalletBalance: money(e.crossWallet),
    totalCrossUnPnl: money(t.crossProfit),
    availableBalance: money(Math.max(0, available(e.exchange))),
    maxWithdrawAmount: money(e.withdrawable),
  };
}

function accountV3(e: UsdmEngine): object {
  const views = viewsOf(e);
  const t = totalsOf(views);
  return {
    ...totalsJson(e, t),
    assets: [assetRow(e, t)],
    positions: views.filter(({ v }) => isShown(v)).map(({ d, v }) => positionRow(d, v)),
  };
}
function positionRow(d: Desk, v: PositionView): Record<string, unknown> {
  return {
    symbol: d.symbol,
    positionSide: 'BOTH',
    positionAmt: qtyText(d, v.qty),
    unrealizedProfit: money(v.profit),
    isolatedMargin: money(v.isolatedMargin),
    notional: money(v.notional),
    isolatedWallet: money(v.isolatedWallet),
    initialMargin: money(v.initial + v.orders),
    maintMargin: money(v.maintenance),
    updateTime: d.updateMs,
  };
}
function accountV2(e: UsdmEngine): object {
  const views = viewsOf(e);
  const t = totalsOf(views);
  return {
    feeTier: 0,
    feeBurn: e.feeBurn,
    canTrade: true,
    canDeposit: true,
    canWithdraw: true,
    updateTime: 0,
    multiAssetsMargin: false,
    tradeGroupId: -1,
    ...totalsJson(e, t),
    assets: [{ ...assetRow(e, t), marginAvailable: true }],
    positions: views.map(({ d, v }) => ({
      ...positionRow(d, v),
      positionInitialMargin: money(v.initial),
      openOrderInitialMargin: money(v.orders),
      leverage: String(d.instrument.leverage),
      isolated: !d.market.cross,
      entryPrice: short(v.entry, 8),
      breakEvenPrice: short(breakEven(d, v.qty, d.market.position.cost), 8),
      maxNotional: decimal(Math.floor(notionalCap(d.instrument.tiers, d.instrument.leverage) / 1e8), 0),
      bidNotional: money(openNotional(d.market, 1)),
      askNotional: money(openNotional(d.market, -1)),
    })),
  };
}
