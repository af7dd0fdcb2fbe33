import type { PricePoints } from './price-feed.ts';

/** A stretch is not longer: what happens in it, or where a bucket of time ends in it, has to be looked for point by point. */
const MOST = 64;
/** Buckets of an hour and longer begin where a stretch does. */
const HOUR_US = 3.6e9;

/**
 * Prices that follow one another in one instrument, each the only one of its moment, with the lowest and the highest of them: who holds the
 * same all the while needs no others. Found once for all that hold something. Rows of columns that are used again.
 */
export class PriceStretches {
  n = 0;
  /** Points [from, to). */
  from = new Int32Array(64);
  to = new Int32Array(64);
  /** The first of the lowest and of the highest prices. */
  low = new Int32Array(64);
  high = new Int32Array(64);

  /** Those among the first `end` of the points. */
  find(points: PricePoints, end: number): void {
    // Each has a point or more.
    if (this.from.length < end)
      for (const column of ['from', 'to', 'low', 'high'] as const) this[column] = new Int32Array(2 * end);
    this.n = findStretches(points, end, this);
  }
}

/** A loop on its own: V8 compiles it for all calls, and what calls it now and then is left alone. @returns how many there are */
function findStretches({ t, key, px, n: all }: PricePoints, end: number, found: PriceStretches): number {
  const { from, to, low, high } = found;
  let n = 0;
  for (let i = 0; i < end; ) {
    const k = key[i]!;
    const most = Math.min(end, i + MOST);
    const until = (Math.floor(t[i]! / HOUR_US) + 1) * HOUR_US;
    let l = i;
    let h = i;
    let j = i;
    for (; j < most && key[j] === k && t[j]! < until && !(j + 1 < all && t[j + 1] === t[j]); j++) {
      const p = px[j]!;
      if (p < px[l]!) l = j;
      else if (p > px[h]!) h = j;
    }
    if (j > i) {
      from[n] = i;
      to[n] = j;
      low[n] = l;
      high[n++] = h;
      i = j;
    } else {
      // Several of one moment.
      const at = t[i]!;
      while (i < end && t[i] === at) i++;
    }
  }
  return n;
}
