import { addExact, mulDivRound, mulExact, pow10 } from '../../graph/math/index.ts';
import type { KeyInfo } from '../../graph/schema/index.ts';
import type { Holding } from './intent-log.ts';
import type { Fill } from './order-state.ts';

/**
 * What was bought of one asset, net of the commissions that were taken in it, and what it cost. A commission has more decimals
 * than the instrument, so the quantity is kept with up to four more (at most 8), commissions rounded up: never more than there
 * is. Whole steps of it can be sold; what is left over keeps its share of the cost, and becomes a step with later purchases.
 */
export class SpotHolding {
  readonly key: KeyInfo;
  /** Quantities that can be sold are multiples of this, in the instrument's decimals. */
  readonly step: number;
  /** In units of 10^-digits. */
  base = 0;
  /** × 10^8: price × net quantity; commissions are apart. */
  cost = 0;
  readonly #digits: number;
  readonly #unit: number;

  constructor(key: KeyInfo, step: number) {
    this.key = key;
    this.step = Math.max(1, step);
    this.#digits = Math.min(8, key.qtyDigits + 4);
    this.#unit = pow10(this.#digits - key.qtyDigits);
  }

  /** Whole steps, in the instrument's decimals. */
  get lots(): number {
    const units = Math.floor(this.base / this.#unit);
    return units - (units % this.step);
  }
  /** Cost of the whole steps × 10^8. */
  get lotsCost(): number {
    const part = this.lots * this.#unit;
    return part === this.base ? this.cost : part === 0 ? 0 : mulDivRound(this.cost, part, this.base);
  }
  /** The same as price × quantity in the instrument's decimals together. */
  get entryQuote(): number {
    const { pxDigits, qtyDigits } = this.key;
    const more = pxDigits + qtyDigits - 8;
    return more > 0 ? mulExact(this.lotsCost, pow10(more)) : mulDivRound(this.lotsCost, 1, pow10(-more));
  }
  /** Value of everything held × 10^8, at a price × 10^8. */
  value(px: number): number {
    return mulDivRound(this.base, px, pow10(this.#digits));
  }
  get state(): Holding {
    return { base: this.base, cost: this.cost };
  }
  restore(h: Holding): void {
    this.base = h.base;
    this.cost = h.cost;
  }

  /** @returns the profit of what was sold × 10^8, before commissions */
  trade(side: 'buy' | 'sell', f: Fill): number {
    const fee = Math.ceil((f.baseFee ?? 0) / pow10(8 - this.#digits));
    const qty = mulExact(f.qty, this.#unit);
    if (side === 'buy') {
      const net = Math.max(0, qty - fee);
      this.base = addExact(this.base, net);
      this.cost = addExact(this.cost, this.#quote(net, f.px));
      return 0;
    }
    // What is sold beyond what was bought here was somebody else's: no profit of ours.
    const own = Math.min(qty, this.base);
    const released = this.#release(own);
    this.#release(Math.min(fee, this.base));
    return this.#quote(own, f.px) - released;
  }
  /** There is less than was bought: somebody else took it. @param qty in the instrument's decimals */
  limit(qty: number): void {
    this.#release(Math.max(0, this.base - mulExact(qty, this.#unit)));
  }
  #release(base: number): number {
    if (base === 0) return 0;
    const cost = base === this.base ? this.cost : mulDivRound(this.cost, base, this.base);
    this.base -= base;
    this.cost -= cost;
    return cost;
  }
  #quote(base: number, px: number): number {
    const digits = this.#digits + this.key.pxDigits - 8;
    return digits >= 0 ? mulDivRound(base, px, pow10(digits)) : mulExact(mulExact(base, px), pow10(-digits));
  }
}
