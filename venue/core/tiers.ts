import { ChimeraError } from '../../graph/schema/index.ts';
import { bpE8, divide, MONEY, mulDiv, scaled } from './money.ts';

/** A step of the notional tiers: from `floor` (USDT × 10^8) on, maintenance margin is notional × mmr − cum. */
export interface Tier {
  floor: number;
  /** Maintenance margin rate × 10^8. */
  mmr: number;
  cum: number;
  maxLeverage: number;
}
export interface TierRule {
  floor_usdt: number;
  mmr_bp: number;
  max_leverage: number;
}

/** BTCUSDT as captured in August 2026; used for every instrument that has no tiers of its own. */
export const DEFAULT_TIERS: readonly TierRule[] = [
  { floor_usdt: 0, mmr_bp: 40, max_leverage: 150 },
  { floor_usdt: 300_000, mmr_bp: 50, max_leverage: 100 },
  { floor_usdt: 800_000, mmr_bp: 65, max_leverage: 75 },
  { floor_usdt: 3_000_000, mmr_bp: 100, max_leverage: 50 },
];
/** Beyond the last tier that is known. */
const LAST_CAP = 12_000_000e8;

/** cum_n = floor_n × (mmr_n − mmr_{n−1}) + cum_{n−1}, which makes the maintenance margin continuous. Throws CHM804. */
export function buildTiers(rules: readonly TierRule[]): Tier[] {
  const tiers: Tier[] = [];
  for (const r of rules) {
    const last = tiers.at(-1);
    const floor = scaled(r.floor_usdt, 8, 'a tier floor');
    const mmr = bpE8(r.mmr_bp);
    if (last ? floor <= last.floor || mmr <= last.mmr || r.max_leverage > last.maxLeverage : floor !== 0)
      throw new ChimeraError('CHM804', `the notional tier at ${r.floor_usdt} USDT does not continue the list`, {
        help: 'begin at floor_usdt: 0, let floor_usdt and mmr_bp rise and max_leverage fall',
      });
    const cum = last ? last.cum + mulDiv(floor, mmr - last.mmr, MONEY) : 0;
    tiers.push({ floor, mmr, cum, maxLeverage: r.max_leverage });
  }
  if (tiers.length === 0)
    throw new ChimeraError('CHM804', 'an instrument has no notional tier', {
      help: 'leave `tiers` out for the default',
    });
  return tiers;
}

/** The tier of a notional. */
export function tierOf(tiers: readonly Tier[], notional: number): Tier {
  let i = tiers.length - 1;
  while (i > 0 && notional < tiers[i]!.floor) i--;
  return tiers[i]!;
}

/** Maintenance margin of a notional. */
export function maintenance(tiers: readonly Tier[], notional: number): number {
  const t = tierOf(tiers, notional);
  return mulDiv(notional, t.mmr, MONEY) - t.cum;
}

/** The largest notional that the leverage allows (USDT × 10^8). */
export function notionalCap(tiers: readonly Tier[], leverage: number): number {
  for (let i = 0; i < tiers.length; i++) if (tiers[i]!.maxLeverage < leverage) return tiers[i]!.floor;
  return Math.max(LAST_CAP, tiers.at(-1)!.floor * 4);
}

/**
 * The mark price (× 10^8) at which an isolated position of `qty` (signed, × qtyScale) with cost `cost` (signed sum of
 * price × quantity, × 10^8) and margin `iw` is liquidated: LP = (iw + cum − s·q·EP) / (q·MMR − s·q), with the tier
 * that holds at LP itself. NaN when no price liquidates it. For display and as a guard: the law is `mustLiquidate`.
 */
export function liquidationPrice(
  tiers: readonly Tier[],
  qty: number,
  qtyScale: number,
  cost: number,
  iw: number,
): number {
  if (qty === 0) return Number.NaN;
  const q = Math.abs(qty) / qtyScale;
  let found = Number.NaN;
  for (let i = 0; i < tiers.length; i++) {
    const t = tiers[i]!;
    const price = (iw + t.cum - cost) / (q * (t.mmr / MONEY) - qty / qtyScale);
    if (!(price > 0)) continue;
    found = price;
    if (i + 1 === tiers.length || price * q < tiers[i + 1]!.floor) break;
  }
  return Math.round(found);
}

/** Margin plus unrealised profit no longer exceeds the maintenance margin at this mark price. */
export function mustLiquidate(
  tiers: readonly Tier[],
  qty: number,
  qtyScale: number,
  cost: number,
  iw: number,
  mark: number,
): boolean {
  if (qty === 0) return false;
  const value = mulDiv(qty, mark, qtyScale);
  return iw + value - cost <= maintenance(tiers, Math.abs(value));
}

/** The price (× 10^8) at which the position's loss equals its margin: EP − s·iw/q. */
export function bankruptcyPrice(qty: number, qtyScale: number, cost: number, iw: number): number {
  const left = qty > 0 ? cost - iw : -(cost - iw);
  return left <= 0 ? 0 : mulDiv(left, qtyScale, Math.abs(qty));
}

/** Initial margin of a notional at a leverage. */
export const initialMargin = (notional: number, leverage: number): number => divide(notional, leverage);
