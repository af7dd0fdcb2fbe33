import fc from 'fast-check';
import { Drive } from '../../../graph/testing/drive.ts';
import type { timeBars } from '../time-bars.ts';

export type Row = Record<string, unknown>;
export interface T {
  id: number;
  time_ms: number;
  px: number;
  qty: number;
  side: 'buy' | 'sell';
}
export const trade = (t: Partial<T> & { id: number }, more: Row = {}): Row => ({
  px: 100,
  qty: 1,
  side: 'buy',
  time_ms: t.id,
  event_ms: Number.NaN,
  on_market: true,
  agg: false,
  first_id: t.id,
  last_id: t.id,
  ...t,
  ...more,
});
/** Bars by a plain reading of the definition: group, then reduce. */
export function bar(ts: readonly T[], start = ts[0]!.time_ms, end = ts.at(-1)!.time_ms): Row {
  const px = ts.map((t) => t.px);
  const sum = (xs: readonly T[], f: (t: T) => number) => xs.reduce((a, t) => a + f(t), 0);
  return {
    start,
    end,
    open: px[0],
    high: Math.max(...px),
    low: Math.min(...px),
    close: px.at(-1),
    volume: sum(ts, (t) => t.qty),
    quote: sum(ts, (t) => t.px * t.qty),
    trades: ts.length,
    buy_volume: sum(
      ts.filter((t) => t.side === 'buy'),
      (t) => t.qty,
    ),
    first_id: ts[0]!.id,
    last_id: ts.at(-1)!.id,
  };
}
export function timeReference(ts: readonly T[], width: number): Row[] {
  const groups = new Map<number, T[]>();
  for (const t of ts) {
    const start = Math.floor(t.time_ms / width) * width;
    groups.set(start, [...(groups.get(start) ?? []), t]);
  }
  return [...groups].map(([start, group]) => bar(group, start, start + width));
}
export function sumReference(ts: readonly T[], amount: (t: T) => number, threshold: number): Row[] {
  const out: Row[] = [];
  let group: T[] = [];
  for (const t of ts) {
    group.push(t);
    if (group.reduce((a, x) => a + amount(x), 0) < threshold) continue;
    out.push(bar(group));
    group = [];
  }
  return out;
}
export const tape = fc
  .array(
    fc.record({
      dt: fc.integer({ min: 0, max: 700 }),
      px: fc.integer({ min: 1, max: 9_000_000 }),
      qty: fc.integer({ min: 1, max: 9_000 }),
      buy: fc.boolean(),
    }),
    { maxLength: 80 },
  )
  .map((steps): T[] => {
    let time_ms = 1_700_000_000_123;
    return steps.map(({ dt, px, qty, buy }, id) => {
      time_ms += dt;
      return { id: id + 7, time_ms, px, qty, side: buy ? 'buy' : 'sell' };
    });
  });
export const drive = (node: unknown, config: Row, ts: readonly T[]): Row[] => {
  const d = new Drive(node as typeof timeBars, config);
  for (const t of ts) d.send(t.time_ms * 1000, { trade: trade(t) });
  d.end();
  return d.on('bar');
};
