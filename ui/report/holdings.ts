import { MONEY_SCALE } from './decimal.ts';

/** What doubles hold to an eighth of a unit. */
const EXACT = 2 ** 50;
/** What is worked on at once. */
export const AT_ONCE = 1024;
export const COLUMNS = {
  equity: new Float64Array(AT_ONCE),
  gross: new Float64Array(AT_ONCE),
  net: new Float64Array(AT_ONCE),
};

/** What an instrument held is worth at a price, with the rest of the account; money. */
export const equityAt = (px: number, qty: number, cost: number, wallet: number): number =>
  wallet + Math.round((0 + (qty * px - cost)) * MONEY_SCALE);

/** Equity at each of n prices, into COLUMNS. A loop on its own, as are others here: V8 compiles these, and not what calls them now and then. */
export function valueAll(px: Float64Array, from: number, n: number, qty: number, cost: number, wallet: number): void {
  const { equity } = COLUMNS;
  for (let j = 0; j < n; j++) equity[j] = equityAt(px[from + j]!, qty, cost, wallet);
}
/** What is held at each of n prices, into COLUMNS. */
export function exposeAll(px: Float64Array, from: number, n: number, qty: number): void {
  const { gross, net } = COLUMNS;
  for (let j = 0; j < n; j++) {
    const value = qty * px[from + j]!;
    gross[j] = Math.round(Math.abs(value) * MONEY_SCALE);
    net[j] = Math.round((0 + value) * MONEY_SCALE);
  }
}

/** What is held of each instrument, in columns by key. */
export class Holdings {
  /** In units, signed. */
  qty = new Float64Array(16);
  /** Price × quantity at entry, signed. */
  cost = new Float64Array(16);
  /** NaN: none yet. */
  px = new Float64Array(16).fill(Number.NaN);
  /** Keys with a quantity, in the order in which they got it. */
  readonly open: number[] = [];

  has(key: number): boolean {
    return key < this.px.length;
  }
  price(key: number, px: number): void {
    this.#reach(key);
    this.px[key] = px;
  }
  /**
   * Whether prices up to `px`, no two of them nearer to each other than `step`, are told apart by what is held of the instrument: they lie more
   * than a unit of money apart then, and doubles have these whole.
   */
  tells(key: number, step: number, px: number): boolean {
    const qty = Math.abs(this.qty[key]!) * MONEY_SCALE;
    return qty * step >= 4 && qty * px < EXACT && Math.abs(this.cost[key]!) * MONEY_SCALE < EXACT;
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
export const MOMENTS = new Float64Array(AT_ONCE);

/** The last end of a moment up to `most`, or of the moment of `from` if that is longer; at most `to`. */
export function endOfMoments(t: Float64Array, from: number, to: number, most: number): number {
  if (to <= most) return to;
  let end = most;
  while (end > from && t[end] === t[end - 1]) end--;
  if (end > from) return end;
  end = most;
  while (end < to && t[end] === t[end - 1]) end++;
  return end;
}
export function pricesOf(keys: Int32Array, px: Float64Array, from: number, to: number, held: Float64Array): void {
  for (let i = from; i < to; i++) held[keys[i]!] = px[i]!;
}
/** What is held at the end of each moment of prices [from, to), into MOMENTS and COLUMNS. @returns how many moments there are */
export function valueMoments(
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
