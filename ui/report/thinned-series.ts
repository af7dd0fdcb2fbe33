/** Points of a series that may be kept before neighbours are merged. */
const LIMIT = 32_768;
/** Widths of a bucket, µs: each divides the next sampling interval of the ratios (second, minute, hour, day), so that the last equity of every interval survives. */
const WIDTHS = [
  1e3, 1e4, 1e5, 5e5, 1e6, 5e6, 1e7, 3e7, 6e7, 3e8, 9e8, 3.6e9, 1.08e10, 2.16e10, 4.32e10, 8.64e10,
] as const;

/** Points of a bucket beyond which it is thinned before it is over. */
const MOST_IN_BUCKET = 64;

/**
 * A step series in bounded memory: per bucket of time first, lowest, highest and last point; buckets double when full. Typed
 * columns with a count of their own: points come and go a million times, which plain arrays pay for.
 */
export class ThinnedSeries {
  #t = new Float64Array(256);
  #v = new Float64Array(256);
  #n = 0;
  /** Width of a bucket, µs; 0 = everything is kept. */
  #width = 0;
  /** Where the points of the last bucket begin, and which times are in it. */
  #from = 0;
  #bucketStart = Number.POSITIVE_INFINITY;
  #bucketEnd = Number.NEGATIVE_INFINITY;
  add(t: number, v: number): void {
    const n = this.#n;
    if (n > 0 && this.#t[n - 1] === t) {
      this.#v[n - 1] = v;
      return;
    }
    if (this.#width > 0) {
      if (!(t >= this.#bucketStart && t < this.#bucketEnd)) {
        this.#squeeze();
        this.#bucketStart = Math.floor(t / this.#width) * this.#width;
        this.#bucketEnd = this.#bucketStart + this.#width;
        this.#from = this.#n;
      } else if (n - this.#from > MOST_IN_BUCKET) this.#squeeze();
    }
    this.#push(t, v);
    if (this.#n > LIMIT) this.#widen();
  }
  /** `add` for the times t[from], t[from + 1], … and the first n values. */
  addMany(t: Float64Array, v: Float64Array, from: number, n: number): void {
    for (let i = 0; i < n; i++) {
      const thin = this.#width > 0;
      const start = thin ? this.#bucketStart : Number.NEGATIVE_INFINITY;
      const end = thin ? this.#bucketEnd : Number.POSITIVE_INFINITY;
      // Up to here points are just added: no bucket is full, nothing grows.
      const room = Math.min(this.#t.length, LIMIT, thin ? this.#from + MOST_IN_BUCKET + 1 : this.#t.length);
      const before = this.#n;
      const most = Math.min(n - i, room - before);
      const to = append(this.#t, this.#v, before, t, v, from + i, i, most, start, end);
      this.#n = to;
      i += to - before;
      if (i < n) this.add(t[from + i]!, v[i]!);
    }
  }
  series(): { t: number[]; v: number[] } {
    return { t: Array.from(this.#t.subarray(0, this.#n)), v: Array.from(this.#v.subarray(0, this.#n)) };
  }
  #push(t: number, v: number): void {
    if (this.#n === this.#t.length) {
      const [ts, vs] = [this.#t, this.#v];
      this.#t = new Float64Array(2 * this.#n);
      this.#v = new Float64Array(2 * this.#n);
      this.#t.set(ts);
      this.#v.set(vs);
    }
    this.#t[this.#n] = t;
    this.#v[this.#n++] = v;
  }
  /** Keeps of the points since `from` the first, the lowest, the highest and the last. */
  #squeeze(): void {
    this.#n = squeeze(this.#t, this.#v, this.#from, this.#n);
  }
  #widen(): void {
    const n = this.#n;
    const span = this.#t[n - 1]! - this.#t[0]!;
    // Four points survive per bucket: as many buckets as leave half of the room free.
    const least = Math.max((span * 8) / LIMIT, this.#width + 1);
    this.#width = WIDTHS.find((w) => w >= least) ?? Math.ceil(least / 8.64e10) * 8.64e10;
    const left = thin(this.#t, this.#v, n, this.#width);
    this.#bucketStart = Math.floor(this.#t[left - 1]! / this.#width) * this.#width;
    this.#bucketEnd = this.#bucketStart + this.#width;
    let from = left - 1;
    while (from > 0 && this.#t[from - 1]! >= this.#bucketStart) from--;
    this.#from = from;
    this.#n = left;
  }
}

// Loops over columns, on their own: V8 compiles these, small as they are, and never has to take back what it assumed.

/**
 * Up to `most` points behind the first `n`, as long as they are of the bucket [start, end) and each of a time of its own.
 * @returns how many there are then
 */
function append(
  times: Float64Array,
  values: Float64Array,
  n: number,
  t: Float64Array,
  v: Float64Array,
  tFrom: number,
  vFrom: number,
  most: number,
  start: number,
  end: number,
): number {
  let last = n > 0 ? times[n - 1]! : Number.NaN;
  let i = 0;
  for (; i < most; i++) {
    const at = t[tFrom + i]!;
    if (at === last || !(at >= start && at < end)) break;
    times[n + i] = at;
    values[n + i] = v[vFrom + i]!;
    last = at;
  }
  return n + i;
}

/** Keeps of the points [from, n) the first, the lowest, the highest and the last. @returns how many points there are then */
function squeeze(t: Float64Array, v: Float64Array, from: number, n: number): number {
  const last = n - 1;
  if (last - from < 4) return n;
  let low = from;
  let high = from;
  for (let i = from + 1; i <= last; i++) {
    if (v[i]! < v[low]!) low = i;
    if (v[i]! > v[high]!) high = i;
  }
  const a = low < high ? low : high;
  const b = low < high ? high : low;
  let to = from + 1;
  if (a > from) {
    t[to] = t[a]!;
    v[to++] = v[a]!;
  }
  if (b > a) {
    t[to] = t[b]!;
    v[to++] = v[b]!;
  }
  if (last > b) {
    t[to] = t[last]!;
    v[to++] = v[last]!;
  }
  return to;
}

/**
 * The first `n` points, of ascending times, again: in buckets of `width`, in place. @returns how many points are left
 */
function thin(t: Float64Array, v: Float64Array, n: number, width: number): number {
  let to = 0;
  let from = 0;
  let until = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < n; i++) {
    const at = t[i]!;
    if (at >= until) {
      to = squeeze(t, v, from, to);
      until = Math.floor(at / width) * width + width;
      from = to;
    } else if (to - from > MOST_IN_BUCKET) to = squeeze(t, v, from, to);
    t[to] = at;
    v[to++] = v[i]!;
  }
  return to;
}
