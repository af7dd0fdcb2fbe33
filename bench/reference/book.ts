import { decimal, type Frame, units } from './recording.ts';

/** The book of one instrument, rebuilt the plain way: a map of levels and a sorted list of prices per side. */
const PX = 8;
const QTY = 8;

class Side {
  /** Ascending. */
  readonly prices: number[] = [];
  readonly qty = new Map<number, number>();

  set(px: number, qty: number): void {
    if (!this.qty.has(px)) {
      if (qty === 0) return;
      this.prices.splice(this.#at(px), 0, px);
    }
    if (qty === 0) {
      this.qty.delete(px);
      this.prices.splice(this.#at(px), 1);
    } else this.qty.set(px, qty);
  }
  clear(): void {
    this.prices.length = 0;
    this.qty.clear();
  }
  #at(px: number): number {
    let [low, high] = [0, this.prices.length];
    while (low < high) {
      const mid = (low + high) >> 1;
      if (this.prices[mid]! < px) low = mid + 1;
      else high = mid;
    }
    return low;
  }
}

export interface BookOutcome {
  /** After each applied diff: `u,bid_px,bid_qty,ask_px,ask_qty`. */
  top: string[];
  /** The same moments: `u`, five levels of bids and of asks, the quantities within 10 bp of mid. */
  depth: string[];
  /** Book tickers that carry the `u` of an applied diff, and how many of them agree in price and size. */
  tickers: number;
  agreeing: number;
  crossed: number;
  /** Diffs that do not continue the one before. */
  gaps: number;
}

/** @param frames of one instrument */
export function rebuildBook(frames: readonly Frame[], pxDigits: number): BookOutcome {
  const bids = new Side();
  const asks = new Side();
  const out: BookOutcome = { top: [], depth: [], tickers: 0, agreeing: 0, crossed: 0, gaps: 0 };
  const waiting: Frame['data'][] = [];
  const topOf = new Map<number, string>();
  let live = false;
  let base: number | undefined;
  let last = -1;
  const load = (side: Side, levels: readonly (readonly [string, string])[]) => {
    for (const [px, qty] of levels) side.set(units(px, pxDigits), units(qty, QTY));
  };
  const apply = (d: Frame['data']): void => {
    const usdm = d.pu !== undefined;
    if (base === undefined || (usdm ? d.u < base : d.u <= base)) return;
    const joins = live
      ? usdm
        ? d.pu === last
        : d.U === last + 1
      : usdm
        ? d.U <= base || d.pu <= base
        : d.U <= base + 1;
    if (!joins) out.gaps++;
    live = true;
    last = d.u;
    load(bids, d.b);
    load(asks, d.a);
    const bid = bids.prices.at(-1)!;
    const ask = asks.prices[0]!;
    if (bid >= ask) out.crossed++;
    const level = (side: Side, px: number | undefined) =>
      px === undefined ? [',', ''].join('') : `${decimal(px, pxDigits)},${decimal(side.qty.get(px)!, QTY)}`;
    const top = `${level(bids, bid)},${level(asks, ask)}`;
    topOf.set(d.u, top);
    out.top.push(`${d.u},${top}`);
    const five = [0, 1, 2, 3, 4];
    out.depth.push(
      [
        d.u,
        ...five.map((i) => level(bids, bids.prices[bids.prices.length - 1 - i])),
        ...five.map((i) => level(asks, asks.prices[i])),
        decimal(within(bids, bids.prices.length - 1, -1, bid + ask), QTY),
        decimal(within(asks, 0, 1, bid + ask), QTY),
      ].join(','),
    );
  };
  for (const { stream, data } of frames) {
    if (stream === 'depth_snapshot' && base === undefined) {
      base = data.lastUpdateId as number;
      load(bids, data.bids);
      load(asks, data.asks);
      for (const d of waiting) apply(d);
    } else if (stream === 'depth') {
      if (base === undefined) waiting.push(data);
      else apply(data);
    }
  }
  for (const { stream, data } of frames) {
    if (stream !== 'book_ticker' || !topOf.has(data.u)) continue;
    out.tickers++;
    const quote = [data.b, data.B, data.a, data.A].map((x: string) => decimal(units(x, PX), PX)).join(',');
    if (topOf.get(data.u) === quote) out.agreeing++;
  }
  return out;
}

/** Quantity within 10 bp of mid, bounds included: |2 px − (bid + ask)| · 1000 ≤ bid + ask, in whole numbers. */
function within(side: Side, from: number, step: number, twiceMid: number): number {
  let sum = 0;
  const bound = BigInt(twiceMid);
  for (let i = from; i >= 0 && i < side.prices.length; i += step) {
    const px = side.prices[i]!;
    if (BigInt(Math.abs(2 * px - twiceMid)) * 1000n > bound) break;
    sum += side.qty.get(px)!;
  }
  return sum;
}

/** The most decimals, without trailing zeros, of any price of these frames. */
export function priceDigits(frames: readonly Frame[]): number {
  let most = 0;
  const see = (px: string) => {
    const dot = px.indexOf('.');
    if (dot < 0) return;
    let end = px.length;
    while (px[end - 1] === '0') end--;
    most = Math.max(most, end - dot - 1);
  };
  for (const { stream, data } of frames)
    if (stream === 'depth') for (const [px] of [...data.b, ...data.a]) see(px);
    else if (stream === 'depth_snapshot') for (const [px] of [...data.bids, ...data.asks]) see(px);
  return most;
}
