/** One fill in plain units, as a reference loop or a run gives it. */
export interface PlainFill {
  time_ms: number;
  side: 'buy' | 'sell';
  px: number;
  qty: number;
  fee: number;
}
export interface Candles {
  time: ArrayLike<number>;
  open: ArrayLike<number>;
  high: ArrayLike<number>;
  low: ArrayLike<number>;
  close: ArrayLike<number>;
}

/** A reversal may be one fill or two at the same time and price: those become one. */
export function joined(fills: readonly PlainFill[]): PlainFill[] {
  const out: PlainFill[] = [];
  for (const f of fills) {
    const last = out.at(-1);
    if (last && last.time_ms === f.time_ms && last.side === f.side && last.px === f.px) {
      last.qty = round(last.qty + f.qty, 9);
      last.fee = round(last.fee + f.fee, 9);
    } else out.push({ ...f });
  }
  return out;
}
const round = (x: number, digits: number): number => Number(x.toFixed(digits));

/**
 * The first fill in which two lists differ, or undefined. Times, sides and quantities are equal, fees to a 10⁻⁸. Prices are equal
 * to the open or quote they were made at; with `step` less than it apart, where an order's price was computed and then put on
 * the price step of the instrument.
 */
export function firstDifference(
  found: readonly PlainFill[],
  expected: readonly PlainFill[],
  step = 0,
): string | undefined {
  for (let i = 0; i < Math.max(found.length, expected.length); i++) {
    const a = found[i];
    const b = expected[i];
    const same =
      a &&
      b &&
      a.time_ms === b.time_ms &&
      a.side === b.side &&
      Math.abs(a.px - b.px) < step + 1e-12 * b.px &&
      Math.abs(a.qty - b.qty) < 1e-12 &&
      (Number.isNaN(b.fee) || Math.abs(a.fee - b.fee) < 1.01e-8 + step * b.qty * 0.0005);
    if (!same) return `fill ${i}: ${JSON.stringify(a ?? null)} instead of ${JSON.stringify(b ?? null)}`;
  }
  return undefined;
}
