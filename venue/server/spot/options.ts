import type { KeyInfo } from '../../../graph/schema/index.ts';
import type { LiveBook, LiveOwner } from '../../core/liquidity.ts';
import type { Listed } from '../contract.ts';

/** An account of the Spot market. Rates are fractions (0.001 = 0.1 %). */
export interface SpotOptions {
  /** What the market lists; those of other markets are left out. */
  readonly listed: readonly Listed[];
  /** Free balances at the start by asset, × 10^8. Default 10,000 USDT. */
  readonly balances?: Readonly<Record<string, number>>;
  readonly makerRate?: number;
  readonly takerRate?: number;
  /** From the arrival of an order to its effect, and from the effect to its answer and events: µs of market time. */
  readonly orderLatencyUs?: number;
  readonly responseLatencyUs?: number;
  /** Levels of the book that are kept. */
  readonly levels?: number;
  /** Market time at the start, µs: stands in the account before anything happened. */
  readonly startUs?: number;
  /** The limit book of a simulated market, in which orders then trade beside its agents (`Feed.live`). */
  readonly live?: (key: KeyInfo, owner: LiveOwner) => LiveBook | undefined;
}
