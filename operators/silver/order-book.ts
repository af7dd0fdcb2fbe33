import { z } from 'zod';
import { type Ctx, defineNode, type Emit, input, output } from '../../graph/node.ts';
import { BookLadder, BookState, Depth, DepthSnapshot, TopOfBook, type Values, Vec } from '../../graph/schema/index.ts';
import { applyFlat, askBound, type Book, bidBound, createBook, depthTo, isCrossed, loadSnapshot } from './book/book.ts';
import { append, createLog, type DiffLog, HEADER } from './book/diff-log.ts';
import { exact } from './exact.ts';
import { BookDepth } from './records.ts';

const ports = {
  in: { depth: input(Depth), snapshot: input(DepthSnapshot) },
  out: {
    top: output(TopOfBook, { many: true, doc: 'best bid and ask, one row for every applied diff' }),
    depth: output(BookDepth, { many: true, doc: 'five levels and the quantity within 10 bp of mid, the same rows' }),
    best: output(TopOfBook, { doc: 'the last row of `top` of this cycle: what features and orders read' }),
    ladder: output(BookLadder, { doc: 'the whole book, best level last, at the same moments as `best`' }),
    state: output(BookState, { doc: 'at each change' }),
  },
};

/** A snapshot that waits to become the base of the book. */
interface Base {
  u: number;
  bid_px: Float64Array;
  bid_qty: Float64Array;
  ask_px: Float64Array;
  ask_qty: Float64Array;
}
interface State {
  book: Book;
  log: DiffLog;
  base: Base | null;
  /** The book is continuous up to `last`; otherwise diffs only wait for a base. */
  live: boolean;
  /** u of the last applied diff. */
  last: number;
  /** Update id of the snapshot on which the book stands. */
  baseU: number;
  /** The state as last told: empty before the first word. */
  told: string;
  /** Changes of state beyond the first of a cycle; each gets a cycle of its own. */
  untold: { state: Told; reason: string }[];
}
type Told = 'live' | 'stale' | 'resync';

/** Timer of the cycles that tell what could not be told at once. */
const TELL = 1;
/** Diffs kept behind a live book, for snapshots that are a little older than it. */
const KEEP_LIVE = 128;

export const orderBook = defineNode({
  type: 'silver.order_book',
  version: 1,
  tier: 'silver',
  summary: 'Order book rebuilt from a snapshot and diffs, by the rules of Binance Spot and USD-M; never a wrong book.',
  doc: `
**Which rule.** A diff with \`pu\` follows the USD-M rule, one without it the Spot rule.

| | Spot | USD-M |
|---|---|---|
| skipped after a snapshot with update id L | u ≤ L | u < L |
| first diff | U ≤ L + 1 ≤ u | U ≤ L ≤ u, or pu ≤ L < U (ids are shared by all symbols: nothing of this book lies between pu and U) |
| each next one | U ≤ previous u + 1 | pu = previous u |

**Order of arrival.** Diffs that come before their snapshot are buffered (the last \`buffer\` of them) and applied when it
comes: \`top\` and \`depth\` carry a row for every applied diff, several in that cycle; \`best\` and \`ladder\` show the last one.
Diffs with u ≤ the last applied u are dropped and counted \`filtered\`.

**State.** \`live\` from the first applied diff on. A break of the chain (lost or reordered diff) gives \`resync\`, a crossed or
locked book \`stale\`; both are silent from that diff on and need a snapshot. A snapshot that is older than every diff kept
gives \`resync\`, too. A book with an empty side is \`stale\` and silent until both sides are back; it needs no snapshot.

**A snapshot while live** is taken over at the next diff: the book becomes the snapshot plus all diffs behind it (128 applied
ones are kept for that), which repeats no row and loses none. While the snapshot is ahead of the diffs (L > last u), the
book goes on as it was until the diff that reaches L; if the chain breaks before, the snapshot is the fresh base.
A snapshot older than what is kept is counted \`filtered\`.

**Sums.** The band of 10 bp around mid = (bid + ask) / 2 is taken exactly in integers, bounds included. A REST snapshot has a
limited number of levels: what stands deeper is unknown until a diff names it.

The lists of \`ladder\` are the book's own buffers: they hold until its next row.`,
  reference: 'Binance API documentation: "How to manage a local order book correctly" (Spot, USD-M futures)',
  config: z.strictObject({
    buffer: z.int().min(1).max(100_000).default(4096).describe('diffs kept while a snapshot is awaited'),
  }),
  ports,
  determinism: 'pure',
  warmup: () => ({ depth: 1, snapshot: 1 }),
  state: (): State => ({
    book: createBook(),
    log: createLog(),
    base: null,
    live: false,
    last: -1,
    baseU: -1,
    told: '',
    untold: [],
  }),
  step(s: State, tick, c, emit, ctx) {
    if (tick.snapshot.ticked && !takeSnapshot(s, tick.snapshot)) ctx.count('filtered');
    if (tick.depth.ticked) append(s.log, tick.depth, s.live ? KEEP_LIVE : c.buffer);
    if (ctx.timer === 0) advance(s, emit, ctx);
    // The port carries one change per cycle; a second one in the same cycle (a gap that a waiting snapshot closes) follows.
    const change = s.untold.shift();
    if (change) emit.state(change);
    if (s.untold.length > 0) ctx.at(ctx.now, TELL);
  },
  examples: [
    {
      title: 'A book per instrument, its imbalance and spread',
      yaml: `chimera: 1
pipeline: book
nodes:
  market:    { type: source.market, with: { symbols: [BTCUSDT] } }
  book:      { type: silver.order_book, in: { depth: market.depth, snapshot: market.depth_snapshot }, each: instrument }
  imbalance: { type: feature.book_imbalance, in: book.ladder, with: { levels: 5 } }
  spread:    { type: feature.spread_bp, in: book.best }
`,
    },
  ],
});

type Out = Emit<typeof ports.out>;

/** Returns false when the snapshot is of no use. */
function takeSnapshot(s: State, snapshot: Values<typeof DepthSnapshot>): boolean {
  if (s.base && snapshot.u < s.base.u) return false;
  if (s.live && snapshot.u < s.last && !covers(s.log, snapshot.u)) return false;
  s.base = {
    u: snapshot.u,
    bid_px: numbers(snapshot.bid_px),
    bid_qty: numbers(snapshot.bid_qty),
    ask_px: numbers(snapshot.ask_px),
    ask_qty: numbers(snapshot.ask_qty),
  };
  return true;
}
const numbers = (v: Vec): Float64Array => v.data.slice(v.start, v.end);

const isUsdm = (data: Float64Array, o: number): boolean => !Number.isNaN(data[o + 3]!);
/** All that the diff says is already in a snapshot with update id L. */
const isBefore = (data: Float64Array, o: number, L: number): boolean =>
  isUsdm(data, o) ? data[o + 2]! < L : data[o + 2]! <= L;
/** A diff that is not before the snapshot continues it without a hole. */
const joins = (data: Float64Array, o: number, L: number): boolean =>
  isUsdm(data, o) ? data[o + 3]! <= L : data[o + 1]! <= L + 1;
/** A diff continues a book whose last applied diff was `last`. */
const follows = (data: Float64Array, o: number, last: number): boolean =>
  isUsdm(data, o) ? data[o + 3] === last : data[o + 1]! <= last + 1;

function firstAfter(log: DiffLog, L: number): number {
  let o = log.head;
  while (o < log.tail && isBefore(log.data, o, L)) o += log.data[o]!;
  return o;
}
function covers(log: DiffLog, L: number): boolean {
  const o = firstAfter(log, L);
  return o < log.tail && joins(log.data, o, L);
}

/** Applies what can be applied: a row each on `top` and `depth`, then the last one on `best` and `ladder`. */
function advance(s: State, emit: Out, ctx: Ctx): void {
  const { log } = s;
  let rows = 0;
  while (log.next < log.tail) {
    const { data } = log;
    const o = log.next;
    if (s.live && data[o + 2]! <= s.last) {
      ctx.count('filtered');
      log.next += data[o]!;
      continue;
    }
    if (s.live && !follows(data, o, s.last)) {
      const usdm = isUsdm(data, o);
      const due = usdm ? s.last : s.last + 1;
      leave(s, 'resync', `gap: ${usdm ? 'pu' : 'U'} ${data[o + (usdm ? 3 : 1)]} where ${due} was due`);
    }
    if (s.base && !isBefore(data, o, s.base.u)) {
      const problem = rebase(s, s.base);
      if (problem !== '') leave(s, 'resync', problem);
    }
    if (s.live) {
      if (applyNext(s, emit)) rows++;
    } else if (s.base) log.next += data[o]!;
    else break;
  }
  if (rows > 0 && s.told === 'live') emitBook(s, emit);
}

/** Applies the next diff. True when it gave a row. */
function applyNext(s: State, emit: Out): boolean {
  const { log, book } = s;
  const u = log.data[log.next + 2]!;
  applyDiff(book, log.data, log.next);
  const { bids, asks } = book;
  if (isCrossed(book)) {
    const locked = bids.px[bids.n - 1] === asks.px[asks.n - 1];
    leave(s, 'stale', `${locked ? 'locked' : 'crossed'} book at u ${u}`);
    return false;
  }
  log.next += log.data[log.next]!;
  s.last = u;
  if (bids.n === 0 || asks.n === 0) {
    tell(s, 'stale', `no ${bids.n === 0 ? 'bids' : 'asks'} at u ${u}`);
    return false;
  }
  tell(s, 'live', `in sync with snapshot ${s.baseU}`);
  emitRow(s, u, emit);
  return true;
}

function applyDiff(book: Book, data: Float64Array, o: number): void {
  const asks = applyFlat(book.bids, data, o + HEADER, data[o + 4]!);
  applyFlat(book.asks, data, asks, data[o + 5]!);
}

/**
 * Makes the book the snapshot plus the kept diffs behind it, up to the next one. Otherwise says why not; a live book
 * does not need a snapshot that is too old, so there that is no problem.
 */
function rebase(s: State, base: Base): string {
  const { log } = s;
  const { data } = log;
  s.base = null;
  let o = firstAfter(log, base.u);
  if (!joins(data, o, base.u))
    return s.live ? '' : `snapshot ${base.u} is older than the diffs kept, from U ${data[o + 1]}`;
  loadSnapshot(s.book, base);
  let last = -1;
  for (; o < log.next; o += data[o]!) {
    if (data[o + 2]! <= last) continue;
    if (last >= 0 && !follows(data, o, last)) break;
    applyDiff(s.book, data, o);
    last = data[o + 2]!;
  }
  if (o < log.next || (last >= 0 && !follows(data, o, last)))
    return `snapshot ${base.u} is older than a gap before u ${data[o + 2]}`;
  s.live = true;
  s.baseU = base.u;
  return '';
}

/** The book is no longer to be trusted: a snapshot is needed. */
function leave(s: State, state: 'stale' | 'resync', reason: string): void {
  s.live = false;
  tell(s, state, reason);
}
function tell(s: State, state: Told, reason: string): void {
  if (s.told === state) return;
  s.told = state;
  s.untold.push({ state, reason });
}

/** Records that every row reuses: `emit` copies their fields. Not state: made afresh after a restore. */
interface Scratch {
  top: Values<typeof TopOfBook>;
  depth: Values<typeof BookDepth>;
  ladder: Values<typeof BookLadder>;
}
const scratches = new WeakMap<State, Scratch>();
function scratchOf(s: State): Scratch {
  let scratch = scratches.get(s);
  if (!scratch) {
    const zero = Object.fromEntries(Object.keys(BookDepth.fields).map((name) => [name, 0]));
    scratch = {
      top: { u: 0, bid_px: 0, bid_qty: 0, ask_px: 0, ask_qty: 0 },
      depth: zero as Values<typeof BookDepth>,
      ladder: { u: 0, bid_px: new Vec(), bid_qty: new Vec(), ask_px: new Vec(), ask_qty: new Vec() },
    };
    scratches.set(s, scratch);
  }
  return scratch;
}

function emitRow(s: State, u: number, emit: Out): void {
  const { bids, asks } = s.book;
  const { top, depth: d } = scratchOf(s);
  const b = bids.n - 1;
  const a = asks.n - 1;
  const bid = bids.px[b]!;
  const ask = asks.px[a]!;
  top.u = u;
  top.bid_px = bid;
  top.bid_qty = bids.qty[b]!;
  top.ask_px = ask;
  top.ask_qty = asks.qty[a]!;
  emit.top(top);

  d.u = u;
  d.bid1_px = bid;
  d.bid1_qty = top.bid_qty;
  d.bid2_px = b >= 1 ? bids.px[b - 1]! : Number.NaN;
  d.bid2_qty = b >= 1 ? bids.qty[b - 1]! : Number.NaN;
  d.bid3_px = b >= 2 ? bids.px[b - 2]! : Number.NaN;
  d.bid3_qty = b >= 2 ? bids.qty[b - 2]! : Number.NaN;
  d.bid4_px = b >= 3 ? bids.px[b - 3]! : Number.NaN;
  d.bid4_qty = b >= 3 ? bids.qty[b - 3]! : Number.NaN;
  d.bid5_px = b >= 4 ? bids.px[b - 4]! : Number.NaN;
  d.bid5_qty = b >= 4 ? bids.qty[b - 4]! : Number.NaN;
  d.ask1_px = ask;
  d.ask1_qty = top.ask_qty;
  d.ask2_px = a >= 1 ? asks.px[a - 1]! : Number.NaN;
  d.ask2_qty = a >= 1 ? asks.qty[a - 1]! : Number.NaN;
  d.ask3_px = a >= 2 ? asks.px[a - 2]! : Number.NaN;
  d.ask3_qty = a >= 2 ? asks.qty[a - 2]! : Number.NaN;
  d.ask4_px = a >= 3 ? asks.px[a - 3]! : Number.NaN;
  d.ask4_qty = a >= 3 ? asks.qty[a - 3]! : Number.NaN;
  d.ask5_px = a >= 4 ? asks.px[a - 4]! : Number.NaN;
  d.ask5_qty = a >= 4 ? asks.qty[a - 4]! : Number.NaN;
  d.bid_10bp_qty = exact(depthTo(bids, bidBound(bid, ask, 10)), 'bid_10bp_qty');
  d.ask_10bp_qty = exact(depthTo(asks, askBound(bid, ask, 10)), 'ask_10bp_qty');
  emit.depth(d);
}

function emitBook(s: State, emit: Out): void {
  const { top, ladder } = scratchOf(s);
  const { bids, asks } = s.book;
  emit.best(top);
  ladder.u = top.u;
  ladder.bid_px.set(bids.px, 0, bids.n);
  ladder.bid_qty.set(bids.qty, 0, bids.n);
  ladder.ask_px.set(asks.px, 0, asks.n);
  ladder.ask_qty.set(asks.qty, 0, asks.n);
  emit.ladder(ladder);
}
