/**
 * Prints exact amounts (integers of 10^-digits) as Binance does: plain decimals, always `decimals` of them. Further
 * digits are printed, never cut.
 */
export class DecimalText {
  readonly #scale: number;
  readonly #digits: number;
  readonly #tail: string;

  constructor(digits: number, decimals: number) {
    this.#digits = digits;
    this.#scale = 10 ** digits;
    const more = Math.max(0, decimals - digits);
    this.#tail = digits === 0 && more > 0 ? `.${'0'.repeat(more)}` : '0'.repeat(more);
  }

  of(v: number): string {
    if (v < 0) return `-${this.of(-v)}`;
    if (this.#digits === 0) return v + this.#tail;
    let whole = Math.floor(v / this.#scale);
    let rest = v - whole * this.#scale;
    // The division rounds: next to 2^53 it may have gone past the whole number.
    if (rest < 0) {
      whole--;
      rest += this.#scale;
    }
    const fraction = rest + '';
    return fraction.length === this.#digits
      ? `${whole}.${fraction}${this.#tail}`
      : `${whole}.${'0'.repeat(this.#digits - fraction.length)}${fraction}${this.#tail}`;
  }
}

/** An exact integer of 10^-digits as text with `decimals` decimals; what is beyond them is cut off. */
export function bigText(v: bigint, digits: number, decimals: number): string {
  const negative = v < 0n;
  const all = (negative ? -v : v).toString().padStart(digits + 1, '0');
  const whole = all.slice(0, all.length - digits);
  const fraction = all
    .slice(all.length - digits)
    .padEnd(decimals, '0')
    .slice(0, decimals);
  return `${negative ? '-' : ''}${whole}${decimals > 0 ? `.${fraction}` : ''}`;
}

/** 0.1 → '0.1', 1e-7 → '0.0000001': a power of ten as plain text. */
export const unitText = (digits: number): string => (digits === 0 ? '1' : `0.${'0'.repeat(digits - 1)}1`);
