/** Decimal texts as Binance's Spot writes them: always eight decimals. */

/** An integer of 10^-digits, digits ≤ 8: 12345 with 2 digits is `123.45000000`. */
export function fixed8(n: number, digits: number): string {
  const sign = n < 0 ? '-' : '';
  const s = String(Math.abs(n)).padStart(digits + 1, '0');
  const cut = s.length - digits;
  return `${sign}${s.slice(0, cut)}.${s.slice(cut).padEnd(8, '0')}`;
}
/** An amount of 10^-8. */
export const amount8 = (n: number): string => fixed8(n, 8);
