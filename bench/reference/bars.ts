import { decimal, type Frame, units } from './recording.ts';

/** Bars of one instrument's trades, the plain way, in BigInt where sums of products grow large. */
interface Print {
  id: number;
  time: number;
  px: number;
  qty: number;
  buy: boolean;
}
const DIGITS = 8;

/** Trades that count: on the market, in order of the file; an aggregate is one trade. */
function printsOf(frames: readonly Frame[]): Print[] {
  return frames
    .filter((f) => f.stream === 'trade' && (f.data.X === undefined || f.data.X === 'MARKET'))
    .map(({ data: d }) => ({
      id: d.t ?? d.a,
      time: d.T,
      px: units(d.p, DIGITS),
      qty: units(d.q, DIGITS),
      buy: d.m === false,
    }));
}

/** `start,end,open,high,low,close,volume,quote,trades,buy_volume,first_id,last_id` */
function row(prints: readonly Print[], start: number, end: number): string {
  let volume = 0;
  let bought = 0;
  let quote = 0n;
  let high = prints[0]!.px;
  let low = high;
  for (const p of prints) {
    volume += p.qty;
    if (p.buy) bought += p.qty;
    quote += BigInt(p.px) * BigInt(p.qty);
    if (p.px > high) high = p.px;
    if (p.px < low) low = p.px;
  }
  const [first, last] = [prints[0]!, prints.at(-1)!];
  const money = [first.px, high, low, last.px, volume].map((x) => decimal(x, DIGITS));
  return [
    start,
    end,
    ...money,
    decimal(quote, 2 * DIGITS),
    prints.length,
    decimal(bought, DIGITS),
    first.id,
    last.id,
  ].join(',');
}

export function timeBars(frames: readonly Frame[], widthMs: number): string[] {
  const buckets = new Map<number, Print[]>();
  for (const p of printsOf(frames)) {
    const start = Math.floor(p.time / widthMs) * widthMs;
    const of = buckets.get(start);
    if (of) of.push(p);
    else buckets.set(start, [p]);
  }
  return [...buckets].sort(([a], [b]) => a - b).map(([start, prints]) => row(prints, start, start + widthMs));
}
export function tickBars(frames: readonly Frame[], size: number): string[] {
  const prints = printsOf(frames);
  const out: string[] = [];
  for (let i = 0; i + size <= prints.length; i += size) {
    const of = prints.slice(i, i + size);
    out.push(row(of, of[0]!.time, of.at(-1)!.time));
  }
  return out;
}
export function volumeBars(frames: readonly Frame[], threshold: string): string[] {
  const limit = units(threshold, DIGITS);
  const out: string[] = [];
  let of: Print[] = [];
  let sum = 0;
  for (const p of printsOf(frames)) {
    of.push(p);
    sum += p.qty;
    if (sum < limit) continue;
    out.push(row(of, of[0]!.time, p.time));
    of = [];
    sum = 0;
  }
  return out;
}
