import { readFileSync } from 'node:fs';

/** A fill as engines write it: `time_ms,symbol,side,price,qty`. */
export interface WrittenFill {
  time_ms: number;
  symbol: string;
  side: string;
  price: number;
  qty: number;
}

/** Fills of a CSV, by symbol and then as written; what one moment traded at one price is one fill. */
export function readFills(path: string): WrittenFill[] {
  const [head, ...lines] = readFileSync(path, 'utf8').trim().split('\n');
  const at = (name: string) => head!.split(',').indexOf(name);
  const [time, symbol, side, price, qty] = ['time_ms', 'symbol', 'side', 'price', 'qty'].map(at) as number[];
  const bySymbol = new Map<string, WrittenFill[]>();
  for (const line of lines) {
    const v = line.split(',');
    const key = v[symbol!]!.replace(/^usdm:/, '');
    const f = {
      time_ms: Number(v[time!]),
      symbol: key,
      side: v[side!]!,
      price: Number(v[price!]),
      qty: Number(v[qty!]),
    };
    const list = bySymbol.get(key) ?? [];
    bySymbol.set(key, list);
    const last = list.at(-1);
    if (last && last.time_ms === f.time_ms && last.side === f.side && last.price === f.price)
      last.qty = Number((last.qty + f.qty).toFixed(9));
    else list.push(f);
  }
  return [...bySymbol.keys()].sort().flatMap((k) => bySymbol.get(k)!);
}

/** How the fills of a peer compare with ours; `tolerance` is in price units. */
export function compareFills(
  ours: readonly WrittenFill[],
  theirs: readonly WrittenFill[],
  tolerance = 0,
  timeToleranceMs = 0,
): { ok: boolean; same: number; found: string } {
  let same = 0;
  let first = '';
  const n = Math.max(ours.length, theirs.length);
  for (let i = 0; i < n; i++) {
    const [a, b] = [ours[i], theirs[i]];
    if (
      a &&
      b &&
      Math.abs(a.time_ms - b.time_ms) <= timeToleranceMs &&
      a.symbol === b.symbol &&
      a.side === b.side &&
      Math.abs(a.price - b.price) <= tolerance + 1e-12 * b.price &&
      Math.abs(a.qty - b.qty) < 1e-9
    )
      same++;
    else if (first === '') first = `fill ${i}: ${JSON.stringify(b ?? null)}, ours ${JSON.stringify(a ?? null)}`;
  }
  return {
    ok: same === n && n > 0,
    same,
    found: same === n ? `${n} fills, all the same` : `${same} of ${n} the same; ${first}`,
  };
}
