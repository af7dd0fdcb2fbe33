import type { Drawdown } from './data.ts';
import { MONEY_SCALE } from './decimal.ts';
import { DrawdownTracker } from './drawdown.ts';

/** Points of a series that may be kept before neighbours are merged. */
const LIMIT = 32_768;
/** Widths of a bucket, µs: each divides the next sampling interval of the ratios (second, minute, hour, day), so that the last equity of every interval survives. */
const WIDTHS = [
  1e3, 1e4, 1e5, 5e5, 1e6, 5e6, 1e7, 3e7, 6e7, 3e8, 9e8, 3.6e9, 1.08e10, 2.16e10, 4.32e10, 8.64e10,
] as const;

/** Points of a bucket beyond which it is thinned before it is over. */
const MOST_IN_BUCKET = 64;

/** What is worked on at once. */
const AT_ONCE = 1024;
const COLUMNS = {
  equity: new Float64Array(AT_ONCE),
  gross: new Float64Array(AT_ONCE),
  net: new Float64Array(AT_ONCE),
};

/** What is held at each of n prices, into COLUMNS. A loop on its own, as are others here: V8 compiles these, and not what calls them now and then. */
function valueAll(px: Float64Array, from: number, n: number, qty: number, cost: number, wallet: number): void {
  const { equity, gross, net } = COLUMNS;
  for (let j = 0; j < n; j++) {
    const value = qty * px[from + j]!;
    equity[j] = wallet + Math.round((0 + (value - cost)) * MONEY_SCALE);
    gross[j] = Math.round(Math.abs(value) * MONEY_SCALE);
    net[j] = Math.round((0 + value) * MONEY_SCALE);
  }
}

/** What is held of each instrument, in columns by key. */
class Holdings {
  /** In units, signed. */
  qty = new Float64Array(16);
  /** Price × quantity at entry, signed. */
  cost = new Float64Array(16);
  /** NaN: none yet. */
  px = new Float64Array(16).fill(Number.NaN);
  /** Keys with a quantity, in the order in which they got it. */
  readonly open: number[] = [];

  has = (key: number): boolean => key < this.px.length;
  price(key: number, px: number): void {
    this.#reach(key);
    this.px[key] = px;
  }
  set(key: number, qty: number, cost: number): void {
    this.#reach(key);
    this.qty[key] = qty;
    this.cost[key] = cost;
    const i = this.open.indexOf(key);
    if (qty !== 0 && i < 0) this.open.push(key);
    else if (qty === 0 && i >= 0) this.open.splice(i, 1);
  }
  #reach(key: number): void {
    if (this.has(key)) return;
    const { qty, cost, px } = this;
    this.qty = new Float64Array(2 * key);
    this.cost = new Float64Array(2 * key);
    this.px = new Float64Array(2 * key).fill(Number.NaN);
    this.qty.set(qty);
    this.cost.set(cost);
    this.px.set(px);
  }
}

/** The times of the moments that `valueMoments` found. */
const MOMENTS = new Float64Array(AT_ONCE);

/** The last end of a moment up to `most`, or of the moment of `from` if that is longer; at most `to`. */
function endOfMoments(t: Float64Array, from: number, to: number, most: number): number {
  if (to <= most) return to;
  let end = most;
  while (end > from && t[end] === t[end - 1]) end--;
  if (end > from) return end;
  end = most;
  while (end < to && t[end] === t[end - 1]) end++;
  return end;
}
function pricesOf(keys: Int32Array, px: Float64Array, from: number, to: number, held: Float64Array): void {
  for (let i = from; i < to; i++) held[keys[i]!] = px[i]!;
}
/** What is held at the end of each moment of prices [from, to), into MOMENTS and COLUMNS. @returns how many moments there are */
function valueMoments(
  t: Float64Array,
  keys: Int32Array,
  prices: Float64Array,
  from: number,
  to: number,
  { open, px, qty, cost }: Holdings,
  wallet: number,
): number {
  const { equity, gross, net } = COLUMNS;
  let n = 0;
  for (let i = from; i < to; ) {
    const at = t[i]!;
    for (; i < to && t[i] === at; i++) px[keys[i]!] = prices[i]!;
    let unrealised = 0;
    let grossValue = 0;
    let netValue = 0;
    for (let k = 0; k < open.length; k++) {
      const key = open[k]!;
      const p = px[key]!;
      // No price yet: valued at its cost.
      const value = Number.isNaN(p) ? cost[key]! : qty[key]! * p;
      unrealised += value - cost[key]!;
      grossValue += Math.abs(value);
      netValue += value;
    }
    MOMENTS[n] = at;
    equity[n] = wallet + Math.round(unrealised * MONEY_SCALE);
    gross[n] = Math.round(grossValue * MONEY_SCALE);
    net[n++] = Math.round(netValue * MONEY_SCALE);
  }
  return n;
}

/**
 * Equity = wallet + Σ (quantity × price − cost), followed at every price; the deepest drawdown is exact, the kept points
 * are thinned to bounded memory: of each stretch of time the first, lowest, highest and last equity survive.
 */
export class EquityCurve {
  /** The last equity, money; undefined before the first change. */
  last: number | undefined;
  readonly #start: number;
  #drawdown: DrawdownTracker | undefined;
  readonly #held = new Holdings();
  #wallet: number;
  readonly #equity = new Thinned(LIMIT);
  /** Undefined: nobody asks for the exposure. */
  readonly #gross: Thinned | undefined;
  readonly #net: Thinned | undefined;
  constructor(start: number, exposure = true) {
    this.#start = start;
    this.#wallet = start;
    this.#gross = exposure ? new Thinned(LIMIT) : undefined;
    this.#net = exposure ? new Thinned(LIMIT) : undefined;
  }

  /** The account changed. `wallet` is money; quantity and cost are in units. */
  position(t: number, key: number, qty: number, cost: number, wallet: number): void {
    this.#held.set(key, qty, cost);
    this.#wallet = wallet;
    this.#note(t);
  }
  /** @param last no other price of the same moment follows */
  price(t: number, key: number, px: number, last: boolean): void {
    this.#held.price(key, px);
    if (last && this.#held.open.length > 0) this.#note(t);
  }

  /** Prices [from, to) of whole moments, of any instruments: `price` for each, of which the last one of a moment says so. */
  moments(t: Float64Array, keys: Int32Array, px: Float64Array, from: number, to: number): void {
    if (to <= from) return;
    const held = this.#held;
    for (let i = from; i < to; i++) if (!held.has(keys[i]!)) held.price(keys[i]!, px[i]!);
    if (held.open.length === 0) {
      pricesOf(keys, px, from, to, held.px);
      return;
    }
    this.#drawdown ??= new DrawdownTracker(this.#start, t[from]!);
    const { equity, gross, net } = COLUMNS;
    for (let i = from; i < to; ) {
      const end = endOfMoments(t, i, to, i + AT_ONCE);
      const n = valueMoments(t, keys, px, i, end, held, this.#wallet);
      this.#drawdown.addMany(MOMENTS, equity, 0, n);
      this.#equity.addMany(MOMENTS, equity, 0, n);
      this.#gross?.addMany(MOMENTS, gross, 0, n);
      this.#net?.addMany(MOMENTS, net, 0, n);
      this.last = equity[n - 1]!;
      i = end;
    }
  }

  /** Prices of one instrument, each the only one of its moment: `price` for rows [from, to), with less to do for each. */
  prices(t: Float64Array, key: number, px: Float64Array, from: number, to: number): void {
    if (to <= from) return;
    const held = this.#held;
    if (held.open.length === 0) {
      held.price(key, px[to - 1]!);
      return;
    }
    if (held.open.length !== 1 || held.open[0] !== key) {
      for (let i = from; i < to; i++) this.price(t[i]!, key, px[i]!, true);
      return;
    }
    const qty = held.qty[key]!;
    const cost = held.cost[key]!;
    const wallet = this.#wallet;
    this.#drawdown ??= new DrawdownTracker(this.#start, t[from]!);
    const { equity, gross, net } = COLUMNS;
    for (let i = from; i < to; i += AT_ONCE) {
      const n = Math.min(AT_ONCE, to - i);
      valueAll(px, i, n, qty, cost, wallet);
      this.#drawdown.addMany(t, equity, i, n);
      this.#equity.addMany(t, equity, i, n);
      this.#gross?.addMany(t, gross, i, n);
      this.#net?.addMany(t, net, i, n);
      this.last = equity[n - 1]!;
    }
    held.px[key] = px[to - 1]!;
  }

  equity(): { t_us: number[]; equity: number[] } {
    const s = this.#equity.series();
    return { t_us: s.t, equity: s.v };
  }
  /** By key: last price, quantity and cost, in units. */
  held(): { key: number; px: number; qty: number; cost: number }[] {
    const { px, qty, cost } = this.#held;
    return Array.from(px, (p, key) => ({ key, px: p, qty: qty[key]!, cost: cost[key]! })).filter(
      (h) => !Number.isNaN(h.px),
    );
  }
  get drawdown(): Drawdown | undefined {
    return this.#drawdown?.worst;
  }
  exposure(): { t_us: number[]; gross: number[]; net: number[] } {
    const gross = this.#gross?.series() ?? { t: [], v: [] };
    const net = this.#net?.series() ?? { t: [], v: [] };
    // The two are thinned apart; gross is read at the times of net as the step function that it is.
    let j = 0;
    let value = 0;
    const aligned = net.t.map((t) => {
      while (j < gross.t.length && gross.t[j]! <= t) value = gross.v[j++]!;
      return value;
    });
    return { t_us: net.t, gross: aligned, net: net.v };
  }

  #note(t: number): void {
    let unrealised = 0;
    let gross = 0;
    let net = 0;
    const { open, px, qty, cost } = this.#held;
    for (const key of open) {
      // No price yet: valued at its cost.
      const value = Number.isNaN(px[key]!) ? cost[key]! : qty[key]! * px[key]!;
      unrealised += value - cost[key]!;
      gross += Math.abs(value);
      net += value;
    }
    const equity = this.#wallet + Math.round(unrealised * MONEY_SCALE);
    this.last = equity;
    this.#drawdown ??= new DrawdownTracker(this.#start, t);
    this.#drawdown.add(t, equity);
    this.#equity.add(t, equity);
    this.#gross?.add(t, Math.round(gross * MONEY_SCALE));
    this.#net?.add(t, Math.round(net * MONEY_SCALE));
  }
}

/**
 * A step series in bounded memory: per bucket of time first, lowest, highest and last point; buckets double when full. Typed
 * columns with a count of their own: points come and go a million times, which plain arrays pay for.
 */
class Thinned {
  readonly #limit: number;
  #t = new Float64Array(256);
  #v = new Float64Array(256);
  #n = 0;
  /** Width of a bucket, µs; 0 = everything is kept. */
  #width = 0;
  /** Where the points of the last bucket begin, and which times are in it. */
  #from = 0;
  #bucketStart = Number.POSITIVE_INFINITY;
  #bucketEnd = Number.NEGATIVE_INFINITY;
  constructor(limit: number) {
    this.#limit = limit;
  }
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
    if (this.#n > this.#limit) this.#widen();
  }
  /** `add` for the times t[from], t[from + 1], … and the first n values. */
  addMany(t: Float64Array, v: Float64Array, from: number, n: number): void {
    for (let i = 0; i < n; i++) {
      const thin = this.#width > 0;
      const start = thin ? this.#bucketStart : Number.NEGATIVE_INFINITY;
      const end = thin ? this.#bucketEnd : Number.POSITIVE_INFINITY;
      // Up to here points are just added: no bucket is full, nothing grows.
      const room = Math.min(this.#t.length, this.#limit, thin ? this.#from + MOST_IN_BUCKET + 1 : this.#t.length);
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
    const least = Math.max((span * 8) / this.#limit, this.#width + 1);
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
