import type { KeyInfo } from '../../../graph/schema/index.ts';
import type { LiveBook, LiveOwner } from '../../core/liquidity.ts';
import type { TierRule } from '../../core/tiers.ts';
import type { Listed } from '../contract.ts';

/** An account of USD-M futures. Rates are fractions (0.0005 = 5 bp). */
export interface UsdmOptions {
  /** What the market lists; those of other markets are left out. */
  readonly listed: readonly Listed[];
  /** Wallet at the start, USDT × 10^8. Default 10,000 USDT. */
  readonly deposit?: number;
  readonly leverage?: number;
  /** Margin type of every symbol at the start. Default isolated. */
  readonly marginType?: 'isolated' | 'cross';
  readonly makerRate?: number;
  readonly takerRate?: number;
  readonly liquidationFee?: number;
  /** Farthest from the mark price that a market order trades and a limit order may stand (fraction). */
  readonly bound?: number;
  /** `priceProtect`: how far last and mark price may be apart at a trigger (fraction). */
  readonly triggerProtect?: number;
  /** From the arrival of an order to its effect, and from the effect to its answer and events: µs of market time. */
  readonly orderLatencyUs?: number;
  readonly responseLatencyUs?: number;
  /** Market seconds per wall second, for what a client counts on its own clock (countdowns, GTD). */
  readonly rate?: number;
  readonly tiers?: Readonly<Record<string, readonly TierRule[]>>;
  /** Levels of the book that are kept. */
  readonly levels?: number;
  /**
   * The limit book that others trade in on a market that is simulated, where there is one: the account's orders then trade
   * in it. Absent: they are matched against the book and the trades as they are played.
   */
  readonly live?: (key: KeyInfo, owner: LiveOwner) => LiveBook | undefined;
  /** Market time at the start, µs: stands in the account before anything happened. */
  readonly startUs?: number;
}
export const ORDERS_PER_SYMBOL = 200;
export const CONDITIONAL_ORDERS = 200;
