import type { Fill } from './data.ts';

/** Fills as CSV, exact decimals in plain notation. */
export function fillsCsv(fills: readonly Fill[]): string {
  const rows = fills.map((f) => `${f.time_ms},${f.symbol},${f.side},${f.price},${f.qty},${f.fee},${f.liquidity}\n`);
  return `time_ms,symbol,side,price,qty,fee,liquidity\n${rows.join('')}`;
}
