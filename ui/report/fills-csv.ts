import type { Fill } from './data.ts';

/** Rows in one piece of text: few, so that a piece is written while it is young. */
const AT_ONCE = 64;

/** Fills as CSV, exact decimals in plain notation, piece by piece. */
export function* fillsCsv(fills: Iterable<Fill>): Generator<string> {
  let text = 'time_ms,symbol,side,price,qty,fee,liquidity\n';
  let rows = 0;
  for (const f of fills) {
    text += `${f.time_ms},${f.symbol},${f.side},${f.price},${f.qty},${f.fee},${f.liquidity}\n`;
    if (++rows % AT_ONCE !== 0) continue;
    yield text;
    text = '';
  }
  yield text;
}
