import { equal, ok } from 'node:assert/strict';
import type { MarketInterface, Position } from 'ccxt';
import type { Rules } from './testing/contract.ts';
import { isDated, isNear, isNumber, isPositive } from './testing/stamp.ts';

const sign = (p: Position): number => (p.side === 'short' ? -1 : 1);

export const positionRules = (market: MarketInterface): Rules<Position> => ({
  'it is of its symbol': (p) => equal(p.symbol, market.symbol),
  'time and text of the time agree': isDated,
  'it is long or short': (p) => ok(p.side === 'long' || p.side === 'short', `side ${p.side}`),
  'contracts, entry and mark are above zero': (p) => {
    isPositive(p.contracts, 'contracts');
    isPositive(p.entryPrice, 'entry price');
    isPositive(p.markPrice, 'mark price');
  },
  'its notional is at the mark': (p) => isNear(p.notional, p.contracts! * p.markPrice!, 'notional', 1e-6),
  'its profit is that from entry to mark': (p) =>
    isNear(p.unrealizedPnl, sign(p) * p.contracts! * (p.markPrice! - p.entryPrice!), 'unrealized profit', 1e-5),
  'its margins are stated': (p) => {
    isPositive(p.initialMargin, 'initial margin');
    isPositive(p.maintenanceMargin, 'maintenance margin');
    ok(p.maintenanceMargin < p.initialMargin, `maintenance ${p.maintenanceMargin}, initial ${p.initialMargin}`);
  },
  'its maintenance margin is the rate of its tier': (p) => {
    isPositive(p.maintenanceMarginPercentage, 'rate');
    isNear(p.maintenanceMargin, p.notional! * p.maintenanceMarginPercentage, 'maintenance margin', 1e-3);
  },
  'it is liquidated on the side that it loses on': (p) => {
    isPositive(p.liquidationPrice, 'liquidation price');
    ok((p.markPrice! - p.liquidationPrice) * sign(p) > 0, `mark ${p.markPrice}, liquidation ${p.liquidationPrice}`);
  },
  'it is isolated': (p) => equal(p.marginMode, 'isolated'),
  'it is not one of two sides': (p) => equal(p.hedged, false),
});

/** A row that carries the leverage, which the third version of the endpoint leaves out. */
export const LEVERED: Rules<Position> = {
  'its leverage is stated': (p) => isPositive(p.leverage, 'leverage'),
  'its profit in per cent is stated': (p) => isNumber(p.percentage, 'percentage'),
};

/**
 * Price at which an isolated position is liquidated: (iw + cum − s·q·EP) / (q·MMR − s·q), with the wallet of the
 * position, and rate and amount of its tier.
 */
export function liquidationPrice(p: Position, wallet: number, mmr: number, cum: number): number {
  const [q, s] = [p.contracts!, sign(p)];
  return (wallet + cum - s * q * p.entryPrice!) / (q * mmr - s * q);
}
