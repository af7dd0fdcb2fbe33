import type { KeyInfo } from '../../graph/schema/index.ts';
import { FIELDS, PORT, type PortBuffer } from '../../lake/decode/row-store.ts';

/** Where the lists of prices begin that are each followed by their quantities. */
const SIDES: Readonly<Record<number, readonly number[]>> = { [PORT.depth]: [5, 7], [PORT.depth_snapshot]: [3, 5] };

/** Whether a decimal (the double nearest to it) has no more decimals than the scale. */
const fits = (v: number, scale: number): boolean => Math.round(v * scale) / scale === v;
/** Rounded to the scale; what is above zero stays above zero. */
const rounded = (v: number, scale: number): number => (v > 0 ? Math.max(1, Math.round(v * scale)) / scale : v);

/**
 * Makes the amounts of row `r` (the last of its port) fit the decimals of its instrument: quantities and single prices are
 * rounded; book levels at a price that does not fit are left out, as rounding could lay one level over another. Returns what
 * was done.
 */
export function fitToRules(rows: PortBuffer, port: number, r: number, key: KeyInfo): string {
  const sides = SIDES[port];
  let left = 0;
  if (sides === undefined) {
    FIELDS[port]!.forEach((field, f) => {
      if (field.kind !== 'px' && field.kind !== 'qty') return;
      const column = rows.numbers[f]!;
      column[r] = rounded(column[r]!, field.kind === 'px' ? key.pxScale : key.qtyScale);
    });
  } else {
    for (const f of sides) {
      const prices = rows.lists[f]!;
      const quantities = rows.lists[f + 1]!;
      let to = prices.offsets[r]!;
      for (let i = to; i < prices.offsets[r + 1]!; i++) {
        if (!fits(prices.values[i]!, key.pxScale)) {
          left++;
          continue;
        }
        prices.values[to] = prices.values[i]!;
        quantities.values[to++] = rounded(quantities.values[i]!, key.qtyScale);
      }
      prices.offsets[r + 1] = to;
      quantities.offsets[r + 1] = to;
    }
  }
  const what = left === 0 ? 'rounded' : `rounded, ${left} levels left out`;
  return `amounts of ${key.name} are finer than ${key.pxDigits} and ${key.qtyDigits} decimals: ${what}`;
}
