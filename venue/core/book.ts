import type { Vec } from '../../graph/schema/index.ts';

/**
 * The recorded book as the venue keeps it: the best levels of the last ladder, best first, and over them the last best
 * bid and ask when that is newer. It is never changed by our own orders; what they took of a level is remembered
 * in `taken` until the recording shows another quantity there.
 */
export interface Book {
  bidPx: Float64Array;
  bidQty: Float64Array;
  askPx: Float64Array;
  askQty: Float64Array;
  nBid: number;
  nAsk: number;
  /** Update id of the ladder and of the best quote; 0 = unknown, then the later arrival is the newer. */
  ladderU: number;
  bestU: number;
  /** The best quote is newer than the ladder. */
  over: boolean;
  bestBidPx: number;
  bestBidQty: number;
  bestAskPx: number;
  bestAskQty: number;
  taken: Taken[];
}
/** What our orders took of one level while the recording showed `seen` there. */
interface Taken {
  /** 1: a bid level, −1: an ask level. */
  side: number;
  px: number;
  qty: number;
  seen: number;
}

export function createBook(levels: number): Book {
  return {
    bidPx: new Float64Array(levels),
    bidQty: new Float64Array(levels),
    askPx: new Float64Array(levels),
    askQty: new Float64Array(levels),
    nBid: 0,
    nAsk: 0,
    ladderU: 0,
    bestU: 0,
    over: false,
    bestBidPx: 0,
    bestBidQty: 0,
    bestAskPx: 0,
    bestAskQty: 0,
    taken: [],
  };
}

/** Takes over a ladder whose best level is last. */
export function applyLadder(b: Book, u: number, bidPx: Vec, bidQty: Vec, askPx: Vec, askQty: Vec): void {
  b.nBid = copy(b.bidPx, b.bidQty, bidPx, bidQty);
  b.nAsk = copy(b.askPx, b.askQty, askPx, askQty);
  b.ladderU = u;
  if (b.over && !(u > 0 && b.bestU > u)) b.over = false;
  if (b.taken.length > 0) refreshTaken(b);
}
function copy(px: Float64Array, qty: Float64Array, fromPx: Vec, fromQty: Vec): number {
  const n = Math.min(px.length, fromPx.length);
  const [dataPx, dataQty] = [fromPx.data, fromQty.data];
  let j = fromPx.end - 1;
  let k = fromQty.end - 1;
  for (let i = 0; i < n; i++) {
    px[i] = dataPx[j--]!;
    qty[i] = dataQty[k--]!;
  }
  return n;
}

/** Takes over a best bid and ask; a side with price or quantity 0 is empty. An older one than the ladder is ignored. */
export function applyBest(b: Book, u: number, bidPx: number, bidQty: number, askPx: number, askQty: number): void {
  if (u > 0 && u <= b.ladderU) return;
  b.bestU = u;
  b.over = true;
  b.bestBidPx = bidPx;
  b.bestBidQty = bidQty;
  b.bestAskPx = askPx;
  b.bestAskQty = askQty;
  if (b.taken.length > 0) refreshTaken(b);
}

/** Best bid (side 1) or ask (−1) in price units; 0 when that side is empty. */
export function bestPx(b: Book, side: number): number {
  if (b.over) return side > 0 ? (b.bestBidQty > 0 ? b.bestBidPx : 0) : b.bestAskQty > 0 ? b.bestAskPx : 0;
  return side > 0 ? (b.nBid > 0 ? b.bidPx[0]! : 0) : b.nAsk > 0 ? b.askPx[0]! : 0;
}

/**
 * The recorded quantity at a price on one side: 0 when the level is empty, −1 when it lies beyond what the recording
 * shows (deeper than the last kept level, or no ladder at all).
 */
export function levelQty(b: Book, side: number, price: number): number {
  scan.from = 0;
  return nextLevelQty(b, side, price);
}
/** Where the last search of a level ended. */
const scan = { from: 0 };
/** As `levelQty`, for a price that is not better than the one asked for last on this side: the search goes on from there. */
export function nextLevelQty(b: Book, side: number, price: number): number {
  if (b.over) {
    const best = bestPx(b, side);
    if (best === 0) return 0;
    const better = (price - best) * side;
    if (better > 0) return 0;
    if (better === 0) return side > 0 ? b.bestBidQty : b.bestAskQty;
  }
  const px = side > 0 ? b.bidPx : b.askPx;
  const n = side > 0 ? b.nBid : b.nAsk;
  for (let i = scan.from; i < n; i++) {
    const d = (px[i]! - price) * side;
    scan.from = i;
    if (d === 0) return (side > 0 ? b.bidQty : b.askQty)[i]!;
    if (d < 0) return 0;
  }
  return -1;
}

/** Result of `takeable`: prices and quantities, best first. Valid until its next call. */
export const levels = { px: new Float64Array(2048), qty: new Float64Array(2048), n: 0, total: 0 };

/**
 * Lists what an order may take of one side (1 bids, −1 asks) at `limit` or better until `want` is reached: recorded
 * quantities less what our orders took of them already. The list is in `levels`. Returns the total, at most `want`.
 */
export function takeable(b: Book, side: number, limit: number, want: number): number {
  const px = side > 0 ? b.bidPx : b.askPx;
  const qty = side > 0 ? b.bidQty : b.askQty;
  const n = side > 0 ? b.nBid : b.nAsk;
  let left = want;
  let m = 0;
  let i = 0;
  if (b.over) {
    const best = bestPx(b, side);
    if (best === 0) {
      i = n;
    } else {
      while (i < n && (px[i]! - best) * side >= 0) i++;
      if ((best - limit) * side >= 0) {
        const q = Math.min(left, free(b, side, best, side > 0 ? b.bestBidQty : b.bestAskQty));
        if (q > 0) {
          levels.px[m] = best;
          levels.qty[m++] = q;
          left -= q;
        }
      }
    }
  }
  for (; i < n && left > 0 && m < levels.px.length; i++) {
    const p = px[i]!;
    if ((p - limit) * side < 0) break;
    const q = Math.min(left, free(b, side, p, qty[i]!));
    if (q <= 0) continue;
    levels.px[m] = p;
    levels.qty[m++] = q;
    left -= q;
  }
  levels.n = m;
  levels.total = want - left;
  return levels.total;
}

/** Remembers that our orders took `qty` of a level. */
export function take(b: Book, side: number, px: number, qty: number): void {
  for (const t of b.taken)
    if (t.px === px && t.side === side) {
      t.qty += qty;
      return;
    }
  b.taken.push({ side, px, qty, seen: levelQty(b, side, px) });
}
function free(b: Book, side: number, px: number, shown: number): number {
  for (const t of b.taken) if (t.px === px && t.side === side) return Math.max(0, shown - t.qty);
  return shown;
}
function refreshTaken(b: Book): void {
  const old = b.taken;
  let n = 0;
  for (let i = 0; i < old.length; i++) {
    const t = old[i]!;
    if (levelQty(b, t.side, t.px) === t.seen) old[n++] = t;
  }
  old.length = n;
}
