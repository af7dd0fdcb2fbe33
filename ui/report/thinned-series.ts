/** Points of a series that may be kept before neighbours are merged. */
const LIMIT = 32_768;
/** Widths of a bucket, µs: each divides the next sampling interval of the ratios (second, minute, hour, day), so that the last equity of every interval survives. */
const WIDTHS = [
  1e3, 1e4, 1e5, 5e5, 1e6, 5e6, 1e7, 3e7, 6e7, 3e8, 9e8, 3.6e9, 1.08e10, 2.16e10, 4.32e10, 8.64e10,
] as const;

/**
 * A step series in bounded memory: of each bucket of time the first, lowest, highest and last point; buckets widen when there are too many.
 * What is kept depends on the points alone, not on how many of them are handed over at once. Times do not go back; a point of the
 * time of the one before replaces it.
 */
export class ThinnedSeries {
  /** Points of buckets that are over; without buckets all of them. */
  #t = new Float64Array(256);
  #v = new Float64Array(256);
  #n = 0;
  /** Width of a bucket, µs; 0 = everything is kept. */
  #width = 0;
  /** Which times are in the bucket that is not over yet. */
  #start = Number.POSITIVE_INFINITY;
  #end = Number.NEGATIVE_INFINITY;
  /** Its points: `#last` may still be replaced, so that it is not yet among lowest and highest. */
  readonly #first = new Point();
  readonly #low = new Point();
  readonly #high = new Point();
  readonly #last = new Point();

  add(t: number, v: number): void {
    if (this.#width === 0) {
      if (this.#n > 0 && this.#t[this.#n - 1] === t) this.#v[this.#n - 1] = v;
      else this.#push(t, v);
      if (this.#n > LIMIT) this.#widen();
    } else if (t >= this.#start && t < this.#end) {
      if (t > this.#last.t) this.#settle();
      else if (t === this.#first.t) this.#first.set(t, v);
      this.#last.set(t, v);
    } else {
      this.#close();
      if (this.#n > LIMIT) {
        this.#widen();
        this.add(t, v);
      } else this.#open(t, v);
    }
  }
  /** `add` for the times t[from], t[from + 1], …, none of them twice, and the first n values. */
  addMany(t: Float64Array, v: Float64Array, from: number, n: number): void {
    for (let i = 0; i < n; ) {
      this.add(t[from + i]!, v[i]!);
      i++;
      if (i === n) return;
      if (this.#width === 0) {
        // The last one may be what makes it too many.
        const most = Math.min(n - i, LIMIT - this.#n);
        if (most < 1) continue;
        this.#reach(this.#n + most);
        this.#t.set(t.subarray(from + i, from + i + most), this.#n);
        this.#v.set(v.subarray(i, i + most), this.#n);
        this.#n += most;
        i += most;
      } else {
        const to = endOfTimes(t, from + i, from + n, this.#end) - from;
        if (to === i) continue;
        this.#settle();
        const low = lowest(v, i, to - 1, this.#low.v);
        const high = highest(v, i, to - 1, this.#high.v);
        if (low >= 0) this.#low.set(t[from + low]!, v[low]!);
        if (high >= 0) this.#high.set(t[from + high]!, v[high]!);
        this.#last.set(t[from + to - 1]!, v[to - 1]!);
        i = to;
      }
    }
  }
  /** Whether points of all these times, which are behind the last one, come into one bucket: then its first, lowest, highest and last do for all of them. */
  merges(from: number, to: number): boolean {
    if (this.#width === 0) return false;
    return to < (from < this.#end ? this.#end : (Math.floor(from / this.#width) + 1) * this.#width);
  }
  series(): { t: number[]; v: number[] } {
    const t = Array.from(this.#t.subarray(0, this.#n));
    const v = Array.from(this.#v.subarray(0, this.#n));
    for (const p of this.#kept()) {
      t.push(p.t);
      v.push(p.v);
    }
    return { t, v };
  }

  #open(t: number, v: number): void {
    this.#start = Math.floor(t / this.#width) * this.#width;
    this.#end = this.#start + this.#width;
    for (const p of [this.#first, this.#low, this.#high, this.#last]) p.set(t, v);
  }
  /** The last point is not replaced any more. */
  #settle(): void {
    const { t, v } = this.#last;
    // The first is low and high of a bucket whose only point it is, with the value that it has by now.
    if (t === this.#first.t) {
      this.#low.set(t, v);
      this.#high.set(t, v);
    } else {
      if (v < this.#low.v) this.#low.set(t, v);
      if (v > this.#high.v) this.#high.set(t, v);
    }
  }
  /** What is kept of the bucket that is not over yet. */
  #kept(): Point[] {
    if (this.#end === Number.NEGATIVE_INFINITY) return [];
    this.#settle();
    const [a, b] = this.#low.t < this.#high.t ? [this.#low, this.#high] : [this.#high, this.#low];
    const kept = [this.#first];
    for (const p of [a, b, this.#last]) if (p.t > kept.at(-1)!.t) kept.push(p);
    return kept;
  }
  #close(): void {
    for (const p of this.#kept()) this.#push(p.t, p.v);
    this.#end = Number.NEGATIVE_INFINITY;
  }
  #push(t: number, v: number): void {
    this.#reach(this.#n + 1);
    this.#t[this.#n] = t;
    this.#v[this.#n++] = v;
  }
  #reach(n: number): void {
    if (n <= this.#t.length) return;
    const [ts, vs] = [this.#t, this.#v];
    this.#t = new Float64Array(Math.max(n, 2 * ts.length));
    this.#v = new Float64Array(this.#t.length);
    this.#t.set(ts);
    this.#v.set(vs);
  }
  #widen(): void {
    const [n, t, v] = [this.#n, this.#t, this.#v];
    const span = t[n - 1]! - t[0]!;
    // Four points survive per bucket: as many buckets as leave half of the room free.
    const least = Math.max((span * 8) / LIMIT, this.#width + 1);
    this.#width = WIDTHS.find((w) => w >= least) ?? Math.ceil(least / 8.64e10) * 8.64e10;
    // In place: no more points are written than were read before.
    this.#n = 0;
    for (let i = 0; i < n; i++) this.add(t[i]!, v[i]!);
  }
}

class Point {
  t = 0;
  v = 0;
  set(t: number, v: number): void {
    this.t = t;
    this.v = v;
  }
}

// Loops over columns, on their own: V8 compiles these, small as they are, and never has to take back what it assumed.

function endOfTimes(t: Float64Array, from: number, to: number, end: number): number {
  let i = from;
  while (i < to && t[i]! < end) i++;
  return i;
}
/** The first of the lowest values of [from, to) that are below `than`, or -1. */
function lowest(v: Float64Array, from: number, to: number, than: number): number {
  let at = -1;
  let low = than;
  for (let i = from; i < to; i++)
    if (v[i]! < low) {
      low = v[i]!;
      at = i;
    }
  return at;
}
/** The first of the highest values of [from, to) that are above `than`, or -1. */
function highest(v: Float64Array, from: number, to: number, than: number): number {
  let at = -1;
  let high = than;
  for (let i = from; i < to; i++)
    if (v[i]! > high) {
      high = v[i]!;
      at = i;
    }
  return at;
}
