import type { PricePoints } from './price-feed.ts';

/** A stretch is not longer: what happens in it, or where a bucket of time ends in it, has to be looked for point by point. */
const MOST = 64;
/** Buckets of an hour and longer begin where a stretch does. */
const HOUR_US = 3.6e9;
const FIRST_ROOM = 1024;

/**
 * Prices that follow one another in one instrument, each the only one of its moment: whoever joins prices finds them once. With
 * `bounded`, short ones with their lowest and highest price, which do for all of them to who holds the same all the while. That pays when
 * many join the same prices; for one it is more to compile than it spares. Rows of columns that are used again.
 */
export class PriceStretches {
  n = 0;
  /** Points [from, to). */
  from = new Int32Array(FIRST_ROOM);
  to = new Int32Array(FIRST_ROOM);
  /** The first of the lowest and of the highest prices; of bounded ones. */
  low = new Int32Array(FIRST_ROOM);
  high = new Int32Array(FIRST_ROOM);
  readonly bounded: boolean;
  constructor(bounded: boolean) {
    this.bounded = bounded;
  }

  /** Those among the first `end` of the points. */
  find(points: PricePoints, end: number): void {
    this.n = 0;
    for (let at = 0; at < end; ) {
      at = this.bounded ? findBounded(points, at, end, this) : find(points, at, end, this);
      if (at < end) this.#grow();
    }
  }
  #grow(): void {
    for (const column of ['from', 'to', 'low', 'high'] as const) {
      const grown = new Int32Array(2 * this[column].length);
      grown.set(this[column]);
      this[column] = grown;
    }
  }
  /** Where those end that follow stretch `i` in the same instrument, without a price of another one between them. */
  endOfRun(i: number, key: Int32Array): number {
    const k = key[this.from[i]!]!;
    let last = i;
    while (last + 1 < this.n && this.from[last + 1] === this.to[last] && key[this.from[last + 1]!] === k) last++;
    return this.to[last]!;
  }
}

// Loops on their own: V8 compiles them for all calls, and what calls them now and then is left alone. They go on until there
// is no room for another one, and return where.

function find({ t, key, n: all }: PricePoints, at: number, end: number, found: PriceStretches): number {
  const { from, to } = found;
  let { n } = found;
  let i = at;
  while (i < end && n < from.length) {
    const k = key[i]!;
    const start = i;
    while (i < end && key[i] === k && !(i + 1 < all && t[i + 1] === t[i])) i++;
    if (i > start) {
      from[n] = start;
      to[n++] = i;
    } else i = endOfMoment(t, i, end);
  }
  found.n = n;
  return i;
}
function findBounded({ t, key, px, n: all }: PricePoints, at: number, end: number, found: PriceStretches): number {
  const { from, to, low, high } = found;
  let { n } = found;
  let i = at;
  while (i < end && n < from.length) {
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
    } else i = endOfMoment(t, i, end);
  }
  found.n = n;
  return i;
}
function endOfMoment(t: Float64Array, from: number, end: number): number {
  const at = t[from]!;
  let i = from;
  while (i < end && t[i] === at) i++;
  return i;
}
