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
  readonly #bucket = new Bucket();

  add(t: number, v: number): void {
    const b = this.#bucket;
    if (t >= b.start && t < b.end) addTo(b, t, v);
    else if (this.#width > 0) this.#next(t, v);
    else if (this.#n > 0 && this.#t[this.#n - 1] === t) this.#v[this.#n - 1] = v;
    else {
      this.#push(t, v);
      if (this.#n > LIMIT) this.#widen();
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
        const to = endOfTimes(t, from + i, from + n, this.#bucket.end) - from;
        if (to > i) addAll(this.#bucket, t, v, from, i, to);
        i = to;
      }
    }
  }
  get thins(): boolean {
    return this.#width > 0;
  }
  /** Whether points of all these times, which are behind the last one, come into one bucket. */
  merges(from: number, to: number): boolean {
    const { end } = this.#bucket;
    return to < end || (this.#width > 0 && from >= end && to < (Math.floor(from / this.#width) + 1) * this.#width);
  }
  /** `add` for points that come into one bucket: the first, the first lowest and the first highest, in order of time, and the last do for all. */
  addStretch(t: number, v: number, ta: number, va: number, tb: number, vb: number, last: number, vLast: number): void {
    this.add(t, v);
    const b = this.#bucket;
    if (ta > t && ta < last) addTo(b, ta, va);
    if (tb > ta && tb < last) addTo(b, tb, vb);
    if (last > t) addTo(b, last, vLast);
  }
  series(): { t: number[]; v: number[] } {
    // Its last point may still be replaced.
    const n = this.#end(Object.assign(new Bucket(), this.#bucket));
    return { t: listOf(this.#t, n), v: listOf(this.#v, n) };
  }

  /** Puts what is kept of a bucket behind the points. @returns how many there are with it */
  #end(bucket: Bucket): number {
    if (this.#width === 0) return this.#n;
    this.#reach(this.#n + 4);
    return keep(bucket, this.#t, this.#v, this.#n);
  }
  /** A point of a later bucket. */
  #next(t: number, v: number): void {
    this.#n = this.#end(this.#bucket);
    if (this.#n > LIMIT) {
      this.#widen();
      this.add(t, v);
    } else this.#bucket.open(Math.floor(t / this.#width) * this.#width, this.#width, t, v);
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
    this.#bucket.open(Math.floor(t[0]! / this.#width) * this.#width, this.#width, t[0]!, v[0]!);
    this.addMany(t, v.subarray(1), 1, n - 1);
  }
}

/** The bucket that is not over yet. Its last point may still be replaced, and is not yet among lowest and highest. */
class Bucket {
  /** Times [start, end) are in it; none at first. */
  start = Number.POSITIVE_INFINITY;
  end = Number.NEGATIVE_INFINITY;
  firstT = 0;
  firstV = 0;
  lowT = 0;
  lowV = 0;
  highT = 0;
  highV = 0;
  lastT = 0;
  lastV = 0;
  open(start: number, width: number, t: number, v: number): void {
    this.start = start;
    this.end = start + width;
    this.firstT = this.lowT = this.highT = this.lastT = t;
    this.firstV = this.lowV = this.highV = this.lastV = v;
  }
}

/** A point behind the last one, or in its place. */
function addTo(b: Bucket, t: number, v: number): void {
  if (t > b.lastT) settle(b);
  else if (t === b.firstT) b.firstV = b.lowV = b.highV = v;
  b.lastT = t;
  b.lastV = v;
}
/** The last point is not replaced any more. */
function settle(b: Bucket): void {
  const { lastT: t, lastV: v } = b;
  if (v < b.lowV) {
    b.lowT = t;
    b.lowV = v;
  }
  if (v > b.highV) {
    b.highT = t;
    b.highV = v;
  }
}
/** The points of the times t[from + i], … and the values v[i], … up to `to`, all of the bucket and behind its last one. */
function addAll(b: Bucket, t: Float64Array, v: Float64Array, from: number, i: number, to: number): void {
  settle(b);
  const low = lowest(v, i, to - 1, b.lowV);
  const high = highest(v, i, to - 1, b.highV);
  if (low >= 0) {
    b.lowT = t[from + low]!;
    b.lowV = v[low]!;
  }
  if (high >= 0) {
    b.highT = t[from + high]!;
    b.highV = v[high]!;
  }
  b.lastT = t[from + to - 1]!;
  b.lastV = v[to - 1]!;
}
/** Puts what is kept of a bucket behind the first n points: first, lowest, highest and last, each once. @returns how many points there are then */
function keep(b: Bucket, t: Float64Array, v: Float64Array, n: number): number {
  settle(b);
  let to = put(t, v, n, b.firstT, b.firstV);
  const lowFirst = b.lowT < b.highT;
  const aT = lowFirst ? b.lowT : b.highT;
  if (aT > b.firstT) to = put(t, v, to, aT, lowFirst ? b.lowV : b.highV);
  const bT = lowFirst ? b.highT : b.lowT;
  if (bT > aT) to = put(t, v, to, bT, lowFirst ? b.highV : b.lowV);
  return b.lastT > bT ? put(t, v, to, b.lastT, b.lastV) : to;
}
function put(times: Float64Array, values: Float64Array, n: number, t: number, v: number): number {
  times[n] = t;
  values[n] = v;
  return n + 1;
}

// Loops over columns, on their own: V8 compiles these, small as they are, and never has to take back what it assumed.

/** `Array.from` goes through an iterator, ten times as slowly. */
function listOf(column: Float64Array, n: number): number[] {
  const list: number[] = [];
  for (let i = 0; i < n; i++) list.push(column[i]!);
  return list;
}
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
