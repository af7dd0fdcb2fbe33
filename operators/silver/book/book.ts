/**
 * An L2 book as two sorted arrays per side. The **best level is last** on both sides (bids ascend, asks descend): books
 * change near the top, so an insert moves few elements. Plain data without methods, so that a checkpoint can carry it.
 * Prices and quantities are the instrument's integers; a level's quantity is never zero.
 */
export interface BookSide {
  px: Float64Array;
  qty: Float64Array;
  /** Levels in use: [0, n) of both arrays. */
  n: number;
  /** +1: prices ascend (bids); −1: prices descend (asks). */
  readonly dir: 1 | -1;
}
export interface Book {
  readonly bids: BookSide;
  readonly asks: BookSide;
}

/** Anything with numbers at 0…length−1: a `Vec`, or an array (which has `at` too). */
export interface Numbers {
  readonly length: number;
  at(i: number): number | undefined;
}

export function createBook(capacity = 1024): Book {
  return { bids: createSide(1, capacity), asks: createSide(-1, capacity) };
}
const createSide = (dir: 1 | -1, capacity: number): BookSide => ({
  px: new Float64Array(capacity),
  qty: new Float64Array(capacity),
  n: 0,
  dir,
});

/**
 * Index of the first level that is not worse than `px`: where `px` stands, or where it belongs. The search gallops away
 * from `near` before it halves: the levels of a diff are sorted, so the next one is close to the last.
 */
export function lowerBound(side: BookSide, px: number, near = side.n): number {
  const { px: prices, dir, n } = side;
  const key = px * dir;
  let lo: number;
  let hi = near;
  let step = 1;
  if (near < n && prices[near]! * dir < key) {
    lo = near + 1;
    hi = lo;
    while (hi < n && prices[hi]! * dir < key) {
      lo = hi + 1;
      hi += step;
      step <<= 1;
    }
    if (hi > n) hi = n;
  } else {
    while (hi - step >= 0 && prices[hi - step]! * dir >= key) {
      hi -= step;
      step <<= 1;
    }
    lo = hi - step >= 0 ? hi - step + 1 : 0;
  }
  while (lo < hi) {
    const mid = (lo + hi) >>> 1;
    if (prices[mid]! * dir < key) lo = mid + 1;
    else hi = mid;
  }
  return lo;
}

/**
 * Sets the absolute quantity at a price; 0 removes the level, also one that is not there. Returns the index of the
 * change: a good `near` for the next one.
 */
export function setLevel(side: BookSide, px: number, qty: number, near = side.n): number {
  const i = lowerBound(side, px, near);
  if (i < side.n && side.px[i] === px) {
    if (qty === 0) remove(side, i);
    else side.qty[i] = qty;
  } else if (qty !== 0) insert(side, i, px, qty);
  return i;
}
function insert(side: BookSide, i: number, px: number, qty: number): void {
  if (side.n === side.px.length) grow(side);
  const prices = side.px;
  const quantities = side.qty;
  const n = side.n;
  // A call of copyWithin costs more than a few moves by hand.
  if (n - i <= SHORT)
    for (let j = n; j > i; j--) {
      prices[j] = prices[j - 1]!;
      quantities[j] = quantities[j - 1]!;
    }
  else {
    prices.copyWithin(i + 1, i, n);
    quantities.copyWithin(i + 1, i, n);
  }
  prices[i] = px;
  quantities[i] = qty;
  side.n = n + 1;
}
function remove(side: BookSide, i: number): void {
  const prices = side.px;
  const quantities = side.qty;
  const n = side.n - 1;
  if (n - i <= SHORT)
    for (let j = i; j < n; j++) {
      prices[j] = prices[j + 1]!;
      quantities[j] = quantities[j + 1]!;
    }
  else {
    prices.copyWithin(i, i + 1, n + 1);
    quantities.copyWithin(i, i + 1, n + 1);
  }
  side.n = n;
}
const SHORT = 24;

/** New buffers, so that lists handed out before keep what they showed. */
function grow(side: BookSide): void {
  const px = new Float64Array(side.px.length * 2);
  const qty = new Float64Array(side.px.length * 2);
  px.set(side.px);
  qty.set(side.qty);
  side.px = px;
  side.qty = qty;
}

/** Applies absolute quantities; the levels may come in any order. */
export function applyLevels(side: BookSide, px: Numbers, qty: Numbers): void {
  let near = side.n;
  for (let i = 0; i < px.length; i++) near = setLevel(side, px.at(i)!, qty.at(i)!, near);
}
/** As `applyLevels`, from flat numbers: `n` prices at `from`, then `n` quantities. Returns the offset behind them. */
export function applyFlat(side: BookSide, data: Float64Array, from: number, n: number): number {
  let near = side.n;
  for (let i = from; i < from + n; i++) near = setLevel(side, data[i]!, data[i + n]!, near);
  return from + 2 * n;
}

/** Replaces the whole book. Snapshots list the best level first, so reading them backwards only appends. */
export function loadSnapshot(
  book: Book,
  s: { readonly bid_px: Numbers; readonly bid_qty: Numbers; readonly ask_px: Numbers; readonly ask_qty: Numbers },
): void {
  load(book.bids, s.bid_px, s.bid_qty);
  load(book.asks, s.ask_px, s.ask_qty);
}
function load(side: BookSide, px: Numbers, qty: Numbers): void {
  side.n = 0;
  for (let i = px.length - 1; i >= 0; i--) setLevel(side, px.at(i)!, qty.at(i)!);
}

/** Best bid ≥ best ask. A book with an empty side is not crossed. */
export const isCrossed = ({ bids, asks }: Book): boolean =>
  bids.n > 0 && asks.n > 0 && bids.px[bids.n - 1]! >= asks.px[asks.n - 1]!;

/**
 * The price that bounds a band of `bp` basis points around mid = (bid + ask) / 2, bounds included: a bid belongs to it
 * when px ≥ bidBound, an ask when px ≤ askBound. With s = bid + ask, |2·px − s| · 10,000 ≤ bp · s becomes
 * px ≥ ⌈s · (10,000 − bp) / 20,000⌉ and px ≤ ⌊s · (10,000 + bp) / 20,000⌋; s is split, so that no product leaves 2^53.
 * `bp` is an integer.
 */
export function bidBound(bestBid: number, bestAsk: number, bp: number): number {
  const s = bestBid + bestAsk;
  const q = Math.floor(s / 20_000);
  return q * (10_000 - bp) + Math.ceil(((s - q * 20_000) * (10_000 - bp)) / 20_000);
}
export function askBound(bestBid: number, bestAsk: number, bp: number): number {
  const s = bestBid + bestAsk;
  const q = Math.floor(s / 20_000);
  return q * (10_000 + bp) + Math.floor(((s - q * 20_000) * (10_000 + bp)) / 20_000);
}

/** Sum of the quantities from the best level to the bound, included. */
export function depthTo(side: BookSide, bound: number): number {
  const { px, qty, dir } = side;
  const key = bound * dir;
  let sum = 0;
  for (let i = side.n - 1; i >= 0 && px[i]! * dir >= key; i--) sum += qty[i]!;
  return sum;
}
